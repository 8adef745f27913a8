#include "system/compiler_message.h"

#include <stdio.h>
#include <string.h>

#include "base/strings.h"

/* Messages of AppArmor 3.0 and 4.1 (parser_yacc.y, yyerror): "AppArmor parser error for FILE in
 * profile PLACE at line N: TEXT"; the older form has no "profile" before PLACE. */
#define PREFIX "AppArmor parser error"

/* The name relative to the stage: the compiler shows it as it found it. */
static const char *relative(const char *path, const char *stage) {
        size_t length = strlen(stage);

        if (strncmp(path, stage, length) == 0 && path[length] == '/')
                path += length + 1;
        while (phx_has_prefix(path, "./"))
                path += 2;
        return path;
}

static void take_line(const char *from, char *line, size_t size) {
        size_t length = strcspn(from, "\r\n");

        if (length >= size)
                length = size - 1;
        memcpy(line, from, length);
        line[length] = '\0';
}

/* The first line that is an error; else the first that is anything. */
static const char *find_error(const char *output) {
        const char *error = strstr(output, PREFIX);

        return error ? error : output + strspn(output, "\r\n ");
}

/* Splits "… in [profile ]PLACE at line N: TEXT". */
static bool split(char *line, char **ret_place, unsigned *ret_line, char **ret_text) {
        char *in = strstr(line, " in "), *at = in ? strstr(in, " at line ") : NULL, *colon;

        if (!at || sscanf(at, " at line %u", ret_line) != 1)
                return false;
        colon = strchr(at + 1, ':');
        if (!colon)
                return false;
        *at = '\0';
        *ret_place = in + 4;
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

        take_line(find_error(output), line, sizeof(line));
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
        include = strcmp(place, name) == 0 ? NULL : phx_closure_find(closure, place);
        if (strcmp(place, name) == 0)
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
