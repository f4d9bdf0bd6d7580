/* A disk that fails, for LD_PRELOAD: the n-th call of this process that changes files in a folder ends the process, in
 * the middle of what it writes, or fails with an error. Until `faults_at` is called, nothing happens. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define CRASHED 99
#define ALL -1
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static char folder[PATH_MAX];
static long number = 0, seen = 0;
static int failure = 0, report = -1;

/* Fail at a call with an error, or die if it is 0; the kind of the call is written to a file descriptor, a line. Where
 * `at` is ALL, those of all calls are, and nothing fails. */
void faults_at(const char *place, long at, int error, int fd) {
    snprintf(folder, sizeof folder, "%s/", place);
    seen = 0, failure = error, report = fd, number = at;
}

static int in_folder(const char *path) { return !strncmp(path, folder, strlen(folder)); }

static int fd_is_inside(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return in_folder(path);
}

static int is_inside(int dir, const char *path) {
    char whole[PATH_MAX];
    if (!number || !path) return 0;
    if (path[0] == '/') return in_folder(path);
    if (dir != AT_FDCWD) return fd_is_inside(dir);
    if (!getcwd(whole, sizeof whole)) return 0;
    return strlen(whole) + 1 >= strlen(folder) - 1 && !strncmp(whole, folder, strlen(folder) - 1);
}

/* Whether this call is to fail; it ends the process if that is asked for. */
static int strikes(const char *kind, int inside) {
    if (!inside || (++seen != number && number != ALL)) return 0;
    (void)!REAL(write)(report, kind, strlen(kind));
    if (number == ALL) return 0;
    if (!failure) _exit(CRASHED);
    errno = failure;
    return 1;
}

#define CHANGE(name, kind, inside, parameters, arguments) \
    int name parameters { return strikes(kind, inside) ? -1 : REAL(name) arguments; }

CHANGE(rename, "rename\n", is_inside(AT_FDCWD, a), (const char *a, const char *b), (a, b))
CHANGE(renameat, "rename\n", is_inside(x, a), (int x, const char *a, int y, const char *b), (x, a, y, b))
CHANGE(unlink, "other change\n", is_inside(AT_FDCWD, a), (const char *a), (a))
CHANGE(unlinkat, "other change\n", is_inside(x, a), (int x, const char *a, int flags), (x, a, flags))
CHANGE(rmdir, "other change\n", is_inside(AT_FDCWD, a), (const char *a), (a))
CHANGE(mkdir, "other change\n", is_inside(AT_FDCWD, a), (const char *a, mode_t mode), (a, mode))
CHANGE(mkdirat, "other change\n", is_inside(x, a), (int x, const char *a, mode_t mode), (x, a, mode))
CHANGE(link, "other change\n", is_inside(AT_FDCWD, a), (const char *a, const char *b), (a, b))
CHANGE(linkat, "other change\n", is_inside(x, a), (int x, const char *a, int y, const char *b, int f), (x, a, y, b, f))
CHANGE(fsync, "flush\n", number && fd_is_inside(fd), (int fd), (fd))
CHANGE(fdatasync, "flush\n", number && fd_is_inside(fd), (int fd), (fd))
CHANGE(ftruncate, "write\n", number && fd_is_inside(fd), (int fd, off_t size), (fd, size))

ssize_t write(int fd, const void *data, size_t size) {
    if (number && seen + 1 == number && !failure && fd_is_inside(fd)) (void)!REAL(write)(fd, data, size / 2);
    return strikes("write\n", number && fd_is_inside(fd)) ? -1 : REAL(write)(fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    return strikes("write\n", number && fd_is_inside(fd)) ? -1 : REAL(writev)(fd, parts, count);
}

static int opens(int dir, const char *path, int flags) {
    return strikes("opening to write\n", (flags & (O_WRONLY | O_RDWR | O_CREAT)) && is_inside(dir, path));
}

#define OPEN(name, dir, parameters, ...) \
    int name parameters { \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = (flags & O_CREAT) ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        return opens(dir, path, flags) ? -1 : REAL(name)(__VA_ARGS__, flags, mode); \
    }

OPEN(open, AT_FDCWD, (const char *path, int flags, ...), path)
OPEN(open64, AT_FDCWD, (const char *path, int flags, ...), path)
OPEN(openat, x, (int x, const char *path, int flags, ...), x, path)
OPEN(openat64, x, (int x, const char *path, int flags, ...), x, path)
