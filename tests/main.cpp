#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#ifdef __SANITIZE_ADDRESS__
// fontconfig keeps what it read of the system's fonts until the process ends.
extern "C" char const* __lsan_default_suppressions() { return "leak:libfontconfig.so\n"; }
#endif
