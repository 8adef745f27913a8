/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The command protocol of LXC's monitors, as far as phoenixd speaks it: one command a connection.
 */

/* Bytes of a key that is asked for, with its NUL. */
#define PHX_LXC_MONITOR_TEXT 256

/* As it lies in memory. */
struct phx_lxc_monitor_response {
        int32_t code;
        int32_t size;  /* of data that follows */
        intptr_t data; /* a number; of no meaning with a SIZE */
};

/* Whether the other end listens as this user: a stranger may have taken the name. */
bool phx_lxc_monitor_is_held_by(int fd, uid_t uid);
/* TEXT is what the command is about; NULL for none. False when that was not sent as a whole. */
bool phx_lxc_monitor_send(int fd, int32_t command, const char *text);
