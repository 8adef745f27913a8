/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Most mistakes in real profiles are undeclared variables, rules that exclude each other and mount
 * rules: the compiler finds them after it has read everything, and names no line.
 *
 * So the message is recognized by its fixed words, the name in it is taken out, and the text is
 * searched again (source/places.c) for the line that it is about. Each explain_…() knows one
 * message in the spellings of the parsers of Debian 12 and 13, and returns false when it is
 * another one; the first that knows it wins. If the place cannot be found, the one that the
 * compiler named stays, and if no message is known, its own words are shown: an explanation may be
 * missing, but must not be wrong.
 *
 * A compiler that says the same in other words is a case that is missed and shown as it is.
 * tests/check/places.py runs the real one over examples and compares line and words. */

#include "compiler/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"
#include "source/mounts.h"
#include "source/places.h"

/* What a message names; longer is cut. */
struct named {
        char text[256];
};

bool phx_explain(struct phx_explanation *explanation, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(explanation->words, sizeof(explanation->words), format, arguments);
        va_end(arguments);
        return true;
}

/* What stands between BEFORE and BEHIND in the output. */
static bool explain_take(
                const char *said,
                const char *before,
                const char *behind,
                struct named *ret_name) {
        const char *from = strstr(said, before), *to;

        if (!from)
                return false;
        from += strlen(before);
        to = strstr(from, behind);
        if (!to)
                return false;
        (void) snprintf(ret_name->text, sizeof(ret_name->text), "%.*s", (int) (to - from), from);
        return true;
}

/* "line 7" of the same file, else "FILE:7". */
/* As its include names it, when it is beside the profile: "abstractions/base". */
static const char *show_file(const char *file, const struct phx_source_text *text) {
        const char *slash = text->profile->path ? strrchr(text->profile->path, '/') : NULL;
        size_t length = slash ? (size_t) (slash + 1 - text->profile->path) : 0;

        if (!file)
                return text->name;
        return strncmp(file, text->profile->path, length) == 0 ? file + length : file;
}

static const char *show_other(
                const struct phx_place *other,
                const struct phx_place *here,
                const struct phx_explanation *explanation,
                struct named *shown) {
        if (phx_equal(other->file, here->file))
                (void) snprintf(shown->text, sizeof(shown->text), "line %u", other->line);
        else
                (void) snprintf(shown->text,
                                sizeof(shown->text),
                                "%.200s:%u",
                                show_file(other->file, explanation->text),
                                other->line);
        return shown->text;
}

/* --- variables --- */

/* Those that every machine's tunables/global sets. */
static bool is_global(const char *name) {
        static const char *const names[] = {
                "PROC",
                "HOME",
                "HOMEDIRS",
                "multiarch",
                "run",
                "sys",
                "pid",
                "pids",
                "tid",
                "uid",
                "uids",
                "etc_ro",
                "etc_rw",
                "run_ro",
                "user_share_dirs",
                "flatpak_exports_root",
                "system_share_dirs",
                "securityfs",
                "apparmorfs",
                "kernel",
                "proc",
                "XDG_DESKTOP_DIR",
                "XDG_DOWNLOAD_DIR",
                "XDG_DOCUMENTS_DIR",
                "XDG_MUSIC_DIR",
                "XDG_PICTURES_DIR",
                "XDG_VIDEOS_DIR",
                "XDG_TEMPLATES_DIR",
                "XDG_PUBLICSHARE_DIR",
                "XDG_PROJECTS_DIR",
        };

        for (size_t i = 0; i < PHX_ELEMENTS(names); i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return false;
}

static bool explain_undeclared(struct phx_explanation *explanation, const char *said) {
        struct named name;
        bool is_missing;

        if (!explain_take(said, "reference to variable ", ", but is never declared", &name) &&
            !explain_take(said, "references undefined variable @{", "}", &name))
                return false;
        explanation->has_place =
                        phx_place_of_variable(explanation->text, name.text, &explanation->place);
        is_missing = is_global(name.text) &&
                     !phx_closure_find(explanation->text->closure, "tunables/global");
        return phx_explain(
                        explanation,
                        "the variable @{%s} is not declared: %s",
                        name.text,
                        is_missing ? "include <tunables/global> is missing above the profile"
                                   : "set it above the profile, or include the file of tunables/ "
                                     "that sets it");
}

static bool explain_boolean(struct phx_explanation *explanation, const char *said) {
        struct named name;

        if (!explain_take(said, "reference to set variable ", ", but declared boolean", &name))
                return false;
        explanation->has_place =
                        phx_place_of_variable(explanation->text, name.text, &explanation->place);
        return phx_explain(
                        explanation,
                        "the variable %s is a boolean (${%s}), but is used as a text here",
                        name.text,
                        name.text);
}

static bool explain_recursion(struct phx_explanation *explanation, const char *said) {
        struct phx_assignment assignment = { 0 };
        struct named name, by;

        if (!explain_take(said, "Variable @{", "} is referenced recursively", &name) ||
            !explain_take(said, "referenced recursively (by @{", "}", &by))
                return false;
        assignment.name = by.text;
        assignment.used = name.text;
        explanation->has_place = phx_place_of_assignment(
                        explanation->text,
                        &assignment,
                        &explanation->place);
        if (!explanation->has_place) {
                assignment.adds = true;
                explanation->has_place = phx_place_of_assignment(
                                explanation->text,
                                &assignment,
                                &explanation->place);
        }
        return phx_explain(
                        explanation,
                        "the variable @{%s} has itself as a part of its value",
                        name.text);
}

static bool explain_redefinition(struct phx_explanation *explanation, const char *said) {
        struct phx_assignment assignment = { 0 };
        struct phx_place first = { 0 };
        struct named name, where;

        if (!explain_take(said, "variable @{", "} was previously declared", &name) &&
            !explain_take(said, "variable ${", "} was previously declared", &name))
                return false;
        assignment.name = name.text;
        if (!phx_place_of_assignment(explanation->text, &assignment, &first))
                return false;
        assignment.which = 1;
        if (!phx_place_of_assignment(explanation->text, &assignment, &explanation->place))
                return false;
        explanation->has_place = true;
        return phx_explain(
                        explanation,
                        "the variable @{%s} is set twice, first at %s: remove one, or add to it "
                        "with '+='",
                        name.text,
                        show_other(&first, &explanation->place, explanation, &where));
}

static bool explain_addition(struct phx_explanation *explanation, const char *said) {
        struct phx_assignment assignment = { .adds = true };
        struct named name;

        if (!explain_take(said, "variable @{", "} was not previously declared", &name))
                return false;
        assignment.name = name.text;
        explanation->has_place |= phx_place_of_assignment(
                        explanation->text,
                        &assignment,
                        &explanation->place);
        return phx_explain(
                        explanation,
                        "the variable @{%s} is added to before it is set: set it first, with '='",
                        name.text);
}

/* --- rules that exclude each other --- */

static bool explain_exec(struct phx_explanation *explanation, const char *said) {
        struct phx_exec_conflict conflict;
        struct named path, where;
        bool has_path = explain_take(
                        said,
                        "has merged rule ",
                        " with conflicting x modifiers",
                        &path);

        if (!has_path && !strstr(said, "profile has merged rule with conflicting x modifiers"))
                return false;
        if (!phx_places_of_exec_conflict(explanation->text, has_path ? path.text : NULL, &conflict))
                return phx_explain(
                                explanation,
                                "two rules execute %.200s in different ways: keep one of them",
                                has_path ? path.text : "the same programs");
        explanation->has_place = true;
        explanation->place = conflict.second;
        return phx_explain(
                        explanation,
                        "'%s' and '%s' at %s execute the same program in different ways: keep one "
                        "of them",
                        conflict.second_rule,
                        conflict.first_rule,
                        show_other(&conflict.first, &conflict.second, explanation, &where));
}

static bool explain_block(struct phx_explanation *explanation, const char *said) {
        struct phx_place first = { 0 };
        struct named name, where;
        bool is_hat = explain_take(said, "Multiple definitions for hat ", " in profile", &name);

        if (!is_hat && !explain_take(said, "Multiple definitions for profile ", " exist", &name))
                return false;
        explanation->has_place = phx_places_of_block(
                        explanation->text,
                        name.text,
                        &first,
                        &explanation->place);
        if (!explanation->has_place && first.line > 0) {
                explanation->has_place = true;
                explanation->place = first;
                return phx_explain(
                                explanation,
                                "the %s '%s' is defined twice because its file is included twice: "
                                "remove one of the includes",
                                is_hat ? "hat or child profile" : "profile",
                                name.text);
        }
        return phx_explain(
                        explanation,
                        "the %s '%s' is defined twice%s%s: remove or rename one of them",
                        is_hat ? "hat or child profile" : "profile",
                        name.text,
                        explanation->has_place ? ", first at " : "",
                        explanation->has_place ? show_other(&first,
                                                            &explanation->place,
                                                            explanation,
                                                            &where)
                                               : "");
}

/* --- patterns --- */

static const char *say_pattern(const char *said) {
        static const struct {
                const char *theirs, *ours;
        } words[] = {
                { "Invalid close ]", "found a ']' without a '['" },
                { "Invalid close }", "found a '}' without a '{'" },
                { "Invalid number of items", "braces need two alternatives or more, as in {a,b}" },
                { "Exceeded maximum nesting", "braces are nested too deep" },
                { "Unclosed grouping", "found a '{' or '[' that is not closed" },
                { "trailing '\\' escape", "it ends with a backslash" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(words); i++)
                if (strstr(said, words[i].theirs))
                        return words[i].ours;
        return "it is not a valid pattern";
}

static bool explain_pattern(struct phx_explanation *explanation, const char *said) {
        struct phx_bad_pattern bad = { 0 };
        struct named pattern;

        if (!explain_take(said, "Unable to parse input line '", "'\n", &pattern))
                return false;
        explanation->has_place =
                        phx_place_of_words(explanation->text, pattern.text, &explanation->place);
        /* With a variable in it, the compiler shows it with the variable's value. */
        if (!explanation->has_place && phx_place_of_bad_pattern(explanation->text, &bad)) {
                explanation->has_place = true;
                explanation->place = bad.place;
                (void) snprintf(pattern.text, sizeof(pattern.text), "%s", bad.pattern);
        }
        return phx_explain(
                        explanation,
                        "invalid pattern '%s': %s",
                        pattern.text,
                        say_pattern(said));
}

/* --- mounts --- */

static bool explain_mount(struct phx_explanation *explanation, const char *said) {
        struct phx_bad_mount bad = { 0 };

        if (strstr(said, "unsupported mount option")) {
                struct named option = { "" };

                (void) explain_take(said, "unsupported mount option value '", "'", &option);
                explanation->has_place = phx_place_of_mount_option(
                                explanation->text,
                                option.text[0] ? option.text : NULL,
                                &bad);
        } else if (strstr(said, "conflicting flag values"))
                explanation->has_place = phx_place_of_mount_contradiction(explanation->text, &bad);
        else if (strstr(said, "Encoding of mount rule failed"))
                explanation->has_place = phx_place_of_impossible_mount(explanation->text, &bad);
        else
                return false;
        if (!explanation->has_place)
                return phx_explain(
                                explanation,
                                "a mount rule has unknown options, or options that exclude each "
                                "other");
        explanation->place = bad.place;
        return phx_explain(explanation, "%s", bad.why);
}

bool phx_explain_meaning(struct phx_explanation *explanation, const char *said) {
        static bool (*const explain[])(struct phx_explanation *, const char *) = {
                explain_undeclared,   explain_boolean,  explain_recursion,
                explain_redefinition, explain_addition, explain_exec,
                explain_block,        explain_pattern,  explain_mount,
        };

        for (size_t i = 0; i < PHX_ELEMENTS(explain); i++)
                if (explain[i](explanation, said))
                        return true;
        return false;
}
