/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "phoenixctl/history.h"
#include "phoenixctl/remote.h"
#include "phoenixctl/shown.h"
#include "phoenixctl/tasks.h"
#include "phoenixctl/verb.h"
#include "state/record.h"
#include "state/report.h"

#define LINES_LIMIT 1000000UL

const struct option verb_history_options[] = {
        { "all", no_argument, NULL, 'a' },
        { "lines", required_argument, NULL, 'n' },
        { "since", required_argument, NULL, 's' },
        { NULL, 0, NULL, 0 },
};

static int history_usage(const char *expected) {
        (void) fprintf(stderr,
                       "phoenixctl: history: expected %s; see phoenixctl help history\n",
                       expected);
        return CTL_ERROR;
}

/* "1h" is an hour ago; else a date, with or without a time. */
static bool parse_since(const char *text, uint64_t *ret_usec) {
        static const char *const forms[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d" };
        uint64_t span = shown_parse_span(text);

        if (span > 0) {
                *ret_usec = shown_now() - span;
                return true;
        }
        for (size_t i = 0; i < PHX_ELEMENTS(forms); i++) {
                struct tm time = { .tm_isdst = -1 };
                const char *end = strptime(text, forms[i], &time);

                if (end && !*end) {
                        *ret_usec = (uint64_t) mktime(&time) * 1000000;
                        return true;
                }
        }
        return false;
}

static int history_read_options(int argc, char **argv, struct history_query *query) {
        char *end = NULL;
        int option;

        optind = 0;
        /* The process has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        while ((option = getopt_long(argc, argv, "", verb_history_options, NULL)) != -1) {
                if (option == 'a')
                        query->has_intents = true;
                if (option == 's' && !parse_since(optarg, &query->since_usec))
                        return history_usage("a time after --since, such as 2h, 3d, 2026-11-26 or "
                                             "'2026-11-26 14:30'");
                if (option != 'n')
                        continue;
                query->limit = strtoul(optarg, &end, 10);
                if (*end || query->limit == 0 || query->limit > LINES_LIMIT)
                        return history_usage("a number after --lines");
        }
        if (argc - optind > 1)
                return history_usage("one object, or none");
        query->object = optind < argc ? argv[optind] : NULL;
        return 0;
}

static void print_digest(const char *name, const char *digest) {
        if (digest)
                (void) printf(" %s %.12s", name, digest);
}

static void history_render_time(uint64_t at, char text[32]) {
        time_t seconds = (time_t) (at / 1000000);
        struct tm time = { 0 };

        (void) localtime_r(&seconds, &time);
        (void) strftime(text, 32, "%Y-%m-%d %H:%M:%S", &time);
}

static void print_event(const struct ctl *ctl, const struct phx_answer_event *event) {
        enum phx_record_kind kind;
        bool is_bad = phx_record_kind_from_string(event->kind, &kind) &&
                      phx_record_kind_is_bad(kind);
        char when[32] = "";

        history_render_time(event->at, when);
        (void) printf("%s  %s%-16s%s %s\n",
                      when,
                      is_bad ? shown_bad(ctl) : "",
                      event->kind,
                      is_bad ? shown_plain(ctl) : "",
                      event->message);
        if (ctl->full && event->until != PHX_NEVER) {
                history_render_time(event->until, when);
                (void) printf("%21s until %s\n", "", when);
        }
        if (!ctl->full || (!event->old_digest && !event->new_digest && !event->generation))
                return;
        (void) printf("%21s", "");
        print_digest("from", event->old_digest);
        print_digest("to", event->new_digest);
        print_digest("generation", event->generation);
        (void) puts("");
}

static int history_print_json(const struct phx_answer_history *history) {
        phx_autofree char *text = NULL;

        if (phx_answer_history(history, &text) < 0)
                return CTL_ERROR;
        (void) puts(text);
        return 0;
}

/* What Proxmox has done among what phoenixd has. */
static int history_add_tasks(
                const struct ctl *ctl,
                const struct history_query *query,
                struct phx_answer_history *history) {
        phx_cleanup(phx_answer_history_done) struct phx_answer_history tasks = { 0 };
        struct phx_error error = { 0 };
        struct utsname host;
        int r;

        (void) uname(&host);
        host.nodename[strcspn(host.nodename, ".")] = '\0';
        r = tasks_read(&(const struct tasks_query){ .directory = TASKS_DIRECTORY,
                                                    .node = host.nodename,
                                                    .object = query->object,
                                                    .since_usec = query->since_usec },
                       &tasks,
                       &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0 && !ctl->quiet)
                (void) fprintf(stderr,
                               "phoenixctl: history: %s; not all tasks of Proxmox are shown\n",
                               phx_error_text(&error, r));
        return history_merge(history, &tasks, query->limit);
}

int verb_history(const struct ctl *ctl, int argc, char **argv) {
        phx_cleanup(phx_answer_history_done) struct phx_answer_history history = { 0 };
        phx_autofree char *profile = NULL;
        struct history_query query = { 0 };
        struct phx_error error = { 0 };
        int r;

        if (history_read_options(argc, argv, &query) != 0)
                return CTL_ERROR;
        if (ctl->host) {
                (void) fprintf(stderr,
                               "phoenixctl: history: reads only the journal of this host; run ssh %s "
                               "phoenixctl history\n",
                               ctl->host);
                return CTL_ERROR;
        }
        if (query.object)
                query.profile = profile = remote_profile_of(query.object);
        r = history_read(&query, &history, &error);
        if (r >= 0)
                r = history_add_tasks(ctl, &query, &history);
        if (r < 0) {
                (void) fprintf(stderr, "phoenixctl: %s\n", phx_error_text(&error, r));
                return CTL_ERROR;
        }
        if (ctl->json)
                return history_print_json(&history);
        for (size_t i = 0; !ctl->quiet && i < history.count; i++)
                print_event(ctl, &history.events[i]);
        if (history.count == 0 && !ctl->quiet)
                (void) fprintf(stderr,
                               "phoenixctl: history: no records, or permission denied: requires root or "
                               "the group systemd-journal or adm\n");
        return 0;
}
