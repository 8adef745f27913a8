#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/strings.h"
#include "system/lxc_text.h"

/* One plain LXC container on this host: a directory below lxc_path that has a config. */
struct phx_lxc_container {
        char *name;
        char *text;                  /* of its config; NULL with TROUBLE */
        char digest[PHX_SHA256_HEX]; /* of that */
        char *profile;               /* effective, as liblxc sees it; "" unset; NULL with TROUBLE */
        char *cgroup;                /* a cgroup directory of its own, or "" */
        char *trouble;               /* why it cannot be judged; else NULL */
};

struct phx_lxc_list {
        struct phx_lxc_container *items; /* sorted by name */
        size_t count;
        struct phx_strings directories; /* where a change may change any of it */
};

/* Remembers what liblxc made of which bytes, so that it is asked again only when they have changed.
 */
struct phx_lxc_memory;

int phx_lxc_memory_new(struct phx_lxc_memory **ret_memory);
struct phx_lxc_memory *phx_lxc_memory_free(struct phx_lxc_memory *memory);
PHX_DEFINE_FREEP(phx_lxc_memory)

/* All containers of LXC_PATH with their effective profile. A container that cannot be judged is in
 * the list, with its trouble. An LXC_PATH that does not exist holds none. Negative errno when it
 * cannot be listed. */
int phx_lxc_observe(
                struct phx_lxc_memory *memory,
                const char *lxc_path,
                struct phx_lxc_list *ret_list,
                struct phx_error *error);
void phx_lxc_list_done(struct phx_lxc_list *list);
const struct phx_lxc_container *phx_lxc_list_find(
                const struct phx_lxc_list *list,
                const char *name);

/* Puts the managed lines into the container's config: written beside it, judged by liblxc, and only
 * then put in its place under LXC's own lock. -ESTALE when the config is no longer the one with
 * OLD_DIGEST, -EINVAL when the effective profile would still be another one, -EBUSY when LXC holds
 * the lock. 0, also when it was right. */
int phx_lxc_assign(
                const char *lxc_path,
                const char *name,
                const struct phx_lxc_managed *managed,
                const char *old_digest,
                struct phx_error *error);

/* Removes what a crash in the middle of the above left. Returns how many, or a negative errno. */
int phx_lxc_remove_leftovers(const char *lxc_path);
