/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/texts.h"
#include "base/trust.h"
#include "compiler/compiler.h"
#include "kernel/loaded.h"
#include "policy/verdict.h"
#include "profiles/queue.h"
#include "source/definitions.h"
#include "state/configuration.h"
#include "state/desired.h"
#include "state/inventory.h"
#include "state/settings.h"
#include "state/snapshot.h"

/* The profiles that are to be in force: every source that compiles, keeps the rules and passes its
 * test, and the last good one of those that do not. Pieces that sources include from the profile
 * directory (abstractions/…, tunables/…) come along as profiles without a policy: they are deployed
 * for the boot. */
struct phx_profiles;

struct phx_profiles_options {
        const struct phx_trust *trust;
        const char *parser;
        const char *parser_config; /* PHX_PARSER_CONFIG; NULL for none */
        const char *accounts;      /* PHX_COMPILER_ACCOUNTS; NULL: `nobody` will do */
        const char *features_file; /* NULL: the running kernel's */
        const char *shared_cache;  /* see phx_policy_cache_get_shared(); NULL for none */
        const char *stage_dir;
        int cache_fd;                           /* compiled policies */
        int good_fd;                            /* last good texts */
        const struct phx_policy_prober *prober; /* tries policies that have a test */
        const struct phx_compile_progress *progress;
        /* Puts nothing in force: nothing is kept (the two directories are -1), somebody waits for
         * it, and compiles may run as `nobody` when they have no account of their own. */
        bool is_offline;
        /* Then: a directory of policies that earlier runs have compiled, and that this one adds to;
         * NULL for none. */
        const int *earlier_fd;
        /* For one such look, both NULL otherwise: everything that is wrong with profiles and tests,
         * but for those that are being written, and what the compiler said besides, where files of
         * the profile directory are named without it; and which profiles to look at. */
        struct phx_findings *findings;
        const struct phx_strings *only;
};

/* Borrows all that OPTIONS names. */
int phx_profiles_new(
                const struct phx_profiles_options *options,
                struct phx_profiles **ret_profiles);
struct phx_profiles *phx_profiles_free(struct phx_profiles *profiles);
PHX_DEFINE_FREEP(phx_profiles)

/* Takes up what the inventory records as last good. To be called once, before the first look. */
int phx_profiles_recall(struct phx_profiles *profiles, const struct phx_inventory *inventory);

/* What was judged, for the next run of this very program. To be rendered when it is unkept: a
 * judgement has changed, or others (IS_NEWS) have something to keep, and nothing is being compiled.
 * With IS_FEW a few that have changed may be left out: they are not worth rendering all for them.
 * 1, or 0 when they are what was rendered or taken up last, as after a look in which all was judged
 * again; -EAGAIN when nothing can be kept now, or -ENOMEM. */
bool phx_profiles_is_unkept(const struct phx_profiles *profiles, bool is_news, bool is_few);
int phx_profiles_render(struct phx_profiles *profiles, struct phx_buffer *bytes);
/* What was rendered could not be written: the next time it counts as other than before. */
void phx_profiles_unkeep(struct phx_profiles *profiles);
/* Takes it up, before the first look: what still holds then is not judged again. -EBADMSG or
 * -ENOMEM, and then everything is. */
int phx_profiles_parse(struct phx_profiles *profiles, struct phx_texts *reader);

/* What is known of the last known good policies, for the next run of this very program in the same
 * boot; and what the run before has left, before phx_profiles_recall(). 0 or a negative errno. */
int phx_profiles_leave(const struct phx_profiles *profiles, struct phx_buffer *texts);
int phx_profiles_take(struct phx_profiles *profiles, struct phx_texts *texts);

/* The next update tries again what did not compile, and judges everything again; and a person waits
 * for all that it finds to be compiled. */
void phx_profiles_forget_failures(struct phx_profiles *profiles);

/* Compiles run between two updates: at most LIMIT of them, each of which asks for an update when it
 * has ended, or is late, or others need not wait for it any longer. Returns how many. */
size_t phx_profiles_compiles(
                const struct phx_profiles *profiles,
                struct phx_process_watch *watches,
                size_t limit);

/* Whether one of them asks for it now: nothing else makes it known. */
bool phx_profiles_has_compiled(const struct phx_profiles *profiles);

/* Whether something waits for a compile, and it is not known yet who waits for it; that NAME is
 * waited for with this urgency; and that this was all. */
bool phx_profiles_is_unranked(const struct phx_profiles *profiles);
void phx_profiles_rank(struct phx_profiles *profiles, const char *name, enum phx_urgency urgency);
void phx_profiles_set_ranked(struct phx_profiles *profiles);

/* What one look needs to know. */
struct phx_profiles_look {
        const struct phx_settings *settings;
        const char *features;         /* id of the kernel's; NULL: nothing can be compiled */
        const char *features_text;    /* see struct phx_compiler; NULL without */
        enum phx_hash_kind hash_kind; /* of the kernel */
        const struct phx_definitions *definitions;     /* of other people's files */
        const struct phx_configuration *configuration; /* NULL without one */
        uint64_t now_usec;                             /* monotonic */
        const struct phx_scope *scope; /* what is to be read again; NULL: everything */
};

/* Reads the sources, starts to compile what is new, takes what has been compiled since, and appends
 * what is desired to DESIRED, refusals of the directory as a whole included. INVENTORY is brought
 * up to date: 1 when it changed. RET_RETRY_USEC: when a compile that failed for want of time or
 * memory is worth another try. */
int phx_profiles_update(
                struct phx_profiles *profiles,
                const struct phx_profiles_look *look,
                struct phx_inventory *inventory,
                struct phx_desired *desired,
                uint64_t *ret_retry_usec);

/* Whether an update would find what the last one found: cheap, and false in doubt. What is loaded
 * and what other files define is not asked here. */
bool phx_profiles_is_unchanged(
                struct phx_profiles *profiles,
                const struct phx_settings *settings,
                const struct phx_scope *scope);

/* Whether an event at PATH asks for no more than an update with PATH in its scope, as far as the
 * sources and what they include are concerned; false in doubt. */
bool phx_profiles_covers(const struct phx_profiles *profiles, const char *path);

/* Appends where a change may change any of it. */
int phx_profiles_watches(const struct phx_profiles *profiles, struct phx_strings *watches);

/* The last good text with this SHA-256; borrowed until the next update. NULL when there is none, or
 * it is lost, which the next update finds. */
const char *phx_profiles_text(struct phx_profiles *profiles, const char *digest, size_t *ret_size);
/* The compiled policy with this key, from the cache; the caller's. -ENOENT when KEY is NULL or
 * belongs to no last good profile, or when the cache has lost it: it is compiled again at the next
 * look. */
int phx_profiles_blob(
                struct phx_profiles *profiles,
                const char *key,
                char **ret_blob,
                size_t *ret_size);
/* How useful the cache was; RET_CACHE stays as it is before the first look. 0 or -ENOMEM. */
int phx_profiles_cache(const struct phx_profiles *profiles, struct phx_snapshot_cache *ret_cache);
/* What the policy of NAME was compiled from, as a digest; borrowed. NULL when it has no policy. */
const char *phx_profiles_key(const struct phx_profiles *profiles, const char *name);
/* A profile that was withdrawn has lost its file. */
void phx_profiles_forget(struct phx_profiles *profiles, const char *name);
/* Removes from disk what belongs to no profile any more. Only when the inventory is saved: what it
 * names must be there. What cannot be removed is tried again by the next call. */
void phx_profiles_tidy(struct phx_profiles *profiles);
