/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "shared/errands.h"

#include <errno.h>
#include <stdlib.h>

#include "base/macros.h"

static struct errand *errand_free(struct errand *errand) {
        phx_suspension_done(&errand->suspension);
        restart_ask_done(&errand->restart);
        free(errand);
        return NULL;
}

void errands_done(struct errands *errands) {
        while (errands->first) {
                struct errand *errand = errands->first;

                errands->first = errand->next;
                errand_free(errand);
        }
}

int errands_add(struct errands *errands, struct errand *errand) {
        struct errand *copy = malloc(sizeof(*copy)), **at = &errands->first;

        if (!copy)
                return -ENOMEM;
        *copy = PHX_TAKE_STRUCT(*errand);
        copy->is_running = copy->is_stored = false;
        copy->next = NULL;
        while (*at)
                at = &(*at)->next;
        *at = copy;
        return 0;
}

void errands_disown(struct errands *errands, const void *data) {
        for (struct errand *errand = errands->first; errand; errand = errand->next)
                if (errand->data == data)
                        errand->ended = NULL;
}

void errands_begin(struct errands *errands) {
        for (struct errand *errand = errands->first; errand; errand = errand->next)
                errand->is_running = true;
}

bool errands_again(struct errands *errands) {
        bool is_any = false;

        for (struct errand *errand = errands->first; errand; errand = errand->next) {
                is_any = is_any || errand->is_running;
                errand->is_running = errand->is_stored = false;
        }
        return is_any;
}

static bool changes_suspensions(const struct errand *errand) {
        return errand->kind == ERRAND_SUSPEND || errand->kind == ERRAND_RESUME;
}

void errands_stored(struct errands *errands) {
        for (struct errand *errand = errands->first; errand; errand = errand->next)
                errand->is_stored = errand->is_running && changes_suspensions(errand);
}

static enum errand_end end_of(const struct errand *errand, const char *error) {
        if (!error)
                return ERRAND_DONE;
        return errand->is_stored ? ERRAND_STORED : ERRAND_FAILED;
}

/* Where the first of those that end is linked; NULL when there is none. */
static struct errand **find_ending(struct errands *errands, bool is_compiling) {
        for (struct errand **at = &errands->first; *at; at = &(*at)->next)
                if ((*at)->is_running && (!is_compiling || changes_suspensions(*at)))
                        return at;
        return NULL;
}

/* Each is off the list before its function is called, which may add another. */
void errands_end(struct errands *errands, const char *error, bool is_compiling) {
        struct errand **at;

        while ((at = find_ending(errands, is_compiling))) {
                struct errand *errand = *at;

                *at = errand->next;
                if (errand->ended)
                        errand->ended(errand->data, end_of(errand, error), error);
                errand_free(errand);
        }
}

int errands_suspensions(
                const struct errands *errands,
                const struct phx_suspensions *in_force,
                struct phx_suspensions *ret_suspensions) {
        phx_cleanup(phx_suspensions_done) struct phx_suspensions suspensions = { 0 };
        int changes = 0, r;

        r = phx_suspensions_copy(&suspensions, in_force);
        for (const struct errand *errand = errands->first; r >= 0 && errand;
             errand = errand->next) {
                if (errand->kind == ERRAND_SUSPEND)
                        r = phx_suspensions_set(&suspensions, &errand->suspension);
                else if (errand->kind == ERRAND_RESUME)
                        (void) phx_suspensions_remove(&suspensions, errand->suspension.object);
                changes |= changes_suspensions(errand);
        }
        if (r < 0)
                return r;
        *ret_suspensions = PHX_TAKE_STRUCT(suspensions);
        return changes;
}

int errands_restarts(const struct errands *errands, struct restart_asks *asks) {
        int r = 0;

        for (const struct errand *errand = errands->first; r >= 0 && errand; errand = errand->next)
                if (errand->kind == ERRAND_RESTART && errand->is_running)
                        r = restart_asks_add(asks, &errand->restart);
        return r < 0 ? r : asks->count > 0;
}
