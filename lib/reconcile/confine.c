/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reconcile/confine.h"

#include "base/strings.h"
#include "state/labels.h"

/* LXC gives a generated profile the name lxc-NAME_ and, between angle brackets, its path, which
 * versions write in different ways: what a task shows is believed. */
static const char *generated_label_of(
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        phx_autofree char *start = NULL;

        if (phx_printf(&start, "lxc-%s_<", have->directory) < 0)
                return want->label;
        for (size_t i = 0; i < have->seen.count; i++) {
                const struct phx_task *task = &have->seen.items[i];

                if (task->is_known && task->label.text && phx_has_prefix(task->label.text, start))
                        return task->label.text;
        }
        return want->label;
}

/* An unmanaged container is judged by what its own config says. */
static const char *confine_label_of(
                const struct phx_desired *desired,
                const struct phx_desired_container *want,
                const struct phx_observed_container *have) {
        if (want && phx_observed_keeps_profile(desired, want, have))
                return have->effective;
        if (want)
                return want->is_generated ? generated_label_of(want, have) : want->label;
        return have->effective && have->effective[0] ? have->effective : "unconfined";
}

static int confine(const struct phx_desired *desired, struct phx_observed_container *have) {
        const struct phx_desired_container *want = phx_desired_find_directory(
                        desired,
                        have->directory);
        const struct phx_confinement judged = phx_confinement_judge(
                        &have->seen,
                        confine_label_of(desired, want, have));

        have->wrong = judged.wrong;
        have->unknown = judged.unknown;
        if (!judged.example)
                return 0;
        have->example_tid = judged.example->tid;
        return phx_label_copy(&have->example, &judged.example->label);
}

int phx_confine(const struct phx_desired *desired, struct phx_observed *observed) {
        for (size_t i = 0; i < observed->container_count; i++) {
                struct phx_observed_container *have = &observed->containers[i];
                int r;

                /* Nothing runs, or it could not be seen what. */
                if (have->seen.count == 0 && have->seen.unread == 0)
                        continue;
                r = confine(desired, have);
                if (r < 0)
                        return r;
        }
        return 0;
}
