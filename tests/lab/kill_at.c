// Kills the program that it is preloaded into at a named point: DADVISOR_KILL_AT is
// CALL:PART:COUNT, and the COUNT-th CALL on a path with PART in it is its last. CALL is one of
//
//   write      half of the bytes are written, then SIGKILL
//   sync       SIGKILL in front of fdatasync(2) or fsync(2)
//   synced     SIGKILL behind it
//   rename     SIGKILL in front of rename(2)      renamed   behind it
//   unlink     SIGKILL in front of unlink(2)      unlinked  behind it
//   truncate   SIGKILL in front of ftruncate(2)

#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char call_name[32], part[128];
static atomic_long left = -1;

__attribute__((constructor)) static void read_environment(void) {
  long count = 0;
  char const* given = getenv("DADVISOR_KILL_AT");
  if (given && sscanf(given, "%31[^:]:%127[^:]:%ld", call_name, part, &count) == 3) left = count;
}

static int is_due(char const* call, char const* path) {
  return left > 0 && strcmp(call, call_name) == 0 && strstr(path, part) && --left == 0;
}
static int is_due_on(char const* call, int fd) {
  char link[64], path[512];
  if (left <= 0 || strcmp(call, call_name) != 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t const size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = '\0';
  return is_due(call, path);
}
static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, void const* bytes, size_t size) {
  if (is_due_on("write", fd)) {
    REAL(write)(fd, bytes, size / 2);
    die();
  }
  return REAL(write)(fd, bytes, size);
}
ssize_t pwrite64(int fd, void const* bytes, size_t size, off64_t offset) {
  if (is_due_on("write", fd)) {
    REAL(pwrite64)(fd, bytes, size / 2, offset);
    die();
  }
  return REAL(pwrite64)(fd, bytes, size, offset);
}
int fdatasync(int fd) {
  if (is_due_on("sync", fd)) die();
  int const code = REAL(fdatasync)(fd);
  if (is_due_on("synced", fd)) die();
  return code;
}
int fsync(int fd) {
  if (is_due_on("sync", fd)) die();
  int const code = REAL(fsync)(fd);
  if (is_due_on("synced", fd)) die();
  return code;
}
int rename(char const* from, char const* to) {
  if (is_due("rename", to)) die();
  int const code = REAL(rename)(from, to);
  if (is_due("renamed", to)) die();
  return code;
}
int unlink(char const* path) {
  if (is_due("unlink", path)) die();
  int const code = REAL(unlink)(path);
  if (is_due("unlinked", path)) die();
  return code;
}
int ftruncate64(int fd, off64_t size) {
  if (is_due_on("truncate", fd)) die();
  return REAL(ftruncate64)(fd, size);
}
