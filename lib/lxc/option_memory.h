/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is known of the managed lines of each container; for lxc/option_reviews.c and lxc/kept.c. */

#include "lxc/chains.h"
#include "state/desired.h"
#include "state/inventory.h"
#include "state/observed.h"

/* What came of a review. */
struct phx_option_result {
        struct phx_line_edit lines;
        struct phx_wrong_lines wrong_lines;
        struct phx_strings refused_options;
        bool is_lifted; /* the trouble that the config has is none */
};

struct phx_option_item {
        char *directory;
        char *label;
        char combined[PHX_SHA256_HEX];
        char key[PHX_SHA256_HEX]; /* of all that the answer and the result follow from; "" for none
                                   */
        struct phx_lxc_chain *chain; /* what the options include; NULL for nothing */
        unsigned long chain_version;
        char *verdicts; /* liblxc's answer: one letter for each option; NULL: it has none */
        struct phx_option_result *result; /* NULL, with a result too: nothing came of it */
        bool has_result;
        bool is_refused; /* liblxc did not take the config */
        bool is_fresh;   /* options and record are known to be those of KEY */
        bool is_seen;    /* in this review */
};

struct phx_option_memory {
        struct phx_lxc_chains chains;
        struct phx_option_item *items;
        size_t count;
        size_t sorted;                   /* by directory, from the front */
        char *path;                      /* LXC_PATH, whose containers these are */
        char *file;                      /* the configuration, in messages */
        char generation[PHX_SHA256_HEX]; /* that the options are of */
        bool manages_autostart;          /* and whether with those that start a container */
        unsigned long record_changes;    /* that the records were read after */
        unsigned unsaved;                /* verdicts that are not on disk */
};

/* 0 or -ENOMEM. */
int phx_option_memory_init(struct phx_option_memory *memory);
void phx_option_memory_done(struct phx_option_memory *memory);
/* All items. */
void phx_option_memory_forget(struct phx_option_memory *memory);

/* Whom a review is about. Borrowed. */
struct phx_option_subject {
        const struct phx_desired_container *want;
        struct phx_observed_container *have;
        const char *label;
        const struct phx_inventory *inventory;
        const char *text; /* of a config that is no file; else NULL */
        size_t size;
};

/* The item of the subject: 1 when its result still holds, 0 when it has at most an answer, and is
 * to be remembered; or -ENOMEM. */
int phx_option_memory_recall(
                struct phx_option_memory *memory,
                const struct phx_option_subject *subject,
                struct phx_option_item **ret_item);
/* Gives HAVE what the item says. 0 or -ENOMEM. */
int phx_option_item_show(const struct phx_option_item *item, struct phx_observed_container *have);
/* Remembers what HAVE says. 0 or -ENOMEM. */
int phx_option_item_take(
                struct phx_option_item *item,
                const char *verdicts,
                bool is_lifted,
                const struct phx_observed_container *have);
/* Forgets those that were not seen. */
void phx_option_memory_sweep(struct phx_option_memory *memory);
