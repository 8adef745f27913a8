/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "loop/monitord.h"

#define MESSAGE_SIZE 264

/* A path of this test's own: the abstract namespace is shared with the machine. */
static char lxc_path[64];

static int listen_at(const char *path) {
        struct sockaddr_un address;
        socklen_t size = monitord_address(path, &address);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (const struct sockaddr *) &address, size), 0);
        assert_int_equal(listen(fd, 4), 0);
        return fd;
}

static void tell(int fd, int type, size_t from, size_t to) {
        char message[MESSAGE_SIZE] = { 0 };

        memcpy(message, &type, sizeof(type));
        (void) snprintf(message + 4, 256, "c1");
        assert_int_equal(send(fd, message + from, to - from, MSG_NOSIGNAL), to - from);
}

struct fixture {
        sd_event *event;
        struct monitord *monitord;
        struct counter counter;
};

static int setup(void **state) {
        struct fixture *fixture = calloc(1, sizeof(*fixture));
        struct listener listener;

        assert_non_null(fixture);
        (void) snprintf(lxc_path, sizeof(lxc_path), "/test/%d", (int) getpid());
        listener = (struct listener){ count_look, count_arrival, &fixture->counter };
        assert_int_equal(sd_event_new(&fixture->event), 0);
        assert_int_equal(monitord_new(fixture->event, &listener, &fixture->monitord), 0);
        *state = fixture;
        return 0;
}

static int teardown(void **state) {
        struct fixture *fixture = *state;

        (void) monitord_free(fixture->monitord);
        sd_event_unref(fixture->event);
        free(fixture);
        return 0;
}

static void the_address_is_the_one_that_lxc_uses(void **state) {
        static const char expected[] = "lxc/ad055575fe28ddd5//var/lib/lxc";
        struct sockaddr_un address;
        socklen_t size = monitord_address("/var/lib/lxc", &address);

        assert_int_equal(size, offsetof(struct sockaddr_un, sun_path) + sizeof(expected));
        assert_int_equal(address.sun_path[0], '\0');
        assert_memory_equal(address.sun_path + 1, expected, sizeof(expected) - 1);
}

static void a_long_path_is_cut_as_lxc_cuts_it(void **state) {
        struct sockaddr_un address;
        char path[300];

        memset(path, 'x', sizeof(path));
        path[0] = '/';
        path[sizeof(path) - 1] = '\0';
        /* 105 characters and the NUL in front of them. */
        assert_int_equal(
                        monitord_address(path, &address),
                        offsetof(struct sockaddr_un, sun_path) + 106);
}

static void without_a_monitord_nothing_waits(void **state) {
        struct fixture *fixture = *state;

        assert_int_equal(monitord_follow(fixture->monitord, lxc_path), -ECONNREFUSED);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 0);
}

static void a_state_is_worth_a_look_an_exit_code_is_not(void **state) {
        struct fixture *fixture = *state;
        int server = listen_at(lxc_path), client;

        assert_int_equal(monitord_follow(fixture->monitord, lxc_path), 1);
        assert_int_equal(monitord_follow(fixture->monitord, lxc_path), 0);
        client = accept4(server, NULL, NULL, SOCK_CLOEXEC);

        tell(client, 2, 0, MESSAGE_SIZE);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 0);
        tell(client, 0, 0, MESSAGE_SIZE);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 1);
        (void) close(client);
        (void) close(server);
}

static void a_message_in_pieces_is_one_message(void **state) {
        struct fixture *fixture = *state;
        int server = listen_at(lxc_path), client;

        assert_int_equal(monitord_follow(fixture->monitord, lxc_path), 1);
        client = accept4(server, NULL, NULL, SOCK_CLOEXEC);

        tell(client, 2, 0, MESSAGE_SIZE);
        tell(client, 0, 0, 2);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 0);
        tell(client, 0, 2, MESSAGE_SIZE);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 1);
        (void) close(client);
        (void) close(server);
}

static void a_lost_monitord_is_sought_again(void **state) {
        struct fixture *fixture = *state;
        int server = listen_at(lxc_path), client;

        assert_int_equal(monitord_follow(fixture->monitord, lxc_path), 1);
        client = accept4(server, NULL, NULL, SOCK_CLOEXEC);
        (void) close(client);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 1);

        run_until(fixture->event, &fixture->counter, 2, 3 * S);
        assert_int_equal(fixture->counter.looks, 2);
        client = accept4(server, NULL, NULL, SOCK_CLOEXEC);
        tell(client, 0, 0, MESSAGE_SIZE);
        settle(fixture->event);
        assert_int_equal(fixture->counter.looks, 3);
        (void) close(client);
        (void) close(server);
}

static void another_path_is_another_monitord(void **state) {
        struct fixture *fixture = *state;
        char other[96];
        int server = listen_at(lxc_path), second;

        (void) snprintf(other, sizeof(other), "%s/other", lxc_path);
        second = listen_at(other);
        assert_int_equal(monitord_follow(fixture->monitord, lxc_path), 1);
        assert_int_equal(monitord_follow(fixture->monitord, other), 1);
        assert_int_equal(monitord_follow(fixture->monitord, other), 0);
        (void) close(server);
        (void) close(second);
}

static void a_stranger_s_monitord_is_not_believed(void **state) {
        struct fixture *fixture = *state;
        int server;

        if (geteuid() != 0)
                skip();
        assert_int_equal(seteuid(65534), 0);
        server = listen_at(lxc_path);
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(monitord_follow(fixture->monitord, lxc_path), -EPERM);
        (void) close(server);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(the_address_is_the_one_that_lxc_uses),
                TEST(a_long_path_is_cut_as_lxc_cuts_it),
                TEST(without_a_monitord_nothing_waits),
                TEST(a_state_is_worth_a_look_an_exit_code_is_not),
                TEST(a_message_in_pieces_is_one_message),
                TEST(a_lost_monitord_is_sought_again),
                TEST(another_path_is_another_monitord),
                TEST(a_stranger_s_monitord_is_not_believed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
