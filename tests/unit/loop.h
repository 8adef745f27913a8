/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What tests of event sources share: a loop, a listener that counts, a temporary directory. */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>
#include <systemd/sd-event.h>

#include "loop/listener.h"

#define MS UINT64_C(1000)
#define S (1000 * MS)

struct counter {
        unsigned looks;
        unsigned full;
        unsigned arrivals;
        struct phx_scope scope; /* of all of them but the full ones */
};

static inline void count_look(void *data, const struct phx_scope *scope) {
        struct counter *counter = data;

        counter->looks++;
        counter->full += !scope;
        if (scope)
                phx_scope_join(&counter->scope, scope);
}

static inline void count_arrival(void *data) {
        ((struct counter *) data)->arrivals++;
}

static inline uint64_t clock_usec(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * S + (uint64_t) now.tv_nsec / 1000;
}

/* Runs the loop until COUNTER has LOOKS or the time is over. */
static inline void run_until(
                sd_event *event,
                const struct counter *counter,
                unsigned looks,
                uint64_t usec) {
        uint64_t end = clock_usec() + usec, now;

        while (counter->looks < looks && (now = clock_usec()) < end)
                assert_true(sd_event_run(event, end - now) >= 0);
}

/* Runs the loop until nothing more happens. */
static inline void settle(sd_event *event) {
        while (sd_event_run(event, 30 * MS) > 0)
                ;
}

/* Those that the daemon takes from its loop. */
static inline void block_signals(void) {
        sigset_t set;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGTERM);
        (void) sigaddset(&set, SIGINT);
        (void) sigaddset(&set, SIGHUP);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
}

static inline void make_directory(char *path) {
        assert_non_null(mkdtemp(path));
}

static inline void remove_tree(const char *path) {
        char command[512];

        (void) snprintf(command, sizeof(command), "rm -rf '%s'", path);
        assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */
}

static inline void write_file(const char *directory, const char *name, const char *text) {
        char path[512];
        FILE *file;

        (void) snprintf(path, sizeof(path), "%s/%s", directory, name);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}
