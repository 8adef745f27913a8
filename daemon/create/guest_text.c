/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A clone of Proxmox's has all that the other's file has. Of that it keeps what its files need and
 * what limits it; a right of the other, its network and the time of its start are gone, as what the
 * new one is to have is in its own entry. The lines for LXC are judged as those of plain LXC are
 * (create/config_text.h). */

#include "create/guest_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "create/config_text.h"
#include "pve/edit.h"
#include "pve/text.h"

#define KEY_NET "net0"
#define KEY_ROOTFS "rootfs"
#define KEY_UNPRIVILEGED "unprivileged"
#define GENERATED "generated"

/* Keys that a clone does not get from the other; "net" and "dev" stand for all with a number. */
static const char *const dropped[] = {
        "dev", "features", "hookscript", "onboot", "protection", "net", "startup", "tags",
};

const char *guest_key(const struct guest_record *record, const char *key) {
        size_t size = strlen(key);

        for (size_t i = 0; i < record->keys.count; i++)
                if (strncmp(record->keys.items[i], key, size) == 0 &&
                    record->keys.items[i][size] == '=')
                        return record->keys.items[i] + size + 1;
        return NULL;
}

static bool is_dropped(const struct phx_pve_line *line) {
        for (size_t i = 0; i < PHX_ELEMENTS(dropped); i++) {
                size_t size = strlen(dropped[i]);

                if (line->key_size < size || strncmp(line->key, dropped[i], size) != 0)
                        continue;
                while (size < line->key_size && isdigit((unsigned char) line->key[size]))
                        size++;
                if (size == line->key_size)
                        return true;
        }
        return false;
}

/* --- the mark --- */

static int make_note(const struct guest_record *record, char **ret_note) {
        return phx_printf(ret_note, "#" GUEST_NOTE "%s", record->token);
}

/* Copies all but the mark; returns 1 when there was one. */
static int strip_note(
                const struct guest_record *record,
                const char *data,
                size_t size,
                struct phx_buffer *text) {
        phx_autofree char *note = NULL;
        bool has = false;
        int r = make_note(record, &note);

        if (r >= 0)
                r = phx_buffer_add_text(text, "");
        for (size_t at = 0; r >= 0 && at < size;) {
                const char *end = memchr(data + at, '\n', size - at);
                size_t length = end ? (size_t) (end - data) - at : size - at;
                size_t whole = end ? length + 1 : length;

                if (length == strlen(note) && memcmp(data + at, note, length) == 0)
                        has = true;
                else
                        r = phx_buffer_add(text, data + at, whole);
                at += whole;
        }
        return r < 0 ? r : has;
}

int guest_is_marked(const struct guest_record *record, const char *data, size_t size) {
        phx_cleanup(phx_buffer_done) struct phx_buffer rest = { 0 };

        return strip_note(record, data, size, &rest);
}

int guest_is_locked(const char *data, size_t size, const char *lock) {
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        const struct phx_pve_line *line;
        int r = phx_pve_text_parse(data, size, &text);

        if (r < 0)
                return r;
        line = phx_pve_text_lock(&text);
        return line && (!lock || phx_pve_is(line->value, line->value_size, lock));
}

/* --- the network --- */

/* Each clone gets a new address from Proxmox with the interface that it is a clone of. Without one
 * it is one of those that anybody may make up. */
static int find_hwaddr(const struct phx_pve_text *text, char **ret_hwaddr) {
        static const char part[] = "hwaddr=";
        const struct phx_pve_line *line = phx_pve_text_key(text, 0, KEY_NET);
        phx_autofree char *value = line ? strndup(line->value, line->value_size) : NULL;
        char *rest = value, *word;
        unsigned char bytes[5];

        while (value && (word = strsep(&rest, ",")))
                if (phx_has_prefix(word, part))
                        return phx_printf(ret_hwaddr, "%s", word + strlen(part));
        if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t) sizeof(bytes))
                return -EIO;
        return phx_printf(
                        ret_hwaddr,
                        "02:%02X:%02X:%02X:%02X:%02X",
                        bytes[0],
                        bytes[1],
                        bytes[2],
                        bytes[3],
                        bytes[4]);
}

/* Behind the gateway, as Proxmox sorts the parts. */
static int set_network(
                struct phx_pve_edit *edit,
                const struct phx_pve_text *text,
                const char *value) {
        phx_autofree char *hwaddr = NULL, *whole = NULL;
        const char *at = strstr(value, ",ip");
        int r;

        if (strstr(value, ",hwaddr="))
                return phx_pve_edit_set(edit, KEY_NET, value);
        if (!at)
                at = strstr(value, ",type=");
        if (!at)
                return -EINVAL;
        r = find_hwaddr(text, &hwaddr);
        if (r >= 0)
                r = phx_printf(&whole, "%.*s,hwaddr=%s%s", (int) (at - value), value, hwaddr, at);
        return r < 0 ? r : phx_pve_edit_set(edit, KEY_NET, whole);
}

/* --- the edit --- */

/* What Proxmox's own command has to do is not among them. */
static int set_keys(
                const struct guest_record *record,
                const struct phx_pve_text *text,
                struct phx_pve_edit *edit) {
        static const char *const keys[] = { "cores", "memory", "swap" };
        const char *network = guest_key(record, KEY_NET);
        int r = network ? set_network(edit, text, network) : 0;

        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(keys); i++) {
                const char *value = guest_key(record, keys[i]);

                if (value)
                        r = phx_pve_edit_set(edit, keys[i], value);
        }
        return r;
}

static int drop_line(const struct phx_pve_line *line, struct phx_pve_edit *edit) {
        phx_autofree char *key = NULL;

        if (line->kind == PHX_PVE_LXC && !phx_pve_line_sets(line, PHX_PVE_KEY_IDMAP) &&
            !phx_pve_line_sets(line, PHX_PVE_KEY_PROFILE))
                return phx_strings_addf(
                                &edit->removed,
                                "%.*s=%.*s",
                                (int) line->key_size,
                                line->key,
                                (int) line->value_size,
                                line->value);
        if (line->kind != PHX_PVE_KEY || !is_dropped(line))
                return 0;
        key = strndup(line->key, line->key_size);
        return key ? phx_pve_edit_set(edit, key, NULL) : -ENOMEM;
}

static int edit_as_clone(
                const struct guest_record *record,
                const struct phx_pve_text *text,
                struct phx_pve_edit *edit) {
        const struct phx_pve_section *main = &text->sections[0];
        int r = 0;

        for (size_t i = 0; r >= 0 && i < main->count; i++)
                r = drop_line(&text->lines[main->first + i], edit);
        return r < 0 ? r : set_keys(record, text, edit);
}

static int make_edit(
                const struct guest_record *record,
                enum guest_stage stage,
                const struct phx_pve_text *text,
                struct phx_pve_edit *edit) {
        const char *label = strcmp(record->label, GENERATED) == 0 ? NULL : record->label;
        int r = phx_pve_edit_set(edit, PHX_PVE_KEY_PROFILE, label);

        if (r >= 0 && stage != GUEST_PREPARED)
                r = phx_pve_edit_set(edit, "lock", NULL);
        if (r < 0 || stage == GUEST_DOOMED)
                return r;
        if (record->source)
                r = edit_as_clone(record, text, edit);
        return r < 0 ? r : phx_strings_copy(&edit->tail, &record->lines);
}

static int add_note(const struct guest_record *record, struct phx_buffer *text) {
        phx_cleanup(phx_buffer_done) struct phx_buffer rest = PHX_TAKE_STRUCT(*text);
        phx_autofree char *note = NULL;
        int r = make_note(record, &note);

        if (r >= 0)
                r = phx_buffer_addf(text, "%s\n", note);
        return r < 0 ? r : phx_buffer_add(text, rest.data, rest.size);
}

int guest_render(
                const struct guest_record *record,
                enum guest_stage stage,
                const char *data,
                size_t size,
                struct phx_buffer *ret_text,
                struct phx_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer bare = { 0 }, made = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_cleanup(phx_pve_edit_done) struct phx_pve_edit edit = { 0 };
        int has_note, r;

        r = has_note = strip_note(record, data, size, &bare);
        if (r >= 0)
                r = phx_pve_text_parse(bare.data, bare.size, &text);
        if (r >= 0)
                r = make_edit(record, stage, &text, &edit);
        if (r < 0)
                return phx_error_set(error, r, "%u.conf: %s", record->id, strerrordesc_np(-r));
        r = phx_pve_edit_render(&edit, &text, &made, error);
        if (r >= 0 && (stage == GUEST_DOOMED || (stage == GUEST_PREPARED && has_note > 0)))
                r = add_note(record, &made);
        if (r < 0)
                return r;
        r = made.size != size || memcmp(made.data, data, size) != 0;
        *ret_text = PHX_TAKE_STRUCT(made);
        return r;
}

/* --- volumes --- */

/* "rootfs", or "mp" and a number. */
static bool is_volume(const struct phx_pve_line *line) {
        size_t at = 2;

        if (line->kind != PHX_PVE_KEY || phx_pve_is(line->key, line->key_size, KEY_ROOTFS))
                return line->kind == PHX_PVE_KEY;
        if (line->key_size <= at || strncmp(line->key, "mp", at) != 0)
                return false;
        while (at < line->key_size && isdigit((unsigned char) line->key[at]))
                at++;
        return at == line->key_size;
}

static int has_key_of(const struct phx_pve_text *text, const struct phx_pve_line *line) {
        phx_autofree char *key = strndup(line->key, line->key_size);

        if (!key)
                return -ENOMEM;
        return phx_pve_text_key(text, 0, key) != NULL;
}

int guest_has_volumes(const char *data, size_t size, const char *source, size_t source_size) {
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 }, other = { 0 };
        int r = phx_pve_text_parse(data, size, &text);

        if (r >= 0 && source)
                r = phx_pve_text_parse(source, source_size, &other);
        if (r >= 0)
                r = phx_pve_text_key(&text, 0, KEY_ROOTFS) != NULL;
        for (size_t i = 0; r > 0 && source && i < other.sections[0].count; i++) {
                const struct phx_pve_line *line = &other.lines[other.sections[0].first + i];

                if (is_volume(line))
                        r = has_key_of(&text, line);
        }
        return r;
}

/* --- the source --- */

static bool is_ordered(const struct guest_record *record, const struct phx_pve_line *line) {
        for (size_t i = 0; i < record->lines.count; i++) {
                const char *text = record->lines.items[i];

                if (strncmp(text, line->key, line->key_size) == 0 && text[line->key_size] == '=' &&
                    phx_pve_is(line->value, line->value_size, text + line->key_size + 1))
                        return true;
        }
        return false;
}

/* A value may be a secret, and is not shown. */
static int check_line(
                const struct guest_record *record,
                const struct phx_pve_line *line,
                struct phx_error *error) {
        const struct phx_lxc_line like = { .key = line->key, .key_size = line->key_size };

        if (line->kind != PHX_PVE_LXC || phx_pve_line_sets(line, PHX_PVE_KEY_IDMAP) ||
            config_is_left_out(&like) || is_ordered(record, line))
                return 0;
        return phx_error_set(
                        error,
                        -EINVAL,
                        "container %s: line %u of its file is %.*s, which phoenixd does not copy to "
                        "a clone and does not leave out silently; add the same line to lxc_options "
                        "of %u",
                        record->source,
                        line->number,
                        (int) line->key_size,
                        line->key,
                        record->id);
}

/* "STORAGE:VOLUME,size=8G": in bytes; 0 when it is not known. */
static uint64_t read_size(const struct phx_pve_line *line) {
        static const char units[] = "KMGT";
        phx_autofree char *value = line ? strndup(line->value, line->value_size) : NULL;
        char *at = value ? strstr(value, ",size=") : NULL, *end = NULL;
        const char *unit;
        uint64_t number;

        if (!at)
                return 0;
        errno = 0;
        number = strtoull(at + strlen(",size="), &end, 10);
        unit = *end ? strchr(units, *end) : NULL;
        if (errno != 0 || !unit || (end[1] && end[1] != ',') || number > UINT32_MAX)
                return 0;
        return number << (10 * (unsigned) (unit - units + 1));
}

int guest_grows(const struct guest_record *record, const char *data, size_t size) {
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        const char *wanted = guest_key(record, KEY_ROOTFS);
        int r = phx_pve_text_parse(data, size, &text);

        if (r < 0 || !wanted || !record->source)
                return r < 0 ? r : 0;
        return strtoull(wanted, NULL, 10) << 30 > read_size(phx_pve_text_key(&text, 0, KEY_ROOTFS));
}

static int check_size(
                const struct guest_record *record,
                const struct phx_pve_text *text,
                struct phx_error *error) {
        const char *wanted = guest_key(record, KEY_ROOTFS);
        uint64_t size = wanted ? strtoull(wanted, NULL, 10) << 30 : 0;
        uint64_t found = read_size(phx_pve_text_key(text, 0, KEY_ROOTFS));

        if (!wanted || (found > 0 && size >= found))
                return 0;
        return phx_error_set(
                        error,
                        -EINVAL,
                        found > 0 ? "storage_size_gb: the disk of container %s, which it is cloned "
                                    "from, is larger"
                                  : "storage_size_gb: the size of the disk of container %s, which "
                                    "it is cloned from, is not known",
                        record->source);
}

int guest_check_source(
                const struct guest_record *record,
                bool is_unprivileged,
                const char *data,
                size_t size,
                struct phx_error *error) {
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        const struct phx_pve_section *main;
        const struct phx_pve_line *line;
        int r = phx_pve_text_parse(data, size, &text);

        if (r < 0)
                return phx_error_set(error, r, "%s", strerrordesc_np(-r));
        main = &text.sections[0];
        for (size_t i = 0; r >= 0 && i < main->count; i++)
                r = check_line(record, &text.lines[main->first + i], error);
        if (r < 0)
                return r;
        line = phx_pve_text_key(&text, 0, KEY_UNPRIVILEGED);
        if (is_unprivileged && !(line && phx_pve_is_yes(line->value, line->value_size)))
                return phx_error_set(
                                error,
                                -EINVAL,
                                "unprivileged: container %s, which it is cloned from, is "
                                "privileged",
                                record->source);
        return check_size(record, &text, error);
}
