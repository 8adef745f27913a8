/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Small profiles take less time in the parser than a process of it takes to start, so that several
 * share one. That must not be seen: the policy of each is, byte for byte, what a run of its own
 * writes, and the sources that fail are found by runs of their own. So of what a shared
 * run says nothing is reported, and of what it writes nothing is used, unless all of it is
 * as it should be.
 *
 * The parser takes its files one after the other (-j0) and forgets what it knew of one before the
 * next: variables, aliases, features, what was included. Up to release 3.0 that is so to the byte,
 * in whatever order they come. In 4.1 the automata of larger profiles depend on where the memory
 * was that they were made in, and so on what was compiled before: they mean the same, but their
 * hashes differ from those that the machine's own loader makes. */

#include "compiler/shared.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "compiler/child.h"
#include "compiler/newer.h"
#include "compiler/output.h"
#include "policy/split.h"

bool phx_compiler_is_repeatable(const char *parser) {
        char version[32] = "";

        return phx_compiler_version(parser, version, sizeof(version)) &&
               strncmp(version, "3.0.", 4) == 0;
}

/* Sealed, too: what is empty now must have been so to the end. */
static int expect_silence(int messages_fd) {
        phx_autofree char *messages = NULL;
        size_t size = 0;
        int r;

        r = phx_compiler_output_read(
                        messages_fd,
                        PHX_COMPILER_OUTPUT_LIMIT,
                        &messages,
                        &size,
                        NULL);
        return r < 0 ? r : size > 0 ? -EIO : 0;
}

int phx_shared_judge(
                const struct phx_compile_end *end,
                const char *const *names,
                size_t count,
                char **ret_output,
                size_t *ret_sizes) {
        phx_autofree char *output = NULL;
        size_t size = 0;
        int r;

        if (end->is_abandoned || end->was_late || !WIFEXITED(end->status) ||
            WEXITSTATUS(end->status) != 0)
                return -EIO;
        r = expect_silence(end->messages_fd);
        if (r >= 0)
                r = phx_compiler_output_read(
                                end->policy_fd,
                                PHX_COMPILER_OUTPUT_LIMIT,
                                &output,
                                &size,
                                NULL);
        if (r >= 0)
                r = phx_policy_split(output, size, names, count, ret_sizes);
        if (r < 0)
                return r;
        *ret_output = PHX_TAKE(output);
        return 0;
}
