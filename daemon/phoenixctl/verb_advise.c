/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/findings.h"
#include "base/strings.h"
#include "base/trust.h"
#include "codec/answers_json.h"
#include "codec/configuration_advise.h"
#include "codec/configuration_json.h"
#include "codec/settings_json.h"
#include "config.h"
#include "phoenixctl/difference.h"
#include "phoenixctl/leftovers.h"
#include "phoenixctl/remote.h"
#include "phoenixctl/verb.h"

const struct option verb_advise_options[] = {
        { "file", required_argument, NULL, 'f' }, { "patch", no_argument, NULL, 'p' },
        { "root", required_argument, NULL, 'r' }, { "settings", required_argument, NULL, 's' },
        { "write", no_argument, NULL, 'w' },      { NULL, 0, NULL, 0 },
};

struct advise {
        const char *file; /* NULL: that of the settings */
        const char *settings;
        const char *root; /* the tree that both are in, unless they are named; "" for this machine
                           */
        bool writes;
        bool is_site;  /* the file is the site's, as the host has none */
        bool is_patch; /* prints the patch for the containers' own files alone */
        char *path;    /* of the real file, behind links */
        char *text;
        size_t size;
        struct phx_buffer advised;
        struct phx_findings left;      /* whom nothing is advised for */
        struct phx_snapshot_plan plan; /* its offers alone, of this machine's phoenixd */
};

static void advise_done(struct advise *advise) {
        free(advise->path);
        free(advise->text);
        phx_buffer_done(&advise->advised);
        phx_findings_done(&advise->left);
        phx_snapshot_plan_done(&advise->plan);
}

static int advise_say(const struct phx_error *error, int r) {
        (void) fprintf(stderr, "phoenixctl: %s\n", phx_error_text(error, r));
        return CTL_ERROR;
}

static int advise_read_options(int argc, char **argv, struct advise *advise) {
        int option;

        optind = 0;
        /* The process has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        while ((option = getopt_long(argc, argv, "", verb_advise_options, NULL)) != -1) {
                if (option == 'f')
                        advise->file = optarg;
                if (option == 'p')
                        advise->is_patch = true;
                if (option == 'r')
                        advise->root = optarg;
                if (option == 's')
                        advise->settings = optarg;
                if (option == 'w')
                        advise->writes = true;
                if (option == '?')
                        return CTL_ERROR;
        }
        return 0;
}

/* Without a file of settings the defaults hold, as they do for phoenixd. */
static int advise_read_settings(
                const struct advise *advise,
                struct phx_settings **ret_settings,
                struct phx_error *error) {
        phx_autofree char *standard = NULL, *text = NULL;
        const char *path = advise->settings;
        size_t size = 0;
        int r;

        if (phx_printf(&standard, "%s" PHX_SYSCONFDIR "/phoenixd.json", advise->root) < 0)
                return -ENOMEM;
        if (!path)
                path = standard;
        r = phx_file_read_at(AT_FDCWD, path, PHX_SETTINGS_LIMIT, &text, &size);
        if (r == -ENOENT && !advise->settings)
                return phx_settings_defaults(ret_settings);
        if (r < 0)
                return phx_error_set(error, r, "%s: %s", path, strerrordesc_np(-r));
        return phx_settings_parse(path, text, size, ret_settings, error);
}

static int advise_read_configuration(
                struct advise *advise,
                const char *path,
                struct phx_error *error) {
        int r;

        advise->path = realpath(path, NULL);
        if (!advise->path)
                return phx_error_errno(error, path);
        r = phx_file_read_at(
                        AT_FDCWD,
                        advise->path,
                        PHX_CONFIGURATION_LIMIT,
                        &advise->text,
                        &advise->size);
        return r < 0 ? phx_error_set(error, r, "%s: %s", path, strerrordesc_np(-r)) : 0;
}

/* As the daemon decides it, but for who owns them: phoenixctl advises any user. */
static bool advise_finds_site(const struct advise *advise, const struct phx_settings *settings) {
        const struct phx_trust trust = { .root = advise->root[0] ? advise->root : "/",
                                         .anyone = true };

        return settings->site_configuration &&
               phx_trust_is_absent(&trust, settings->configuration) &&
               !phx_trust_is_absent(&trust, settings->site_configuration);
}

/* The one that is named, or the one in force by the settings. */
static int find_configuration(
                struct advise *advise,
                const struct phx_settings *settings,
                struct phx_error *error) {
        phx_autofree char *path = NULL;

        if (advise->file)
                return advise_read_configuration(advise, advise->file, error);
        advise->is_site = advise_finds_site(advise, settings);
        if (phx_printf(&path,
                       "%s%s",
                       advise->root,
                       advise->is_site ? settings->site_configuration : settings->configuration) <
            0)
                return -ENOMEM;
        return advise_read_configuration(advise, path, error);
}

static int print_patch(const struct ctl *ctl, const struct advise *advise) {
        const struct difference difference = {
                .file = advise->path,
                .before = advise->text,
                .before_size = advise->size,
                .after = advise->advised.data,
                .after_size = advise->advised.size,
        };

        return difference_print(ctl, &difference);
}

static int split_path(char *path, int *ret_dir_fd, const char **ret_name) {
        char *slash = strrchr(path, '/');

        *slash = '\0';
        *ret_dir_fd = open(slash == path ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *ret_name = slash + 1;
        return *ret_dir_fd < 0 ? phx_errno() : 0;
}

/* The new file gets the old one's mode and owner, and its place only if that is still what was
 * read. */
static int write_back(const struct advise *advise, struct phx_error *error) {
        phx_autofree char *path = strdup(advise->path), *temporary = NULL, *now = NULL;
        phx_autoclose int dir_fd = -1;
        struct phx_file_owner owner;
        const char *name = NULL;
        struct stat st;
        size_t size = 0;
        int r;

        if (!path)
                return -ENOMEM;
        /* The next version of the package would undo it, on this host alone. */
        if (advise->is_site)
                return phx_error_set(
                                error,
                                -EROFS,
                                "%s: belongs to the site's package, and was not written; apply the "
                                "patch to the package's source, with phoenixctl advise "
                                "--file=FILE --write",
                                advise->path);
        r = stat(advise->path, &st) < 0 ? phx_errno() : split_path(path, &dir_fd, &name);
        if (r < 0)
                return phx_error_set(error, r, "%s: %s", advise->path, strerrordesc_np(-r));
        owner = (struct phx_file_owner){ st.st_mode & 07777, st.st_uid, st.st_gid };
        r = phx_file_stage_at(
                        dir_fd,
                        name,
                        advise->advised.data,
                        advise->advised.size,
                        &owner,
                        &temporary);
        if (r < 0)
                return phx_error_set(error, r, "%s: %s", advise->path, strerrordesc_np(-r));
        r = phx_file_read_at(dir_fd, name, PHX_CONFIGURATION_LIMIT, &now, &size);
        if (r < 0 || size != advise->size || memcmp(now, advise->text, size) != 0) {
                (void) unlinkat(dir_fd, temporary, 0);
                return phx_error_set(
                                error,
                                -ESTALE,
                                "%s: has changed since it was read, and was not written; run advise again",
                                advise->path);
        }
        r = phx_file_commit_at(dir_fd, temporary, name);
        return r < 0 ? phx_error_set(error, r, "%s: %s", advise->path, strerrordesc_np(-r)) : 0;
}

static int advise_print_json(const struct advise *advise, int count, bool is_written) {
        const struct phx_answer_advice answer = {
                .left = &advise->left,
                .file = advise->path,
                .edits = (unsigned) count,
                .is_written = is_written,
                .text = count > 0 ? advise->advised.data : advise->text,
                .size = count > 0 ? advise->advised.size : advise->size,
                .offers = advise->plan.offers,
                .offer_count = advise->plan.offer_count,
        };
        phx_autofree char *text = NULL;

        if (phx_answer_advice(&answer, &text) < 0)
                return CTL_ERROR;
        (void) puts(text);
        return 0;
}

/* Without --write. */
static int advise_show(const struct ctl *ctl, const struct advise *advise, int count) {
        int r = 0;

        if (ctl->json)
                r = advise_print_json(advise, count, false);
        else if (!ctl->quiet && count == 0)
                (void) printf("%s: no suggestions.\n", advise->path);
        else if (!ctl->quiet)
                r = print_patch(ctl, advise);
        if (r >= 0 && !ctl->json && !ctl->quiet)
                r = leftovers_print(ctl, &advise->plan);
        if (r < 0)
                (void) fprintf(stderr, "phoenixctl: diff: %s\n", strerrordesc_np(-r));
        if (r != 0)
                return CTL_ERROR;
        return count > 0 || advise->plan.offer_count > 0 ? CTL_SOMETHING : 0;
}

static void tell_left(const struct ctl *ctl, const struct advise *advise) {
        for (size_t i = 0; !ctl->quiet && !ctl->json && i < advise->left.count; i++) {
                const struct phx_finding *finding = &advise->left.items[i];

                (void) fprintf(stderr,
                               "%s:%u:%u: %s: %s\n",
                               advise->path,
                               finding->line,
                               finding->column,
                               phx_severity_to_string(finding->severity),
                               finding->text);
        }
}

static int advise_answer(const struct ctl *ctl, const struct advise *advise, int count) {
        struct phx_error error = { 0 };
        int r;

        if (count == 0 || !advise->writes)
                return advise_show(ctl, advise, count);
        r = write_back(advise, &error);
        if (r < 0)
                return advise_say(&error, r);
        if (ctl->json)
                return advise_print_json(advise, count, true);
        if (!ctl->quiet)
                (void) printf("%s: %d edit%s; phoenixd picks %s up automatically.\n",
                              advise->path,
                              count,
                              phx_plural((size_t) count),
                              count == 1 ? "it" : "them");
        return 0;
}

/* Another tree, or another file, is not this phoenixd's; and without its answer the configuration
 * is advised all the same. */
static void advise_ask_offers(
                const struct ctl *ctl,
                const struct phx_strings *only,
                struct advise *advise) {
        if (advise->file || advise->settings || advise->root[0] ||
            remote_offers(ctl, &advise->plan) != 0)
                return;
        leftovers_select(&advise->plan, only);
}

/* 1 when the arguments ask for the patch alone, 0 when not, or CTL_ERROR's negative. */
static int advise_is_patch(const struct ctl *ctl, const struct advise *advise) {
        if (!advise->is_patch)
                return 0;
        if (!ctl->json && !advise->file && !advise->settings && !advise->root[0] && !advise->writes)
                return 1;
        (void) fputs("phoenixctl: advise: --patch cannot be combined with --file, --json, --root, "
                     "--settings or --write\n",
                     stderr);
        return -CTL_ERROR;
}

int verb_advise(const struct ctl *ctl, int argc, char **argv) {
        phx_cleanup(phx_settings_freep) struct phx_settings *settings = NULL;
        phx_cleanup(phx_strings_done) struct phx_strings only = { 0 };
        phx_cleanup(advise_done) struct advise advise = { .root = "" };
        struct phx_advice advice = { 0 };
        struct phx_error error = { 0 };
        int r;

        if (advise_read_options(argc, argv, &advise) != 0)
                return CTL_ERROR;
        for (int i = optind; i < argc; i++)
                if (phx_strings_add(&only, argv[i]) < 0)
                        return CTL_ERROR;
        if (ctl->host) {
                (void) fprintf(stderr,
                               "phoenixctl: advise: reads only the files of this host; run ssh %s "
                               "phoenixctl advise\n",
                               ctl->host);
                return CTL_ERROR;
        }
        r = advise_is_patch(ctl, &advise);
        if (r != 0)
                return r < 0 ? -r : leftovers_print_patch(ctl, &only);
        r = advise_read_settings(&advise, &settings, &error);
        if (r >= 0)
                r = find_configuration(&advise, settings, &error);
        if (r < 0)
                return advise_say(&error, r);
        advice = (struct phx_advice){
                .file = advise.path,
                .default_profile = settings->default_profile,
                .policy = settings->policy_namespace,
                .only = only.count > 0 ? &only : NULL,
                .left = &advise.left,
        };
        r = phx_configuration_advise(&advice, advise.text, advise.size, &advise.advised, &error);
        if (r >= 0) {
                phx_findings_sort(&advise.left);
                tell_left(ctl, &advise);
                advise_ask_offers(ctl, &only, &advise);
                return advise_answer(ctl, &advise, r);
        }
        (void) advise_say(&error, r);
        /* A file that is refused has often more than one mistake. */
        if (r == -EINVAL)
                (void) fprintf(stderr,
                               "phoenixctl: 'phoenixctl validate %s' lists all errors in it\n",
                               advise.path);
        return CTL_ERROR;
}
