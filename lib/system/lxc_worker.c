#include "system/lxc_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include <lxc/lxccontainer.h>

#include "base/buffer.h"

#define USEC_PER_SEC 1000000ULL
/* A record is "STATUS PROFILE\0CGROUP\0", where STATUS is one letter. */
#define STATUS_GOOD 'y'
#define STATUS_BAD 'n'

/* A child that answers over a pipe. */
struct worker {
        pid_t pid;
        int fd;
        struct phx_buffer input;
};

/* --- in the child --- */

static _Noreturn void serve(int fd, int (*work)(int fd, void *data), void *data) {
        int null = open("/dev/null", O_RDWR);

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) prctl(PR_SET_NAME, "phoenixd-lxc");
        for (int i = 0; null >= 0 && i < 3; i++)
                (void) dup2(null, i);
        _exit(work(fd, data) < 0 ? 1 : 0);
}

static char *get_item(struct lxc_container *container, const char *key) {
        int size = container->get_config_item(container, key, NULL, 0);
        char *value;

        value = calloc(1, size > 0 ? (size_t) size + 1 : 1);
        if (value && size > 0)
                (void) container->get_config_item(container, key, value, size + 1);
        /* Some unset items are printed by liblxc as what printf() makes of no text. */
        if (value && strcmp(value, "(null)") == 0)
                value[0] = '\0';
        return value;
}

static int write_whole(int fd, const char *data, size_t size) {
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n < 0 && errno != EINTR)
                        return phx_errno();
                if (n > 0) {
                        data += n;
                        size -= (size_t) n;
                }
        }
        return 0;
}

static int answer(int fd, struct lxc_container *container) {
        phx_cleanup(phx_buffer_done) struct phx_buffer record = { 0 };
        phx_autofree char *profile = get_item(container, "lxc.apparmor.profile");
        phx_autofree char *inner = get_item(container, "lxc.cgroup.dir.container");
        phx_autofree char *cgroup = get_item(container, "lxc.cgroup.dir");
        int r;

        if (!profile || !inner || !cgroup)
                return -ENOMEM;
        r = phx_buffer_addf(&record, "%c%s", STATUS_GOOD, profile);
        if (r >= 0)
                r = phx_buffer_add(&record, "", 1);
        if (r >= 0)
                r = phx_buffer_add_text(&record, inner[0] ? inner : cgroup);
        if (r >= 0)
                r = phx_buffer_add(&record, "", 1);
        return r < 0 ? r : write_whole(fd, record.data, record.size);
}

static int answer_bad(int fd) {
        static const char bad[] = { STATUS_BAD, '\0', '\0' };

        return write_whole(fd, bad, sizeof(bad));
}

struct question {
        const char *lxc_path;
        const char *const *names;
        size_t count;
        const char *file; /* instead of the container's own config; NULL: that one */
};

static int answer_one(int fd, const struct question *question, const char *name) {
        struct lxc_container *container = lxc_container_new(name, question->lxc_path);
        int r;

        if (!container)
                return answer_bad(fd);
        /* Loading a second config adds to the first one, unless that is cleared away. */
        if (question->file) {
                container->clear_config(container);
                r = container->load_config(container, question->file) ? 0 : -EINVAL;
        } else
                r = container->is_defined(container) ? 0 : -EINVAL;
        r = r < 0 ? answer_bad(fd) : answer(fd, container);
        (void) lxc_container_put(container);
        return r;
}

static int answer_all(int fd, void *data) {
        const struct question *question = data;

        for (size_t i = 0; i < question->count; i++) {
                int r = answer_one(fd, question, question->names[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- in the parent --- */

static void worker_done(struct worker *worker) {
        if (worker->pid > 0) {
                (void) kill(worker->pid, SIGKILL);
                while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        if (worker->fd >= 0)
                (void) close(worker->fd);
        phx_buffer_done(&worker->input);
        *worker = (struct worker){ .pid = -1, .fd = -1 };
}

static int worker_start(struct worker *worker, struct question *question) {
        int fds[2], r = 0;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return phx_errno();
        worker->pid = fork();
        if (worker->pid == 0)
                serve(fds[1], answer_all, question);
        if (worker->pid < 0)
                r = phx_errno();
        (void) close(fds[1]);
        worker->fd = fds[0];
        return r;
}

static uint64_t now_usec(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

/* 1 when there is more input, 0 at the end, -ETIMEDOUT. */
static int fill(struct worker *worker, uint64_t ends_usec) {
        struct pollfd poller = { .fd = worker->fd, .events = POLLIN };
        char bytes[4096];
        uint64_t now = now_usec();
        ssize_t n;

        if (now >= ends_usec || poll(&poller, 1, (int) ((ends_usec - now) / 1000 + 1)) == 0)
                return -ETIMEDOUT;
        n = read(worker->fd, bytes, sizeof(bytes));
        if (n < 0)
                return errno == EINTR ? 1 : phx_errno();
        return n == 0 ? 0 : phx_buffer_add(&worker->input, bytes, (size_t) n) < 0 ? -ENOMEM : 1;
}

/* Takes a whole record off the front of the input. 1 when there was one. */
static int take_record(struct worker *worker, struct phx_lxc_answer *ret_answer) {
        const char *data = worker->input.data, *first, *second;
        size_t size = worker->input.size, used;

        first = size > 0 ? memchr(data, '\0', size) : NULL;
        second = first ? memchr(first + 1, '\0', size - (size_t) (first + 1 - data)) : NULL;
        if (!second)
                return 0;

        if (phx_replace(&ret_answer->profile, data + 1) < 0 ||
            phx_replace(&ret_answer->cgroup, first + 1) < 0)
                return -ENOMEM;
        ret_answer->result = data[0] == STATUS_GOOD ? 0 : -EINVAL;
        used = (size_t) (second + 1 - data);
        memmove(worker->input.data, data + used, size - used);
        worker->input.size -= used;
        return 1;
}

static int next_answer(
                struct worker *worker,
                uint64_t deadline_usec,
                struct phx_lxc_answer *ret_answer) {
        uint64_t ends = now_usec() + deadline_usec;

        for (;;) {
                int r = take_record(worker, ret_answer);

                if (r != 0)
                        return r;
                r = fill(worker, ends);
                if (r < 0)
                        return r;
                /* It ended without an answer: liblxc crashed over this config. */
                if (r == 0)
                        return -EINVAL;
        }
}

/* One child answers until one container hangs or kills it. Returns how many were dealt with. */
static int ask_some(
                struct question *question,
                uint64_t deadline_usec,
                struct phx_lxc_answer *answers) {
        phx_cleanup(worker_done) struct worker worker = { .pid = -1, .fd = -1 };
        int r;

        r = worker_start(&worker, question);
        if (r < 0)
                return r;
        for (size_t i = 0; i < question->count; i++) {
                r = next_answer(&worker, deadline_usec, &answers[i]);
                if (r == -ENOMEM)
                        return r;
                if (r < 0) {
                        answers[i].result = r;
                        return (int) i + 1;
                }
        }
        return (int) question->count;
}

int phx_lxc_ask(const char *lxc_path,
                const struct phx_strings *names,
                uint64_t deadline_usec,
                struct phx_lxc_answer **ret_answers) {
        struct phx_lxc_answer *answers = calloc(names->count + 1, sizeof(*answers));
        size_t done = 0;

        if (!answers)
                return -ENOMEM;
        while (done < names->count) {
                struct question question = {
                        .lxc_path = lxc_path,
                        .names = (const char *const *) names->items + done,
                        .count = names->count - done,
                };
                int r = ask_some(&question, deadline_usec, answers + done);

                if (r < 0) {
                        phx_lxc_answers_free(answers, names->count);
                        return r;
                }
                done += (size_t) r;
        }
        *ret_answers = answers;
        return 0;
}

void phx_lxc_answers_free(struct phx_lxc_answer *answers, size_t count) {
        for (size_t i = 0; answers && i < count; i++) {
                free(answers[i].profile);
                free(answers[i].cgroup);
        }
        free(answers);
}

int phx_lxc_judge(
                const char *lxc_path,
                const char *name,
                const char *file,
                uint64_t deadline_usec,
                char **ret_profile,
                struct phx_error *error) {
        struct question question = { .lxc_path = lxc_path,
                                     .names = &name,
                                     .count = 1,
                                     .file = file };
        struct phx_lxc_answer answered = { 0 };
        int r;

        r = ask_some(&question, deadline_usec, &answered);
        if (r >= 0)
                r = answered.result;
        free(answered.cgroup);
        if (r >= 0) {
                *ret_profile = answered.profile;
                return 0;
        }

        free(answered.profile);
        return phx_error_set(
                        error,
                        r,
                        r == -ETIMEDOUT ? "%s: liblxc did not answer about %s in time"
                                        : "%s: liblxc cannot read %s",
                        name,
                        file);
}
