/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What of the profiles in force breaks a rule: asked once of each policy, and kept beside it. */

#include "lint/lint.h"

#include <errno.h>
#include <string.h>

#include "profiles/lint_kept.h"
#include "profiles/update.h"

/* By what it includes now: of a last good one whose includes have changed since, the lines may be
 * others, the answers are not. */
static int profile_lint_ask(
                struct phx_update *update,
                struct phx_good *good,
                struct phx_error *error) {
        const struct phx_settings *settings = update->look->settings;
        const struct phx_include_roots roots = { settings->profile_dir, settings->deployed_dir };
        phx_cleanup(phx_closure_done) struct phx_closure closure = { 0 };
        const struct phx_profile_source source = { good->name,
                                                   good->text,
                                                   good->size,
                                                   &closure,
                                                   update->files };
        phx_autofree char *blob = NULL;
        struct phx_lint_subject subject = { .source = &source, .policy = &good->policy };
        int r;

        r = phx_goods_blob(&update->profiles->goods, good, &blob, &subject.size);
        if (r < 0)
                return phx_error_set(error, r, "its compiled policy cannot be read");
        r = phx_closure_collect(update->files, &roots, good->name, good->text, &closure, NULL);
        if (r == -ENOMEM)
                return r;
        subject.blob = blob;
        return phx_lint_profile(&subject, &good->lints, error);
}

/* As they were found before a restart: -ENOENT when they are to be asked. */
static int profile_lint_recall(struct phx_good *good, int cache_fd) {
        phx_autofree char *trouble = NULL;
        int r;

        r = phx_lints_recall(cache_fd, good->key, &good->lints, &trouble);
        if (r < 0)
                return r;
        good->is_linted = true;
        return phx_replace(&good->lint_trouble, trouble);
}

int phx_update_lint(struct phx_update *update, struct phx_good *good) {
        int cache_fd = update->profiles->goods.cache_fd;
        struct phx_error error = { 0 };
        int r;

        if (good->is_linted || !good->text || good->policy.count == 0 || !good->key[0])
                return 0;
        phx_lints_done(&good->lints);
        if (cache_fd >= 0) {
                r = profile_lint_recall(good, cache_fd);
                if (r != -ENOENT)
                        return r;
        }
        r = profile_lint_ask(update, good, &error);
        if (r == -ENOMEM)
                return r;
        good->is_linted = true;
        if (phx_replace(&good->lint_trouble, r < 0 ? phx_error_text(&error, r) : NULL) < 0)
                return -ENOMEM;
        /* What could not be read now may be read the next time. */
        if (cache_fd >= 0 && r >= 0)
                phx_lints_keep(cache_fd, good->key, &good->lints, good->lint_trouble);
        return 0;
}
