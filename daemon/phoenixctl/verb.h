/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <getopt.h>
#include <stddef.h>

#include "phoenixctl/ctl.h"

struct ctl_verb {
        const char *name;
        const char *arguments; /* "" for none */
        const char *summary;
        /* getopt_long() options of its own, all of them long, ended by zeros, or NULL. The verb
         * parses them itself: they come before "--", and the arguments after it. */
        const struct option *options;
        /* argv[0] is the verb, argv[argc] is NULL; returns the exit status. */
        int (*run)(const struct ctl *ctl, int argc, char **argv);
        bool is_paged;
        /* Options stand before its arguments, among which may be words such as "->". */
        bool takes_words;
};

/* All of them, in the order of the help; ended by a name that is NULL. */
extern const struct ctl_verb ctl_verbs[];

const struct ctl_verb *ctl_verb_find(const char *name);

extern const struct option verb_advise_options[];
int verb_advise(const struct ctl *ctl, int argc, char **argv);
int verb_diff(const struct ctl *ctl, int argc, char **argv);
int verb_explain(const struct ctl *ctl, int argc, char **argv);
int verb_help(const struct ctl *ctl, int argc, char **argv);
extern const struct option verb_history_options[];
int verb_history(const struct ctl *ctl, int argc, char **argv);
extern const struct option verb_list_options[];
int verb_list(const struct ctl *ctl, int argc, char **argv);
int verb_plan(const struct ctl *ctl, int argc, char **argv);
int verb_posture(const struct ctl *ctl, int argc, char **argv);
extern const struct option verb_reconcile_options[];
int verb_reconcile(const struct ctl *ctl, int argc, char **argv);
int verb_reload(const struct ctl *ctl, int argc, char **argv);
extern const struct option verb_restart_options[];
int verb_restart(const struct ctl *ctl, int argc, char **argv);
extern const struct option verb_resume_options[];
int verb_resume(const struct ctl *ctl, int argc, char **argv);
int verb_status(const struct ctl *ctl, int argc, char **argv);
extern const struct option verb_suspend_options[];
int verb_suspend(const struct ctl *ctl, int argc, char **argv);
extern const struct option verb_validate_options[];
int verb_validate(const struct ctl *ctl, int argc, char **argv);
int verb_version(const struct ctl *ctl, int argc, char **argv);
int verb_watch(const struct ctl *ctl, int argc, char **argv);
int verb_can(const struct ctl *ctl, int argc, char **argv);
