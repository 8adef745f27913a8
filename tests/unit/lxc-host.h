/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A LXC_PATH with what is remembered of it, and looks at it. */

#include <time.h>

#include "base/stamp.h"
#include "container-tree.h"
#include "lxc/containers.h"

/* Of the system, since the last look began; counted by those who count them. */
static unsigned calls;

static const struct phx_trust anyone = { .root = "/", .anyone = true };

struct host {
        struct phx_lxc lxc;
        char path[512];
        struct phx_lxc_cache *cache;
        struct phx_lxc_containers found;
        struct phx_scope scope;
};

static inline void host_done(struct host *host) {
        phx_lxc_containers_done(&host->found);
        phx_scope_done(&host->scope);
        host->cache = phx_lxc_cache_free(host->cache);
}

static inline void host_init(struct host *host, const char *name) {
        static char locks[1024];

        tree_mkdir(name);
        (void) snprintf(locks, sizeof(locks), "%s", tree_path("locks"));
        (void) snprintf(host->path, sizeof(host->path), "%s", tree_path(name));
        host->lxc = (struct phx_lxc){ .path = host->path,
                                      .trust = &anyone,
                                      .lock_root = locks,
                                      .owner = { getuid(), getgid() },
                                      .deadline_usec = 5000000 };
        assert_int_equal(phx_lxc_cache_new(&host->cache), 0);
}

static inline const char *in(const struct host *host, const char *name) {
        char path[256];

        (void) snprintf(path, sizeof(path), "%s/%s", strrchr(host->path, '/') + 1, name);
        return tree_path(path);
}

static inline void write_in(const struct host *host, const char *name, const char *text) {
        char path[256];

        (void) snprintf(path, sizeof(path), "%s/%s", strrchr(host->path, '/') + 1, name);
        tree_write(path, text);
}

static inline const struct phx_stamp *stamp_of(const char *path) {
        static struct phx_stamp stamp;
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        stamp = phx_stamp_of(&st);
        return &stamp;
}

static inline int settle_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        const struct timespec pause = { .tv_nsec = 2000000 };
        struct phx_stamp stamp = phx_stamp_of(st);

        while (!phx_stamp_is_settled(&stamp))
                (void) nanosleep(&pause, NULL);
        return 0;
}

/* Waits till all that is there is old enough to be believed. */
static inline void settle(void) {
        assert_int_equal(nftw(tree, settle_one, 16, FTW_PHYS), 0);
}

static inline void look(struct host *host) {
        struct phx_error error = { 0 };

        phx_lxc_containers_done(&host->found);
        calls = 0;
        assert_int_equal(phx_lxc_containers_look(&host->lxc, host->cache, &host->found, &error), 0);
        assert_string_equal(error.text, "");
}

/* Twice, so that what was read just after its change is read again when that is over. */
static inline void look_settled(struct host *host) {
        settle();
        look(host);
        look(host);
}

static inline bool is_unchanged(struct host *host) {
        return phx_lxc_containers_are_unchanged(&host->lxc, host->cache);
}

/* The looks from now on are at this part. */
static inline void narrow(struct host *host, const char *path) {
        phx_scope_done(&host->scope);
        if (path)
                phx_scope_add(&host->scope, path);
        host->lxc.scope = &host->scope;
}

static inline const struct phx_lxc_container *find(const struct host *host, const char *name) {
        size_t i = 0;

        while (i < host->found.count && strcmp(host->found.items[i].name, name) != 0)
                i++;
        assert_true(i < host->found.count);
        return &host->found.items[i];
}

static inline void assert_effective(
                const struct host *host,
                const char *name,
                const char *profile) {
        const struct phx_lxc_container *container = find(host, name);

        if (container->trouble)
                fail_msg("%s", container->trouble);
        assert_string_equal(container->values.profile, profile);
}

static inline void assert_changed_to(struct host *host, const char *name, const char *profile) {
        assert_false(is_unchanged(host));
        look(host);
        assert_effective(host, name, profile);
}
