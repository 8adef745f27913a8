/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The file is a header line with the digest of the key and all that follows, a line that names the
 * program, a line with the trouble, and a line for each lint: numbers, then texts, with tabs
 * between them. Of a text that is there, "+" and its bytes, where those of the form are escaped;
 * else "-". */

#include "profiles/lint_kept.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/program.h"

#define MAGIC "phoenixd-lints 1 "
#define HEADER_SIZE (sizeof(MAGIC) - 1 + PHX_SHA256_HEX)
#define SUFFIX ".lints"
#define FILE_LIMIT (1UL << 20)

static int kept_file_name(const char *key, char name[PHX_SHA256_HEX + sizeof(SUFFIX)]) {
        if (!phx_is_sha256(key))
                return -EINVAL;
        (void) snprintf(name, PHX_SHA256_HEX + sizeof(SUFFIX), "%s" SUFFIX, key);
        return 0;
}

static int kept_add_text(struct phx_buffer *buffer, const char *text, char end) {
        int r = phx_buffer_add(buffer, text ? "+" : "-", 1);

        for (; r >= 0 && text && *text; text++) {
                const char *escaped = *text == '\t' ? "\\t" : *text == '\n' ? "\\n" : "\\\\";

                r = strchr("\t\n\\", *text) ? phx_buffer_add(buffer, escaped, 2)
                                            : phx_buffer_add(buffer, text, 1);
        }
        return r < 0 ? r : phx_buffer_add(buffer, &end, 1);
}

static int kept_add_lint(struct phx_buffer *buffer, const struct phx_lint *lint) {
        int r;

        r = phx_buffer_addf(
                        buffer,
                        "%u\t%u\t%u\t%u\t",
                        (unsigned) lint->rule,
                        lint->line,
                        lint->included_line,
                        lint->column);
        if (r >= 0)
                r = kept_add_text(buffer, lint->text, '\t');
        if (r >= 0)
                r = kept_add_text(buffer, lint->source, '\t');
        return r < 0 ? r : kept_add_text(buffer, lint->included_file, '\n');
}

void phx_lints_keep(
                int dir_fd,
                const char *key,
                const struct phx_lints *lints,
                const char *trouble) {
        phx_cleanup(phx_buffer_done) struct phx_buffer body = { 0 }, whole = { 0 };
        char name[PHX_SHA256_HEX + sizeof(SUFFIX)], digest[PHX_SHA256_HEX];
        int r;

        r = kept_file_name(key, name);
        if (r >= 0)
                r = phx_program_add(&body);
        if (r >= 0)
                r = kept_add_text(&body, trouble, '\n');
        for (size_t i = 0; r >= 0 && i < lints->count; i++)
                r = kept_add_lint(&body, &lints->items[i]);
        if (r < 0)
                return;
        phx_sha256_two(key, strlen(key), body.data, body.size, digest);
        r = phx_buffer_addf(&whole, MAGIC "%s\n", digest);
        if (r >= 0)
                r = phx_buffer_add(&whole, body.data, body.size);
        if (r >= 0)
                (void) phx_file_replace_at(dir_fd, name, whole.data, whole.size, 0600);
}

/* --- and back --- */

/* Takes what is before END off the front of *AT, which is changed. NULL when there is no END. */
static char *kept_take(char **at, char end) {
        char *from = *at, *to = strchr(from, end);

        if (!to)
                return NULL;
        *to = '\0';
        *at = to + 1;
        return from;
}

/* In place. */
static const char *kept_text(char *field) {
        char *to = field + 1;

        if (field[0] != '+')
                return NULL;
        for (const char *from = field + 1; *from; from++) {
                if (*from == '\\' && from[1])
                        *to++ = *++from == 't' ? '\t' : *from == 'n' ? '\n' : '\\';
                else
                        *to++ = *from;
        }
        *to = '\0';
        return field + 1;
}

static int kept_parse_lint(char *line, struct phx_lints *lints) {
        unsigned rule, on_line, included_line, column;
        char *text, *source, *included;
        struct phx_lint *lint;
        int size = 0;

        if (sscanf(line, "%u\t%u\t%u\t%u\t%n", &rule, &on_line, &included_line, &column, &size) !=
                            4 ||
            size == 0)
                return -ENOENT;
        line += size;
        text = kept_take(&line, '\t');
        source = text ? kept_take(&line, '\t') : NULL;
        included = line;
        if (!source || text[0] != '+')
                return -ENOENT;
        lint = phx_lints_add(lints, (enum phx_rule) rule, kept_text(text));
        if (!lint || phx_replace(&lint->source, kept_text(source)) < 0 ||
            phx_replace(&lint->included_file, kept_text(included)) < 0)
                return -ENOMEM;
        lint->line = on_line;
        lint->included_line = included_line;
        lint->column = column;
        return 0;
}

static int kept_parse(char *at, struct phx_lints *lints, char **ret_trouble) {
        phx_cleanup(phx_buffer_done) struct phx_buffer program = { 0 };
        char *line;
        int r;

        r = phx_program_add(&program);
        if (r < 0 || strncmp(at, program.data, program.size) != 0)
                return -ENOENT;
        at += program.size;
        line = kept_take(&at, '\n');
        if (!line)
                return -ENOENT;
        r = phx_replace(ret_trouble, kept_text(line));
        while (r >= 0 && *at) {
                line = kept_take(&at, '\n');
                r = line ? kept_parse_lint(line, lints) : -ENOENT;
        }
        return r;
}

int phx_lints_recall(int dir_fd, const char *key, struct phx_lints *ret_lints, char **ret_trouble) {
        phx_cleanup(phx_lints_done) struct phx_lints lints = { 0 };
        char name[PHX_SHA256_HEX + sizeof(SUFFIX)], digest[PHX_SHA256_HEX];
        phx_autofree char *data = NULL, *trouble = NULL;
        size_t size = 0;
        int r;

        if (kept_file_name(key, name) < 0 ||
            phx_file_read_at(dir_fd, name, FILE_LIMIT, &data, &size) < 0 || size <= HEADER_SIZE ||
            memcmp(data, MAGIC, sizeof(MAGIC) - 1) != 0 || data[HEADER_SIZE - 1] != '\n' ||
            strlen(data) != size)
                return -ENOENT;
        phx_sha256_two(key, strlen(key), data + HEADER_SIZE, size - HEADER_SIZE, digest);
        if (memcmp(data + sizeof(MAGIC) - 1, digest, PHX_SHA256_HEX - 1) != 0)
                return -ENOENT;
        r = kept_parse(data + HEADER_SIZE, &lints, &trouble);
        if (r < 0)
                return r;
        *ret_lints = PHX_TAKE_STRUCT(lints);
        *ret_trouble = PHX_TAKE(trouble);
        return 0;
}
