/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "compiler/features.h"

#include <unistd.h>

#include "base/strings.h"
#include "compiler/child.h"
#include "compiler/stage.h"

gid_t phx_stage_group(const struct phx_compiler *compiler) {
        return geteuid() == 0 ? compiler->account.gid : getegid();
}

/* A file of the directory of stages as it is to be; STAGED is what was put there. It may be gone
 * since, and the account have another group. */
static int features_put(
                const struct phx_compiler *compiler,
                const char *name,
                const char *text,
                char **staged,
                struct phx_error *error) {
        int r;

        if (!text || (phx_equal(text, *staged) &&
                      phx_stage_has(compiler->stage_dir, name, phx_stage_group(compiler))))
                return 0;
        (void) phx_replace(staged, NULL);
        r = phx_stage_add(compiler->stage_dir, name, phx_stage_group(compiler), text, error);
        return r < 0 ? r : phx_replace(staged, text);
}

int phx_features_stage(
                struct phx_staged_features *features,
                const struct phx_compiler *compiler,
                struct phx_error *error) {
        const struct phx_parser_options *options = compiler->options;
        int r = 0;

        if (!phx_equal(features->stage_dir, compiler->stage_dir)) {
                phx_features_unstage(features);
                r = phx_replace(&features->stage_dir, compiler->stage_dir);
        }
        if (r >= 0)
                r = features_put(
                                compiler,
                                PHX_COMPILER_KERNEL_FEATURES,
                                compiler->features_text,
                                &features->kernel,
                                error);
        if (r >= 0 && options)
                r = features_put(
                                compiler,
                                PHX_COMPILER_POLICY_FEATURES,
                                options->policy.text,
                                &features->policy,
                                error);
        if (r >= 0 && options)
                r = features_put(
                                compiler,
                                PHX_COMPILER_OVERRIDE_FEATURES,
                                options->override.text,
                                &features->override,
                                error);
        return r;
}

void phx_features_unstage(struct phx_staged_features *features) {
        if (!features->stage_dir)
                return;
        (void) phx_stage_subtract(features->stage_dir, PHX_COMPILER_KERNEL_FEATURES);
        (void) phx_stage_subtract(features->stage_dir, PHX_COMPILER_POLICY_FEATURES);
        (void) phx_stage_subtract(features->stage_dir, PHX_COMPILER_OVERRIDE_FEATURES);
        free(features->stage_dir);
        free(features->kernel);
        free(features->policy);
        free(features->override);
        features->stage_dir = features->kernel = features->policy = features->override = NULL;
}
