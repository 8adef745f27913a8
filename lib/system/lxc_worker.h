#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strings.h"

/* liblxc is asked in short-lived children: its calls have no timeout, and one that waits for a
 * stopped monitor waits for ever. */

/* What liblxc makes of one container's config, all includes followed. */
struct phx_lxc_answer {
        int result;    /* 0; -ETIMEDOUT; -EINVAL when liblxc cannot read the config */
        char *profile; /* lxc.apparmor.profile; "" when it is unset */
        char *cgroup;  /* lxc.cgroup.dir.container, else lxc.cgroup.dir; "" when neither is set */
};

/* Asks for all of NAMES; RET_ANSWERS is an array of as many, in their order, for
 * phx_lxc_answers_free(). DEADLINE is for each container: one that hangs costs the others nothing.
 */
int phx_lxc_ask(const char *lxc_path,
                const struct phx_strings *names,
                uint64_t deadline_usec,
                struct phx_lxc_answer **ret_answers);
void phx_lxc_answers_free(struct phx_lxc_answer *answers, size_t count);

/* The effective profile if FILE (an absolute path) were the config of container NAME. */
int phx_lxc_judge(
                const char *lxc_path,
                const char *name,
                const char *file,
                uint64_t deadline_usec,
                char **ret_profile,
                struct phx_error *error);
