#include "aggregator/ingest/host_tokens.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "common/core/fd.hpp"

namespace dadvisor::aggregator::ingest {

namespace {

constexpr std::size_t most_bytes = 64 << 20;

std::string hex_of(std::span<unsigned char const> bytes) {
  std::string text;
  for (auto const byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::optional<TokenHash> parse_hash(std::string_view text) {
  TokenHash hash{};
  if (text.size() != 2 * hash.size()) return std::nullopt;
  auto const digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  for (std::size_t i = 0; i < hash.size(); ++i) {
    int const high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    hash[i] = static_cast<unsigned char>(16 * high + low);
  }
  return hash;
}

std::uint64_t key_of(TokenHash const& hash) {
  std::uint64_t key = 0;
  std::memcpy(&key, hash.data(), sizeof key);
  return key;
}

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 255 && host.front() != '#' &&
         std::ranges::none_of(
             host, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; });
}

}  // namespace

TokenHash hash_of(std::string_view token) {
  TokenHash hash{};
  EVP_Digest(token.data(), token.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
  return hash;
}

Result<NewToken> make_host_token(std::string_view host) {
  if (!is_host(host))
    return Error{Errc::malformed, 0,
                 "'" + printable(host, 100) +
                     "' is no host: write the agent's agent_id, without blanks, 1 to 255 bytes"};
  std::array<unsigned char, 32> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1)
    return Error{Errc::io, 0, "the system gives no random bytes"};
  NewToken made;
  made.token = hex_of(random);
  made.line = fmt::format("{} {}", host, hex_of(hash_of(made.token)));
  return made;
}

Result<HostTokens::Table> HostTokens::load(std::string const& path) {
  auto const file = open_file(path, O_RDONLY);
  if (!file) return file.error();
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) return os_error(errno, path);
  if ((status.st_mode & (S_IWGRP | S_IRWXO)) != 0)
    return Error{Errc::denied, 0, path + ": others may write it, or all may read it; chmod 640 it"};
  auto const text = read_file(path, most_bytes);
  if (!text) return text.error();
  Table table;
  std::size_t number = 0;
  for (std::string_view rest = *text; !rest.empty();) {
    ++number;
    auto const end = std::min(rest.find('\n'), rest.size());
    auto line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    auto const blank = std::min(line.find(' '), line.size());
    auto const hash = parse_hash(line.substr(std::min(blank + 1, line.size())));
    if (!hash || !is_host(line.substr(0, blank)))
      return Error{Errc::malformed, 0,
                   fmt::format("{}:{}: no 'HOST SHA256'; `dadvisor token HOST` prints such a line",
                               path, number)};
    table.emplace(key_of(*hash), Entry{*hash, std::string(line.substr(0, blank))});
  }
  return table;
}

Result<std::unique_ptr<HostTokens>> HostTokens::open(std::string path, Log log) {
  std::unique_ptr<HostTokens> made(new HostTokens(std::move(path), std::move(log)));
  auto table = load(made->path_);
  if (!table) return table.error();
  made->table_ = std::move(*table);
  return made;
}

void HostTokens::look(MonotonicTime now) {
  if (!file_.changed(now)) return;
  auto table = load(path_);
  if (!table) {
    ++counts_.refused_reloads;
    log_.error("tokens of hosts stay as they were: {}", to_string(table.error()));
    return;
  }
  table_ = std::move(*table);
  ++counts_.reloads;
  log_.info("{} tokens of hosts are loaded again", table_.size());
}

std::optional<std::string> HostTokens::host_of(std::string_view token) const {
  auto const hash = hash_of(token);
  auto const [first, last] = table_.equal_range(key_of(hash));
  for (auto at = first; at != last; ++at)
    if (CRYPTO_memcmp(at->second.hash.data(), hash.data(), hash.size()) == 0)
      return at->second.host;
  return std::nullopt;
}

HostTokenCounts HostTokens::counts() const {
  auto counts = counts_;
  counts.tokens = table_.size();
  return counts;
}

}  // namespace dadvisor::aggregator::ingest
