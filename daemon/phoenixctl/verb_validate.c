/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strings.h"
#include "codec/findings_json.h"
#include "phoenixctl/shown.h"
#include "phoenixctl/validate.h"
#include "phoenixctl/verb.h"

const struct option verb_validate_options[] = {
        { "no-cache", no_argument, NULL, 'n' },
        { "root", required_argument, NULL, 'r' },
        { "settings", required_argument, NULL, 's' },
        { "strict", no_argument, NULL, 'e' },
        { NULL, 0, NULL, 0 },
};

static int validate_read_options(
                int argc,
                char **argv,
                struct validation *validation,
                bool *ret_strict) {
        bool has_cache = true;
        int option, r = 0;

        optind = 0;
        /* The process has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        while (r >= 0 &&
               (option = getopt_long(argc, argv, "", verb_validate_options, NULL)) != -1) {
                if (option == 'r')
                        r = phx_replace(&validation->root, optarg);
                if (option == 's')
                        r = phx_replace(&validation->settings_path, optarg);
                if (option == 'e')
                        *ret_strict = true;
                if (option == 'n')
                        has_cache = false;
        }
        return r < 0 || !has_cache ? r : validation_find_cache(validation);
}

/* Below the working directory, as its reader would write it. */
static const char *short_path(const char *path) {
        phx_autofree char *here = getcwd(NULL, 0);
        size_t length = here ? strlen(here) : 0;

        return length > 1 && strncmp(path, here, length) == 0 && path[length] == '/'
                               ? path + length + 1
                               : path;
}

static void print_finding(const struct ctl *ctl, const struct phx_finding *finding) {
        phx_autofree char *file = phx_visible(short_path(finding->file));
        char line[16] = "", column[16] = "";

        if (finding->line > 0)
                (void) snprintf(line, sizeof(line), ":%u", finding->line);
        if (finding->column > 0)
                (void) snprintf(column, sizeof(column), ":%u", finding->column);
        (void) printf("%s%s%s%s:%s %s%s:%s %s\n",
                      shown_bold(ctl),
                      file ? file : "?",
                      line,
                      column,
                      shown_plain(ctl),
                      finding->severity == PHX_SEVERITY_ERROR ? shown_bad(ctl) : shown_bold(ctl),
                      phx_severity_to_string(finding->severity),
                      shown_plain(ctl),
                      finding->text);
}

static int validate_print_json(const struct phx_findings *findings) {
        phx_autofree char *text = NULL;

        if (phx_findings_render(findings, &text) < 0)
                return CTL_ERROR;
        (void) puts(text);
        return 0;
}

static void print_text(const struct ctl *ctl, const struct phx_findings *findings) {
        size_t warnings = phx_findings_warnings(findings);

        for (size_t i = 0; i < findings->count; i++)
                print_finding(ctl, &findings->items[i]);
        if (findings->errors + warnings == 0)
                (void) puts("No errors found.");
        else
                (void) printf("%zu error%s, %zu warning%s.\n",
                              findings->errors,
                              phx_plural(findings->errors),
                              warnings,
                              phx_plural(warnings));
}

static int validate_answer(const struct ctl *ctl, struct phx_findings *findings, bool is_strict) {
        int r = 0;

        phx_findings_sort(findings);
        if (ctl->json)
                r = validate_print_json(findings);
        else if (!ctl->quiet)
                print_text(ctl, findings);
        if (r != 0 || findings->is_incomplete) {
                (void) fprintf(stderr,
                               "phoenixctl: out of memory: the list of findings is incomplete\n");
                return CTL_ERROR;
        }
        return findings->errors > 0 || (is_strict && phx_findings_warnings(findings) > 0)
                               ? CTL_ERROR
                               : 0;
}

int verb_validate(const struct ctl *ctl, int argc, char **argv) {
        phx_cleanup(phx_findings_done) struct phx_findings findings = { 0 };
        phx_cleanup(validation_done) struct validation validation = { 0 };
        struct phx_error error = { 0 };
        bool is_strict = false;
        int r;

        /* The breaking of a file lease comes as SIGIO, whose default is death. */
        (void) signal(SIGIO, SIG_IGN);
        r = validate_read_options(argc, argv, &validation, &is_strict);
        if (r >= 0)
                r = validation_of(&validation, argv + optind, (size_t) (argc - optind), &error);
        if (r >= 0)
                r = validation_run(&validation, &findings, &error);
        if (r < 0) {
                (void) fprintf(stderr, "phoenixctl: validate: %s\n", phx_error_text(&error, r));
                if (findings.count > 0)
                        (void) validate_answer(ctl, &findings, is_strict);
                return CTL_ERROR;
        }
        return validate_answer(ctl, &findings, is_strict);
}
