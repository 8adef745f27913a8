/* SPDX-License-Identifier: GPL-2.0-or-later */

/* For each change of an operator's and each call by which the engine changes something on the way:
 * the engine is killed there, or the call fails, or writes half. Then a new engine is started on
 * what is left. It must come to the same machine as one that nobody disturbed, byte by byte, and
 * what is found in between must never be half a file, nor less confined than before. Neither
 * engine may load an older policy over the new one.
 *
 * usage: crash [--all] [--verbose] [--at CHANGE,FAULT,N]; FAULT: kill, short, or an errno
 *
 * Without --all about one call in STRIDE is disturbed, always the same ones; what is left out is
 * for tests/release. */

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trust.h"
#include "host.h"

/* Enough for what is retried at every look. */
#define LOOKS 6

static const struct fault {
        const char *name;
        enum fault_kind kind;
        int error;
} faults[] = {
        { "killed", FAULT_KILL, 0 },        { "no room", FAULT_ERRNO, ENOSPC },
        { "disk error", FAULT_ERRNO, EIO }, { "read-only", FAULT_ERRNO, EROFS },
        { "half written", FAULT_SHORT, 0 },
};

static bool arg_verbose;
static long arg_change = -1, arg_fault = -1, arg_at = -1;
static size_t arg_every = 1;

/* The machine before a change was looked at, and after. */
struct model {
        const struct change *change;
        struct tree_picture begun; /* converged, then changed: where each run starts */
        struct tree_picture before;
        struct tree_picture after;
        size_t calls;
};

static void run(struct tracer *tracer, struct engine_run *engine) {
        engine->looks = LOOKS;
        engine->is_verbose = arg_verbose;
        host_run(tracer, engine);
}

static void run_undisturbed(const char *what, bool may_fail, struct engine_run *engine) {
        struct tracer tracer = { 0 };

        engine->counts_descriptors = !may_fail;
        run(&tracer, engine);
        engine->counts_descriptors = false;
        if (!engine->has_converged && !may_fail)
                errx(1, "%s: not all was repaired, and nobody disturbed it", what);
        if (engine->violation[0])
                errx(1, "%s: %s", what, engine->violation);
}

static void make_model(const struct change *change, struct model *model) {
        struct engine_run engine = { 0 };
        struct tracer tracer = { 0 };

        model->change = change;
        change->begin();
        run_undisturbed("before the change", change->is_degraded_before, &engine);
        tree_picture_take(host_directory(), &model->before);
        change->make();
        tree_picture_take(host_directory(), &model->begun);

        run(&tracer, &engine);
        model->calls = tracer.count;
        if (!engine.has_converged || engine.violation[0])
                errx(1, "%s: %s", change->name, engine.violation);
        run_undisturbed("after the change", false, &engine);
        if (engine.written > 0)
                errx(1, "%s: a converged engine changed %zu things", change->name, engine.written);
        tree_picture_take(host_directory(), &model->after);
}

static void model_done(struct model *model) {
        tree_picture_done(&model->begun);
        tree_picture_done(&model->before);
        tree_picture_done(&model->after);
}

/* "" or what is wrong. */
static const char *check_found(const struct model *model) {
        struct tree_picture found;
        const char *wrong;

        tree_picture_take(host_directory(), &found);
        wrong = host_check_dead(&model->before, &model->after, &found);
        tree_picture_done(&found);
        return wrong;
}

static const char *check_end(const struct model *model) {
        struct tree_picture found;
        const char *wrong;

        tree_picture_take(host_directory(), &found);
        wrong = tree_picture_compare(&model->after, &found);
        tree_picture_done(&found);
        return wrong;
}

/* A fresh engine on what is left: "" or what is wrong. */
static const char *recover(const struct model *model) {
        static struct engine_run engine;
        struct tracer calm = { 0 };

        engine.after = &model->after;
        run(&calm, &engine);
        if (engine.violation[0])
                return engine.violation;
        if (!engine.has_converged)
                return "the next engine did not get over it";
        return check_end(model);
}

/* "" or what is wrong. */
static const char *disturb(
                const struct model *model,
                const struct fault *fault,
                size_t at,
                struct tracer *tracer) {
        static struct engine_run engine;
        const char *wrong;

        *tracer = (struct tracer){ .fault = fault->kind, .at = at, .error = fault->error };
        tree_picture_restore(&model->begun, host_directory());
        engine.after = &model->after;
        run(tracer, &engine);
        if (!tracer->was_made)
                return "";
        if (engine.violation[0])
                return engine.violation;
        wrong = check_found(model);
        if (wrong[0])
                return wrong;
        if (fault->kind != FAULT_KILL && !engine.has_converged)
                return "the engine itself did not get over it";
        return recover(model);
}

static bool is_chosen(size_t at, size_t fault) {
        if (arg_at >= 0)
                return at == (size_t) arg_at && fault == (size_t) arg_fault;
        /* Each fault at other calls, so that together they come close to all. */
        return (at + fault) % arg_every == 0;
}

static bool try_all(const struct model *model, size_t which, size_t fault) {
        size_t points = 0, wrongs = 0;

        for (size_t at = 0; at < model->calls; at++) {
                struct tracer tracer;
                const char *wrong;

                if (!is_chosen(at, fault))
                        continue;
                wrong = disturb(model, &faults[fault], at, &tracer);
                points += tracer.was_made;
                if (!wrong[0])
                        continue;
                wrongs++;
                (void) printf("# --at %zu,%zu,%zu: %s at %s: %s\n",
                              which,
                              fault,
                              at,
                              faults[fault].name,
                              tracer.where,
                              wrong);
        }
        (void) printf("%sok - %s, %s at %zu of %zu calls\n",
                      wrongs > 0 ? "not " : "",
                      model->change->name,
                      faults[fault].name,
                      points,
                      model->calls);
        (void) fflush(stdout);
        return wrongs == 0;
}

/* All parents must be as trusted as those of a real machine's files are: those of the build mostly
 * are. NULL when there is no such place. */
static const char *find_place(void) {
        const struct phx_trust trust = { "/", 0 };
        static char directory[PATH_MAX];
        const char *candidates[] = { getcwd(directory, sizeof(directory)), "/run" };

        for (size_t i = 0; i < PHX_ELEMENTS(candidates); i++) {
                phx_autoclose int fd = -1;

                if (candidates[i] &&
                    phx_trust_open_directory(&trust, candidates[i], &fd, NULL) >= 0)
                        return candidates[i];
        }
        return NULL;
}

static const char *find_reason_to_skip(void) {
#ifndef __x86_64__
        return "the tracer knows x86-64 alone";
#endif
        if (geteuid() != 0)
                return "the engine is root";
        return find_place() ? NULL : "there is no directory that root alone may write";
}

static void parse(int argc, char *argv[]) {
        static const struct option options[] = { { "change", required_argument, NULL, 'c' },
                                                 { "every", required_argument, NULL, 'e' },
                                                 { "verbose", no_argument, NULL, 'v' },
                                                 { "at", required_argument, NULL, '@' },
                                                 { 0 } };
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (c) {
                case 'c':
                        arg_change = strtol(optarg, NULL, 10);
                        break;
                case 'e':
                        arg_every = strtoul(optarg, NULL, 10);
                        if (arg_every > 0)
                                break;
                        errx(2, "--every: expected a number above 0");
                case 'v':
                        arg_verbose = true;
                        break;
                case '@':
                        /* NOLINTNEXTLINE(cert-err34-c) */
                        if (sscanf(optarg, "%ld,%ld,%ld", &arg_change, &arg_fault, &arg_at) == 3)
                                break;
                        __attribute__((__fallthrough__));
                default:
                        errx(2,
                             "usage: crash [--change N] [--every N] [--at CHANGE,FAULT,CALL] [--verbose]");
                }
}

int main(int argc, char *argv[]) {
        const char *reason = find_reason_to_skip();
        char directory[PATH_MAX];
        bool is_good = true;

        parse(argc, argv);
        if (reason) {
                (void) printf("1..0 # SKIP %s\n", reason);
                return 0;
        }
        if (snprintf(directory, sizeof(directory), "%s/crash-XXXXXX", find_place()) >=
                            (int) sizeof(directory) ||
            !mkdtemp(directory) || chmod(directory, 0755) < 0)
                err(1, "%s", directory);
        host_init(directory);

        (void) printf("1..%zu\n", (arg_change < 0 ? change_count : 1) * PHX_ELEMENTS(faults));
        for (size_t i = 0; i < change_count; i++) {
                struct model model = { 0 };

                if (arg_change >= 0 && (size_t) arg_change != i)
                        continue;
                make_model(&changes[i], &model);
                for (size_t j = 0; j < PHX_ELEMENTS(faults); j++)
                        is_good &= try_all(&model, i, j);
                model_done(&model);
        }
        host_remove();
        return is_good ? 0 : 1;
}
