/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The configuration may have many megabytes, and most looks find it as it was. Three ways say so,
 * the cheapest first; none believes more than it has seen:
 *
 *   its stamp   the file is the one that was read last, trusted as ever, and not written to since
 *   the copy    another file with the same bytes as the last good copy, which is the text that is
 *               in force as long as its own stamp is the one that it had when it was written.
 *               Compared in parts: no memory, and a fortieth of the time of a digest
 *   the digest  of the whole text, where there is no such copy
 *
 * What differs from the copy differs from what is in force: it is parsed without a digest before.
 */

#include "engine/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/stamp.h"
#include "base/watches.h"
#include "codec/configuration_json.h"
#include "codec/settings_json.h"
#include "codec/settings_windows.h"

#define LAST_GOOD "configuration.json"

/* What was read at a path the last time. */
struct seen {
        struct phx_stamp stamp;
        bool is_believed; /* by its stamp alone: it was not so new that it could change unseen */
        bool is_linked;
        bool is_other; /* it is another one by now */
};

struct input {
        const struct phx_trust *trust;
        const struct phx_calendar *calendar; /* or NULL */
        char *settings_path;
        int state_fd;
        struct phx_settings *settings;
        char settings_digest[PHX_SHA256_HEX];
        struct phx_configuration *configuration;
        char *default_profile; /* that the configuration was read with */
        bool is_kept;          /* a restart would find the configuration */
        struct phx_stamp kept; /* of the copy that it would find; zero: not known */
        struct seen seen_settings;
        struct seen seen_configuration;
        bool is_site;       /* that was the site's, as the host has none */
        bool is_overriding; /* that was the host's own, and the site has one, too */
        bool is_accepted;   /* both, as they were read the last time */
};

int input_new(const struct phx_trust *trust,
              const struct phx_calendar *calendar,
              const char *settings_path,
              int state_fd,
              struct input **ret_input) {
        phx_cleanup(input_freep) struct input *input = calloc(1, sizeof(*input));

        if (!input)
                return -ENOMEM;
        input->trust = trust;
        input->calendar = calendar;
        input->state_fd = state_fd;
        if (phx_replace(&input->settings_path, settings_path) < 0)
                return -ENOMEM;

        *ret_input = PHX_TAKE(input);
        return 0;
}

struct input *input_free(struct input *input) {
        if (!input)
                return NULL;

        free(input->settings_path);
        phx_settings_free(input->settings);
        phx_configuration_free(input->configuration);
        free(input->default_profile);
        free(input);

        return NULL;
}

static int input_refuse(
                struct phx_desired *desired,
                enum phx_refused refused,
                int r,
                const struct phx_error *error) {
        struct phx_refusal *refusal =
                        phx_desired_add_refusal(desired, refused, NULL, phx_error_text(error, r));

        if (!refusal)
                return -ENOMEM;
        refusal->is_transient = r == -EBUSY || r == -EREMOTE;
        return 0;
}

/* Whose path it is, and its stamp, without its content. */
static int input_look_at(const struct input *input, const char *path, struct seen *ret_seen) {
        struct phx_trust trust = *input->trust;
        phx_autoclose int fd = -1;
        struct seen seen = { 0 };
        mode_t mode = 0;
        struct stat st;
        int r;

        trust.is_link_met = &seen.is_linked;
        r = phx_trust_open_path(&trust, path, &fd, &mode, NULL);
        if (r < 0 && r != -ENOENT)
                return r;
        if (r >= 0 && fstat(fd, &st) < 0)
                return phx_errno();
        if (r >= 0) {
                seen.stamp = phx_stamp_of(&st);
                seen.is_believed = phx_stamp_is_settled(&seen.stamp);
        }
        *ret_seen = seen;
        return 0;
}

/* As phx_trust_read(), with what will tell the file from another one. Of a file that is read that
 * is seen on its descriptor; of any other it is looked for first, so that what is put right
 * meanwhile is not taken for what was refused. */
static int input_read_file(
                const struct input *input,
                const char *path,
                size_t limit,
                struct seen *seen,
                struct phx_buffer *ret_text,
                struct phx_error *error) {
        struct phx_trust trust = *input->trust;
        struct phx_trust_file file = { 0 };

        *seen = (struct seen){ 0 };
        trust.is_link_met = &seen->is_linked;
        if (phx_trust_read_file(&trust, -1, path, limit, &file, NULL) >= 0) {
                seen->stamp = file.stamp;
                seen->is_believed = file.is_settled;
                ret_text->data = file.data;
                ret_text->size = file.size;
                return 0;
        }
        *seen = (struct seen){ 0 };
        (void) input_look_at(input, path, seen);
        return phx_trust_read(input->trust, path, limit, &ret_text->data, &ret_text->size, error);
}

/* By its stamp; RET_NOW is what was seen. "" for DIGEST: there was no file. */
static bool input_is_as_seen(
                const struct input *input,
                const char *path,
                const char *digest,
                const struct seen *seen,
                struct seen *ret_now) {
        return input_look_at(input, path, ret_now) >= 0 &&
               phx_stamp_equal(&ret_now->stamp, &seen->stamp) && (seen->is_believed || !digest[0]);
}

/* By its stamp, or else by its content, of which DIGEST is known; "" when there was no file. */
static bool input_is_same(
                const struct input *input,
                const char *path,
                size_t limit,
                const char *digest,
                struct seen *seen) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        char found[PHX_SHA256_HEX];
        struct seen now = { 0 };

        if (input_is_as_seen(input, path, digest, seen, &now))
                return true;
        if (input_read_file(input, path, limit, &now, &text, NULL) < 0)
                return false;
        phx_sha256(text.data, text.size, found);
        if (strcmp(found, digest) != 0)
                return false;
        *seen = now;
        return true;
}

/* What is in force was read as these settings say. */
static bool input_is_current(const struct input *input) {
        return input->configuration &&
               phx_equal(input->default_profile, input->settings->default_profile);
}

const char *input_site_file(const struct input *input) {
        return input->is_site ? input->settings->site_configuration : NULL;
}

const char *input_hidden_file(const struct input *input) {
        return input->is_overriding ? input->settings->site_configuration : NULL;
}

static const char *input_place(const struct input *input) {
        return input->is_site ? input->settings->site_configuration
                              : input->settings->configuration;
}

/* The copy of what is in force, as it was written; -1 when there is none. */
static int open_kept(const struct input *input) {
        static const struct phx_stamp unknown;
        phx_autoclose int fd = -1;
        struct phx_stamp stamp;
        struct stat st;

        if (!input_is_current(input) || !input->is_kept || phx_stamp_equal(&input->kept, &unknown))
                return -1;
        fd = openat(input->state_fd, LAST_GOOD, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -1;
        stamp = phx_stamp_of(&st);
        return phx_stamp_equal(&stamp, &input->kept) ? PHX_TAKE_FD(fd) : -1;
}

/* Only the engine writes there, so that the stamp needs no time to settle. */
static void note_kept(struct input *input) {
        struct stat st;

        input->kept = (struct phx_stamp){ 0 };
        if (fstatat(input->state_fd, LAST_GOOD, &st, AT_SYMLINK_NOFOLLOW) == 0)
                input->kept = phx_stamp_of(&st);
}

/* Whether the configuration's file has the text that is in force: 1, and then SEEN is of the file;
 * 0; or -ENODATA when the copy cannot tell. What is wrong with the file shows when it is read. */
static int input_is_as_kept(const struct input *input, struct seen *seen) {
        const char *path = input_place(input);
        phx_autoclose int fd = -1, kept_fd = open_kept(input);
        struct seen now = { 0 };
        struct stat st;
        int r;

        if (kept_fd < 0 || input_look_at(input, path, &now) < 0 ||
            phx_trust_open_file(input->trust, path, &fd, &st, NULL) < 0)
                return -ENODATA;
        if (st.st_size != input->kept.size)
                return 0;
        r = phx_file_compare(fd, kept_fd);
        if (r < 0 || !phx_trust_is_unchanged(fd, &st))
                return -ENODATA;
        if (r > 0)
                *seen = now;
        return r;
}

static bool input_is_same_configuration(const struct input *input, struct seen *seen) {
        const char *path = input_place(input), *digest = input->configuration->digest;
        struct seen now = { 0 };
        int r;

        if (input_is_as_seen(input, path, digest, seen, &now))
                return true;
        r = input_is_as_kept(input, seen);
        return r >= 0 ? r > 0 : input_is_same(input, path, PHX_CONFIGURATION_LIMIT, digest, seen);
}

/* Another mode of a directory on the way makes it untrusted. */
static bool is_to_be_read(
                const struct phx_scope *scope,
                const char *path,
                const struct seen *seen) {
        phx_autofree char *above = strdup(path);

        if (!above || seen->is_linked || phx_scope_has(scope, path))
                return true;
        for (char *slash = strrchr(above, '/'); slash && slash > above;
             slash = strrchr(above, '/')) {
                *slash = '\0';
                if (phx_scope_has(scope, above))
                        return true;
        }
        return false;
}

/* Whether the other of the two places has something else by now: one of the host's own, which
 * takes the place of the site's; or one of the site's, whose place is taken, or none any more. */
static bool input_is_place_other(const struct input *input, const struct phx_scope *scope) {
        const struct phx_settings *settings = input->settings;

        if (input->is_site)
                return is_to_be_read(scope, settings->configuration, &input->seen_configuration) &&
                       !phx_trust_is_absent(input->trust, settings->configuration);
        return settings->site_configuration &&
               is_to_be_read(scope, settings->site_configuration, &(struct seen){ 0 }) &&
               input->is_overriding ==
                               phx_trust_is_absent(input->trust, settings->site_configuration);
}

/* What is other by now is not read for that once more. */
bool input_is_unchanged(struct input *input, const struct phx_scope *scope) {
        struct seen *settings = &input->seen_settings, *configuration = &input->seen_configuration;

        if (!input->is_accepted || settings->is_other || configuration->is_other)
                return false;
        if (is_to_be_read(scope, input->settings_path, settings))
                settings->is_other = !input_is_same(
                                input,
                                input->settings_path,
                                PHX_SETTINGS_LIMIT,
                                input->settings_digest,
                                settings);
        if (!settings->is_other)
                configuration->is_other = input_is_place_other(input, scope);
        if (!settings->is_other && !configuration->is_other &&
            is_to_be_read(scope, input_place(input), configuration))
                configuration->is_other = !input_is_same_configuration(input, configuration);
        return !settings->is_other && !configuration->is_other;
}

void input_forget(struct input *input) {
        input->is_accepted = false;
}

bool input_covers(const struct input *input, const char *path) {
        if (strcmp(path, input->settings_path) == 0)
                return !input->seen_settings.is_linked;
        return input->settings && !input->seen_configuration.is_linked &&
               (strcmp(path, input->settings->configuration) == 0 ||
                phx_equal(path, input->settings->site_configuration));
}

static int take_settings(
                struct input *input,
                const char *text,
                size_t size,
                struct phx_error *error) {
        const struct phx_json_text source = { input->settings_path, text, size };
        phx_cleanup(phx_settings_freep) struct phx_settings *settings = NULL;
        char digest[PHX_SHA256_HEX];
        int r;

        phx_sha256(text, size, digest);
        if (input->settings && strcmp(digest, input->settings_digest) == 0)
                return 0;

        r = phx_settings_parse(input->settings_path, text, size, &settings, error);
        if (r >= 0 && input->calendar)
                r = phx_settings_check_windows(&source, settings, input->calendar, error);
        if (r < 0)
                return r;
        phx_settings_free(input->settings);
        input->settings = PHX_TAKE(settings);
        memcpy(input->settings_digest, digest, sizeof(digest));
        return 0;
}

/* Without the file every setting has its default. */
static int take_defaults(struct input *input) {
        struct phx_settings *settings = NULL;
        int r;

        if (input->settings && !input->settings_digest[0])
                return 0;
        r = phx_settings_defaults(&settings);
        if (r < 0)
                return r;
        phx_settings_free(input->settings);
        input->settings = settings;
        input->settings_digest[0] = '\0';
        return 0;
}

static int input_read_settings(struct input *input, struct phx_desired *desired) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        struct phx_error error = { 0 };
        int r;

        r = input_read_file(
                        input,
                        input->settings_path,
                        PHX_SETTINGS_LIMIT,
                        &input->seen_settings,
                        &text,
                        &error);
        if (r == -ENOENT && !input->settings_digest[0])
                r = take_defaults(input);
        else if (r >= 0)
                r = take_settings(input, text.data, text.size, &error);
        input->is_accepted = r >= 0;
        return r < 0 ? input_refuse(desired, PHX_REFUSED_SETTINGS, r, &error) : 0;
}

static int parse_configuration(
                struct input *input,
                const char *file,
                const struct phx_buffer *text,
                struct phx_error *error) {
        struct phx_configuration *configuration = NULL;
        int r;

        r = phx_configuration_parse(
                        file,
                        text->data,
                        text->size,
                        input->settings->default_profile,
                        &configuration,
                        error);
        if (r < 0)
                return r;
        phx_configuration_free(input->configuration);
        input->configuration = configuration;
        input->is_kept = false;
        r = phx_replace(&input->default_profile, input->settings->default_profile);
        return r < 0 ? r : 1;
}

/* 1 when it is to be kept. */
static int take_configuration(
                struct input *input,
                const char *file,
                const struct phx_buffer *text,
                struct phx_error *error) {
        char digest[PHX_SHA256_HEX];

        if (input_is_current(input)) {
                phx_sha256(text->data, text->size, digest);
                if (strcmp(input->configuration->digest, digest) == 0)
                        return input->is_kept ? 0 : 1;
        }
        return parse_configuration(input, file, text, error);
}

/* With a refused file: what was accepted last, before a restart or with other settings. What could
 * not be kept is newer than what is on disk, and stays. */
static void recall_configuration(struct input *input) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };

        if (input->configuration &&
            (!input->is_kept ||
             phx_equal(input->default_profile, input->settings->default_profile)))
                return;
        if (phx_file_read_at(
                            input->state_fd,
                            LAST_GOOD,
                            PHX_CONFIGURATION_LIMIT,
                            &text.data,
                            &text.size) >= 0 &&
            take_configuration(input, LAST_GOOD, &text, NULL) >= 0) {
                input->is_kept = true;
                note_kept(input);
        }
}

static int keep_configuration(
                struct input *input,
                const char *path,
                const struct phx_buffer *text,
                struct phx_error *error) {
        int r = phx_file_ensure_at(input->state_fd, LAST_GOOD, text->data, text->size, 0600);

        input->is_kept = r >= 0;
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "%s: is accepted, but cannot be stored for the next start: %s",
                                path,
                                strerrordesc_np(-r));
        note_kept(input);
        return 0;
}

/* IS_OTHER: it is known to have another text than what is in force. */
static int input_read_text(struct input *input, bool is_other, struct phx_error *error) {
        const char *path = input_place(input);
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        int r;

        r = input_read_file(
                        input,
                        path,
                        PHX_CONFIGURATION_LIMIT,
                        &input->seen_configuration,
                        &text,
                        error);
        if (r < 0)
                return r;
        r = is_other ? parse_configuration(input, path, &text, error)
                     : take_configuration(input, path, &text, error);
        return r > 0 ? keep_configuration(input, path, &text, error) : r;
}

static int input_read_place(struct input *input, bool is_site, struct phx_error *error) {
        int r;

        input->is_site = is_site;
        r = input_is_as_kept(input, &input->seen_configuration);
        return r > 0 ? 0 : input_read_text(input, r == 0, error);
}

static int input_read_configuration(struct input *input, struct phx_desired *desired) {
        struct phx_error error = { 0 }, site = { 0 };
        const char *site_file = input->settings->site_configuration;
        int r;

        input->is_overriding = site_file && !phx_trust_is_absent(input->trust, site_file);
        r = input_read_place(input, false, &error);
        if (r == -ENOENT && !input->seen_configuration.is_linked && site_file) {
                input->is_overriding = false;
                r = input_read_place(input, true, &site);
                /* Neither is there: it is the host's own that is missed. */
                input->is_site = r != -ENOENT;
                if (input->is_site)
                        error = site;
        }
        if (r >= 0)
                return 0;
        input->is_accepted = false;
        recall_configuration(input);
        return input_refuse(desired, PHX_REFUSED_CONFIGURATION, r, &error);
}

static int input_read_both(struct input *input, struct phx_desired *desired) {
        int r = input_read_settings(input, desired);

        return r < 0 || !input->settings ? r : input_read_configuration(input, desired);
}

int input_read(struct input *input, const struct phx_scope *scope, struct phx_desired *desired) {
        int r = input_is_unchanged(input, scope) ? 0 : input_read_both(input, desired);

        if (r < 0 || !input->settings)
                return r;
        desired->mode = input->settings->mode;
        if (!input->configuration)
                return r;

        desired->has_configuration = true;
        memcpy(desired->generation, input->configuration->digest, sizeof(desired->generation));
        return 0;
}

const struct phx_settings *input_settings(const struct input *input) {
        return input->settings;
}

const struct phx_configuration *input_configuration(const struct input *input) {
        return input->configuration;
}

int input_watches(const struct input *input, struct phx_strings *watches) {
        int r;

        r = phx_watches_add_file(watches, input->settings_path);
        if (r < 0 || !input->settings)
                return r;
        r = phx_watches_add_file(watches, input->settings->configuration);
        if (r < 0 || !input->settings->site_configuration)
                return r;
        return phx_watches_add_file(watches, input->settings->site_configuration);
}
