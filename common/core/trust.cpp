#include "common/core/trust.hpp"

#include <unistd.h>

namespace dadvisor {

std::string system_certificates(std::string const& root) {
  for (char const* path : {"/etc/ssl/certs/ca-certificates.crt",  // Debian, Alpine, Arch
                           "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, RHEL 7+
                           "/etc/pki/tls/certs/ca-bundle.crt",                   // RHEL 6
                           "/etc/ssl/ca-bundle.pem",                             // SUSE
                           "/etc/ssl/cert.pem"}) {                               // OpenSSL's own
    auto const file = root + path;
    if (::access(file.c_str(), R_OK) == 0) return file;
  }
  return {};
}

}  // namespace dadvisor
