/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Calls that may hang or crash are made in a child, which gets all questions by the fork itself:
 * only answers travel, over a pipe, in the order of the questions. So the parent always knows
 * which question is being worked on: the first one without an answer.
 *
 *   answered   a header and the bytes; a size or a code that no child of ours would send is an
 *              error
 *   late       no answer before the deadline of this question: the child is killed, the question
 *              gets -ETIMEDOUT, and a new child begins with the next one
 *   ended      the child crashed: the same with -EIO
 *
 * Therefore one bad subject costs one child and one deadline, and never the answers of the others.
 * The child keeps nothing of the daemon but its end of the pipe, as descriptor 3, and leaves by
 * _exit(). A child that cannot be killed is left behind after a bounded wait. If the parent dies,
 * the child gets SIGKILL (base/process.c). The caller's buffers are only used in the parent; what
 * the child allocates ends with it. */

#include "base/worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/process.h"

/* Where the child has its end of the pipe. */
#define CHILD_PIPE PHX_PROCESS_KEPT

/* One answer on the pipe: this, and SIZE bytes. */
struct header {
        uint32_t size;
        int32_t code;
};

struct child {
        struct phx_process process;
        int fd;
};

static int worker_write_all(int fd, const void *data, size_t size) {
        const char *rest = data;

        while (size > 0) {
                ssize_t n = write(fd, rest, size);

                if (n < 0)
                        return phx_errno();
                rest += n;
                size -= (size_t) n;
        }
        return 0;
}

static int send_answer(const struct phx_worker_job *job, size_t index) {
        phx_cleanup(phx_buffer_done) struct phx_buffer reply = { 0 };
        struct header header = { 0 };
        size_t size;
        int r;

        header.code = job->answer(job->data, index, &reply);
        size = reply.size < PHX_WORKER_REPLY_LIMIT ? reply.size : PHX_WORKER_REPLY_LIMIT;
        header.size = (uint32_t) size;

        r = worker_write_all(CHILD_PIPE, &header, sizeof(header));
        return r < 0 ? r : worker_write_all(CHILD_PIPE, reply.data, size);
}

/* Leaves the child with nothing of the daemon's but its end of the pipe. */
static int isolate(int fd) {
        phx_process_reset_signals();
        phx_process_limit(RLIMIT_CORE, 0);
        return phx_process_keep(&fd, 1);
}

static int child_main(const struct phx_worker_job *job, size_t first, int fd) {
        int r;

        r = isolate(fd);
        if (r >= 0)
                r = job->start(job->data);
        for (size_t i = first; r >= 0 && i < job->subjects->count; i++)
                r = send_answer(job, i);
        return r < 0;
}

static int child_start(
                const struct phx_worker_job *job,
                size_t first,
                struct child *ret_child,
                struct phx_error *error) {
        phx_autoclose int read_fd = -1, write_fd = -1;
        struct phx_process process = { 0 };
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return phx_error_errno(error, "creating a pipe for a worker process");
        read_fd = fds[0];
        write_fd = fds[1];

        r = phx_process_fork(&process);
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "starting a worker process: %s",
                                strerrordesc_np(-r));
        /* Without exit handlers and flushes: all of that is the parent's. */
        if (r > 0)
                _exit(child_main(job, first, write_fd));

        *ret_child = (struct child){ process, PHX_TAKE_FD(read_fd) };
        return 0;
}

/* One that cannot be killed is left behind: the question that it hangs over was named already. */
static void child_stop(struct child *child) {
        if (child->process.pid <= 0)
                return;

        (void) phx_process_end(&child->process, NULL);
        (void) close(child->fd);
        *child = (struct child){ 0 };
}

static int wait_readable(int fd, uint64_t until) {
        for (;;) {
                uint64_t now = phx_now_usec();
                struct timespec left;
                struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
                int n;

                if (now >= until)
                        return -ETIMEDOUT;
                left.tv_sec = (time_t) ((until - now) / 1000000);
                left.tv_nsec = (long) ((until - now) % 1000000 * 1000);
                n = ppoll(&poll_fd, 1, &left, NULL);
                if (n > 0)
                        return 0;
                if (n < 0 && errno != EINTR)
                        return phx_errno();
        }
}

/* -EIO when the child has ended before SIZE bytes came. */
static int receive_bytes(int fd, uint64_t until, void *data, size_t size) {
        char *rest = data;

        while (size > 0) {
                ssize_t n;
                int r;

                r = wait_readable(fd, until);
                if (r < 0)
                        return r;
                n = read(fd, rest, size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? phx_errno() : -EIO;
                rest += n;
                size -= (size_t) n;
        }
        return 0;
}

static int receive(int fd, uint64_t deadline_usec, struct phx_worker_reply *reply) {
        uint64_t until = phx_now_usec() + deadline_usec;
        struct header header = { 0 };
        int r;

        r = receive_bytes(fd, until, &header, sizeof(header));
        if (r < 0)
                return r;
        if (header.size > PHX_WORKER_REPLY_LIMIT || header.code > 0)
                return -EIO;
        r = receive_bytes(fd, until, reply->data, header.size);
        if (r < 0)
                return r;
        reply->code = header.code;
        reply->size = header.size;
        reply->data[header.size] = '\0';
        return 0;
}

/* What the child could not say itself. */
static void set_failure(
                const struct phx_worker_job *job,
                size_t index,
                int code,
                struct phx_worker_reply *reply) {
        const char *subject = job->subjects->items[index];
        size_t size = sizeof(reply->data);

        reply->code = code == -ETIMEDOUT ? code : -EIO;
        if (code == -ETIMEDOUT)
                (void) snprintf(reply->data,
                                size,
                                "%s: %s did not answer within %llu ms",
                                subject,
                                job->service,
                                (unsigned long long) (job->deadline_usec / 1000));
        else
                (void) snprintf(reply->data,
                                size,
                                "%s: %s crashed while processing it",
                                subject,
                                job->service);
        reply->size = strlen(reply->data);
}

/* Returns as soon as the child has failed over one, or has answered all. */
static int worker_run_child(
                const struct phx_worker_job *job,
                struct phx_worker_reply *reply,
                size_t *next,
                struct phx_error *error) {
        phx_cleanup(child_stop) struct child child = { 0 };
        bool is_alive = true;
        int r;

        r = child_start(job, *next, &child, error);
        while (r >= 0 && is_alive && *next < job->subjects->count) {
                int code = receive(child.fd, job->deadline_usec, reply);

                is_alive = code >= 0;
                if (!is_alive)
                        set_failure(job, *next, code, reply);
                r = job->accept(job->data, *next, reply);
                (*next)++;
        }
        return r;
}

const char *phx_worker_string(const struct phx_worker_reply *reply, size_t *offset) {
        const char *text = reply->data + *offset;

        if (*offset >= reply->size)
                return "";
        *offset += strlen(text) + 1;
        return text;
}

int phx_worker_run(const struct phx_worker_job *job, struct phx_error *error) {
        phx_autofree struct phx_worker_reply *reply = calloc(1, sizeof(*reply));
        size_t next = 0;
        int r = 0;

        assert(job->subjects && job->service && job->start && job->answer && job->accept);

        if (!reply)
                return -ENOMEM;
        while (r >= 0 && next < job->subjects->count)
                r = worker_run_child(job, reply, &next, error);
        return r < 0 ? r : 0;
}
