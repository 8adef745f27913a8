/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/process.h"
#include "base/strings.h"
#include "tree.h"

struct pve_test test = { .options.changed_fd = -1 };

void pve_test_begin(const char *root) {
        (void) snprintf(test.root, sizeof(test.root), "%s", tree_path(root));
        (void) snprintf(test.lock, sizeof(test.lock), "%s", tree_path("lock"));
        (void) snprintf(test.claim, sizeof(test.claim), "%s", tree_path("claim"));
        (void) snprintf(test.database, sizeof(test.database), "%s", tree_path("database"));
        test.options = (struct phx_pve_worker_options){
                .place = { .root = test.root,
                           .lock_directory = test.lock,
                           .database = test.database },
                .claim = test.claim,
                .changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                .patience_usec = 2 * SHORT_USEC,
        };
        assert_true(test.options.changed_fd >= 0);
}

void pve_test_end(void) {
        test.worker = phx_pve_worker_free(test.worker);
        phx_closep(&test.options.changed_fd);
        test.options.changed_fd = -1;
}

struct phx_pve_worker *new_worker(uint64_t deadline_usec) {
        struct phx_pve_worker *worker = NULL;

        test.options.deadline_usec = deadline_usec;
        assert_int_equal(phx_pve_worker_new(&test.options, &worker), 0);
        return worker;
}

void use_worker(uint64_t deadline_usec) {
        test.worker = phx_pve_worker_free(test.worker);
        test.worker = new_worker(deadline_usec);
}

enum phx_pve_outcome edit_with(const char *old, const char *new, struct phx_error *error) {
        char digest[PHX_SHA256_HEX];

        phx_sha256(old, strlen(old), digest);
        return phx_pve_worker_edit(test.worker, 101, digest, new, strlen(new), error);
}

enum phx_pve_outcome ask_state(struct phx_pve_state *found, struct phx_error *error) {
        struct phx_pve_state state;

        return phx_pve_worker_state(test.worker, found ? found : &state, error);
}

bool is_told(int timeout_msec) {
        struct pollfd poll_fd = { .fd = test.options.changed_fd, .events = POLLIN };
        uint64_t count;

        if (poll(&poll_fd, 1, timeout_msec) <= 0)
                return false;
        assert_int_equal(read(poll_fd.fd, &count, sizeof(count)), sizeof(count));
        return true;
}

void assert_not_told(void) {
        assert_int_equal(ask_state(NULL, NULL), PHX_PVE_OUTCOME_DONE);
        assert_int_equal(ask_state(NULL, NULL), PHX_PVE_OUTCOME_DONE);
        assert_false(is_told(0));
}

unsigned long status_of(pid_t pid, const char *key, int base) {
        char path[64], line[256];
        unsigned long value = 0;
        FILE *file;

        (void) snprintf(path, sizeof(path), "/proc/%d/status", (int) pid);
        file = fopen(path, "re");
        assert_non_null(file);
        while (fgets(line, sizeof(line), file))
                if (phx_has_prefix(line, key))
                        value = strtoul(line + strlen(key) + 1, NULL, base);
        (void) fclose(file);
        return value;
}

static char state_of(pid_t pid) {
        char path[64], text[512] = "";
        phx_autoclose int fd = -1;
        const char *end;

        (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_true(read(fd, text, sizeof(text) - 1) > 0);
        end = strrchr(text, ')');
        assert_non_null(end);
        return end[2];
}

void wait_for_rest(pid_t pid) {
        unsigned long before = ULONG_MAX, now;

        while ((now = status_of(pid, "voluntary_ctxt_switches:", 10)) != before ||
               state_of(pid) != 'S') {
                before = now;
                phx_pve_pause(50000);
        }
}

/* How many descriptors it has, and how many of them are below the root. One that ends meanwhile has
 * none. */
static unsigned count_descriptors(pid_t pid, unsigned *ret_below) {
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        char path[64], target[512];
        const struct dirent *entry;
        unsigned count = 0;

        (void) snprintf(path, sizeof(path), "/proc/%d/fd", (int) pid);
        directory = opendir(path);
        for (*ret_below = 0; directory && (entry = readdir(directory));) {
                ssize_t n = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);

                target[n > 0 ? n : 0] = '\0';
                count += entry->d_name[0] != '.';
                *ret_below += phx_has_prefix(target, test.root);
        }
        return count;
}

static unsigned count_maps(pid_t pid) {
        char path[64], line[1024];
        unsigned count = 0;
        FILE *file;

        (void) snprintf(path, sizeof(path), "/proc/%d/maps", (int) pid);
        file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file))
                count += strstr(line, test.root) != NULL;
        if (file)
                (void) fclose(file);
        return count;
}

unsigned count_below_root(pid_t pid, unsigned *ret_descriptors) {
        static const char *const names[] = { "cwd", "root", "exe" };
        unsigned count = count_maps(pid);

        (void) count_descriptors(pid, ret_descriptors);
        for (size_t i = 0; i < PHX_ELEMENTS(names); i++) {
                char path[64], target[512];
                ssize_t n;

                (void) snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, names[i]);
                n = readlink(path, target, sizeof(target) - 1);
                target[n > 0 ? n : 0] = '\0';
                count += phx_has_prefix(target, test.root);
        }
        return count;
}

void assert_holds_nothing(pid_t pid) {
        char path[64], target[512] = "";
        unsigned below;

        wait_for_rest(pid);
        assert_int_equal(count_below_root(pid, &below), 0);
        assert_int_equal(below, 0);
        (void) snprintf(path, sizeof(path), "/proc/%d/cwd", (int) pid);
        assert_int_equal(readlink(path, target, sizeof(target) - 1), 1);
        assert_string_equal(target, "/");
        /* The standard three, socket, claim, eventfd and inotify. */
        assert_true(count_descriptors(pid, &below) <= 7);
}

unsigned number_of(const char *name, unsigned standard) {
        const char *text = getenv(name);

        return text ? (unsigned) strtoul(text, NULL, 10) : standard;
}
