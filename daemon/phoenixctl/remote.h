/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "phoenixctl/ctl.h"
#include "state/daemon.h"
#include "state/tally.h"

/* What the phoenixd that CTL names describes, or of the file FROM when that is not NULL: as JSON
 * in RET_TEXT when that is not NULL, too. 0, or the exit status: then standard error has the reason
 * and the next step. */
int remote_describe(
                const struct ctl *ctl,
                const char *from,
                struct phx_description *ret_description,
                char **ret_text);

/* The profile of the container with this id, as phoenixd on this host has it: the caller's to free.
 * NULL, without a word, when that is not known: there is no such container, or phoenixd is not
 * running. */
char *remote_profile_of(const char *id);

/* Lists of objects that a verb shows, as bits. */
enum {
        REMOTE_PROFILES = 1 << 0,
        REMOTE_CONTAINERS = 1 << 1,
        REMOTE_UNMANAGED = 1 << 2,
        REMOTE_DRIFTS = 1 << 3,
};

/* A part of the description: how the daemon is, all counts, and some of the objects. */
struct remote_view {
        struct phx_description description;
        struct phx_tally tally;
        bool is_whole; /* all objects are there, whatever was asked for */
};

void remote_view_done(struct remote_view *view);

/* The description with those LISTS; of a file, or a phoenixd of an earlier version, with all. 0, or
 * the exit status, as above. */
int remote_view(const struct ctl *ctl,
                const char *from,
                unsigned lists,
                struct remote_view *ret_view);

/* The description with the profiles and containers of these NAMES, the profiles of these
 * containers, and the drifts of all of them. A name that is none is passed over. */
int remote_view_objects(
                const struct ctl *ctl,
                const char *from,
                int count,
                char *const *names,
                struct remote_view *ret_view);

/* The description with the first drifts, LIMIT of those that print_drifts() of status shows, and
 * the containers that they are about. */
int remote_view_attention(
                const struct ctl *ctl,
                const char *from,
                size_t limit,
                struct remote_view *ret_view);

/* What Plan() answers, likewise. A user who may not see the texts gets CTL_NOT_ALLOWED, without a
 * word when IS_QUIET. */
int remote_plan(const struct ctl *ctl,
                bool is_quiet,
                struct phx_snapshot_plan *ret_plan,
                char **ret_text);

/* Of the same answer what phoenixd offers; without a word when there is no answer. 0 or the exit
 * status. */
int remote_offers(const struct ctl *ctl, struct phx_snapshot_plan *ret_plan);

/* Calls ON_NEWS with the description, which it may take, at once and whenever phoenixd announces
 * that something has changed; with NULLs when it is not running. With --json it is whole, and TEXT
 * is what it was read from; else it has drifts alone. Goes on until ON_NEWS or the bus fails, and
 * returns the exit status. */
int remote_watch(
                const struct ctl *ctl,
                int (*on_news)(void *data, const char *text, struct phx_description *description),
                void *data);

/* Calls METHOD of org.phoenixd1.Manager with arguments of these D-Bus TYPES, and waits for as long
 * as it takes: the caller may have to enter a password, and a pass may last. 0, or the
 * exit status, as above. */
int remote_request(const struct ctl *ctl, const char *method, const char *types, ...);
