#pragma once
// What the resolver denies itself once it runs: whoever takes it over through an answer of a
// runtime must not find more than the sockets that it has to ask. Linux: seccomp(2), since 3.5.

#include "common/core/result.hpp"

namespace dadvisor::agent {

// From now on this process and its threads can: read and write what is open, open files for
// reading, connect and accept unix sockets. Anything else, such as other sockets, programs, files
// to write, other processes' memory, fails with EPERM; system calls of another machine kind end
// the process. Cannot be taken back. unsupported: this kernel has no such filters.
Result<void> confine();

}  // namespace dadvisor::agent
