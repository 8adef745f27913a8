/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The kernel is asked for every listening socket at once (sock_diag(7)): one alone could be asked
 * for by its inode only. So the cost is one listing, however many addresses are sought. */

#include "lxc/socket_owner.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/error.h"
#include "base/grow.h"
#include "base/macros.h"
#include "base/process.h"
#include "base/sorted.h"

#define PATIENCE_SEC 1
#define NAME_AT offsetof(struct sockaddr_un, sun_path)

/* Which of them are wanted. */
struct listing {
        struct phx_socket_owner *owners; /* sorted, when they are those to be found */
        size_t count;
        bool is_all;
};

static int owner_compare(const void *a, const void *b) {
        const struct phx_socket_owner *left = a, *right = b;

        if (left->size != right->size)
                return left->size < right->size ? -1 : 1;
        return memcmp(left->address.sun_path, right->address.sun_path, left->size - NAME_AT);
}

static int send_request(int fd) {
        const struct {
                struct nlmsghdr header;
                struct unix_diag_req request;
        } message = {
                .header = { .nlmsg_len = sizeof(message),
                            .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
                .request = { .sdiag_family = AF_UNIX,
                             .udiag_states = 1U << TCP_LISTEN,
                             .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_UID },
        };

        return send(fd, &message, sizeof(message), 0) < 0 ? phx_errno() : 0;
}

/* Copied: an attribute's data need not be aligned for its type. */
static int take_socket(struct nlmsghdr *header, struct listing *listing) {
        const struct unix_diag_msg *message = NLMSG_DATA(header);
        void *attributes = (char *) NLMSG_DATA(header) + sizeof(*message);
        struct rtattr *attribute = attributes;
        unsigned left = header->nlmsg_len - (unsigned) NLMSG_LENGTH(sizeof(*message));
        struct phx_socket_owner found = { .code = -ENOENT }, *owner;

        if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*message)) ||
            message->udiag_type != SOCK_STREAM)
                return 0;
        for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
                size_t size = RTA_PAYLOAD(attribute);

                if (attribute->rta_type == UNIX_DIAG_NAME &&
                    size <= sizeof(found.address.sun_path)) {
                        memcpy(found.address.sun_path, RTA_DATA(attribute), size);
                        found.size = (socklen_t) (NAME_AT + size);
                }
                if (attribute->rta_type == UNIX_DIAG_UID && size == sizeof(uint32_t)) {
                        memcpy(&found.uid, RTA_DATA(attribute), size);
                        found.code = 0;
                }
        }
        if (found.size == 0)
                return 0;
        owner = listing->is_all ? phx_grow(&listing->owners, &listing->count, sizeof(*owner))
                                : bsearch(&found,
                                          listing->owners,
                                          listing->count,
                                          sizeof(found),
                                          owner_compare);
        if (!owner)
                return listing->is_all ? -ENOMEM : 0;
        /* Kernels before 5.3 do not say whose it is. */
        owner->code = found.code < 0 ? -EOPNOTSUPP : 0;
        owner->uid = found.uid;
        if (listing->is_all) {
                owner->address = found.address;
                owner->size = found.size;
        }
        return 0;
}

/* 1 when there is more to come. */
static int owner_take_answer(void *data, size_t size, struct listing *listing) {
        struct nlmsghdr *header = data;
        unsigned left = (unsigned) size;

        for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
                const struct nlmsgerr *failure = NLMSG_DATA(header);

                if (header->nlmsg_type == NLMSG_DONE)
                        return 0;
                if (header->nlmsg_type == NLMSG_ERROR)
                        return header->nlmsg_len >= NLMSG_LENGTH(sizeof(*failure)) &&
                                                               failure->error < 0
                                               ? failure->error
                                               : -EPROTO;
                if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY && take_socket(header, listing) < 0)
                        return -ENOMEM;
        }
        return 1;
}

static int owner_list(struct listing *listing) {
        const struct timeval patience = { .tv_sec = PATIENCE_SEC };
        const uint64_t ends_usec = phx_now_usec() + PATIENCE_SEC * UINT64_C(1000000);
        phx_autoclose int fd = -1;
        union {
                struct nlmsghdr header;
                char bytes[32768];
        } answer;
        int r;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
                return phx_errno();
        r = send_request(fd);
        if (r < 0)
                return r;
        do {
                ssize_t n = recv(fd, &answer, sizeof(answer), 0);

                if (n < 0)
                        return phx_errno();
                /* Each part has come in time, and there may be any number of sockets. */
                if (phx_now_usec() > ends_usec)
                        return -ETIMEDOUT;
                r = owner_take_answer(&answer, (size_t) n, listing);
        } while (r > 0);
        return r;
}

int phx_socket_owners_find(struct phx_socket_owner *owners, size_t count) {
        struct listing listing = { owners, count, false };

        qsort(owners, count, sizeof(*owners), owner_compare);
        for (size_t i = 0; i < count; i++)
                owners[i].code = -ENOENT;
        return owner_list(&listing);
}

int phx_socket_owners_list(struct phx_socket_owner **ret_owners, size_t *ret_count) {
        struct listing listing = { .is_all = true };
        int r = owner_list(&listing);

        if (r < 0) {
                free(listing.owners);
                return r;
        }
        if (listing.count > 1)
                qsort(listing.owners, listing.count, sizeof(*listing.owners), owner_compare);
        *ret_owners = listing.owners;
        *ret_count = listing.count;
        return 0;
}

bool phx_socket_listens(
                const struct phx_socket_owner *owners,
                size_t count,
                const struct sockaddr_un *address,
                socklen_t size) {
        struct phx_socket_owner sought = { .address = *address, .size = size };

        return phx_find_sorted(&sought, owners, count, sizeof(sought), owner_compare);
}
