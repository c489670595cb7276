#pragma once
// Deflate (RFC 1951) by ISA-L's igzip: a third of zlib's CPU at its fastest level for the JSON of
// answers, a sixth for pictures, at about the size of that level. Functions: any thread.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace dadvisor::deflate {

// What stands around the deflated bytes: RFC 1950's header and Adler-32, or RFC 1952's and CRC-32.
enum class Wrapper { zlib, gzip };

// Bytes that come piece by piece. One thread.
class Deflater {
 public:
  explicit Deflater(Wrapper wrapper);
  ~Deflater();
  void add(std::string_view piece);
  // All that was added; the last call.
  std::string finish();

 private:
  void run(std::string_view piece, bool last);

  struct Work;
  std::unique_ptr<Work> work_;  // 0.4 MB
  std::string out_;
  std::size_t size_ = 0;  // of out_, what is written
};

// As http::gzip(), for http::ServerOptions::gzip: nullopt when the result would not be smaller.
std::optional<std::string> gzip(std::string_view bytes);

}  // namespace dadvisor::deflate
