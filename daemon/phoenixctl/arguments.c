/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "phoenixctl/arguments.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"

#define OWN_LIMIT 32

enum { OPTION_JSON = 0x1000, OPTION_NO_LEGEND, OPTION_FULL, OPTION_VERSION, OPTION_NO_PAGER };

static const struct option common[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, OPTION_VERSION },
        { "host", required_argument, NULL, 'H' },
        { "json", no_argument, NULL, OPTION_JSON },
        { "quiet", no_argument, NULL, 'q' },
        { "no-legend", no_argument, NULL, OPTION_NO_LEGEND },
        { "full", no_argument, NULL, OPTION_FULL },
        { "no-pager", no_argument, NULL, OPTION_NO_PAGER },
};

/* What stands before and behind the verb. */
struct parse {
        struct ctl *ctl;
        bool help;
        bool version;
};

/* False for one that is not for all. */
static bool take_common(struct parse *parse, int option) {
        switch (option) {
        case 'h':
                parse->help = true;
                return true;
        case OPTION_VERSION:
                parse->version = true;
                return true;
        case 'H':
                parse->ctl->host = optarg;
                return true;
        case OPTION_JSON:
                parse->ctl->json = true;
                return true;
        case 'q':
                parse->ctl->quiet = true;
                return true;
        case OPTION_NO_LEGEND:
                parse->ctl->no_legend = true;
                return true;
        case OPTION_FULL:
                parse->ctl->full = true;
                return true;
        case OPTION_NO_PAGER:
                parse->ctl->no_pager = true;
                return true;
        default:
                return false;
        }
}

/* 0, -EINVAL for a wrong option, which getopt has reported, or -ENOMEM. VERB and ARGUMENTS are NULL
 * before it is known: then the verb ends the options. */
static int take_options(
                struct parse *parse,
                int argc,
                char **argv,
                const struct ctl_verb *verb,
                struct phx_strings *arguments) {
        const struct option *own = verb ? verb->options : NULL;
        const char *shorts = verb && !verb->takes_words ? "hqH:" : "+hqH:";
        struct option all[PHX_ELEMENTS(common) + OWN_LIMIT + 1] = { 0 };
        int option, index = -1, r = 0;

        memcpy(all, common, sizeof(common));
        for (size_t i = 0; own && own[i].name && i < OWN_LIMIT; i++)
                all[PHX_ELEMENTS(common) + i] = own[i];

        optind = 0;
        /* The process has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        while ((option = getopt_long(argc, argv, shorts, all, &index)) != -1) {
                bool is_own = index >= (int) PHX_ELEMENTS(common);

                if (option == '?')
                        return -EINVAL;
                if (is_own && optarg)
                        r = phx_strings_addf(arguments, "--%s=%s", all[index].name, optarg);
                else if (is_own)
                        r = phx_strings_addf(arguments, "--%s", all[index].name);
                else
                        (void) take_common(parse, option);
                if (r < 0)
                        return r;
                index = -1; /* a short option leaves it as it is */
        }
        return 0;
}

/* The verb's part of the line. */
static int take_verb(
                struct parse *parse,
                int argc,
                char **argv,
                const struct ctl_verb *verb,
                struct phx_strings *arguments) {
        int r;

        r = phx_strings_add(arguments, verb->name);
        if (r >= 0)
                r = take_options(parse, argc, argv, verb, arguments);
        if (r >= 0 && verb->options)
                r = phx_strings_add(arguments, "--");
        for (int i = optind; r >= 0 && i < argc; i++)
                r = phx_strings_add(arguments, argv[i]);
        return r;
}

static int arguments_usage(int *ret_status, const char *what, const char *which) {
        (void) fprintf(stderr, "phoenixctl: %s%s; see phoenixctl --help\n", what, which);
        *ret_status = CTL_ERROR;
        return 0;
}

/* Asked for help or the version, whatever else was said. */
static int answer_instead(
                const struct parse *parse,
                const struct ctl_verb *verb,
                const struct ctl_verb **ret_verb,
                struct phx_strings *ret_arguments) {
        phx_cleanup(phx_strings_done) struct phx_strings arguments = { 0 };
        const char *name = parse->help ? "help" : "version";
        int r;

        r = phx_strings_add(&arguments, name);
        if (r >= 0 && parse->help && verb)
                r = phx_strings_add(&arguments, verb->name);
        if (r < 0)
                return r;
        *ret_arguments = PHX_TAKE_STRUCT(arguments);
        *ret_verb = ctl_verb_find(name);
        return 1;
}

int ctl_arguments_parse(
                int argc,
                char **argv,
                struct ctl *ctl,
                const struct ctl_verb **ret_verb,
                struct phx_strings *ret_arguments,
                int *ret_status) {
        phx_cleanup(phx_strings_done) struct phx_strings arguments = { 0 };
        struct parse parse = { .ctl = ctl };
        const struct ctl_verb *verb = NULL;
        int first, r;

        r = take_options(&parse, argc, argv, NULL, NULL);
        if (r < 0)
                return arguments_usage(ret_status, "wrong option", "");
        first = optind;
        if (first < argc && !(verb = ctl_verb_find(argv[first])))
                return arguments_usage(ret_status, "no such verb: ", argv[first]);
        if (verb) {
                argv[first] = argv[0]; /* whom getopt names in what it tells */
                r = take_verb(&parse, argc - first, argv + first, verb, &arguments);
                if (r < 0)
                        return arguments_usage(
                                        ret_status,
                                        r == -ENOMEM ? "out of memory" : "wrong option",
                                        "");
        }
        if (parse.help || parse.version)
                return answer_instead(&parse, verb, ret_verb, ret_arguments);
        if (!verb)
                return arguments_usage(ret_status, "no verb given", "");
        *ret_arguments = PHX_TAKE_STRUCT(arguments);
        *ret_verb = verb;
        return 1;
}
