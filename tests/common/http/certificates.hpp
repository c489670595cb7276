#pragma once
// An authority and the certificates that it signs, made as PEM files of a directory that goes with
// them: what an operator makes by the openssl command, without a process for each.

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include "common/http/tls.hpp"

namespace dadvisor::test {

class Authority {
 public:
  explicit Authority(std::string name) : name_(std::move(name)) {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("dadvisor-tls." + std::to_string(::getpid()) + "." + std::to_string(++count));
    std::filesystem::create_directory(path_);
    key_.reset(EVP_EC_gen("P-256"));
    certificate_.reset(make(*key_, name_, "", std::chrono::hours(24)));
    write_certificate(file("ca.pem"), *certificate_);
  }
  ~Authority() { std::filesystem::remove_all(path_); }
  Authority(Authority const&) = delete;
  Authority& operator=(Authority const&) = delete;

  std::string file(std::string const& name) const { return (path_ / name).string(); }
  std::string certificate() const { return file("ca.pem"); }

  // NAME.pem and NAME.key for the subjectAltName `names` ("DNS:a,IP:127.0.0.1"; empty: none), good
  // for `valid` from an hour ago on; `authorities` empty.
  http::TlsFiles sign(std::string const& name, std::string const& names,
                      std::chrono::seconds valid = std::chrono::hours(24)) {
    std::unique_ptr<EVP_PKEY, Free> const key(EVP_EC_gen("P-256"));
    std::unique_ptr<X509, Free> const made(make(*key, name, names, valid));
    http::TlsFiles files{file(name + ".pem"), file(name + ".key"), ""};
    write_certificate(files.certificate, *made);
    auto* const out = std::fopen(files.key.c_str(), "w");
    ::fchmod(::fileno(out), 0600);
    PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
    return files;
  }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
  };

  // `names` of an authority: none; it is signed by itself.
  X509* make(EVP_PKEY& key, std::string const& name, std::string const& names,
             std::chrono::seconds valid) {
    auto* const made = X509_new();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), static_cast<long>(valid.count()) - 3600);
    X509_set_pubkey(made, &key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                               reinterpret_cast<unsigned char const*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(made, certificate_ ? X509_get_subject_name(certificate_.get())
                                            : X509_get_subject_name(made));
    if (!certificate_) extend(*made, NID_basic_constraints, "critical,CA:TRUE");
    if (!names.empty()) extend(*made, NID_subject_alt_name, names);
    if (X509_sign(made, key_.get(), EVP_sha256()) == 0) throw std::runtime_error("not signed");
    return made;
  }
  static void extend(X509& certificate, int what, std::string const& text) {
    auto* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, text.c_str());
    if (extension == nullptr) throw std::runtime_error("no extension: " + text);
    X509_add_ext(&certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  static void write_certificate(std::string const& path, X509& certificate) {
    auto* const out = std::fopen(path.c_str(), "w");
    PEM_write_X509(out, &certificate);
    std::fclose(out);
  }

  std::string name_;
  std::filesystem::path path_;
  std::unique_ptr<EVP_PKEY, Free> key_;
  std::unique_ptr<X509, Free> certificate_;
  long serial_ = 0;
};

}  // namespace dadvisor::test
