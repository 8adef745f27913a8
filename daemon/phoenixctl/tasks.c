/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Three files have a line for each task that begins with its name,
 *
 *      UPID:NODE:PID:PSTART:START:TYPE:ID:USER:
 *
 * with numbers in hexadecimal and START in seconds. In "active" are the ones that run, and the
 * latest ones: behind the name stand 0 or 1, and after the end when that was and what came of it.
 * In "index", and "index.1" before it, are the ones that have ended: time and result alone. A task
 * moves from the first to the second and with that to the third, and may be in two of them: they
 * are read in this order, so that none is missed on its way, and what says more counts.
 *
 * A file may be large: only its end is read, and only what is asked for is kept. A line that is
 * none, or whose end is not there yet, is passed over. */

#include "phoenixctl/tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/grow.h"
#include "base/macros.h"
#include "base/strings.h"
#include "codec/pve_json.h"
#include "state/report.h"

#define KIND "task"
/* Some ten thousand tasks. */
#define TAIL_SIZE ((size_t) 4 * 1024 * 1024)

/* In the order of a task's name. */
enum field {
        FIELD_PREFIX,
        FIELD_NODE,
        FIELD_PID,
        FIELD_PROCESS_START,
        FIELD_START,
        FIELD_TYPE,
        FIELD_ID,
        FIELD_USER,
        FIELDS,
};

struct piece {
        const char *start;
        size_t size;
};

/* Pieces of the line that it is read from. */
struct task {
        struct piece fields[FIELDS];
        struct piece result; /* none: not known */
        const struct task_type *type;
        uint64_t start;
        uint64_t end; /* 0: not yet */
};

/* What is printed, when it succeeded and otherwise. */
struct task_type {
        const char *name;
        const char *done;
        const char *noun;
        bool is_of_any_guest; /* a virtual machine's has the same name */
};

static const struct task_type task_types[] = {
        { "vzstart", "started", "start", false },
        { "vzstop", "stopped", "stop", false },
        { "vzshutdown", "shut down", "shutdown", false },
        { "vzreboot", "rebooted", "reboot", false },
        { "vzrollback", "rolled back", "rollback", false },
        { "vzrestore", "restored", "restore", false },
        { "vzmigrate", "migrated", "migration", false },
        { "vzcreate", "created", "creation", false },
        { "vzdestroy", "destroyed", "destruction", false },
        { "hastart", "start requested", "request to start", true },
        { "hastop", "stop requested", "request to stop", true },
        { "hamigrate", "migration requested", "request to migrate", true },
};

static struct piece piece_take(struct piece *rest, char end) {
        const char *at = memchr(rest->start, end, rest->size);
        struct piece piece = { rest->start, at ? (size_t) (at - rest->start) : rest->size };
        size_t taken = piece.size + (at ? 1 : 0);

        *rest = (struct piece){ rest->start + taken, rest->size - taken };
        return piece;
}

static bool piece_is(struct piece piece, const char *text) {
        return piece.size == strlen(text) && memcmp(piece.start, text, piece.size) == 0;
}

/* Nothing but hexadecimal digits, LEAST to MOST of them. */
static bool piece_parse_hex(struct piece piece, size_t least, size_t most, uint64_t *ret_number) {
        uint64_t number = 0;

        if (piece.size < least || piece.size > most)
                return false;
        for (size_t i = 0; i < piece.size; i++) {
                char c = phx_lower(piece.start[i]);

                if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
                        return false;
                number = number * 16 + (uint64_t) (c <= '9' ? c - '0' : c - 'a' + 10);
        }
        *ret_number = number;
        return true;
}

/* Without a blank or a control character, and of ASCII unless IS_USER: their names may have more.
 */
static bool piece_is_word(struct piece piece, bool is_user) {
        for (size_t i = 0; i < piece.size; i++) {
                unsigned char byte = (unsigned char) piece.start[i];

                if (byte <= ' ' || byte == 0x7f || (byte > 0x7f && !is_user))
                        return false;
        }
        return piece.size > 0;
}

static const struct task_type *task_find_type(struct piece name) {
        for (size_t i = 0; i < PHX_ELEMENTS(task_types); i++)
                if (piece_is(name, task_types[i].name))
                        return &task_types[i];
        return NULL;
}

/* False for what is no name of a task, and for tasks of other kinds. */
static bool task_parse_name(struct piece name, struct task *task) {
        uint64_t number;

        for (size_t i = 0; i < FIELDS; i++) {
                if (!memchr(name.start, ':', name.size))
                        return false;
                task->fields[i] = piece_take(&name, ':');
                if (!piece_is_word(task->fields[i], i == FIELD_USER))
                        return false;
        }
        task->type = task_find_type(task->fields[FIELD_TYPE]);
        return task->type && name.size == 0 && piece_is(task->fields[FIELD_PREFIX], "UPID") &&
               piece_parse_hex(task->fields[FIELD_PID], 8, 8, &number) &&
               piece_parse_hex(task->fields[FIELD_PROCESS_START], 8, 9, &number) &&
               piece_parse_hex(task->fields[FIELD_START], 8, 8, &task->start);
}

static bool task_parse(struct piece line, struct task *ret_task) {
        struct piece rest = line, word;

        *ret_task = (struct task){ 0 };
        if (memchr(line.start, '\0', line.size) ||
            !task_parse_name(piece_take(&rest, ' '), ret_task))
                return false;
        if (rest.size == 0)
                return true;
        word = piece_take(&rest, ' ');
        if (piece_is(word, "0") || piece_is(word, "1")) {
                if (rest.size == 0)
                        return true;
                word = piece_take(&rest, ' ');
        }
        ret_task->result = rest;
        return piece_parse_hex(word, 8, 8, &ret_task->end);
}

static bool task_is_wanted(const struct tasks_query *query, const struct task *task) {
        struct piece id = task->fields[FIELD_ID];
        uint32_t number;

        if (!phx_pve_parse_id(id.start, id.size, &number) ||
            task->start * 1000000 < query->since_usec)
                return false;
        return query->object ? piece_is(id, query->object) : !task->type->is_of_any_guest;
}

/* --- lines to events --- */

static int task_take_text(struct piece piece, char **ret_text) {
        phx_autofree char *text = strndup(piece.start, piece.size);

        *ret_text = text ? phx_visible(text) : NULL;
        return *ret_text ? 0 : -ENOMEM;
}

/* What came of it: "OK", or "WARNINGS: 2", is a success. */
static bool task_has_succeeded(const char *result) {
        return strcmp(result, "OK") == 0 || phx_has_prefix(result, "WARNINGS:");
}

/* "910: rebooted through Proxmox by root@pam: OK" */
static int task_tell(
                const struct task *task,
                const struct tasks_query *query,
                struct phx_answer_event *event) {
        struct piece node = task->fields[FIELD_NODE];
        bool is_ours = piece_is(node, query->node), has_result = task->result.size > 0;
        bool is_done = task->end > 0 && has_result && task_has_succeeded(event->result);
        const char *ending = ": ";

        if (!is_done)
                ending = task->end == 0 ? " has not ended"
                         : has_result   ? " failed: "
                                        : " has ended, its result is not known";
        return phx_printf(
                        &event->message,
                        "%s: %s through Proxmox%s%.*s by %s%s%s",
                        event->container,
                        is_done ? task->type->done : task->type->noun,
                        is_ours ? "" : " on ",
                        is_ours ? 0 : (int) node.size,
                        node.start,
                        event->by,
                        ending,
                        event->result ? event->result : "");
}

static int task_add(
                const struct task *task,
                const struct tasks_query *query,
                struct phx_answer_history *history) {
        struct phx_answer_event *event =
                        phx_grow(&history->events, &history->count, sizeof(*event));
        int r;

        if (!event)
                return -ENOMEM;
        event->at = task->start * 1000000;
        event->until = task->end > 0 ? task->end * 1000000 : PHX_NEVER;
        r = phx_replace(&event->kind, KIND);
        if (r >= 0)
                r = phx_replace(&event->action, task->type->name);
        if (r >= 0)
                r = task_take_text(task->fields[FIELD_ID], &event->container);
        if (r >= 0)
                r = task_take_text(task->fields[FIELD_USER], &event->by);
        if (r >= 0 && task->result.size > 0)
                r = task_take_text(task->result, &event->result);
        return r < 0 ? r : task_tell(task, query, event);
}

/* --- the files --- */

/* All tasks that are asked for, with the bytes that they point into. */
struct tasks {
        const struct tasks_query *query;
        char *data[3];
        struct task *items;
        size_t count;
};

static void tasks_done(struct tasks *tasks) {
        for (size_t i = 0; i < PHX_ELEMENTS(tasks->data); i++)
                free(tasks->data[i]);
        free(tasks->items);
}

static int tasks_add_lines(struct tasks *tasks, struct piece text) {
        while (text.size > 0 && memchr(text.start, '\n', text.size)) {
                struct piece line = piece_take(&text, '\n');
                struct task task, *item;

                if (!task_parse(line, &task) || !task_is_wanted(tasks->query, &task))
                        continue;
                item = phx_grow(&tasks->items, &tasks->count, sizeof(*item));
                if (!item)
                        return -ENOMEM;
                *item = task;
        }
        return 0;
}

static int tasks_read_tail(int fd, char **ret_data, struct piece *ret_text) {
        phx_autofree char *data = malloc(TAIL_SIZE);
        struct stat st;
        size_t size = 0;
        off_t from;

        if (!data)
                return -ENOMEM;
        if (fstat(fd, &st) < 0)
                return phx_errno();
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        from = st.st_size > (off_t) TAIL_SIZE ? st.st_size - (off_t) TAIL_SIZE : 0;
        while (size < TAIL_SIZE) {
                ssize_t n = pread(fd, data + size, TAIL_SIZE - size, from + (off_t) size);

                if (n < 0)
                        return phx_errno();
                if (n == 0)
                        break;
                size += (size_t) n;
        }
        *ret_text = (struct piece){ data, size };
        if (from > 0)
                (void) piece_take(ret_text, '\n'); /* the first line has no beginning */
        *ret_data = PHX_TAKE(data);
        return 0;
}

/* A file that is not there has no tasks. */
static int tasks_add_file(
                struct tasks *tasks,
                size_t number,
                const char *name,
                struct phx_error *error) {
        phx_autofree char *path = NULL;
        phx_autoclose int fd = -1;
        struct piece text = { 0 };
        int r;

        if (phx_printf(&path, "%s/%s", tasks->query->directory, name) < 0)
                return -ENOMEM;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        r = fd < 0 ? phx_errno() : tasks_read_tail(fd, &tasks->data[number], &text);
        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r < 0)
                return phx_error_set(error, r, "%s: %s", path, strerrordesc_np(-r));
        return tasks_add_lines(tasks, text);
}

static int piece_compare(struct piece left, struct piece right) {
        size_t size = left.size < right.size ? left.size : right.size;
        int order = memcmp(left.start, right.start, size);

        return order != 0 ? order : (left.size > right.size) - (left.size < right.size);
}

/* By time, and 0 for the same task. */
static int task_compare_names(const struct task *left, const struct task *right) {
        int order = (left->start > right->start) - (left->start < right->start);

        for (size_t i = 0; order == 0 && i < FIELDS; i++)
                order = piece_compare(left->fields[i], right->fields[i]);
        return order;
}

/* Of the same task, what says most of its end first. */
static int task_compare(const void *a, const void *b) {
        const struct task *left = a, *right = b;
        int order = task_compare_names(left, right);

        if (order == 0)
                order = (left->end < right->end) - (left->end > right->end);
        return order != 0 ? order
                          : (left->result.size < right->result.size) -
                                               (left->result.size > right->result.size);
}

static int tasks_tell(const struct tasks *tasks, struct phx_answer_history *history) {
        int r = 0;

        if (tasks->count > 0)
                qsort(tasks->items, tasks->count, sizeof(*tasks->items), task_compare);
        for (size_t i = 0; r >= 0 && i < tasks->count; i++)
                if (i == 0 || task_compare_names(&tasks->items[i - 1], &tasks->items[i]) != 0)
                        r = task_add(&tasks->items[i], tasks->query, history);
        return r;
}

int tasks_read(const struct tasks_query *query,
               struct phx_answer_history *ret_history,
               struct phx_error *error) {
        static const char *const names[] = { "active", "index", "index.1" };
        phx_cleanup(phx_answer_history_done) struct phx_answer_history history = { 0 };
        phx_cleanup(tasks_done) struct tasks tasks = { .query = query };
        int r = 0, refusal = 0;

        for (size_t i = 0; i < PHX_ELEMENTS(names); i++) {
                r = tasks_add_file(&tasks, i, names[i], refusal < 0 ? NULL : error);
                if (r == -ENOMEM)
                        return r;
                if (r < 0 && refusal == 0)
                        refusal = r;
        }
        r = tasks_tell(&tasks, &history);
        if (r < 0)
                return r;
        *ret_history = PHX_TAKE_STRUCT(history);
        return refusal;
}
