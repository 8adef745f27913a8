/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/buffer.h"
#include "base/texts.h"

/* What a run of the program leaves to the next one, when it ends in good order, about what lasts as
 * long as the kernel runs. Once: who takes it removes it, so that a run that is killed leaves
 * nothing. Only in memory (tmpfs), as /run is: such a file lives and dies with the kernel, and
 * comes back together with it when a virtual machine goes back to a snapshot, or wakes up on
 * another host. On a disk it could be of a later time than the kernel that it is about. */

struct phx_handover {
        char *file;
        struct phx_texts texts; /* borrowed from FILE */
};

/* Leaves TEXTS (base/texts.h) in DIRECTORY as NAME, in place of what is there. 0 or a negative
 * errno: -EXDEV when the directory is not in memory. */
int phx_handover_leave(const char *directory, const char *name, const struct phx_buffer *texts);

/* Takes it, if it is whole and of the same program. 0 or a negative errno. */
int phx_handover_take(const char *directory, const char *name, struct phx_handover *ret_handover);
/* Removes what an earlier run has left after this one had taken what was there: a run that ends has
 * no lock on the file. */
void phx_handover_remove(const char *directory, const char *name);
void phx_handover_done(struct phx_handover *handover);
