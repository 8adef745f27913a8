/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Each ID.conf of a directory is a Proxmox container's file, and ID.txt what is made of it: its
 * lines as Proxmox reads them, what they mean, the config that Proxmox 9 generates, four
 * edits, and what is offered to be cleared away. Bytes that are no printable ASCII are shown as
 * \xHH. usage: golden-pve [--update] DIRECTORY [ID] */

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/strings.h"
#include "pve/edit.h"
#include "pve/leftovers.h"
#include "pve/wish.h"
#include "pve_names.h"

#define FILE_LIMIT ((size_t) 1 << 20)

static int show(struct phx_buffer *dump, const char *bytes, size_t size) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < size; i++) {
                unsigned char c = (unsigned char) bytes[i];

                r = c < ' ' || c >= 0x7f || c == '\\' ? phx_buffer_addf(dump, "\\x%02x", c)
                                                      : phx_buffer_add(dump, &bytes[i], 1);
        }
        return r;
}

static int show_pair(struct phx_buffer *dump, const struct phx_pve_line *line) {
        int r = 0;

        if (line->key) {
                r = phx_buffer_add_text(dump, " ");
                if (r >= 0)
                        r = show(dump, line->key, line->key_size);
        }
        if (r >= 0 && line->value) {
                r = phx_buffer_add_text(dump, " |");
                if (r >= 0)
                        r = show(dump, line->value, line->value_size);
        }
        return r < 0 ? r : phx_buffer_add_text(dump, "\n");
}

static int dump_lines(struct phx_buffer *dump, const struct phx_pve_text *text) {
        int r = phx_buffer_addf(dump, "digest %s\n\n", text->digest);

        for (size_t i = 0; r >= 0 && i < text->count; i++) {
                const struct phx_pve_line *line = &text->lines[i];
                const struct phx_pve_section *section = &text->sections[line->section];

                if (line->kind == PHX_PVE_BLANK)
                        continue;
                r = phx_buffer_addf(
                                dump,
                                "%u %s%s",
                                line->number,
                                line->drop == PHX_PVE_NOT_DROPPED ? pve_kind_word(line->kind)
                                                                  : pve_drop_word(line->drop),
                                section->is_overruled ? " overruled" : "");
                if (r >= 0)
                        r = show_pair(dump, line);
        }
        return r;
}

static int dump_profile(struct phx_buffer *dump, const struct phx_pve_text *text, size_t section) {
        const struct phx_pve_profile profile = phx_pve_profile_of(text, section);
        const struct phx_pve_section *place = &text->sections[section];
        int r;

        if (place->is_overruled)
                return 0;
        r = phx_buffer_addf(
                        dump,
                        "profile of %s%.*s: %s '",
                        place->kind == PHX_PVE_MAIN      ? "main"
                        : place->kind == PHX_PVE_PENDING ? "pending"
                                                         : "snapshot ",
                        (int) place->name_size,
                        place->name_size > 0 ? place->name : "",
                        pve_strength_word(profile.strength));
        if (r >= 0)
                r = show(dump, profile.value, profile.value_size);
        return r < 0 ? r
                     : phx_buffer_addf(dump,
                                       "' line %u\n",
                                       profile.decider ? profile.decider->number : 0);
}

static int dump_digits(struct phx_buffer *dump, const struct phx_pve_digits *digits) {
        return digits->start ? phx_buffer_addf(dump, " %.*s", (int) digits->size, digits->start)
                             : phx_buffer_add_text(dump, " -1");
}

static int dump_startup(struct phx_buffer *dump, const struct phx_pve_startup *startup) {
        int r = phx_buffer_addf(dump, ", startup%s", startup->is_refused ? " refused" : "");

        if (r >= 0)
                r = dump_digits(dump, &startup->order);
        if (r >= 0)
                r = dump_digits(dump, &startup->up);
        return r < 0 ? r : dump_digits(dump, &startup->down);
}

static int dump_meaning(struct phx_buffer *dump, const struct phx_pve_text *text) {
        phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning meaning = { 0 };
        int r = phx_pve_meaning_of(text, &meaning);

        if (r >= 0)
                r = phx_buffer_addf(
                                dump,
                                "\nlock %u, template %d, unprivileged %d, onboot %d",
                                meaning.lock ? meaning.lock->number : 0,
                                meaning.is_template,
                                meaning.is_unprivileged,
                                meaning.starts_at_boot);
        if (r >= 0)
                r = dump_startup(dump, &meaning.startup);
        if (r >= 0)
                r = phx_buffer_addf(
                                dump,
                                ", features %s\n",
                                pve_features_fault_word(meaning.features.fault));
        if (r >= 0)
                r = phx_pve_features_render(&meaning.features, dump);
        if (r >= 0 && dump->data[dump->size - 1] != '\n')
                r = phx_buffer_add_text(dump, "\n");
        for (size_t i = 0; r >= 0 && i < text->n_sections; i++)
                r = dump_profile(dump, text, i);
        for (size_t i = 0; r >= 0 && i < meaning.n_findings; i++)
                r = phx_buffer_addf(
                                dump,
                                "finding %s line %u\n",
                                pve_finding_word(meaning.findings[i].kind),
                                meaning.findings[i].line->number);
        return r;
}

static int dump_effect(struct phx_buffer *dump, const struct phx_pve_text *text, size_t section) {
        const struct phx_pve_host host = { .release = 9 };
        phx_cleanup(phx_pve_effect_done) struct phx_pve_effect effect = { 0 };
        int r;

        if (text->sections[section].is_overruled)
                return 0;
        r = phx_pve_effect_of(text, section, &host, &effect);
        if (r >= 0)
                r = phx_buffer_addf(
                                dump,
                                "\nconfig of section %zu: %s",
                                section,
                                pve_generation_word(effect.generation));
        if (r >= 0)
                r = effect.cause > 0 ? phx_buffer_addf(dump, ", line %u\n", effect.cause)
                                     : phx_buffer_add_text(dump, "\n");
        for (size_t i = 0; r >= 0 && i < effect.count; i++) {
                r = phx_buffer_addf(dump, "%4u %s = ", effect.items[i].number, effect.items[i].key);
                if (r >= 0)
                        r = show(dump, effect.items[i].value, effect.items[i].value_size);
                if (r >= 0)
                        r = phx_buffer_add_text(dump, "\n");
        }
        return r;
}

/* --- edits --- */

static int dump_change(struct phx_buffer *dump, char sign, const struct phx_pve_line *line) {
        int r = phx_buffer_addf(dump, "%c", sign);

        if (r >= 0)
                r = show(dump, line->start, line->size);
        return r < 0 ? r : phx_buffer_add_text(dump, "\n");
}

static bool is_equal(const struct phx_pve_line *a, const struct phx_pve_line *b) {
        return a->size == b->size && memcmp(a->start, b->start, a->size) == 0;
}

/* In the main section, from line FROM of it. */
static bool is_there(
                const struct phx_pve_text *text,
                size_t from,
                const struct phx_pve_line *line) {
        for (size_t i = from; i < text->sections[0].count; i++)
                if (is_equal(&text->lines[i], line))
                        return true;
        return false;
}

static bool is_rest_equal(
                const struct phx_pve_text *before,
                const struct phx_pve_text *after,
                size_t i,
                size_t k) {
        for (; i < before->count && k < after->count; i++, k++)
                if (!is_equal(&before->lines[i], &after->lines[k]))
                        return false;
        return i == before->count && k == after->count;
}

/* NULL behind the main section's last. */
static const struct phx_pve_line *main_line(const struct phx_pve_text *text, size_t index) {
        return index < text->sections[0].count ? &text->lines[index] : NULL;
}

/* One line, on either side or on both; of a moved one first where it is now. */
static int dump_step(
                struct phx_buffer *dump,
                const struct phx_pve_line *have,
                const struct phx_pve_line *now,
                const struct phx_pve_text *after,
                size_t places[2]) {
        if (have && now && is_equal(have, now)) {
                places[0]++;
                places[1]++;
                return 0;
        }
        if (have && !is_there(after, places[1], have)) {
                places[0]++;
                return dump_change(dump, '-', have);
        }
        if (!now)
                return -EINVAL;
        places[1]++;
        return dump_change(dump, '+', now);
}

/* Good enough for an edit, which moves nothing but the profile. */
static int dump_changes(
                struct phx_buffer *dump,
                const struct phx_pve_text *before,
                const struct phx_pve_text *after) {
        size_t places[2] = { 0 };
        int r = 0;

        assert(before->lines && after->lines);

        for (;;) {
                const struct phx_pve_line *have = main_line(before, places[0]);
                const struct phx_pve_line *now = main_line(after, places[1]);

                if (r < 0 || (!have && !now))
                        break;
                r = dump_step(dump, have, now, after, places);
        }
        return r >= 0 && !is_rest_equal(before, after, places[0], places[1]) ? -EINVAL : r;
}

static int dump_edit(
                struct phx_buffer *dump,
                const struct phx_pve_text *text,
                const char *name,
                const struct phx_pve_edit *edit) {
        phx_cleanup(phx_buffer_done) struct phx_buffer edited = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text after = { 0 };
        struct phx_error error = { 0 };
        int r, changed;

        r = phx_buffer_addf(dump, "\nedit %s: ", name);
        if (r < 0)
                return r;
        changed = phx_pve_edit_render(edit, text, &edited, &error);
        if (changed < 0)
                return phx_buffer_addf(dump, "%s\n", error.text);
        r = phx_buffer_addf(dump, "%s\n", changed ? "changed" : "unchanged");
        if (r >= 0)
                r = phx_pve_text_parse(edited.data, edited.size, &after);
        return r < 0 ? r : dump_changes(dump, text, &after);
}

static int dump_edits(struct phx_buffer *dump, const struct phx_pve_text *text) {
        phx_cleanup(phx_pve_edit_done) struct phx_pve_edit confine = { 0 }, leave = { 0 };
        phx_cleanup(phx_pve_edit_done) struct phx_pve_edit all = { 0 };

        if (phx_pve_edit_set(&confine, PHX_PVE_KEY_PROFILE, "ct-golden") < 0 ||
            phx_pve_edit_set(&leave, PHX_PVE_KEY_PROFILE, NULL) < 0 ||
            phx_pve_edit_set(&all, PHX_PVE_KEY_PROFILE, "ct-golden") < 0 ||
            phx_pve_edit_set(&all, PHX_PVE_KEY_ALLOW_NESTING, NULL) < 0 ||
            phx_pve_edit_set(&all, PHX_PVE_KEY_OLD_PROFILE, NULL) < 0 ||
            phx_pve_edit_set(&all, PHX_PVE_KEY_FEATURES, "keyctl=1,nesting=1") < 0 ||
            phx_strings_add(&all.removed, "lxc.include=/usr/share/lxc/config/nesting.conf") < 0 ||
            phx_strings_add(&all.tail, "lxc.cap.drop=sys_rawio") < 0)
                return -ENOMEM;
        if (dump_edit(dump, text, "profile ct-golden", &confine) < 0 ||
            dump_edit(dump, text, "profile of Proxmox", &leave) < 0)
                return -ENOMEM;
        return dump_edit(dump, text, "profile, features and capability, leftovers removed", &all);
}

/* Second, half a minute before the next one. */
static int dump_start(struct phx_buffer *dump, const struct phx_pve_text *text) {
        static const struct phx_container_config config = {
                .has_start_at_boot = true,
                .has_boot_order = true,
                .has_boot_delay = true,
                .start_at_boot = true,
                .boot_order = 2,
                .boot_delay = 30,
        };
        phx_cleanup(phx_pve_edit_done) struct phx_pve_edit edit = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings settings = { 0 };
        int r = phx_pve_wish_start(&config, text, &settings);

        for (size_t i = 0; r >= 0 && i < settings.count; i++) {
                char *value = strchr(settings.items[i], '=');

                *value++ = '\0';
                r = phx_pve_edit_set(&edit, settings.items[i], value);
        }
        return r < 0 ? r : dump_edit(dump, text, "start at boot", &edit);
}

/* The whole file as it would be. */
static int dump_leftovers(struct phx_buffer *dump, const struct phx_pve_text *text) {
        static const struct phx_pve_wanted nothing = { 0 };
        phx_cleanup(phx_pve_leftovers_done) struct phx_pve_leftovers leftovers = { 0 };
        phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning meaning = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text after = { 0 };
        int r = phx_pve_meaning_of(text, &meaning);

        if (r >= 0)
                r = phx_pve_leftovers_of(text, &meaning, &nothing, &leftovers);
        if (r <= 0)
                return r < 0 ? r : phx_buffer_add_text(dump, "\nleftovers: none\n");
        r = phx_buffer_addf(dump, "\nleftovers: %zu\n", leftovers.count);
        for (size_t i = 0; r >= 0 && i < leftovers.count; i++)
                r = phx_buffer_addf(
                                dump,
                                "change %s line %u\n",
                                phx_leftover_to_string(leftovers.changes[i].kind),
                                leftovers.changes[i].line->number);
        if (r >= 0)
                r = phx_pve_text_parse(leftovers.text.data, leftovers.text.size, &after);
        for (size_t i = 0; r >= 0 && i < after.count; i++)
                r = dump_change(dump, '|', &after.lines[i]);
        return r;
}

static int dump_file(const char *data, size_t size, struct phx_buffer *dump) {
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        int r;

        r = phx_pve_text_parse(data, size, &text);
        if (r >= 0)
                r = dump_lines(dump, &text);
        if (r >= 0)
                r = dump_meaning(dump, &text);
        for (size_t i = 0; r >= 0 && i < text.n_sections; i++)
                r = dump_effect(dump, &text, i);
        if (r >= 0)
                r = dump_edits(dump, &text);
        if (r >= 0)
                r = dump_start(dump, &text);
        return r < 0 ? r : dump_leftovers(dump, &text);
}

/* --- cases --- */

static int compare(const char *name, const char *path, const struct phx_buffer *dump) {
        phx_autofree char *expected = NULL;
        size_t size = 0;

        if (phx_file_read_at(AT_FDCWD, path, FILE_LIMIT, &expected, &size) < 0)
                return -ENOENT;
        if (size == dump->size && memcmp(expected, dump->data, size) == 0)
                return 0;
        (void) fprintf(stderr,
                       "%s: found, which is not what %s expects:\n%s",
                       name,
                       path,
                       dump->data);
        return -EINVAL;
}

static int update(const char *path, const struct phx_buffer *dump) {
        FILE *file = fopen(path, "we");

        if (!file)
                return phx_errno();
        if (fwrite(dump->data, 1, dump->size, file) != dump->size) {
                (void) fclose(file);
                return -EIO;
        }
        return fclose(file) == 0 ? 0 : phx_errno();
}

static int run_case(const char *directory, const char *name, bool is_update) {
        phx_cleanup(phx_buffer_done) struct phx_buffer dump = { 0 };
        phx_autofree char *config = NULL, *expected = NULL, *data = NULL;
        size_t size = 0;
        int r;

        if (phx_printf(&config, "%s/%s.conf", directory, name) < 0 ||
            phx_printf(&expected, "%s/%s.txt", directory, name) < 0)
                return -ENOMEM;
        r = phx_file_read_at(AT_FDCWD, config, FILE_LIMIT, &data, &size);
        if (r >= 0)
                r = dump_file(data, size, &dump);
        if (r < 0)
                return r;
        return is_update ? update(expected, &dump) : compare(name, expected, &dump);
}

static int select_config(const struct dirent *entry) {
        return phx_has_suffix(entry->d_name, ".conf");
}

static int run_cases(const char *directory, const char *only, bool is_update) {
        struct dirent **entries = NULL;
        int n = scandir(directory, &entries, select_config, alphasort), failed = n <= 0, ran = 0;

        for (int i = 0; i < n; i++) {
                char *name = entries[i]->d_name;

                name[strlen(name) - strlen(".conf")] = '\0';
                if (!only || strcmp(only, name) == 0) {
                        int r = run_case(directory, name, is_update);

                        (void) printf("%s %d - %s\n", r < 0 ? "not ok" : "ok", ++ran, name);
                        failed += r < 0;
                }
                free(entries[i]);
        }
        free(entries);
        (void) printf("1..%d\n", ran);
        return failed;
}

int main(int argc, char *argv[]) {
        const bool is_update = argc > 1 && strcmp(argv[1], "--update") == 0;
        char **arguments = argv + 1 + is_update;
        int count = argc - 1 - is_update;

        if (count < 1 || count > 2) {
                (void) fprintf(stderr, "usage: %s [--update] DIRECTORY [ID]\n", argv[0]);
                return EXIT_FAILURE;
        }
        return run_cases(arguments[0], count > 1 ? arguments[1] : NULL, is_update) == 0
                               ? EXIT_SUCCESS
                               : EXIT_FAILURE;
}
