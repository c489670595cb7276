// load: makes known amounts of CPU, memory, disk and network use, so that
// dAdvisor's tests can compare the agent's figures with what really happened.
// Each verb prints one line "NAME=VALUE ..." with the true amounts.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB (1024L * 1024L)

static void die(const char *what) { perror(what); exit(1); }

static double now(clockid_t c) {
  struct timespec t;
  clock_gettime(c, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void nap(double s) {
  if (s <= 0) return;
  struct timespec t = {(time_t)s, (long)((s - (double)(time_t)s) * 1e9)};
  nanosleep(&t, NULL);
}

// Uses `share` (0..1] of one core until `until`, in 20 ms steps.
static void burn(double share, double until) {
  double t0 = now(CLOCK_MONOTONIC), c0 = now(CLOCK_PROCESS_CPUTIME_ID), t;
  volatile unsigned long x = 1;
  while ((t = now(CLOCK_MONOTONIC)) < until) {
    double owed = (t - t0 + 0.02) * share - (now(CLOCK_PROCESS_CPUTIME_ID) - c0);
    double stop = now(CLOCK_PROCESS_CPUTIME_ID) + owed;
    while (now(CLOCK_PROCESS_CPUTIME_ID) < stop && now(CLOCK_MONOTONIC) < until)
      for (int i = 0; i < 2000; i++) x = x * 6364136223846793005UL + 1;
    double end = t + 0.02;
    nap((end < until ? end : until) - now(CLOCK_MONOTONIC));
  }
}

static int cpu(long millicores, double seconds) {
  double until = now(CLOCK_MONOTONIC) + seconds;
  while (millicores > 0) {
    long part = millicores > 1000 ? 1000 : millicores;
    millicores -= part;
    pid_t p = fork();
    if (p < 0) die("fork");
    if (p == 0) { burn((double)part / 1000, until); _exit(0); }
  }
  while (wait(NULL) > 0) {}
  struct rusage u;
  getrusage(RUSAGE_CHILDREN, &u);
  printf("cpu_usec=%ld\n", (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000L +
                               u.ru_utime.tv_usec + u.ru_stime.tv_usec);
  return 0;
}

// Uses exactly that much CPU time, as fast as it gets it.
static int spend(double cpu_seconds) {
  volatile unsigned long x = 1;
  while (now(CLOCK_PROCESS_CPUTIME_ID) < cpu_seconds)
    for (int i = 0; i < 2000; i++) x = x * 6364136223846793005UL + 1;
  printf("cpu_usec=%ld\n", (long)(now(CLOCK_PROCESS_CPUTIME_ID) * 1e6));
  return 0;
}

static int mem(long mib, double seconds) {
  char *p = mmap(NULL, (size_t)(mib * MIB), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) die("mmap");
  for (long i = 0; i < mib * MIB; i += 4096) p[i] = 1;
  printf("anon_bytes=%ld\n", mib * MIB);
  fflush(stdout);
  nap(seconds);
  return p[0] - 1;
}

// Uses that much CPU time, nearly all of it in the kernel.
static int sysburn(double cpu_seconds) {
  static char buf[65536];
  int fd = open("/dev/zero", O_RDONLY);
  if (fd < 0) die("/dev/zero");
  while (now(CLOCK_PROCESS_CPUTIME_ID) < cpu_seconds)
    if (read(fd, buf, sizeof buf) < 0) die("read");
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  printf("user_usec=%ld system_usec=%ld\n", u.ru_utime.tv_sec * 1000000L + u.ru_utime.tv_usec,
         u.ru_stime.tv_sec * 1000000L + u.ru_stime.tv_usec);
  return 0;
}

// One process after the other, each of which uses that much CPU time and is gone.
static int forks(long count, double cpu_seconds) {
  for (long i = 0; i < count; i++) {
    pid_t p = fork();
    if (p < 0) die("fork");
    if (p == 0) {
      volatile unsigned long x = 1;
      while (now(CLOCK_PROCESS_CPUTIME_ID) < cpu_seconds) x = x * 6364136223846793005UL + 1;
      _exit(0);
    }
    if (waitpid(p, NULL, 0) != p) die("waitpid");
  }
  struct rusage u;
  getrusage(RUSAGE_CHILDREN, &u);
  printf("cpu_usec=%ld\n", (long)(now(CLOCK_PROCESS_CPUTIME_ID) * 1e6) +
                               (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000L +
                               u.ru_utime.tv_usec + u.ru_stime.tv_usec);
  return 0;
}

// So many processes that wait, of which some may be refused; they end together.
static int procs(long count, double seconds) {
  long made = 0, refused = 0;
  for (long i = 0; i < count; i++) {
    pid_t p = fork();
    if (p == 0) { nap(seconds); _exit(0); }
    if (p > 0) made++;
    else if (errno == EAGAIN) refused++;
    else die("fork");
  }
  printf("made=%ld refused=%ld\n", made, refused);
  while (wait(NULL) > 0) {}
  return 0;
}

// Writes a file through the page cache and syncs it; it stays.
static int put(long mib, const char *path) {
  static char buf[1024 * 1024];
  int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
  if (fd < 0) die(path);
  memset(buf, 'p', sizeof buf);
  for (long i = 0; i < mib; i++)
    if (write(fd, buf, sizeof buf) != (ssize_t)sizeof buf) die("write");
  if (fsync(fd) < 0) die("fsync");
  close(fd);
  printf("written_bytes=%ld\n", mib * MIB);
  return 0;
}

// Maps a file and touches each of its pages.
static int map(const char *path, double seconds) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) die(path);
  long size = lseek(fd, 0, SEEK_END), sum = 0;
  volatile char *p = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED) die("mmap");
  for (long i = 0; i < size; i += 4096) sum += p[i];
  printf("mapped_bytes=%ld\n", size);
  nap(seconds);
  return sum == 0;
}

static int disk(long mib, const char *path) {
  static char buf[1024 * 1024] __attribute__((aligned(4096)));
  int direct = 1, fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_DIRECT, 0600);
  if (fd < 0) { direct = 0; fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600); }
  if (fd < 0) die(path);
  memset(buf, 'd', sizeof buf);
  for (long i = 0; i < mib; i++)
    if (write(fd, buf, sizeof buf) != (ssize_t)sizeof buf) die("write");
  if (fsync(fd) < 0) die("fsync");
  close(fd);
  fd = open(path, direct ? O_RDONLY | O_DIRECT : O_RDONLY);
  if (fd < 0) die(path);
  long got = 0;
  for (ssize_t n; (n = read(fd, buf, sizeof buf)) != 0; got += n)
    if (n < 0) die("read");
  close(fd);
  unlink(path);
  printf("written_bytes=%ld read_bytes=%ld direct=%d\n", mib * MIB, got, direct);
  return 0;
}

static int tx(const char *host, int port, long mib) {
  static char buf[65536];
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  if (inet_pton(AF_INET, host, &a.sin_addr) != 1) { fprintf(stderr, "HOST must be an IPv4 address\n"); return 2; }
  int s = -1;
  for (int i = 0; i < 100; i++) {  // the receiver may still be starting
    s = socket(AF_INET, SOCK_STREAM, 0);
    if (s < 0) die("socket");
    if (connect(s, (struct sockaddr *)&a, sizeof a) == 0) break;
    if (i == 99 || errno != ECONNREFUSED) die("connect");
    close(s);
    nap(0.1);
  }
  long left = mib * MIB;
  while (left > 0) {
    ssize_t n = send(s, buf, left < (long)sizeof buf ? (size_t)left : sizeof buf, MSG_NOSIGNAL);
    if (n < 0) die("send");
    left -= n;
  }
  shutdown(s, SHUT_WR);
  while (read(s, buf, sizeof buf) > 0) {}
  printf("payload_sent_bytes=%ld\n", mib * MIB);
  return 0;
}

static int rx(int port) {
  static char buf[65536];
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  int one = 1, l = socket(AF_INET, SOCK_STREAM, 0);
  if (l < 0) die("socket");
  setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(l, (struct sockaddr *)&a, sizeof a) < 0 || listen(l, 1) < 0) die("bind");
  int s = accept(l, NULL, NULL);
  if (s < 0) die("accept");
  long got = 0;
  for (ssize_t n; (n = read(s, buf, sizeof buf)) > 0;) got += n;
  printf("payload_received_bytes=%ld\n", got);
  return 0;
}

int main(int argc, char **argv) {
  const char *v = argc > 1 ? argv[1] : "";
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (!strcmp(v, "cpu") && argc == 4) return cpu(atol(argv[2]), atof(argv[3]));
  if (!strcmp(v, "spend") && argc == 3) return spend(atof(argv[2]));
  if (!strcmp(v, "sysburn") && argc == 3) return sysburn(atof(argv[2]));
  if (!strcmp(v, "forks") && argc == 4) return forks(atol(argv[2]), atof(argv[3]));
  if (!strcmp(v, "procs") && argc == 4) return procs(atol(argv[2]), atof(argv[3]));
  if (!strcmp(v, "put") && argc == 4) return put(atol(argv[2]), argv[3]);
  if (!strcmp(v, "map") && argc == 4) return map(argv[2], atof(argv[3]));
  if (!strcmp(v, "mem") && argc == 4) return mem(atol(argv[2]), atof(argv[3]));
  if (!strcmp(v, "disk") && (argc == 3 || argc == 4)) return disk(atol(argv[2]), argc == 4 ? argv[3] : "load.dat");
  if (!strcmp(v, "tx") && argc == 5) return tx(argv[2], atoi(argv[3]), atol(argv[4]));
  if (!strcmp(v, "rx") && argc == 3) return rx(atoi(argv[2]));
  fprintf(stderr,
          "usage: load cpu MILLICORES SECONDS | spend CPU_SECONDS | sysburn CPU_SECONDS |\n"
          "            forks COUNT CPU_SECONDS | procs COUNT SECONDS | mem MIB SECONDS |\n"
          "            disk MIB [FILE] | put MIB FILE | map FILE SECONDS | tx IPV4 PORT MIB | rx PORT\n");
  return 2;
}
