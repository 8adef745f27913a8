/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/strings.h"
#include "loop.h"
#include "loop/manager.h"
#include "shared/message-id.h"

/* The manager runs in a process of its own, with an engine whose work is the fake below. The test
 * is systemd: it sends signals and reads what is told to the notify socket. */

enum behaviour {
        LOOKS_FINE,
        FAILS,
        HANGS,
        DIES,
        TALKS,
        TALKS_FOR_EVER,
        DWELLS,
        BABBLES,
        LEAVES_ORPHANS,
        HANGS_WITH_ORPHANS,
};

/* Seen by all three processes. */
struct shared {
        volatile enum behaviour behaviour;
        volatile unsigned looks;
        volatile unsigned full_looks;
        volatile unsigned asked_looks;
        volatile unsigned setups;
        volatile pid_t engine;
        volatile pid_t orphan;
        volatile uint64_t label_resync_usec;
        volatile unsigned label_looks;
        volatile bool label_differs; /* once */
        volatile bool label_kills;
        uint64_t silence_usec;
        uint64_t patience_usec;
        volatile unsigned restarts_told;
        volatile unsigned failures_told;
        char watched[80];
        char status[64];
};

static struct shared *shared;

struct fixture {
        char root[64];
        int socket;
        pid_t manager;
};

static const struct phx_audit *fake_audit;

/* Longer than anything takes on a machine that is busy with something else: what should happen is
 * waited for as long, and what should not happen would have to be as late. */
#define LONG (60 * S)

/* A child of a child, in a session of its own: neither parent nor group know it any more. */
static void leave_orphan(void) {
        pid_t child = fork();

        if (child == 0) {
                if (fork() != 0)
                        _exit(0);
                (void) setsid();
                (void) signal(SIGTERM, SIG_IGN);
                shared->orphan = getpid();
                for (;;)
                        (void) pause();
        }
        (void) waitpid(child, NULL, 0);
        while (shared->orphan == 0)
                (void) usleep(1 * MS);
}

static void act(enum behaviour behaviour) {
        switch (behaviour) {
        case LEAVES_ORPHANS:
                leave_orphan();
                break;
        case HANGS_WITH_ORPHANS:
                leave_orphan();
                (void) pause();
                break;
        case HANGS:
                (void) pause();
                break;
        case DIES:
                _exit(7);
        case TALKS:
        case TALKS_FOR_EVER:
                for (int i = 0; i < (behaviour == TALKS ? 4 : 1000); i++) {
                        fake_audit->progress(fake_audit->data, "compiling lxc-web");
                        (void) usleep(100 * MS);
                }
                break;
        case DWELLS:
                for (int i = 0; i < 15; i++) {
                        fake_audit->progress(fake_audit->data, "compiling lxc-web");
                        (void) usleep(100 * MS);
                }
                break;
        case BABBLES:
                /* Not of the protocol: whoever holds the socket is a stranger. */
                for (int fd = 3; fd < 10; fd++)
                        (void) send(fd, "0123456789abcdef", 16, MSG_NOSIGNAL);
                (void) pause();
                break;
        case LOOKS_FINE:
        case FAILS:
                break;
        }
}

static int fake_look(
                void *data,
                enum look_kind kind,
                const char *suspensions,
                struct engine_answer *ret_answer,
                struct phx_error *error) {
        struct phx_report *report;

        shared->looks++;
        shared->full_looks += kind != LOOK_PLAIN;
        shared->asked_looks += kind == LOOK_ASKED;
        act(shared->behaviour);
        if (shared->behaviour == FAILS)
                return phx_error_set(error, -EINVAL, "phoenixd.json:3: no such key");

        report = calloc(1, sizeof(*report));
        if (!report)
                return -ENOMEM;
        report->retry_usec = PHX_NEVER;
        report->debounce_usec = 50 * MS;
        report->longest_delay_usec = 300 * MS;
        report->resync_usec = 600 * S;
        report->label_resync_usec = shared->label_resync_usec;
        (void) phx_replace(&report->status, shared->status);
        (void) phx_strings_add(&report->watches, shared->watched);
        ret_answer->report = report;
        return 0;
}

static bool fake_labels(void *data) {
        bool differs = shared->label_differs;

        if (shared->label_kills) {
                shared->label_kills = false;
                _exit(7);
        }
        shared->label_differs = false;
        shared->label_looks++;
        return differs;
}

static int fake_setup(
                const struct work_options *options,
                const struct phx_audit *audit,
                struct engine_work *ret_work,
                struct phx_error *error) {
        shared->setups++;
        shared->engine = getpid();
        fake_audit = audit;
        *ret_work = (struct engine_work){ .look = fake_look, .labels = fake_labels };
        return 0;
}

static void count_messages(void *data, const struct iovec *fields, int count) {
        for (int i = 0; i < count; i++) {
                const char *field = fields[i].iov_base;

                shared->restarts_told += strcmp(field, "MESSAGE_ID=" MESSAGE_ENGINE_RESTARTED) == 0;
                shared->failures_told += strcmp(field, "MESSAGE_ID=" MESSAGE_LOOK_FAILED) == 0;
        }
}

static _Noreturn void run_manager(const struct fixture *fixture) {
        const struct journal journal = { .send = count_messages };
        const struct engine_plan plan = { fake_setup, NULL, &journal };
        phx_cleanup(manager_freep) struct manager *manager = NULL;
        struct manager_options options;
        char settings[128];
        int r;

        block_signals();
        (void) snprintf(settings, sizeof(settings), "%s/etc/phoenixd.json", fixture->root);
        manager_options_init(&options, settings);
        options.bus_address = NULL;
        options.revision = "/nonexistent/revision";
        options.silence_usec = shared->silence_usec;
        options.patience_usec = shared->patience_usec;

        r = manager_new(&options, &plan, &manager);
        if (r >= 0)
                r = manager_run(manager);
        manager = manager_free(manager);
        _exit(r < 0 ? 1 : 0);
}

static int setup(void **state) {
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char path[128];

        assert_non_null(fixture);
        *shared = (struct shared){ .status = "In sync: 1 profile" };
        (void) snprintf(fixture->root, sizeof(fixture->root), "/tmp/test-manager-XXXXXX");
        make_directory(fixture->root);
        shared->silence_usec = LONG;
        shared->patience_usec = LONG;
        (void) snprintf(shared->watched, sizeof(shared->watched), "%s/watched", fixture->root);
        assert_int_equal(mkdir(shared->watched, 0755), 0);
        (void) snprintf(path, sizeof(path), "%s/etc", fixture->root);
        assert_int_equal(mkdir(path, 0755), 0);

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", fixture->root);
        fixture->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(fixture->socket >= 0);
        assert_int_equal(
                        bind(fixture->socket, (const struct sockaddr *) &address, sizeof(address)),
                        0);
        assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
        *state = fixture;
        return 0;
}

static void start(struct fixture *fixture, enum behaviour behaviour) {
        shared->behaviour = behaviour;
        fixture->manager = fork();
        assert_true(fixture->manager >= 0);
        if (fixture->manager == 0)
                run_manager(fixture);
}

/* The next message, or an empty one when none comes in time. */
static const char *next_message(const struct fixture *fixture, uint64_t usec) {
        struct pollfd poll_fd = { .fd = fixture->socket, .events = POLLIN };
        static char text[4096];
        ssize_t n = 0;

        if (poll(&poll_fd, 1, (int) (usec / 1000)) > 0)
                n = recv(fixture->socket, text, sizeof(text) - 1, 0);
        text[n > 0 ? n : 0] = '\0';
        return text;
}

/* Exactly this comes next. */
static void expect(const struct fixture *fixture, const char *message) {
        assert_string_equal(next_message(fixture, LONG), message);
}

/* This comes, whatever comes before. */
static void expect_later(const struct fixture *fixture, const char *message) {
        const char *have;

        do {
                have = next_message(fixture, LONG);
                if (!have[0])
                        fail_msg("%s did not come", message);
        } while (!phx_has_prefix(have, message));
}

static void wait_for_looks(unsigned looks) {
        for (int i = 0; i < 6000 && shared->looks < looks; i++)
                (void) usleep(10 * MS);
        assert_true(shared->looks >= looks);
}

/* It waits, rather than being kept waiting for a processor. */
static bool is_asleep(pid_t pid) {
        char path[64], text[256] = "";
        FILE *file;

        (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        file = fopen(path, "re");
        if (!file)
                return true;
        (void) fgets(text, sizeof(text), file);
        (void) fclose(file);
        return strstr(text, ") S ") || strstr(text, ") Z ");
}

/* How many looks there have been when no more come: none for eight times as long as dust takes to
 * settle, in which both processes had nothing to do. */
static unsigned settled_looks(const struct fixture *fixture) {
        unsigned looks = shared->looks;

        for (int quiet = 0; quiet < 40; quiet++) {
                (void) usleep(10 * MS);
                if (looks != shared->looks || !is_asleep(fixture->manager) ||
                    !is_asleep(shared->engine))
                        quiet = 0;
                looks = shared->looks;
        }
        return looks;
}

static int end(struct fixture *fixture) {
        int status = -1;

        (void) kill(fixture->manager, SIGTERM);
        (void) waitpid(fixture->manager, &status, 0);
        fixture->manager = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int teardown(void **state) {
        struct fixture *fixture = *state;

        if (fixture->manager > 0) {
                (void) kill(fixture->manager, SIGKILL);
                (void) waitpid(fixture->manager, NULL, 0);
        }
        (void) close(fixture->socket);
        remove_tree(fixture->root);
        free(fixture);
        return 0;
}

static void a_start_is_over_when_a_look_was_made(void **state) {
        struct fixture *fixture = *state;

        start(fixture, LOOKS_FINE);
        expect(fixture, "STATUS=Starting: first pass");
        expect(fixture, "STATUS=In sync: 1 profile");
        expect(fixture, "READY=1");
        /* What was not watched at the first look is looked at once more, and then it is quiet. */
        assert_int_equal(settled_looks(fixture), 2);
        assert_int_equal(shared->full_looks, 1);
        assert_string_equal(next_message(fixture, 10 * MS), "");
        assert_int_equal(end(fixture), 0);
}

static void a_long_start_asks_for_patience(void **state) {
        struct fixture *fixture = *state;

        start(fixture, TALKS);
        expect(fixture, "STATUS=Starting: first pass");
        expect(fixture, "EXTEND_TIMEOUT_USEC=90000000");
        expect(fixture, "STATUS=Starting: compiling lxc-web");
        expect(fixture, "EXTEND_TIMEOUT_USEC=90000000");
        expect_later(fixture, "READY=1");
        assert_int_equal(end(fixture), 0);
}

static void an_engine_that_talks_is_not_killed(void **state) {
        struct fixture *fixture = *state;

        /* It says something twenty times in a span of silence. */
        shared->silence_usec = 2 * S;
        start(fixture, TALKS_FOR_EVER);
        wait_for_looks(1);
        (void) usleep(3000 * MS);
        assert_int_equal(shared->setups, 1);
        assert_int_equal(shared->restarts_told, 0);
}

static void an_event_means_one_look_when_the_dust_has_settled(void **state) {
        struct fixture *fixture = *state;
        unsigned before, pauses;
        uint64_t began;

        start(fixture, LOOKS_FINE);
        expect_later(fixture, "READY=1");
        before = settled_looks(fixture);
        began = clock_usec();
        for (unsigned i = 0; i < 100; i++)
                write_file(shared->watched, "file", "text");
        /* A busy machine may keep us, or the loop, waiting for as long as dust takes to settle. */
        pauses = (unsigned) ((clock_usec() - began) / (50 * MS));
        assert_in_range(settled_looks(fixture), before + 1, before + 2 + pauses);
        assert_int_equal(shared->full_looks, 1);
        assert_int_equal(end(fixture), 0);
}

static void a_storm_means_few_looks(void **state) {
        struct fixture *fixture = *state;
        unsigned before, looks;
        uint64_t began;

        start(fixture, LOOKS_FINE);
        expect_later(fixture, "READY=1");
        before = settled_looks(fixture);
        began = clock_usec();
        for (unsigned i = 0; i < 10000; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "file%u", i);
                write_file(shared->watched, name, "");
        }
        looks = (unsigned) ((clock_usec() - began) / (300 * MS)) + 2;
        assert_in_range(settled_looks(fixture), before + 1, before + looks);
        assert_int_equal(end(fixture), 0);
}

static void the_status_is_said_when_it_changes(void **state) {
        struct fixture *fixture = *state;

        start(fixture, LOOKS_FINE);
        expect_later(fixture, "READY=1");
        (void) settled_looks(fixture);
        (void) snprintf(shared->status, sizeof(shared->status), "Degraded: lxc-web");
        write_file(shared->watched, "file", "text");
        expect(fixture, "STATUS=Degraded: lxc-web");
        (void) settled_looks(fixture);
        write_file(shared->watched, "file", "text");
        assert_string_equal(next_message(fixture, 500 * MS), "");
        assert_int_equal(end(fixture), 0);
}

static void a_look_that_lasts_says_what_it_is_at(void **state) {
        struct fixture *fixture = *state;

        shared->silence_usec = 60 * S;
        start(fixture, LOOKS_FINE);
        expect_later(fixture, "READY=1");
        (void) settled_looks(fixture);
        shared->behaviour = DWELLS;
        write_file(shared->watched, "file", "text");
        expect(fixture, "STATUS=Reconciling: compiling lxc-web");
        expect(fixture, "STATUS=In sync: 1 profile");
        assert_string_equal(next_message(fixture, 10 * MS), "");
        assert_int_equal(end(fixture), 0);
}

static void a_reload_is_a_full_look(void **state) {
        struct fixture *fixture = *state;
        unsigned before;

        start(fixture, LOOKS_FINE);
        expect_later(fixture, "READY=1");
        before = settled_looks(fixture);
        (void) kill(fixture->manager, SIGHUP);
        assert_true(phx_has_prefix(next_message(fixture, LONG), "RELOADING=1\nMONOTONIC_USEC="));
        expect(fixture, "READY=1");
        assert_int_equal(settled_looks(fixture), before + 1);
        assert_int_equal(shared->full_looks, 2);
        assert_int_equal(shared->asked_looks, 2);
        assert_int_equal(end(fixture), 0);
}

static void wait_for_label_looks(unsigned looks) {
        for (int i = 0; i < 500 && shared->label_looks < looks; i++)
                (void) usleep(10 * MS);
        assert_true(shared->label_looks >= looks);
}

static void labels_alone_are_no_look_until_one_differs(void **state) {
        struct fixture *fixture = *state;

        shared->label_resync_usec = 50 * MS;
        start(fixture, LOOKS_FINE);
        wait_for_label_looks(5);
        assert_int_equal(shared->looks, 2);

        shared->label_differs = true;
        wait_for_looks(3);
        wait_for_label_looks(shared->label_looks + 3);
        assert_int_equal(shared->looks, 3);
        assert_int_equal(shared->full_looks, 1);
        assert_int_equal(end(fixture), 0);
}

static void nobody_looks_at_labels_unasked(void **state) {
        struct fixture *fixture = *state;

        start(fixture, LOOKS_FINE);
        assert_int_equal(settled_looks(fixture), 2);
        assert_int_equal(shared->label_looks, 0);
        assert_int_equal(end(fixture), 0);
}

static void an_engine_that_dies_of_labels_is_replaced(void **state) {
        struct fixture *fixture = *state;

        shared->label_resync_usec = 50 * MS;
        start(fixture, LOOKS_FINE);
        wait_for_label_looks(1);
        shared->label_kills = true;
        wait_for_looks(3);
        assert_int_equal(shared->setups, 2);
        assert_int_equal(shared->restarts_told, 1);
        wait_for_label_looks(shared->label_looks + 1);
        assert_int_equal(end(fixture), 0);
}

static void stopping_says_so_and_leaves_no_engine(void **state) {
        struct fixture *fixture = *state;

        start(fixture, LOOKS_FINE);
        expect_later(fixture, "READY=1");
        (void) settled_looks(fixture);
        assert_int_equal(end(fixture), 0);
        expect(fixture, "STOPPING=1");
        expect(fixture, "STATUS=Stopping; profiles and containers stay unchanged");
        assert_int_equal(kill(shared->engine, 0), -1);
        assert_int_equal(errno, ESRCH);
}

static void an_engine_that_hangs_does_not_keep_a_stop_waiting(void **state) {
        struct fixture *fixture = *state;

        shared->patience_usec = 300 * MS;
        start(fixture, HANGS);
        wait_for_looks(1);
        assert_int_equal(end(fixture), 0);
        assert_int_equal(kill(shared->engine, 0), -1);
}

static void a_stop_ends_a_look_at_its_next_sign_of_life(void **state) {
        struct fixture *fixture = *state;
        uint64_t began;

        start(fixture, TALKS_FOR_EVER);
        wait_for_looks(1);
        began = clock_usec();
        assert_int_equal(end(fixture), 0);
        /* Else it would have gone on talking for longer than that. */
        assert_true(clock_usec() - began < shared->patience_usec);
}

static void a_silent_engine_is_replaced(void **state) {
        struct fixture *fixture = *state;

        shared->silence_usec = 400 * MS;
        start(fixture, HANGS);
        expect(fixture, "STATUS=Starting: first pass");
        wait_for_looks(1);
        shared->behaviour = LOOKS_FINE;
        shared->silence_usec = LONG;
        expect_later(fixture, "STATUS=Starting: the engine hangs; phoenixd kills it");
        expect(fixture,
               "STATUS=Degraded: the engine ended: it sent no message for 0 s; restarting it");
        expect(fixture, "STATUS=In sync: 1 profile");
        expect(fixture, "READY=1");
        assert_int_equal(shared->setups, 2);
        assert_int_equal(shared->full_looks, 2);
        assert_int_equal(shared->restarts_told, 1);
        assert_int_equal(end(fixture), 0);
}

/* A zombie that waits for the next look has ended, too. */
static bool has_ended(pid_t pid) {
        char path[64], text[256] = "";
        FILE *file;

        (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        file = fopen(path, "re");
        if (file) {
                (void) fread(text, 1, sizeof(text) - 1, file);
                (void) fclose(file);
        }
        return !file || strstr(text, ") Z ");
}

static void assert_ends(pid_t pid) {
        uint64_t until = clock_usec() + LONG;

        assert_true(pid > 0);
        while (!has_ended(pid) && clock_usec() < until)
                (void) usleep(10 * MS);
        assert_true(has_ended(pid));
}

static void what_left_the_engines_group_ends_with_the_look(void **state) {
        struct fixture *fixture = *state;

        start(fixture, LEAVES_ORPHANS);
        wait_for_looks(1);
        expect_later(fixture, "STATUS=In sync: 1 profile");
        assert_ends(shared->orphan);
        assert_int_equal(shared->setups, 1);
        assert_int_equal(end(fixture), 0);
}

static void what_left_the_engines_group_ends_with_the_engine(void **state) {
        struct fixture *fixture = *state;

        shared->silence_usec = 400 * MS;
        start(fixture, HANGS_WITH_ORPHANS);
        wait_for_looks(1);
        shared->behaviour = LOOKS_FINE;
        shared->silence_usec = LONG;
        expect_later(fixture, "STATUS=Starting: the engine hangs; phoenixd kills it");
        assert_ends(shared->orphan);
        assert_int_equal(end(fixture), 0);
}

static void a_dying_engine_is_replaced_with_patience(void **state) {
        struct fixture *fixture = *state;

        start(fixture, DIES);
        expect_later(fixture,
                     "STATUS=Degraded: the engine ended: it exited with status 7; restarting");
        (void) usleep(2500 * MS);
        /* At once, after 1 s; after 2 s more is still to come. */
        assert_int_equal(shared->setups, 2);
        assert_int_equal(shared->restarts_told, 2);
        assert_int_equal(end(fixture), 0);
}

static void an_engine_killed_between_looks_is_replaced(void **state) {
        struct fixture *fixture = *state;

        start(fixture, LOOKS_FINE);
        expect_later(fixture, "READY=1");
        (void) settled_looks(fixture);
        (void) kill(shared->engine, SIGKILL);
        expect(fixture,
               "STATUS=Degraded: the engine ended: it was killed by signal 9 (Killed); restarting "
               "it");
        expect(fixture, "STATUS=In sync: 1 profile");
        assert_int_equal(shared->setups, 2);
        assert_int_equal(shared->full_looks, 2);
        assert_int_equal(end(fixture), 0);
}

static void an_engine_that_babbles_is_replaced(void **state) {
        struct fixture *fixture = *state;

        start(fixture, BABBLES);
        wait_for_looks(1);
        shared->behaviour = LOOKS_FINE;
        expect_later(fixture, "STATUS=Degraded: the engine ended: it sent an invalid");
        expect_later(fixture, "READY=1");
        assert_int_equal(end(fixture), 0);
}

static void a_look_that_fails_is_said_once_and_tried_again(void **state) {
        struct fixture *fixture = *state;

        start(fixture, FAILS);
        expect(fixture, "STATUS=Starting: first pass");
        expect(fixture, "STATUS=Degraded: phoenixd.json:3: no such key");
        expect(fixture, "READY=1");
        wait_for_looks(2);
        assert_int_equal(shared->failures_told, 1);
        shared->behaviour = LOOKS_FINE;
        expect_later(fixture, "STATUS=In sync: 1 profile");
        assert_int_equal(shared->setups, 1);
        assert_int_equal(end(fixture), 0);
}

static void mended_settings_are_looked_at_without_waiting(void **state) {
        struct fixture *fixture = *state;
        unsigned before;
        char etc[96];

        start(fixture, FAILS);
        wait_for_looks(2);
        before = shared->looks;
        (void) usleep(100 * MS);
        (void) snprintf(etc, sizeof(etc), "%s/etc", fixture->root);
        shared->behaviour = LOOKS_FINE;
        write_file(etc, "phoenixd.json", "{}");
        /* The third try would have come two seconds after the second. */
        (void) usleep(1000 * MS);
        assert_true(shared->looks > before);
        expect_later(fixture, "STATUS=In sync: 1 profile");
        assert_int_equal(end(fixture), 0);
}

/* systemd kills who does not ping in time. */
static void the_watchdog_is_answered_from_the_loop(void **state) {
        struct fixture *fixture = *state;

        shared->patience_usec = 300 * MS;
        assert_int_equal(setenv("WATCHDOG_USEC", "400000", 1), 0);
        start(fixture, LOOKS_FINE);
        for (int i = 0; i < 3; i++)
                expect_later(fixture, "WATCHDOG=1");
        /* A look that hangs is not the loop's. */
        shared->behaviour = HANGS;
        (void) kill(fixture->manager, SIGHUP);
        wait_for_looks(2);
        expect_later(fixture, "WATCHDOG=1");
        assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
        assert_int_equal(end(fixture), 0);
}

static void a_killed_manager_takes_its_engine_along(void **state) {
        struct fixture *fixture = *state;
        pid_t engine;

        start(fixture, HANGS);
        wait_for_looks(1);
        engine = shared->engine;
        (void) kill(fixture->manager, SIGKILL);
        (void) waitpid(fixture->manager, NULL, 0);
        fixture->manager = 0;
        for (int i = 0; i < 100 && kill(engine, 0) == 0; i++) {
                char path[64], text[128] = "";
                FILE *file;

                /* Where nobody reaps orphans it stays as a zombie, which is as gone. */
                (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) engine);
                file = fopen(path, "re");
                if (!file)
                        return;
                (void) fgets(text, sizeof(text), file);
                (void) fclose(file);
                if (strstr(text, ") Z "))
                        return;
                (void) usleep(10 * MS);
        }
        assert_int_equal(kill(engine, 0), -1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_start_is_over_when_a_look_was_made),
                TEST(a_long_start_asks_for_patience),
                TEST(an_engine_that_talks_is_not_killed),
                TEST(an_event_means_one_look_when_the_dust_has_settled),
                TEST(a_storm_means_few_looks),
                TEST(the_status_is_said_when_it_changes),
                TEST(a_look_that_lasts_says_what_it_is_at),
                TEST(a_reload_is_a_full_look),
                TEST(labels_alone_are_no_look_until_one_differs),
                TEST(nobody_looks_at_labels_unasked),
                TEST(an_engine_that_dies_of_labels_is_replaced),
                TEST(stopping_says_so_and_leaves_no_engine),
                TEST(an_engine_that_hangs_does_not_keep_a_stop_waiting),
                TEST(a_stop_ends_a_look_at_its_next_sign_of_life),
                TEST(a_silent_engine_is_replaced),
                TEST(what_left_the_engines_group_ends_with_the_look),
                TEST(what_left_the_engines_group_ends_with_the_engine),
                TEST(a_dying_engine_is_replaced_with_patience),
                TEST(an_engine_killed_between_looks_is_replaced),
                TEST(an_engine_that_babbles_is_replaced),
                TEST(a_look_that_fails_is_said_once_and_tried_again),
                TEST(mended_settings_are_looked_at_without_waiting),
                TEST(the_watchdog_is_answered_from_the_loop),
                TEST(a_killed_manager_takes_its_engine_along),
        };

        shared = mmap(NULL,
                      sizeof(*shared),
                      PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS,
                      -1,
                      0);
        if (shared == MAP_FAILED)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
