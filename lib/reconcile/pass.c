#include "reconcile/pass.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "reconcile/backoff.h"
#include "reconcile/diff.h"
#include "reconcile/status.h"
#include "reconcile/tell.h"

/* Layers are repaired downwards, so a container whose profile is new takes three rounds: load,
 * assign, look. One more is for an input that changes meanwhile; what is left then waits for the
 * next pass. */
#define ROUNDS_LIMIT 5

struct phx_pass {
        struct phx_tell *tell;
        struct phx_backoff backoff;
        struct phx_drifts tried; /* done in the round before: told as changed or failed after the
                                    next look */
};

struct picture {
        struct phx_desired *desired;
        struct phx_observed *observed;
        struct phx_drifts drifts;
};

static void picture_done(struct picture *picture) {
        picture->desired = phx_desired_free(picture->desired);
        picture->observed = phx_observed_free(picture->observed);
        phx_drifts_done(&picture->drifts);
}

int phx_pass_new(const struct phx_audit *audit, struct phx_pass **ret_pass) {
        phx_cleanup(phx_pass_freep) struct phx_pass *pass = calloc(1, sizeof(*pass));
        int r;

        if (!pass)
                return -ENOMEM;
        r = phx_tell_new(audit, &pass->tell);
        if (r < 0)
                return r;
        *ret_pass = PHX_TAKE(pass);
        return 0;
}

struct phx_pass *phx_pass_free(struct phx_pass *pass) {
        if (!pass)
                return NULL;

        phx_tell_free(pass->tell);
        phx_backoff_done(&pass->backoff);
        phx_drifts_done(&pass->tried);
        free(pass);

        return NULL;
}

static int look(const struct phx_world *world,
                struct picture *ret_picture,
                struct phx_error *error) {
        phx_cleanup(picture_done) struct picture picture = { 0 };
        int r;

        r = world->look(world->data, &picture.desired, &picture.observed, error);
        if (r < 0)
                return r;
        r = phx_diff(picture.desired, picture.observed, &picture.drifts);
        if (r < 0)
                return phx_error_set(error, r, "comparing: out of memory");

        picture_done(ret_picture);
        *ret_picture = picture;
        picture = (struct picture){ 0 };
        return 0;
}

/* Success is what the look after it sees: the same drift again means that nothing was mended. */
static int settle(
                struct phx_pass *pass,
                const struct picture *picture,
                uint64_t now_usec,
                unsigned *changes) {
        int r = 0;

        for (size_t i = 0; i < pass->tried.count && r >= 0; i++) {
                const struct phx_drift *tried = &pass->tried.items[i];
                const struct phx_drift *still = phx_drifts_find(&picture->drifts, tried);

                (*changes)++;
                if (!still || !phx_equal(still->expected, tried->expected)) {
                        phx_backoff_forget(&pass->backoff, tried);
                        phx_tell_changed(pass->tell, tried);
                        continue;
                }
                phx_tell_failed(pass->tell,
                                tried,
                                -EIO,
                                "it was done, but reading back shows no change");
                r = phx_backoff_fail(
                                &pass->backoff,
                                tried,
                                "reading back shows no change",
                                now_usec);
        }
        phx_drifts_done(&pass->tried);
        return r;
}

static int act(struct phx_pass *pass,
               const struct phx_world *world,
               const struct phx_drift *drift,
               uint64_t now_usec) {
        struct phx_error error = { 0 };
        int r;

        phx_tell_intent(pass->tell, drift);
        r = world->apply(world->data, drift, &error);
        if (r >= 0)
                return phx_drifts_add(&pass->tried, drift);

        phx_tell_failed(pass->tell, drift, r, phx_error_text(&error, r));
        return phx_backoff_fail(&pass->backoff, drift, phx_error_text(&error, r), now_usec);
}

/* 1 when something was tried, so that another look is due. One failure never stops the others. */
static int repair(
                struct phx_pass *pass,
                const struct phx_world *world,
                const struct picture *picture,
                uint64_t now_usec) {
        bool tried = false;

        if (picture->desired->mode == PHX_MODE_OBSERVE)
                return 0;
        for (size_t i = 0; i < picture->drifts.count; i++) {
                const struct phx_drift *drift = &picture->drifts.items[i];
                int r;

                if (drift->action == PHX_ACTION_NONE ||
                    phx_backoff_holds(&pass->backoff, drift, now_usec))
                        continue;
                r = act(pass, world, drift, now_usec);
                if (r < 0)
                        return r;
                tried = true;
        }
        return tried;
}

static int fill(const struct phx_pass *pass,
                const struct picture *picture,
                uint64_t now_usec,
                struct phx_report *report) {
        uint64_t retry = phx_backoff_next(&pass->backoff, now_usec);
        int r;

        r = phx_status_render(
                        picture->desired,
                        picture->observed,
                        &picture->drifts,
                        &pass->backoff,
                        &report->status,
                        &report->degraded);
        if (r < 0)
                return r;
        r = phx_strings_copy(&report->watches, &picture->observed->watches);
        for (size_t i = 0; r >= 0 && i < picture->observed->container_count; i++)
                if (picture->observed->containers[i].init > 0)
                        r = phx_report_add_init(report, picture->observed->containers[i].init);
        if (r < 0)
                return r;

        if (picture->observed->retry_usec < retry)
                retry = picture->observed->retry_usec;
        /* Something is left to do, and nothing else would bring us back: rounds ran out. */
        if (pass->tried.count > 0)
                retry = 0;
        report->retry_usec = retry;
        return 0;
}

int phx_pass_run(
                struct phx_pass *pass,
                const struct phx_world *world,
                uint64_t now_usec,
                struct phx_report *report,
                struct phx_error *error) {
        phx_cleanup(picture_done) struct picture picture = { 0 };
        int r;

        for (unsigned round = 0; round < ROUNDS_LIMIT; round++) {
                r = look(world, &picture, error);
                if (r < 0)
                        return r;
                r = settle(pass, &picture, now_usec, &report->changes);
                if (r < 0)
                        return phx_error_set(error, r, "settling: out of memory");
                phx_backoff_keep(&pass->backoff, &picture.drifts);
                r = phx_tell_picture(pass->tell, picture.desired, &picture.drifts);
                if (r < 0)
                        return phx_error_set(error, r, "telling: out of memory");
                /* The last round only looks: what was done must have been read back. */
                if (round + 1 == ROUNDS_LIMIT)
                        break;
                r = repair(pass, world, &picture, now_usec);
                if (r < 0)
                        return phx_error_set(error, r, "repairing: out of memory");
                if (r == 0)
                        break;
        }

        r = fill(pass, &picture, now_usec, report);
        return r < 0 ? phx_error_set(error, r, "reporting: out of memory") : 0;
}
