/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One process looks, one waits. Both are this program: the engine is a fork without exec, and keeps
 * of its parent nothing but standard input, output and error, its end of the socket pair and the
 * memory that the plan is in.
 *
 * The engine is a loop without events: receive a request, answer it, sweep up children that were
 * left, receive the next. Between requests it waits, and uses nothing; only the children that work
 * on then (engine_rest) can make it ask for a request. An answer ends
 * with one message: report, labels or failure. Progress may come before it, and before a report
 * what has changed, one object a message. The first request makes the engine's work
 * (engine_prepare), and a failure of that is an answer, tried again by the next request.
 *
 * Death, either way:
 *   - the loop is gone: receiving ends with -EPIPE while idle. During a pass, leave_if_alone()
 *     looks at the socket before each change, and when progress cannot be sent, so that an
 *     engine without a loop makes no further change.
 *   - the engine is gone: the loop sees it by the pidfd. The state on disk is whole at any time,
 *     as each change is one atomic step; a new engine reads it and observes everything again.
 *
 * The fork happens without exec, so the child must drop what the parent has: descriptors, signal
 * handlers and masks, systemd's variables, exit handlers (_exit). Memory is copied and never freed
 * in the child: the plan is the only part that it reads. */

#include "shared/engine_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/strings.h"
#include "codec/jobs_json.h"
#include "codec/report_json.h"
#include "shared/scope_text.h"

/* Between two looks that an engine asks for, so that a worker that ends at once each time does not
 * cost one look after the other. */
#define ASK_SPACING_USEC UINT64_C(10000000)

/* So many compiles are waited for at once. */
#define COMPILES_LIMIT 64

/* The engine's own side: what its callbacks need. */
struct child {
        const struct engine_plan *plan;
        struct channel channel;
        struct channel_output output; /* what a look has seen, on its way */
        struct phx_audit audit;
        struct engine_work work;
        struct phx_scope scope; /* of the look that comes next */
        bool has_scope;
        struct phx_job_results results; /* likewise */
        struct restart_asks restarts;   /* likewise */
        bool ready;
        bool is_record_lost; /* the journal has not taken all */
        uint64_t asked_usec; /* when it asked for a look itself; 0: never */
};

/* When the loop ends, by itself or killed, this look is of no use any more. What is under way ends
 * here: each change is one atomic step, and the next one has not begun. */
static void leave_if_alone(const struct child *child) {
        struct pollfd poll_fd = { .fd = child->channel.fd, .events = POLLRDHUP };

        if (poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR)))
                _exit(EXIT_SUCCESS);
}

static void engine_on_record(void *data, const struct phx_record *record) {
        struct child *child = data;

        if (record->kind == PHX_RECORD_INTENT)
                leave_if_alone(child);
        child->is_record_lost |= journal_record(child->plan->journal, record) < 0;
}

static void engine_on_progress(void *data, const char *text) {
        const struct child *child = data;

        if (channel_send(child->channel.fd, CHANNEL_PROGRESS, 0, text) < 0)
                leave_if_alone(child);
}

static int engine_prepare(struct child *child, struct phx_error *error) {
        int r;

        if (child->ready)
                return 0;
        r = child->plan->setup(child->plan->options, &child->audit, &child->work, error);
        if (r < 0)
                return r;
        child->ready = true;
        return 0;
}

void engine_answer_done(struct engine_answer *answer) {
        phx_report_free(answer->report);
        free(answer->suspensions);
        *answer = (struct engine_answer){ 0 };
}

static int engine_look(
                struct child *child,
                const struct channel_message *asked,
                struct engine_answer *ret_answer,
                struct phx_error *error) {
        int r;

        r = engine_prepare(child, error);
        if (r < 0)
                return r;
        return child->work.look(
                        child->work.data,
                        &(struct engine_request){
                                        .kind = (enum look_kind) asked->value,
                                        .suspensions = asked->size > 0 ? asked->text : NULL,
                                        .scope = child->has_scope ? &child->scope : NULL,
                                        .results = child->results.count > 0 ? &child->results
                                                                            : NULL,
                                        .restarts = child->restarts.count > 0 ? &child->restarts
                                                                              : NULL,
                        },
                        ret_answer,
                        error);
}

/* An engine that has not looked yet has nothing to compare with. */
static int answer_labels(const struct child *child) {
        bool differs = !child->ready || !child->work.labels || child->work.labels(child->work.data);

        return channel_send(child->channel.fd, CHANNEL_LABELS, differs, NULL);
}

/* The rest says what is suspended, unless there is none. */
static int engine_send_failure(
                const struct child *child,
                const struct engine_answer *answer,
                int code,
                const char *text) {
        int r = 0;

        if (answer->suspensions)
                r = channel_send(child->channel.fd, CHANNEL_SUSPENDED, 0, answer->suspensions);
        return r < 0 ? r : channel_send(child->channel.fd, CHANNEL_FAILURE, code, text);
}

static int sink_all(void *data) {
        struct child *child = data;

        return channel_put(&child->output, CHANNEL_ALL, 0, NULL);
}

static int sink_object(void *data, enum phx_object_kind kind, const char *key, const char *json) {
        struct child *child = data;

        return channel_put_object(&child->output, kind, key, json);
}

static int sink_rest(void *data, const char *json) {
        struct child *child = data;

        return channel_put(&child->output, CHANNEL_REST, 0, json);
}

static int engine_serve_look(struct child *child, const struct channel_message *asked) {
        const struct engine_sink sink = { sink_all, sink_object, sink_rest, child };
        phx_cleanup(engine_answer_done) struct engine_answer answer = { .sink = &sink };
        phx_autofree char *report = NULL;
        struct phx_error error = { 0 };
        int r;

        r = engine_look(child, asked, &answer, &error);
        if (r < 0) {
                channel_output_done(&child->output);
                return engine_send_failure(child, &answer, r, phx_error_text(&error, r));
        }
        /* What cannot be sent now counts as sent here, and is not in the loop: the engine ends, and
         * a new one tells everything. */
        r = phx_report_render(answer.report, &report);
        if (r >= 0)
                r = channel_put(&child->output, CHANNEL_REPORT, 0, report);
        if (r >= 0)
                r = channel_flush(&child->output);
        channel_output_done(&child->output);
        return r;
}

static const struct phx_process *kept_process(const struct child *child) {
        return child->ready && child->work.process ? child->work.process(child->work.data) : NULL;
}

static void engine_ask(struct child *child) {
        const uint64_t one = 1;

        child->asked_usec = phx_now_usec();
        (void) !write(child->plan->changed_fd, &one, sizeof(one));
}

/* What happens between two requests, apart from a request. */
struct rest {
        struct pollfd fds[2 + COMPILES_LIMIT]; /* the channel, the worker, the compiles */
        nfds_t count;
        uint64_t worker_due; /* the time to ask for a look because of the worker */
        uint64_t compile_due;
};

static size_t kept_compiles(const struct child *child, struct phx_process_watch *watches) {
        if (!child->ready || !child->work.compiles)
                return 0;
        return child->work.compiles(child->work.data, watches, COMPILES_LIMIT);
}

static void rest_begin(const struct child *child, struct rest *rest) {
        const struct phx_process *kept = kept_process(child);
        const bool is_heard = kept && child->plan->changed_fd > 0;
        struct phx_process_watch watches[COMPILES_LIMIT];
        size_t count = kept_compiles(child, watches);

        *rest = (struct rest){
                .fds = { { .fd = child->channel.fd, .events = POLLIN },
                         { .fd = is_heard ? kept->fd : -1, .events = POLLIN } },
                .count = 2 + count,
                .worker_due = PHX_NEVER,
                .compile_due = PHX_NEVER,
        };
        for (size_t i = 0; i < count; i++) {
                rest->fds[2 + i] = (struct pollfd){ .fd = watches[i].fd, .events = POLLIN };
                if (watches[i].due_usec < rest->compile_due)
                        rest->compile_due = watches[i].due_usec;
        }
}

static int rest_wait(struct rest *rest) {
        uint64_t due = rest->worker_due < rest->compile_due ? rest->worker_due : rest->compile_due;
        uint64_t now = phx_now_usec(), left_usec = now < due ? due - now : 0;
        const struct timespec left = { (time_t) (left_usec / 1000000),
                                       (long) (left_usec % 1000000 * 1000) };

        for (nfds_t i = 0; i < rest->count; i++)
                rest->fds[i].revents = 0;
        if (ppoll(rest->fds, rest->count, due == PHX_NEVER ? NULL : &left, NULL) < 0 &&
            errno != EINTR)
                return phx_errno();
        return 0;
}

/* The process that watches between two looks has ended when its pidfd is readable: then nothing is
 * watched, and the engine asks for a look, which starts another one. It asks once, as the pidfd
 * stays readable. */
static void rest_see_worker(struct child *child, struct rest *rest) {
        if (rest->fds[1].revents) {
                rest->fds[1].fd = -1;
                rest->worker_due = child->asked_usec > 0 ? child->asked_usec + ASK_SPACING_USEC : 0;
        }
        if (rest->worker_due <= phx_now_usec()) {
                engine_ask(child);
                rest->worker_due = PHX_NEVER;
        }
}

/* The same of compiles: the look that is asked for takes all that have ended by then, and ends what
 * is late. */
static int rest_see_compiles(const struct child *child, struct rest *rest) {
        bool is_over = rest->compile_due <= phx_now_usec();

        for (nfds_t i = 2; i < rest->count; i++)
                is_over = is_over || rest->fds[i].revents;
        if (!is_over)
                return 0;
        rest->count = 2;
        rest->compile_due = PHX_NEVER;
        return channel_send(child->channel.fd, CHANNEL_COMPILED, 0, NULL);
}

/* Waits for a request. */
static int engine_rest(struct child *child) {
        struct rest rest;
        int r;

        rest_begin(child, &rest);
        do {
                r = rest_wait(&rest);
                if (r < 0 || rest.fds[0].revents)
                        return r;
                rest_see_worker(child, &rest);
                r = rest_see_compiles(child, &rest);
        } while (r >= 0);
        return r;
}

/* All other children have ended with the look; what left their groups came to us. */
static void engine_sweep(const struct child *child) {
        const struct phx_process *kept = kept_process(child);
        struct phx_process_watch watches[COMPILES_LIMIT];
        size_t count = kept_compiles(child, watches);
        pid_t keep[1 + COMPILES_LIMIT] = { kept ? kept->pid : 0 };

        for (size_t i = 0; i < count; i++)
                keep[1 + i] = watches[i].pid;
        (void) phx_process_sweep(keep, 1 + count, PHX_PROCESS_PATIENCE_USEC);
}

/* It holds for one look. */
static void engine_take_scope(struct child *child, const char *text) {
        phx_scope_done(&child->scope);
        child->has_scope = text;
        if (text)
                scope_from_text(text, &child->scope);
}

static int engine_take_results(struct child *child, const struct channel_message *message) {
        phx_job_results_done(&child->results);
        return phx_job_results_parse(message->text, message->size, &child->results, NULL);
}

static int engine_take_restarts(struct child *child, const struct channel_message *message) {
        restart_asks_done(&child->restarts);
        return restart_asks_from_text(message->text, &child->restarts);
}

static int engine_serve_request(struct child *child, const struct channel_message *message) {
        int r;

        if (message->value == LOOK_LABELS)
                r = answer_labels(child);
        else
                r = engine_serve_look(child, message);
        engine_take_scope(child, NULL);
        phx_job_results_done(&child->results);
        restart_asks_done(&child->restarts);
        engine_sweep(child);
        return r;
}

/* The next message that asks for something. It may be in memory already, with what belongs to it
 * before it, where no poll sees it. */
static int engine_receive(struct child *child, struct channel_message **ret_message) {
        for (;;) {
                phx_cleanup(channel_message_freep) struct channel_message *message = NULL;
                int r = channel_receive(&child->channel, &message);

                if (r <= 0)
                        return r;
                if (message->type == CHANNEL_SCOPE)
                        engine_take_scope(child, message->text);
                else if (message->type == CHANNEL_RESULTS)
                        r = engine_take_results(child, message);
                else if (message->type == CHANNEL_RESTARTS)
                        r = engine_take_restarts(child, message);
                else {
                        *ret_message = PHX_TAKE(message);
                        return 1;
                }
                if (r < 0)
                        return r;
        }
}

static int engine_serve(struct child *child) {
        for (;;) {
                phx_cleanup(channel_message_freep) struct channel_message *message = NULL;
                int r;

                r = engine_rest(child);
                if (r >= 0)
                        r = engine_receive(child, &message);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                if (message->type != CHANNEL_LOOK)
                        return -EBADMSG;
                r = engine_serve_request(child, message);
                if (r < 0)
                        return r;
        }
}

/* libsystemd opens its journal socket once and keeps the number for ever: were it closed here, the
 * audit trail would go to whatever takes that number next. It is the only unconnected datagram
 * socket that a loop of ours has open. Returns -1 when there is none. */
static int find_journal_socket(void) {
        DIR *dir = opendir("/proc/self/fd");
        const struct dirent *entry;
        int found = -1;

        while (dir && found < 0 && (entry = readdir(dir))) {
                struct sockaddr_storage peer;
                socklen_t size = sizeof(int), peer_size = sizeof(peer);
                int fd = (int) strtol(entry->d_name, NULL, 10), type = 0, domain = 0;

                if (fd <= STDERR_FILENO || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
                    type != SOCK_DGRAM)
                        continue;
                size = sizeof(int);
                if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) >= 0 &&
                    domain == AF_UNIX && getpeername(fd, (struct sockaddr *) &peer, &peer_size) < 0)
                        found = fd;
        }
        if (dir)
                (void) closedir(dir);
        return found;
}

static int compare_fds(const void *a, const void *b) {
        const int *left = a, *right = b;

        return (*left > *right) - (*left < *right);
}

/* Sorts KEPT; what is no descriptor beyond the standard ones is passed over. */
static void close_all_but(int *kept, size_t count) {
        int from = STDERR_FILENO + 1;

        qsort(kept, count, sizeof(*kept), compare_fds);
        for (size_t i = 0; i < count; i++) {
                if (kept[i] < from)
                        continue;
                if (kept[i] > from)
                        (void) close_range((unsigned) from, (unsigned) kept[i] - 1, 0);
                from = kept[i] + 1;
        }
        (void) close_range((unsigned) from, ~0U, 0);
}

/* The loop has no handlers: it blocks some signals, and reads them, and has set all whose being
 * ignored matters to us (main.c). */
static void engine_reset_signals(void) {
        const struct sigaction ignore = { .sa_handler = SIG_IGN };
        sigset_t none;

        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        /* The breaking of a file lease comes as SIGIO, whose default is death. */
        (void) sigaction(SIGIO, &ignore, NULL);
        (void) sigaction(SIGPIPE, &ignore, NULL);
}

/* systemd's messages are the loop's to answer: an engine that wrote to the same socket would be
 * taken for it. */
static void reset_environment(void) {
        static const char *const names[] = {
                "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES",
        };

        for (size_t i = 0; i < PHX_ELEMENTS(names); i++)
                (void) unsetenv(names[i]);
}

static _Noreturn void run_child(const struct engine_plan *plan, int fd) {
        struct child child = { .plan = plan, .channel = { .fd = fd }, .output = { .fd = fd } };
        int kept[] = { fd, find_journal_socket(), plan->changed_fd }, r;

        (void) prctl(PR_SET_NAME, "phoenixd-engine");
        (void) prctl(PR_SET_CHILD_SUBREAPER, 1);
        engine_reset_signals();
        reset_environment();
        close_all_but(kept, PHX_ELEMENTS(kept));

        child.audit = (struct phx_audit){ engine_on_record, engine_on_progress, &child };
        r = engine_serve(&child);
        if (r == -EPIPE && child.ready && child.work.leave)
                child.work.leave(child.work.data, !child.is_record_lost);
        /* _exit: what the parent registered for its own end is not the engine's to run. */
        _exit(r == -EPIPE ? EXIT_SUCCESS : EXIT_FAILURE);
}

static int start_child(const struct engine_plan *plan, struct engine *engine) {
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return phx_errno();
        engine->channel.fd = pair[0];

        r = phx_process_fork(&engine->process);
        if (r > 0)
                run_child(plan, pair[1]);
        (void) close(pair[1]);
        if (r < 0)
                return r;
        if (engine->process.fd < 0)
                return -EMFILE;
        return fcntl(engine->channel.fd, F_SETFL, O_NONBLOCK) < 0 ? phx_errno() : 0;
}

int engine_start(const struct engine_plan *plan, struct engine **ret_engine) {
        phx_cleanup(engine_freep) struct engine *engine = calloc(1, sizeof(*engine));
        int r;

        if (!engine)
                return -ENOMEM;
        engine->channel.fd = -1;

        r = start_child(plan, engine);
        if (r < 0)
                return r;
        *ret_engine = PHX_TAKE(engine);
        return 0;
}

void engine_kill(const struct engine *engine) {
        phx_process_kill(&engine->process);
}

bool engine_reap(struct engine *engine, int *ret_status) {
        return phx_process_reap(&engine->process, ret_status);
}

struct engine *engine_free(struct engine *engine) {
        if (!engine)
                return NULL;

        engine_kill(engine);
        (void) phx_process_reap(&engine->process, NULL);
        phx_process_done(&engine->process);
        if (engine->channel.fd >= 0)
                (void) close(engine->channel.fd);
        channel_done(&engine->channel);
        free(engine);

        return NULL;
}
