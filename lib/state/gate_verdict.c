/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Asked in the order in which a start depends on it: does the config name the right label, and are
 * the profiles of that label in the kernel, in the right version and mode. Each name may have more
 * than one right policy, while it is being changed: one of them must be there.
 *
 * What cannot be read is never right. A label without a policy that was written down (a profile
 * that phoenixd does not manage) must be loaded and enforced, whatever it is. */

#include "state/gate_verdict.h"

#include <errno.h>
#include <string.h>

#include "base/macros.h"
#include "base/strings.h"

#define UNCONFINED "unconfined"

static const char *const reason_names[] = {
        [PHX_GATE_RIGHT] = "right",
        [PHX_GATE_CONFIG_UNKNOWN] = "config-unknown",
        [PHX_GATE_NO_PROFILE] = "no-profile",
        [PHX_GATE_OTHER_PROFILE] = "other-profile",
        [PHX_GATE_KERNEL_UNKNOWN] = "kernel-unknown",
        [PHX_GATE_NOT_LOADED] = "not-loaded",
        [PHX_GATE_OTHER_MODE] = "other-mode",
        [PHX_GATE_OTHER_POLICY] = "other-policy",
        [PHX_GATE_LABEL_UNKNOWN] = "label-unknown",
        [PHX_GATE_OTHER_LABEL] = "other-label",
        [PHX_GATE_NO_STATE] = "without-state",
};

const char *phx_gate_reason_to_string(enum phx_gate_reason reason) {
        return reason < PHX_ELEMENTS(reason_names) ? reason_names[reason] : NULL;
}

/* In a stack with a namespace the first part may be of the host and the others are not. */
int phx_gate_profiles(const char *label, struct phx_strings *profiles) {
        struct phx_label_part part = { 0 };
        int r = 0;

        while (r >= 0 && phx_label_next_part(label, &part))
                if (!part.is_inner && strcmp(part.name, UNCONFINED) != 0)
                        r = phx_strings_add_once(profiles, part.name);
        return r < 0 ? r : 0;
}

static bool is_mode_right(enum phx_policy_mode wanted, enum phx_policy_mode found) {
        return phx_policy_mode_is_enforced(found) || found == wanted;
}

/* A mode that confines nothing is the worse fault: a policy in complain mode has another hash, too.
 */
static struct phx_gate_verdict judge_loaded(
                const struct phx_gate *gate,
                const struct phx_kernel_entry *have) {
        struct phx_gate_verdict verdict = { .reason = PHX_GATE_OTHER_MODE,
                                            .profile = have->name,
                                            .found = have->hash,
                                            .mode = have->mode };

        for (size_t i = 0; i < gate->policies.count; i++) {
                const struct phx_kernel_entry *want = &gate->policies.items[i];

                if (strcmp(want->name, have->name) != 0)
                        continue;
                if (!verdict.expected)
                        verdict.expected = want->hash;
                if (!is_mode_right(want->mode, have->mode))
                        continue;
                if (!want->hash || phx_equal(want->hash, have->hash))
                        return (struct phx_gate_verdict){ PHX_GATE_RIGHT };
                verdict.reason = PHX_GATE_OTHER_POLICY;
        }
        return verdict;
}

static struct phx_gate_verdict judge_name(
                const struct phx_gate *gate,
                const struct phx_kernel_entries *loaded,
                const char *name) {
        const struct phx_kernel_entry *have = phx_kernel_entries_find(loaded, name);

        if (!have)
                return (struct phx_gate_verdict){ PHX_GATE_NOT_LOADED, .profile = name };
        return judge_loaded(gate, have);
}

/* PROFILE and its children; borrowed from LABEL where no policy was written down. */
static struct phx_gate_verdict judge_profile(
                const struct phx_gate *gate,
                const struct phx_kernel_entries *loaded,
                const char *label,
                const char *profile) {
        const struct phx_kernel_entry *have;
        bool is_managed = false;

        for (size_t i = 0; i < gate->policies.count; i++) {
                const char *name = gate->policies.items[i].name;
                struct phx_gate_verdict verdict;

                if (!phx_label_name_is_of(name, profile))
                        continue;
                is_managed = true;
                verdict = judge_name(gate, loaded, name);
                if (verdict.reason != PHX_GATE_RIGHT)
                        return verdict;
        }
        if (is_managed)
                return (struct phx_gate_verdict){ PHX_GATE_RIGHT };
        have = phx_kernel_entries_find(loaded, profile);
        if (!have)
                return (struct phx_gate_verdict){ PHX_GATE_NOT_LOADED, .profile = label };
        if (!phx_policy_mode_is_enforced(have->mode))
                return (struct phx_gate_verdict){ PHX_GATE_OTHER_MODE,
                                                  .profile = have->name,
                                                  .mode = have->mode };
        return (struct phx_gate_verdict){ PHX_GATE_RIGHT };
}

struct phx_gate_verdict phx_gate_judge(
                const struct phx_gate *gate,
                const struct phx_gate_container *container,
                const struct phx_gate_seen *seen) {
        const char *expected = container->labels.count > 0 ? container->labels.items[0] : NULL;
        struct phx_label_part part = { 0 };

        if (!seen->label)
                return (struct phx_gate_verdict){ PHX_GATE_CONFIG_UNKNOWN, .expected = expected };
        if (!phx_strings_has(&container->labels, seen->label))
                return (struct phx_gate_verdict){ seen->label[0] ? PHX_GATE_OTHER_PROFILE
                                                                 : PHX_GATE_NO_PROFILE,
                                                  .expected = expected,
                                                  .found = seen->label };
        if (!seen->loaded)
                return (struct phx_gate_verdict){ PHX_GATE_KERNEL_UNKNOWN, .expected = expected };
        while (phx_label_next_part(seen->label, &part)) {
                struct phx_gate_verdict verdict;

                if (part.is_inner)
                        continue;
                verdict = judge_profile(gate, seen->loaded, seen->label, part.name);
                if (verdict.reason != PHX_GATE_RIGHT)
                        return verdict;
        }
        return (struct phx_gate_verdict){ PHX_GATE_RIGHT };
}

/* Whether the settings accept the profile in a mode that confines nothing, and it has that mode. */
static bool is_accepted_mode(
                const struct phx_gate *gate,
                const char *wanted,
                const struct phx_label *label) {
        if (!phx_equal(label->text, wanted))
                return false;
        for (size_t i = 0; i < gate->policies.count; i++)
                if (strcmp(gate->policies.items[i].name, wanted) == 0 &&
                    gate->policies.items[i].mode == label->mode)
                        return true;
        return false;
}

static bool is_label_right(
                const struct phx_gate *gate,
                const char *wanted,
                const struct phx_label *label) {
        struct phx_task init = { .pid = 1, .tid = 1, .is_known = true, .label = *label };
        const struct phx_tasks tasks = { .items = &init, .count = 1, .init = 1 };

        return phx_confinement_judge(&tasks, wanted).wrong == 0 ||
               is_accepted_mode(gate, wanted, label);
}

struct phx_gate_verdict phx_gate_judge_label(
                const struct phx_gate *gate,
                const struct phx_gate_container *container,
                const struct phx_label *label) {
        struct phx_gate_verdict verdict = { PHX_GATE_OTHER_LABEL, .found = label->text };

        if (container->labels.count > 0)
                verdict.expected = container->labels.items[0];
        if (!label->text) {
                verdict.reason = PHX_GATE_LABEL_UNKNOWN;
                return verdict;
        }
        for (size_t i = 0; i < container->labels.count; i++)
                if (is_label_right(gate, container->labels.items[i], label))
                        return (struct phx_gate_verdict){ PHX_GATE_RIGHT };
        return verdict;
}

/* A monitor that was there before the init that was seen is that init's. One that came later has
 * read the config, and what was added on its command line. A label that memory is short for is no
 * such label. */
bool phx_gate_is_reboot(
                const struct phx_gate *gate,
                const struct phx_gate_container *container,
                const struct phx_label *label,
                const char *boot,
                uint64_t started) {
        phx_autofree char *text = NULL;

        if (!container->running || started > container->running_since || !label->text || !boot[0] ||
            !phx_equal(gate->boot, boot))
                return false;
        return phx_label_render(label, &text) >= 0 && strcmp(text, container->running) == 0;
}

enum phx_boot_gate phx_gate_level(
                const struct phx_gate *gate,
                const struct phx_gate_container *container,
                uint64_t now_usec) {
        if (gate->level == PHX_BOOT_GATE_REFUSE && now_usec < container->suspended_until)
                return PHX_BOOT_GATE_WARN;
        return gate->level;
}
