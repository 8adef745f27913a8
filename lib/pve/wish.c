/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve/wish.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pve/keys.h"
#include "pve/startup.h"

#define BLANKS " \t"

/* Room for a long. */
#define NUMBER_SIZE 24

struct wish {
        struct phx_pve_features features; /* without MOUNT */
        struct phx_strings mounts;
        struct phx_strings *others;
        bool manages_nesting;
};

static void wish_done(struct wish *wish) {
        phx_strings_done(&wish->mounts);
}

static int wish_add_mounts(struct wish *wish, const struct phx_pve_features *features) {
        const char *name;
        size_t offset = 0, size;
        int r = 0;

        while (r >= 0 && phx_pve_features_next_mount(features, &offset, &name, &size)) {
                phx_autofree char *copy = strndup(name, size);

                r = copy ? phx_strings_add_once(&wish->mounts, copy) : -ENOMEM;
        }
        return r < 0 ? r : 0;
}

/* Which flag the word names, or NULL. */
static bool *wish_flag(struct phx_pve_features *features, const char *word) {
        const struct {
                const char *name;
                bool *flag;
        } flags[] = {
                { "force_rw_sys=", &features->force_rw_sys },
                { "fuse=", &features->fuse },
                { "keyctl=", &features->keyctl },
                { "mknod=", &features->mknod },
                { "nesting=", &features->nesting },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(flags); i++)
                if (phx_has_prefix(word, flags[i].name))
                        return flags[i].flag;
        return NULL;
}

/* "NAME=VALUE", as Proxmox would read it among its features. */
static int wish_read_word(struct wish *wish, const char *word) {
        struct phx_pve_features one = phx_pve_features_parse(word, strlen(word));
        bool *flag = wish_flag(&wish->features, word);

        if (one.fault != PHX_PVE_FEATURES_GOOD)
                return wish->others ? phx_strings_add(wish->others, word) : 0;
        if (!flag)
                return wish_add_mounts(wish, &one);
        if (flag != &wish->features.nesting || !wish->manages_nesting)
                *flag = *wish_flag(&one, word);
        return 0;
}

/* Without the name of the option, and with '=' for ':'. */
static char *wish_normalize(const char *line) {
        static const char name[] = "features";
        char *copy = strdup(line);
        char *at = copy, *to = copy;

        if (!copy)
                return NULL;
        at += strspn(at, BLANKS "-");
        if (phx_has_prefix(at, name) && strchr(BLANKS "=:", at[strlen(name)]))
                at += strlen(name) + strspn(at + strlen(name), BLANKS "=:");
        for (; *at; at++) {
                const char *next = at + strspn(at, BLANKS);

                /* Blanks beside the sign belong to nothing. */
                if (strchr(BLANKS, *at) &&
                    (*next == '=' || *next == ':' || (to > copy && to[-1] == '=')))
                        continue;
                *to++ = (char) (*at == ':' ? '=' : *at);
        }
        *to = '\0';
        return copy;
}

static int wish_read_line(struct wish *wish, const char *line) {
        phx_autofree char *copy = wish_normalize(line);
        char *rest = copy, *word;
        int r = 0;

        if (!copy)
                return -ENOMEM;
        while (r >= 0 && (word = strsep(&rest, "," BLANKS)))
                if (word[0])
                        r = wish_read_word(wish, word);
        return r;
}

static int wish_render(struct wish *wish, struct phx_buffer *value) {
        phx_cleanup(phx_buffer_done) struct phx_buffer mounts = { 0 };
        int r = phx_buffer_add_text(value, "");

        for (size_t i = 0; r >= 0 && i < wish->mounts.count; i++)
                r = phx_buffer_addf(&mounts, "%s%s", i > 0 ? ";" : "", wish->mounts.items[i]);
        wish->features.mount = mounts.data;
        wish->features.mount_size = mounts.size;
        if (r >= 0)
                r = phx_pve_features_render(&wish->features, value);
        wish->features.mount = NULL;
        wish->features.mount_size = 0;
        return r;
}

int phx_pve_wish_features(
                const struct phx_container_config *config,
                const struct phx_pve_features *have,
                char **ret_value,
                struct phx_strings *others) {
        phx_cleanup(wish_done) struct wish wish = { .features = *have,
                                                    .others = others,
                                                    .manages_nesting = config->manages_nesting };
        phx_cleanup(phx_buffer_done) struct phx_buffer before = { 0 }, after = { 0 };
        int r;

        assert(config && have && ret_value);

        if (have->fault != PHX_PVE_FEATURES_GOOD)
                return -EINVAL;
        r = wish_add_mounts(&wish, have);
        if (r >= 0)
                r = wish_render(&wish, &before);
        for (size_t i = 0; r >= 0 && i < config->pct_options.count; i++)
                r = wish_read_line(&wish, config->pct_options.items[i]);
        if (r >= 0)
                r = wish_render(&wish, &after);
        if (r < 0)
                return r;

        r = strcmp(before.data, after.data) != 0;
        *ret_value = r ? PHX_TAKE(after.data) : NULL;
        return r;
}

static bool wish_is_on(const struct phx_pve_text *text) {
        const struct phx_pve_line *line = phx_pve_text_key(text, 0, PHX_PVE_KEY_ONBOOT);

        return line && phx_pve_is_yes(line->value, line->value_size);
}

/* Digits of our own, in place of those of the file. */
static void wish_set_number(
                bool is_wanted,
                long number,
                char text[NUMBER_SIZE],
                struct phx_pve_digits *digits,
                bool *is_other) {
        if (!is_wanted || phx_pve_digits_are(digits, number))
                return;
        digits->size = (size_t) snprintf(text, NUMBER_SIZE, "%ld", number);
        digits->start = text;
        *is_other = true;
}

int phx_pve_wish_start(
                const struct phx_container_config *config,
                const struct phx_pve_text *text,
                struct phx_strings *settings) {
        const struct phx_pve_line *line = phx_pve_text_key(text, 0, PHX_PVE_KEY_STARTUP);
        phx_cleanup(phx_buffer_done) struct phx_buffer value = { 0 };
        struct phx_pve_startup startup = { 0 };
        char order[NUMBER_SIZE], up[NUMBER_SIZE];
        bool is_other;
        int r = 0;

        if (config->has_start_at_boot && wish_is_on(text) != config->start_at_boot)
                r = phx_strings_addf(settings, "%s=%d", PHX_PVE_KEY_ONBOOT, config->start_at_boot);
        if (r < 0 || !(config->has_boot_order || config->has_boot_delay))
                return r;
        if (line)
                startup = phx_pve_startup_parse(line->value, line->value_size);
        is_other = startup.is_refused;
        wish_set_number(config->has_boot_order,
                        config->boot_order,
                        order,
                        &startup.order,
                        &is_other);
        wish_set_number(config->has_boot_delay, config->boot_delay, up, &startup.up, &is_other);
        if (is_other)
                r = phx_pve_startup_render(&startup, &value);
        return r < 0 || !is_other ? r
                                  : phx_strings_addf(
                                                    settings,
                                                    "%s=%s",
                                                    PHX_PVE_KEY_STARTUP,
                                                    value.data);
}
