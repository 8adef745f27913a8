/* SPDX-License-Identifier: GPL-2.0-or-later */

/* An engine between two looks, with the worker that watches Proxmox's cluster file system: the real
 * one, over an ordinary directory. */

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "pve-tree.h"
#include "pve/worker.h"
#include "shared/engine_process.h"

#define CONFIG "pve/nodes/pve1/lxc/101.conf"

/* Far longer than it takes, on the slowest machine. */
#define PATIENCE_MSEC 30000
#define SPACING_USEC UINT64_C(10000000)

static struct {
        volatile pid_t worker; /* as the last look left it */
        volatile bool is_worker_killed;
        /* A process in a compiler's place, which the first look starts; 0: none. */
        volatile uint64_t compile_usec; /* how long it may take */
        volatile pid_t compiler;
} * shared;

static struct {
        struct phx_pve_worker_options options;
        int changed_fd;
        struct engine *engine;
} test;

/* The engine's own. */
static struct phx_process compiler;
static uint64_t compiler_due;

static void start_compiler(void) {
        int r;

        if (shared->compile_usec == 0 || shared->compiler > 0)
                return;
        compiler_due = phx_now_usec() + shared->compile_usec;
        r = phx_process_fork(&compiler);
        if (r > 0)
                for (;;)
                        (void) pause();
        shared->compiler = compiler.pid;
}

static int look(void *data,
                const struct engine_request *request,
                struct engine_answer *ret_answer,
                struct phx_error *error) {
        struct phx_pve_worker *worker = data;
        struct phx_pve_state found;

        ret_answer->report = calloc(1, sizeof(*ret_answer->report));
        if (!ret_answer->report)
                return -ENOMEM;
        ret_answer->report->retry_usec = PHX_NEVER;
        if (phx_pve_worker_state(worker, &found, error) != PHX_PVE_OUTCOME_DONE)
                return -EIO;
        shared->worker = phx_pve_worker_pid(worker);
        /* What has ended or is late is taken by the next look. */
        if (compiler.pid > 0 && compiler_due <= phx_now_usec())
                (void) phx_process_end(&compiler, NULL);
        start_compiler();
        if (shared->is_worker_killed)
                (void) kill(shared->worker, SIGKILL);
        return 0;
}

static size_t compiles(void *data, struct phx_process_watch *watches, size_t limit) {
        if (compiler.pid <= 0 || limit == 0)
                return 0;
        watches[0] = (struct phx_process_watch){ compiler.pid, compiler.fd, compiler_due };
        return 1;
}

static const struct phx_process *process(void *data) {
        return phx_pve_worker_process(data);
}

static int setup_work(
                const struct work_options *options,
                const struct phx_audit *audit,
                struct engine_work *ret_work,
                struct phx_error *error) {
        struct phx_pve_worker *worker = NULL;
        int r = phx_pve_worker_new(&test.options, &worker);

        *ret_work = (struct engine_work){ .look = look,
                                          .process = process,
                                          .compiles = compiles,
                                          .data = worker };
        return r;
}

static int send_nothing(void *data, const struct iovec *fields, int count) {
        return 0;
}

static const struct journal journal = { .send = send_nothing };

static int setup(void **state) {
        static struct engine_plan plan;

        pve_tree_new();
        shared->is_worker_killed = false;
        shared->compile_usec = 0;
        shared->compiler = 0;
        test.changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        assert_true(test.changed_fd >= 0);
        test.options = (struct phx_pve_worker_options){
                .place = pve_tree_place(),
                .changed_fd = test.changed_fd,
        };
        plan = (struct engine_plan){ setup_work, NULL, &journal, test.changed_fd };
        return engine_start(&plan, &test.engine);
}

static int teardown(void **state) {
        test.engine = engine_free(test.engine);
        (void) close(test.changed_fd);
        tree_done();
        return 0;
}

/* One look of the engine, which succeeds. */
static void ask_for_a_look(void) {
        struct channel_message *message = NULL;
        struct pollfd poll_fd = { .fd = test.engine->channel.fd, .events = POLLIN };
        int r;

        assert_int_equal(channel_send(poll_fd.fd, CHANNEL_LOOK, LOOK_FULL, NULL), 0);
        while ((r = channel_receive(&test.engine->channel, &message)) == 0)
                assert_int_equal(poll(&poll_fd, 1, PATIENCE_MSEC), 1);
        assert_int_equal(r, 1);
        assert_int_equal(message->type, CHANNEL_REPORT);
        channel_message_free(message);
}

static bool is_asked(int timeout_msec) {
        struct pollfd poll_fd = { .fd = test.changed_fd, .events = POLLIN };
        uint64_t count;

        if (poll(&poll_fd, 1, timeout_msec) <= 0)
                return false;
        assert_int_equal(read(test.changed_fd, &count, sizeof(count)), sizeof(count));
        return true;
}

static void the_end_of_its_worker_asks_for_a_look(void **state) {
        pid_t first;

        ask_for_a_look();
        first = shared->worker;
        assert_false(is_asked(0));
        assert_int_equal(kill(first, SIGKILL), 0);
        assert_true(is_asked(PATIENCE_MSEC));
        /* Once, however long that look is in coming. */
        assert_false(is_asked(1000));

        ask_for_a_look();
        assert_int_not_equal(shared->worker, first);
        /* The new one has watches of its own. */
        tree_write(CONFIG, "arch: amd64\n");
        assert_true(is_asked(PATIENCE_MSEC));
}

static void a_worker_that_ends_during_a_look_asks_for_another(void **state) {
        shared->is_worker_killed = true;
        ask_for_a_look();
        assert_true(is_asked(PATIENCE_MSEC));
}

static void one_that_always_ends_does_not_ask_all_the_time(void **state) {
        uint64_t begin = phx_now_usec();

        shared->is_worker_killed = true;
        ask_for_a_look();
        assert_true(is_asked(PATIENCE_MSEC));
        ask_for_a_look();
        assert_true(is_asked(PATIENCE_MSEC));
        assert_true(phx_now_usec() - begin >= SPACING_USEC);
}

/* What it says by itself, between two looks. */
static enum channel_type next_message(int timeout_msec) {
        struct channel_message *message = NULL;
        struct pollfd poll_fd = { .fd = test.engine->channel.fd, .events = POLLIN };
        enum channel_type type;
        int r;

        while ((r = channel_receive(&test.engine->channel, &message)) == 0)
                if (poll(&poll_fd, 1, timeout_msec) == 0)
                        return (enum channel_type) 0;
        assert_int_equal(r, 1);
        type = message->type;
        channel_message_free(message);
        return type;
}

static void a_compile_outlives_the_look_and_its_end_is_said_once(void **state) {
        shared->compile_usec = 1000000000;
        ask_for_a_look();
        assert_true(shared->compiler > 0);
        assert_int_equal(kill(shared->compiler, 0), 0);
        assert_int_equal(next_message(0), 0);
        /* Another look sweeps up what is left, but not this. */
        ask_for_a_look();
        assert_int_equal(kill(shared->compiler, 0), 0);
        assert_int_equal(next_message(0), 0);
        assert_int_equal(kill(shared->compiler, SIGKILL), 0);
        assert_int_equal(next_message(PATIENCE_MSEC), CHANNEL_COMPILED);
        assert_int_equal(next_message(1000), 0);
        assert_false(is_asked(0));
}

static void a_compile_that_is_late_is_said_to_be_over(void **state) {
        shared->compile_usec = 300000;
        ask_for_a_look();
        assert_int_equal(next_message(PATIENCE_MSEC), CHANNEL_COMPILED);
        assert_int_equal(kill(shared->compiler, 0), 0);
        ask_for_a_look();
        assert_int_equal(kill(shared->compiler, 0), -1);
        assert_int_equal(next_message(1000), 0);
}

static void a_compile_ends_with_its_engine(void **state) {
        uint64_t end = phx_now_usec() + PATIENCE_MSEC * UINT64_C(1000);

        shared->compile_usec = 1000000000;
        ask_for_a_look();
        engine_kill(test.engine);
        /* Its new parent may take its time to bury it. */
        while (phx_process_sweep(NULL, 0, 0) > 0 || kill(shared->compiler, 0) == 0) {
                assert_true(phx_now_usec() < end);
                (void) usleep(1000);
        }
}

/* Also while it waits to ask again. */
static void one_without_a_loop_ends(void **state) {
        struct pollfd poll_fd = { .fd = test.engine->process.fd, .events = POLLIN };

        shared->is_worker_killed = true;
        ask_for_a_look();
        assert_true(is_asked(PATIENCE_MSEC));
        ask_for_a_look();
        (void) close(test.engine->channel.fd);
        test.engine->channel.fd = -1;
        assert_int_equal(poll(&poll_fd, 1, PATIENCE_MSEC), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(the_end_of_its_worker_asks_for_a_look),
                TEST(a_worker_that_ends_during_a_look_asks_for_another),
                TEST(one_that_always_ends_does_not_ask_all_the_time),
                TEST(one_without_a_loop_ends),
                TEST(a_compile_outlives_the_look_and_its_end_is_said_once),
                TEST(a_compile_that_is_late_is_said_to_be_over),
                TEST(a_compile_ends_with_its_engine),
        };

        shared = mmap(NULL,
                      sizeof(*shared),
                      PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS,
                      -1,
                      0);
        if (shared == MAP_FAILED)
                return EXIT_FAILURE;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
