/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Whose a listening socket of the Unix domain is, without connecting to it. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

struct phx_socket_owner {
        struct sockaddr_un address;
        socklen_t size;
        size_t index; /* the caller's */
        int code;     /* 0: UID is known; -ENOENT: nothing listens there */
        uid_t uid;    /* who made the socket */
};

/* All sockets of the Unix domain that have a name and listen for streams, sorted, for
 * phx_socket_listens(); the caller's to free. A negative errno when the kernel does not tell. One
 * that listens all the while may be left out when others come and go meanwhile. */
int phx_socket_owners_list(struct phx_socket_owner **ret_owners, size_t *ret_count);
/* Whether ADDRESS, of SIZE bytes, is among them. */
bool phx_socket_listens(
                const struct phx_socket_owner *owners,
                size_t count,
                const struct sockaddr_un *address,
                socklen_t size);

/* Fills CODE and UID of all of them, which are sorted on the way. A negative errno when the kernel
 * does not tell; then nothing is known of any. */
int phx_socket_owners_find(struct phx_socket_owner *owners, size_t count);
