#include "system/compiler_message.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"

/* Messages of AppArmor 3.0 and 4.1 (parser_yacc.y, yyerror): "AppArmor parser error for FILE in
 * profile PLACE at line N: TEXT"; the older form has no "profile" before PLACE. */
#define PREFIX "AppArmor parser error"
#define PROGRAM "apparmor_parser: "

/* The name relative to the stage: the compiler shows it as it found it. */
static const char *relative(const char *path, const char *stage) {
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
        /* The bytes of a profile that is no text must not reach a terminal or the journal. */
        for (char *at = line + used; *at; at++)
                if (iscntrl((unsigned char) *at))
                        *at = '?';
}

/* An error that has a place stands in one line, whatever else was said. One without is told in
 * several: all but the warnings. */
static void take_error(const char *output, char *line, size_t size) {
        const char *error = strstr(output, PREFIX);

        line[0] = '\0';
        if (error) {
                append_line(error, line, size);
                return;
        }
        for (const char *at = output; *at; at += strcspn(at, "\n")) {
                at += strspn(at, "\r\n ");
                if (!*at || phx_has_prefix(at, "Warning") || phx_has_prefix(at, "Cache"))
                        continue;
                if (phx_has_prefix(at, PROGRAM))
                        at += strlen(PROGRAM);
                if (line[0])
                        append_line("; ", line, size);
                append_line(at, line, size);
        }
}

/* Splits "… in [profile ]PLACE at line N: TEXT". Without a place it is the profile itself: "". */
static bool split(char *line, char **ret_place, unsigned *ret_line, char **ret_text) {
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

int phx_compiler_message(
                const char *name,
                const char *stage,
                const struct phx_closure *closure,
                const char *output,
                int code,
                struct phx_error *error) {
        const struct phx_include *include;
        char line[900], *place = NULL, *text = NULL;
        unsigned number = 0;

        take_error(output, line, sizeof(line));
        if (!split(line, &place, &number, &text)) {
                strip_stage(line, stage);
                return phx_error_set(
                                error,
                                code,
                                "%s: %s",
                                name,
                                line[0] ? line : "the compiler failed, and said nothing");
        }

        place = strdupa(relative(place, stage));
        strip_stage(text, stage);
        include = phx_closure_find(closure, place);
        if (!place[0] || strcmp(place, name) == 0)
                return phx_error_set(error, code, "%s: line %u: %s", name, number, text);
        return phx_error_set(
                        error,
                        code,
                        "%s: %s: line %u: %s",
                        name,
                        include && include->path ? include->path : place,
                        number,
                        text);
}
