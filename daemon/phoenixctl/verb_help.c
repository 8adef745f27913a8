#include <stdio.h>

#include "config.h"
#include "verb.h"

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

static void print_all(void) {
        (void) printf("phoenixctl [OPTION...] VERB [ARGUMENT...]\n\n"
                      "Shows what keeps the LXC containers confined, and asks for it.\n\nVerbs:\n");
        for (const struct ctl_verb *verb = ctl_verbs; verb->name; verb++) {
                int n = printf("  %s %s", verb->name, verb->arguments);

                (void) printf("%*s%s\n", n < 24 ? 24 - n : 1, "", verb->summary);
        }
        (void) printf("\nOptions:\n"
                      "  -h, --help           show this help\n"
                      "      --version        show the version\n"
                      "  -H, --host=HOST      ask the phoenixd of user@HOST, through ssh\n"
                      "      --json           answer in JSON\n"
                      "  -q, --quiet          show nothing but errors\n"
                      "      --no-legend      no headers\n"
                      "      --full           shorten nothing to fit the terminal\n"
                      "\nSee phoenixctl(1).\n");
}

int verb_help(const struct ctl *ctl, int argc, char **argv) {
        const struct ctl_verb *verb;

        (void) ctl;
        if (argc < 2) {
                print_all();
                return 0;
        }
        verb = ctl_verb_find(argv[1]);
        if (!verb) {
                (void) fprintf(stderr,
                               "phoenixctl: no such verb: %s; see phoenixctl --help\n",
                               argv[1]);
                return CTL_ERROR;
        }
        print_verb(verb);
        return 0;
}

int verb_version(const struct ctl *ctl, int argc, char **argv) {
        (void) ctl;
        (void) argc;
        (void) argv;
        (void) printf("phoenixctl %s\n", PHX_VERSION);
        return 0;
}
