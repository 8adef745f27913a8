#include "system/lxc_worker.h"

#include <assert.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <lxc/lxccontainer.h>

#include "base/buffer.h"
#include "base/process.h"
#include "system/worker.h"

/* lxc_container_new() reads LXCPATH/NAME/config at once, waits for its lock without limit, and may
 * destroy the container when a file "partial" says that its creation was broken off. So the object
 * is made below a path where there is nothing, and is told afterwards what to look at. */
#define NO_LXC_PATH "/nonexistent"

/* A config takes liblxc a few hundred kilobytes, and what it says about one a few lines. */
#define MEMORY_LIMIT (UINT64_C(256) << 20)
#define LOG_LIMIT (UINT64_C(16) << 20)

/* All that one call of ours asks. */
struct questions {
        const struct phx_strings *subjects;
        int log; /* in the child */
        struct phx_lxc_values *values;
};

void phx_lxc_values_done(struct phx_lxc_values *values) {
        free(values->text);
        free(values->profile);
        free(values->cgroup_dir);
        free(values->cgroup_container);
        free(values->cgroup_inner);
        *values = (struct phx_lxc_values){ 0 };
}

static int add_string(struct phx_buffer *strings, const char *text) {
        return phx_buffer_add(strings, text, strlen(text) + 1);
}

/* Cuts the message out of "PREFIX NAME TIME LEVEL CATEGORY - FILE:FUNCTION:LINE - MESSAGE". */
static const char *message_of(char *line) {
        const char *message = line;

        for (int i = 0; i < 2; i++) {
                const char *dash = strstr(message, " - ");

                if (!dash)
                        return line;
                message = dash + strlen(" - ");
        }
        return message;
}

/* liblxc logs the cause first and then who passed it on; two lines say what and in which file. */
static int add_log(struct phx_buffer *strings, int log, const char *subject) {
        char text[4096], *rest = text, *line;
        const char *between = ": ";
        ssize_t n = pread(log, text, sizeof(text) - 1, 0);
        int r = phx_buffer_add_text(strings, subject);

        text[n > 0 ? n : 0] = '\0';
        if (r >= 0 && !text[0])
                r = phx_buffer_add_text(strings, ": liblxc refuses it and does not say why");
        for (int i = 0; r >= 0 && i < 2 && (line = strsep(&rest, "\n")) && line[0]; i++) {
                r = phx_buffer_addf(strings, "%s%s", between, message_of(line));
                between = "; ";
        }
        return r < 0 ? r : phx_buffer_add(strings, "", 1);
}

/* Unset is an empty string, and for the cgroup keys "(null)". */
static int add_item(struct phx_buffer *strings, struct lxc_container *c, const char *key) {
        char value[4096] = "";
        int n = c->get_config_item(c, key, value, sizeof(value));

        if (n >= (int) sizeof(value))
                return -EOVERFLOW;
        return add_string(strings, n < 0 || strcmp(value, "(null)") == 0 ? "" : value);
}

static int add_values(struct phx_buffer *strings, struct lxc_container *c) {
        static const char *const keys[] = { "lxc.apparmor.profile",
                                            "lxc.cgroup.dir",
                                            "lxc.cgroup.dir.container",
                                            "lxc.cgroup.dir.container.inner",
                                            "lxc.apparmor.allow_nesting" };

        for (size_t i = 0; i < PHX_ELEMENTS(keys); i++) {
                int r = add_item(strings, c, keys[i]);

                if (r < 0)
                        return r;
        }
        return add_string(strings, c->get_config_item(c, "lxc.idmap", NULL, 0) > 0 ? "1" : "0");
}

static void put_container(struct lxc_container **c) {
        if (*c)
                (void) lxc_container_put(*c);
}

static int answer_load(void *data, size_t index, struct phx_buffer *reply) {
        phx_cleanup(put_container) struct lxc_container *c = NULL;
        const struct questions *questions = data;
        const char *file = questions->subjects->items[index];
        int r;

        if (ftruncate(questions->log, 0) < 0)
                return phx_errno();
        c = lxc_container_new("phoenixd", NO_LXC_PATH);
        if (!c || !c->load_config(c, file)) {
                r = add_log(reply, questions->log, file);
                return r < 0 ? r : -EINVAL;
        }

        r = add_values(reply, c);
        if (r != -EOVERFLOW)
                return r;
        reply->size = 0;
        (void) phx_buffer_addf(reply, "%s: a value is too long to be a profile or a path", file);
        return r;
}

/* Root's files it reads as root, others' by the one capability that is for reading. */
static int confine(void) {
        phx_process_limit_memory(MEMORY_LIMIT);
        phx_process_limit(RLIMIT_FSIZE, LOG_LIMIT);
        return phx_process_drop_rights(UINT64_C(1) << CAP_DAC_READ_SEARCH);
}

/* liblxc writes its log to a file only, so it gets one in memory. */
static int open_log(void *data) {
        struct questions *questions = data;
        char path[64];
        struct lxc_log log = { .name = "phoenixd",
                               .lxcpath = NO_LXC_PATH,
                               .file = path,
                               .level = "ERROR",
                               .prefix = "phoenixd",
                               .quiet = true };
        int r;

        r = confine();
        if (r < 0)
                return r;
        questions->log = memfd_create("liblxc-log", MFD_CLOEXEC);
        if (questions->log < 0)
                return phx_errno();
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", questions->log);
        return lxc_log_init(&log) < 0 ? -EIO : 0;
}

static int accept_values(void *data, size_t index, const struct phx_worker_reply *reply) {
        const struct questions *questions = data;
        struct phx_lxc_values *values = &questions->values[index];
        char **const strings[] = { &values->profile,
                                   &values->cgroup_dir,
                                   &values->cgroup_container,
                                   &values->cgroup_inner };
        size_t offset = 0;
        int r = 0;

        values->code = reply->code;
        if (reply->code < 0)
                return phx_replace(&values->text, reply->data);

        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(strings); i++)
                r = phx_replace(strings[i], phx_worker_string(reply, &offset));
        values->allow_nesting = strcmp(phx_worker_string(reply, &offset), "1") == 0;
        values->is_mapped = strcmp(phx_worker_string(reply, &offset), "1") == 0;
        return r;
}

int phx_lxc_worker_load(
                const struct phx_strings *files,
                uint64_t deadline_usec,
                struct phx_lxc_values *values,
                struct phx_error *error) {
        struct questions questions = { .subjects = files, .values = values };
        const struct phx_worker_job job = { .subjects = files,
                                            .service = "liblxc",
                                            .deadline_usec = deadline_usec,
                                            .start = open_log,
                                            .answer = answer_load,
                                            .accept = accept_values,
                                            .data = &questions };
        int r;

        assert(values || files->count == 0);

        r = phx_worker_run(&job, error);
        for (size_t i = 0; r < 0 && i < files->count; i++)
                phx_lxc_values_done(&values[i]);
        return r;
}
