/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "state/needs.h"

/* Between the parts of needs.c. */

/* One need, or what is not among those of the shipped profiles. */
enum phx_need {
        PHX_NEED_NOTHING,
        PHX_NEED_GPU,
        PHX_NEED_STORAGE,
        PHX_NEED_DOCKER,
        PHX_NEED_NESTING,
        PHX_NEED_UNMET,
};

struct phx_needs {
        bool gpu;     /* device nodes of GPUs */
        bool storage; /* file systems of servers that it mounts itself */
        bool docker;  /* what Docker does, or a part: overlay, FUSE, device nodes, AppArmor's policy
                       */
        bool nesting; /* other containers, LXC's too */
        bool unmet;   /* what no shipped profile allows */
        /* The host's disks are kept from it by nothing but the want of a node: it has no user
         * namespace, and its device cgroup lets it open any. */
        bool any_device;
};

struct phx_needs_reader {
        const struct phx_container_config *container;
        struct phx_needs needs;
        bool is_privileged;
        bool has_unnamed_gpu; /* numbers that are given out again at each boot, as NVIDIA's are */
        bool has_proc;        /* lxc.mount.auto = proc:rw */
        bool has_sys;         /* lxc.mount.auto = sys:rw */
        /* NULL: only the needs are asked for. Each once. */
        struct phx_strings *words;
        struct phx_strings *unmet;
        bool failed; /* memory was short */
};

/* SOURCE is the key of the entry, WHAT of it says so. */
void phx_needs_add(
                struct phx_needs_reader *reader,
                enum phx_need need,
                const char *source,
                const char *what);

/* A piece of a text that is not the caller's. */
struct phx_needs_word {
        const char *text;
        size_t size;
};
/* The next one, which SEPARATORS stand around; false at the end. */
bool phx_needs_word_next(
                const char **text,
                const char *separators,
                struct phx_needs_word *ret_word);
/* Without case. */
bool phx_needs_word_is(struct phx_needs_word word, const char *name);
/* What a device needs by its path, "/dev/dri/card0", or by its number. */
enum phx_need phx_need_of_device(struct phx_needs_word path);
enum phx_need phx_need_of_character_device(
                unsigned major,
                struct phx_needs_word minor,
                bool *ret_is_unnamed);

/* lxc_options. */
void phx_needs_read_options(struct phx_needs_reader *reader);
bool phx_needs_has_idmap(const struct phx_container_config *container);
