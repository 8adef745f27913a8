/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve/features.h"

#include <errno.h>
#include <string.h>

#include "pve/keys.h"

struct features_word {
        const char *text;
        size_t size;
};

/* The flags, sorted by their names. */
static const struct {
        const char *name;
        size_t offset;
} flags[] = {
        { "force_rw_sys", offsetof(struct phx_pve_features, force_rw_sys) },
        { "fuse", offsetof(struct phx_pve_features, fuse) },
        { "keyctl", offsetof(struct phx_pve_features, keyctl) },
        { "mknod", offsetof(struct phx_pve_features, mknod) },
        { "nesting", offsetof(struct phx_pve_features, nesting) },
};

static const char mount_name[] = "mount";

static bool features_is_one_of(struct features_word word, const char *const *words, size_t count) {
        for (size_t i = 0; i < count; i++)
                if (word.size == strlen(words[i]) &&
                    strncasecmp(word.text, words[i], word.size) == 0)
                        return true;
        return false;
}

/* 1, 0, or -EINVAL: here, unlike elsewhere in the file, any other value is an error. */
static int features_boolean(struct features_word word) {
        static const char *const yes[] = { "1", "on", "true", "yes" };
        static const char *const no[] = { "0", "false", "no", "off" };

        if (features_is_one_of(word, yes, PHX_ELEMENTS(yes)))
                return 1;
        return features_is_one_of(word, no, PHX_ELEMENTS(no)) ? 0 : -EINVAL;
}

static bool is_mount_char(char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '_' || c == ';' || c == ' ';
}

static bool *features_flag(struct phx_pve_features *features, size_t index) {
        return (bool *) ((char *) features + flags[index].offset);
}

static enum phx_pve_features_fault set_mount(
                struct phx_pve_features *features,
                struct features_word value) {
        for (size_t i = 0; i < value.size; i++)
                if (!is_mount_char(value.text[i]))
                        return PHX_PVE_FEATURES_MOUNT;
        if (phx_pve_is(value.text, value.size, "0"))
                return PHX_PVE_FEATURES_GOOD;
        features->mount = value.text;
        features->mount_size = value.size;
        return PHX_PVE_FEATURES_GOOD;
}

/* SEEN has a bit for each name that there was. */
static enum phx_pve_features_fault features_set(
                struct phx_pve_features *features,
                struct features_word name,
                struct features_word value,
                unsigned *seen) {
        size_t index = 0;
        int flag;

        while (index < PHX_ELEMENTS(flags) && !phx_pve_is(name.text, name.size, flags[index].name))
                index++;
        if (index == PHX_ELEMENTS(flags) && !phx_pve_is(name.text, name.size, mount_name))
                return PHX_PVE_FEATURES_UNKNOWN;
        if (*seen & 1U << index)
                return PHX_PVE_FEATURES_TWICE;
        *seen |= 1U << index;
        if (index == PHX_ELEMENTS(flags))
                return set_mount(features, value);

        flag = features_boolean(value);
        if (flag < 0)
                return PHX_PVE_FEATURES_BOOLEAN;
        *features_flag(features, index) = flag > 0;
        return PHX_PVE_FEATURES_GOOD;
}

static enum phx_pve_features_fault features_read(
                struct phx_pve_features *features,
                struct features_word word,
                unsigned *seen) {
        const char *equals = memchr(word.text, '=', word.size);
        struct features_word name = word, value = word;

        if (!equals)
                return PHX_PVE_FEATURES_NO_VALUE;
        name.size = (size_t) (equals - word.text);
        value.text = equals + 1;
        value.size = word.size - name.size - 1;
        if (name.size == 0 || value.size == 0)
                return PHX_PVE_FEATURES_NO_VALUE;
        return features_set(features, name, value, seen);
}

static bool features_is_empty(struct features_word word) {
        for (size_t i = 0; i < word.size; i++)
                if (!strchr(" \t\r\f\v", word.text[i]) || word.text[i] == '\0')
                        return false;
        return true;
}

struct phx_pve_features phx_pve_features_parse(const char *value, size_t size) {
        struct phx_pve_features features = { 0 };
        unsigned seen = 0;
        size_t at = 0;

        if (phx_pve_is(value, size, "0"))
                return features;
        while (at < size && features.fault == PHX_PVE_FEATURES_GOOD) {
                const char *comma = memchr(value + at, ',', size - at);
                struct features_word word = { value + at,
                                              comma ? (size_t) (comma - value) - at : size - at };

                at += word.size + 1;
                if (features_is_empty(word))
                        continue;
                features.fault = features_read(&features, word, &seen);
                if (features.fault == PHX_PVE_FEATURES_GOOD)
                        continue;
                features.word = word.text;
                features.word_size = word.size;
        }
        return features;
}

static int features_add(struct phx_buffer *value, size_t start, const char *name) {
        int r = value->size > start ? phx_buffer_add_text(value, ",") : 0;

        return r < 0 ? r : phx_buffer_addf(value, "%s=", name);
}

int phx_pve_features_render(const struct phx_pve_features *features, struct phx_buffer *value) {
        struct phx_pve_features copy = *features;
        const size_t start = value->size;
        bool has_mount = copy.mount_size > 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(flags); i++) {
                if (has_mount && strcmp(mount_name, flags[i].name) < 0) {
                        has_mount = false;
                        r = features_add(value, start, mount_name);
                        if (r >= 0)
                                r = phx_buffer_add(value, copy.mount, copy.mount_size);
                }
                if (r < 0 || !*features_flag(&copy, i))
                        continue;
                r = features_add(value, start, flags[i].name);
                if (r >= 0)
                        r = phx_buffer_add_text(value, "1");
        }
        return r;
}

bool phx_pve_features_next_mount(
                const struct phx_pve_features *features,
                size_t *offset,
                const char **ret_name,
                size_t *ret_size) {
        size_t at = *offset, end;

        while (at < features->mount_size && strchr("; ", features->mount[at]))
                at++;
        end = at;
        while (end < features->mount_size && !strchr("; ", features->mount[end]))
                end++;
        if (end == at)
                return false;
        *offset = end;
        *ret_name = features->mount + at;
        *ret_size = end - at;
        return true;
}
