// Records what a process writes to the files of a folder, and when it syncs them, into one trace.
//
// Preloaded into the server. Each record: a line of text (kind, file, offset, length, newline) and
// for writes the bytes. A sync is recorded when it has returned: only then is it a promise.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int trace = -2;

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);

__attribute__((constructor)) static void find_real(void) {
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_write = dlsym(RTLD_NEXT, "write");
}

// The name of the file behind the descriptor if it is one that is recorded.
static const char *recorded(int fd, char *buffer) {
  const char *folder = getenv("RECORD_FOLDER");
  if (!folder) return NULL;
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, buffer, PATH_MAX - 1);
  if (length <= 0) return NULL;
  buffer[length] = 0;
  size_t prefix = strlen(folder);
  if (strncmp(buffer, folder, prefix) != 0 || buffer[prefix] != '/') return NULL;
  const char *name = buffer + prefix + 1;
  if (strncmp(name, "data.db", 7) != 0 || strstr(name, "-shm") || strstr(name, ".lock")) return NULL;
  return name;
}

static void note(const char *kind, const char *name, long long offset, size_t length, const void *bytes) {
  if (trace == -2) trace = open(getenv("RECORD_TRACE"), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (trace < 0) return;
  char head[PATH_MAX + 64];
  int head_length = snprintf(head, sizeof head, "%s %s %lld %zu\n", kind, name, offset, length);
  size_t total = head_length + (bytes ? length : 0);
  char *record = malloc(total);
  memcpy(record, head, head_length);
  if (bytes) memcpy(record + head_length, bytes, length);
  if (real_write(trace, record, total) != (ssize_t)total) abort();
  free(record);
}

static ssize_t recorded_pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  char buffer[PATH_MAX];
  const char *name = recorded(fd, buffer);
  if (!name) return real_pwrite(fd, bytes, length, offset);
  pthread_mutex_lock(&lock);
  ssize_t done = real_pwrite(fd, bytes, length, offset);
  if (done > 0) note("write", name, offset, done, bytes);
  pthread_mutex_unlock(&lock);
  return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return recorded_pwrite(fd, bytes, length, offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) { return recorded_pwrite(fd, bytes, length, offset); }

ssize_t write(int fd, const void *bytes, size_t length) {
  char buffer[PATH_MAX];
  const char *name = fd > 2 ? recorded(fd, buffer) : NULL;
  if (!name) return real_write(fd, bytes, length);
  pthread_mutex_lock(&lock);
  off_t offset = lseek(fd, 0, SEEK_CUR);
  ssize_t done = real_write(fd, bytes, length);
  if (done > 0) note("write", name, offset, done, bytes);
  pthread_mutex_unlock(&lock);
  return done;
}

static int recorded_truncate(int fd, off_t length, const char *symbol) {
  int (*real)(int, off_t) = dlsym(RTLD_NEXT, symbol);
  char buffer[PATH_MAX];
  const char *name = recorded(fd, buffer);
  pthread_mutex_lock(&lock);
  int done = real(fd, length);
  if (done == 0 && name) note("truncate", name, length, 0, NULL);
  pthread_mutex_unlock(&lock);
  return done;
}

int ftruncate(int fd, off_t length) { return recorded_truncate(fd, length, "ftruncate"); }
int ftruncate64(int fd, off_t length) { return recorded_truncate(fd, length, "ftruncate64"); }

// A removed file counts as removed at once: SQLite syncs the folder behind it.
int unlink(const char *path) {
  int (*real)(const char *) = dlsym(RTLD_NEXT, "unlink");
  const char *folder = getenv("RECORD_FOLDER");
  const char *slash = strrchr(path, '/');
  pthread_mutex_lock(&lock);
  int done = real(path);
  if (done == 0 && folder && slash && strncmp(path, folder, strlen(folder)) == 0 && strncmp(slash + 1, "data.db", 7) == 0)
    note("unlink", slash + 1, 0, 0, NULL);
  pthread_mutex_unlock(&lock);
  return done;
}

static int recorded_sync(int fd, const char *symbol) {
  int (*real)(int) = dlsym(RTLD_NEXT, symbol);
  char buffer[PATH_MAX];
  const char *name = recorded(fd, buffer);
  // What the sync covers is what was written before it began.
  pthread_mutex_lock(&lock);
  if (name) note("begin", name, 0, 0, NULL);
  pthread_mutex_unlock(&lock);
  int done = real(fd);
  pthread_mutex_lock(&lock);
  if (done == 0 && name) note("sync", name, 0, 0, NULL);
  pthread_mutex_unlock(&lock);
  return done;
}

int fsync(int fd) { return recorded_sync(fd, "fsync"); }
int fdatasync(int fd) { return recorded_sync(fd, "fdatasync"); }
