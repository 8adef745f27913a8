/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The order makes the usual case cheap, and keeps the gate out of what is none of its business: the
 * file of what was written down, the container in it, whether it is the one below lxc_path that
 * starts (another may have its name elsewhere), and only then config and kernel. A container that
 * is not in the file starts, whatever else is wrong.
 *
 * At start-host LXC has started the container's init, which has its final label and waits for the
 * hook: what was said on LXC's command line is in force by then, and in no file.
 *
 * A container that reboots itself is started again by the same monitor, which keeps the config that
 * it has read. While a restart is due that is the former one, and the container goes on in what it
 * ran with: to refuse that would end a service without confining anything. */

#include "gate/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "kernel/apparmorfs.h"
#include "lxc/monitor.h"
#include "lxc/profile_of.h"
#include "lxc/tasks.h"
#include "state/labels.h"

/* "LABEL (MODE)": the kernel gives a page. */
#define LABEL_LIMIT 8192

/* What a verdict borrows from, besides the gate. */
struct look {
        char *label;
        struct phx_lxc_decider decider;
        struct phx_kernel_entries loaded;
        struct phx_label init;
        bool is_reboot;       /* from inside: it keeps the label that it ran with */
        struct phx_error why; /* what could not be read */
};

static void look_done(struct look *look) {
        free(look->label);
        phx_lxc_decider_done(&look->decider);
        phx_kernel_entries_done(&look->loaded);
        phx_label_done(&look->init);
}

void gate_answer_done(struct gate_answer *answer) {
        free(answer->container);
        free(answer->profile);
        *answer = (struct gate_answer){ 0 };
}

/* --- what was written down --- */

static int gate_read(const struct gate_place *place, struct phx_gate *ret_gate) {
        phx_autofree char *path = NULL, *file = NULL;
        size_t size = 0;
        int r;

        if (phx_printf(&path, "%s/%s", place->gate_dir, PHX_GATE_CONTAINERS) < 0)
                return -ENOMEM;
        r = phx_file_read_at(AT_FDCWD, path, PHX_GATE_LIMIT, &file, &size);
        return r < 0 ? r : phx_gate_parse(file, size, ret_gate);
}

/* No word: phoenixd has never accepted a configuration here, and manages nothing. */
static int gate_answer_without_state(
                const struct gate_place *place,
                int code,
                struct gate_answer *answer) {
        phx_autofree char *path = NULL, *word = NULL;
        size_t size = 0;
        int r;

        if (phx_printf(&path, "%s/%s", place->gate_dir, PHX_GATE_WITHOUT_STATE) < 0)
                return -ENOMEM;
        r = phx_file_read_at(AT_FDCWD, path, 64, &word, &size);
        answer->level = PHX_BOOT_GATE_OFF;
        if (r == -ENOENT)
                return 0;
        /* A word that cannot be read, or is of another version, is as good as none that was lost.
         */
        if (r < 0 || !phx_boot_gate_from_string(word, &answer->level))
                answer->level = PHX_BOOT_GATE_WARN;
        answer->reason = PHX_GATE_NO_STATE;
        (void) phx_error_set(
                        &answer->why,
                        code,
                        "%s/%s: %s",
                        place->gate_dir,
                        PHX_GATE_CONTAINERS,
                        code == -EBADMSG ? "it is damaged, or another version's"
                                         : strerrordesc_np(-code));
        return 0;
}

/* --- whose it is --- */

/* LXC's monitor listens from before its first hook on, and runs as we do. Any user may listen under
 * its name while it does not. The process says nothing: lxc-start listens before it puts the
 * monitor into the background. */
static int is_listening(const char *lxc_path, const char *name) {
        return phx_lxc_monitor_listens(lxc_path, name, geteuid(), NULL);
}

/* Below LXC_PATH, under whatever name that is reached. In doubt it is. */
static bool is_below(const char *lxc_path, const char *name, const struct stat *directory) {
        phx_autofree char *path = NULL;
        struct stat st;

        if (phx_printf(&path, "%s/%s", lxc_path, name) < 0)
                return true;
        if (stat(path, &st) < 0)
                return errno != ENOENT;
        return st.st_dev == directory->st_dev && st.st_ino == directory->st_ino;
}

/* The lxc_path of a config LXC_PATH/NAME/config; NULL for another file (-f), and in doubt. */
static char *path_of_config(const char *config, const char *name) {
        phx_autofree char *end = NULL;

        if (!config || phx_printf(&end, "/%s/config", name) < 0 || !phx_has_suffix(config, end))
                return NULL;
        return strndup(config, strlen(config) - strlen(end));
}

static bool is_ours_below(
                const struct phx_gate *gate,
                const char *name,
                const struct stat *directory) {
        return is_below(gate->lxc_path, name, directory) ||
               (gate->pve_path && is_below(gate->pve_path, name, directory));
}

/* The directory decides, and not its name. With "-f FILE" any may be said, and what is seen is that
 * a monitor listens for ours, and none for the one that FILE seems to be of. In doubt it is ours.
 */
static bool gate_is_ours(const struct phx_gate *gate, const struct gate_start *start) {
        phx_autofree char *lxc_path = path_of_config(start->config, start->name);
        phx_autofree char *path = NULL;
        struct stat directory;

        if (lxc_path && phx_printf(&path, "%s/%s", lxc_path, start->name) >= 0 &&
            stat(path, &directory) >= 0) {
                if (is_ours_below(gate, start->name, &directory))
                        return true;
                if (is_listening(lxc_path, start->name) > 0)
                        return false;
        }
        return is_listening(gate->lxc_path, start->name) != 0 ||
               (gate->pve_path && is_listening(gate->pve_path, start->name) != 0);
}

/* --- what is seen --- */

static int take_loaded(const struct phx_loaded_list *list, struct phx_kernel_entries *entries) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < list->count; i++)
                r = phx_kernel_entries_add(
                                entries,
                                list->items[i].name,
                                list->items[i].mode,
                                list->items[i].hash[0] ? list->items[i].hash : NULL);
        return r < 0 ? r : phx_kernel_entries_index(entries);
}

/* A name that may have been missed is not one that is absent. */
static int look_at_kernel(const struct gate_place *place, struct look *look) {
        phx_cleanup(phx_kernel_freep) struct phx_kernel *kernel = NULL;
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings profiles = { 0 };
        int r;

        r = phx_kernel_new(place->apparmorfs, place->module, &kernel);
        if (r >= 0)
                r = phx_gate_profiles(look->label, &profiles);
        if (r >= 0)
                r = phx_kernel_check(kernel, &look->why);
        if (r >= 0)
                r = phx_kernel_observe_named(kernel, &profiles, &list, &look->why);
        if (r >= 0 && !list.complete)
                r = phx_error_set(&look->why, -EIO, "the name of a loaded profile is unreadable");
        return r < 0 ? r : take_loaded(&list, &look->loaded);
}

static struct phx_gate_verdict gate_judge_start(
                const struct gate_place *place,
                const struct gate_start *start,
                const struct phx_gate *gate,
                const struct phx_gate_container *container,
                struct look *look) {
        struct phx_gate_seen seen = { 0 };
        int r = start->config ? phx_lxc_profile_of(
                                                start->config,
                                                &look->label,
                                                &look->decider,
                                                &look->why)
                              : phx_error_set(&look->why, -ENOENT, "LXC names no config");

        if (r < 0)
                return phx_gate_judge(gate, container, &seen);
        seen.label = look->label;
        if (phx_strings_has(&container->labels, look->label) && look_at_kernel(place, look) >= 0)
                seen.loaded = &look->loaded;
        return phx_gate_judge(gate, container, &seen);
}

/* Kernels before 5.8 have no directory of AppArmor's own. */
static void look_at_init(const struct gate_place *place, pid_t pid, struct look *look) {
        static const char *const files[] = { "attr/apparmor/current", "attr/current" };
        int r = -ESRCH;

        for (size_t i = 0; pid > 0 && r < 0 && i < PHX_ELEMENTS(files); i++) {
                phx_autofree char *path = NULL, *text = NULL;
                size_t size = 0;

                if (phx_printf(&path, "%s/%d/%s", place->proc, (int) pid, files[i]) < 0)
                        r = -ENOMEM;
                else
                        r = phx_file_read_at(AT_FDCWD, path, LABEL_LIMIT, &text, &size);
                if (r >= 0)
                        r = phx_label_parse(text, &look->init);
        }
        if (r < 0)
                (void) phx_error_set(
                                &look->why,
                                r,
                                "process %d: %s",
                                (int) pid,
                                strerrordesc_np(-r));
}

/* In doubt it is none. */
static bool gate_is_reboot(
                const struct gate_place *place,
                const struct gate_start *start,
                const struct phx_gate *gate,
                const struct phx_gate_container *container,
                const struct phx_label *init) {
        const struct phx_task_roots roots = { .proc = place->proc };
        phx_autofree char *boot = NULL;
        uint64_t started = 0;

        return container->running && start->monitor > 0 && phx_tasks_boot(&roots, &boot) >= 0 &&
               phx_tasks_started(&roots, start->monitor, &started) >= 0 &&
               phx_gate_is_reboot(gate, container, init, boot, started);
}

/* --- what is said --- */

static void say_other_profile(
                const struct phx_gate_verdict *verdict,
                const struct look *look,
                struct phx_error *why) {
        if (look->decider.line > 0)
                (void) phx_error_set(
                                why,
                                -EPERM,
                                "%s:%u names the profile %s, expected %s",
                                look->decider.file,
                                look->decider.line,
                                verdict->found,
                                verdict->expected);
        else
                (void) phx_error_set(
                                why,
                                -EPERM,
                                "its config names the profile %s, expected %s",
                                verdict->found,
                                verdict->expected);
}

static const char *short_hash(const char *hash, char text[13]) {
        (void) snprintf(text, 13, "%s", hash ? hash : "none");
        return text;
}

static void say_policy(const struct phx_gate_verdict *verdict, struct phx_error *why) {
        char found[13], expected[13];

        (void) phx_error_set(
                        why,
                        -EPERM,
                        "the kernel has a different version of the profile %s: %s, expected %s",
                        verdict->profile,
                        short_hash(verdict->found, found),
                        short_hash(verdict->expected, expected));
}

static void gate_say(
                const struct phx_gate_verdict *verdict,
                const struct look *look,
                struct phx_error *why) {
        switch (verdict->reason) {
        case PHX_GATE_CONFIG_UNKNOWN:
        case PHX_GATE_KERNEL_UNKNOWN:
        case PHX_GATE_LABEL_UNKNOWN:
                (void) phx_error_copy(why, -EPERM, &look->why);
                break;
        case PHX_GATE_NO_PROFILE:
                (void) phx_error_set(
                                why,
                                -EPERM,
                                "its config names no profile, expected %s",
                                verdict->expected);
                break;
        case PHX_GATE_OTHER_PROFILE:
                say_other_profile(verdict, look, why);
                break;
        case PHX_GATE_NOT_LOADED:
                (void) phx_error_set(
                                why,
                                -EPERM,
                                "the profile %s is not loaded in the kernel",
                                verdict->profile);
                break;
        case PHX_GATE_OTHER_MODE:
                (void) phx_error_set(
                                why,
                                -EPERM,
                                "the kernel has the profile %s in %s mode, expected enforce",
                                verdict->profile,
                                phx_policy_mode_to_string(verdict->mode));
                break;
        case PHX_GATE_OTHER_POLICY:
                say_policy(verdict, why);
                break;
        case PHX_GATE_OTHER_LABEL:
                (void) phx_error_set(
                                why,
                                -EPERM,
                                "%sits init has the label %s, expected %s",
                                look->is_reboot ? "it has rebooted itself and requires a restart, "
                                                  "as LXC has not read its config again: "
                                                : "",
                                verdict->found,
                                verdict->expected);
                break;
        case PHX_GATE_RIGHT:
        case PHX_GATE_NO_STATE:
                break;
        }
}

/* The one that the container is to have, without its namespace. */
static int gate_name_profile(
                const struct phx_gate_container *container,
                struct gate_answer *answer) {
        phx_cleanup(phx_strings_done) struct phx_strings profiles = { 0 };
        int r = 0;

        if (container->labels.count > 0)
                r = phx_gate_profiles(container->labels.items[0], &profiles);
        if (r < 0 || profiles.count == 0)
                return r;
        return phx_replace(&answer->profile, profiles.items[0]);
}

static int gate_answer_for(
                const struct gate_place *place,
                const struct gate_start *start,
                const struct phx_gate *gate,
                const struct phx_gate_container *container,
                struct gate_answer *answer) {
        phx_cleanup(look_done) struct look look = { 0 };
        struct phx_gate_verdict verdict;
        struct timespec now = { 0 };

        if (start->hook == GATE_START_HOST) {
                look_at_init(place, start->pid, &look);
                verdict = phx_gate_judge_label(gate, container, &look.init);
        } else
                verdict = gate_judge_start(place, start, gate, container, &look);
        answer->reason = verdict.reason;
        if (verdict.reason == PHX_GATE_RIGHT)
                return 0;
        (void) clock_gettime(CLOCK_REALTIME, &now);
        answer->level = phx_gate_level(
                        gate,
                        container,
                        (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000);
        look.is_reboot = verdict.reason == PHX_GATE_OTHER_LABEL &&
                         gate_is_reboot(place, start, gate, container, &look.init);
        if (look.is_reboot && answer->level == PHX_BOOT_GATE_REFUSE)
                answer->level = PHX_BOOT_GATE_WARN;
        gate_say(&verdict, &look, &answer->why);
        if (phx_replace(&answer->container, container->id ? container->id : container->directory) <
            0)
                return -ENOMEM;
        return gate_name_profile(container, answer);
}

int gate_ask(const struct gate_place *place,
             const struct gate_start *start,
             struct gate_answer *ret_answer) {
        phx_cleanup(gate_answer_done) struct gate_answer answer = { .level = PHX_BOOT_GATE_OFF };
        phx_cleanup(phx_gate_done) struct phx_gate gate = { 0 };
        const struct phx_gate_container *container = NULL;
        int r;

        r = gate_read(place, &gate);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                r = gate_answer_without_state(place, r, &answer);
        else if (gate.level != PHX_BOOT_GATE_OFF)
                container = phx_gate_find_container(&gate, start->name);
        if (r >= 0 && container && gate_is_ours(&gate, start))
                r = gate_answer_for(place, start, &gate, container, &answer);
        if (r < 0)
                return r;
        *ret_answer = PHX_TAKE_STRUCT(answer);
        return 0;
}
