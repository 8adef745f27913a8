/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The engine's work: input, machine and pass put together.
 *
 * struct work lives as long as the engine and owns the parts: input (settings and configuration,
 * with the last accepted ones), machine (everything that reads or changes the host), pass (what is
 * remembered from one pass to the next), suspensions and the open state directory. One request is:
 *
 *   1. take the suspensions that came with it, and drop those that have ended
 *   2. run the pass; it calls back into world_…(), the only way from reconcile to the machine
 *   3. find out who changed what another program has changed, after the repairs, since the audit
 *      log may have to be waited for
 *   4. fill the report: what the loop must know (when to come again), and tell, object by object,
 *      what differs from what was sent last (sent.c)
 *
 * Times are read once, at the beginning, and hold for the whole pass, so that everything in it
 * agrees.
 *
 * If setup fails, work_free() handles what is half built, and the next request tries again. When
 * the engine is killed, nothing is freed and nothing has to be: what must last is on disk, written
 * by store.c, suspend.c and restart.c before it counts. */

#include "engine/work.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/handover.h"
#include "codec/suspensions_json.h"
#include "config.h"
#include "engine/attribution.h"
#include "engine/fill.h"
#include "engine/input.h"
#include "engine/metrics.h"
#include "engine/remote.h"
#include "engine/restart.h"
#include "engine/sent.h"
#include "engine/store.h"
#include "engine/suspend.h"
#include "engine/world.h"
#include "kernel/apparmorfs.h"
#include "machine/machine.h"
#include "reconcile/pass.h"
#include "reconcile/snapshot.h"

#define USEC_PER_SEC 1000000ULL
#define HANDOVER "handover"
/* Far more often than systemd's patience with a start, and the loop's with the engine, run out. */
#define SIGN_OF_LIFE_MSEC 10000

const struct work_roots work_machine_roots = {
        .tasks = { .cgroup = "/sys/fs/cgroup", .proc = "/proc" },
        .apparmorfs = PHX_KERNEL_APPARMORFS,
        .module = PHX_KERNEL_MODULE,
        .parser = PHX_PARSER,
        .parser_config = PHX_PARSER_CONFIG,
        .accounts = PHX_COMPILER_ACCOUNTS,
        .shared_cache = PHX_DATADIR "/cache",
        .gate_hooks = PHX_GATE_HOOKS,
        .pve = { .root = PHX_REMOTE_ROOT,
                 .lock_directory = "/run/lock/lxc",
                 .database = "/var/lib/pve-cluster" },
        .calendar = &phx_calendar_systemd,
};

struct work {
        const struct work_options *options;
        struct phx_audit audit;
        struct phx_trust trust;
        struct phx_trust source_trust; /* of what is read only */
        struct remote remote;
        char *remote_copy; /* where the copy of PHX_REMOTE_ROOT is */
        struct phx_compile_progress progress;
        struct phx_lxc_progress lxc_progress;
        int state_fd;
        struct input *input;
        struct phx_machine *machine;
        struct phx_pass *pass;
        struct suspend suspend;
        struct restart restart;
        struct world world;
        uint64_t now_usec;
        uint64_t wall_usec;
        uint64_t looked_usec; /* by the clock on the wall: when the look before began */
        struct sent sent;     /* what the loop knows */
        bool is_unsent;       /* the last look has not ended with sending it */
        struct metrics metrics;
        char *metrics_trouble; /* as it was recorded last */
        char *pve_claim;
        uint64_t passes;
        uint64_t last_converged_usec;
        uint64_t compiles;
        uint64_t compile_usec;
};

static uint64_t usec_of(clockid_t clock) {
        struct timespec now;

        (void) clock_gettime(clock, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

static int on_save(void *data, const struct phx_inventory *inventory, struct phx_error *error) {
        const struct work *work = data;

        return store_save(work->state_fd, inventory, error);
}

static void on_compiled(void *data, uint64_t usec) {
        struct work *work = data;

        work->compiles++;
        work->compile_usec += usec;
}

static void on_ask(void *data, const char *file, size_t done, size_t count) {
        const struct work *work = data;
        char text[512];

        (void) snprintf(text, sizeof(text), "reading %s (%zu of %zu)", file, done, count);
        work->audit.progress(work->audit.data, text);
}

/* --- one look of the engine --- */

/* What the loop knows of the whole daemon, the engine knows of itself. */
static void write_metrics(struct work *work, const struct phx_snapshot *snapshot) {
        const struct phx_settings *settings = input_settings(work->input);
        struct phx_error error = { 0 };
        struct phx_record record = { .kind = PHX_RECORD_REMARK, .message = error.text };
        struct phx_daemon daemon;

        if (!settings)
                return;
        phx_daemon_init(&daemon);
        daemon.passes = work->passes;
        daemon.last_converged_at = work->last_converged_usec;
        daemon.pass.ended_at = work->wall_usec;
        if (metrics_update(&work->metrics, settings->metrics_file, &daemon, snapshot, &error) >= 0)
                (void) phx_replace(&work->metrics_trouble, NULL);
        else if (!phx_equal(work->metrics_trouble, error.text)) {
                work->audit.record(work->audit.data, &record);
                (void) phx_replace(&work->metrics_trouble, error.text);
        }
}

/* What there is to tell: SNAPSHOT of the pass. */
static int fill_answer(
                struct work *work,
                struct phx_snapshot *snapshot,
                struct engine_answer *answer) {
        struct phx_tally tally;
        int r;

        snapshot->counters.compiles = work->compiles;
        snapshot->counters.compile_usec = work->compile_usec;
        if (work->machine && phx_machine_cache(work->machine, &snapshot->cache) < 0)
                return -ENOMEM;
        work->passes++;
        if (!answer->report->degraded)
                work->last_converged_usec = work->wall_usec;
        write_metrics(work, snapshot);
        r = fill_paths(input_settings(work->input),
                       work->options->settings,
                       input_site_file(work->input),
                       input_hidden_file(work->input),
                       snapshot);
        if (r < 0)
                return r;
        phx_tally_count(snapshot, &tally);
        return sent_update(&work->sent, snapshot, &tally, answer->report, answer->sink);
}

/* The snapshot of the pass before still holds, and so do the labels, where they were read. */
static void fill_unchanged(struct work *work, struct phx_report *report) {
        work->passes++;
        if (!report->degraded)
                work->last_converged_usec = work->wall_usec;
        if (!work->world.scope || work->world.scope->has_tasks)
                report->labels_at = work->wall_usec;
}

/* What is stored is said even if the look goes no further. */
static int take_suspensions(
                struct work *work,
                const char *text,
                struct engine_answer *answer,
                struct phx_error *error) {
        int r = 0;

        if (text)
                r = suspend_replace(&work->suspend, text, error);
        if (r < 0)
                return r;
        r = suspend_expire(&work->suspend, work->wall_usec, error);
        work->world.must_look |= r > 0;
        if (text && phx_suspensions_render(&work->suspend.list, &answer->suspensions) < 0)
                return phx_error_set(error, -ENOMEM, "reporting: out of memory");
        return r;
}

/* What is suspended until a time is looked at then. */
static void await_expiry(const struct work *work, struct phx_report *report) {
        uint64_t end = phx_suspensions_next_end(&work->suspend.list), wait;

        if (end == PHX_NEVER)
                return;
        wait = end > work->wall_usec ? end - work->wall_usec : 0;
        if (wait < report->retry_usec) {
                report->retry_usec = wait;
                report->is_settling = false;
        }
}

static void on_attributed(void *data, const char *profile, const char *what, const char *by) {
        struct work *work = data;

        phx_pass_tell_foreign(work->pass, profile, what, by);
}

/* Who has changed what the look before had left. After the repairs: it may have to be waited for.
 */
static void attribute(struct work *work) {
        const struct phx_strings *changed = phx_pass_foreign(work->pass);

        if (changed->count > 0)
                attribution_find(changed, work->looked_usec, on_attributed, work);
        work->looked_usec = work->wall_usec;
}

/* One pass, and what it has seen: in place of what ANSWER and RET_SNAPSHOT have of another. */
static int run_pass_once(
                struct work *work,
                const struct phx_world *world,
                struct engine_answer *answer,
                struct phx_snapshot **ret_snapshot,
                struct phx_error *error) {
        unsigned changes = answer->report ? answer->report->changes : 0;
        int r;

        answer->report = phx_report_free(answer->report);
        *ret_snapshot = phx_snapshot_free(*ret_snapshot);
        answer->report = calloc(1, sizeof(*answer->report));
        if (!answer->report)
                return phx_error_set(error, -ENOMEM, "observing: out of memory");
        r = phx_pass_run(work->pass, world, work->now_usec, answer->report, error);
        if (r < 0)
                return r;
        attribute(work);
        answer->report->changes += changes;
        *ret_snapshot = phx_pass_take_snapshot(work->pass);
        return 0;
}

/* Operators ask for restarts of what requires one, as a pass has seen it: that is stored, and
 * another pass does what can be done of it now, so that the answer shows both. */
static int run_pass(
                struct work *work,
                const struct phx_world *world,
                const struct engine_request *request,
                struct engine_answer *answer,
                struct phx_snapshot **ret_snapshot,
                struct phx_error *error) {
        int r;

        r = run_pass_once(work, world, answer, ret_snapshot, error);
        if (r < 0 || !request->restarts || !*ret_snapshot)
                return r;
        r = restart_ask(&work->restart, request->restarts, *ret_snapshot, work->wall_usec, error);
        return r > 0 ? run_pass_once(work, world, answer, ret_snapshot, error) : r;
}

/* A window that a restart waits for is asked for by the next look. */
static void note_restarts(
                struct work *work,
                const struct phx_snapshot *snapshot,
                struct phx_report *report) {
        const struct phx_settings *settings = input_settings(work->input);

        if (!restart_note(&work->restart, settings ? &settings->restart : NULL, snapshot))
                return;
        report->retry_usec = 0;
        report->is_settling = false;
}

/* What a look takes is of no use until the next one, and the allocator would keep all of it. Giving
 * it back is a call for each gap in the heap, and a page fault for each page that is used again.
 * A look that has changed nothing does without, as it has taken little; and so does one while
 * something is compiled, as the next look comes with its end. */
static void give_back(const struct phx_report *report) {
        if (!report->is_unchanged && report->compiling == 0)
                (void) malloc_trim(0);
}

static int work_look(
                void *data,
                const struct engine_request *request,
                struct engine_answer *ret_answer,
                struct phx_error *error) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;
        struct work *work = data;
        const struct phx_world world = world_of(&work->world);
        struct phx_report *report;
        bool is_whole;
        int r;

        if (request->kind == LOOK_ASKED) {
                phx_pass_forget_failures(work->pass);
                phx_machine_forget(work->machine);
                input_forget(work->input);
        }
        work->now_usec = usec_of(CLOCK_MONOTONIC);
        work->wall_usec = usec_of(CLOCK_REALTIME);
        phx_pass_set_clock(work->pass, work->now_usec, work->wall_usec);
        work->world.wall_usec = work->wall_usec;
        world_begin(&work->world, request, work->now_usec);
        is_whole = !work->world.scope;
        work->world.must_look |= work->is_unsent || work->metrics_trouble ||
                                 work->restart.is_asking;
        r = take_suspensions(work, request->suspensions, ret_answer, error);
        /* In force from now on, kept or not: the next look shows it. */
        work->is_unsent |= r < 0;
        if (r < 0)
                return r;
        r = run_pass(work, &world, request, ret_answer, &snapshot, error);
        work->is_unsent |= r < 0;
        if (r < 0)
                return r;
        report = ret_answer->report;
        if (snapshot)
                note_restarts(work, snapshot, report);
        phx_machine_keep(work->machine, work->now_usec, is_whole && !report->is_unchanged);
        await_expiry(work, report);
        r = fill_report(input_settings(work->input), phx_machine_has_labels(work->machine), report);
        if (report->is_unchanged)
                fill_unchanged(work, report);
        else if (r >= 0 && snapshot)
                r = fill_answer(work, snapshot, ret_answer);
        work->is_unsent = r < 0;
        /* An engine whose loop was killed lives on for a moment, while the next daemon begins. */
        if (work->passes == 1)
                phx_handover_remove(work->options->runtime_dir, HANDOVER);
        give_back(report);
        return r < 0 ? phx_error_set(error, r, "reporting: out of memory") : 0;
}

static const struct phx_process *work_process(void *data) {
        const struct work *work = data;

        return phx_machine_process(work->machine);
}

static size_t work_compiles(void *data, struct phx_process_watch *watches, size_t limit) {
        const struct work *work = data;

        return phx_machine_compiles(work->machine, watches, limit);
}

static bool labels(void *data) {
        const struct work *work = data;

        return phx_machine_labels_differ(work->machine);
}

/* --- from one run to the next --- */

/* A look that did not come to its end is no ground for the next run to say less; what the journal
 * has not taken is recorded again. The answer itself counts for nothing, as each run tells its loop
 * everything. */
static void work_leave(void *data, bool is_recorded) {
        phx_cleanup(phx_buffer_done) struct phx_buffer texts = { 0 };
        const struct work *work = data;

        if (work->passes == 0)
                return;
        phx_machine_keep_last(work->machine);
        if (work->is_unsent || phx_machine_leave(work->machine, &texts) < 0)
                return;
        if (!is_recorded || phx_pass_leave(work->pass, &texts) >= 0)
                (void) phx_handover_leave(work->options->runtime_dir, HANDOVER, &texts);
}

/* --- setting up --- */

static struct work *work_free(struct work *work) {
        if (!work)
                return NULL;

        phx_pass_free(work->pass);
        phx_machine_free(work->machine);
        input_free(work->input);
        if (work->state_fd >= 0)
                (void) close(work->state_fd);
        sent_done(&work->sent);
        free(work->metrics_trouble);
        free(work->pve_claim);
        free(work->remote_copy);
        metrics_done(&work->metrics);
        suspend_done(&work->suspend);
        restart_done(&work->restart);
        world_done(&work->world);
        free(work);

        return NULL;
}

PHX_DEFINE_FREEP(work)

static int open_state(struct work *work, struct phx_error *error) {
        const char *path = work->options->state_dir;
        int r;

        r = phx_directory_ensure_open(path, 0700, &work->state_fd);
        if (r < 0)
                return phx_error_set(error, r, "%s: %s", path, strerrordesc_np(-r));
        (void) phx_file_remove_leftovers(work->state_fd);
        return 0;
}

static void tell_damage(const struct work *work, const char *text) {
        phx_autofree char *message = NULL;
        struct phx_record record = { .kind = PHX_RECORD_REMARK };

        (void) phx_printf(&message, "%s; rebuilding the inventory", text);
        record.message = message ? message : text;
        work->audit.record(work->audit.data, &record);
}

static int load_inventory(
                const struct work *work,
                struct phx_inventory *ret_inventory,
                struct phx_error *error) {
        struct phx_error damage = { 0 };
        int r = store_load(work->state_fd, ret_inventory, &damage);

        if (r > 0)
                tell_damage(work, damage.text);
        return r < 0 ? phx_error_set(error, r, "%s", phx_error_text(&damage, r)) : 0;
}

static int make_machine(struct work *work, struct phx_texts *left, struct phx_error *error) {
        const struct work_roots *roots = work->options->roots;
        const struct phx_machine_options options = {
                .trust = &work->trust,
                .source_trust = &work->source_trust,
                .remote_copy = work->remote_copy,
                .tasks = roots->tasks,
                .apparmorfs = roots->apparmorfs,
                .module = roots->module,
                .parser = roots->parser,
                .parser_config = roots->parser_config,
                .accounts = roots->accounts,
                .features_file = roots->features_file,
                .shared_cache = roots->shared_cache,
                .pve = roots->pve,
                .pve_claim = work->pve_claim,
                .gate_hooks = roots->gate_hooks,
                .changed_fd = work->options->changed_fd > 0 ? work->options->changed_fd : -1,
                .state_dir = work->options->state_dir,
                .runtime_dir = work->options->runtime_dir,
                .libraries = work->options->libraries,
                .left = left,
                .progress = &work->progress,
                .lxc_progress = &work->lxc_progress,
                .save = on_save,
                .data = work,
        };
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };
        int r;

        r = load_inventory(work, &inventory, error);
        return r < 0 ? r : phx_machine_new(&options, &inventory, &work->machine, error);
}

/* What lies in the state directory, and what needs nothing but that. */
static int work_open(struct work *work, struct phx_error *error) {
        const struct work_options *options = work->options;
        int r = open_state(work, error);

        if (r >= 0)
                r = phx_printf(&work->pve_claim, "%s/pve-worker", options->runtime_dir);
        if (r >= 0)
                r = phx_printf(&work->remote_copy, "%s/cluster", options->state_dir);
        if (r < 0)
                return r;
        remote_init(&work->remote, &work->source_trust, work->remote_copy, &options->roots->pve);
        r = suspend_init(&work->suspend, work->state_fd, &work->audit, error);
        if (r < 0)
                return r;
        return restart_init(
                        &work->restart,
                        work->state_fd,
                        options->roots->calendar,
                        &work->audit,
                        error);
}

int work_setup(const struct work_options *options,
               const struct phx_audit *audit,
               struct engine_work *ret_work,
               struct phx_error *error) {
        phx_cleanup(work_freep) struct work *work = calloc(1, sizeof(*work));
        phx_cleanup(phx_handover_done) struct phx_handover handover = { 0 };
        int r;

        if (!work)
                return phx_error_set(error, -ENOMEM, "starting: out of memory");
        /* Without it, all parts find that it is too short. */
        (void) phx_handover_take(options->runtime_dir, HANDOVER, &handover);
        work->options = options;
        work->audit = *audit;
        work->state_fd = -1;
        work->last_converged_usec = PHX_NEVER;
        work->trust = work->source_trust = (struct phx_trust){ .root = "/", .owner = 0 };
        work->progress = (struct phx_compile_progress){ .ended = on_compiled, .data = work };
        work->lxc_progress = (struct phx_lxc_progress){ on_ask, work, SIGN_OF_LIFE_MSEC };

        r = work_open(work, error);
        if (r >= 0)
                r = make_machine(work, &handover.texts, error);
        if (r < 0)
                return r;
        r = input_new(&work->source_trust,
                      options->roots->calendar,
                      options->settings,
                      work->state_fd,
                      &work->input);
        if (r >= 0)
                r = phx_pass_new(audit, &work->pass);
        /* What is not taken is recorded again. */
        if (r >= 0 && phx_pass_take(work->pass, &handover.texts) == -ENOMEM)
                r = -ENOMEM;
        if (r < 0)
                return phx_error_set(error, r, "starting: out of memory");
        work->world = (struct world){ .input = work->input,
                                      .machine = work->machine,
                                      .remote = &work->remote,
                                      .suspensions = &work->suspend.list,
                                      .restart = &work->restart,
                                      .tasks = &options->roots->tasks,
                                      .trust = &work->trust };
        if (world_read_boot(&work->world) < 0)
                return phx_error_set(error, -ENOMEM, "starting: out of memory");

        *ret_work = (struct engine_work){ .look = work_look,
                                          .labels = labels,
                                          .process = work_process,
                                          .compiles = work_compiles,
                                          .leave = work_leave,
                                          .data = PHX_TAKE(work) };
        return 0;
}
