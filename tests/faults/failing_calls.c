//===- failing_calls.c - makes the n-th call of a libc function fail ------===//
// SPDX-License-Identifier: Apache-2.0
//
// A library for LD_PRELOAD; faults.py builds it and sets what it reads:
//
//   FAIL_CALL     a kind of call: open (for reading), create (for writing), read, write, close (of
//                 what is open for writing), mkdir, rename, unlink, rmdir, alloc, send, recv,
//                 socket, connect, accept, bind, listen, poll, thread
//   FAIL_AT       which call of that kind fails, from 1
//   FAIL_TIMES    how many fail from there on; 0: all of them
//   FAIL_ERRNO    with what, a number
//   FAIL_PATH     only calls on files whose path holds this text are counted
//   FAIL_PROGRAM  only a program of this file name is harmed: children inherit the library
//   FAIL_LOG      a file that gets a line "KIND NUMBER PATH" for each call that failed
//
// What is written to standard error never fails: somebody has to be told. stdio's own calls pass by
// every library, so fopen makes a stream whose callbacks are the functions here.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum state { UNREAD, IDLE, READY };

static struct {
  volatile int state;
  char kind[16], path[256], log[512];
  long at, times;
  int error;
  long seen; // by __atomic
} plan;

// Nothing here may allocate: it is called by malloc.
static void read_plan(void) {
  plan.state = IDLE;
  const char *kind = getenv("FAIL_CALL"), *program = getenv("FAIL_PROGRAM"),
             *path = getenv("FAIL_PATH"), *log = getenv("FAIL_LOG"), *at = getenv("FAIL_AT"),
             *times = getenv("FAIL_TIMES"), *error = getenv("FAIL_ERRNO");
  if (!kind || !at)
    return;
  if (program) {
    char own[512];
    long n = syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", own, sizeof own - 1);
    own[n > 0 ? n : 0] = 0;
    const char *slash = strrchr(own, '/');
    if (strcmp(slash ? slash + 1 : own, program) != 0)
      return;
  }
  strncpy(plan.kind, kind, sizeof plan.kind - 1);
  strncpy(plan.path, path ? path : "", sizeof plan.path - 1);
  strncpy(plan.log, log ? log : "", sizeof plan.log - 1);
  plan.at = atol(at);
  plan.times = times ? atol(times) : 1;
  plan.error = error ? atoi(error) : EIO;
  plan.state = READY;
}

__attribute__((constructor)) static void begin(void) { read_plan(); }

static void note(long number, const char *path) {
  char line[640];
  int fd = plan.log[0] ? (int)syscall(SYS_openat, AT_FDCWD, plan.log,
                                      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)
                       : -1;
  if (fd < 0)
    return;
  int n = snprintf(line, sizeof line, "%s %ld %s\n", plan.kind, number, path);
  syscall(SYS_write, fd, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
  syscall(SYS_close, fd);
}

// Whether this call is one that has to fail; errno is set then.
static bool fails(const char *kind, const char *path) {
  if (plan.state != READY || strcmp(kind, plan.kind) != 0)
    return false;
  if (plan.path[0] && !strstr(path, plan.path))
    return false;
  long number = __atomic_add_fetch(&plan.seen, 1, __ATOMIC_RELAXED);
  if (number < plan.at || (plan.times && number >= plan.at + plan.times))
    return false;
  note(number, path);
  errno = plan.error;
  return true;
}

static bool fails_on(const char *kind, int fd) {
  char link[64], path[512];
  if (plan.state != READY || strcmp(kind, plan.kind) != 0 || fd == 2)
    return false;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  long n = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
  path[n > 0 ? n : 0] = 0;
  return fails(kind, path);
}

#define NEXT(name)                                                                                 \
  static __typeof__(&name) next;                                                                   \
  if (!next)                                                                                       \
  next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

//===- files ---===//

static bool open_fails(const char *path, int flags) {
  return fails((flags & O_ACCMODE) == O_RDONLY ? "open" : "create", path);
}

#define OPEN_BODY(at, path, call)                                                                  \
  mode_t mode = 0;                                                                                 \
  if (flags & (O_CREAT | O_TMPFILE)) {                                                             \
    va_list list;                                                                                  \
    va_start(list, flags);                                                                         \
    mode = va_arg(list, mode_t);                                                                   \
    va_end(list);                                                                                  \
  }                                                                                                \
  if (open_fails(path, flags))                                                                     \
    return -1;                                                                                     \
  return (int)syscall(SYS_openat, at, path, flags, mode)

int open(const char *path, int flags, ...) { OPEN_BODY(AT_FDCWD, path, open); }
int open64(const char *path, int flags, ...) { OPEN_BODY(AT_FDCWD, path, open64); }
int openat(int at, const char *path, int flags, ...) { OPEN_BODY(at, path, openat); }
int openat64(int at, const char *path, int flags, ...) { OPEN_BODY(at, path, openat64); }
int creat(const char *path, mode_t mode) { return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode); }

ssize_t read(int fd, void *to, size_t size) {
  NEXT(read);
  return fails_on("read", fd) ? -1 : next(fd, to, size);
}

ssize_t pread(int fd, void *to, size_t size, off_t at) {
  NEXT(pread);
  return fails_on("read", fd) ? -1 : next(fd, to, size, at);
}

ssize_t pread64(int fd, void *to, size_t size, off64_t at) {
  NEXT(pread64);
  return fails_on("read", fd) ? -1 : next(fd, to, size, at);
}

ssize_t write(int fd, const void *from, size_t size) {
  NEXT(write);
  return fails_on("write", fd) ? -1 : next(fd, from, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  NEXT(writev);
  return fails_on("write", fd) ? -1 : next(fd, parts, count);
}

ssize_t pwrite(int fd, const void *from, size_t size, off_t at) {
  NEXT(pwrite);
  return fails_on("write", fd) ? -1 : next(fd, from, size, at);
}

ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) {
  NEXT(pwrite64);
  return fails_on("write", fd) ? -1 : next(fd, from, size, at);
}

ssize_t sendfile(int to, int from, off_t *at, size_t size) {
  ssize_t (*next)(int, int, off_t *, size_t) =
      (ssize_t(*)(int, int, off_t *, size_t))dlsym(RTLD_NEXT, "sendfile");
  return fails_on("write", to) ? -1 : next(to, from, at, size);
}

// What could not be written out is told by close at the latest; the descriptor is gone all the
// same.
int close(int fd) {
  NEXT(close);
  int flags = plan.state == READY ? fcntl(fd, F_GETFL) : 0;
  bool bad = flags > 0 && (flags & O_ACCMODE) != O_RDONLY && fails_on("close", fd);
  int error = errno, code = next(fd);
  if (bad)
    errno = error;
  return bad ? -1 : code;
}

int mkdir(const char *path, mode_t mode) {
  NEXT(mkdir);
  return fails("mkdir", path) ? -1 : next(path, mode);
}

char *mkdtemp(char *path) {
  NEXT(mkdtemp);
  return fails("mkdir", path) ? NULL : next(path);
}

int rename(const char *from, const char *to) {
  NEXT(rename);
  return fails("rename", to) ? -1 : next(from, to);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
  NEXT(renameat2);
  return fails("rename", to) ? -1 : next(a, from, b, to, flags);
}

int unlink(const char *path) {
  NEXT(unlink);
  return fails("unlink", path) ? -1 : next(path);
}

int unlinkat(int at, const char *path, int flags) {
  NEXT(unlinkat);
  return fails(flags & AT_REMOVEDIR ? "rmdir" : "unlink", path) ? -1 : next(at, path, flags);
}

int rmdir(const char *path) {
  NEXT(rmdir);
  return fails("rmdir", path) ? -1 : next(path);
}

int remove(const char *path) {
  struct stat s;
  if (lstat(path, &s) != 0)
    return -1;
  return S_ISDIR(s.st_mode) ? rmdir(path) : unlink(path);
}

//===- streams ---===//

// The descriptors of the streams made here, for fileno.
static struct {
  FILE *file;
  int fd;
} streams[256];

static ssize_t stream_read(void *fd, char *to, size_t size) {
  return read((int)(ptrdiff_t)fd, to, size);
}

static ssize_t stream_write(void *fd, const char *from, size_t size) {
  ssize_t n = write((int)(ptrdiff_t)fd, from, size);
  return n < 0 ? 0 : n; // 0 is how an error is told here
}

static int stream_seek(void *fd, off64_t *at, int whence) {
  off64_t to = lseek64((int)(ptrdiff_t)fd, *at, whence);
  *at = to;
  return to < 0 ? -1 : 0;
}

static int stream_close(void *fd) { return close((int)(ptrdiff_t)fd); }

FILE *fopen(const char *path, const char *mode) {
  int flags = strchr(mode, '+') ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
  flags |= *mode == 'w' ? O_CREAT | O_TRUNC : *mode == 'a' ? O_CREAT | O_APPEND : 0;
  flags |= strchr(mode, 'x') ? O_EXCL : 0;
  flags |= strchr(mode, 'e') ? O_CLOEXEC : 0;
  int fd = open(path, flags, 0666);
  if (fd < 0)
    return NULL;
  cookie_io_functions_t calls = {stream_read, stream_write, stream_seek, stream_close};
  FILE *file = fopencookie((void *)(ptrdiff_t)fd, mode, calls);
  for (size_t i = 0; file && i < sizeof streams / sizeof *streams; ++i)
    if (!streams[i].file) {
      streams[i].file = file;
      streams[i].fd = fd;
      break;
    }
  return file;
}

FILE *fopen64(const char *path, const char *mode) { return fopen(path, mode); }

int fileno(FILE *file) {
  NEXT(fileno);
  for (size_t i = 0; i < sizeof streams / sizeof *streams; ++i)
    if (file && streams[i].file == file)
      return streams[i].fd;
  return next(file);
}

int fclose(FILE *file) {
  NEXT(fclose);
  for (size_t i = 0; i < sizeof streams / sizeof *streams; ++i)
    if (streams[i].file == file)
      streams[i].file = NULL;
  return next(file);
}

//===- memory ---===//

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) { return fails("alloc", "") ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) {
  return fails("alloc", "") ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  return fails("alloc", "") ? NULL : __libc_realloc(old, size);
}

int posix_memalign(void **to, size_t alignment, size_t size) {
  if (fails("alloc", ""))
    return ENOMEM;
  *to = __libc_memalign(alignment, size);
  return *to ? 0 : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size) {
  return fails("alloc", "") ? NULL : __libc_memalign(alignment, size);
}

//===- sockets ---===//

ssize_t send(int fd, const void *from, size_t size, int flags) {
  NEXT(send);
  return fails_on("send", fd) ? -1 : next(fd, from, size, flags);
}

ssize_t recv(int fd, void *to, size_t size, int flags) {
  NEXT(recv);
  return fails_on("recv", fd) ? -1 : next(fd, to, size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  NEXT(sendmsg);
  return fails_on("send", fd) ? -1 : next(fd, message, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
  NEXT(recvmsg);
  return fails_on("recv", fd) ? -1 : next(fd, message, flags);
}

int socket(int domain, int type, int protocol) {
  NEXT(socket);
  return fails("socket", "") ? -1 : next(domain, type, protocol);
}

int connect(int fd, const struct sockaddr *to, socklen_t size) {
  NEXT(connect);
  return fails("connect", "") ? -1 : next(fd, to, size);
}

int accept(int fd, struct sockaddr *from, socklen_t *size) {
  NEXT(accept);
  return fails("accept", "") ? -1 : next(fd, from, size);
}

int bind(int fd, const struct sockaddr *to, socklen_t size) {
  NEXT(bind);
  return fails("bind", "") ? -1 : next(fd, to, size);
}

int listen(int fd, int backlog) {
  NEXT(listen);
  return fails("listen", "") ? -1 : next(fd, backlog);
}

int poll(struct pollfd *fds, nfds_t count, int timeout) {
  NEXT(poll);
  return fails("poll", "") ? -1 : next(fds, count, timeout);
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask) {
  NEXT(ppoll);
  return fails("poll", "") ? -1 : next(fds, count, timeout, mask);
}

//===- threads ---===//

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*work)(void *),
                   void *argument) {
  NEXT(pthread_create);
  return fails("thread", "") ? plan.error : next(thread, attributes, work, argument);
}
