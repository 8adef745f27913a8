/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "phoenixctl/ctl.h"
#include "state/daemon.h"

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

/* What Plan() answers, likewise. A user who may not see the texts gets CTL_NOT_ALLOWED, without a
 * word when IS_QUIET. */
int remote_plan(const struct ctl *ctl,
                bool is_quiet,
                struct phx_snapshot_plan *ret_plan,
                char **ret_text);

/* Of the same answer what phoenixd offers; without a word when there is no answer. 0 or the exit
 * status. */
int remote_offers(const struct ctl *ctl, struct phx_snapshot_plan *ret_plan);

/* Calls ON_NEWS with the description, which it may take, and its JSON, at once and whenever
 * phoenixd announces that something has changed; with NULLs when it is not running. Goes on until
 * ON_NEWS or the bus fails, and returns the exit status. */
int remote_watch(
                const struct ctl *ctl,
                int (*on_news)(void *data, const char *text, struct phx_description *description),
                void *data);

/* Calls METHOD of org.phoenixd1.Manager with arguments of these D-Bus TYPES, and waits for as long
 * as it takes: the caller may have to enter a password, and a pass may last. 0, or the
 * exit status, as above. */
int remote_request(const struct ctl *ctl, const char *method, const char *types, ...);
