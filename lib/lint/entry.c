/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lint/entry.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "lint/entry_place.h"

/* One entry on its way through the rules. */
struct judging {
        const struct phx_lint_entry *entry;
        const struct phx_container_config *config;
        const struct phx_lint_policy *policy;
        struct phx_lints *lints;
};

/* OPTION is the item of lxc_options that it is about, or NULL: then the place is that of KEY. */
PHX_PRINTF(5, 6)
static int entry_add(
                struct judging *judging,
                enum phx_rule rule,
                const char *key,
                const struct phx_lxc_option *option,
                const char *format,
                ...) {
        phx_autofree char *text = NULL;
        struct phx_lint *lint;
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = phx_vprintf(&text, format, arguments);
        va_end(arguments);
        if (r < 0)
                return r;
        lint = phx_lints_add(judging->lints, rule, text);
        return lint ? phx_entry_place(lint, judging->config, key, option) : -ENOMEM;
}

static bool has_capability(const struct judging *judging, unsigned number) {
        return (judging->policy->capabilities >> number) & 1;
}

static uint32_t allowed(const struct judging *judging, const char *path) {
        uint32_t state = 0;

        if (judging->policy->files)
                state = phx_policy_graph_run(
                                judging->policy->files,
                                phx_policy_graph_start(judging->policy->files),
                                path,
                                strlen(path));
        return state == 0 ? 0 : phx_policy_graph_permissions(judging->policy->files, state).allow;
}

static bool may(const struct judging *judging, const char *path, uint32_t mask) {
        return (allowed(judging, path) & mask) == mask;
}

/* Whether any file below the directory PATH may be read: what ends in a slash is a directory, and
 * that it may be listed is of no use. */
static int may_read_below(const struct judging *judging, const char *path, bool *ret_may) {
        phx_cleanup(phx_graph_set_done) struct phx_graph_set set = { 0 }, ends = { 0 };
        const struct phx_graph_bytes any = phx_graph_any();
        struct phx_graph_bytes last = any;
        uint32_t state;

        *ret_may = false;
        if (!judging->policy->files)
                return 0;
        state = phx_policy_graph_run(
                        judging->policy->files,
                        phx_policy_graph_start(judging->policy->files),
                        path,
                        strlen(path));
        state = phx_policy_graph_run(judging->policy->files, state, "/", 1);
        if (phx_graph_set_init(judging->policy->files, &set) < 0 ||
            phx_graph_set_init(judging->policy->files, &ends) < 0)
                return -ENOMEM;
        phx_graph_set_add(&set, state);
        phx_graph_close(judging->policy->files, &any, &set);
        last.has['/'] = false;
        for (size_t i = 0; i < set.count; i++)
                phx_graph_begin(judging->policy->files, set.items[i], &last, &ends);
        for (size_t i = 0; i < ends.count && !*ret_may; i++)
                *ret_may = phx_policy_graph_permissions(judging->policy->files, ends.items[i])
                                           .allow &
                           AA_MAY_READ;
        return 0;
}

/* --- options --- */

/* The value of an option of KEY, without quotes, the caller's; NULL for another one's. */
static char *option_value(const struct phx_lxc_option *option, const char *key) {
        struct phx_lxc_option_text text = { option->key,
                                            strlen(option->key),
                                            option->value,
                                            strlen(option->value) };

        if (strcmp(option->key, key) != 0)
                return NULL;
        phx_lxc_option_unquote(&text);
        return strndup(text.value, text.value_size);
}

static bool entry_has_word(const char *list, const char *word) {
        size_t length = strlen(word);

        for (const char *at = list; *at;) {
                size_t size = strcspn(at, " \t,");

                if (size == length && strncmp(at, word, length) == 0)
                        return true;
                at += size;
                at += strspn(at, " \t,");
        }
        return false;
}

static bool drops(const struct phx_container_config *config, const char *capability) {
        bool is_dropped = false;

        for (size_t i = 0; i < config->options.count; i++) {
                phx_autofree char *value = option_value(&config->options.items[i], PHX_ENTRY_DROP);

                if (value && !*value)
                        is_dropped = false; /* the list begins again */
                else if (value)
                        is_dropped |= entry_has_word(value, capability);
        }
        return is_dropped;
}

/* --- the rules --- */

static int judge_gpu(struct judging *judging) {
        static const char *const devices[] = { "/dev/nvidia0", "/dev/dri/renderD128" };
        const char *assignment = judging->config->gpu_assignment;

        if (!assignment || !assignment[0] || strcmp(assignment, "none") == 0)
                return 0;
        for (size_t i = 0; i < PHX_ELEMENTS(devices); i++)
                if (may(judging, devices[i], AA_MAY_READ | AA_MAY_WRITE))
                        return 0;
        return entry_add(
                        judging,
                        PHX_RULE_GPU_DENIED,
                        PHX_ENTRY_GPU,
                        NULL,
                        "the profile %s denies the GPU of gpu_assignment %s: it allows neither "
                        "/dev/nvidia* nor /dev/dri/*",
                        judging->config->profile,
                        assignment);
}

static int judge_namespace(struct judging *judging) {
        const struct phx_container_config *config = judging->config;

        if (judging->entry->namespace || !has_capability(judging, CAP_MAC_ADMIN))
                return 0;
        if (!config->unprivileged && !drops(config, "mac_admin"))
                return entry_add(
                                judging,
                                PHX_RULE_POLICY_ADMIN,
                                PHX_ENTRY_PROFILE,
                                NULL,
                                "its profile %s allows mac_admin, so root of this privileged container "
                                "may change the host's policy; set apparmor_manages_nesting to give it "
                                "a separate policy namespace",
                                config->profile);
        if (!may(judging, "/sys/kernel/security/apparmor/.replace", AA_MAY_WRITE))
                return 0;
        return entry_add(
                        judging,
                        PHX_RULE_NO_NAMESPACE,
                        PHX_ENTRY_PROFILE,
                        NULL,
                        "its profile %s requires a policy namespace, but the container has none; set "
                        "apparmor_manages_nesting, or policy_namespace \"always\" in the settings",
                        config->profile);
}

/* "a", or "b *:* rwm": every disk. To make a node of it, with 'm' alone, opens nothing. */
static bool has_all_disks(char *value) {
        char *rest = value, *type = strtok_r(rest, " \t", &rest);
        const char *numbers = type ? strtok_r(rest, " \t", &rest) : NULL;
        const char *access = numbers ? strtok_r(rest, " \t", &rest) : NULL;

        if (!type || strcmp(type, "a") == 0)
                return type != NULL;
        return strcmp(type, "b") == 0 && (!numbers || numbers[0] == '*') &&
               (!access || strpbrk(access, "rw"));
}

static int judge_devices(struct judging *judging, const struct phx_lxc_option *option) {
        phx_autofree char *value = option_value(option, PHX_ENTRY_DEVICES);

        if (!value)
                value = option_value(option, PHX_ENTRY_OLD_DEVICES);
        if (!value || judging->config->unprivileged || !has_capability(judging, CAP_MKNOD) ||
            !has_all_disks(value))
                return 0;
        return entry_add(
                        judging,
                        PHX_RULE_ALL_DEVICES,
                        PHX_ENTRY_OPTIONS,
                        option,
                        "all %sdevices are allowed, and the profile %s allows root to create their "
                        "nodes: the container can open the host's disks; allow only the devices that "
                        "it needs",
                        value[0] == 'b' ? "block " : "",
                        judging->config->profile);
}

/* What the host's own file systems would be writable by. */
static bool may_write_any(const struct judging *judging, const char *const *paths, size_t count) {
        for (size_t i = 0; i < count; i++)
                if (allowed(judging, paths[i]) & AA_MAY_WRITE)
                        return true;
        return false;
}

static const char *const sys_files[] = { "/sys/kernel/uevent_helper",
                                         "/sys/power/state",
                                         "/sys/module/x/parameters/x" };
static const char *const proc_files[] = { "/proc/sysrq-trigger",
                                          "/proc/sys/kernel/core_pattern",
                                          "/proc/sys/vm/drop_caches" };

static int judge_auto(struct judging *judging, const struct phx_lxc_option *option) {
        phx_autofree char *value = option_value(option, PHX_ENTRY_AUTO);
        const char *what = NULL;

        if (value && entry_has_word(value, "sys:rw") &&
            may_write_any(judging, sys_files, PHX_ELEMENTS(sys_files)))
                what = "sys:rw";
        if (value && entry_has_word(value, "proc:rw") &&
            may_write_any(judging, proc_files, PHX_ELEMENTS(proc_files)))
                what = "proc:rw";
        if (!what)
                return 0;
        return entry_add(
                        judging,
                        PHX_RULE_KERNEL_MOUNTED,
                        PHX_ENTRY_OPTIONS,
                        option,
                        "%s makes files of the host's kernel writable, and the profile %s does not "
                        "deny it; expected %.*s:mixed or %.*s:ro",
                        what,
                        judging->config->profile,
                        (int) strcspn(what, ":"),
                        what,
                        (int) strcspn(what, ":"),
                        what);
}

/* The words of lxc.mount.entry, as in fstab(5). */
struct mount {
        char *source, *target, *type, *options;
};

/* To mount(2) slashes that double, "/./" and a slash at the end mean nothing. */
static void normalize(char *path) {
        char *to = path;

        for (const char *at = path; *at; at++) {
                while (at[0] == '/' && at[1] == '.' && (!at[2] || at[2] == '/'))
                        at += 2;
                if (!*at)
                        break;
                if (*at != '/' || to == path || to[-1] != '/')
                        *to++ = *at;
        }
        if (to == path && path[0] == '/')
                to++; /* "/." */
        else if (to > path + 1 && to[-1] == '/')
                to--;
        *to = '\0';
}

static bool read_mount(char *value, struct mount *ret_mount) {
        char *rest = value;

        ret_mount->source = strtok_r(rest, " \t", &rest);
        if (ret_mount->source)
                normalize(ret_mount->source);
        ret_mount->target = strtok_r(rest, " \t", &rest);
        ret_mount->type = strtok_r(rest, " \t", &rest);
        ret_mount->options = strtok_r(rest, " \t", &rest);
        if (!ret_mount->options)
                ret_mount->options = ret_mount->type;
        return ret_mount->type;
}

static bool is_below(const char *path, const char *directory) {
        size_t length = strlen(directory);

        return strncmp(path, directory, length) == 0 && (!path[length] || path[length] == '/');
}

/* As the container sees it: targets are relative to its root, and may have been written with it. */
static int inner_path(const char *target, char **ret_path) {
        const char *root = strstr(target, "/rootfs/");
        size_t length;
        int r;

        if (target[0] == '/' && root)
                target = root + strlen("/rootfs/");
        r = phx_printf(ret_path, "/%s", target + strspn(target, "/"));
        if (r < 0)
                return r;
        length = strlen(*ret_path);
        while (length > 1 && (*ret_path)[length - 1] == '/')
                (*ret_path)[--length] = '\0';
        return 0;
}

/* What of FILE is below SOURCE, which has no slash at its end: "/kernel/debug"; NULL for nothing.
 */
static const char *tail_below(const char *file, const char *source) {
        size_t length = strcmp(source, "/") == 0 ? 0 : strlen(source);

        return strncmp(file, source, length) == 0 && (!file[length] || file[length] == '/')
                               ? file + length
                               : NULL;
}

/* Whether one of FILES of the host may be written where SOURCE is mounted on the inner path TARGET.
 */
static int may_write_through(
                const struct judging *judging,
                const char *source,
                const char *target,
                const char *const *files,
                size_t count) {
        for (size_t i = 0; i < count; i++) {
                const char *tail = tail_below(files[i], source);
                phx_autofree char *path = NULL;

                if (!tail)
                        continue;
                if (phx_printf(&path, "%s%s", target[1] ? target : "", tail) < 0)
                        return -ENOMEM;
                if (allowed(judging, path) & AA_MAY_WRITE)
                        return 1;
        }
        return 0;
}

/* debugfs and tracefs, which the container can give another name. */
static const char *nameless_part(const struct mount *mount, bool *ret_is_below) {
        static const char *const parts[] = { "debugfs", "tracefs" }, *const paths[] = {
                "/sys/kernel/debug",
                "/sys/kernel/tracing"
        };

        for (size_t i = 0; i < PHX_ELEMENTS(parts); i++) {
                const char *tail = tail_below(paths[i], mount->source);

                if (!entry_has_word(mount->options, "ro") &&
                    (strcmp(mount->type, parts[i]) == 0 || is_below(mount->source, paths[i])))
                        return parts[i];
                /* What is mounted below keeps its own flags. */
                *ret_is_below = tail && tail[0] && entry_has_word(mount->options, "rbind");
                if (*ret_is_below)
                        return parts[i];
        }
        return NULL;
}

/* What the container may write of the host's kernel through it, in words: 1, or 0 for nothing.
 * IS_BELOW: it is on another file system than the one that is named. */
static int kernel_part(
                const struct judging *judging,
                const struct mount *mount,
                const char **ret_part,
                bool *ret_is_below) {
        const char *source = strcmp(mount->type, "sysfs") == 0  ? "/sys"
                             : strcmp(mount->type, "proc") == 0 ? "/proc"
                                                                : mount->source;
        bool is_root = strcmp(source, "/") == 0;
        phx_autofree char *target = NULL;
        int r;

        *ret_part = nameless_part(mount, ret_is_below);
        if (*ret_part)
                return 1;
        if (is_root ? !entry_has_word(mount->options, "rbind")
                    : entry_has_word(mount->options, "ro"))
                return 0;
        *ret_is_below = is_root;
        r = inner_path(mount->target, &target);
        if (r < 0)
                return r;
        *ret_part = "sysfs";
        r = may_write_through(judging, source, target, sys_files, PHX_ELEMENTS(sys_files));
        if (r != 0)
                return r;
        *ret_part = "the host's /proc";
        return may_write_through(judging, source, target, proc_files, PHX_ELEMENTS(proc_files));
}

static int judge_denied(
                struct judging *judging,
                const struct mount *mount,
                const struct phx_lxc_option *option) {
        phx_autofree char *path = NULL;
        bool may_below = false;
        int r;

        if (entry_has_word(mount->options, "remount"))
                return 0;
        r = inner_path(mount->target, &path);
        if (r < 0 || allowed(judging, path) & AA_MAY_READ)
                return r;
        r = may_read_below(judging, path, &may_below);
        if (r < 0 || may_below)
                return r;
        return entry_add(
                        judging,
                        PHX_RULE_MOUNT_DENIED,
                        PHX_ENTRY_OPTIONS,
                        option,
                        "the profile %s denies reading %s, which this option mounts; choose a profile "
                        "that allows it, or add a rule to local/%s",
                        judging->config->profile,
                        path,
                        judging->config->profile);
}

static int judge_mount(struct judging *judging, const struct phx_lxc_option *option) {
        phx_autofree char *value = option_value(option, PHX_ENTRY_MOUNT);
        struct mount mount = { 0 };
        const char *part;
        bool is_below_it = false;
        int r;

        if (!value || !read_mount(value, &mount))
                return 0; /* liblxc says so */
        r = kernel_part(judging, &mount, &part, &is_below_it);
        if (r <= 0)
                return r < 0 ? r : judge_denied(judging, &mount, option);
        return entry_add(
                        judging,
                        PHX_RULE_KERNEL_MOUNTED,
                        PHX_ENTRY_OPTIONS,
                        option,
                        "mounts %s writable, so root of the container controls the host's kernel; "
                        "expected %s",
                        part,
                        is_below_it ? "'bind' instead of 'rbind'"
                                    : "no such mount, or the option 'ro'");
}

static int judge_options(struct judging *judging) {
        static int (*const judges[])(
                        struct judging *,
                        const struct phx_lxc_option *) = { judge_devices, judge_auto, judge_mount };
        const struct phx_lxc_options *options = &judging->config->options;
        int r = 0;

        for (size_t i = 0; i < options->count; i++)
                for (size_t j = 0; r >= 0 && j < PHX_ELEMENTS(judges); j++)
                        r = judges[j](judging, &options->items[i]);
        return r;
}

/* --- asking --- */

int phx_lint_policy_read(
                const char *profile,
                const void *blob,
                size_t size,
                struct phx_lint_policy *ret_policy,
                struct phx_error *error) {
        phx_cleanup(phx_lint_policy_done) struct phx_lint_policy policy = { 0 };
        const struct phx_policy_entry *own;
        int r;

        r = phx_policy_parse(blob, size, PHX_HASH_NONE, &policy.policy, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < policy.policy.count; i++)
                policy.capabilities |= policy.policy.entries[i].capabilities;
        own = phx_policy_find(&policy.policy, profile);
        if (own && own->files.size > 0)
                r = phx_policy_graph_new(blob, size, &own->files, true, &policy.files, error);
        if (r >= 0)
                *ret_policy = PHX_TAKE_STRUCT(policy);
        return r;
}

void phx_lint_policy_done(struct phx_lint_policy *policy) {
        phx_policy_graph_free(policy->files);
        phx_policy_done(&policy->policy);
        *policy = (struct phx_lint_policy){ 0 };
}

int phx_lint_entry(const struct phx_lint_entry *entry, struct phx_lints *lints) {
        struct judging judging = {
                .entry = entry,
                .config = entry->config,
                .policy = entry->policy,
                .lints = lints,
        };
        int r;

        r = judge_gpu(&judging);
        if (r >= 0)
                r = judge_namespace(&judging);
        return r < 0 ? r : judge_options(&judging);
}
