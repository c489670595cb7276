#pragma once
// Message digests by OpenSSL, as chat robots ask for them. Pure; any thread. They throw
// std::runtime_error where OpenSSL is without the algorithm.

#include <string>
#include <string_view>

namespace dadvisor::aggregator::notify {

// RFC 2104 with SHA-256: 32 bytes.
std::string hmac_sha256(std::string_view key, std::string_view message);
// RFC 1321, as 32 lower-case hex digits. No protection of anything: WeCom's checksum of a picture.
std::string md5_hex(std::string_view bytes);

}  // namespace dadvisor::aggregator::notify
