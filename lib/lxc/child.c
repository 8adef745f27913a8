/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/child.h"

#include <ctype.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <lxc/lxccontainer.h>

#include "base/error.h"
#include "base/process.h"
#include "base/strings.h"

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

/* A config takes liblxc a few hundred kilobytes, and what it says about one a few lines. */
#define MEMORY_LIMIT (UINT64_C(256) << 20)
#define LOG_LIMIT (UINT64_C(16) << 20)

#define AT_LINE " at line \""
/* What is reported of a config that is refused: what is wrong, and in which file. */
#define TOLD_LINES 2

static bool is_word_character(char c) {
        return c == '_' || c == '-' || isalnum((unsigned char) c);
}

/* Within the name of the file, which is reported. */
static bool is_in_path(const char *text, const char *at) {
        static const char opening[] = "config file \"";
        const char *quote = memrchr(text, '"', (size_t) (at - text));

        return quote && quote + 1 >= text + strlen(opening) &&
               memcmp(quote + 1 - strlen(opening), opening, strlen(opening)) == 0;
}

/* Wherever WORD stands by itself. */
static void mask_word(char *text, const char *word) {
        size_t length = strlen(word);

        for (char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
                bool begins = at == text || !is_word_character(at[-1]);

                if (begins && !is_word_character(at[length]) && !is_in_path(text, at))
                        memset(at, '*', length);
        }
}

/* A value may be a secret, and its config is not for everybody to read: liblxc quotes the line that
 * it refuses, of which the key is left. What an include names is no secret. */
static void mask_values(char *text) {
        char *line = strstr(text, AT_LINE);

        while (line) {
                char *end = line + strlen(AT_LINE) + strcspn(line + strlen(AT_LINE), "\n");
                phx_autofree char *copy = strndup(line, (size_t) (end - line));
                char *value = copy ? strchr(copy, '=') : NULL, *rest, *word;
                bool is_include = copy && strstr(copy, "lxc.include");

                rest = value ? value + 1 : copy;
                if (rest && !value)
                        rest += strlen(AT_LINE);
                while (rest && !is_include && (word = strsep(&rest, " \t\"'=,:")))
                        if (word[0])
                                mask_word(text, word);
                line = strstr(end, AT_LINE);
        }
}

int phx_lxc_add_log(struct phx_buffer *strings, int log, const char *subject) {
        char text[4096], *rest = text, *line;
        const char *between = "";
        ssize_t n = pread(log, text, sizeof(text) - 1, 0);
        int r = subject ? phx_buffer_addf(strings, "%s: ", subject) : 0;

        text[n > 0 ? n : 0] = '\0';
        if (r >= 0 && !text[0])
                r = phx_buffer_add_text(strings, "liblxc rejects it without a reason");
        if (subject)
                mask_values(text);
        for (int i = 0; r >= 0 && i < TOLD_LINES && (line = strsep(&rest, "\n")) && line[0]; i++) {
                const char *message = message_of(line);

                /* Nothing else needs to see our own file in memory. */
                if (!subject && strstr(message, "/proc/self/fd/"))
                        continue;
                r = phx_buffer_addf(strings, "%s%s", between, message);
                between = "; ";
        }
        return r < 0 ? r : phx_buffer_add(strings, "", 1);
}

/* Root's files it reads as root, others' by the one capability that is for reading. */
int phx_lxc_child_confine(void) {
        phx_process_limit_memory(MEMORY_LIMIT);
        phx_process_limit(RLIMIT_FSIZE, LOG_LIMIT);
        return phx_process_drop_rights(UINT64_C(1) << CAP_DAC_READ_SEARCH);
}

/* liblxc writes its log to a file only, so it gets one in memory. */
int phx_lxc_child_open_log(int *ret_log) {
        char path[64];
        struct lxc_log log = { .name = "phoenixd",
                               .lxcpath = PHX_NO_LXC_PATH,
                               .file = path,
                               .level = "ERROR",
                               .prefix = "phoenixd",
                               .quiet = true };

        *ret_log = memfd_create("liblxc-log", MFD_CLOEXEC);
        if (*ret_log < 0)
                return phx_errno();
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", *ret_log);
        return lxc_log_init(&log) < 0 ? -EIO : 0;
}

int phx_lxc_child_start(struct phx_lxc_child *child) {
        int r;

        r = phx_lxc_child_open_log(&child->log);
        if (r < 0)
                return r;
        child->text = memfd_create("liblxc-text", MFD_CLOEXEC);
        if (child->text < 0)
                return phx_errno();
        child->container = lxc_container_new("phoenixd", PHX_NO_LXC_PATH);
        return 0;
}

void phx_lxc_child_done(struct phx_lxc_child *child) {
        if (child->container)
                (void) lxc_container_put(child->container);
        (void) close(child->text);
        (void) close(child->log);
        *child = (struct phx_lxc_child){ 0 };
}

static int liblxc_set_text(const struct phx_lxc_child *child, const char *text, size_t size) {
        if (ftruncate(child->text, 0) < 0 || ftruncate(child->log, 0) < 0)
                return phx_errno();
        while (size > 0) {
                ssize_t n = write(child->text, text, size);

                if (n < 0)
                        return phx_errno();
                text += n;
                size -= (size_t) n;
        }
        return 0;
}

int phx_lxc_child_load(struct phx_lxc_child *child, const char *text, size_t size) {
        struct lxc_container *c = child->container;
        char path[64];
        int r;

        if (!c)
                return -ENOTSUP;
        if (lseek(child->text, 0, SEEK_SET) < 0)
                return phx_errno();
        r = liblxc_set_text(child, text, size);
        if (r < 0)
                return r;
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", child->text);
        c->clear_config(c);
        /* liblxc cannot map an empty file. */
        return size == 0 || c->load_config(c, path);
}

static int liblxc_get(struct lxc_container *c, const char *key, char **ret_value) {
        int n = c->get_config_item(c, key, NULL, 0);
        phx_autofree char *value = n < 0 ? NULL : calloc(1, (size_t) n + 1);

        if (n < 0)
                return n;
        if (!value)
                return -ENOMEM;
        (void) c->get_config_item(c, key, value, n + 1);
        *ret_value = PHX_TAKE(value);
        return 0;
}

static int add_key(struct lxc_container *c, const char *key, struct phx_buffer *values) {
        phx_autofree char *value = NULL;
        int r = liblxc_get(c, key, &value);

        if (r < 0)
                return r == -ENOMEM ? r : 0;
        return phx_buffer_addf(values, "%s = %s\n", key, value);
}

/* All that liblxc knows below the key. */
static int get_below(struct lxc_container *c, const char *key, char **ret_value) {
        phx_cleanup(phx_buffer_done) struct phx_buffer values = { 0 };
        int n = c->get_keys(c, NULL, NULL, 0), r;
        phx_autofree char *keys = n < 0 ? NULL : calloc(1, (size_t) n + 1);
        char *rest = keys, *name;

        r = phx_buffer_add_text(&values, "");
        if (keys)
                (void) c->get_keys(c, NULL, keys, n + 1);
        while (r >= 0 && keys && (name = strsep(&rest, "\n")))
                if (phx_has_prefix(name, key) && name[strlen(key)] == '.')
                        r = add_key(c, name, &values);
        if (r < 0)
                return r;
        *ret_value = values.data ? PHX_TAKE(values.data) : strdup("");
        return *ret_value ? 0 : -ENOMEM;
}

int phx_lxc_child_get(struct phx_lxc_child *child, const char *key, char **ret_value) {
        int r = liblxc_get(child->container, key, ret_value);

        return r >= 0 || r == -ENOMEM ? r : get_below(child->container, key, ret_value);
}

/* What stands below these is numbered, or the kernel's. */
bool phx_lxc_child_knows(const char *key) {
        static const char *const open[] = { "lxc.net",    "lxc.cgroup",  "lxc.cgroup2",
                                            "lxc.sysctl", "lxc.prlimit", "lxc.proc" };

        for (size_t i = 0; i < PHX_ELEMENTS(open); i++)
                if (phx_has_prefix(key, open[i]) && key[strlen(open[i])] == '.')
                        return lxc_config_item_is_supported(open[i]);
        return lxc_config_item_is_supported(key);
}

int phx_lxc_child_add_log(
                const struct phx_lxc_child *child,
                struct phx_buffer *strings,
                const char *subject) {
        return phx_lxc_add_log(strings, child->log, subject);
}
