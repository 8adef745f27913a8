/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Random hosts, whose jobs end in any way and at any time, while the engine is killed, the input
 * changes and, on every second one, the clock is set. What may never happen is looked for after
 * each step; at the end, when all goes well, all must be as it should be. PHX_CASES is how many
 * hosts, PHX_SEED the first. */

#include "restart-fixture.h"

#define CASES 400
#define STEPS 60

static char program[] = "/usr/local/sbin/health";
static unsigned long last_seed;

static unsigned long number_of(const char *name, unsigned long otherwise) {
        const char *text = getenv(name);

        return text ? strtoul(text, NULL, 10) : otherwise;
}

static unsigned below(unsigned *seed, unsigned limit) {
        return (unsigned) rand_r(seed) % limit;
}

/* In place, as the containers refer to each other's ids. */
static void make_host(struct host *host, unsigned *seed) {
        size_t count = 2 + below(seed, 7);

        *host = host_new();
        for (size_t i = 0; i < count; i++) {
                char id[8];
                struct host_container *container;

                (void) snprintf(id, sizeof(id), "c%zu", i);
                container = host_add(host, id);
                container->order = below(seed, 3);
                container->policy = (enum phx_restart_policy) below(seed, PHX_RESTART_POLICIES);
                /* Only on earlier ones: no circle. */
                for (size_t j = 0, n = 0; j < i && n < 3; j++)
                        if (below(seed, 3) == 0)
                                container->depends[n++] = host->containers[j].id;
                if (below(seed, 2) == 0)
                        container->state = (enum phx_run_state) below(seed, PHX_RUN_STATES);
                container->is_suspended = below(seed, 12) == 0;
                container->has_pending = below(seed, 12) == 0;
                if (below(seed, 6) == 0) {
                        (void) snprintf(container->label, sizeof(container->label), "lxc-new");
                        container->at_start = "lxc.cap.drop";
                }
                if (below(seed, 4) == 0)
                        host_start(host, id, "");
                if (below(seed, 8) == 0)
                        (void) snprintf(container->config, sizeof(container->config), "lxc-old");
        }
        host->settings.jobs = 1 + below(seed, 3);
        host->settings.interval_usec = 5 * SECOND * below(seed, 3);
        host->settings.rollback = below(seed, 2) == 0;
        host->window.is_open = below(seed, 2) == 0;
        if (below(seed, 2) == 0)
                host->settings.health = program;
}

/* Of which it is not known what they depend on, or was not when others were begun. */
static bool is_of_no_chain(const struct host_container *container) {
        return container->is_unwanted || container->was_unwanted;
}

static bool depends_on(struct host *host, const char *id, const char *on, unsigned depth) {
        const struct host_container *container = host_find(host, id);

        if (is_of_no_chain(container) || is_of_no_chain(host_find(host, on)))
                return false;
        for (size_t i = 0; i < PHX_ELEMENTS(container->depends) && container->depends[i]; i++)
                if (strcmp(container->depends[i], on) == 0 ||
                    (depth > 0 && depends_on(host, container->depends[i], on, depth - 1)))
                        return true;
        return false;
}

/* A start puts nothing down, and a stop leaves it so. */
static bool is_restart(const struct phx_restart_item *item) {
        return phx_restart_is_under_way(item) && !phx_restart_is_for_state(item);
}

static void check_chains(struct host *host) {
        unsigned under_way = 0;

        for (size_t i = 0; i < host->restarts.count; i++) {
                if (!phx_restart_is_under_way(&host->restarts.items[i]))
                        continue;
                under_way++;
                for (size_t j = 0; j < host->restarts.count; j++)
                        if (i != j && is_restart(&host->restarts.items[i]) &&
                            is_restart(&host->restarts.items[j]))
                                assert_false(
                                                depends_on(host,
                                                           host->restarts.items[i].id,
                                                           host->restarts.items[j].id,
                                                           HOST_LIMIT));
        }
        assert_true(under_way <= host->settings.jobs);
}

static bool is_permitted(const struct host *host, const struct host_container *container) {
        const struct phx_restart_item *item = phx_restarts_find(&host->restarts, container->id);

        if (item && item->phase == PHX_RESTART_ASKED && item->when != PHX_RESTART_BY_POLICY)
                return item->when == PHX_RESTART_NOW || host->window.is_open;
        return container->policy == PHX_RESTART_IMMEDIATE ||
               (container->policy == PHX_RESTART_WINDOW && host->window.is_open);
}

static bool requires_restart(const struct host_container *container) {
        return strcmp(container->label, container->profile) != 0 || container->at_start;
}

static void check_begun(struct host *host, const char *id) {
        const struct host_container *container = host_find(host, id);

        assert_true(is_permitted(host, container));
        assert_int_not_equal(container->state, PHX_RUN_STOPPED);
        assert_false(container->is_suspended || container->has_pending);
        assert_false(container->is_unwanted || container->is_unseen);
        assert_true(host->is_new_loaded && container->label[0]);
        assert_string_equal(container->config, container->profile);
        assert_true(requires_restart(container));
        assert_true(host->restarts.begun > host->wall ||
                    host->restarts.begun + host->settings.interval_usec <= host->wall);
        /* What it depends on comes first, where that may be restarted at all. */
        for (size_t i = 0; i < host->count; i++) {
                const struct host_container *other = &host->containers[i];

                if (!depends_on(host, id, other->id, HOST_LIMIT) || other->is_suspended ||
                    other->has_pending || !other->label[0] || other->is_unwanted ||
                    other->is_unseen || !is_permitted(host, other) ||
                    other->state == PHX_RUN_STOPPED)
                        continue;
                if (requires_restart(other) &&
                    host_phase(host, other->id) != PHX_RESTART_ROLLED_BACK)
                        fail_msg("%s is begun before %s", id, other->id);
        }
}

static void check_started(struct host *host, const char *id) {
        const struct host_container *container = host_find(host, id);

        assert_int_equal(container->state, PHX_RUN_RUNNING);
        assert_false(container->is_suspended || container->has_pending);
        assert_true(host->is_new_loaded && !container->label[0]);
        assert_string_equal(container->config, container->profile);
        for (size_t i = 0; i < host->count; i++) {
                const struct host_container *other = &host->containers[i];

                if (depends_on(host, id, other->id, HOST_LIMIT) && !other->is_unwanted &&
                    !other->is_unseen && other->state == PHX_RUN_RUNNING && !other->label[0])
                        fail_msg("%s is started before %s", id, other->id);
        }
}

static void check_stopped(struct host *host, const char *id) {
        const struct host_container *container = host_find(host, id);

        assert_int_equal(container->state, PHX_RUN_STOPPED);
        assert_true(!container->is_suspended && container->label[0]);
        for (size_t i = 0; i < host->count; i++) {
                const struct host_container *other = &host->containers[i];
                const struct phx_restart_item *item = phx_restarts_find(&host->restarts, other->id);

                /* One that cannot be stopped does not hold up the others for ever. */
                if (depends_on(host, other->id, id, HOST_LIMIT) && !other->is_unwanted &&
                    !other->is_unseen && other->state == PHX_RUN_STOPPED && other->label[0] &&
                    !(item && item->is_stop && item->phase == PHX_RESTART_FAILED))
                        fail_msg("%s is stopped before %s", id, other->id);
        }
}

static void check_step(struct host *host, const struct phx_step *step) {
        if (step->kind == PHX_ACTION_RESTART)
                check_begun(host, step->restart.id);
        if (step->kind == PHX_ACTION_START)
                check_started(host, step->restart.id);
        if (step->kind == PHX_ACTION_STOP)
                check_stopped(host, step->restart.id);
}

static void forget_unwanted(struct host *host) {
        for (size_t i = 0; i < host->restarts.count; i++)
                if (phx_restart_is_under_way(&host->restarts.items[i]))
                        return;
        for (size_t i = 0; i < host->count; i++)
                host->containers[i].was_unwanted = false;
}

/* As host_pass(), with an eye on each step. */
static void pass(struct host *host) {
        forget_unwanted(host);
        for (unsigned round = 0; round < 8; round++) {
                int r = host_look(host);

                for (size_t i = 0; r == 0 && i < host->plan.count; i++)
                        check_step(host, &host->plan.steps[i]);
                if (r == 0 && host->plan.count == 0)
                        break;
                if (r == 0)
                        host_apply(host);
                check_chains(host);
        }
        host_pass(host);
        check_chains(host);
        assert_true(host->jobs.count <= 2 * host->restarts.count);
}

/* Now and then no job ends, for longer than any deadline. */
static bool is_stuck(const struct host *host) {
        return host->wall / SECOND % 1500 < 500;
}

static bool is_health(const char *name) {
        return phx_has_prefix(name, "health-");
}

/* A container is handed over only when its job before has ended, and no job is forgotten before. */
static void check_jobs(struct host *host, struct phx_strings *begun) {
        for (size_t i = 0; i < host->jobs.count; i++) {
                const char *name = host->jobs.items[i].name, *end = strrchr(name, '.');
                const char *id = strchr(name, '-');

                if (phx_strings_has(begun, name) || is_health(name))
                        continue;
                for (size_t j = 0; j < begun->count; j++) {
                        const char *other = strchr(begun->items[j], '-');

                        if (strncmp(other, id, (size_t) (end - id) + 1) == 0 &&
                            !phx_job_results_find(&host->results, begun->items[j]))
                                fail_msg("%s beside %s", name, begun->items[j]);
                }
                assert_int_equal(phx_strings_add(begun, name), 0);
        }
        for (size_t j = 0; j < begun->count; j++)
                if (!phx_job_results_find(&host->results, begun->items[j]) &&
                    !phx_jobs_find(&host->jobs, begun->items[j]))
                        fail_msg("%s is forgotten", begun->items[j]);
}

static struct host_container *container_of(struct host *host, const char *name) {
        phx_autofree char *id = strdup(strchr(name, '-') + 1);

        *strrchr(host_need(id), '.') = '\0';
        return host_find(host, id);
}

static void end_job(struct host *host, const char *name, enum phx_job_outcome outcome) {
        assert_int_equal(phx_job_results_add(&host->results, name, outcome, "so it is"), 0);
}

/* Nothing happens to the container. */
static void do_health(struct host *host, const char *name, unsigned *seed, bool is_well) {
        unsigned what = is_well ? PHX_JOB_DONE : below(seed, PHX_JOB_OUTCOMES + 2);

        if (what < PHX_JOB_OUTCOMES)
                end_job(host, name, (enum phx_job_outcome) what);
}

/* What systemd may do with it: the container is down, up in what its config says, or as it was.
 * What is up may be so before the job has ended. */
static void do_restart(struct host *host, const struct phx_job *job, unsigned what) {
        static const enum phx_job_outcome outcomes[] = {
                [1] = PHX_JOB_FAILED,
                [2] = PHX_JOB_GONE,
                [6] = PHX_JOB_REFUSED,
                [7] = PHX_JOB_DONE,
        };
        struct host_container *container = container_of(host, job->name);
        enum phx_job_outcome outcome = outcomes[what];
        char config[sizeof(container->config)];

        memcpy(config, container->config, sizeof(config));
        if (strcmp(container->up, job->name) == 0)
                outcome = outcome == PHX_JOB_REFUSED ? PHX_JOB_GONE : outcome;
        else if (what == 4 || (job->verb == PHX_JOB_STOP && (what == 0 || what == 2 || what == 7)))
                host_start(host, container->id, "");
        else if (what == 0 || what == 2 || what == 7)
                host_start(host, container->id, config);
        (void) snprintf(container->up, sizeof(container->up), "%s", job->name);
        if (what != 7)
                end_job(host, job->name, outcome);
}

static void do_job(struct host *host, const struct phx_job *job, unsigned *seed, bool is_well) {
        unsigned what = is_well ? 0 : below(seed, 8);

        if (phx_job_results_find(&host->results, job->name))
                return;
        if (is_health(job->name))
                do_health(host, job->name, seed, is_well);
        else if (what != 3 && (is_well || !is_stuck(host)))
                do_restart(host, job, what);
}

/* By up to a month. */
static void set_clock(struct host *host, unsigned *seed) {
        uint64_t by = below(seed, 30 * 24 * 3600) * SECOND;

        if (below(seed, 2) == 0)
                host_set_clock(host, host->wall + by);
        else if (host->wall > by)
                host_set_clock(host, host->wall - by);
}

static void happen(struct host *host, unsigned *seed) {
        struct host_container *any = &host->containers[below(seed, (unsigned) host->count)];

        switch (below(seed, 15)) {
        case 13: /* it ends, by itself or by somebody's hand */
                host_start(host, any->id, "");
                break;
        case 14:
                any->state = (enum phx_run_state) below(seed, PHX_RUN_STATES);
                break;
        case 0: /* the engine is killed, and the loop with it */
                for (size_t i = 0; i < host->restarts.count; i++)
                        host->restarts.items[i].is_resumed = true;
                break;
        case 1:
                (void) phx_restarts_ask(
                                &host->restarts,
                                any->id,
                                below(seed, 2) ? PHX_RESTART_NOW : PHX_RESTART_IN_WINDOW,
                                host->wall);
                break;
        case 2:
                host->window.is_open = !host->window.is_open;
                break;
        case 3:
                any->is_suspended = !any->is_suspended;
                break;
        case 4:
                host->key = below(seed, 2) ? "key-1" : "key-2";
                break;
        case 5:
                any->has_pending = false;
                break;
        case 6:
                host->health_trouble = host->health_trouble ? NULL : "it is not trusted";
                break;
        case 7:
                any->is_unseen = !any->is_unseen;
                break;
        case 8:
                any->is_unwanted = !any->is_unwanted;
                any->was_unwanted = true;
                break;
        case 9: /* it does not stay up */
                host_start(host, any->id, "");
                break;
        case 10: /* its entry gets another option, and its config has it by now */
                any->at_start = any->label[0] ? "lxc.cap.drop" : NULL;
                break;
        default:
                break;
        }
        host->wall += below(seed, 40) * SECOND;
}

/* From here on nothing is in the way, and an operator has asked for all that failed. */
static void make_well(struct host *host) {
        for (size_t i = 0; i < host->count; i++) {
                struct host_container *container = &host->containers[i];

                container->is_suspended = container->has_pending = false;
                container->was_unwanted |= container->is_unwanted;
                container->is_unseen = container->is_unwanted = false;
                if (container->policy == PHX_RESTART_NEVER)
                        container->policy = PHX_RESTART_IMMEDIATE;
                if (!container->label[0] && container->state == PHX_RUN_UNMANAGED)
                        host_start(host, container->id, container->config);
                if (host_phase(host, container->id) == PHX_RESTART_FAILED ||
                    host_phase(host, container->id) == PHX_RESTART_ROLLED_BACK)
                        (void) phx_restarts_ask(
                                        &host->restarts,
                                        container->id,
                                        PHX_RESTART_NOW,
                                        host->wall);
        }
        host->window.is_open = true;
        host->health_trouble = NULL;
}

static void check_converged(struct host *host) {
        for (size_t i = 0; i < host->count; i++) {
                bool is_stopped = host->containers[i].state == PHX_RUN_STOPPED;

                assert_string_equal(host->containers[i].label, is_stopped ? "" : "lxc-new");
                assert_string_equal(host->containers[i].config, "lxc-new");
                assert_null(host->containers[i].at_start);
        }
        for (size_t i = 0; i < host->restarts.count; i++)
                assert_int_equal(host->restarts.items[i].phase, PHX_RESTART_STARTED);
        assert_int_equal(host->jobs.count, 0);
        assert_int_equal(host->plan.count, 0);
}

static void run_case(unsigned seed) {
        unsigned random = seed;
        phx_cleanup(host_done) struct host host = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings begun = { 0 };

        make_host(&host, &random);
        for (unsigned step = 0; step < STEPS; step++) {
                pass(&host);
                check_jobs(&host, &begun);
                for (size_t i = 0; i < host.jobs.count; i++)
                        do_job(&host, &host.jobs.items[i], &random, false);
                happen(&host, &random);
                if (seed % 2 > 0 && below(&random, 8) == 0)
                        set_clock(&host, &random);
        }
        for (unsigned step = 0; step < 200; step++) {
                make_well(&host);
                pass(&host);
                for (size_t i = 0; i < host.jobs.count; i++)
                        do_job(&host, &host.jobs.items[i], &random, true);
                host.wall += 60 * SECOND;
        }
        pass(&host);
        check_converged(&host);
}

static void whatever_happens_no_promise_is_broken(void **state) {
        unsigned long cases = number_of("PHX_CASES", CASES), seed = number_of("PHX_SEED", 0);

        for (unsigned long i = 0; i < cases; i++) {
                last_seed = seed + i;
                run_case((unsigned) last_seed);
        }
}

/* Each of them has broken a promise once. */
static void what_has_once_broken_a_promise_does_so_no_more(void **state) {
        static const unsigned seeds[] = { 1891, 101188 };

        for (size_t i = 0; i < PHX_ELEMENTS(seeds); i++) {
                last_seed = seeds[i];
                run_case(seeds[i]);
        }
        (void) state;
}

static int say_seed(void **state) {
        print_message("# the last was PHX_SEED=%lu\n", last_seed);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(what_has_once_broken_a_promise_does_so_no_more, say_seed),
                cmocka_unit_test_teardown(whatever_happens_no_promise_is_broken, say_seed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
