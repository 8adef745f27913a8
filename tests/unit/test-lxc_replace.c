/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Edits configs below a temporary LXC path, judged by the real liblxc. */

#include <errno.h>
#include <sys/wait.h>
#include <time.h>

#include <lxc/lxccontainer.h>

#include "container-tree.h"
#include "lxc/replace.h"

static char locks[512];
static char containers[512];

static int setup(void **state) {
        if (tree_setup(state) < 0)
                return -1;
        (void) snprintf(locks, sizeof(locks), "%s", tree_path("lock"));
        (void) snprintf(containers, sizeof(containers), "%s", tree_path("lxc"));
        tree_mkdir("lxc");
        return 0;
}

static struct phx_lxc host(void) {
        static const struct phx_trust anyone = { .root = "/", .anyone = true };

        return (struct phx_lxc){ .path = containers,
                                 .trust = &anyone,
                                 .lock_root = locks,
                                 .owner = { getuid(), getgid() },
                                 .deadline_usec = 5000000 };
}

static void write_config(const char *name, const char *text) {
        char path[256];

        (void) snprintf(path, sizeof(path), "lxc/%s/config", name);
        tree_write(path, text);
}

static void assert_config(const char *name, const char *expected) {
        phx_autofree char *text = NULL;
        char path[256];

        (void) snprintf(path, sizeof(path), "lxc/%s/config", name);
        text = tree_read(path);
        assert_string_equal(text, expected);
        /* Nothing is left of the way there. */
        (void) snprintf(path, sizeof(path), "lxc/%s/.config.phoenixd~", name);
        assert_int_equal(access(tree_path(path), F_OK), -1);
}

static int assign(
                const char *name,
                const char *planned_on,
                const char *profile,
                const char *wanted,
                struct phx_error *error) {
        phx_cleanup(phx_lxc_edit_done) struct phx_lxc_edit edit = { .profile = profile };
        phx_cleanup(phx_lxc_cache_freep) struct phx_lxc_cache *cache = NULL;
        const struct phx_lxc lxc = host();
        char digest[PHX_SHA256_HEX];

        if (wanted)
                assert_int_equal(phx_strings_add(&edit.tail, wanted), 0);
        phx_sha256(planned_on, strlen(planned_on), digest);
        assert_int_equal(phx_lxc_cache_new(&cache), 0);
        return phx_lxc_replace(&lxc, cache, name, digest, &edit, error);
}

static void assert_refused(
                const char *name,
                const char *planned_on,
                const char *wanted,
                int code,
                const char *expected) {
        struct phx_error error = { 0 };
        char text[2048];

        assert_int_equal(assign(name, planned_on, "lxc-a", wanted, &error), code);
        (void) snprintf(text, sizeof(text), "%s/%s/config%s", containers, name, expected);
        assert_string_equal(error.text, text);
}

static void a_config_is_replaced_once_and_keeps_mode_and_owner(void **state) {
        static const char old[] = "# mine\nlxc.uts.name = web\n";
        static const char new[] = "# mine\nlxc.uts.name = web\nlxc.mount.auto = proc\n"
                                  "lxc.apparmor.profile = lxc-a\n";
        struct phx_error error = { 0 };
        struct stat before, after;

        write_config("web", old);
        assert_int_equal(chmod(tree_path("lxc/web/config"), 0640), 0);
        assert_int_equal(stat(tree_path("lxc/web/config"), &before), 0);
        assert_int_equal(assign("web", old, "lxc-a", "lxc.mount.auto=proc", &error), 1);
        assert_string_equal(error.text, "");
        assert_config("web", new);
        assert_int_equal(stat(tree_path("lxc/web/config"), &after), 0);
        assert_int_equal(after.st_mode, before.st_mode);
        assert_int_equal(after.st_uid, before.st_uid);
        assert_int_equal(after.st_gid, before.st_gid);

        assert_int_equal(assign("web", new, "lxc-a", NULL, &error), 0);
        assert_config("web", new);
}

/* Proxmox's own are root:www-data 0640. */
static void a_group_of_its_own_is_kept(void **state) {
        struct phx_error error = { 0 };
        struct stat after;

        if (geteuid() != 0)
                return; /* nobody else may give a file away */
        write_config("group", "lxc.uts.name = group\n");
        assert_int_equal(chown(tree_path("lxc/group/config"), 0, 33), 0);
        assert_int_equal(chmod(tree_path("lxc/group/config"), 0640), 0);
        assert_int_equal(assign("group", "lxc.uts.name = group\n", "lxc-a", NULL, &error), 1);
        assert_int_equal(stat(tree_path("lxc/group/config"), &after), 0);
        assert_int_equal(after.st_uid, 0);
        assert_int_equal(after.st_gid, 33);
        assert_int_equal(after.st_mode & 07777, 0640);
}

/* Until FILE is there, for at most ten seconds. */
static void wait_for_file(const char *file) {
        const struct timespec pause = { .tv_nsec = 5000000 };

        for (int i = 0; i < 2000 && access(file, F_OK) < 0; i++)
                (void) nanosleep(&pause, NULL);
        assert_int_equal(access(file, F_OK), 0);
}

/* It was right when it was read, and while liblxc was asked somebody has written another. */
static void a_config_that_changes_under_way_is_left_alone(void **state) {
        static const char old[] = "lxc.uts.name = old\n", theirs[] = "lxc.uts.name = theirs\n";
        const struct phx_lxc lxc = host();
        phx_autoclose int held = -1;
        int status = -1;
        pid_t editor;

        write_config("raced", old);
        assert_int_equal(phx_lxc_lock(&lxc, "raced", &held, NULL), 0);
        editor = fork();
        assert_true(editor >= 0);
        if (editor == 0) {
                (void) close(held); /* the lock belongs to the open file, which is both of ours */
                _exit(-assign("raced", old, "lxc-a", NULL, NULL));
        }
        /* It is written and judged, and waits for the lock. */
        wait_for_file(tree_path("lxc/raced/.config.phoenixd~"));
        write_config("raced", theirs);
        (void) close(PHX_TAKE_FD(held));
        assert_int_equal(waitpid(editor, &status, 0), editor);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), ESTALE);
        assert_config("raced", theirs);
}

static void what_would_be_written_is_shown_and_not_written(void **state) {
        static const char old[] = "lxc.uts.name = shown\nlxc.apparmor.profile = unconfined\n";
        phx_cleanup(phx_preview_done) struct phx_preview preview = { 0 };
        const struct phx_lxc_edit edit = { .profile = "lxc-a" };
        const struct phx_lxc lxc = host();
        char digest[PHX_SHA256_HEX];

        write_config("shown", old);
        phx_sha256(old, strlen(old), digest);
        assert_int_equal(phx_lxc_preview(&lxc, "shown", digest, &edit, &preview), 1);
        assert_string_equal(preview.before, old);
        assert_string_equal(preview.after, "lxc.uts.name = shown\nlxc.apparmor.profile = lxc-a\n");
        assert_true(phx_has_suffix(preview.file, "/lxc/shown/config"));
        assert_config("shown", old);

        phx_preview_done(&preview);
        digest[0] = digest[0] == '0' ? '1' : '0';
        assert_int_equal(phx_lxc_preview(&lxc, "shown", digest, &edit, &preview), -ESTALE);
        assert_null(preview.file);
}

static void a_config_that_changed_meanwhile_is_left_alone(void **state) {
        write_config("stale", "lxc.uts.name = b\n");
        assert_refused("stale", "lxc.uts.name = a\n", NULL, -ESTALE, ": changed since it was read");
        assert_config("stale", "lxc.uts.name = b\n");
}

static void what_liblxc_refuses_never_becomes_the_config(void **state) {
        char expected[2048];

        write_config("bogus", "lxc.uts.name = a\n");
        (void) snprintf(expected,
                        sizeof(expected),
                        ": liblxc rejects the edited text: %s/bogus/.config.phoenixd~: Invalid "
                        "argument - "
                        "Unsupported config key \"lxc.bogus\"; Failed to parse config file "
                        "\"%s/bogus/.config.phoenixd~\" at line \"lxc.bogus = *\"",
                        containers,
                        containers);
        assert_refused("bogus", "lxc.uts.name = a\n", "lxc.bogus=1", -EINVAL, expected);
        assert_config("bogus", "lxc.uts.name = a\n");

        assert_refused("bogus",
                       "lxc.uts.name = a\n",
                       "bogus",
                       -EINVAL,
                       ": 'bogus': expected one line of the form lxc.KEY=VALUE");
}

static void a_config_that_others_may_write_is_not_edited(void **state) {
        const char *directory = tree_path("lxc/open");

        write_config("open", "");
        assert_int_equal(chmod(directory, 0777), 0);
        assert_refused("open",
                       "",
                       NULL,
                       -EPERM,
                       ": its directory is writable by others (mode 0777)");

        tree_link(directory, "lxc/alias");
        assert_refused("alias",
                       "",
                       NULL,
                       -EPERM,
                       ": its directory is writable by others (mode 0777)");

        tree_mkdir("lxc/link");
        tree_link(tree_path("lxc/open/config"), "lxc/link/config");
        assert_refused("link", "", NULL, -ELOOP, ": is a symbolic link");
        assert_refused("absent", "", NULL, -ENOENT, ": No such file or directory");

        write_config("half", "");
        tree_write("lxc/half/partial", "");
        assert_refused("half",
                       "",
                       NULL,
                       -EBUSY,
                       ": lxc-create is creating the container, or was interrupted");
}

/* Its writer would go on in a file that is no longer there. */
static void what_is_being_written_is_not_replaced(void **state) {
        static const char begun[] = "lxc.uts.name = web\n", rest[] = "lxc.tty.max = 2\n";
        struct phx_error error = { 0 };
        phx_autoclose int fd = -1;

        write_config("web", begun);
        fd = open(tree_path("lxc/web/config"), O_WRONLY | O_APPEND | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_refused("web", begun, NULL, -EBUSY, ": is still being written");
        assert_int_equal(write(fd, rest, strlen(rest)), strlen(rest));
        phx_closep(&fd);
        assert_config("web", "lxc.uts.name = web\nlxc.tty.max = 2\n");
        assert_int_equal(
                        assign("web",
                               "lxc.uts.name = web\nlxc.tty.max = 2\n",
                               "lxc-a",
                               NULL,
                               &error),
                        1);
        assert_config("web", "lxc.uts.name = web\nlxc.tty.max = 2\nlxc.apparmor.profile = lxc-a\n");
}

static void a_name_is_never_a_path(void **state) {
        struct phx_error error = { 0 };

        assert_int_equal(assign("../lxc/web", "", "lxc-a", NULL, &error), -EINVAL);
        assert_string_equal(error.text, "'../lxc/web': is not the name of a container");
}

/* The lock. */

static void the_lock_is_waited_for_and_then_given_up(void **state) {
        const struct phx_lxc lxc = host();
        struct phx_error error = { 0 };
        phx_autoclose int held = -1;
        char expected[2048];

        write_config("locked", "");
        assert_int_equal(phx_lxc_lock(&lxc, "locked", &held, NULL), 0);
        assert_true(held >= 0);

        assert_int_equal(assign("locked", "", "lxc-a", NULL, &error), -EBUSY);
        (void) snprintf(expected,
                        sizeof(expected),
                        "%s/%s/.locked: another program holds LXC's lock of the container",
                        locks,
                        containers);
        assert_string_equal(error.text, expected);
        assert_config("locked", "");

        (void) close(PHX_TAKE_FD(held));
        assert_int_equal(assign("locked", "", "lxc-a", NULL, NULL), 1);
        assert_config("locked", "lxc.apparmor.profile = lxc-a\n");
}

static void without_a_place_for_locks_there_is_none(void **state) {
        struct phx_lxc lxc = host();
        phx_autoclose int fd = -1;

        lxc.lock_root = "/proc/no/lock";
        assert_int_equal(phx_lxc_lock(&lxc, "web", &fd, NULL), 0);
        assert_int_equal(fd, -1);
}

static void load_own_config(const char *name) {
        struct lxc_container *c;

        (void) alarm(10);
        c = lxc_container_new(name, containers);
        /* It has read its config, which takes the lock. */
        _exit(c ? 0 : 1);
}

/* The file, and the directories that bear this test's names. */
static void remove_run_lock(const char *name) {
        char path[1024];

        (void) snprintf(path, sizeof(path), "/run/lxc/lock/%s/.%s", containers, name);
        (void) unlink(path);
        (void) snprintf(path, sizeof(path), "/run/lxc/lock/%s", containers);
        (void) rmdir(path);
        (void) snprintf(path, sizeof(path), "/run/lxc/lock/%s", tree);
        (void) rmdir(path);
}

/* liblxc's own lock is below /run for root only. */
static void the_lock_is_the_one_that_liblxc_takes(void **state) {
        const struct timespec pause = { .tv_nsec = 300L * 1000 * 1000 };
        struct phx_lxc lxc = host();
        phx_autoclose int held = -1;
        int status = 0;
        pid_t pid;

        if (getuid() != 0 || access("/run", W_OK) < 0)
                skip();
        lxc.lock_root = "/run/lxc/lock";
        write_config("theirs", "lxc.uts.name = theirs\n");
        assert_int_equal(phx_lxc_lock(&lxc, "theirs", &held, NULL), 0);

        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                /* A lock of an open file is its heirs' too. */
                (void) close(held);
                load_own_config("theirs");
        }
        (void) nanosleep(&pause, NULL);
        assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
        (void) close(PHX_TAKE_FD(held));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        remove_run_lock("theirs");
        assert_int_equal(status, 0);
}

static void leftovers_of_a_crash_are_removed(void **state) {
        phx_cleanup(phx_lxc_cache_freep) struct phx_lxc_cache *cache = NULL;
        const struct phx_lxc lxc = host();

        assert_int_equal(phx_lxc_cache_new(&cache), 0);
        write_config("crashed", "lxc.uts.name = a\n");
        tree_write("lxc/crashed/.config.phoenixd~", "half");
        write_config(".hidden", "lxc.uts.name = a\n");
        tree_write("lxc/.hidden/.config.phoenixd~", "half");
        assert_int_equal(phx_lxc_remove_leftovers(&lxc, cache), 2);
        assert_config("crashed", "lxc.uts.name = a\n");
        assert_int_equal(phx_lxc_remove_leftovers(&lxc, cache), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_config_is_replaced_once_and_keeps_mode_and_owner),
                cmocka_unit_test(a_group_of_its_own_is_kept),
                cmocka_unit_test(a_config_that_changes_under_way_is_left_alone),
                cmocka_unit_test(what_would_be_written_is_shown_and_not_written),
                cmocka_unit_test(a_config_that_changed_meanwhile_is_left_alone),
                cmocka_unit_test(what_liblxc_refuses_never_becomes_the_config),
                cmocka_unit_test(a_config_that_others_may_write_is_not_edited),
                cmocka_unit_test(what_is_being_written_is_not_replaced),
                cmocka_unit_test(a_name_is_never_a_path),
                cmocka_unit_test(the_lock_is_waited_for_and_then_given_up),
                cmocka_unit_test(without_a_place_for_locks_there_is_none),
                cmocka_unit_test(the_lock_is_the_one_that_liblxc_takes),
                cmocka_unit_test(leftovers_of_a_crash_are_removed),
        };

        return cmocka_run_group_tests(tests, setup, tree_teardown);
}
