/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "compiler/known.h"

#include <string.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "compiler/compiler.h"

static int known_stamp(const char *parser, struct phx_stamp *ret_stamp) {
        struct stat st;

        if (stat(parser, &st) < 0)
                return phx_errno();
        *ret_stamp = phx_stamp_of(&st);
        return 0;
}

static bool known_is_same(const struct phx_compiler_known *known, const struct phx_stamp *program) {
        return known->identity && phx_stamp_equal(&known->program, program);
}

static int nothing(const char *place, int r, struct phx_error *error) {
        return phx_error_set(
                        error,
                        r,
                        "%s: %s; no profile can be compiled",
                        place,
                        strerrordesc_np(-r));
}

static int know_options(
                struct phx_compiler_known *known,
                const struct phx_compiler_place *place,
                struct phx_error *error) {
        phx_cleanup(phx_parser_options_done) struct phx_parser_options options = { 0 };
        int r;

        r = phx_parser_options_read(
                        place->files,
                        place->config,
                        place->deployed_dir,
                        &options,
                        &known->watches,
                        error);
        if (r < 0)
                return error && error->text[0] ? r : nothing(place->config, r, error);
        phx_parser_options_done(&known->options);
        known->options = PHX_TAKE_STRUCT(options);
        return 0;
}

/* Only where it matters: who is not root compiles as himself. */
static int know_account(
                struct phx_compiler_known *known,
                const struct phx_compiler_place *place,
                struct phx_error *error) {
        struct phx_error why = { 0 };
        int r;

        known->account = PHX_COMPILER_NOBODY;
        if (geteuid() != 0 || !place->accounts)
                return 0;
        r = phx_files_watch(place->files, place->accounts, &known->watches);
        if (r >= 0)
                r = phx_compiler_account_find(place->files, place->accounts, &known->account, &why);
        if (r >= 0 || (place->may_be_nobody && r != -ENOMEM))
                return 0;
        return phx_error_copy(error, r, &why);
}

static int know_program(
                struct phx_compiler_known *known,
                const struct phx_compiler_place *place,
                struct phx_error *error) {
        phx_autofree char *words = phx_parser_options_identity(&known->options);
        struct phx_stamp program;
        char *identity = NULL;
        bool is_settled;
        int r;

        if (!words)
                return nothing(place->parser, -ENOMEM, error);
        r = known_stamp(place->parser, &program);
        if (r < 0)
                return phx_error_set_in(error, r, place->parser, "%s", strerrordesc_np(-r));
        if (phx_equal(known->features, place->features) && phx_equal(known->words, words) &&
            known_is_same(known, &program))
                return 0;
        is_settled = phx_stamp_is_settled(&program);
        r = phx_compiler_identity(place->parser, place->features, &known->options, &identity);
        if (r < 0)
                return nothing(place->parser, r, error);

        free(known->identity);
        known->identity = identity;
        known->program = program;
        known->repeats = PHX_UNASKED;
        known->is_settled = is_settled;
        free(known->words);
        known->words = PHX_TAKE(words);
        return phx_replace(&known->features, place->features);
}

int phx_compiler_know(
                struct phx_compiler_known *known,
                const struct phx_compiler_place *place,
                struct phx_error *error) {
        int r;

        phx_strings_done(&known->watches);
        r = know_options(known, place, error);
        if (r >= 0)
                r = know_account(known, place, error);
        return r < 0 ? r : know_program(known, place, error);
}

bool phx_compiler_is_known(const struct phx_compiler_known *known, const char *parser) {
        struct phx_stamp program;

        return known_stamp(parser, &program) >= 0 && known_is_same(known, &program);
}

bool phx_compiler_known_is_repeatable(struct phx_compiler_known *known, const char *parser) {
        if (known->repeats == PHX_UNASKED)
                known->repeats = phx_compiler_is_repeatable(parser) ? PHX_REPEATABLE
                                                                    : PHX_NOT_REPEATABLE;
        return known->repeats == PHX_REPEATABLE;
}

void phx_compiler_known_done(struct phx_compiler_known *known) {
        free(known->identity);
        free(known->features);
        free(known->words);
        phx_parser_options_done(&known->options);
        phx_strings_done(&known->watches);
        *known = (struct phx_compiler_known){ 0 };
}
