/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a look reads again is decided here. An event's path is covered by the input or by an adapter
 * of the machine, or else the look is a whole one. The first round of a pass reads what the request
 * says; each further one only what the steps before it have made. */

#include "engine/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void world_done(struct world *world) {
        phx_scope_done(&world->narrow);
        phx_scope_done(&world->made);
}

static bool world_covers(const struct world *world, const char *path) {
        return input_covers(world->input, path) || phx_machine_covers(world->machine, path);
}

/* What is not known to be of one part only may concern any, and the cluster's copy is found by
 * walking there. */
void world_begin(struct world *world, const struct engine_request *request, uint64_t now_usec) {
        bool is_narrow = request->scope && request->kind != LOOK_ASKED &&
                         !request->scope->is_whole && !remote_is_used(world->remote);

        phx_scope_done(&world->narrow);
        phx_scope_done(&world->made);
        world->rounds = 0;
        world->now_usec = now_usec;
        world->must_look = request->kind == LOOK_ASKED || request->suspensions;
        for (size_t i = 0; is_narrow && i < request->scope->paths.count; i++)
                is_narrow = world_covers(world, request->scope->paths.items[i]);
        if (is_narrow)
                phx_scope_join(&world->narrow, request->scope);
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

static int world_review(
                void *data,
                const struct phx_input *input,
                struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_error *error) {
        const struct world *world = data;

        return input->settings ? phx_machine_review(world->machine, input, desired, observed, error)
                               : 0;
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

static void world_claim(void *data, const struct phx_step *const *steps, size_t count) {
        const struct world *world = data;

        phx_machine_claim(world->machine, steps, count);
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
                .is_unchanged = world_is_unchanged,
                .data = world,
        };
}
