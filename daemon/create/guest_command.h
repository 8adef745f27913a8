/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"

/* Proxmox's command, that may outlive us: a signal, or an output that is closed, would end what it
 * is at in the middle. So it gets neither from here, and writes to a file without a name. */
struct guest_command {
        const struct phx_strings *arguments; /* the first is its absolute path */
        int kept_fd;                         /* stays open in it */
        void (*watch)(void *data);           /* called again and again meanwhile; NULL: not */
        void *data;
};

/* Waits for its end. What it says goes to our standard error, and its last line is the text of a
 * failure. 0 when its status is 0, else a negative errno. */
int guest_run(const struct guest_command *command, struct phx_error *error);

/* The process of our own unit that holds Proxmox's lock of the container, in DIRECTORY. 0 when none
 * does, and in doubt. */
int guest_find_holder(const char *directory, uint32_t id);
