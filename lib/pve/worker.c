/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The engine's side of the worker. Its process is in one of three states:
 *
 *   none      (pid 0) the next request starts one
 *   at work   it answers requests, one after the other
 *   stuck     it was late, was killed, and has not ended: it hangs in the kernel. Its socket is
 *             closed; its pidfd is kept, by which each further request asks once whether it has
 *             ended at last
 *
 * Any failure of the conversation, a death included, leads from "at work" to one of the others.
 *
 * What the worker is at is in a page that both have mapped. The page is the claim's, a file in
 * /run, and the worker holds a lock of that file: a lock belongs to an open file and ends with the
 * last of its descriptors, and a process in the kernel keeps its descriptors. So an engine that
 * follows another one finds the lock held, and the page says by whom and why. The mapping is made
 * by a descriptor of its own, as it would keep the lock as well. */

#include "pve/worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "base/process.h"
#include "pve/serve.h"

#define SERVICE "Proxmox's cluster file system"
#define DEFAULT_USEC UINT64_C(10000000)
#define DAY_SEC INT64_C(86400)
/* For the worker of an engine that has just ended. */
#define CLAIM_PATIENCE_USEC UINT64_C(1000000)
#define CLAIM_RETRY_USEC UINT64_C(10000)

struct phx_pve_worker {
        struct phx_pve_worker_options options;
        struct phx_process process;
        int fd; /* the socket; -1: nothing is at work */
        struct phx_pve_task *task;
        struct phx_pve_task stuck_in;
        int64_t asked_at; /* seconds since 1970 */
        uint32_t *known;  /* the ids of the last list, those of other nodes behind the others */
        size_t known_count;
        size_t away_count;
        bool is_listed;
};

int phx_pve_worker_new(
                const struct phx_pve_worker_options *options,
                struct phx_pve_worker **ret_worker) {
        struct phx_pve_worker *worker = calloc(1, sizeof(*worker));

        assert(options->place.root && options->place.lock_directory && options->place.database);

        if (!worker)
                return -ENOMEM;
        worker->options = *options;
        if (options->deadline_usec == 0)
                worker->options.deadline_usec = DEFAULT_USEC;
        if (options->patience_usec == 0)
                worker->options.patience_usec = DEFAULT_USEC;
        worker->fd = -1;
        *ret_worker = worker;
        return 0;
}

static void worker_hang_up(struct phx_pve_worker *worker) {
        phx_closep(&worker->fd);
        worker->fd = -1;
}

struct phx_pve_worker *phx_pve_worker_free(struct phx_pve_worker *worker) {
        if (!worker)
                return NULL;
        worker_hang_up(worker);
        if (worker->process.pid > 0)
                (void) phx_process_end(&worker->process, NULL);
        if (worker->task)
                (void) munmap(worker->task, sizeof(*worker->task));
        free(worker->known);
        free(worker);
        return NULL;
}

const struct phx_process *phx_pve_worker_process(const struct phx_pve_worker *worker) {
        return worker->process.pid > 0 ? &worker->process : NULL;
}

pid_t phx_pve_worker_pid(const struct phx_pve_worker *worker) {
        return worker->process.pid;
}

bool phx_pve_worker_is_stuck(struct phx_pve_worker *worker, struct phx_pve_task *ret_task) {
        if (worker->process.pid <= 0 || worker->fd >= 0 || phx_process_reap(&worker->process, NULL))
                return false;
        *ret_task = worker->stuck_in;
        return true;
}

static enum phx_pve_outcome refuse_late(struct phx_error *error, const struct phx_pve_task *task) {
        const time_t since = (time_t) task->since;
        char what[64] = "", when[64] = "";
        struct tm local = { 0 };

        phx_pve_task_describe(task, what, sizeof(what));
        (void) localtime_r(&since, &local);
        (void) strftime(when,
                        sizeof(when),
                        time(NULL) - since < DAY_SEC ? "%H:%M" : "%Y-%m-%d %H:%M",
                        &local);
        (void) phx_error_set(
                        error,
                        -ETIMEDOUT,
                        SERVICE " does not answer (%s, worker %d since %s)",
                        what,
                        (int) task->pid,
                        when);
        return PHX_PVE_OUTCOME_NOT_NOW;
}

static enum phx_pve_outcome refuse_failed(struct phx_error *error, int code, const char *what) {
        (void) phx_error_set(error, code, SERVICE ": %s: %s", what, strerrordesc_np(-code));
        return PHX_PVE_OUTCOME_FAILED;
}

/* -EBUSY while another process has it. */
static int claim_take(const char *path, int *ret_fd) {
        phx_autoclose int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        uint64_t until = phx_now_usec() + CLAIM_PATIENCE_USEC;

        if (fd < 0)
                return phx_errno();
        while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK)
                        return phx_errno();
                if (phx_now_usec() >= until)
                        return -EBUSY;
                phx_pve_pause(CLAIM_RETRY_USEC);
        }
        *ret_fd = PHX_TAKE_FD(fd);
        return 0;
}

static int claim_map(const char *path, struct phx_pve_task **ret_task) {
        phx_autoclose int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)
                                    : memfd_create("pve-worker", MFD_CLOEXEC);
        void *page;

        if (fd < 0 || ftruncate(fd, sizeof(**ret_task)) < 0)
                return phx_errno();
        page = mmap(NULL, sizeof(**ret_task), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED)
                return phx_errno();
        *ret_task = page;
        return 0;
}

/* What another process wrote is believed as far as it can be printed. */
static struct phx_pve_task task_of(const struct phx_pve_worker *worker) {
        struct phx_pve_task task = *worker->task;

        if ((unsigned) task.kind > PHX_PVE_TASK_WATCH)
                task.kind = PHX_PVE_TASK_REST;
        return task;
}

static enum phx_pve_outcome worker_fork(
                struct phx_pve_worker *worker,
                int claim_fd,
                struct phx_error *error) {
        phx_autoclose int ours = -1, theirs = -1;
        int fds[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return refuse_failed(error, phx_errno(), "creating a socket for its worker");
        ours = fds[0];
        theirs = fds[1];
        r = phx_process_fork(&worker->process);
        if (r < 0)
                return refuse_failed(error, r, "starting its worker");
        if (r > 0)
                phx_pve_serve(&(const struct phx_pve_serving){
                                .place = &worker->options.place,
                                .patience_usec = worker->options.patience_usec,
                                .socket_fd = theirs,
                                .claim_fd = claim_fd,
                                .changed_fd = worker->options.changed_fd,
                                .task = worker->task,
                });
        worker->fd = PHX_TAKE_FD(ours);
        return PHX_PVE_OUTCOME_DONE;
}

/* The claim's descriptor is closed here as soon as the worker has it. */
static enum phx_pve_outcome worker_start(struct phx_pve_worker *worker, struct phx_error *error) {
        const char *claim = worker->options.claim;
        phx_autoclose int claim_fd = -1;
        struct phx_pve_task task;
        int r = 0;

        if (!worker->task)
                r = claim_map(claim, &worker->task);
        if (r < 0)
                return refuse_failed(error, r, claim ? claim : "memory for its worker");
        if (claim)
                r = claim_take(claim, &claim_fd);
        if (r == -EBUSY) {
                task = task_of(worker);
                return refuse_late(error, &task);
        }
        if (r < 0)
                return refuse_failed(error, r, claim);
        return worker_fork(worker, claim_fd, error);
}

static enum phx_pve_outcome worker_ensure(struct phx_pve_worker *worker, struct phx_error *error) {
        struct phx_pve_task task;

        /* One that has ended since the last request is found out before it is asked. */
        if (worker->fd >= 0 && phx_process_reap(&worker->process, NULL))
                worker_hang_up(worker);
        if (worker->fd >= 0)
                return PHX_PVE_OUTCOME_DONE;
        if (phx_pve_worker_is_stuck(worker, &task))
                return refuse_late(error, &task);
        return worker_start(worker, error);
}

/* It is waited for no longer than any child of ours. */
static void worker_kill(struct phx_pve_worker *worker) {
        struct pollfd poll_fd = { .fd = worker->process.fd, .events = POLLIN };

        worker_hang_up(worker);
        phx_process_kill(&worker->process);
        (void) poll(&poll_fd, 1, (int) (PHX_PROCESS_PATIENCE_USEC / 1000));
        (void) phx_process_reap(&worker->process, NULL);
}

/* What it hangs in is what it says, or else what it was asked. */
static enum phx_pve_outcome worker_give_up(
                struct phx_pve_worker *worker,
                const struct phx_pve_request *request,
                struct phx_error *error) {
        struct phx_pve_task task = task_of(worker);

        if (task.kind == PHX_PVE_TASK_REST || task.pid != worker->process.pid)
                task = (struct phx_pve_task){
                        .kind = request->kind,
                        .id = request->id,
                        .pid = worker->process.pid,
                        .since = worker->asked_at,
                };
        worker->stuck_in = task;
        worker_kill(worker);
        return refuse_late(error, &task);
}

/* It died, or said what none of ours would say. */
static enum phx_pve_outcome worker_is_gone(
                struct phx_pve_worker *worker,
                const struct phx_pve_request *request,
                struct phx_error *error) {
        const struct phx_pve_task task = { .kind = request->kind,
                                           .id = request->id,
                                           .pid = worker->process.pid,
                                           .since = worker->asked_at };
        char what[64] = "";

        phx_pve_task_describe(&task, what, sizeof(what));
        (void) phx_error_set(
                        error,
                        -EIO,
                        SERVICE ": worker %d ended during the %s",
                        (int) worker->process.pid,
                        what);
        worker->stuck_in = task;
        worker_kill(worker);
        return PHX_PVE_OUTCOME_NOT_NOW;
}

static int worker_converse(
                const struct phx_pve_worker *worker,
                const struct phx_pve_request *request,
                const void *payload,
                struct phx_pve_answer *answer,
                char **ret_data) {
        uint64_t until = phx_now_usec() + worker->options.deadline_usec;
        phx_autofree char *data = NULL;
        int r;

        if (request->kind == PHX_PVE_TASK_EDIT)
                until += worker->options.patience_usec;
        r = phx_pve_send(worker->fd, request, sizeof(*request), until);
        if (r >= 0)
                r = phx_pve_send(worker->fd, payload, request->size, until);
        if (r >= 0)
                r = phx_pve_receive(worker->fd, answer, sizeof(*answer), until);
        if (r < 0)
                return r;
        if ((unsigned) answer->outcome > PHX_PVE_OUTCOME_FAILED || answer->code > 0 ||
            answer->size > PHX_PVE_MESSAGE_LIMIT)
                return -EPROTO;
        answer->text[sizeof(answer->text) - 1] = '\0';
        answer->state.node[sizeof(answer->state.node) - 1] = '\0';
        data = calloc(1, answer->size + 1);
        if (!data)
                return -ENOMEM;
        r = phx_pve_receive(worker->fd, data, answer->size, until);
        if (r >= 0)
                *ret_data = PHX_TAKE(data);
        return r;
}

static enum phx_pve_outcome worker_ask(
                struct phx_pve_worker *worker,
                const struct phx_pve_request *request,
                const void *payload,
                struct phx_pve_answer *answer,
                char **ret_data,
                struct phx_error *error) {
        enum phx_pve_outcome outcome = worker_ensure(worker, error);
        int r;

        if (outcome != PHX_PVE_OUTCOME_DONE)
                return outcome;
        worker->asked_at = time(NULL);
        r = worker_converse(worker, request, payload, answer, ret_data);
        if (r == -ETIMEDOUT)
                return worker_give_up(worker, request, error);
        if (r < 0)
                return worker_is_gone(worker, request, error);
        if (answer->outcome != PHX_PVE_OUTCOME_DONE && answer->outcome != PHX_PVE_OUTCOME_RIGHT)
                (void) phx_error_set(
                                error,
                                answer->code < 0 ? answer->code : -EIO,
                                "%s",
                                answer->text);
        return answer->outcome;
}

enum phx_pve_outcome phx_pve_worker_state(
                struct phx_pve_worker *worker,
                struct phx_pve_state *ret_state,
                struct phx_error *error) {
        const struct phx_pve_request request = { .kind = PHX_PVE_TASK_STATE };
        phx_autofree struct phx_pve_answer *answer = calloc(1, sizeof(*answer));
        phx_autofree char *data = NULL;
        enum phx_pve_outcome outcome;

        *ret_state = (struct phx_pve_state){ 0 };
        if (!answer)
                return refuse_failed(error, -ENOMEM, "state");
        outcome = worker_ask(worker, &request, NULL, answer, &data, error);
        *ret_state = answer->state;
        return outcome;
}

/* Of the list that was given last. */
static int remember(struct phx_pve_worker *worker, const struct phx_pve_list *list) {
        uint32_t *known = calloc(list->count + list->away_count + 1, sizeof(*known));

        if (!known)
                return -ENOMEM;
        for (size_t i = 0; i < list->count; i++)
                known[i] = list->items[i].id;
        for (size_t i = 0; i < list->away_count; i++)
                known[list->count + i] = list->away[i];
        free(worker->known);
        worker->known = known;
        worker->known_count = list->count + list->away_count;
        worker->away_count = list->away_count;
        worker->is_listed = true;
        return 0;
}

/* What the answer's bytes are: 0, -EPROTO when they are no list, or -ENOMEM. */
static int worker_unpack(
                const struct phx_pve_answer *answer,
                const char *data,
                struct phx_pve_list *list) {
        const uint64_t away = answer->away_count, limit = answer->size / sizeof(*list->away);
        size_t size;

        if (away > limit)
                return -EPROTO;
        size = answer->size - away * sizeof(*list->away);
        if (size % sizeof(*list->items) != 0)
                return -EPROTO;
        list->items = malloc(size + 1);
        list->away = calloc(away + 1, sizeof(*list->away));
        if (!list->items || !list->away)
                return -ENOMEM;
        memcpy(list->items, data, size);
        memcpy(list->away, data + size, away * sizeof(*list->away));
        list->count = size / sizeof(*list->items);
        list->away_count = away;
        list->start_time = answer->start_time;
        list->is_quorate = answer->state.is_quorate;
        memcpy(list->node, answer->state.node, sizeof(list->node));
        return 0;
}

enum phx_pve_outcome phx_pve_worker_list(
                struct phx_pve_worker *worker,
                struct phx_pve_list *ret_list,
                struct phx_error *error) {
        const struct phx_pve_request request = {
                .kind = PHX_PVE_TASK_LIST,
                .size = worker->known_count * sizeof(*worker->known),
                .is_first = !worker->is_listed,
                .away_count = worker->away_count,
        };
        phx_cleanup(phx_pve_list_done) struct phx_pve_list list = { 0 };
        phx_autofree struct phx_pve_answer *answer = calloc(1, sizeof(*answer));
        phx_autofree char *data = NULL;
        enum phx_pve_outcome outcome;
        int r;

        if (!answer)
                return refuse_failed(error, -ENOMEM, "list");
        outcome = worker_ask(worker, &request, worker->known, answer, &data, error);
        if (outcome != PHX_PVE_OUTCOME_DONE)
                return outcome;
        r = worker_unpack(answer, data, &list);
        if (r == -EPROTO)
                return worker_is_gone(worker, &request, error);
        if (r < 0 || remember(worker, &list) < 0)
                return refuse_failed(error, -ENOMEM, "list");
        *ret_list = PHX_TAKE_STRUCT(list);
        return PHX_PVE_OUTCOME_DONE;
}

enum phx_pve_outcome phx_pve_worker_read(
                struct phx_pve_worker *worker,
                uint32_t id,
                struct phx_pve_config *ret_config,
                struct phx_error *error) {
        const struct phx_pve_request request = { .kind = PHX_PVE_TASK_READ, .id = id };
        phx_autofree struct phx_pve_answer *answer = calloc(1, sizeof(*answer));
        phx_autofree char *data = NULL;
        enum phx_pve_outcome outcome;

        if (!answer)
                return refuse_failed(error, -ENOMEM, "read");
        outcome = worker_ask(worker, &request, NULL, answer, &data, error);
        if (outcome == PHX_PVE_OUTCOME_DONE)
                phx_pve_config_set(ret_config, PHX_TAKE(data), answer->size);
        return outcome;
}

enum phx_pve_outcome phx_pve_worker_edit(
                struct phx_pve_worker *worker,
                uint32_t id,
                const char *digest,
                const char *data,
                size_t size,
                struct phx_error *error) {
        struct phx_pve_request request = { .kind = PHX_PVE_TASK_EDIT, .id = id, .size = size };
        phx_autofree struct phx_pve_answer *answer = calloc(1, sizeof(*answer));
        phx_autofree char *nothing = NULL;

        assert(digest && data && strlen(digest) < sizeof(request.digest));

        if (size > PHX_PVE_CONFIG_LIMIT)
                return refuse_failed(error, -EFBIG, "write");
        if (!answer)
                return refuse_failed(error, -ENOMEM, "write");
        (void) snprintf(request.digest, sizeof(request.digest), "%s", digest);
        return worker_ask(worker, &request, data, answer, &nothing, error);
}

/* Each path ends in what was received. */
static bool worker_are_files(const struct phx_pve_file *items, size_t count) {
        for (size_t i = 0; i < count; i++)
                if (!memchr(items[i].path, '\0', sizeof(items[i].path)))
                        return false;
        return true;
}

enum phx_pve_outcome phx_pve_worker_list_ours(
                struct phx_pve_worker *worker,
                struct phx_pve_files *ret_files,
                struct phx_error *error) {
        const struct phx_pve_request request = { .kind = PHX_PVE_TASK_LIST_OURS };
        phx_autofree struct phx_pve_answer *answer = calloc(1, sizeof(*answer));
        phx_autofree char *data = NULL;
        enum phx_pve_outcome outcome;
        struct phx_pve_files files;

        if (!answer)
                return refuse_failed(error, -ENOMEM, "list");
        outcome = worker_ask(worker, &request, NULL, answer, &data, error);
        if (outcome != PHX_PVE_OUTCOME_DONE)
                return outcome;
        files.items = (struct phx_pve_file *) (void *) data;
        files.count = answer->size / sizeof(*files.items);
        if (answer->size % sizeof(*files.items) != 0 || !worker_are_files(files.items, files.count))
                return worker_is_gone(worker, &request, error);
        data = NULL;
        *ret_files = files;
        return PHX_PVE_OUTCOME_DONE;
}

enum phx_pve_outcome phx_pve_worker_read_ours(
                struct phx_pve_worker *worker,
                const char *path,
                char **ret_data,
                size_t *ret_size,
                struct phx_error *error) {
        const struct phx_pve_request request = { .kind = PHX_PVE_TASK_READ_OURS,
                                                 .size = strlen(path) };
        phx_autofree struct phx_pve_answer *answer = calloc(1, sizeof(*answer));
        phx_autofree char *data = NULL;
        enum phx_pve_outcome outcome;

        if (!answer)
                return refuse_failed(error, -ENOMEM, "read");
        outcome = worker_ask(worker, &request, path, answer, &data, error);
        if (outcome == PHX_PVE_OUTCOME_DONE) {
                *ret_size = answer->size;
                *ret_data = PHX_TAKE(data);
        }
        return outcome;
}
