/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "compiler/compiler.h"

#include <errno.h>
#include <fcntl.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/strings.h"
#include "compiler/child.h"

/* What decides the bytes besides the text: see phx_compiler_identity(). */
#define FLAGS "--config-file=/dev/null -K -j0 -S"

size_t phx_compiler_limit(const struct phx_compiler *compiler) {
        return compiler->jobs == 0 || compiler->jobs > PHX_COMPILES_LIMIT ? PHX_COMPILES_LIMIT
                                                                          : compiler->jobs;
}

/* Their positions are their keys: nothing else of them need be told apart, not even the names. */
int phx_compile(const struct phx_compiler *compiler,
                struct phx_compile_job *jobs,
                size_t count,
                const struct phx_compile_progress *progress) {
        phx_cleanup(phx_compiles_freep) struct phx_compiles *compiles = NULL;
        size_t started = 0, ended = 0;
        int r;

        r = phx_compiles_new(progress, &compiles);
        if (r < 0)
                return r;
        while (ended < count) {
                while (started < count &&
                       phx_compiles_running(compiles) < phx_compiler_limit(compiler))
                        (void) phx_compiles_start(compiles, compiler, "", &jobs[started++]);
                phx_compiles_wait(compiles, UINT64_MAX);
                phx_compiles_reap(compiles);
                ended = 0;
                for (size_t i = 0; i < started; i++)
                        if (jobs[i].is_ended || phx_compiles_take(compiles, &jobs[i]))
                                ended++;
        }
        return 0;
}

int phx_compiler_identity(
                const char *parser,
                const char *features,
                const struct phx_parser_options *options,
                char **ret_identity) {
        phx_autofree char *program = NULL, *more = phx_parser_options_identity(options);
        char digest[PHX_SHA256_HEX];
        size_t size = 0;
        int r;

        if (!more)
                return -ENOMEM;
        r = phx_file_read_at(AT_FDCWD, parser, PHX_COMPILER_OUTPUT_LIMIT, &program, &size);
        if (r < 0)
                return r;
        phx_sha256(program, size, digest);
        return phx_printf(ret_identity, "%s " FLAGS " %s %s", digest, features, more);
}
