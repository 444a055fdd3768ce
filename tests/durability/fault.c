// Makes calls on the database's files fail as a plan says: a full disk, a failing one, a read-only one;
// or the system's source of randomness.
//
// Preloaded into the server. The plan is a file of one line: which calls (`write`, `sync`, `open`
// for writing, `random`) and the error's number. Without the file everything succeeds.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

// The error's number if this call is to fail, else 0.
static int planned(const char *call) {
  static int (*real_open)(const char *, int, ...);
  if (!real_open) real_open = dlsym(RTLD_NEXT, "open");
  const char *plan = getenv("FAULT_PLAN");
  if (!plan) return 0;
  int kept = errno;
  int fd = real_open(plan, O_RDONLY);
  char line[64];
  ssize_t length = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
  if (fd >= 0) close(fd);
  errno = kept;
  if (length <= 0) return 0;
  line[length] = 0;
  char wanted[16];
  int number = 0;
  return sscanf(line, "%15s %d", wanted, &number) == 2 && strcmp(wanted, call) == 0 ? number : 0;
}

static int is_ours(const char *path) {
  const char *folder = getenv("FAULT_FOLDER");
  return folder && strncmp(path, folder, strlen(folder)) == 0 && !strstr(path, "-shm");
}

static int file_is_ours(int fd) {
  if (fd <= 2) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return is_ours(path);
}

#define FAIL(call, fd)                                        \
  do {                                                        \
    int number = file_is_ours(fd) ? planned(call) : 0;        \
    if (number) {                                             \
      errno = number;                                         \
      return -1;                                              \
    }                                                         \
  } while (0)

#define PASS(result, name, types, ...)                        \
  do {                                                        \
    static result(*real) types;                               \
    if (!real) real = dlsym(RTLD_NEXT, name);                 \
    return real(__VA_ARGS__);                                 \
  } while (0)

ssize_t write(int fd, const void *bytes, size_t length) { FAIL("write", fd); PASS(ssize_t, "write", (int, const void *, size_t), fd, bytes, length); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { FAIL("write", fd); PASS(ssize_t, "pwrite", (int, const void *, size_t, off_t), fd, bytes, length, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) { FAIL("write", fd); PASS(ssize_t, "pwrite64", (int, const void *, size_t, off_t), fd, bytes, length, at); }
int fsync(int fd) { FAIL("sync", fd); PASS(int, "fsync", (int), fd); }
int fdatasync(int fd) { FAIL("sync", fd); PASS(int, "fdatasync", (int), fd); }

static int opened(const char *name, const char *path, int flags, mode_t mode) {
  int number = (flags & (O_WRONLY | O_RDWR | O_CREAT)) && is_ours(path) ? planned("open") : 0;
  if (strcmp(path, "/dev/urandom") == 0 || strcmp(path, "/dev/random") == 0) number = planned("random");
  if (number) {
    errno = number;
    return -1;
  }
  int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, name);
  return real(path, flags, mode);
}

#define MODE(flags)                                           \
  mode_t mode = 0;                                            \
  if (flags & (O_CREAT | O_TMPFILE)) {                        \
    va_list rest;                                             \
    va_start(rest, flags);                                    \
    mode = va_arg(rest, mode_t);                              \
    va_end(rest);                                             \
  }

int open(const char *path, int flags, ...) { MODE(flags) return opened("open", path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened("open64", path, flags, mode); }

ssize_t getrandom(void *bytes, size_t length, unsigned flags) {
  int number = planned("random");
  if (number) {
    errno = number;
    return -1;
  }
  PASS(ssize_t, "getrandom", (void *, size_t, unsigned), bytes, length, flags);
}
