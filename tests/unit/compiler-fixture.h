/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Compiling with the real parser, or with a script in its place. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "compiler/compiler.h"
#include "compiler/message.h"
#include "config.h"
#include "tree.h"

#define FEATURES "/usr/share/apparmor-features/features"

#define SECONDS 1000000ULL

/* Of no user. */
#define ACCOUNT 64321

#define MIB (1ULL << 20)

static const struct phx_include_roots roots = { "/profiles", NULL, "/deployed" };

static struct phx_trust trust;

static struct phx_files *files;

static struct phx_compiler compiler;

static struct phx_closure closures[8];

static struct phx_compile_job jobs[8];

static size_t job_count;

static inline int set_up(void **state) {
        static char stage_dir[PATH_MAX];

        trust = (struct phx_trust){ .root = tree_new(), .owner = geteuid() };
        /* The compiler's user passes through, as it does on a machine. */
        assert_int_equal(chmod(trust.root, 0755), 0);
        tree_mkdir("profiles");
        tree_mkdir("deployed");
        tree_mkdir("stage");
        (void) snprintf(stage_dir, sizeof(stage_dir), "%s", tree_path("stage"));
        compiler = (struct phx_compiler){ .parser = PHX_PARSER,
                                          .features_file = FEATURES,
                                          .stage_dir = stage_dir,
                                          .account = { ACCOUNT, ACCOUNT },
                                          .niceness = 3,
                                          .jobs = 2,
                                          .deadline_usec = 30 * SECONDS,
                                          .memory = 512 * MIB };
        return phx_files_new(&trust, &files);
}

static inline void forget_jobs(void) {
        for (size_t i = 0; i < job_count; i++) {
                phx_compile_job_done(&jobs[i]);
                phx_closure_done(&closures[i]);
                jobs[i] = (struct phx_compile_job){ 0 };
        }
        job_count = 0;
}

static inline int tear_down(void **state) {
        /* Whatever the outcome, nothing of a compile stays behind. */
        assert_int_equal(rmdir(tree_path("stage")), 0);
        forget_jobs();
        files = phx_files_free(files);
        tree_done();
        return 0;
}

static inline struct phx_compile_job *add_job(const char *name, const char *text) {
        struct phx_compile_job *job = &jobs[job_count];
        char path[128];

        (void) snprintf(path, sizeof(path), "profiles/%s", name);
        tree_write(path, text);
        (void) snprintf(path, sizeof(path), "/profiles/%s", name);
        *job = (struct phx_compile_job){ .name = name,
                                         .profile = phx_files_get(files, path),
                                         .closure = &closures[job_count],
                                         .files = files };
        assert_non_null(job->profile);
        assert_int_equal(job->profile->result, 0);
        assert_int_equal(
                        phx_closure_collect(files, &roots, name, text, &closures[job_count], NULL),
                        0);
        job_count++;
        return job;
}

static inline void compile(void) {
        assert_int_equal(phx_compile(&compiler, jobs, job_count, NULL), 0);
}

/* The only job of a new look. */
static inline struct phx_compile_job *compile_one(const char *text) {
        struct phx_compile_job *job;

        forget_jobs();
        files = phx_files_free(files);
        assert_int_equal(phx_files_new(&trust, &files), 0);
        job = add_job("lxc-a", text);
        compile();
        return job;
}

static inline void assert_failed(
                const struct phx_compile_job *job,
                int result,
                const char *message) {
        assert_string_equal(job->error.text, message);
        assert_int_equal(job->result, result);
        assert_null(job->blob);
}

/* A shell script in the compiler's place. */
static inline void pretend(const char *script) {
        static char path[PATH_MAX];
        char text[2048];

        (void) snprintf(text, sizeof(text), "#!/bin/sh\n%s", script);
        tree_write("parser", text);
        assert_int_equal(chmod(tree_path("parser"), 0755), 0);
        (void) snprintf(path, sizeof(path), "%s", tree_path("parser"));
        compiler.parser = path;
        compiler.features_file = NULL;
}

static inline void need_compiler(void) {
        if (access(PHX_PARSER, X_OK) < 0 || access(FEATURES, R_OK) < 0)
                skip();
}
