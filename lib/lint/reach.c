/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What reaches the host's disks and kernel: mounts and files.
 *
 * The question is never "which rules are there" but "what does the compiled policy allow": a rule
 * may be denied elsewhere, come from an include, or be a pattern that matches more than it seems
 * to. So each check is a search in the policy's automaton (policy/graph.c): a set of states after
 * a prefix, closed over the bytes that may follow, in which a state with the permission is a
 * finding, and the path to it the example in the text.
 *
 * For mounts the string has several parts with a NUL between them. The search goes part by part:
 * targets, then over NUL to sources with a prefix, then to the type as a fixed text, then over the
 * bytes of those flags that make it the mounting of a file system.
 *
 * Only when something was found is the profile's text searched for the line that brings it
 * (lint_locate), and that line may be wrong without harm: the finding stands without it. Sets
 * belong to the function that makes them. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "lint/private.h"
#include "policy/query.h"

/* --- mounts: TARGET NUL SOURCE NUL TYPE NUL FLAGS --- */

/* Flags that make another call of it than the mounting of a file system. */
#define OTHER_CALLS                                                                        \
        (MS_REMOUNT | MS_BIND | MS_MOVE | MS_REC | MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | \
         MS_SHARED)

/* Each flag is a byte, its number counted from 1. */
static struct phx_graph_bytes flag_bytes(void) {
        struct phx_graph_bytes bytes = { 0 };

        for (unsigned bit = 0; bit < 32; bit++)
                bytes.has[bit + 1] = !((OTHER_CALLS >> bit) & 1);
        return bytes;
}

/* A search for mounts: what is in its sets is reached part by part. */
struct mounts {
        struct phx_graph_set targets; /* strings that targets may be lead there */
        struct phx_graph_set next,
                        begun; /* over a NUL, where sources begin; of the search before */
        const char *prefix;    /* of sources, in the search before; NULL: there is none */
        struct phx_graph_set sources;
        struct phx_graph_set types; /* over a NUL, where the type is next */
        struct phx_graph_set flags;
};

static void mounts_done(struct mounts *mounts) {
        phx_graph_set_done(&mounts->targets);
        phx_graph_set_done(&mounts->next);
        phx_graph_set_done(&mounts->begun);
        phx_graph_set_done(&mounts->sources);
        phx_graph_set_done(&mounts->types);
        phx_graph_set_done(&mounts->flags);
}

static int mounts_init(const struct lint *lint, struct mounts *mounts) {
        *mounts = (struct mounts){ 0 };
        if (phx_graph_set_init(lint->others, &mounts->targets) < 0 ||
            phx_graph_set_init(lint->others, &mounts->next) < 0 ||
            phx_graph_set_init(lint->others, &mounts->begun) < 0 ||
            phx_graph_set_init(lint->others, &mounts->sources) < 0 ||
            phx_graph_set_init(lint->others, &mounts->types) < 0 ||
            phx_graph_set_init(lint->others, &mounts->flags) < 0)
                return -ENOMEM;
        return 0;
}

/* Whether a file system of TYPE may be mounted from the sources. */
static bool may_mount(const struct lint *lint, struct mounts *mounts, const char *type) {
        const struct phx_graph_bytes flags = flag_bytes();
        struct phx_graph_set *set = &mounts->flags;

        phx_graph_set_clear(set);
        phx_graph_follow(lint->others, &mounts->types, type, strlen(type) + 1, set);
        if (set->count > 0)
                phx_graph_close(lint->others, &flags, set);
        for (size_t i = 0; i < set->count; i++)
                if (phx_policy_graph_permissions(lint->others, set->items[i]).allow &
                    PHX_QUERY_MOUNT_IT)
                        return true;
        return false;
}

/* From the targets over a NUL and any source that begins with PREFIX, to where the type is next.
 * Most targets are followed by the same sources, which need no second search then. */
static void pass_source(const struct lint *lint, struct mounts *mounts, const char *prefix) {
        const struct phx_graph_bytes any = phx_graph_any();
        struct phx_graph_set begun = mounts->next;

        phx_graph_set_clear(&begun);
        phx_graph_follow(lint->others, &mounts->targets, "", 1, &begun);
        mounts->next = mounts->begun;
        mounts->begun = begun;
        if (mounts->prefix && strcmp(mounts->prefix, prefix) == 0 &&
            phx_graph_set_equals(&mounts->next, &begun))
                return;
        mounts->prefix = prefix;
        phx_graph_set_clear(&mounts->sources);
        phx_graph_set_clear(&mounts->types);
        phx_graph_follow(lint->others, &begun, prefix, strlen(prefix), &mounts->sources);
        phx_graph_close(lint->others, &any, &mounts->sources);
        phx_graph_follow(lint->others, &mounts->sources, "", 1, &mounts->types);
}

/* The state in which targets begin; 0: mounts are not mediated. */
static uint32_t mount_start(const struct lint *lint) {
        static const char class[] = { PHX_QUERY_MOUNT };

        return lint->others ? phx_policy_graph_run(
                                              lint->others,
                                              phx_policy_graph_start(lint->others),
                                              class,
                                              1)
                            : 0;
}

static int lint_block_mounts(struct lint *lint, struct mounts *mounts, uint32_t start) {
        static const char *const types[] = {
                "ext4",  "ext3", "ext2",    "xfs", "btrfs",    "vfat",     "exfat",  "f2fs",
                "ntfs3", "ntfs", "iso9660", "udf", "squashfs", "reiserfs", "hfsplus"
        };
        phx_cleanup(lint_names_done) struct lint_names found = { 0 };
        struct lint_place place = { LINT_MOUNT, NULL, NULL };
        const struct phx_graph_bytes any = phx_graph_any();
        int r = 0;

        phx_graph_set_clear(&mounts->targets);
        phx_graph_set_add(&mounts->targets, start);
        phx_graph_close(lint->others, &any, &mounts->targets);
        pass_source(lint, mounts, "/dev/");
        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(types); i++)
                if (may_mount(lint, mounts, types[i]))
                        r = lint_names_add(&found, types[i]);
        place.name = found.first;
        return r < 0 ? r
                     : lint_add_names(lint,
                                      PHX_RULE_BLOCK_DEVICE_MOUNTS,
                                      &place,
                                      &found,
                                      "may mount file systems on the host's block devices (",
                                      ")");
}

/* A file system that controls the kernel, and where it belongs. */
struct kernel_system {
        const char *type;
        const char *place;
};

/* Elsewhere than in its place it is not known by its path any more; and in its place it may be open
 * for writing. */
static int may_reach(
                const struct lint *lint,
                struct mounts *mounts,
                uint32_t start,
                const struct kernel_system *system,
                bool *ret_may) {
        const char *place = system->place;
        phx_autofree char *file = NULL;

        phx_graph_set_clear(&mounts->targets);
        phx_graph_others(lint->others, start, place, false, 0, &mounts->targets);
        pass_source(lint, mounts, "");
        *ret_may = may_mount(lint, mounts, system->type);
        if (*ret_may)
                return 0;
        if (phx_printf(&file, "%sx", place) < 0)
                return -ENOMEM;
        if (!lint_may_open(lint, file, AA_MAY_WRITE))
                return 0;
        phx_graph_set_clear(&mounts->targets);
        phx_graph_set_add(
                        &mounts->targets,
                        phx_policy_graph_run(lint->others, start, place, strlen(place)));
        pass_source(lint, mounts, "");
        *ret_may = may_mount(lint, mounts, system->type);
        return 0;
}

static int lint_kernel_mounts(struct lint *lint, struct mounts *mounts, uint32_t start) {
        static const struct kernel_system systems[] = {
                { "debugfs", "/sys/kernel/debug/" },
                { "tracefs", "/sys/kernel/tracing/" },
                { "securityfs", "/sys/kernel/security/" },
                { "configfs", "/sys/kernel/config/" },
                { "efivarfs", "/sys/firmware/efi/efivars/" },
                { "binfmt_misc", "/proc/sys/fs/binfmt_misc/" },
        };
        phx_cleanup(lint_names_done) struct lint_names found = { 0 };
        struct lint_place place = { LINT_MOUNT, NULL, NULL };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(systems); i++) {
                bool may = false;

                r = may_reach(lint, mounts, start, &systems[i], &may);
                if (r >= 0 && may)
                        r = lint_names_add(&found, systems[i].type);
        }
        place.name = found.first;
        return r < 0 ? r
                     : lint_add_names(lint,
                                      PHX_RULE_KERNEL_MOUNTS,
                                      &place,
                                      &found,
                                      "may mount and write file systems that control the kernel (",
                                      ")");
}

int lint_mounts(struct lint *lint) {
        phx_cleanup(mounts_done) struct mounts mounts = { 0 };
        const struct lint_place place = { LINT_HEADER, NULL, NULL };
        uint32_t start = mount_start(lint);
        int r;

        if (start == 0)
                return lint_add(lint,
                                PHX_RULE_BLOCK_DEVICE_MOUNTS,
                                &place,
                                "may mount anything, because the profile's abi does not mediate "
                                "mounts");
        r = mounts_init(lint, &mounts);
        if (r >= 0)
                r = lint_block_mounts(lint, &mounts, start);
        return r < 0 ? r : lint_kernel_mounts(lint, &mounts, start);
}

/* --- files --- */

static const char *const letters = "abcdefghijklmnopqrstuvwxyz";
static const char *const digits = "0123456789";

/* Paths that begin with PREFIX and go on with bytes of SETS, at least one; or are PREFIX, where
 * there are none. */
struct paths {
        const char *prefix;
        const char *sets[3];
        bool is_any; /* any byte but a slash and NUL */
};

static struct phx_graph_bytes bytes_of(const struct paths *paths) {
        struct phx_graph_bytes bytes = { 0 };

        if (paths->is_any) {
                bytes = phx_graph_any();
                bytes.has['/'] = false;
        }
        for (size_t i = 0; i < PHX_ELEMENTS(paths->sets) && paths->sets[i]; i++)
                for (const char *at = paths->sets[i]; *at; at++)
                        bytes.has[(unsigned char) *at] = true;
        return bytes;
}

#define WITNESS_SIZE 128

/* True and the first path that may be opened with one of MASK. SET is for the search. */
static bool reach_find_path(
                const struct lint *lint,
                const struct paths *paths,
                uint32_t mask,
                struct phx_graph_set *set,
                char witness[WITNESS_SIZE]) {
        const struct phx_graph_bytes bytes = bytes_of(paths);
        uint32_t begun = phx_policy_graph_run(
                        lint->files,
                        phx_policy_graph_start(lint->files),
                        paths->prefix,
                        strlen(paths->prefix));
        char end[64] = "";

        phx_graph_set_clear(set);
        if (begun != 0 && (paths->is_any || paths->sets[0])) {
                phx_graph_begin(lint->files, begun, &bytes, set);
                phx_graph_close(lint->files, &bytes, set);
        } else
                phx_graph_set_add(set, begun);
        for (size_t i = 0; i < set->count; i++) {
                if (!(phx_policy_graph_permissions(lint->files, set->items[i]).allow & mask))
                        continue;
                phx_graph_witness(set, set->items[i], end, sizeof(end));
                (void) snprintf(witness, WITNESS_SIZE, "%s%s", paths->prefix, end);
                return true;
        }
        return false;
}

/* One rule about paths. */
struct file_rule {
        enum phx_rule rule;
        uint32_t mask;
        const char *permissions;
        const char *words; /* before the paths */
        const struct paths *paths;
        size_t count;
};

static int lint_file_rule(
                struct lint *lint,
                const struct file_rule *rule,
                struct phx_graph_set *set) {
        phx_cleanup(lint_names_done) struct lint_names found = { 0 };
        char first[WITNESS_SIZE] = "", witness[WITNESS_SIZE];
        const struct lint_place place = { LINT_FILE, first, rule->permissions };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < rule->count; i++) {
                if (!reach_find_path(lint, &rule->paths[i], rule->mask, set, witness))
                        continue;
                if (found.count == 0)
                        (void) snprintf(first, sizeof(first), "%s", witness);
                r = lint_names_add(&found, witness);
        }
        return r < 0 ? r : lint_add_names(lint, rule->rule, &place, &found, rule->words, "");
}

static const struct paths kernel[] = {
        { "/proc/sysrq-trigger", { NULL }, false },
        { "/proc/sys/kernel/core_pattern", { NULL }, false },
        { "/proc/sys/kernel/modprobe", { NULL }, false },
        { "/proc/sys/kernel/hotplug", { NULL }, false },
        { "/proc/sys/fs/binfmt_misc/register", { NULL }, false },
        { "/sys/kernel/uevent_helper", { NULL }, false },
        { "/sys/fs/cgroup/release_agent", { NULL }, false },
        { "/sys/kernel/debug/x", { NULL }, false },
        { "/sys/kernel/tracing/kprobe_events", { NULL }, false },
        { "/sys/power/state", { NULL }, false },
        { "/sys/firmware/efi/efivars/", { NULL }, true },
};

static const struct paths memory[] = {
        { "/proc/kcore", { NULL }, false },
        { "/dev/mem", { NULL }, false },
        { "/dev/kmem", { NULL }, false },
        { "/dev/port", { NULL }, false },
};

int lint_files(struct lint *lint) {
        const struct paths devices[] = {
                { "/dev/sd", { letters, digits }, false },
                { "/dev/vd", { letters, digits }, false },
                { "/dev/xvd", { letters, digits }, false },
                { "/dev/hd", { letters, digits }, false },
                { "/dev/nvme", { digits, "np" }, false },
                { "/dev/mmcblk", { digits, "p" }, false },
                { "/dev/dm-", { digits }, false },
                { "/dev/md", { digits }, false },
                { "/dev/zd", { digits, "p" }, false },
                { "/dev/mapper/", { NULL }, true },
        };
        const struct file_rule rules[] = {
                { PHX_RULE_BLOCK_DEVICES,
                  AA_MAY_READ | AA_MAY_WRITE,
                  "rw",
                  "may open the host's block devices, such as ",
                  devices,
                  PHX_ELEMENTS(devices) },
                { PHX_RULE_KERNEL_FILES,
                  AA_MAY_WRITE | AA_MAY_APPEND,
                  "wa",
                  "may write files that control the kernel: ",
                  kernel,
                  PHX_ELEMENTS(kernel) },
                { PHX_RULE_KERNEL_MEMORY,
                  AA_MAY_READ | AA_MAY_WRITE,
                  "rw",
                  "may open the kernel's memory: ",
                  memory,
                  PHX_ELEMENTS(memory) },
        };
        phx_cleanup(phx_graph_set_done) struct phx_graph_set set = { 0 };
        int r;

        if (!lint->files)
                return 0;
        r = phx_graph_set_init(lint->files, &set);
        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(rules); i++)
                r = lint_file_rule(lint, &rules[i], &set);
        return r;
}
