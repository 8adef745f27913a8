/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

/* Which containers are being restarted, or are to be because an operator asks for it, or were in
 * vain; and the same of those that are started and stopped for the state that their entries ask
 * for. Kept over restarts of the daemon; what is done is not in it any more. Times are microseconds
 * since the epoch. */

enum phx_restart_phase {
        PHX_RESTART_ASKED,          /* by an operator, or BY_POLICY as a restart has left it
                                       stopped: to be begun */
        PHX_RESTART_UNDER_WAY,      /* a job is handed out */
        PHX_RESTART_CHECKED,        /* it runs under its label; does it stay up? */
        PHX_RESTART_FAILED,         /* not tried again until its input changes */
        PHX_RESTART_BACK,           /* the profile before is being assigned again */
        PHX_RESTART_BACK_UNDER_WAY, /* and a job is handed out for that */
        PHX_RESTART_ROLLED_BACK,    /* until its input changes */
        PHX_RESTART_STARTED, /* for its state or by its policy, and done; kept for a while, to
                                count how often */
        PHX_RESTART_ENDING,  /* over, but systemd is still at its job; the last */
};
#define PHX_RESTART_PHASES (PHX_RESTART_ENDING + 1)

/* What permits it. */
enum phx_restart_when {
        PHX_RESTART_BY_POLICY, /* of the settings and the configuration */
        PHX_RESTART_NOW,       /* an operator */
        PHX_RESTART_IN_WINDOW, /* an operator, while a window is open */
        PHX_RESTART_BY_STATE,  /* the state that its entry asks for; the last */
};
#define PHX_RESTART_WHENS (PHX_RESTART_BY_STATE + 1)

struct phx_restart_item {
        char *id; /* the container's */
        enum phx_restart_phase phase;
        enum phx_restart_when when;
        uint64_t since;  /* the phase began; of one that is over, what failed did */
        uint64_t ended;  /* what came of the job was seen; 0: not yet */
        unsigned serial; /* of the job: no two have the same */
        unsigned former; /* of the job that restarts it, if that had not ended when the container
                            was up, and SERIAL became that of another; else 0 */
        bool is_start; /* it is started if it does not run: there is nothing to stop. Of one that is
                          ASKED: as a restart before has failed; of one that has failed or was
                          rolled back: that has left it stopped */
        bool is_stop;  /* it is stopped, and not started again */
        unsigned starts;   /* BY_STATE: so often it was started since STARTS_SINCE */
        unsigned repeated; /* BY_POLICY: so often it was restarted since then, with this input */
        uint64_t starts_since;
        char *boot;       /* the id of the boot in which the job was handed out; "" before */
        uint64_t booted;  /* when that boot began, by the clock that the times above are of: it is
                             another one when that clock has been set; 0: not known */
        char *directory;  /* of the container, when that job was handed out; "" before */
        char *init;       /* the init before, "PID START" as phx_restart_init() writes it; "" when
                             none ran */
        char *before;     /* the label of that init, */
        bool is_enforced; /* and whether it confined it */
        char *label;      /* that all tasks are to have */
        char *input;      /* digest of what decides how it comes up; "": not known yet */
        uint64_t up;      /* CHECKED: INIT, which is that of now then, was first seen */
        uint64_t tried;   /* CHECKED: its health was asked for, the last time; 0: not yet */
        bool is_unasked;  /* its health could not be asked for: nothing is known against LABEL */
        char *why;        /* it failed, or its health is not asked for yet, in one line; "" */
        uint64_t again;   /* of one that is over, BACK, or CHECKED (its health alone): it is to be
                             tried again, not before then, and not while its job runs; 0: it waits
                             for another input */
        bool is_resumed;  /* not stored: it was read from a file, so that an earlier engine may
                             have handed out its job, or may not have */
};

/* One for each container, sorted by its id. The zero value is an empty list. */
struct phx_restarts {
        struct phx_restart_item *items;
        size_t count;
        unsigned serial;       /* of the last job */
        uint64_t begun;        /* the last restart, */
        char *begun_boot;      /* in this boot; NULL: not known */
        uint64_t begun_booted; /* as BOOTED of an item */
};

/* "asked", "under-way", …; NULL for a number that is none. */
const char *phx_restart_phase_to_string(enum phx_restart_phase phase);
/* "policy", "now", "in-window", "state". */
const char *phx_restart_when_to_string(enum phx_restart_when when);

/* A job of it is handed out, or it waits for the config to be as before: it takes a place among
 * those that are restarted at once. */
bool phx_restart_is_under_way(const struct phx_restart_item *item);
/* In the boot whose id BOOT is, a job of it runs as far as is known, also after a deadline. */
bool phx_restart_has_job(const struct phx_restart_item *item, const char *boot);
/* It was begun for the state that its entry asks for. */
bool phx_restart_is_for_state(const struct phx_restart_item *item);
/* The same of the one that is FORMER. */
bool phx_restart_has_former(const struct phx_restart_item *item, const char *boot);
/* It has come to its end, and waits for another input, or only for the end of its job. */
bool phx_restart_is_over(const struct phx_restart_item *item);

void phx_restart_item_done(struct phx_restart_item *item);
/* What is read from a file: an id, all texts, numbers in their range. */
bool phx_restart_item_is_valid(const struct phx_restart_item *item);

/* The item of this container, which is added in phase ASKED with empty texts where there is none;
 * borrowed, valid until the next call. NULL when memory is short. */
struct phx_restart_item *phx_restarts_get(struct phx_restarts *restarts, const char *id);
/* The same, NULL when there is none. Borrowed. */
struct phx_restart_item *phx_restarts_find(const struct phx_restarts *restarts, const char *id);
/* 1 when it was there, else 0. */
int phx_restarts_remove(struct phx_restarts *restarts, const char *id);

/* An operator asks for it: what failed before, or was put back, is tried again, and what is under
 * way goes on as it is (0). One whose job may still run is kept until that has ended. WHEN is NOW
 * or IN_WINDOW. 1, 0 or -ENOMEM. */
int phx_restarts_ask(
                struct phx_restarts *restarts,
                const char *id,
                enum phx_restart_when when,
                uint64_t wall_usec);

/* A restart begins in this boot. 0 or -ENOMEM, and then it is as it was. */
int phx_restarts_note_begun(
                struct phx_restarts *restarts,
                uint64_t wall_usec,
                const char *boot,
                uint64_t booted_usec);

/* COPY must be zero or a list, and is replaced. 0 or -ENOMEM, and then it is as it was. */
int phx_restarts_copy(struct phx_restarts *copy, const struct phx_restarts *restarts);
bool phx_restarts_equal(const struct phx_restarts *a, const struct phx_restarts *b);
void phx_restarts_done(struct phx_restarts *restarts);

/* Room for phx_restart_init(). */
#define PHX_RESTART_INIT_SIZE 48
/* "PID START": START is field 22 of /proc/PID/stat, in clock ticks since the boot. "" for PID 0. */
void phx_restart_init(unsigned pid, uint64_t start, char text[PHX_RESTART_INIT_SIZE]);
