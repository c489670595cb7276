#include "common/http/gzip.hpp"

#include <libdeflate.h>

#include <memory>

namespace dadvisor::http {

std::optional<std::string> gzip(std::string_view bytes) {
  constexpr int fastest = 1;
  std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> const compressor(
      libdeflate_alloc_compressor(fastest), libdeflate_free_compressor);
  if (!compressor) return std::nullopt;
  auto const packed = std::make_unique_for_overwrite<char[]>(bytes.size());
  auto const size = libdeflate_gzip_compress(compressor.get(), bytes.data(), bytes.size(),
                                             packed.get(), bytes.size());
  if (size == 0) return std::nullopt;  // there was no room
  return std::string(packed.get(), size);
}

bool accepts_gzip(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    auto const comma = accept_encoding.find(',');
    auto coding = accept_encoding.substr(0, comma);
    accept_encoding =
        comma == std::string_view::npos ? std::string_view() : accept_encoding.substr(comma + 1);
    while (coding.starts_with(' ')) coding.remove_prefix(1);
    if (!coding.starts_with("gzip")) continue;
    auto const quality = coding.find("q=0");
    if (quality == std::string_view::npos) return true;
    // "q=0", "q=0.0", "q=0.000" refuse; "q=0.5" does not.
    return coding.find_first_not_of("0.", quality + 3) != std::string_view::npos;
  }
  return false;
}

}  // namespace dadvisor::http
