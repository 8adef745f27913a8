/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Memory that runs short at any one allocation while restarts are decided: an error is returned,
 * and what is kept is as before. Linked with --wrap as test-memory.c is. */

#include <errno.h>

#include "restart-fixture.h"

/* The N-th allocation from now on fails; 0 is none. */
static unsigned failing;

static bool is_denied(void) {
        return failing > 0 && --failing == 0;
}

/* The linker gives these names. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)
 */
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
char *__real_strdup(const char *text);
int __real_vasprintf(char **ret_text, const char *format, va_list arguments);

void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_vasprintf(char **ret_text, const char *format, va_list arguments);

void *__wrap_calloc(size_t count, size_t size) {
        return is_denied() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
        return is_denied() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size) {
        return is_denied() ? NULL : __real_reallocarray(old, count, size);
}

char *__wrap_strdup(const char *text) {
        return is_denied() ? NULL : __real_strdup(text);
}

int __wrap_vasprintf(char **ret_text, const char *format, va_list arguments) {
        return is_denied() ? -1 : __real_vasprintf(ret_text, format, arguments);
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)
 */

/* One of each phase, and two that are due. */
static struct host make_host(void) {
        struct host host = host_new();

        host.settings.rollback = true;
        host.settings.jobs = 8;
        for (unsigned i = 0; i < PHX_RESTART_PHASES + 2; i++) {
                char id[8];

                (void) snprintf(id, sizeof(id), "c%u", i);
                host_add(&host, id)->depends[0] = i > 7 ? "c0" : NULL;
        }
        host_add(&host, "down")->state = PHX_RUN_STOPPED;
        host_pass(&host);
        host_add(&host, "late")->state = PHX_RUN_STOPPED;
        host_add(&host, "up")->state = PHX_RUN_RUNNING;
        host_start(&host, "up", "");
        for (unsigned i = 0; i < PHX_RESTART_PHASES; i++) {
                struct phx_restart_item *item = phx_restarts_find(
                                &host.restarts,
                                host.containers[i].id);

                if (!item)
                        continue;
                item->phase = (enum phx_restart_phase) i;
                item->ended = i == PHX_RESTART_FAILED;
                item->former = i == PHX_RESTART_CHECKED || i == PHX_RESTART_FAILED;
                assert_int_equal(phx_replace(&item->why, "it does not run"), 0);
        }
        host.wall += 1000 * SECOND;
        host_start(&host, "c2", "lxc-new");
        host_start(&host, "c3", "");
        return host;
}

/* As a look goes through it. */
static int look(struct host *host, struct phx_restarts *next, struct phx_restart_events *events) {
        const struct phx_restart_view view = host_view(host);
        int r;

        r = phx_restarts_mark(&view, host->observed, host->desired);
        if (r >= 0)
                r = phx_restarts_decide(
                                &view,
                                host->desired,
                                host->observed,
                                &host->drifts,
                                &host->waits);
        if (r >= 0)
                r = phx_restarts_settle(
                                &view,
                                host->desired,
                                host->observed,
                                &host->drifts,
                                next,
                                events);
        if (r >= 0)
                r = phx_restarts_jobs(&view, host->desired, host->observed, &host->jobs);
        return r;
}

static void an_error_is_returned_and_nothing_else_happens(void **state) {
        unsigned denied = 0;

        for (unsigned n = 1;; n++) {
                phx_cleanup(host_done) struct host host = make_host();
                phx_cleanup(phx_restarts_done) struct phx_restarts next = { 0 };
                phx_cleanup(phx_restart_events_done) struct phx_restart_events events = { 0 };
                int r;

                host_make(&host);
                assert_int_equal(phx_confine(host.desired, host.observed), 0);
                assert_int_equal(phx_diff(host.desired, host.observed, &host.drifts), 0);
                failing = n;
                r = look(&host, &next, &events);
                if (failing > 0) {
                        failing = 0;
                        assert_int_equal(r, 0);
                        break;
                }
                denied++;
                assert_int_equal(r, -ENOMEM);
        }
        print_message("# %u allocations failed\n", denied);
        assert_true(denied > 50);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_error_is_returned_and_nothing_else_happens),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
