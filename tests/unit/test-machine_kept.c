/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The file in which what was judged is kept, and what is believed of it. That a deployed file was
 * not read shows by what is known of it, which is not what stands in it. */

#include <time.h>

#include "base/program.h"
#include "base/seal.h"
#include "base/stamp.h"
#include "machine/kept.h"
#include "profiles-fixture.h"

#define OTHERS "profile lxc-others {\n}\n"

static struct phx_places *places;
static struct phx_definers *definers;
static char state_dir[PATH_MAX];
static struct phx_machine_kept kept;

static void forget_all(void) {
        places = phx_places_free(places);
        definers = phx_definers_free(definers);
}

static void start_all(void) {
        forget_all();
        assert_int_equal(phx_definers_new(&definers), 0);
        assert_int_equal(phx_places_new(&trust, definers, &places), 0);
        start(true);
        kept = (struct phx_machine_kept){ state_dir, places, definers, profiles };
        assert_int_equal(phx_machine_kept_load(&kept), 0);
}

/* Until a change is sure to give the file another stamp. */
static void settle(const char *path) {
        struct phx_stamp stamp;
        struct stat st;

        assert_int_equal(stat(tree_path(path), &st), 0);
        for (stamp = phx_stamp_of(&st); !phx_stamp_is_settled(&stamp);)
                (void) nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
}

static const struct phx_place_seen *place(void) {
        const struct phx_place_seen *seen;

        assert_true(phx_places_refresh(places, deployed_dir, NULL) >= 0);
        seen = phx_places_get(places, "/deployed/lxc-others");
        assert_non_null(seen);
        phx_places_rest(places);
        return seen;
}

static const struct phx_definition *definition(const char *name) {
        phx_autoclose int fd = open(tree_path("deployed"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(phx_definers_is_due(definers, deployed_dir, NULL));
        assert_true(phx_definers_look(definers, fd, NULL, NULL) >= 0);
        return phx_definitions_find(phx_definers_found(definers), name, NULL);
}

/* The text of the same size, of which PLACES and DEFINERS know nothing. */
static void assert_seen(const char *text, const char *name) {
        char digest[PHX_SHA256_HEX];

        phx_sha256(text, strlen(text), digest);
        assert_int_equal(place()->deployed.kind, PHX_DEPLOYED_FILE);
        assert_string_equal(place()->deployed.digest, digest);
        assert_non_null(definition(name));
        assert_string_equal(definition(name)->file, "lxc-others");
        assert_int_equal(definition(name)->line, 1);
}

static int set_up_kept(void **state) {
        int r = set_up(state);

        (void) snprintf(state_dir, sizeof(state_dir), "%s", tree_path("state"));
        tree_mkdir("state");
        tree_write("deployed/lxc-others", OTHERS);
        settle("deployed/lxc-others");
        settle("profiles/lxc-web");
        settle("parser");
        start_all();
        assert_seen(OTHERS, "lxc-others");
        update(1);
        assert_compiled("lxc-web\n");
        assert_int_equal(phx_machine_kept_save(&kept, false), 0);
        return r;
}

static int tear_down_kept(void **state) {
        forget_all();
        return tear_down(state);
}

/* --- what one pass sees once --- */

static void write_others(const char *text) {
        tree_write("deployed/lxc-others", text);
        settle("deployed/lxc-others");
}

/* Who asks which profiles are defined has seen the file in this pass. The next pass asks again. */
static void a_file_is_looked_at_once_in_a_pass(void **state) {
        char before[PHX_SHA256_HEX];

        (void) snprintf(before, sizeof(before), "%s", place()->deployed.digest);
        (void) definition("lxc-others");
        write_others("profile lxc-altered {\n}\n");
        assert_string_equal(place()->deployed.digest, before);
        assert_string_not_equal(place()->deployed.digest, before);
        assert_seen("profile lxc-altered {\n}\n", "lxc-altered");
}

/* What a link leads to is no plain file: it is looked at by its own. */
static void beside_a_link_it_is_looked_at_twice(void **state) {
        char before[PHX_SHA256_HEX];

        assert_int_equal(symlink("lxc-others", tree_path("deployed/lxc-link")), 0);
        (void) snprintf(before, sizeof(before), "%s", place()->deployed.digest);
        (void) definition("lxc-others");
        write_others("profile lxc-altered {\n}\n");
        assert_string_not_equal(place()->deployed.digest, before);
}

/* And what the walk has not seen is asked for. */
static void a_file_that_has_gone_is_missed(void **state) {
        (void) place();
        assert_int_equal(unlink(tree_path("deployed/lxc-others")), 0);
        (void) definition("lxc-others");
        assert_int_equal(place()->deployed.kind, PHX_DEPLOYED_ABSENT);
}

/* --- what is believed --- */

static char *read_kept(size_t *ret_size) {
        char *file = NULL;

        assert_int_equal(
                        phx_file_read_at(
                                        AT_FDCWD,
                                        tree_path("state/judgements"),
                                        1UL << 20,
                                        &file,
                                        ret_size),
                        0);
        return file;
}

#define MAGIC "phoenixd-judgements 1"

static const char *content_of(const char *file, size_t size, size_t *ret_size) {
        phx_cleanup(phx_buffer_done) struct phx_buffer program = { 0 };
        const char *content;

        assert_int_equal(phx_program_add(&program), 0);
        content = phx_seal_open(MAGIC, program.data, file, size, ret_size, NULL);
        assert_non_null(content);
        return content;
}

static void write_kept_as(const char *program, const char *content, size_t size) {
        phx_cleanup(phx_buffer_done) struct phx_buffer whole = { 0 };
        char checksum[PHX_SEAL_HEX];

        phx_seal_checksum(program, content, size, checksum);
        assert_int_equal(phx_seal_render(&whole, MAGIC, checksum, content, size), 0);
        tree_write_bytes("state/judgements", whole.data, whole.size);
}

static void write_kept(const char *content, size_t size) {
        phx_cleanup(phx_buffer_done) struct phx_buffer program = { 0 };

        assert_int_equal(phx_program_add(&program), 0);
        write_kept_as(program.data, content, size);
}

/* The file "judgements", with FROM changed to TO, of the same SIZE, where it stands first. */
static void change_kept(const char *from, const char *to, size_t size) {
        size_t file_size = 0, content_size = 0;
        phx_autofree char *file = read_kept(&file_size);
        const char *content = content_of(file, file_size, &content_size);
        char *at = memmem(file, file_size, from, size);

        assert_non_null(at);
        memcpy(at, to, size);
        write_kept(content, content_size);
}

static void the_stamp_is_believed(void **state) {
        char digest[PHX_SHA256_HEX], other[PHX_SHA256_HEX];

        phx_sha256(OTHERS, strlen(OTHERS), digest);
        phx_sha256("", 0, other);
        change_kept(digest, other, PHX_SHA256_HEX);
        start_all();
        assert_string_equal(place()->deployed.digest, other);

        /* How many there are, the name, and the line. */
        change_kept("1\0lxc-others\0"
                    "1",
                    "1\0lxc-others\0"
                    "7",
                    sizeof("1 lxc-others 1"));
        start_all();
        assert_int_equal(definition("lxc-others")->line, 7);
}

static void another_text_is_read(void **state) {
        static const char text[] = "profile lxc-Others {\n}\n";
        struct stat before;

        assert_int_equal(stat(tree_path("deployed/lxc-others"), &before), 0);
        tree_write("deployed/lxc-others", text);
        assert_int_equal(
                        utimensat(AT_FDCWD,
                                  tree_path("deployed/lxc-others"),
                                  (struct timespec[]){ before.st_atim, before.st_mtim },
                                  0),
                        0);
        start_all();
        assert_seen(text, "lxc-Others");
        assert_null(definition("lxc-others"));
}

/* What changed while no engine was there, no event has named. */
static void the_first_look_is_at_everything(void **state) {
        struct phx_scope nothing = { 0 };

        tree_write("deployed/lxc-others", "profile lxc-Others {\n}\n");
        tree_write("profiles/lxc-web", "profile lxc-web {\n  # other\n}\n");
        start_all();
        assert_int_equal(phx_places_refresh(places, deployed_dir, &nothing), 1);
        phx_places_rest(places);
        look.scope = &nothing;
        update(1);
        look.scope = NULL;
        assert_compiled("lxc-web\n");
}

static void one_that_is_gone_or_not_trusted_is_seen(void **state) {
        assert_int_equal(chmod(tree_path("deployed/lxc-others"), 0666), 0);
        start_all();
        assert_int_equal(place()->deployed.kind, PHX_DEPLOYED_UNTRUSTED);
        assert_int_equal(chmod(tree_path("deployed/lxc-others"), 0644), 0);
        assert_int_equal(chmod(tree_path("deployed"), 0777), 0);
        start_all();
        assert_true(place()->result < 0);
        assert_int_equal(chmod(tree_path("deployed"), 0755), 0);
        tree_remove("deployed/lxc-others");
        start_all();
        assert_int_equal(place()->deployed.kind, PHX_DEPLOYED_ABSENT);
        assert_null(definition("lxc-others"));
}

/* At each start, till an engine ends in good order. */
static void a_file_that_was_just_written_is_read(void **state) {
        char digest[PHX_SHA256_HEX], other[PHX_SHA256_HEX];
        struct phx_stamp stamp;
        struct stat st;

        tree_write("deployed/lxc-others", OTHERS);
        assert_seen(OTHERS, "lxc-others");
        assert_int_equal(stat(tree_path("deployed/lxc-others"), &st), 0);
        stamp = phx_stamp_of(&st);
        if (phx_stamp_is_settled(&stamp))
                return; /* a slow machine */
        assert_int_equal(phx_machine_kept_save(&kept, false), 0);
        phx_sha256(OTHERS, strlen(OTHERS), digest);
        phx_sha256("", 0, other);
        change_kept(digest, other, PHX_SHA256_HEX);
        start_all();
        assert_seen(OTHERS, "lxc-others");
        update(0);
        assert_compiled("");
        /* No reason to write. */
        assert_false(phx_profiles_is_unkept(profiles, false, false));
}

static ino_t inode_of_kept(void) {
        struct stat st;

        assert_int_equal(stat(tree_path("state/judgements"), &st), 0);
        return st.st_ino;
}

/* Its stamp can be relied on when the engine ends: the next one does not read it. */
static void the_last_to_be_kept_is_what_has_settled(void **state) {
        char digest[PHX_SHA256_HEX], other[PHX_SHA256_HEX];
        ino_t before;

        tree_write("deployed/lxc-others", OTHERS);
        assert_seen(OTHERS, "lxc-others");
        assert_int_equal(phx_machine_kept_save(&kept, true), 0);
        settle("deployed/lxc-others");
        assert_seen(OTHERS, "lxc-others");
        before = inode_of_kept();
        assert_int_equal(phx_machine_kept_save(&kept, false), 0);
        assert_int_equal(inode_of_kept(), before);
        assert_int_equal(phx_machine_kept_save(&kept, true), 0);
        before = inode_of_kept();
        assert_int_equal(phx_machine_kept_save(&kept, true), 0);
        assert_int_equal(inode_of_kept(), before);

        phx_sha256(OTHERS, strlen(OTHERS), digest);
        phx_sha256("", 0, other);
        change_kept(digest, other, PHX_SHA256_HEX);
        start_all();
        assert_string_equal(place()->deployed.digest, other);
}

/* --- what is not --- */

static bool is_judged_without_reading(void) {
        phx_autoclose int writer = open(tree_path("profiles/lxc-web"), O_WRONLY | O_CLOEXEC);

        assert_true(writer >= 0);
        update(0);
        assert_compiled("");
        return find("lxc-web")->state == PHX_SOURCE_GOOD;
}

static void another_program_judges_again(void **state) {
        size_t size = 0, content_size = 0;
        phx_autofree char *file = read_kept(&size);
        const char *content = content_of(file, size, &content_size);

        start_all();
        assert_true(is_judged_without_reading());
        write_kept_as("another", content, content_size);
        start_all();
        assert_false(is_judged_without_reading());
        write_kept(content, content_size);
        start_all();
        assert_true(is_judged_without_reading());
}

static void a_damaged_file_is_none(void **state) {
        size_t size = 0;
        phx_autofree char *file = read_kept(&size);

        for (size_t i = 0; i < size; i += i < 80 ? 1 : 37) {
                file[i] ^= 1;
                tree_write_bytes("state/judgements", file, size);
                start_all();
                assert_null(phx_definers_found(definers)->items);
                file[i] ^= 1;
                tree_write_bytes("state/judgements", file, i);
                start_all();
        }
        assert_false(is_judged_without_reading());
        tree_remove("state/judgements");
        start_all();
        update(0);
        assert_good("lxc-web");
        tree_write_bytes("state/judgements", file, size);
        start_all();
        assert_true(is_judged_without_reading());
}

/* Whole, and yet with texts that nobody has written: nothing is taken up of it. */
static void a_whole_file_without_sense_is_none(void **state) {
        size_t size = 0, content_size = 0;
        phx_autofree char *file = read_kept(&size);
        const char *content = content_of(file, size, &content_size);

        for (size_t cut = 0; cut < content_size; cut++) {
                if (cut > 0 && content[cut - 1] != '\0')
                        continue;
                write_kept(content, cut);
                start_all();
        }
        assert_false(is_judged_without_reading());
}

#define KEPT(name) cmocka_unit_test_setup_teardown(name, set_up_kept, tear_down_kept)

int main(void) {
        const struct CMUnitTest tests[] = {
                KEPT(a_file_is_looked_at_once_in_a_pass),
                KEPT(beside_a_link_it_is_looked_at_twice),
                KEPT(a_file_that_has_gone_is_missed),
                KEPT(the_stamp_is_believed),
                KEPT(the_first_look_is_at_everything),
                KEPT(another_text_is_read),
                KEPT(one_that_is_gone_or_not_trusted_is_seen),
                KEPT(a_file_that_was_just_written_is_read),
                KEPT(the_last_to_be_kept_is_what_has_settled),
                KEPT(another_program_judges_again),
                KEPT(a_damaged_file_is_none),
                KEPT(a_whole_file_without_sense_is_none),
        };

        return cmocka_run_group_tests_name("machine_kept", tests, NULL, NULL);
}
