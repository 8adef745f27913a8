/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What lives in the cache of lxc/containers.h between looks. */

#include "lxc/chains.h"
#include "lxc/containers.h"

/* What liblxc has said of a text that was about to become a config. */
struct phx_lxc_expected {
        char combined[PHX_SHA256_HEX];
        struct phx_lxc_values values;
        struct phx_lxc_decider decider;
};

/* One entry of LXC_PATH. */
struct phx_lxc_known {
        char *name;
        struct phx_stamp directory; /* of what it leads to, where it is a link */
        struct phx_stamp config;
        bool is_directory;
        bool is_link;
        bool has_config; /* it is a container */
        bool is_settled; /* the stamps are worth something: see base/stamp.h */
        bool was_clean;  /* with this stamp of its directory, when an earlier process kept it */
        bool is_asked_settled;         /* CONFIG was, when liblxc was asked */
        bool is_answered;              /* VALUES and DECIDER are those of COMBINED */
        char digest[PHX_SHA256_HEX];   /* "" while the config could not be read */
        char combined[PHX_SHA256_HEX]; /* "" while that, or what it includes, could not */
        struct phx_lxc_chain *chain;
        unsigned long chain_version; /* that COMBINED was made of */
        struct phx_lxc_values values;
        struct phx_lxc_decider decider;
        struct phx_lxc_expected *expected; /* after an edit, until the config is read; else NULL */
        char *trouble;                     /* why it could not be read */
        unsigned long named_at;            /* in which look the scope has named it */
        unsigned long checked_for;         /* the look before which its directory had its stamp */
        struct phx_strings watches;        /* of a link */
};

struct phx_lxc_cache {
        char *path;
        struct phx_lxc_owner owner;
        struct phx_stamp directory; /* of PATH, when it was listed */
        bool is_settled;
        bool is_listed;              /* ITEMS are all that is there */
        bool is_clean;               /* this process has found what a crash left, and removed it */
        bool is_complete;            /* the last look came to its end */
        bool is_link_met;            /* on the way to PATH */
        struct phx_lxc_known *items; /* sorted by name */
        size_t count;
        struct phx_lxc_chains chains;
        unsigned long look;
        struct phx_strings watches; /* of the way to PATH */
        unsigned long moves;        /* of the reader, when its watches were shown */
        unsigned unsaved;           /* answers that are not on disk */
};

void phx_lxc_known_done(struct phx_lxc_known *known);
struct phx_lxc_expected *phx_lxc_expected_free(struct phx_lxc_expected *expected);
PHX_DEFINE_FREEP(phx_lxc_expected)
/* All that is known of PATH's entries. */
void phx_lxc_cache_forget(struct phx_lxc_cache *cache);
/* What is known of another path, or of other owners, is forgotten. 0 or -ENOMEM. */
int phx_lxc_cache_set_place(struct phx_lxc_cache *cache, const struct phx_lxc *lxc);
bool phx_lxc_cache_has_place(const struct phx_lxc_cache *cache, const struct phx_lxc *lxc);
struct phx_lxc_known *phx_lxc_cache_find(const struct phx_lxc_cache *cache, const char *name);
/* Makes ITEMS those of NAMES, which are sorted: what is known of one stays. 0 or -ENOMEM. */
int phx_lxc_cache_set_names(struct phx_lxc_cache *cache, char *const *names, size_t count);
