#include "common/core/trust.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace dadvisor;
namespace fs = std::filesystem;

TEST_CASE("the system's certificates are found where this distribution keeps them", "[trust]") {
  auto const root = fs::temp_directory_path() / ("dadvisor-trust." + std::to_string(::getpid()));
  auto const put = [&](char const* path) {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << "-----BEGIN CERTIFICATE-----\n";
  };
  CHECK(system_certificates(root).empty());
  put("etc/ssl/ca-bundle.pem");
  CHECK(system_certificates(root) == root / "etc/ssl/ca-bundle.pem");
  put("etc/pki/tls/certs/ca-bundle.crt");
  CHECK(system_certificates(root) == root / "etc/pki/tls/certs/ca-bundle.crt");
  put("etc/ssl/certs/ca-certificates.crt");
  CHECK(system_certificates(root) == root / "etc/ssl/certs/ca-certificates.crt");
  fs::remove_all(root);
}
