/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "compiler/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "compiler/explain.h"
#include "source/places.h"

/* Messages of AppArmor 3.0 and 4.1 (parser_yacc.y, yyerror): "AppArmor parser error for FILE in
 * profile PLACE at line N: TEXT"; the older form has no "profile" before PLACE. */
#define PREFIX "AppArmor parser error"
#define PROGRAM "apparmor_parser: "
#define WORDS_SIZE sizeof(((struct phx_explanation *) NULL)->words)

/* The name relative to the stage: the compiler shows it as it found it. */
static const char *message_relative(const char *path, const char *stage) {
        size_t length = strlen(stage);

        if (strncmp(path, stage, length) == 0 && path[length] == '/')
                path += length + 1;
        while (phx_has_prefix(path, "./"))
                path += 2;
        return path;
}

static void append_line(const char *from, char *line, size_t size) {
        size_t length = strcspn(from, "\r\n"), used = strlen(line);

        if (length >= size - used)
                length = size - used - 1;
        memcpy(line + used, from, length);
        line[used + length] = '\0';
}

/* An error that has a place stands in one line, whatever else was said. One without takes
 * several: all but the warnings, and what only says that there was an error. */
static void take_error(const char *output, char *line, size_t size) {
        const char *error = strstr(output, PREFIX);

        line[0] = '\0';
        if (error) {
                append_line(error, line, size);
                return;
        }
        for (const char *at = output; *at; at += strcspn(at, "\n")) {
                at += strspn(at, "\r\n ");
                if (!*at || phx_has_prefix(at, "Warning") || phx_has_prefix(at, "Cache") ||
                    (line[0] && phx_has_prefix(at, "ERROR ")))
                        continue;
                if (phx_has_prefix(at, PROGRAM))
                        at += strlen(PROGRAM);
                if (line[0])
                        append_line("; ", line, size);
                append_line(at, line, size);
        }
}

/* Splits "… in [profile ]PLACE at line N: TEXT". Without a place it is the profile itself: "". */
static bool message_split(char *line, char **ret_place, unsigned *ret_line, char **ret_text) {
        char *at = strstr(line, " at line "), *in, *colon;

        if (!phx_has_prefix(line, PREFIX) || !at)
                return false;
        *ret_line = (unsigned) strtoul(at + strlen(" at line "), &colon, 10);
        if (*colon != ':')
                return false;
        *at = '\0';
        in = strstr(line, " in ");
        *ret_place = in ? in + strlen(" in ") : at;
        if (phx_has_prefix(*ret_place, "profile "))
                *ret_place += strlen("profile ");
        *ret_text = colon + 1 + strspn(colon + 1, " ");
        return true;
}

/* Paths of the stage mean nothing to anybody. */
static void strip_stage(char *line, const char *stage) {
        size_t length = strlen(stage);

        for (char *at = strstr(line, stage); at; at = strstr(at, stage)) {
                size_t cut = length + (at[length] == '/');

                memmove(at, at + cut, strlen(at + cut) + 1);
        }
}

/* The place as the compiler has it: the profile, or one of its includes. False for a file that is
 * neither, of which only the name is known. */
static bool message_find_place(
                struct phx_explanation *explanation,
                const char *name,
                unsigned counted) {
        const struct phx_source_text *text = explanation->text;
        phx_autofree char *normal = phx_include_name(name);
        const struct phx_include *include = normal ? phx_closure_find(text->closure, normal) : NULL;
        unsigned line = phx_source_line(text->profile, counted);
        const struct phx_file_seen *seen;
        struct phx_statement statement;
        struct phx_place site;

        explanation->has_place = true;
        explanation->place = (struct phx_place){ NULL, line, line };
        if (!name[0] || strcmp(name, text->name) == 0)
                return true;
        if (!include || !include->path)
                return false;
        seen = phx_files_get(text->files, include->path);
        explanation->place = (struct phx_place){ .file = include->path, .line = counted };
        if (seen && seen->result >= 0)
                explanation->place.line = phx_source_line(seen, counted);
        if (phx_source_walk_find(text, &explanation->place, &statement))
                explanation->place.site = statement.place.site;
        else if (phx_place_of_include(text, include->name, false, &site))
                explanation->place.site = site.site;
        return true;
}

static int message_finish(
                const struct phx_explanation *explanation,
                int code,
                struct phx_error *error) {
        const struct phx_place *place = &explanation->place;
        const char *name = explanation->text->name;
        char by[300] = "";
        int r;

        if (!explanation->has_place)
                return phx_error_set_in(error, code, name, "%s", explanation->words);
        if (place->file && place->site > 0)
                (void) snprintf(by, sizeof(by), " (included by %s:%u)", name, place->site);
        r = phx_error_set_at(
                        error,
                        code,
                        &(struct phx_position){ place->file ? place->file : name, place->line, 0 },
                        "%s%s",
                        explanation->words,
                        by);
        if (place->file)
                phx_error_prefix(error, name);
        return r;
}

int phx_compiler_message(
                const struct phx_source_text *text,
                const struct phx_compiler_said *said,
                int code,
                struct phx_error *error) {
        struct phx_explanation explanation = { .text = text, .parser = said->parser };
        char line[WORDS_SIZE + 300], *name = NULL, *words = NULL;
        unsigned number = 0;

        take_error(said->output, line, sizeof(line));
        if (!message_split(line, &name, &number, &words)) {
                strip_stage(line, said->stage);
                (void) phx_explain(
                                &explanation,
                                "%s",
                                line[0] ? line : "the compiler failed without a message");
                (void) phx_explain_meaning(&explanation, said->output);
                return message_finish(&explanation, code, error);
        }

        name = strdupa(message_relative(name, said->stage));
        strip_stage(words, said->stage);
        (void) phx_explain(&explanation, "%s", words);
        if (!message_find_place(&explanation, name, number))
                return phx_error_set_in(
                                error,
                                code,
                                text->name,
                                "%s: line %u: %s",
                                name,
                                number,
                                words);
        if (!phx_explain_meaning(&explanation, said->output))
                (void) phx_explain_syntax(&explanation, said->output);
        return message_finish(&explanation, code, error);
}
