/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/strings.h"
#include "state/record.h"
#include "state/world.h"

/* A small machine in memory: what is asked of it, what it is, and who runs under which label. It
 * can be looked at and changed like a real one, it can fail, lie and crash, and it keeps an eye on
 * what the engine may never do. Memory is never short in it: its helpers exit instead. */

enum fake_fault {
        FAKE_SOUND,
        FAKE_FAIL,          /* nothing is done, and that is said */
        FAKE_LIE,           /* nothing is done, and success is said */
        FAKE_FAIL_BUT_DONE, /* it is done, and failure is said */
        FAKE_CRASH,         /* it is done, and then nothing answers until fake_restart() */
        FAKE_CRASH_BEFORE,  /* the same, but it is not done */
};

/* A record of the audit trail, with its strings copied. */
struct fake_record {
        enum phx_record_kind kind;
        enum phx_action_kind action;
        int error;
        bool is_routine, is_good;
        size_t story_count, named_count; /* containers in whose stories it is, and those named */
        char *message, *layer, *drift, *profile, *container, *path, *generation, *old_digest,
                        *new_digest;
};

/* A container that runs: all its tasks carry LABEL. Its drift is worked out at each look. */
struct fake_task {
        char *directory, *label;
};

struct fake {
        struct phx_desired *desired;
        struct phx_observed *observed;
        struct fake_task *tasks;
        size_t task_count;

        enum fake_fault fault;
        unsigned fault_at; /* the action, counted from 1, that the fault befalls; 0 is every one */
        int fault_error;   /* what a failure says; -EACCES when 0 */
        bool is_down;
        /* Somebody else, who is at work before each look and before each action. */
        void (*meddle)(struct fake *fake);

        bool is_still; /* nothing is otherwise than at the last look */

        unsigned claim_failures; /* so many records fail to be saved */

        unsigned looks, actions;
        struct fake_record *records;
        size_t record_count;
        /* The first thing that was seen and may never happen; "" is none. */
        char breach[256];
};

struct fake *fake_free(struct fake *fake);
PHX_DEFINE_FREEP(fake)
/* A machine with nothing on it, and an accepted configuration that asks for nothing. */
struct fake *fake_new(void);

struct phx_world fake_world(struct fake *fake);
struct phx_audit fake_audit(struct fake *fake);
void fake_restart(struct fake *fake);
void fake_forget_records(struct fake *fake);

/* A good source whose deployed file has the digest FILE, and whose policy is the profile alone, in
 * enforce mode with the hash POLICY. Borrowed, as in desired.h. */
struct phx_desired_profile *fake_profile(
                struct fake *fake,
                const char *name,
                const char *file,
                const char *policy);
void fake_configure(struct fake *fake, const char *id, const char *directory, const char *profile);
/* CONTENT may be NULL: no file. */
struct phx_observed_file *fake_deploy(
                struct fake *fake,
                const char *name,
                const char *content,
                bool is_owned);
/* Puts one entry in place of what the kernel has by that name. HASH may be NULL. */
void fake_load(struct fake *fake, const char *name, enum phx_policy_mode mode, const char *hash);
struct phx_observed_container *fake_create(
                struct fake *fake,
                const char *directory,
                const char *effective);
/* A (re)start under LABEL; NULL stops it. */
void fake_start(struct fake *fake, const char *directory, const char *label);

/* Deep copies, and what a look would show just now. */
struct phx_desired *fake_copy_desired(const struct fake *fake);
struct phx_observed *fake_copy_observed(const struct fake *fake);

size_t fake_count(const struct fake *fake, enum phx_record_kind kind);
/* The N-th record of this kind, from 0; NULL when there are fewer. */
const struct fake_record *fake_find(const struct fake *fake, enum phx_record_kind kind, size_t n);
/* All records, one a line, for messages. Borrowed until the next call. */
const char *fake_story(const struct fake *fake);
/* Each intent has exactly one result behind it. Not to be asked after a crash. */
bool fake_audit_is_complete(const struct fake *fake);
