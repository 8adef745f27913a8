/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One loop: requests from the socket, events from the watch, and the watch's timer. Before each
 * thing that names a path below the root the shared task says so, so that an engine that gives the
 * worker up knows what it hangs in. Between two things there is no descriptor below the root, and
 * the directory is "/".
 *
 * The watch comes before the first request: what changes behind an answer is an event.
 *
 * The worker runs as root without a single capability: all files that it touches belong to root,
 * and the cluster file system judges by owner and mode. */

#include "pve/serve.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/process.h"
#include "pve/ha.h"
#include "pve/replace.h"
#include "pve/watch.h"

/* Where the descriptors are: phx_process_keep(). */
enum {
        SOCKET_FD = PHX_PROCESS_KEPT,
        CLAIM_FD,
        CHANGED_FD,
};

/* A list of 1 MiB takes jansson some 20 MiB. */
#define MEMORY_LIMIT (UINT64_C(256) << 20)
#define FILES_LIMIT 32

struct worker {
        const struct phx_pve_serving *serving;
        struct phx_pve_watch *watch;
        struct phx_pve_ha ha;
        bool is_changed; /* and the engine does not know */
};

static void serve_set_task(const struct worker *worker, enum phx_pve_task_kind kind, uint32_t id) {
        *worker->serving->task = (struct phx_pve_task){
                .kind = kind,
                .id = id,
                .pid = getpid(),
                .since = time(NULL),
        };
}

static int serve_confine(const struct phx_pve_serving *serving) {
        const int fds[] = { serving->socket_fd, serving->claim_fd, serving->changed_fd };
        int r;

        phx_process_reset_signals();
        (void) prctl(PR_SET_NAME, "phoenixd-pve");
        (void) umask(0022);
        r = phx_process_keep(fds, PHX_ELEMENTS(fds));
        if (r < 0)
                return r;
        phx_process_limit(RLIMIT_CORE, 0);
        phx_process_limit(RLIMIT_FSIZE, PHX_PVE_CONFIG_LIMIT);
        phx_process_limit(RLIMIT_NOFILE, FILES_LIMIT);
        phx_process_limit_memory(MEMORY_LIMIT);
        return phx_process_drop_rights(0);
}

static void serve_on_written(void *context, uint32_t id) {
        struct worker *worker = context;

        if (phx_pve_watch_read(worker->watch, id))
                worker->is_changed = true;
}

/* A file that cannot be read for good, which none of Proxmox's is, keeps no container from being
 * looked after: what was known of it stays. */
static enum phx_pve_outcome serve_mark_ha(
                struct worker *worker,
                struct phx_pve_list *list,
                struct phx_error *error) {
        enum phx_pve_outcome outcome = phx_pve_ha_read(worker->serving->place, &worker->ha, error);

        if (outcome == PHX_PVE_OUTCOME_NOT_NOW)
                return outcome;
        for (size_t i = 0; i < list->count; i++)
                list->items[i].is_in_ha = phx_pve_ha_has(&worker->ha, list->items[i].id);
        return PHX_PVE_OUTCOME_DONE;
}

static struct phx_pve_ids serve_known(const struct phx_pve_request *request, const char *payload) {
        const uint32_t *ids = (const uint32_t *) (const void *) payload;
        const size_t count = request->size / sizeof(*ids);
        const size_t away = request->away_count < count ? request->away_count : count;

        return (struct phx_pve_ids){ ids, count - away, ids + (count - away), away };
}

static int serve_pack(const struct phx_pve_list *list, size_t *ret_size, char **ret_data) {
        const size_t items = list->count * sizeof(*list->items);
        const size_t away = list->away_count * sizeof(*list->away);
        char *data = malloc(items + away + 1);

        if (!data)
                return -ENOMEM;
        if (items > 0)
                memcpy(data, list->items, items);
        if (away > 0)
                memcpy(data + items, list->away, away);
        *ret_size = items + away;
        *ret_data = data;
        return 0;
}

/* The answer's bytes; the caller's. */
static enum phx_pve_outcome serve_list(
                struct worker *worker,
                const struct phx_pve_request *request,
                const char *payload,
                struct phx_pve_answer *answer,
                char **ret_data,
                struct phx_error *error) {
        phx_cleanup(phx_pve_list_done) struct phx_pve_list list = { 0 };
        const struct phx_pve_ids known = serve_known(request, payload);
        enum phx_pve_outcome outcome;

        outcome = phx_pve_list_guests(
                        worker->serving->place,
                        request->is_first ? NULL : &known,
                        &list,
                        error);
        if (outcome == PHX_PVE_OUTCOME_DONE)
                outcome = serve_mark_ha(worker, &list, error);
        if (outcome != PHX_PVE_OUTCOME_DONE)
                return outcome;
        answer->start_time = list.start_time;
        answer->state.is_quorate = list.is_quorate;
        answer->away_count = list.away_count;
        memcpy(answer->state.node, list.node, sizeof(list.node));
        return serve_pack(&list, &answer->size, ret_data) < 0
                               ? phx_pve_refuse(error, -ENOMEM, worker->serving->place->root)
                               : PHX_PVE_OUTCOME_DONE;
}

static enum phx_pve_outcome serve_read(
                const struct worker *worker,
                const struct phx_pve_request *request,
                struct phx_pve_answer *answer,
                char **ret_data,
                struct phx_error *error) {
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        enum phx_pve_outcome outcome;

        outcome = phx_pve_read_config(worker->serving->place, request->id, &config, error);
        answer->size = config.size;
        *ret_data = PHX_TAKE(config.data);
        return outcome;
}

static enum phx_pve_outcome serve_list_ours(
                const struct worker *worker,
                struct phx_pve_answer *answer,
                char **ret_data,
                struct phx_error *error) {
        struct phx_pve_files files = { 0 };
        enum phx_pve_outcome outcome;

        outcome = phx_pve_list_files(worker->serving->place, &files, error);
        answer->size = files.count * sizeof(*files.items);
        *ret_data = (char *) files.items;
        return outcome;
}

/* The payload has a NUL behind it. */
static enum phx_pve_outcome serve_read_ours(
                const struct worker *worker,
                const char *payload,
                struct phx_pve_answer *answer,
                char **ret_data,
                struct phx_error *error) {
        size_t size = 0;
        enum phx_pve_outcome outcome;

        outcome = phx_pve_read_file(worker->serving->place, payload, ret_data, &size, error);
        answer->size = size;
        return outcome;
}

static enum phx_pve_outcome serve_edit(
                struct worker *worker,
                const struct phx_pve_request *request,
                const char *payload,
                struct phx_error *error) {
        const struct phx_pve_replacement edit = {
                .id = request->id,
                .digest = request->digest,
                .data = payload,
                .size = request->size,
                .patience_usec = worker->serving->patience_usec,
                .written = serve_on_written,
                .context = worker,
        };

        return phx_pve_replace(worker->serving->place, &edit, error);
}

static enum phx_pve_outcome serve_request(
                struct worker *worker,
                const struct phx_pve_request *request,
                const char *payload,
                struct phx_pve_answer *answer,
                char **ret_data,
                struct phx_error *error) {
        switch (request->kind) {
        case PHX_PVE_TASK_STATE:
                return phx_pve_get_state(worker->serving->place, &answer->state, error);
        case PHX_PVE_TASK_LIST:
                return serve_list(worker, request, payload, answer, ret_data, error);
        case PHX_PVE_TASK_READ:
                return serve_read(worker, request, answer, ret_data, error);
        case PHX_PVE_TASK_EDIT:
                return serve_edit(worker, request, payload, error);
        case PHX_PVE_TASK_LIST_OURS:
                return serve_list_ours(worker, answer, ret_data, error);
        case PHX_PVE_TASK_READ_OURS:
                return serve_read_ours(worker, payload, answer, ret_data, error);
        case PHX_PVE_TASK_REST:
        case PHX_PVE_TASK_WATCH:
                break;
        }
        return PHX_PVE_OUTCOME_FAILED;
}

static int serve_receive(struct phx_pve_request *request, char **ret_payload) {
        phx_autofree char *payload = NULL;
        int r;

        r = phx_pve_receive(SOCKET_FD, request, sizeof(*request), UINT64_MAX);
        if (r < 0)
                return r;
        if (request->size > PHX_PVE_MESSAGE_LIMIT)
                return -EPROTO;
        payload = calloc(1, request->size + 1);
        if (!payload)
                return -ENOMEM;
        r = phx_pve_receive(SOCKET_FD, payload, request->size, UINT64_MAX);
        if (r < 0)
                return r;
        *ret_payload = PHX_TAKE(payload);
        return 0;
}

/* What the answer says about the mount that is watched. */
static void serve_learn(const struct worker *worker, const struct phx_pve_answer *answer) {
        uint64_t start_time = answer->start_time > 0 ? answer->start_time
                                                     : answer->state.start_time;

        if (answer->outcome == PHX_PVE_OUTCOME_NOT_NOW &&
            (answer->code == -ENOTCONN || answer->code == -ECONNABORTED || answer->code == -ENOENT))
                phx_pve_watch_lost(worker->watch);
        else if (start_time > 0)
                phx_pve_watch_saw(worker->watch, start_time);
}

/* Negative when there is no engine to serve any more. */
static int serve_one(struct worker *worker) {
        phx_autofree struct phx_pve_answer *answer = calloc(1, sizeof(*answer));
        struct phx_pve_request request = { 0 };
        phx_autofree char *payload = NULL;
        phx_autofree char *data = NULL;
        struct phx_error error = { 0 };
        int r;

        if (!answer)
                return -ENOMEM;
        r = serve_receive(&request, &payload);
        if (r < 0)
                return r;
        serve_set_task(worker, request.kind, request.id);
        answer->outcome = serve_request(worker, &request, payload, answer, &data, &error);
        serve_set_task(worker, PHX_PVE_TASK_REST, 0);
        answer->code = error.code;
        memcpy(answer->text, error.text, sizeof(answer->text));
        serve_learn(worker, answer);

        r = phx_pve_send(SOCKET_FD, answer, sizeof(*answer), UINT64_MAX);
        return r < 0 ? r : phx_pve_send(SOCKET_FD, data, answer->size, UINT64_MAX);
}

/* Whatever its counter is, it is readable then. */
static void serve_tell(struct worker *worker) {
        const uint64_t one = 1;

        if (worker->is_changed && write(CHANGED_FD, &one, sizeof(one)) < 0 && errno != EAGAIN)
                return;
        worker->is_changed = false;
}

static void serve_watch(struct worker *worker) {
        bool is_changed;

        serve_set_task(worker, PHX_PVE_TASK_WATCH, 0);
        is_changed = phx_pve_watch_read(worker->watch, 0);
        if (phx_now_usec() >= phx_pve_watch_due(worker->watch) && phx_pve_watch_tick(worker->watch))
                is_changed = true;
        serve_set_task(worker, PHX_PVE_TASK_REST, 0);
        if (is_changed)
                worker->is_changed = true;
}

static int serve_wait(const struct worker *worker, struct pollfd fds[2]) {
        uint64_t due = phx_pve_watch_due(worker->watch), now = phx_now_usec();
        uint64_t left_usec = now < due ? due - now : 0;
        const struct timespec left = { (time_t) (left_usec / 1000000),
                                       (long) (left_usec % 1000000 * 1000) };

        fds[0] = (struct pollfd){ .fd = SOCKET_FD, .events = POLLIN };
        fds[1] = (struct pollfd){ .fd = phx_pve_watch_fd(worker->watch), .events = POLLIN };
        if (ppoll(fds, 2, due == UINT64_MAX ? NULL : &left, NULL) < 0 && errno != EINTR)
                return phx_errno();
        return 0;
}

void phx_pve_serve(const struct phx_pve_serving *serving) {
        struct worker worker = { .serving = serving };
        struct pollfd fds[2];
        int r;

        r = serve_confine(serving);
        if (r >= 0)
                r = phx_pve_watch_new(serving->place, &worker.watch);
        if (r >= 0)
                serve_watch(&worker);
        /* What the first look finds was never known to be otherwise. */
        worker.is_changed = false;
        while (r >= 0) {
                r = serve_wait(&worker, fds);
                if (r >= 0 && fds[0].revents)
                        r = serve_one(&worker);
                serve_watch(&worker);
                serve_tell(&worker);
        }
        /* Without exit handlers and flushes: all of that is the engine's. */
        _exit(r != -EPIPE);
}
