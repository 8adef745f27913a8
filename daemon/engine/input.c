/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "engine/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/watches.h"
#include "codec/configuration_json.h"
#include "codec/settings_json.h"

#define LAST_GOOD "configuration.json"

struct input {
        const struct phx_trust *trust;
        char *settings_path;
        int state_fd;
        struct phx_settings *settings;
        char settings_digest[PHX_SHA256_HEX];
        struct phx_configuration *configuration;
        char *default_profile; /* that the configuration was read with */
        bool is_kept;          /* a restart would find the configuration */
};

int input_new(const struct phx_trust *trust,
              const char *settings_path,
              int state_fd,
              struct input **ret_input) {
        phx_cleanup(input_freep) struct input *input = calloc(1, sizeof(*input));

        if (!input)
                return -ENOMEM;
        input->trust = trust;
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

static int take_settings(
                struct input *input,
                const char *text,
                size_t size,
                struct phx_error *error) {
        char digest[PHX_SHA256_HEX];
        struct phx_settings *settings = NULL;
        int r;

        phx_sha256(text, size, digest);
        if (input->settings && strcmp(digest, input->settings_digest) == 0)
                return 0;

        r = phx_settings_parse(input->settings_path, text, size, &settings, error);
        if (r < 0)
                return r;
        phx_settings_free(input->settings);
        input->settings = settings;
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
        struct phx_error error = { 0 };
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r;

        r = phx_trust_read(
                        input->trust,
                        input->settings_path,
                        PHX_SETTINGS_LIMIT,
                        &text,
                        &size,
                        &error);
        if (r == -ENOENT && !input->settings_digest[0])
                return take_defaults(input);
        if (r >= 0)
                r = take_settings(input, text, size, &error);
        return r < 0 ? input_refuse(desired, PHX_REFUSED_SETTINGS, r, &error) : 0;
}

static bool input_is_in_force(const struct input *input, const char *digest) {
        return input->configuration && strcmp(input->configuration->digest, digest) == 0 &&
               phx_equal(input->default_profile, input->settings->default_profile);
}

static int take_configuration(
                struct input *input,
                const char *file,
                const char *text,
                size_t size,
                struct phx_error *error) {
        struct phx_configuration *configuration = NULL;
        char digest[PHX_SHA256_HEX];
        int r;

        phx_sha256(text, size, digest);
        if (input_is_in_force(input, digest))
                return input->is_kept ? 0 : 1;

        r = phx_configuration_parse(
                        file,
                        text,
                        size,
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

/* With a refused file: what was accepted last, before a restart or with other settings. What could
 * not be kept is newer than what is on disk, and stays. */
static void recall_configuration(struct input *input) {
        phx_autofree char *text = NULL;
        size_t size = 0;

        if (input->configuration &&
            (!input->is_kept ||
             phx_equal(input->default_profile, input->settings->default_profile)))
                return;
        if (phx_file_read_at(input->state_fd, LAST_GOOD, PHX_CONFIGURATION_LIMIT, &text, &size) >=
                            0 &&
            take_configuration(input, LAST_GOOD, text, size, NULL) >= 0)
                input->is_kept = true;
}

static int input_read_configuration(struct input *input, struct phx_desired *desired) {
        const char *path = input->settings->configuration;
        struct phx_error error = { 0 };
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r;

        r = phx_trust_read(input->trust, path, PHX_CONFIGURATION_LIMIT, &text, &size, &error);
        if (r >= 0)
                r = take_configuration(input, path, text, size, &error);
        if (r > 0) {
                r = phx_file_ensure_at(input->state_fd, LAST_GOOD, text, size, 0600);
                input->is_kept = r >= 0;
                if (r < 0)
                        (void) phx_error_set(
                                        &error,
                                        r,
                                        "%s: is accepted, but cannot be stored for the next "
                                        "start: %s",
                                        path,
                                        strerrordesc_np(-r));
        }
        if (r >= 0)
                return 0;
        recall_configuration(input);
        return input_refuse(desired, PHX_REFUSED_CONFIGURATION, r, &error);
}

int input_read(struct input *input, struct phx_desired *desired) {
        int r;

        r = input_read_settings(input, desired);
        if (r < 0 || !input->settings)
                return r;
        desired->mode = input->settings->mode;
        r = input_read_configuration(input, desired);
        if (r < 0 || !input->configuration)
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
        return phx_watches_add_file(watches, input->settings->configuration);
}
