/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Questions to liblxc. Its calls have no time limit (a FIFO as an include: they wait for ever) and
 * a config can crash it (an include of itself), so they are made in a forked child that is killed
 * when it is late; the container at fault is named, and another child goes on with the rest. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/strings.h"

/* What liblxc makes of one config file, with all that it includes. Owned strings. */
struct phx_lxc_values {
        int code;      /* 0; -EINVAL: liblxc refuses the file; -ETIMEDOUT, -EIO: it hung, it died */
        char *text;    /* why there are no values, for the operator; begins with the file */
        char *profile; /* lxc.apparmor.profile; this and the next three "" when unset */
        char *cgroup_dir;
        char *cgroup_container;
        char *cgroup_inner;
        bool allow_nesting;
        bool is_mapped; /* has an lxc.idmap */
};

/* Tells how far many questions are: at most every EVERY_MSEC, after an answer. */
struct phx_lxc_progress {
        void (*asked)(void *data, const char *file, size_t done, size_t count);
        void *data;
        unsigned every_msec;
};

/* As liblxc calls it: answers are of one version. */
const char *phx_lxc_version(void);

void phx_lxc_values_done(struct phx_lxc_values *values);
/* TO must be values or zero. 0 or -ENOMEM. */
int phx_lxc_values_copy(struct phx_lxc_values *to, const struct phx_lxc_values *from);

/* Loads each of the files, which need not be any container's config: a candidate is judged before
 * it becomes one. No container is opened for that, no old config is merged in, and nothing of a
 * container is touched or locked. A relative lxc.include is one from "/", as it is for a container
 * that systemd starts. VALUES has room for one item per file, all zero.
 *
 * DEADLINE_USEC is for each file, and PROGRESS may be NULL. 0 when every file has its values or its
 * code; a negative errno when there is no asking at all, and then no item was set. */
int phx_lxc_worker_load(
                const struct phx_strings *files,
                uint64_t deadline_usec,
                const struct phx_lxc_progress *progress,
                struct phx_lxc_values *values,
                struct phx_error *error);

/* The same for texts that are no files of that kind: TEXTS has one for each of NAMES, which are for
 * messages. */
int phx_lxc_worker_load_texts(
                const struct phx_strings *names,
                const struct phx_buffer *texts,
                uint64_t deadline_usec,
                struct phx_lxc_values *values,
                struct phx_error *error);
