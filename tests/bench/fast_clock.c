// fast_clock.so, preloaded: the wall clock of a program runs DADVISOR_CLOCK_SPEED times as fast from
// its start on, and begins at DADVISOR_CLOCK_BEGIN (unix seconds) rather than now; every other clock
// is as it is. Unlike libfaketime it allocates nothing, so it can stand beside an allocator that asks
// for the time before main.

#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double speed = 1;
static long long begin;  // ns since 1970; 0: not begun
static long long shown;  // at begin

static long long real_time(void) {
  struct timespec now;
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

__attribute__((constructor)) static void start(void) {
  const char* wanted = getenv("DADVISOR_CLOCK_SPEED");
  if (wanted != NULL) speed = atof(wanted);
  begin = shown = real_time();
  wanted = getenv("DADVISOR_CLOCK_BEGIN");
  if (wanted != NULL) shown = atoll(wanted) * 1000000000LL;
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  if (clock != CLOCK_REALTIME || begin == 0)
    return (int)syscall(SYS_clock_gettime, clock, now);
  long long const time = shown + (long long)((double)(real_time() - begin) * speed);
  now->tv_sec = time / 1000000000;
  now->tv_nsec = time % 1000000000;
  return 0;
}
