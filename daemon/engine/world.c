/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a look reads again is decided here. An event's path is covered by the input or by an adapter
 * of the machine, or else the look is a whole one. The first round of a pass reads what the request
 * says; each further one only what the steps before it have made. */

#include "engine/world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/process.h"
#include "engine/denials.h"
#include "lxc/stopped_monitor.h"
#include "state/creation.h"

#define USEC_PER_SEC UINT64_C(1000000)
/* A line, as long as an error is. */
#define CREATION_REPORT_LIMIT 4096

void world_done(struct world *world) {
        phx_scope_done(&world->narrow);
        phx_scope_done(&world->made);
        free(world->boot);
        free(world->health_trouble);
}

int world_read_boot(struct world *world) {
        return phx_tasks_boot(world->tasks, &world->boot);
}

static bool world_covers(const struct world *world, const char *path) {
        return input_covers(world->input, path) || phx_machine_covers(world->machine, path);
}

/* Since the boot, with the time that the host was suspended. */
static uint64_t world_boot_usec(void) {
        struct timespec now = { 0 };

        (void) clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

/* What is not known to be of one part only may concern any, and the cluster's copy is found by
 * walking there. */
void world_begin(struct world *world, const struct engine_request *request, uint64_t now_usec) {
        uint64_t since_boot = world_boot_usec();
        bool is_narrow = request->scope && request->kind != LOOK_ASKED &&
                         !request->scope->is_whole && !remote_is_used(world->remote);

        phx_scope_done(&world->narrow);
        phx_scope_done(&world->made);
        world->rounds = 0;
        world->explained_usec = 0;
        world->now_usec = now_usec;
        world->booted_usec = world->wall_usec > since_boot ? world->wall_usec - since_boot : 0;
        world->must_look = request->kind == LOOK_ASKED || request->suspensions ||
                           request->results || request->restarts;
        for (size_t i = 0; is_narrow && i < request->scope->paths.count; i++)
                is_narrow = world_covers(world, request->scope->paths.items[i]);
        if (is_narrow)
                phx_scope_join(&world->narrow, request->scope);
        /* Whether it came up is seen in its tasks alone. */
        for (size_t i = 0; i < world->restart->list.count; i++)
                world->narrow.has_tasks |= phx_restart_is_under_way(&world->restart->list.items[i]);
        world->results = request->results;
        world->scope = is_narrow ? &world->narrow : NULL;
}

/* After the first round only what its steps have made can be otherwise; what happens besides has
 * events, which come with the next look. */
static void world_begin_round(struct world *world) {
        if (world->rounds++ == 0)
                return;
        phx_scope_done(&world->narrow);
        world->narrow = PHX_TAKE_STRUCT(world->made);
        world->scope = remote_is_used(world->remote) ? NULL : &world->narrow;
}

/* Other settings may ask for anything that was passed over before. */
static int world_read_input(struct world *world, struct phx_desired *judged) {
        const struct phx_settings *before = input_settings(world->input);
        int r = input_read(world->input, world->scope, judged);

        if (input_settings(world->input) != before)
                world->scope = NULL;
        return r;
}

static int world_judge(void *data, struct phx_input *ret_input, struct phx_error *error) {
        phx_cleanup(phx_desired_freep) struct phx_desired *judged = calloc(1, sizeof(*judged));
        struct world *world = data;
        struct phx_input input = { .judged = judged };
        int r;

        world_begin_round(world);
        if (!judged)
                return phx_error_set(error, -ENOMEM, "reading the input: out of memory");
        r = remote_refresh(world->remote, world->machine, judged, &input.retry_usec);
        if (r >= 0)
                r = world_read_input(world, judged);
        if (r >= 0)
                r = phx_suspensions_copy(&judged->suspensions, world->suspensions);
        if (r < 0)
                return phx_error_set(error, r, "reading the input: %s", strerrordesc_np(-r));

        input.scope = world->scope;
        input.settings = input_settings(world->input);
        input.configuration = input_configuration(world->input);
        input.site_file = input_site_file(world->input);
        if (input.settings) {
                r = phx_machine_judge(world->machine, &input, world->now_usec, error);
                if (r < 0)
                        return r;
        }
        if (remote_is_unread(world->remote))
                input.retry_usec = 0;
        *ret_input = input;
        judged = NULL;
        return 0;
}

static int world_observe(
                void *data,
                const struct phx_input *input,
                struct phx_observed **ret_observed,
                struct phx_error *error) {
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = calloc(
                        1,
                        sizeof(*observed));
        const struct world *world = data;
        int r;

        if (!observed)
                return phx_error_set(error, -ENOMEM, "observing: out of memory");
        observed->retry_usec = PHX_NEVER;
        r = input_watches(world->input, &observed->watches);
        if (r < 0)
                return phx_error_set(error, r, "observing: %s", strerrordesc_np(-r));
        /* Without settings it is not known where to look; the refusal is in what was judged. */
        if (input->settings) {
                r = phx_machine_observe(world->machine, input, observed, error);
                if (r < 0)
                        return r;
        }
        *ret_observed = PHX_TAKE(observed);
        return 0;
}

/* Which processes are the inits of containers that are, or may be, restarted, or that may reboot
 * themselves and stay as they are. */
static void world_note_inits(
                const struct world *world,
                const struct phx_desired *desired,
                struct phx_observed *observed) {
        for (size_t i = 0; i < observed->container_count; i++) {
                struct phx_observed_container *have = &observed->containers[i];
                const struct phx_desired_container *want = NULL;

                if (have->init > 0)
                        want = phx_desired_find_directory(desired, have->directory);
                if (want && (have->wrong > 0 || want->mark.input))
                        (void) phx_tasks_started(world->tasks, have->init, &have->init_started);
        }
}

static int world_review(
                void *data,
                const struct phx_input *input,
                struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_error *error) {
        const struct world *world = data;

        if (!input->settings)
                return 0;
        world_note_inits(world, desired, observed);
        return phx_machine_review(world->machine, input, desired, observed, error);
}

static int world_remember(
                void *data,
                const struct phx_input *input,
                struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_error *error) {
        const struct world *world = data;

        return input->settings ? phx_machine_remember(
                                                 world->machine,
                                                 input->settings,
                                                 desired,
                                                 observed,
                                                 error)
                               : 0;
}

static int world_claim(void *data, const struct phx_step *const *steps, size_t count) {
        const struct world *world = data;

        return phx_machine_claim(world->machine, steps, count);
}

static int world_apply(void *data, const struct phx_step *step, struct phx_error *error) {
        struct world *world = data;
        int r;

        phx_machine_scope(step, &world->made);
        r = phx_machine_apply(world->machine, step, error);
        /* The unit mounts everything read-only but what it names; an operator who has set another
         * place in the settings must learn where else to name it. */
        if (r == -EROFS)
                return phx_error_set(
                                error,
                                r,
                                "%s; add it to ReadWritePaths= of phoenixd.service, see "
                                "phoenixd(8)",
                                strdupa(phx_error_text(error, r)));
        return r;
}

/* A program that is run as root: only root can have written it. */
static int world_judge_health(struct world *world, const char *program) {
        struct phx_error error = { 0 };
        phx_autoclose int fd = -1;
        struct stat st;
        int r = 0;

        if (program)
                r = phx_trust_open_file(world->trust, program, &fd, &st, &error);
        if (program && r >= 0 && !(st.st_mode & S_IXUSR))
                r = phx_error_set(&error, -EACCES, "%s: is not executable", program);
        return phx_replace(&world->health_trouble, r < 0 ? phx_error_text(&error, r) : NULL);
}

static int world_restarts(
                void *data,
                const struct phx_input *input,
                struct phx_restart_view *ret_view) {
        static const struct phx_job_results none;
        struct world *world = data;
        const struct phx_restart_settings *settings = input->settings ? &input->settings->restart
                                                                      : NULL;
        struct phx_restart_view view = {
                .settings = settings,
                .restarts = &world->restart->list,
                .results = world->results ? world->results : &none,
                .boot = world->boot,
                .wall_usec = world->wall_usec,
                .booted_usec = world->booted_usec,
        };
        int r;

        r = restart_window(world->restart, settings, world->wall_usec, &view.window);
        if (r >= 0 && settings)
                r = world_judge_health(world, settings->health);
        if (r < 0)
                return r;
        view.health_trouble = world->health_trouble;
        *ret_view = view;
        return 0;
}

static int world_keep_restarts(
                void *data,
                const struct phx_restarts *next,
                struct phx_error *error) {
        phx_cleanup(phx_restarts_done) struct phx_restarts copy = { 0 };
        const struct world *world = data;

        if (phx_restarts_copy(&copy, next) < 0)
                return phx_error_set(error, -ENOMEM, "restarting: out of memory");
        return restart_replace(world->restart, &copy, error);
}

static int world_find_denials(
                struct world *world,
                const struct phx_restart_item *item,
                char **ret_text) {
        const char *label = item->phase == PHX_RESTART_ROLLED_BACK ? item->before : item->label;
        uint64_t began = phx_now_usec(), since;
        int r;

        /* The engine has it as it was until what became of it is kept. */
        since = denials_since(
                        phx_restarts_find(&world->restart->list, item->id),
                        item->since,
                        world_boot_usec(),
                        world->wall_usec);
        r = denials_find(label, since, denials_patience(world->explained_usec), ret_text);
        world->explained_usec += phx_now_usec() - began;
        return r;
}

/* A monitor that does not answer, and what was denied while the container came up. */
static int world_explain_restart(
                void *data,
                const struct phx_restart_item *item,
                const struct phx_observed_container *have,
                char **ret_text) {
        phx_autofree char *denied = NULL, *stopped = NULL;
        struct world *world = data;
        const struct phx_settings *settings = input_settings(world->input);
        pid_t monitor = 0;

        if (have && have->backend == PHX_BACKEND_LXC && settings)
                monitor = phx_lxc_stopped_monitor(
                                world->tasks->proc,
                                settings->lxc_path,
                                have->directory);
        if (monitor > 0 &&
            phx_printf(&stopped, "its monitor, pid %d, is stopped", (int) monitor) < 0)
                return -ENOMEM;
        if (world_find_denials(world, item, &denied) < 0)
                return -ENOMEM;
        if (!stopped && !denied)
                return 0;
        return phx_printf(ret_text,
                          "%s%s%s%s",
                          stopped ? stopped : "",
                          stopped && denied ? "; " : "",
                          denied ? "AppArmor has denied to its profile: " : "",
                          denied ? denied : "") < 0
                               ? -ENOMEM
                               : 1;
}

/* As the program has left it; a start without one leaves none. */
static int world_explain_creation(void *data, const char *id, char **ret_text) {
        phx_autofree char *path = NULL, *text = NULL;
        size_t size = 0;

        if (phx_printf(&path, PHX_CREATION_REPORT "%s", id) < 0)
                return -ENOMEM;
        if (phx_file_read_at(AT_FDCWD, path, CREATION_REPORT_LIMIT, &text, &size) < 0 || size == 0)
                return 0;
        text[strcspn(text, "\n")] = '\0';
        *ret_text = PHX_TAKE(text);
        return 1;
}

static bool world_is_unchanged(void *data) {
        const struct world *world = data;
        const struct phx_settings *settings = input_settings(world->input);

        return !world->must_look && settings && !remote_is_used(world->remote) &&
               input_is_unchanged(world->input, world->scope) &&
               phx_machine_is_unchanged(world->machine, settings, world->scope);
}

static int world_preview(void *data, const struct phx_step *step, struct phx_preview *ret_preview) {
        const struct world *world = data;

        return phx_machine_preview(world->machine, step, ret_preview);
}

static int world_offer(
                void *data,
                const struct phx_observed_container *have,
                const char *label,
                bool is_edited,
                struct phx_offer *ret_offer) {
        const struct world *world = data;

        return phx_machine_offer(world->machine, have, label, is_edited, ret_offer);
}

struct phx_world world_of(struct world *world) {
        return (struct phx_world){
                .judge = world_judge,
                .observe = world_observe,
                .review = world_review,
                .remember = world_remember,
                .claim = world_claim,
                .apply = world_apply,
                .preview = world_preview,
                .offer = world_offer,
                .restarts = world_restarts,
                .keep_restarts = world_keep_restarts,
                .explain_restart = world_explain_restart,
                .explain_creation = world_explain_creation,
                .is_unchanged = world_is_unchanged,
                .data = world,
        };
}
