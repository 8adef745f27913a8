/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/findings.h"
#include "state/offer.h"

/* What verbs of phoenixctl answer in JSON that have no state to tell: version 1 each. The caller's
 * to free. 0 or -ENOMEM. */

int phx_answer_version(const char *version, char **ret_text);

/* A configuration advised: what it would be, and whether it is so now. */
struct phx_answer_advice {
        const struct phx_findings *left; /* containers that nothing could be advised for */
        const char *file;
        unsigned edits;
        bool is_written;
        const char *text; /* SIZE bytes of UTF-8 */
        size_t size;
        const struct phx_offer *offers; /* for the containers' own files */
        size_t offer_count;
};

int phx_answer_advice(const struct phx_answer_advice *advice, char **ret_text);

/* Whether a label allows something, for phoenixctl can. */
struct phx_answer_can {
        const char *container;
        const char *label;
        const char *asked;
        bool is_allowed;
};

int phx_answer_can(const struct phx_answer_can *can, char **ret_text);

/* The audit trail: each entry of the journal that is a part of it, and each task of Proxmox. Owned
 * strings, NULL for what it does not have. */
struct phx_answer_event {
        uint64_t at;    /* microseconds since the epoch */
        uint64_t until; /* of a task: its end; else PHX_NEVER */
        char *kind;     /* its word, which may be one of another version */
        char *message;
        char *message_id;
        char *action;
        char *layer;
        char *profile;
        char *container;
        char *by;
        char *generation;
        char *old_digest;
        char *new_digest;
        char *result; /* of a task, in Proxmox's words */
};

struct phx_answer_history {
        struct phx_answer_event *events;
        size_t count;
};

int phx_answer_history(const struct phx_answer_history *history, char **ret_text);
void phx_answer_event_done(struct phx_answer_event *event);
void phx_answer_history_done(struct phx_answer_history *history);

/* One verb of the help. */
struct phx_answer_verb {
        const char *name;
        const char *arguments;
        const char *summary;
        const char *const *options; /* ended by NULL: "--write", "--file=" */
};

int phx_answer_help(const struct phx_answer_verb *verbs, size_t count, char **ret_text);
