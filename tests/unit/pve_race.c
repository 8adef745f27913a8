/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve_race.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/strings.h"

#define OURS "lxc.apparmor.profile: lxc-web\n"
#define LIMIT ((size_t) 1024 * 1024)
/* On a machine where the worker has hardly a turn. */
#define MORE_ROUNDS 5000
/* A reader makes a file that is replaced disappear for a moment. */
#define TRIES 1000

/* Of both processes. */
struct tally {
        volatile unsigned lines; /* that the writer has added */
        volatile bool is_edited; /* beside it, at least once */
};

static int writer_read(const char *path, char **ret_text, size_t *ret_size) {
        int r = -ENOENT;

        for (int i = 0; i < TRIES && (r == -ENOENT || r == -ESTALE); i++) {
                phx_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

                r = fd < 0 ? phx_errno() : phx_file_read_fd(fd, LIMIT, ret_text, ret_size);
                if (r == -ENOENT || r == -ESTALE)
                        phx_pve_pause(1000);
        }
        return r;
}

static int writer_rename(const struct pve_race *race, const char *line) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        phx_autofree char *old = NULL;
        char temporary[PATH_MAX];
        phx_autoclose int fd = -1;
        size_t size = 0;
        int r;

        r = writer_read(race->config, &old, &size);
        if (r >= 0)
                r = phx_buffer_add(&text, old, size);
        if (r >= 0)
                r = phx_buffer_add_text(&text, line);
        if (r < 0)
                return r;
        (void) snprintf(temporary, sizeof(temporary), "%s.tmp.%d", race->config, getpid());
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        if (fd < 0 || write(fd, text.data, text.size) != (ssize_t) text.size)
                return phx_errno();
        return rename(temporary, race->config) < 0 ? phx_errno() : 0;
}

static int writer_append(const struct pve_race *race, const char *line) {
        phx_autoclose int fd = open(race->config, O_WRONLY | O_APPEND | O_CLOEXEC);

        if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t) strlen(line))
                return phx_errno();
        return 0;
}

static int writer_save(const struct pve_race *race, const char *line) {
        phx_autoclose int lock = -1;

        if (race->writer == PVE_WRITER_APPENDS)
                return writer_append(race, line);
        if (race->writer == PVE_WRITER_LOCKS) {
                lock = open(race->lock, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
                if (lock < 0 || flock(lock, LOCK_EX) < 0)
                        return phx_errno();
        }
        return writer_rename(race, line);
}

/* A race in which no edit was made would prove nothing: it goes on until one is, ever slower. */
static _Noreturn void writer_run(const struct pve_race *race, struct tally *tally) {
        char line[32];

        for (unsigned i = 0;
             i < race->rounds || (!tally->is_edited && i < race->rounds + MORE_ROUNDS);
             i++) {
                int r;

                (void) snprintf(line, sizeof(line), "#line %u\n", i);
                r = writer_save(race, line);
                if (r < 0)
                        _exit(-r);
                tally->lines = i + 1;
                /* Others are to have a turn as well, at each point of what they do. */
                phx_pve_pause((uint64_t) 250 * (i % 16));
                if (i >= race->rounds)
                        phx_pve_pause((uint64_t) 100 * (i - race->rounds));
        }
        _exit(0);
}

/* Where readers see a write as one step, our line goes in front, which moves all that follows, and
 * goes away again; elsewhere one more of ours is added at the end each time. */
static int edit_text(const char *old, bool is_atomic, bool is_last, struct phx_buffer *text) {
        const char *ours = strstr(old, OURS);
        int r;

        if (ours && is_last)
                return phx_buffer_add_text(text, old);
        if (!ours || !is_atomic) {
                r = is_atomic ? phx_buffer_add_text(text, OURS) : 0;
                if (r >= 0)
                        r = phx_buffer_add_text(text, old);
                return r < 0 || is_atomic ? r : phx_buffer_add_text(text, OURS);
        }
        r = phx_buffer_add(text, old, (size_t) (ours - old));
        return r < 0 ? r : phx_buffer_add_text(text, ours + strlen(OURS));
}

static enum phx_pve_outcome edit_once(const struct pve_race *race, bool is_last) {
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        enum phx_pve_outcome outcome;
        struct phx_error error = { 0 };

        outcome = phx_pve_worker_read(race->worker, 101, &config, &error);
        if (outcome == PHX_PVE_OUTCOME_DONE) {
                assert_int_equal(edit_text(config.data, race->is_atomic, is_last, &text), 0);
                outcome = phx_pve_worker_edit(
                                race->worker,
                                101,
                                config.sha256,
                                text.data,
                                text.size,
                                &error);
        }
        if (outcome == PHX_PVE_OUTCOME_FAILED || outcome == PHX_PVE_OUTCOME_MOVED)
                print_message("# %s\n", error.text);
        assert_int_not_equal(outcome, PHX_PVE_OUTCOME_FAILED);
        assert_int_not_equal(outcome, PHX_PVE_OUTCOME_MOVED);
        return outcome;
}

static void assert_all_is_there(const struct pve_race *race, unsigned lines) {
        phx_autofree char *text = NULL;
        const char *whole, *at;
        size_t size = 0;
        char line[32];

        assert_int_equal(writer_read(race->config, &text, &size), 0);
        whole = text ? text : "";
        assert_non_null(strstr(whole, OURS));
        at = whole;
        for (unsigned i = 0; i < lines; i++) {
                (void) snprintf(line, sizeof(line), "#line %u\n", i);
                at = strstr(at, line);
                if (!at) {
                        fail_msg("lost: %s", line);
                        return;
                }
        }
}

void pve_race_run(const struct pve_race *race) {
        unsigned outcomes[PHX_PVE_OUTCOME_FAILED + 1] = { 0 };
        enum phx_pve_outcome last = PHX_PVE_OUTCOME_CHANGED;
        struct tally *tally = mmap(
                        NULL,
                        sizeof(*tally),
                        PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS,
                        -1,
                        0);
        int status = 0;
        pid_t pid;

        assert_true(tally != MAP_FAILED);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                writer_run(race, tally);
        while (waitpid(pid, &status, WNOHANG) == 0) {
                outcomes[edit_once(race, false)]++;
                tally->is_edited = outcomes[PHX_PVE_OUTCOME_DONE] > 0;
        }
        for (int i = 0; i < TRIES && last != PHX_PVE_OUTCOME_DONE && last != PHX_PVE_OUTCOME_RIGHT;
             i++)
                last = edit_once(race, true);
        for (int i = 0; i <= PHX_PVE_OUTCOME_FAILED; i++)
                if (outcomes[i] > 0)
                        print_message("# %s: %u\n",
                                      phx_pve_outcome_to_string((enum phx_pve_outcome) i),
                                      outcomes[i]);
        assert_int_equal(status, 0);
        assert_true(outcomes[PHX_PVE_OUTCOME_DONE] > 0);
        assert_all_is_there(race, tally->lines);
        (void) munmap(tally, sizeof(*tally));
}
