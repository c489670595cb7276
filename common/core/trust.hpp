#pragma once
// Which certificates are trusted where the operator names none. libcurl knows one path, that of the
// distribution it was built on, and the packages carry it to others.

#include <string>

namespace dadvisor {

// The system's bundle (PEM) below `root`: the first that exists of where distributions keep it;
// empty where none does. Looked up each time: an operator may install it while we run.
std::string system_certificates(std::string const& root = "");

}  // namespace dadvisor
