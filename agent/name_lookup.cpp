#include "agent/name_lookup.hpp"

#include <nss.h>

namespace dadvisor::agent {

void look_up_names_without_modules() {
  // These services are part of libc itself since glibc 2.34, and known databases are never refused.
  ::__nss_configure_lookup("hosts", "files dns");
  // Linked in with libcgroup, though nothing of ours asks.
  ::__nss_configure_lookup("passwd", "files");
  ::__nss_configure_lookup("group", "files");
}

}  // namespace dadvisor::agent
