/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/ask.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <lxc/lxccontainer.h>

#include "base/buffer.h"
#include "base/process.h"
#include "base/worker.h"
#include "lxc/child.h"

/* All that one call of ours asks. */
struct questions {
        const struct phx_strings *subjects;
        const struct phx_buffer *texts; /* of the subjects; NULL: they are files */
        int log;                        /* in the child, as TEXT */
        int text;                       /* the one that is loaded, in memory */
        struct phx_lxc_values *values;
        const struct phx_lxc_progress *progress;
        uint64_t reported_usec; /* when PROGRESS was called the last time */
};

const char *phx_lxc_version(void) {
        return lxc_get_version();
}

void phx_lxc_values_done(struct phx_lxc_values *values) {
        free(values->text);
        free(values->profile);
        free(values->cgroup_dir);
        free(values->cgroup_container);
        free(values->cgroup_inner);
        *values = (struct phx_lxc_values){ 0 };
}

int phx_lxc_values_copy(struct phx_lxc_values *to, const struct phx_lxc_values *from) {
        to->code = from->code;
        to->allow_nesting = from->allow_nesting;
        to->is_mapped = from->is_mapped;
        if (phx_replace(&to->text, from->text) < 0 ||
            phx_replace(&to->profile, from->profile) < 0 ||
            phx_replace(&to->cgroup_dir, from->cgroup_dir) < 0 ||
            phx_replace(&to->cgroup_container, from->cgroup_container) < 0)
                return -ENOMEM;
        return phx_replace(&to->cgroup_inner, from->cgroup_inner);
}

static int ask_add_string(struct phx_buffer *strings, const char *text) {
        return phx_buffer_add(strings, text, strlen(text) + 1);
}

/* Unset is an empty string, and for the cgroup keys "(null)". */
static int ask_add_item(struct phx_buffer *strings, struct lxc_container *c, const char *key) {
        char value[4096] = "";
        int n = c->get_config_item(c, key, value, sizeof(value));

        if (n >= (int) sizeof(value))
                return -EOVERFLOW;
        return ask_add_string(strings, n < 0 || strcmp(value, "(null)") == 0 ? "" : value);
}

static int add_values(struct phx_buffer *strings, struct lxc_container *c) {
        static const char *const keys[] = { "lxc.apparmor.profile",
                                            "lxc.cgroup.dir",
                                            "lxc.cgroup.dir.container",
                                            "lxc.cgroup.dir.container.inner",
                                            "lxc.apparmor.allow_nesting" };

        for (size_t i = 0; i < PHX_ELEMENTS(keys); i++) {
                int r = ask_add_item(strings, c, keys[i]);

                if (r < 0)
                        return r;
        }
        return ask_add_string(strings, c->get_config_item(c, "lxc.idmap", NULL, 0) > 0 ? "1" : "0");
}

static void put_container(struct lxc_container **c) {
        if (*c)
                (void) lxc_container_put(*c);
}

/* The file to load, in FILE of SIZE bytes where it is a text. */
static int ask_file_of(
                const struct questions *questions,
                size_t index,
                char *file,
                size_t size,
                const char **ret_file) {
        const struct phx_buffer *text;

        *ret_file = questions->subjects->items[index];
        if (!questions->texts)
                return 0;
        text = &questions->texts[index];
        if (ftruncate(questions->text, 0) < 0 ||
            pwrite(questions->text, text->data, text->size, 0) != (ssize_t) text->size)
                return -EIO;
        (void) snprintf(file, size, "/proc/self/fd/%d", questions->text);
        *ret_file = file;
        return 0;
}

static int answer_load(void *data, size_t index, struct phx_buffer *reply) {
        phx_cleanup(put_container) struct lxc_container *c = NULL;
        const struct questions *questions = data;
        const char *name = questions->subjects->items[index], *file;
        char in_memory[64];
        int r;

        if (ftruncate(questions->log, 0) < 0)
                return phx_errno();
        r = ask_file_of(questions, index, in_memory, sizeof(in_memory), &file);
        if (r < 0)
                return r;
        c = lxc_container_new("phoenixd", PHX_NO_LXC_PATH);
        if (!c || !c->load_config(c, file)) {
                r = phx_lxc_add_log(reply, questions->log, name);
                return r < 0 ? r : -EINVAL;
        }

        r = add_values(reply, c);
        if (r != -EOVERFLOW)
                return r;
        reply->size = 0;
        (void) phx_buffer_addf(reply, "%s: a value is too long for a profile or a path", name);
        return r;
}

static int ask_start(void *data) {
        struct questions *questions = data;
        int r = phx_lxc_child_confine();

        if (r < 0 || !questions->texts)
                return r < 0 ? r : phx_lxc_child_open_log(&questions->log);
        questions->text = memfd_create("liblxc-text", MFD_CLOEXEC);
        return questions->text < 0 ? phx_errno() : phx_lxc_child_open_log(&questions->log);
}

static void ask_tell(struct questions *questions, size_t index) {
        const struct phx_lxc_progress *progress = questions->progress;
        uint64_t now = phx_now_usec();

        if (!progress || now - questions->reported_usec < progress->every_msec * 1000ULL)
                return;
        questions->reported_usec = now;
        progress->asked(progress->data,
                        questions->subjects->items[index],
                        index + 1,
                        questions->subjects->count);
}

static int accept_values(void *data, size_t index, const struct phx_worker_reply *reply) {
        struct questions *questions = data;
        struct phx_lxc_values *values = &questions->values[index];
        char **const strings[] = { &values->profile,
                                   &values->cgroup_dir,
                                   &values->cgroup_container,
                                   &values->cgroup_inner };
        size_t offset = 0;
        int r = 0;

        ask_tell(questions, index);
        values->code = reply->code;
        if (reply->code < 0)
                return phx_replace(&values->text, reply->data);

        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(strings); i++)
                r = phx_replace(strings[i], phx_worker_string(reply, &offset));
        values->allow_nesting = strcmp(phx_worker_string(reply, &offset), "1") == 0;
        values->is_mapped = strcmp(phx_worker_string(reply, &offset), "1") == 0;
        return r;
}

static int ask_run(struct questions *questions, uint64_t deadline_usec, struct phx_error *error) {
        const struct phx_worker_job job = { .subjects = questions->subjects,
                                            .service = "liblxc",
                                            .deadline_usec = deadline_usec,
                                            .start = ask_start,
                                            .answer = answer_load,
                                            .accept = accept_values,
                                            .data = questions };
        int r;

        assert(questions->values || questions->subjects->count == 0);

        questions->reported_usec = phx_now_usec();
        r = phx_worker_run(&job, error);
        for (size_t i = 0; r < 0 && i < questions->subjects->count; i++)
                phx_lxc_values_done(&questions->values[i]);
        return r;
}

int phx_lxc_worker_load_texts(
                const struct phx_strings *names,
                const struct phx_buffer *texts,
                uint64_t deadline_usec,
                struct phx_lxc_values *values,
                struct phx_error *error) {
        struct questions questions = { .subjects = names, .texts = texts, .values = values };

        return ask_run(&questions, deadline_usec, error);
}

int phx_lxc_worker_load(
                const struct phx_strings *files,
                uint64_t deadline_usec,
                const struct phx_lxc_progress *progress,
                struct phx_lxc_values *values,
                struct phx_error *error) {
        struct questions questions = { .subjects = files, .values = values, .progress = progress };

        return ask_run(&questions, deadline_usec, error);
}
