/* SPDX-License-Identifier: GPL-2.0-or-later */

/* For LD_PRELOAD: what a program writes to AppArmor's .replace goes to the stand-in for the kernel,
 * kernel.c, and the write returns what it answers. All other calls are passed on, without any call
 * more than they are. A descriptor of .replace is known by the name that it was opened by. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define KERNEL_SOCKET "/run/phoenixd-bench/kernel"
#define EXPORT __attribute__((visibility("default")))
#define DESCRIPTORS 65536

static bool is_replace[DESCRIPTORS];

static bool is_name(const char *path) {
        static const char name[] = ".replace";
        size_t length = path ? strlen(path) : 0;

        return length >= sizeof(name) - 1 && strcmp(path + length - (sizeof(name) - 1), name) == 0;
}

/* close_range(2) may have closed it unseen, and the number be another file's. */
static bool is_still_open(int fd) {
        char link[64], path[256];
        ssize_t n;

        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        if (n <= 0)
                return false;
        path[n] = '\0';
        return is_name(path);
}

static int note(int fd, const char *path) {
        if (fd >= 0 && fd < DESCRIPTORS)
                is_replace[fd] = is_name(path);
        return fd;
}

static mode_t mode_of(int flags, va_list arguments) {
        return flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

/* The real policy/revision can be waited for, and read by anybody who opens it. Here it is a FIFO
 * for the loop, which waits, and beside it a file for the engine, which asks with O_NOCTTY. */
static const char *which(const char *path, int flags, char other[PATH_MAX]) {
        static const char name[] = "/policy/revision";
        size_t length = path ? strlen(path) : 0;

        if (!(flags & O_NOCTTY) || length < sizeof(name) - 1 || length + 8 > PATH_MAX ||
            strcmp(path + length - (sizeof(name) - 1), name) != 0)
                return path;
        (void) snprintf(other, PATH_MAX, "%s-number", path);
        return other;
}

#define OPEN(name)                                                               \
        EXPORT int name(const char *path, int flags, ...) {                      \
                char other[PATH_MAX];                                            \
                static int (*real)(const char *, int, ...);                      \
                va_list arguments;                                               \
                mode_t mode;                                                     \
                                                                                 \
                va_start(arguments, flags);                                      \
                mode = mode_of(flags, arguments);                                \
                va_end(arguments);                                               \
                if (!real)                                                       \
                        *(void **) &real = dlsym(RTLD_NEXT, #name);              \
                return note(real(which(path, flags, other), flags, mode), path); \
        }

#define OPENAT(name)                                                       \
        EXPORT int name(int directory, const char *path, int flags, ...) { \
                static int (*real)(int, const char *, int, ...);           \
                va_list arguments;                                         \
                mode_t mode;                                               \
                                                                           \
                va_start(arguments, flags);                                \
                mode = mode_of(flags, arguments);                          \
                va_end(arguments);                                         \
                if (!real)                                                 \
                        *(void **) &real = dlsym(RTLD_NEXT, #name);        \
                return note(real(directory, path, flags, mode), path);     \
        }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

/* One load: connect, all bytes, their end, the answer. */
static ssize_t hand_over(const char *bytes, size_t size) {
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = KERNEL_SOCKET };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), answer = -EIO;
        size_t done = 0;

        if (fd < 0)
                return -1;
        if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) == 0) {
                while (done < size) {
                        ssize_t n = send(fd, bytes + done, size - done, MSG_NOSIGNAL);

                        if (n <= 0)
                                break;
                        done += (size_t) n;
                }
                if (done < size || shutdown(fd, SHUT_WR) < 0 ||
                    recv(fd, &answer, sizeof(answer), MSG_WAITALL) != sizeof(answer))
                        answer = -EIO;
        }
        (void) close(fd);
        if (answer == 0)
                return (ssize_t) size;
        errno = -answer;
        return -1;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t size) {
        static ssize_t (*real)(int, const void *, size_t);

        if (fd >= 0 && fd < DESCRIPTORS && is_replace[fd] && is_still_open(fd))
                return hand_over(bytes, size);
        if (!real)
                *(void **) &real = dlsym(RTLD_NEXT, "write");
        return real(fd, bytes, size);
}

/* The number may come back as that of a file that was opened in another way. */
EXPORT int close(int fd) {
        static int (*real)(int);

        if (fd >= 0 && fd < DESCRIPTORS)
                is_replace[fd] = false;
        if (!real)
                *(void **) &real = dlsym(RTLD_NEXT, "close");
        return real(fd);
}
