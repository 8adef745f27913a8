/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Can a socket of this family be made in this way?
 *
 *      phoenixd-sockets WAY FAMILY [TYPE]
 *
 * ends with 0 when it can, and else says the error and ends with 1. Ways are "native"; "wide", the
 * same call with more in the register than the 32 bits that the kernel reads; "pair"; "direct" and
 * "socketcall", which are those of 32-bit programs; and "uring", which makes the ring that could
 * make one. It is linked statically: a container of the tests has no libraries.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SOCKETCALL_SOCKET 1
/* PF_KEY_V2, the one that there is. */
#define KEY_PROTOCOL 2
/* struct io_uring_params is 120 bytes; the header is not everywhere. */
#define RING_PARAMETERS 128

static long native(long number, long first, long second, void *third) {
        long result = syscall(number, first, second, third, NULL);

        return result < 0 ? -errno : result;
}

#ifdef __x86_64__
#define I386_SOCKETCALL 102
#define I386_SOCKET 359

/* The 32-bit entry is open to 64-bit programs, too. */
static long compat(long number, long first, long second, long third) {
        long result;

        __asm__ volatile("int $0x80"
                         : "=a"(result)
                         : "a"(number), "b"(first), "c"(second), "d"(third)
                         : "memory", "r8", "r9", "r10", "r11");
        return (int32_t) result;
}

static long by_socketcall(int family, int type) {
        uint32_t *arguments = mmap(
                        NULL,
                        4096,
                        PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
                        -1,
                        0);

        if (arguments == MAP_FAILED)
                return -errno;
        arguments[0] = (uint32_t) family;
        arguments[1] = (uint32_t) type;
        return compat(I386_SOCKETCALL, SOCKETCALL_SOCKET, (long) (uintptr_t) arguments, 0);
}

static long by_direct(int family, int type) {
        return compat(I386_SOCKET, family, type, 0);
}
#else
static long by_socketcall(int family, int type) {
        (void) family;
        (void) type;
        return -ENOSYS;
}

static long by_direct(int family, int type) {
        return by_socketcall(family, type);
}
#endif

static long by_native(int family, int type) {
        int descriptor = socket(family, type, family == AF_KEY ? KEY_PROTOCOL : 0);

        return descriptor < 0 ? -errno : descriptor;
}

static long by_pair(int family, int type) {
        int pair[2];
        int result = socketpair(family, type, 0, pair);

        return result < 0 ? -errno : result;
}

static long by_uring(void) {
        char parameters[RING_PARAMETERS] = { 0 };

        return native(SYS_io_uring_setup, 4, (long) (uintptr_t) parameters, NULL);
}

static long make(const char *way, int family, int type) {
        if (strcmp(way, "native") == 0)
                return by_native(family, type);
        if (strcmp(way, "wide") == 0)
                return native(SYS_socket,
                              (long) ((uint64_t) family | UINT64_C(1) << 32),
                              type,
                              NULL);
        if (strcmp(way, "pair") == 0)
                return by_pair(family, type);
        if (strcmp(way, "direct") == 0)
                return by_direct(family, type);
        if (strcmp(way, "socketcall") == 0)
                return by_socketcall(family, type);
        if (strcmp(way, "uring") == 0)
                return by_uring();
        return -EINVAL;
}

int main(int argc, char **argv) {
        long result;

        if (argc < 3) {
                fprintf(stderr, "usage: phoenixd-sockets WAY FAMILY [TYPE]\n");
                return 2;
        }
        result = make(argv[1], atoi(argv[2]), argc > 3 ? atoi(argv[3]) : SOCK_STREAM);
        if (result >= 0)
                return 0;
        printf("%s\n", strerror((int) -result));
        return 1;
}
