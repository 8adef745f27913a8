/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/texts.h"
#include "base/trust.h"
#include "compiler/compiler.h"
#include "lxc/ask.h"
#include "lxc/tasks.h"
#include "pve/worker.h"
#include "state/configuration.h"
#include "state/desired.h"
#include "state/input.h"
#include "state/inventory.h"
#include "state/observed.h"
#include "state/settings.h"
#include "state/snapshot.h"
#include "state/world.h"

/* The machine itself, for state/world.h: all adapters behind one look and one apply. */
struct phx_machine;

/* Where things are; a test points all of it into a temporary tree. Borrowed. */
struct phx_machine_options {
        const struct phx_trust *trust;
        const struct phx_trust *source_trust; /* of the profiles' sources; NULL: TRUST */
        const char *remote_copy; /* the directory for phx_machine_copy_remote(); NULL: none */
        struct phx_task_roots tasks;
        const char *apparmorfs;
        const char *module;
        const char *parser;
        const char *parser_config; /* PHX_PARSER_CONFIG; NULL for none */
        const char *accounts;      /* PHX_COMPILER_ACCOUNTS; NULL: `nobody` will do */
        const char *features_file; /* NULL: the running kernel's */
        const char *shared_cache;  /* see phx_policy_cache_get_shared(); NULL for none */
        struct phx_pve_place pve;  /* where Proxmox is, if it is; without a root, nowhere */
        const char *pve_claim;     /* see pve/worker.h */
        int changed_fd;            /* likewise; -1: not wanted */
        const char *gate_hooks;    /* the file with the boot gate's hooks; NULL: not looked at */
        const char *state_dir;     /* ours alone */
        const char *runtime_dir;
        const char *libraries;  /* see phx_machine_containers_keep(); NULL: answers are not kept,
                                   and nothing is left to the next run, or taken */
        struct phx_texts *left; /* what the run before has left, to be read up to its own part;
                                   NULL: nothing */
        const struct phx_compile_progress *progress;
        const struct phx_lxc_progress *lxc_progress; /* NULL: none is reported */
        /* Writes the inventory to disk. Called before anything that it records is done. */
        int (*save)(void *data, const struct phx_inventory *inventory, struct phx_error *error);
        void *data;
};

/* Takes INVENTORY over as it was at the last save, which is emptied. Removes what a crash left in
 * the state and runtime directories. */
int phx_machine_new(
                const struct phx_machine_options *options,
                struct phx_inventory *inventory,
                struct phx_machine **ret_machine,
                struct phx_error *error);
struct phx_machine *phx_machine_free(struct phx_machine *machine);
PHX_DEFINE_FREEP(phx_machine)

/* Whether an event at PATH asks for no more than to read PATH again; in doubt false. */
bool phx_machine_covers(const struct phx_machine *machine, const char *path);

/* Leaves to the next run, in the same boot, what need not be asked again (base/handover.h): for the
 * option of that name. 0 or a negative errno: then there is nothing to leave. */
int phx_machine_leave(const struct phx_machine *machine, struct phx_buffer *texts);

/* Whether all that the last look has read is as it was, where SCOPE says that it may not be. In
 * doubt false. */
bool phx_machine_is_unchanged(
                struct phx_machine *machine,
                const struct phx_settings *settings,
                const struct phx_scope *scope);

/* Adds what the step may change. */
void phx_machine_scope(const struct phx_step *step, struct phx_scope *scope);

/* Brings the copy of PHX_REMOTE_OURS up to date: see pve/copy.h. 0 as well where there is nothing
 * that could be copied. */
int phx_machine_copy_remote(struct phx_machine *machine, struct phx_error *error);

/* Judges the sources that the settings of INPUT name: compiles and tests what is new, keeps what is
 * good, and appends the profiles to what was judged, with the retry. Writes nothing but our own
 * state, and in observe mode asks the kernel for nothing but what it can do. */
int phx_machine_judge(
                struct phx_machine *machine,
                struct phx_input *input,
                uint64_t now_usec,
                struct phx_error *error);

/* Appends to OBSERVED what is: nothing is changed by it, ever. Of INPUT only the settings count,
 * and names to look for. */
int phx_machine_observe(
                struct phx_machine *machine,
                const struct phx_input *input,
                struct phx_observed *observed,
                struct phx_error *error);

/* When it is known what is desired: the questions that need both. Whether liblxc takes the options,
 * which rules an entry and its profile break together, what a container has loaded into its
 * namespace. */
int phx_machine_review(
                struct phx_machine *machine,
                const struct phx_input *input,
                struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_error *error);

/* Brings the record of what is ours up to date with what is there, and saves it. Writes nothing but
 * our own state. When it cannot be saved, that is a refusal in DESIRED. */
int phx_machine_remember(
                struct phx_machine *machine,
                const struct phx_settings *settings,
                struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_error *error);

/* With label_resync_s: whether a task of a container that ran at the last look has another label by
 * now, or in doubt; and whether there is any such container. */
bool phx_machine_labels_differ(const struct phx_machine *machine);
bool phx_machine_has_labels(const struct phx_machine *machine);

/* A process that outlives a look, and is no leftover; NULL when there is none. Borrowed until the
 * next look. */
const struct phx_process *phx_machine_process(const struct phx_machine *machine);

/* How useful the cache of compiled policies was. Nothing, when it is not known yet by which
 * compiler they would be made. RET_CACHE is the caller's; 0 or -ENOMEM. */
int phx_machine_cache(const struct phx_machine *machine, struct phx_snapshot_cache *ret_cache);

/* Compiles that run between two looks, and are no leftovers either: at most LIMIT, each of which
 * asks for a look when it has ended, or is late. Returns how many. */
size_t phx_machine_compiles(
                const struct phx_machine *machine,
                struct phx_process_watch *watches,
                size_t limit);

/* To be called after a pass: keeps for the next start what this one has found out, if there is any
 * news; with IS_ALL also little of it. What cannot be written now is tried again after the next
 * pass that has news, or that comes a minute later. NOW_USEC is of the monotonic clock. */
void phx_machine_keep(struct phx_machine *machine, uint64_t now_usec, bool is_all);
/* To be called when no pass comes after: what was read again in each pass, because it was new then,
 * need not be by the next run. */
void phx_machine_keep_last(const struct phx_machine *machine);

/* For the next look nothing counts that was only remembered: what others' files define, what liblxc
 * said, what did not compile and is to be tried later, what the kernel can do. */
void phx_machine_forget(struct phx_machine *machine);

/* For world.h's preview: the file that the step changes. */
int phx_machine_preview(
                struct phx_machine *machine,
                const struct phx_step *step,
                struct phx_preview *ret_preview);

/* For world.h's offer. */
int phx_machine_offer(
                const struct phx_machine *machine,
                const struct phx_observed_container *have,
                const char *label,
                bool is_edited,
                struct phx_offer *ret_offer);

/* Records on disk, at once, what the steps are about to make ours; to be called before the first of
 * them is carried out. What could not be recorded, each step tries to record itself.
 * 0, or a negative errno while the record is not saved. */
int phx_machine_claim(
                struct phx_machine *machine,
                const struct phx_step *const *steps,
                size_t count);

/* Carries the step out. */
int phx_machine_apply(
                struct phx_machine *machine,
                const struct phx_step *step,
                struct phx_error *error);
