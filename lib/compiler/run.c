/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "compiler/run.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/strings.h"
#include "compiler/child.h"
#include "compiler/features.h"
#include "compiler/output.h"
#include "compiler/shared.h"

static void run_close(struct phx_run *run) {
        if (run->end.policy_fd >= 0)
                (void) close(run->end.policy_fd);
        if (run->end.messages_fd >= 0)
                (void) close(run->end.messages_fd);
        run->end.policy_fd = run->end.messages_fd = -1;
}

static void run_end(struct phx_run *run) {
        if (phx_run_is_over(run))
                return;
        run->end.pid = run->process.pid;
        run->end.is_abandoned = phx_process_end(&run->process, &run->end.status) < 0;
        (void) phx_stage_remove(run->stage);
}

struct phx_run *phx_run_free(struct phx_run *run) {
        if (!run)
                return NULL;

        run_end(run);
        run_close(run);
        free(run->stage);
        free(run->output);
        phx_strings_done(&run->names);
        free(run);

        return NULL;
}

static int run_prepare(
                struct phx_run *run,
                const char *name,
                const struct phx_stage_content *contents,
                size_t count,
                struct phx_error *error) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < count; i++)
                r = phx_strings_add(&run->names, contents[i].name);
        if (r >= 0)
                r = phx_printf(&run->stage, "%s/%s", run->compiler.stage_dir, name);
        if (r < 0)
                return r;
        run->end.stage = run->stage;
        r = phx_compiler_output_new("phoenixd-policy", &run->end.policy_fd);
        if (r >= 0)
                r = phx_compiler_output_new("phoenixd-messages", &run->end.messages_fd);
        if (r < 0)
                return r;
        return phx_stage_create(
                        run->stage,
                        phx_stage_group(&run->compiler),
                        contents,
                        count,
                        error);
}

static int run_fork(struct phx_run *run, const struct phx_stage_content *contents, size_t count) {
        pid_t parent = getpid();
        int r;

        run->began_usec = phx_now_usec();
        r = phx_process_fork(&run->process);
        if (r > 0)
                phx_compiler_become(
                                &run->compiler,
                                &(struct phx_compiler_start){ contents,
                                                              count,
                                                              run->stage,
                                                              run->end.policy_fd,
                                                              run->end.messages_fd,
                                                              parent });
        if (r < 0)
                (void) phx_stage_remove(run->stage);
        run->compiler.features_text = NULL; /* it may be gone before the run is */
        return r;
}

int phx_run_start(
                const struct phx_compiler *compiler,
                const char *name,
                const struct phx_stage_content *contents,
                size_t count,
                struct phx_run **ret_run,
                struct phx_error *error) {
        phx_cleanup(phx_run_freep) struct phx_run *run = calloc(1, sizeof(*run));
        int r;

        if (!run)
                return -ENOMEM;
        run->compiler = *compiler;
        run->end.policy_fd = run->end.messages_fd = -1;
        r = run_prepare(run, name, contents, count, error);
        if (r >= 0)
                r = run_fork(run, contents, count);
        if (r < 0)
                return r;
        *ret_run = PHX_TAKE(run);
        return 0;
}

bool phx_run_is_over(const struct phx_run *run) {
        return run->process.pid <= 0;
}

uint64_t phx_run_due(const struct phx_run *run) {
        return run->began_usec + run->compiler.deadline_usec;
}

/* Several are judged at once, so that none of them is taken before all are believed. */
void phx_run_reap(struct phx_run *run, bool was_late) {
        run->end.was_late = was_late;
        run_end(run);
        if (run->names.count == 1)
                return;
        (void) phx_shared_judge(
                        &run->end,
                        (const char *const *) run->names.items,
                        run->names.count,
                        &run->output,
                        run->sizes);
        run_close(run);
}

static int take_part(const struct phx_run *run, size_t position, struct phx_compile_job *job) {
        const char *part = run->output;

        if (!part)
                return phx_error_set_in(&job->error, -EAGAIN, job->name, "is to be compiled alone");
        for (size_t i = 0; i < position; i++)
                part += run->sizes[i];
        job->blob = calloc(1, run->sizes[position] + 1);
        if (!job->blob)
                return -ENOMEM;
        job->size = run->sizes[position];
        memcpy(job->blob, part, job->size);
        return 0;
}

void phx_run_take(const struct phx_run *run, size_t position, struct phx_compile_job *job) {
        if (run->names.count > 1)
                phx_compile_job_end(job, take_part(run, position, job));
        else
                phx_compile_job_judge(&run->compiler, &run->end, job);
}
