/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What of the profiles in force breaks a rule: asked once of each policy, and kept with what else
 * is known of it. */

#include "lint/lint.h"

#include <errno.h>

#include "profiles/update.h"

/* By what it includes now: of a last good one whose includes have changed since, the lines may be
 * others, the answers are not. */
static int profile_lint_ask(
                struct phx_update *update,
                struct phx_good *good,
                struct phx_error *error) {
        const struct phx_settings *settings = update->look->settings;
        const struct phx_include_roots roots = { settings->profile_dir,
                                                 settings->site_profile_dir,
                                                 settings->deployed_dir };
        const struct phx_goods *goods = &update->profiles->goods;
        phx_cleanup(phx_closure_done) struct phx_closure closure = { 0 };
        struct phx_profile_source source = { .name = good->name,
                                             .closure = &closure,
                                             .files = update->files };
        phx_autofree char *blob = NULL;
        struct phx_lint_subject subject = { .source = &source, .policy = &good->facts.policy };
        int r;

        r = phx_goods_blob(goods, good, &blob, &subject.size);
        if (r < 0)
                return phx_error_set(error, r, "its compiled policy cannot be read");
        r = phx_goods_text(goods, good);
        if (r < 0)
                return phx_error_set(error, r, "its last known good text cannot be read");
        source.text = good->text;
        source.size = good->size;
        r = phx_closure_collect(update->files, &roots, good->name, good->text, &closure, NULL);
        if (r == -ENOMEM)
                return r;
        subject.blob = blob;
        return phx_lint_profile(&subject, &good->facts.lints, error);
}

int phx_update_lint(struct phx_update *update, struct phx_good *good) {
        struct phx_facts *facts = &good->facts;
        struct phx_error error = { 0 };
        int r;

        if (facts->policy.count == 0 || !good->key[0])
                return 0;
        if (!facts->is_linted && !good->lint_trouble) {
                phx_lints_done(&facts->lints);
                r = profile_lint_ask(update, good, &error);
                if (r == -ENOMEM)
                        return r;
                facts->is_linted = r >= 0;
                good->is_unsaved = true;
                /* What could not be read now may be read after the next start. */
                if (r < 0 && phx_replace(&good->lint_trouble, phx_error_text(&error, r)) < 0)
                        return -ENOMEM;
        }
        phx_goods_keep_facts(&update->profiles->goods, good);
        return 0;
}
