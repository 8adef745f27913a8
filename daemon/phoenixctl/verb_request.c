/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What an operator may ask phoenixd to do. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phoenixctl/remote.h"
#include "phoenixctl/shown.h"
#include "phoenixctl/verb.h"

const struct option verb_reconcile_options[] = {
        { "no-wait", no_argument, NULL, 'n' },
        { "wait", no_argument, NULL, 'w' },
        { NULL, 0, NULL, 0 },
};

const struct option verb_suspend_options[] = {
        { "all", no_argument, NULL, 'a' },
        { "for", required_argument, NULL, 'f' },
        { "reason", required_argument, NULL, 'r' },
        { NULL, 0, NULL, 0 },
};

const struct option verb_resume_options[] = {
        { "all", no_argument, NULL, 'a' },
        { NULL, 0, NULL, 0 },
};

const struct option verb_restart_options[] = {
        { "all-needed", no_argument, NULL, 'a' },
        { "in-window", no_argument, NULL, 'i' },
        { "now", no_argument, NULL, 'n' },
        { NULL, 0, NULL, 0 },
};

static int request_usage(const char *verb, const char *expected) {
        (void) fprintf(stderr,
                       "phoenixctl: %s: expected %s; see phoenixctl help %s\n",
                       verb,
                       expected,
                       verb);
        return CTL_ERROR;
}

/* What became of it: the page that status shows. */
static int request_show(const struct ctl *ctl, const char *object) {
        char status[] = "status", end[] = "--", name[256];
        char *line[] = { status, end, name, NULL };

        int r;

        (void) snprintf(name, sizeof(name), "%s", object ? object : "");
        if (!object)
                line[2] = NULL;
        r = verb_status(ctl, object ? 3 : 2, line);
        /* That something is wrong is no fault of what was asked for. */
        return r == CTL_SOMETHING ? 0 : r;
}

int verb_reconcile(const struct ctl *ctl, int argc, char **argv) {
        bool waits = true;
        const char *object;
        int option, r;

        optind = 0;
        /* The process has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        while ((option = getopt_long(argc, argv, "", verb_reconcile_options, NULL)) != -1)
                waits = option == 'w';
        if (argc - optind > 1)
                return request_usage("reconcile", "one object, or none");
        object = argc > optind ? argv[optind] : NULL;
        r = remote_request(ctl, waits ? "Reconcile" : "ReconcileAsync", "s", object ? object : "");
        return r != 0 || !waits ? r : request_show(ctl, object);
}

int verb_reload(const struct ctl *ctl, int argc, char **argv) {
        int r;

        (void) shown_from(argc, argv);
        if (argc > optind)
                return request_usage("reload", "no arguments");
        r = remote_request(ctl, "Reload", "");
        return r != 0 ? r : request_show(ctl, NULL);
}

struct suspension {
        bool all;
        const char *reason;
        uint64_t span; /* 0: until it is resumed */
};

static int request_read_options(int argc, char **argv, struct suspension *suspension) {
        int option;

        optind = 0;
        /* The process has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        while ((option = getopt_long(argc, argv, "", verb_suspend_options, NULL)) != -1) {
                if (option == 'a')
                        suspension->all = true;
                if (option == 'r')
                        suspension->reason = optarg;
                if (option != 'f')
                        continue;
                suspension->span = shown_parse_span(optarg);
                if (suspension->span == 0)
                        return request_usage(
                                        "suspend",
                                        "a time after --for, such as 90s, 30min, 1h or 2d");
        }
        return 0;
}

int verb_suspend(const struct ctl *ctl, int argc, char **argv) {
        struct suspension suspension = { 0 };
        const char *object;
        int r;

        r = request_read_options(argc, argv, &suspension);
        if (r != 0)
                return r;
        if (argc - optind != (suspension.all ? 0 : 1))
                return request_usage("suspend", "one object, or --all");
        if (!suspension.reason)
                return request_usage("suspend", "--reason, which is required");
        object = suspension.all ? "" : argv[optind];
        r = remote_request(
                        ctl,
                        "Suspend",
                        "sst",
                        object,
                        suspension.reason,
                        suspension.span > 0 ? shown_now() + suspension.span : (uint64_t) 0);
        return r != 0 ? r : request_show(ctl, suspension.all ? NULL : object);
}

int verb_resume(const struct ctl *ctl, int argc, char **argv) {
        bool all = false;
        int r;

        optind = 0;
        /* The process has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        while (getopt_long(argc, argv, "", verb_resume_options, NULL) == 'a')
                all = true;
        if (argc - optind != (all ? 0 : 1))
                return request_usage("resume", "one object, or --all");
        r = remote_request(ctl, "Resume", "s", all ? "" : argv[optind]);
        return r != 0 ? r : request_show(ctl, all ? NULL : argv[optind]);
}

int verb_restart(const struct ctl *ctl, int argc, char **argv) {
        bool all = false, in_window = false, now = false;
        int option, r;

        optind = 0;
        /* The process has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        while ((option = getopt_long(argc, argv, "", verb_restart_options, NULL)) != -1) {
                all = all || option == 'a';
                in_window = in_window || option == 'i';
                now = now || option == 'n';
        }
        if (in_window && now)
                return request_usage("restart", "--now or --in-window, and not both");
        if (argc - optind != (all ? 0 : 1))
                return request_usage("restart", "one container, or --all-needed");
        r = remote_request(
                        ctl,
                        "Restart",
                        "ss",
                        all ? "" : argv[optind],
                        in_window ? "in-window" : "now");
        return r != 0 ? r : request_show(ctl, all ? NULL : argv[optind]);
}
