#pragma once

#include <stdbool.h>
#include <stddef.h>

/* What verbs of phoenixctl answer in JSON that have no state to tell: version 1 each. The caller's
 * to free. 0 or -ENOMEM. */

int phx_answer_version(const char *version, char **ret_text);

/* A configuration advised: what it would be, and whether it is so now. */
struct phx_answer_advice {
        const char *file;
        unsigned edits;
        bool is_written;
        const char *text; /* SIZE bytes of UTF-8 */
        size_t size;
};

int phx_answer_advice(const struct phx_answer_advice *advice, char **ret_text);

/* Whether a label allows something, for phoenixctl can. */
struct phx_answer_can {
        const char *container;
        const char *label;
        const char *asked;
        bool is_allowed;
};

int phx_answer_can(const struct phx_answer_can *can, char **ret_text);

/* One verb of the help. */
struct phx_answer_verb {
        const char *name;
        const char *arguments;
        const char *summary;
        const char *const *options; /* ended by NULL: "--write", "--file=" */
};

int phx_answer_help(const struct phx_answer_verb *verbs, size_t count, char **ret_text);
