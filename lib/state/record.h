/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/macros.h"
#include "base/strings.h"
#include "state/drift.h"

/* What the audit trail is made of. Each kind has a MESSAGE_ID and a catalog entry in the daemon. */
enum phx_record_kind {
        PHX_RECORD_INTENT,      /* a change is about to be made */
        PHX_RECORD_CHANGED,     /* it was made, and read back */
        PHX_RECORD_FAILED,      /* it was not */
        PHX_RECORD_REFUSED,     /* input is refused: what was good before stays in force */
        PHX_RECORD_ACCEPTED,    /* input that was refused is good again, or a new generation is
                                   accepted */
        PHX_RECORD_JUDGED,      /* a profile compiled and passed its test: this version is the last
                                   known good one from now on. Where it is installed at once, the
                                   intent says so instead */
        PHX_RECORD_DRIFT_FOUND, /* the machine differs from what is desired, and stays so after the
                                   pass that found it */
        PHX_RECORD_DRIFT_GONE,
        PHX_RECORD_POSTURE,   /* who is unconfined by configuration, and what would fit */
        PHX_RECORD_REMARK,    /* worth knowing: a warning of the compiler, a state that had to be
                                 rebuilt */
        PHX_RECORD_SUSPENDED, /* an operator has set something aside */
        PHX_RECORD_RESUMED,   /* and taken it up again */
        PHX_RECORD_SUSPENSION_ENDED, /* its time was over */
        PHX_RECORD_RESTART_ASKED,    /* an operator wants a container restarted */
        PHX_RECORD_FOREIGN,          /* somebody else has changed what is ours */
        PHX_RECORD_LINT,        /* a rule of state/rules.h is broken, and that is not accepted */
        PHX_RECORD_ROLLED_BACK, /* a restart has failed, and its profile before is assigned again;
                                   the last */
};

#define PHX_RECORD_KINDS (PHX_RECORD_ROLLED_BACK + 1)

/* One entry of the audit trail. Borrowed strings, any of which may be NULL but the message. */
struct phx_record {
        enum phx_record_kind kind;
        const char *message;         /* one line of English */
        enum phx_action_kind action; /* PHX_ACTION_NONE for what is no action */
        const char *layer;           /* "source", "disk", "kernel", "config", "running" */
        const char *drift;     /* "absent", "differs", "assigned", "running", "missing", … */
        const char *profile;   /* the profile concerned */
        const char *container; /* the container concerned: its id */
        /* Whose stories it belongs to besides: the ids of those that run in the profile, and how
         * many these are. Where they are too many to be named, STORIES is empty. */
        const struct phx_strings *stories;
        size_t story_count;
        const char *by;         /* who has done it: "apparmor_parser, pid 312" */
        const char *path;       /* the file concerned */
        const char *generation; /* digest of the accepted configuration */
        const char *old_digest;
        const char *new_digest;
        int error; /* negative errno, 0 when nothing failed */
        /* The version NEW_DIGEST of the profile has become the last known good one: in a
         * PHX_RECORD_JUDGED, or in the intent to install it. */
        bool is_good;
        /* A drift that is being repaired, or that is a state of affairs: no reason to get up. */
        bool is_routine;
};

/* Where records go. Called before the change for an intent: the record must be written when it
 * returns. */
struct phx_audit {
        void (*record)(void *data, const struct phx_record *record);
        /* What a long pass is doing just now, for the status line; also a sign of life. */
        void (*progress)(void *data, const char *text);
        void *data;
};

/* "intent", "changed", … */
const char *phx_record_kind_to_string(enum phx_record_kind kind);
/* False for NULL and for what is none of these: another version may have other kinds. */
bool phx_record_kind_from_string(const char *text, enum phx_record_kind *ret_kind);
/* Whether an operator has to look at it, when reading what has happened. */
bool phx_record_kind_is_bad(enum phx_record_kind kind);
