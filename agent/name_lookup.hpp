#pragma once
// How this program finds hosts by name. A fully static glibc would otherwise load the NSS modules
// that the host's nsswitch.conf names, of another glibc than its own, and may crash by it.

namespace dadvisor::agent {

// Only /etc/hosts, then DNS as /etc/resolv.conf says, whatever nsswitch.conf says. To be called
// once, first thing in main, before any name is looked up or thread started.
void look_up_names_without_modules();

}  // namespace dadvisor::agent
