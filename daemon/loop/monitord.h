/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <systemd/sd-event.h>

#include "base/macros.h"
#include "loop/listener.h"

/* lxc-monitord tells the state of all containers of one path to each client. liblxc hides the
 * calls for it, so the protocol is spoken here; it is the same in LXC 1 to 6. */
struct monitord;

/* LISTENER is copied. */
int monitord_new(sd_event *event, const struct listener *listener, struct monitord **ret_monitord);
struct monitord *monitord_free(struct monitord *monitord);
PHX_DEFINE_FREEP(monitord)

/* Listens to the monitord of this path from now on: 1 when newly connected (look again: what
 * happened until now is unknown), 0 when it was already; -ECONNREFUSED when none is running, -EPERM
 * when somebody else than our own user answers there, or another negative errno.
 *
 * A connection that is lost is sought again after 1 s, doubled each time up to 5 min; after that,
 * and when there never was one, only this call seeks it: nothing is polled. */
int monitord_follow(struct monitord *monitord, const char *lxc_path);

/* The abstract address of a path's monitord. Returns its length for bind(2) and connect(2). Public
 * for the test, which listens there in the place of lxc-monitord. */
socklen_t monitord_address(const char *lxc_path, struct sockaddr_un *ret_address);
