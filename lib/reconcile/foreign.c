/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "reconcile/foreign.h"

#include <stdbool.h>

#include "base/strings.h"

static bool foreign_is_changed(
                const struct phx_foreign *foreign,
                const char *name,
                const struct phx_kernel_entry *now) {
        const struct phx_kernel_entry *left = phx_kernel_entries_find(&foreign->left, name);

        if (!left)
                return now && phx_strings_has(&foreign->absent, name);
        return !now || now->mode != left->mode || !phx_equal(now->hash, left->hash);
}

int phx_foreign_compare(
                const struct phx_foreign *foreign,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_strings *changed) {
        int r = 0;

        if (!foreign->is_known || observed->kernel_trouble)
                return 0;
        for (size_t i = 0; r >= 0 && i < desired->profile_count; i++) {
                const char *name = desired->profiles[i].name;

                if (foreign_is_changed(
                                    foreign,
                                    name,
                                    phx_kernel_entries_find(&observed->loaded, name)))
                        r = phx_strings_add(changed, name);
        }
        return r;
}

int phx_foreign_leave(
                struct phx_foreign *foreign,
                const struct phx_desired *desired,
                const struct phx_observed *observed) {
        int r = 0;

        phx_foreign_done(foreign);
        if (observed->kernel_trouble)
                return 0;
        for (size_t i = 0; r >= 0 && i < desired->profile_count; i++) {
                const char *name = desired->profiles[i].name;
                const struct phx_kernel_entry *now = phx_kernel_entries_find(
                                &observed->loaded,
                                name);

                r = now ? phx_kernel_entries_add(&foreign->left, name, now->mode, now->hash)
                        : phx_strings_add(&foreign->absent, name);
        }
        if (r >= 0)
                r = phx_kernel_entries_index(&foreign->left);
        foreign->is_known = r >= 0;
        return r;
}

void phx_foreign_done(struct phx_foreign *foreign) {
        phx_kernel_entries_done(&foreign->left);
        phx_strings_done(&foreign->absent);
        foreign->is_known = false;
}
