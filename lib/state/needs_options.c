/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What lxc_options hand in to a container or ask for. LXC reads them from the first to the last: an
 * empty value of a list takes back what stands before it, and of other keys the last one counts. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/strings.h"
#include "state/needs_private.h"

#define SOURCE "lxc_options"
#define BLANKS " \t"

static bool needs_options_is_key(const struct phx_lxc_option *option, const char *key) {
        return strcmp(option->key, key) == 0;
}

/* Without quotes; the caller's. */
static char *copy_value(const struct phx_lxc_option *option) {
        struct phx_lxc_option_text text = { .value = option->value,
                                            .value_size = strlen(option->value) };

        phx_lxc_option_unquote(&text);
        return strndup(text.value, text.value_size);
}

static void needs_options_add_word(
                struct phx_needs_reader *reader,
                enum phx_need need,
                struct phx_needs_word word) {
        phx_autofree char *what = strndup(word.text, word.size);

        if (what)
                phx_needs_add(reader, need, SOURCE, what);
        else
                reader->failed = true;
}

/* --- lxc.mount.entry --- */

enum { SOURCE_FIELD, TARGET_FIELD, TYPE_FIELD, OPTIONS_FIELD, FIELDS };

static bool needs_options_is_below(struct phx_needs_word path, const char *directory) {
        size_t length = strlen(directory);

        return path.size >= length && memcmp(path.text, directory, length) == 0 &&
               (path.size == length || path.text[length] == '/');
}

static bool has_option(struct phx_needs_word options, const char *name) {
        const char *at = options.text, *end = options.text + options.size;

        while (at < end) {
                struct phx_needs_word word = { at, 0 };

                while (at < end && *at != ',')
                        at++;
                word.size = (size_t) (at - word.text);
                if (phx_needs_word_is(word, name))
                        return true;
                at++;
        }
        return false;
}

/* Of the kernel's own files the profiles deny some to be read, and most to be written. */
static enum phx_need need_of_kernel_file(struct phx_needs_word path, bool is_read_only) {
        static const char *const denied[] = { "/sys/firmware",
                                              "/sys/kernel/debug",
                                              "/sys/kernel/tracing",
                                              "/proc/kcore",
                                              "/proc/sysrq-trigger" },
                                 *const writable[] = { "/sys/fs/cgroup",
                                                       "/sys/devices/virtual/net",
                                                       "/proc/sys/net" };

        if (needs_options_is_below(path, "/sys/kernel/security"))
                return PHX_NEED_DOCKER; /* which loads its own profile there */
        for (size_t i = 0; i < PHX_ELEMENTS(denied); i++)
                if (needs_options_is_below(path, denied[i]))
                        return PHX_NEED_UNMET;
        for (size_t i = 0; i < PHX_ELEMENTS(writable); i++)
                if (needs_options_is_below(path, writable[i]))
                        return PHX_NEED_NOTHING;
        if (is_read_only || path.size <= strlen("/proc/"))
                return PHX_NEED_NOTHING;
        return needs_options_is_below(path, "/sys") || needs_options_is_below(path, "/proc/sys")
                               ? PHX_NEED_UNMET
                               : PHX_NEED_NOTHING;
}

/* What LXC mounts for the container, and no profile lets it use. The others are the container's as
 * any file is. */
static enum phx_need need_of_type(struct phx_needs_word type) {
        static const char *const kernel[] = { "debugfs",     "tracefs",  "configfs", "bpf",
                                              "binfmt_misc", "efivarfs", "pstore" };

        if (phx_needs_word_is(type, "securityfs"))
                return PHX_NEED_DOCKER;
        for (size_t i = 0; i < PHX_ELEMENTS(kernel); i++)
                if (phx_needs_word_is(type, kernel[i]))
                        return PHX_NEED_UNMET;
        return PHX_NEED_NOTHING;
}

/* In the container, where it is named from the root. The caller's. */
static char *path_in_container(struct phx_needs_word target) {
        static const char rootfs[] = "/rootfs/";
        phx_autofree char *text = strndup(target.text, target.size);
        const char *below = text ? strstr(text, rootfs) : NULL;
        char *path = NULL;

        if (!text)
                return NULL;
        if (below)
                below += strlen(rootfs);
        else
                below = text + strspn(text, "/");
        return phx_printf(&path, "/%s", below) < 0 ? NULL : path;
}

static void read_device(
                struct phx_needs_reader *reader,
                struct phx_needs_word source,
                struct phx_needs_word target) {
        enum phx_need need = phx_need_of_device(source);
        phx_autofree char *path = path_in_container(target);
        struct phx_needs_word inside;

        if (!path) {
                reader->failed = true;
                return;
        }
        inside = (struct phx_needs_word){ path, strlen(path) };
        needs_options_add_word(reader, need, source);
        /* A profile knows it by the name that it has inside. */
        if (need != PHX_NEED_NOTHING && needs_options_is_below(inside, "/dev"))
                needs_options_add_word(reader, phx_need_of_device(inside), inside);
}

static void needs_options_read_entry(struct phx_needs_reader *reader, const char *value) {
        struct phx_needs_word fields[FIELDS] = { 0 };
        phx_autofree char *path = NULL;
        bool is_bind;

        for (size_t i = 0; i < FIELDS; i++)
                if (!phx_needs_word_next(&value, BLANKS, &fields[i]))
                        break;
        path = path_in_container(fields[TARGET_FIELD]);
        if (!path) {
                reader->failed = true;
                return;
        }
        is_bind = has_option(fields[OPTIONS_FIELD], "bind") ||
                  has_option(fields[OPTIONS_FIELD], "rbind");
        if (phx_has_prefix(path, "/dev/.lxc/"))
                phx_needs_add(reader, PHX_NEED_NESTING, SOURCE, path);
        else if (!is_bind)
                needs_options_add_word(
                                reader,
                                need_of_type(fields[TYPE_FIELD]),
                                fields[TYPE_FIELD]);
        else if (needs_options_is_below(fields[SOURCE_FIELD], "/dev"))
                read_device(reader, fields[SOURCE_FIELD], fields[TARGET_FIELD]);
        else if (needs_options_is_below(fields[SOURCE_FIELD], "/sys") ||
                 needs_options_is_below(fields[SOURCE_FIELD], "/proc"))
                needs_options_add_word(
                                reader,
                                need_of_kernel_file(
                                                fields[SOURCE_FIELD],
                                                has_option(fields[OPTIONS_FIELD], "ro")),
                                fields[SOURCE_FIELD]);
}

/* --- lxc.cgroup2.devices.allow --- */

static bool is_any(struct phx_needs_word number) {
        return number.size == 0 || phx_needs_word_is(number, "*");
}

static void read_numbers(
                struct phx_needs_reader *reader,
                bool is_block,
                struct phx_needs_word major,
                struct phx_needs_word minor) {
        enum phx_need need = PHX_NEED_UNMET;
        bool is_unnamed = false;
        char what[96];

        if (is_any(major)) {
                reader->needs.any_device |= reader->is_privileged;
                return;
        }
        if (!is_block)
                need = phx_need_of_character_device(
                                (unsigned) strtoul(major.text, NULL, 10),
                                minor,
                                &is_unnamed);
        (void) snprintf(what,
                        sizeof(what),
                        "%s %.*s:%.*s",
                        is_block ? "block device" : "character device",
                        (int) (major.size < 20 ? major.size : 20),
                        major.text,
                        (int) (minor.size < 20 ? minor.size : 20),
                        minor.size > 0 ? minor.text : "*");
        if (is_unnamed)
                reader->has_unnamed_gpu =
                                true; /* of a GPU, or it is not known whose: see the end */
        else
                phx_needs_add(reader, need, SOURCE, what);
}

/* "a", "c 195:* rwm", "b 8:0 r". Without an access it is every one. */
static void read_allow(struct phx_needs_reader *reader, const char *value) {
        struct phx_needs_word type, numbers = { 0 }, access = { 0 }, major, minor = { 0 };
        const char *colon;

        if (!phx_needs_word_next(&value, BLANKS, &type))
                return;
        if (phx_needs_word_is(type, "a")) {
                reader->needs.any_device |= reader->is_privileged;
                return;
        }
        (void) phx_needs_word_next(&value, BLANKS, &numbers);
        (void) phx_needs_word_next(&value, BLANKS, &access);
        if (access.size > 0 && !memchr(access.text, 'r', access.size) &&
            !memchr(access.text, 'w', access.size))
                return;
        major = numbers;
        colon = numbers.size > 0 ? memchr(numbers.text, ':', numbers.size) : NULL;
        if (colon) {
                major.size = (size_t) (colon - numbers.text);
                minor = (struct phx_needs_word){ colon + 1, numbers.size - major.size - 1 };
        }
        read_numbers(reader, phx_needs_word_is(type, "b"), major, minor);
}

/* --- others --- */

/* Of a container without a user namespace: of another one's root they are of no use. */
static void read_capabilities(struct phx_needs_reader *reader, const char *value) {
        static const char *const none[] = { "sys_module",   "sys_rawio",    "sys_time",
                                            "syslog",       "mac_override", "audit_control",
                                            "audit_read",   "sys_pacct",    "wake_alarm",
                                            "block_suspend" },
                                 *const docker[] = {
                                         "mknod",   "mac_admin",          "bpf",
                                         "perfmon", "checkpoint_restore", "linux_immutable"
                                 };
        struct phx_needs_word word;
        char what[64];

        while (reader->is_privileged && phx_needs_word_next(&value, BLANKS ",", &word)) {
                if (word.size > 4 &&
                    phx_needs_word_is((struct phx_needs_word){ word.text, 4 }, "cap_"))
                        word = (struct phx_needs_word){ word.text + 4, word.size - 4 };
                (void) snprintf(what,
                                sizeof(what),
                                "capability %.*s",
                                (int) (word.size < 32 ? word.size : 32),
                                word.text);
                for (size_t i = 0; i < PHX_ELEMENTS(none); i++)
                        if (phx_needs_word_is(word, none[i]))
                                phx_needs_add(reader, PHX_NEED_UNMET, SOURCE, what);
                for (size_t i = 0; i < PHX_ELEMENTS(docker); i++)
                        if (phx_needs_word_is(word, docker[i]))
                                phx_needs_add(reader, PHX_NEED_DOCKER, SOURCE, what);
        }
}

static void read_mount_auto(const char *value, bool *proc, bool *sys) {
        struct phx_needs_word word;

        while (phx_needs_word_next(&value, BLANKS ",", &word)) {
                *proc |= phx_needs_word_is(word, "proc:rw") || phx_needs_word_is(word, "proc");
                *sys |= phx_needs_word_is(word, "sys:rw") || phx_needs_word_is(word, "sys");
        }
}

static bool is_nesting_conf(const char *path) {
        const char *slash = strrchr(path, '/');

        return strcmp(slash ? slash + 1 : path, "nesting.conf") == 0;
}

/* LXC's hook for NVIDIA's cards, and what that goes by. */
static bool is_nvidia_hook(const char *value) {
        const char *slash = strrchr(value, '/');

        return slash && strncmp(slash + 1, "nvidia", strlen("nvidia")) == 0;
}

static bool is_nvidia_variable(const char *value) {
        static const char name[] = "NVIDIA_VISIBLE_DEVICES=";

        if (!phx_has_prefix(value, name))
                return false;
        value += strlen(name);
        return *value && strcmp(value, "none") != 0 && strcmp(value, "void") != 0;
}

/* --- all of them --- */

static void read_list(
                struct phx_needs_reader *reader,
                const char *key,
                void (*read)(struct phx_needs_reader *reader, const char *value)) {
        const struct phx_lxc_options *options = &reader->container->options;
        size_t first = 0;

        for (size_t i = 0; i < options->count; i++)
                if (needs_options_is_key(&options->items[i], key) && !options->items[i].value[0])
                        first = i + 1;
        for (size_t i = first; i < options->count; i++) {
                phx_autofree char *value = NULL;

                if (!needs_options_is_key(&options->items[i], key))
                        continue;
                value = copy_value(&options->items[i]);
                if (value)
                        read(reader, value);
                else
                        reader->failed = true;
        }
}

static void read_auto(struct phx_needs_reader *reader, const char *value) {
        bool proc = false, sys = false;

        read_mount_auto(value, &proc, &sys);
        reader->has_proc |= proc;
        reader->has_sys |= sys;
}

static void needs_options_read_include(struct phx_needs_reader *reader, const char *value) {
        if (is_nesting_conf(value))
                phx_needs_add(reader, PHX_NEED_NESTING, SOURCE, "nesting.conf");
}

static void read_hook(struct phx_needs_reader *reader, const char *value) {
        if (is_nvidia_hook(value))
                phx_needs_add(reader, PHX_NEED_GPU, SOURCE, "hook nvidia");
}

static void read_variable(struct phx_needs_reader *reader, const char *value) {
        if (is_nvidia_variable(value))
                phx_needs_add(reader, PHX_NEED_GPU, SOURCE, "NVIDIA_VISIBLE_DEVICES");
}

/* The last one, without quotes, or NULL. */
static char *find_last(struct phx_needs_reader *reader, const char *key) {
        const struct phx_lxc_options *options = &reader->container->options;

        for (size_t i = options->count; i > 0; i--)
                if (needs_options_is_key(&options->items[i - 1], key)) {
                        char *value = copy_value(&options->items[i - 1]);

                        reader->failed |= !value;
                        return value;
                }
        return NULL;
}

static void read_nesting(struct phx_needs_reader *reader) {
        static const char key[] = "lxc.apparmor.allow_nesting";
        phx_autofree char *allow = find_last(reader, key);

        if (reader->container->nesting_left_out || (allow && strcmp(allow, "1") == 0))
                phx_needs_add(reader, PHX_NEED_NESTING, SOURCE, "lxc.apparmor.allow_nesting=1");
        /* As nesting.conf has them; one of them alone is for other things. */
        if (reader->has_proc && reader->has_sys)
                phx_needs_add(reader, PHX_NEED_NESTING, SOURCE, "lxc.mount.auto=proc:rw sys:rw");
}

/* Numbers that a driver gets when it is loaded are NVIDIA's where there is one of its cards. */
static void settle_unnamed(struct phx_needs_reader *reader) {
        if (reader->has_unnamed_gpu && !reader->needs.gpu)
                phx_needs_add(reader,
                              PHX_NEED_UNMET,
                              SOURCE,
                              "a character device whose number is assigned at boot");
}

void phx_needs_read_options(struct phx_needs_reader *reader) {
        read_list(reader, "lxc.mount.entry", needs_options_read_entry);
        read_list(reader, "lxc.cgroup2.devices.allow", read_allow);
        read_list(reader, "lxc.cgroup.devices.allow", read_allow);
        read_list(reader, "lxc.cap.keep", read_capabilities);
        read_list(reader, "lxc.mount.auto", read_auto);
        read_list(reader, "lxc.include", needs_options_read_include);
        read_list(reader, "lxc.hook.mount", read_hook);
        read_list(reader, "lxc.environment", read_variable);
        read_nesting(reader);
        settle_unnamed(reader);
}

bool phx_needs_has_idmap(const struct phx_container_config *container) {
        bool has = false;

        for (size_t i = 0; i < container->options.count; i++)
                if (needs_options_is_key(&container->options.items[i], "lxc.idmap"))
                        has = container->options.items[i].value[0];
        return has;
}
