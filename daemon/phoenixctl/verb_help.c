/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>

#include "base/strings.h"
#include "codec/answers_json.h"
#include "config.h"
#include "phoenixctl/verb.h"

static void print_verb(const struct ctl_verb *verb) {
        (void) printf("phoenixctl %s [OPTION...]%s%s\n\n%s.\n",
                      verb->name,
                      verb->arguments[0] ? " " : "",
                      verb->arguments,
                      verb->summary);
        for (const struct option *option = verb->options; option && option->name; option++)
                (void) printf("%s  --%s%s\n",
                              option == verb->options ? "\nOptions of this verb:\n" : "",
                              option->name,
                              option->has_arg == required_argument ? "=VALUE" : "");
        (void) printf("\nSee phoenixctl(1).\n");
}

static void help_print_all(void) {
        (void) printf("phoenixctl [OPTION...] VERB [ARGUMENT...]\n\n"
                      "Shows and controls the confinement of LXC containers.\n\nVerbs:\n");
        for (const struct ctl_verb *verb = ctl_verbs; verb->name; verb++) {
                int n = printf("  %s %s", verb->name, verb->arguments);

                (void) printf("%*s%s\n", n < 24 ? 24 - n : 1, "", verb->summary);
        }
        (void) printf("\nOptions:\n"
                      "  -h, --help           show this help\n"
                      "      --version        show the version\n"
                      "  -H, --host=HOST      query the phoenixd of user@HOST, through ssh\n"
                      "      --json           print JSON\n"
                      "  -q, --quiet          print only errors\n"
                      "      --no-legend      print no headers\n"
                      "      --full           do not shorten the output\n"
                      "      --no-pager       do not use a pager\n"
                      "\nSee phoenixctl(1).\n");
}

#define OPTIONS_LIMIT 32

/* FIRST and what follows it, up to COUNT. */
static int help_print_json(const struct ctl_verb *first, size_t count) {
        phx_autofree struct phx_answer_verb *verbs = calloc(count, sizeof(*verbs));
        phx_cleanup(phx_strings_done) struct phx_strings options = { 0 };
        phx_autofree const char **lists = calloc(count * OPTIONS_LIMIT, sizeof(*lists));
        phx_autofree char *text = NULL;
        int r = verbs && lists ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < count; i++) {
                const char **list = &lists[i * OPTIONS_LIMIT];
                const struct option *option = first[i].options;

                verbs[i] = (struct phx_answer_verb){
                        first[i].name,
                        first[i].arguments,
                        first[i].summary,
                        list,
                };
                for (; r >= 0 && option && option->name; option++) {
                        r = phx_strings_addf(
                                        &options,
                                        "--%s%s",
                                        option->name,
                                        option->has_arg == required_argument ? "=" : "");
                        if (r >= 0)
                                *list++ = options.items[options.count - 1];
                }
        }
        if (r >= 0)
                r = phx_answer_help(verbs, count, &text);
        if (r < 0)
                return CTL_ERROR;
        (void) puts(text);
        return 0;
}

static size_t count_verbs(void) {
        size_t count = 0;

        while (ctl_verbs[count].name)
                count++;
        return count;
}

int verb_help(const struct ctl *ctl, int argc, char **argv) {
        const struct ctl_verb *verb;

        if (argc < 2) {
                if (ctl->json)
                        return help_print_json(ctl_verbs, count_verbs());
                help_print_all();
                return 0;
        }
        verb = ctl_verb_find(argv[1]);
        if (!verb) {
                (void) fprintf(stderr,
                               "phoenixctl: no such verb: %s; see phoenixctl --help\n",
                               argv[1]);
                return CTL_ERROR;
        }
        if (ctl->json)
                return help_print_json(verb, 1);
        print_verb(verb);
        return 0;
}

int verb_version(const struct ctl *ctl, int argc, char **argv) {
        phx_autofree char *text = NULL;

        (void) argc;
        (void) argv;
        if (!ctl->json)
                (void) printf("phoenixctl %s\n", PHX_VERSION);
        else if (phx_answer_version(PHX_VERSION, &text) >= 0)
                (void) puts(text);
        else
                return CTL_ERROR;
        return 0;
}
