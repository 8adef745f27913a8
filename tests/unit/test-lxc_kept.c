/* SPDX-License-Identifier: GPL-2.0-or-later */

/* liblxc's answers in a file: what is believed of them, and what is not. */

#include <errno.h>
#include <unistd.h>

#include "base/seal.h"
#include "container-tree.h"
#include "lxc/kept.h"
#include "lxc/replace.h"

static const char *program = "one\n";
static const struct phx_trust anyone = { .root = "/", .anyone = true };

struct host {
        struct phx_lxc lxc;
        char path[512];
        struct phx_lxc_cache *cache;
        struct phx_option_reviews *reviews;
        struct phx_lxc_containers found;
        struct phx_buffer bytes;
};

static void host_new(struct host *host) {
        phx_lxc_cache_free(host->cache);
        phx_option_reviews_free(host->reviews);
        assert_int_equal(phx_lxc_cache_new(&host->cache), 0);
        assert_int_equal(phx_option_reviews_new(&host->reviews), 0);
}

static void host_init(struct host *host, const char *name) {
        tree_mkdir(name);
        (void) snprintf(host->path, sizeof(host->path), "%s", tree_path(name));
        host->lxc = (struct phx_lxc){ .path = host->path,
                                      .trust = &anyone,
                                      .lock_root = "/proc/no/lock",
                                      .owner = { getuid(), getgid() },
                                      .deadline_usec = 5000000 };
        host_new(host);
}

static void host_done(struct host *host) {
        phx_lxc_containers_done(&host->found);
        phx_lxc_cache_free(host->cache);
        phx_option_reviews_free(host->reviews);
        phx_buffer_done(&host->bytes);
}

static void write_config(const struct host *host, const char *name, const char *text) {
        char path[256];

        (void) snprintf(path, sizeof(path), "%s/%s/config", strrchr(host->path, '/') + 1, name);
        tree_write(path, text);
}

static void look(struct host *host) {
        struct phx_error error = { 0 };

        phx_lxc_containers_done(&host->found);
        if (phx_lxc_containers_look(&host->lxc, host->cache, &host->found, &error) < 0)
                fail_msg("%s", error.text);
}

static void keep(struct host *host) {
        phx_buffer_done(&host->bytes);
        assert_int_equal(phx_lxc_kept_render(program, host->cache, host->reviews, &host->bytes), 0);
        assert_int_equal(phx_lxc_kept_unsaved(host->cache, host->reviews), 0);
}

/* As an engine that starts: a look that asks would not be answered. */
static int restart(struct host *host) {
        host_new(host);
        host->lxc.deadline_usec = 0;
        return phx_lxc_kept_parse(
                        program,
                        host->bytes.data,
                        host->bytes.size,
                        host->cache,
                        host->reviews);
}

static void assert_effective(const struct host *host, size_t index, const char *profile) {
        if (host->found.items[index].trouble)
                fail_msg("%s", host->found.items[index].trouble);
        assert_string_equal(host->found.items[index].values.profile, profile);
}

static void add_containers(const struct host *host) {
        char text[512];

        tree_write("kept.conf", "lxc.apparmor.profile = lxc-c\n");
        (void) snprintf(text, sizeof(text), "lxc.include = %s\n", tree_path("kept.conf"));
        write_config(host, "a", "lxc.apparmor.profile = lxc-a\n");
        write_config(host, "b\n\377", "lxc.apparmor.profile = lxc-b\nlxc.cgroup.dir = there\n");
        write_config(host, "c", text);
        write_config(host, "d", "lxc.bogus = 1\n");
}

static void an_answer_outlives_the_engine(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "outlives");
        add_containers(&host);
        look(&host);
        assert_int_equal(phx_lxc_kept_unsaved(host.cache, host.reviews), 4);
        keep(&host);
        assert_int_equal(restart(&host), 0);
        look(&host);
        assert_int_equal(host.found.count, 4);
        assert_effective(&host, 0, "lxc-a");
        assert_effective(&host, 1, "lxc-b");
        assert_string_equal(host.found.items[1].values.cgroup_dir, "there");
        assert_effective(&host, 2, "lxc-c");
        assert_string_equal(host.found.items[2].decider.file, tree_path("kept.conf"));
        assert_int_equal(host.found.items[2].decider.line, 1);
        for (size_t i = 0; i < 3; i++)
                assert_string_equal(host.found.items[i].decider.ungated, "");
        assert_non_null(strstr(host.found.items[3].trouble, "lxc.bogus"));
        assert_int_equal(phx_lxc_kept_unsaved(host.cache, host.reviews), 0);
}

/* Both ways that a config has not got the boot gate's hooks, and one that has them. */
static void whether_the_gate_is_asked_outlives_the_engine(void **state) {
        static const char hooks[] = "lxc.hook.pre-start = /g/phoenixd-gate pre-start\n"
                                    "lxc.hook.start-host = /g/phoenixd-gate start-host\n";
        phx_cleanup(host_done) struct host host = { 0 };
        char text[256], place[300];

        host_init(&host, "gated");
        write_config(&host, "a", hooks);
        (void) snprintf(text, sizeof(text), "%slxc.hook.start-host =\n", hooks);
        write_config(&host, "b", text);
        write_config(&host, "c", "lxc.apparmor.profile = lxc-c\n");
        look(&host);
        keep(&host);
        for (size_t i = 0; i < 2; i++) {
                assert_null(host.found.items[0].decider.ungated);
                (void) snprintf(place, sizeof(place), "%s:3", tree_path("gated/b/config"));
                assert_string_equal(host.found.items[1].decider.ungated, place);
                assert_string_equal(host.found.items[2].decider.ungated, "");
                assert_int_equal(restart(&host), 0);
                look(&host);
                assert_int_equal(phx_lxc_kept_unsaved(host.cache, host.reviews), 0);
        }
}

static void what_has_changed_meanwhile_is_asked_about(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "meanwhile");
        add_containers(&host);
        look(&host);
        keep(&host);
        write_config(&host, "a", "lxc.apparmor.profile = lxc-x\n");
        tree_write("kept.conf", "lxc.apparmor.profile = lxc-y\n");
        assert_int_equal(restart(&host), 0);
        look(&host);
        assert_non_null(host.found.items[0].trouble);
        assert_effective(&host, 1, "lxc-b");
        assert_non_null(host.found.items[2].trouble);
        host.lxc.deadline_usec = 5000000;
        look(&host);
        assert_effective(&host, 0, "lxc-x");
        assert_effective(&host, 2, "lxc-y");
}

/* The same text, in another file: as after a boot that numbers devices in another way. */
static void a_digest_does_where_a_stamp_does_not(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "digest");
        add_containers(&host);
        look(&host);
        keep(&host);
        assert_int_equal(unlink(tree_path("digest/a/config")), 0);
        write_config(&host, "a", "lxc.apparmor.profile = lxc-a\n");
        assert_int_equal(restart(&host), 0);
        look(&host);
        assert_effective(&host, 0, "lxc-a");
}

static void another_path_has_other_containers(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "path-one");
        add_containers(&host);
        look(&host);
        keep(&host);
        host_init(&host, "path-two");
        write_config(&host, "a", "lxc.apparmor.profile = lxc-a\n");
        assert_int_equal(restart(&host), 0);
        look(&host);
        assert_int_equal(host.found.count, 1);
        assert_non_null(host.found.items[0].trouble);
}

static void nothing_is_believed_of_a_damaged_file(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };
        size_t size;

        host_init(&host, "damaged");
        add_containers(&host);
        look(&host);
        keep(&host);
        size = host.bytes.size;
        for (host.bytes.size = 0; host.bytes.size < size; host.bytes.size++)
                assert_int_equal(restart(&host), -EBADMSG);
        for (size_t i = 0; i < size; i++) {
                host.bytes.data[i] ^= 1;
                assert_int_equal(restart(&host), -EBADMSG);
                assert_int_equal(phx_lxc_kept_count(host.cache, host.reviews), 0);
                host.bytes.data[i] ^= 1;
        }
        assert_int_equal(restart(&host), 0);
}

/* Of the same version, and yet it may answer otherwise. */
static void nothing_is_believed_of_another_build(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "build");
        add_containers(&host);
        look(&host);
        keep(&host);
        program = "another\n";
        assert_int_equal(restart(&host), -EBADMSG);
        assert_int_equal(phx_lxc_kept_count(host.cache, host.reviews), 0);
        program = "one\n";
        assert_int_equal(restart(&host), 0);
}

/* --- what a crash left --- */

static int clean(struct host *host) {
        return phx_lxc_remove_leftovers(&host->lxc, host->cache);
}

static void leave(const struct host *host, const char *name) {
        char path[256];

        (void) snprintf(path,
                        sizeof(path),
                        "%s/%s/.config.phoenixd~",
                        strrchr(host->path, '/') + 1,
                        name);
        tree_write(path, "half");
}

static void what_a_crash_left_after_it_was_kept_is_removed(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "left");
        add_containers(&host);
        leave(&host, "a");
        leave(&host, "b\n\377");
        assert_int_equal(clean(&host), 2);
        (void) usleep(40000);
        look(&host);
        look(&host);
        keep(&host);
        leave(&host, "c");
        assert_int_equal(restart(&host), 0);
        assert_int_equal(clean(&host), 1);
        assert_int_equal(clean(&host), 0);
        host.lxc.deadline_usec = 5000000;
        look(&host);
        assert_effective(&host, 2, "lxc-c");
}

/* As where phoenixd only observes: what it has seen there may be what a crash left. */
static void what_was_kept_without_cleaning_is_cleaned(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "unclean");
        add_containers(&host);
        leave(&host, "a");
        (void) usleep(40000);
        look(&host);
        look(&host);
        keep(&host);
        assert_int_equal(restart(&host), 0);
        assert_int_equal(clean(&host), 1);
}

/* The one in between has seen what the crash left, too, and does not say that it is clean. */
static void what_was_not_cleaned_in_between_is_cleaned(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "between");
        add_containers(&host);
        assert_int_equal(clean(&host), 0);
        (void) usleep(40000);
        look(&host);
        look(&host);
        keep(&host);
        leave(&host, "a");
        (void) usleep(40000);
        assert_int_equal(restart(&host), 0);
        look(&host);
        look(&host);
        keep(&host);
        assert_int_equal(restart(&host), 0);
        assert_int_equal(clean(&host), 1);
}

/* The settings have said "observe" when it started. */
static void what_was_seen_again_before_is_cleaned(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "again");
        add_containers(&host);
        assert_int_equal(clean(&host), 0);
        (void) usleep(40000);
        look(&host);
        look(&host);
        keep(&host);
        leave(&host, "a");
        (void) usleep(40000);
        assert_int_equal(restart(&host), 0);
        look(&host);
        assert_int_equal(clean(&host), 1);
}

static void what_cannot_be_removed_keeps_all_from_being_clean(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "stuck");
        add_containers(&host);
        tree_write("stuck/plain", "");
        tree_mkdir("stuck/a/.stuck.phoenixd~");
        assert_int_equal(clean(&host), 0);
        leave(&host, "c");
        (void) usleep(40000);
        look(&host);
        look(&host);
        keep(&host);
        assert_int_equal(restart(&host), 0);
        assert_int_equal(clean(&host), 1);
}

/* lxc-create has begun while no engine ran. */
static void a_directory_that_was_not_looked_at_is_looked_at(void **state) {
        phx_cleanup(host_done) struct host host = { 0 };

        host_init(&host, "begun");
        add_containers(&host);
        assert_int_equal(clean(&host), 0);
        (void) usleep(40000);
        look(&host);
        look(&host);
        keep(&host);
        tree_write("begun/a/partial", "");
        assert_int_equal(restart(&host), 0);
        assert_int_equal(clean(&host), 0);
        look(&host);
        assert_non_null(strstr(host.found.items[0].trouble, "lxc-create"));
        assert_effective(&host, 1, "lxc-b");
        assert_int_equal(restart(&host), 0);
        look(&host);
        assert_non_null(strstr(host.found.items[0].trouble, "lxc-create"));
}

/* As if it had been kept. */
static void seal(struct host *host, const char *texts, size_t size) {
        char checksum[PHX_SEAL_HEX];

        phx_buffer_done(&host->bytes);
        phx_seal_checksum("lxc-answers", texts, size, checksum);
        assert_int_equal(phx_seal_render(&host->bytes, "phoenixd-lxc 4", checksum, texts, size), 0);
}

/* A whole file of ours, and none that this program would write. */
static void nothing_is_believed_of_a_file_of_another_version(void **state) {
        static const char body[] = "one\n\0"
                                   "0.0.0\0/var/lib/lxc\0"
                                   "0\0"
                                   "0\0"
                                   "0",
                          short_body[] = "c\0a";
        phx_cleanup(host_done) struct host host = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer texts = { 0 };
        const char *found;
        size_t size = 0;

        host_init(&host, "version");
        seal(&host, body, sizeof(body));
        assert_int_equal(restart(&host), -EBADMSG);

        phx_buffer_done(&host.bytes);
        keep(&host);
        assert_int_equal(restart(&host), 0);
        found = phx_seal_open(
                        "phoenixd-lxc 4",
                        "lxc-answers",
                        host.bytes.data,
                        host.bytes.size,
                        &size,
                        NULL);
        assert_non_null(found);
        assert_int_equal(phx_buffer_add(&texts, found, size), 0);
        assert_int_equal(phx_buffer_add(&texts, short_body, sizeof(short_body)), 0);
        seal(&host, texts.data, texts.size);
        assert_int_equal(restart(&host), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_answer_outlives_the_engine),
                cmocka_unit_test(whether_the_gate_is_asked_outlives_the_engine),
                cmocka_unit_test(what_has_changed_meanwhile_is_asked_about),
                cmocka_unit_test(a_digest_does_where_a_stamp_does_not),
                cmocka_unit_test(another_path_has_other_containers),
                cmocka_unit_test(nothing_is_believed_of_a_damaged_file),
                cmocka_unit_test(nothing_is_believed_of_a_file_of_another_version),
                cmocka_unit_test(nothing_is_believed_of_another_build),
                cmocka_unit_test(what_a_crash_left_after_it_was_kept_is_removed),
                cmocka_unit_test(what_was_kept_without_cleaning_is_cleaned),
                cmocka_unit_test(what_was_not_cleaned_in_between_is_cleaned),
                cmocka_unit_test(what_was_seen_again_before_is_cleaned),
                cmocka_unit_test(what_cannot_be_removed_keeps_all_from_being_clean),
                cmocka_unit_test(a_directory_that_was_not_looked_at_is_looked_at),
        };

        return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
