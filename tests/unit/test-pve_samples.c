/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Files of Proxmox containers, and what Proxmox's own parser, writer and generator make of them:
 * PHOENIXD_SAMPLES/pve. Where that is no directory, it is said, and counted as skipped. Strings
 * that are no UTF-8 are kept there as Latin-1. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/file.h"
#include "base/strings.h"
#include "lxc/ask.h"
#include "pve/edit.h"
#include "pve/effect.h"
#include "pve/meaning.h"
#include "pve/text.h"
#include "pve_rewrite.h"

#define FILE_LIMIT ((size_t) 1 << 20)
#define SAMPLE_COUNT 69

struct sample {
        char *name;
        struct phx_pve_text text;
        json_t *parsed;
        char *rewritten;
        size_t rewritten_size;
};

static struct sample samples[SAMPLE_COUNT];
static size_t n_samples;

static bool read_part(const char *name, const char *suffix, char **ret_data, size_t *ret_size) {
        phx_autofree char *path = NULL;

        return phx_printf(&path, "%s/pve/%s%s", getenv("PHOENIXD_SAMPLES"), name, suffix) >= 0 &&
               phx_file_read_at(AT_FDCWD, path, FILE_LIMIT, ret_data, ret_size) >= 0;
}

static bool add_sample(const char *name) {
        struct sample *sample = &samples[n_samples];
        phx_autofree char *config = NULL, *parsed = NULL;
        size_t size = 0, parsed_size = 0;

        if (!read_part(name, ".conf", &config, &size) ||
            !read_part(name, ".parsed.json", &parsed, &parsed_size) ||
            !read_part(name, ".rewritten", &sample->rewritten, &sample->rewritten_size))
                return false;
        n_samples++;
        sample->name = strdup(name);
        sample->parsed = json_loadb(parsed, parsed_size, JSON_ALLOW_NUL, NULL);
        return sample->name && sample->parsed &&
               phx_pve_text_parse(config, size, &sample->text) >= 0;
}

static void read_samples(void) {
        phx_autofree char *path = NULL;
        struct dirent **entries = NULL;
        int n = -1;

        if (getenv("PHOENIXD_SAMPLES") &&
            phx_printf(&path, "%s/pve", getenv("PHOENIXD_SAMPLES")) >= 0)
                n = scandir(path, &entries, NULL, alphasort);
        for (int i = 0; i < n; i++) {
                char *end = strstr(entries[i]->d_name, ".conf");

                if (end && n_samples < SAMPLE_COUNT) {
                        *end = '\0';
                        if (!add_sample(entries[i]->d_name))
                                (void) fprintf(stderr, "%s: unreadable\n", entries[i]->d_name);
                }
                free(entries[i]);
        }
        free(entries);
}

static void forget_samples(void) {
        for (size_t i = 0; i < n_samples; i++) {
                phx_pve_text_done(&samples[i].text);
                json_decref(samples[i].parsed);
                free(samples[i].rewritten);
                free(samples[i].name);
        }
}

/* Compares bytes with a string that is UTF-8 or, where they are not that, Latin-1. */
static void assert_bytes(
                const struct sample *sample,
                const char *bytes,
                size_t size,
                json_t *value) {
        phx_cleanup(phx_buffer_done) struct phx_buffer latin = { 0 };
        const char *expected = json_string_value(value);
        size_t expected_size = json_string_length(value);

        if (!expected) {
                fail_msg("%s: found '%.*s', expected nothing", sample->name, (int) size, bytes);
                return;
        }
        if (size == expected_size && memcmp(bytes, expected, size) == 0)
                return;
        for (size_t i = 0; i < size; i++) {
                unsigned char c = (unsigned char) bytes[i];
                const char pair[] = { (char) (0xc0 | c >> 6), (char) (0x80 | (c & 0x3f)) };

                assert_int_equal(
                                c < 0x80 ? phx_buffer_add(&latin, bytes + i, 1)
                                         : phx_buffer_add(&latin, pair, 2),
                                0);
        }
        if (!latin.data || latin.size != expected_size ||
            memcmp(latin.data, expected, expected_size) != 0)
                fail_msg("%s: found '%.*s', expected '%s'",
                         sample->name,
                         (int) size,
                         bytes,
                         expected);
}

static void assert_keys(
                const struct sample *sample,
                const struct phx_pve_section *section,
                json_t *keys) {
        const size_t index = (size_t) (section - sample->text.sections);
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        const char *name;
        json_t *value;

        for (size_t i = section->first; i < section->first + section->count; i++) {
                const struct phx_pve_line *line = &sample->text.lines[i];

                if (line->kind == PHX_PVE_KEY)
                        assert_int_equal(
                                        phx_strings_addf(
                                                        &names,
                                                        "%.*s",
                                                        (int) line->key_size,
                                                        line->key),
                                        0);
        }
        phx_strings_unique(&names);
        assert_int_equal(names.count, json_object_size(keys));
        json_object_foreach(keys, name, value) {
                phx_cleanup(phx_buffer_done) struct phx_buffer have = { 0 };
                const struct phx_pve_line *line = phx_pve_text_key(&sample->text, index, name);

                if (!line)
                        fail_msg("%s: the key %s was not read", sample->name, name);
                assert_int_equal(pve_add_value(line, &have), 0);
                assert_bytes(sample, have.data, have.size, value);
        }
}

static void assert_lxc(
                const struct sample *sample,
                const struct phx_pve_section *section,
                json_t *expected) {
        json_t *pairs = json_object_get(expected, "lxc");
        json_t *environment = json_object_get(expected, "environment");
        size_t n_pairs = 0, n_environment = 0;

        for (size_t i = section->first; i < section->first + section->count; i++) {
                const struct phx_pve_line *line = &sample->text.lines[i];
                json_t *pair;

                if (line->kind != PHX_PVE_LXC)
                        continue;
                if (phx_pve_line_sets(line, PHX_PVE_KEY_RUNTIME)) {
                        assert_bytes(sample,
                                     line->value,
                                     line->value_size,
                                     json_array_get(environment, n_environment++));
                        continue;
                }
                pair = json_array_get(pairs, n_pairs++);
                assert_bytes(sample, line->key, line->key_size, json_array_get(pair, 0));
                assert_bytes(sample, line->value, line->value_size, json_array_get(pair, 1));
        }
        assert_int_equal(n_pairs, json_array_size(pairs));
        assert_int_equal(n_environment, json_array_size(environment));
}

static void assert_section(
                const struct sample *sample,
                const struct phx_pve_section *section,
                json_t *expected) {
        phx_cleanup(phx_buffer_done) struct phx_buffer notes = { 0 };
        json_t *description = json_object_get(expected, "description");

        assert_true(json_is_object(expected));
        assert_keys(sample, section, json_object_get(expected, "keys"));
        assert_lxc(sample, section, expected);
        assert_int_equal(pve_add_notes(&sample->text, section, &notes), 0);
        if (notes.size > 0)
                assert_bytes(sample, notes.data, notes.size, description);
        else
                assert_true(json_is_null(description));
}

static void all_samples_are_there(void **state) {
        assert_int_equal(n_samples, SAMPLE_COUNT);
        for (size_t i = 0; i < n_samples; i++)
                assert_non_null(samples[i].parsed);
}

static void sections_hold_what_proxmox_reads(void **state) {
        for (size_t i = 0; i < n_samples; i++) {
                const struct sample *sample = &samples[i];
                json_t *snapshots = json_object_get(sample->parsed, "snapshots");
                const struct phx_pve_section *pending = phx_pve_text_pending(&sample->text);
                size_t count = 0;

                assert_section(sample,
                               &sample->text.sections[0],
                               json_object_get(sample->parsed, "main"));
                if (pending)
                        assert_section(sample, pending, json_object_get(sample->parsed, "pending"));
                for (size_t k = 1; k < sample->text.n_sections; k++) {
                        const struct phx_pve_section *section = &sample->text.sections[k];
                        phx_autofree char *name = NULL;

                        if (section->kind != PHX_PVE_SNAPSHOT || section->is_overruled)
                                continue;
                        name = strndup(section->name, section->name_size);
                        assert_section(sample, section, json_object_get(snapshots, name));
                        count++;
                }
                assert_int_equal(count, json_object_size(snapshots));
        }
}

static void the_digest_is_proxmoxs(void **state) {
        for (size_t i = 0; i < n_samples; i++)
                assert_string_equal(
                                samples[i].text.digest,
                                json_string_value(json_object_get(samples[i].parsed, "digest")));
}

/* "vm ID - unable to parse config: LINE", and for what Proxmox generates "vm ID - KEY: why". */
static bool is_of_a_line(const char *warning) {
        return strstr(warning, "unable to parse config") || strstr(warning, "is auto generated") ||
               strstr(warning, "is not supported");
}

static size_t next_dropped(const struct phx_pve_text *text, size_t from) {
        while (from < text->count && text->lines[from].kind != PHX_PVE_DROPPED)
                from++;
        return from;
}

/* It quotes the line, or names its key. */
static void assert_warning(
                const struct sample *sample,
                const struct phx_pve_line *line,
                const char *warning) {
        const bool is_generated = line->drop == PHX_PVE_DROP_GENERATED;
        phx_autofree char *shown = strndup(
                        line->start,
                        is_generated ? line->key_size : line->size - 1);

        if (!strstr(warning, shown))
                fail_msg("%s: dropped '%s', expected: %s", sample->name, shown, warning);
}

static void assert_warnings(const struct sample *sample) {
        json_t *warnings = json_object_get(sample->parsed, "warnings");
        size_t next = next_dropped(&sample->text, 0);

        for (size_t i = 0; i < json_array_size(warnings); i++) {
                const char *warning = json_string_value(json_array_get(warnings, i));

                if (!is_of_a_line(warning))
                        continue;
                if (next == sample->text.count)
                        fail_msg("%s: not dropped: %s", sample->name, warning);
                assert_warning(sample, &sample->text.lines[next], warning);
                next = next_dropped(&sample->text, next + 1);
        }
        if (next < sample->text.count)
                fail_msg("%s: line %zu is dropped", sample->name, next + 1);
}

static void each_dropped_line_is_one_that_proxmox_warns_of(void **state) {
        for (size_t i = 0; i < n_samples; i++)
                assert_warnings(&samples[i]);
}

static void keys_that_are_gone_are_those_proxmox_calls_old(void **state) {
        for (size_t i = 0; i < n_samples; i++) {
                const struct sample *sample = &samples[i];
                json_t *warnings = json_object_get(sample->parsed, "warnings"), *warning;
                size_t expected = 0, found = 0, index;

                json_array_foreach(warnings, index, warning)
                        expected += strstr(json_string_value(warning), "renamed") != NULL;
                for (size_t k = 0; k < sample->text.count; k++) {
                        const struct phx_pve_line *line = &sample->text.lines[k];

                        found += line->kind == PHX_PVE_LXC &&
                                 phx_pve_lxc_key(line->key, line->key_size) == PHX_PVE_LXC_GONE &&
                                 !phx_pve_line_sets(line, "lxc.kmsg");
                }
                assert_int_equal(found, expected);
        }
}

/* That of the tests: so it can judge what else is written. */
static void the_rewrite_is_proxmoxs(void **state) {
        for (size_t i = 0; i < n_samples; i++) {
                phx_cleanup(phx_buffer_done) struct phx_buffer rewritten = { 0 };

                assert_int_equal(pve_rewrite(&samples[i].text, &rewritten), 0);
                if (rewritten.size != samples[i].rewritten_size ||
                    memcmp(rewritten.data, samples[i].rewritten, rewritten.size) != 0)
                        fail_msg("%s: rewritten as:\n%s", samples[i].name, rewritten.data);
        }
}

static void assert_fixed_point(const char *name, const char *data, size_t size) {
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer rewritten = { 0 };

        assert_int_equal(phx_pve_text_parse(data, size, &text), 0);
        assert_int_equal(pve_rewrite(&text, &rewritten), 0);
        if (rewritten.size != size || memcmp(rewritten.data, data, size) != 0)
                fail_msg("%s: Proxmox makes another file of:\n%s", name, data);
}

static void set(struct phx_pve_edit *edit, const char *key, const char *value) {
        assert_int_equal(phx_pve_edit_set(edit, key, value), 0);
}

static void an_edit_of_what_proxmox_wrote_survives_its_rewrite(void **state) {
        phx_cleanup(phx_pve_edit_done) struct phx_pve_edit edit = { 0 };

        set(&edit, PHX_PVE_KEY_PROFILE, "lxc-new");
        set(&edit, "features", "keyctl=1,nesting=1");
        set(&edit, "onboot", "1");
        set(&edit, PHX_PVE_KEY_ALLOW_NESTING, NULL);
        assert_int_equal(phx_strings_add(&edit.tail, "lxc.cap.drop=sys_rawio"), 0);
        assert_int_equal(phx_strings_add(&edit.tail, "lxc.environment.runtime=A=b"), 0);
        for (size_t i = 0; i < n_samples; i++) {
                phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
                phx_cleanup(phx_buffer_done) struct phx_buffer edited = { 0 };
                struct phx_error error = { 0 };
                int r;

                assert_int_equal(
                                phx_pve_text_parse(
                                                samples[i].rewritten,
                                                samples[i].rewritten_size,
                                                &text),
                                0);
                r = phx_pve_edit_render(&edit, &text, &edited, &error);
                if (r < 0)
                        fail_msg("%s: %s", samples[i].name, error.text);
                assert_int_equal(r, 1);
                assert_fixed_point(samples[i].name, edited.data, edited.size);
        }
}

static void an_edit_without_a_wish_changes_nothing(void **state) {
        static const struct phx_pve_edit nothing = { 0 };

        for (size_t i = 0; i < n_samples; i++) {
                phx_cleanup(phx_buffer_done) struct phx_buffer edited = { 0 };
                struct phx_error error = { 0 };
                int r = phx_pve_edit_render(&nothing, &samples[i].text, &edited, &error);

                /* A NUL is refused even so. */
                if (strcmp(samples[i].name, "3058") == 0)
                        assert_int_equal(r, -EINVAL);
                else if (r != 0)
                        fail_msg("%s: %s", samples[i].name, error.text);
        }
}

static void locks_and_templates_are_proxmoxs(void **state) {
        for (size_t i = 0; i < n_samples; i++) {
                const struct sample *sample = &samples[i];
                phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning meaning = { 0 };
                json_t *lock = json_object_get(sample->parsed, "lock");

                assert_int_equal(phx_pve_meaning_of(&sample->text, &meaning), 0);
                assert_int_equal(
                                meaning.is_template,
                                json_is_true(json_object_get(sample->parsed, "template")));
                assert_int_equal(
                                meaning.profile.decider != NULL,
                                json_is_true(
                                                json_object_get(sample->parsed,
                                                                "profile_is_explicit")));
                if (meaning.lock)
                        assert_bytes(sample, meaning.lock->value, meaning.lock->value_size, lock);
                else
                        assert_true(json_is_null(lock));
        }
}

/* --- what Proxmox generates --- */

static bool sample_has_config(void *data, const char *name) {
        return !phx_has_prefix(name, "unmanaged.");
}

/* Lines of a text, a NUL being one of their bytes: false at the end. */
static bool next_line(
                const char *data,
                size_t size,
                size_t *at,
                const char **ret,
                size_t *ret_size) {
        const char *end;

        if (*at >= size)
                return false;
        *ret = data + *at;
        end = memchr(*ret, '\n', size - *at);
        *ret_size = end ? (size_t) (end - *ret) : size - *at;
        *at += *ret_size + 1;
        return true;
}

/* The lines of DATA that decide the profile, as they are. */
static void add_profile_lines(const char *data, size_t size, struct phx_buffer *lines) {
        const char *line;
        size_t at = 0, length;

        while (next_line(data, size, &at, &line, &length)) {
                const char *end = memchr(line, ' ', length);
                phx_autofree char *key = strndup(line, end ? (size_t) (end - line) : length);

                if (!phx_has_prefix(key, "lxc.apparmor.") && strcmp(key, "lxc.include") != 0 &&
                    strcmp(key, "lxc.aa_profile") != 0)
                        continue;
                assert_int_equal(phx_buffer_add(lines, line, length), 0);
                assert_int_equal(phx_buffer_add_text(lines, "\n"), 0);
        }
}

/* Each line of ours is one of theirs, and in their order. */
static void assert_subsequence(
                const struct sample *sample,
                const struct phx_buffer *ours,
                const char *theirs,
                size_t theirs_size) {
        const char *line, *other = NULL;
        size_t at = 0, length, other_at = 0, other_length;

        while (next_line(ours->data, ours->size, &at, &line, &length)) {
                bool is_found = false;

                while (!is_found &&
                       next_line(theirs, theirs_size, &other_at, &other, &other_length))
                        is_found = length == other_length && memcmp(line, other, length) == 0;
                if (!is_found)
                        fail_msg("%s: not generated: %.*s", sample->name, (int) length, line);
        }
}

static void the_generated_lines_are_proxmoxs(void **state) {
        const struct phx_pve_host host = { .release = 9, .has_config = sample_has_config };
        size_t count = 0;

        for (size_t i = 0; i < n_samples; i++) {
                phx_cleanup(phx_pve_effect_done) struct phx_pve_effect effect = { 0 };
                phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 }, ours = { 0 },
                                                               theirs = { 0 };
                phx_autofree char *config = NULL;
                size_t size = 0;

                if (!read_part(samples[i].name, ".lxc", &config, &size))
                        continue;
                count++;
                assert_int_equal(phx_pve_effect_of(&samples[i].text, 0, &host, &effect), 0);
                assert_int_equal(effect.generation, PHX_PVE_GENERATES);
                assert_int_equal(phx_pve_effect_text(&effect, &text), 0);
                add_profile_lines(text.data, text.size, &ours);
                add_profile_lines(config, size, &theirs);
                assert_int_equal(ours.size, theirs.size);
                assert_memory_equal(ours.data, theirs.data, ours.size);
                assert_subsequence(&samples[i], &text, config, size);
        }
        assert_int_equal(count, 36);
}

/* --- what liblxc makes of it --- */

static bool host_has_config(void *data, const char *name) {
        phx_autofree char *path = NULL;

        return phx_printf(&path, PHX_PVE_LXC_CONFIG_DIR "/%s", name) >= 0 &&
               access(path, R_OK) == 0;
}

static void write_effect(const struct sample *sample, const char *path) {
        const struct phx_pve_host host = { .release = 9, .has_config = host_has_config };
        phx_cleanup(phx_pve_effect_done) struct phx_pve_effect effect = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        phx_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(phx_pve_effect_of(&sample->text, 0, &host, &effect), 0);
        assert_int_equal(phx_pve_effect_text(&effect, &text), 0);
        assert_int_equal(write(fd, text.data, text.size), text.size);
}

static void assert_effective(
                const struct sample *sample,
                const struct phx_lxc_values *values,
                const char *expected) {
        phx_autofree char *have = NULL;

        if (values->code == -EINVAL)
                assert_int_equal(
                                phx_printf(&have, "Failed to load config for %s\n", sample->name),
                                0);
        else
                assert_int_equal(
                                phx_printf(&have,
                                           "lxc.apparmor.profile =%s%s\n"
                                           "lxc.apparmor.allow_nesting = %d\n",
                                           values->profile[0] ? " " : "",
                                           values->profile,
                                           values->allow_nesting),
                                0);
        if (strcmp(have, expected) != 0)
                fail_msg("%s: found:\n%sexpected:\n%s", sample->name, have, expected);
}

static void liblxc_reads_the_same_profile(void **state) {
        char directory[] = "/tmp/phx-samples-XXXXXX";
        size_t count = 0;

        if (!host_has_config(NULL, "nesting.conf")) {
                skip();
                return;
        }
        assert_non_null(mkdtemp(directory));
        for (size_t i = 0; i < n_samples; i++) {
                phx_cleanup(phx_lxc_values_done) struct phx_lxc_values values = { 0 };
                phx_cleanup(phx_strings_done) struct phx_strings files = { 0 };
                phx_autofree char *expected = NULL;
                struct phx_error error = { 0 };
                size_t size = 0;

                if (!read_part(samples[i].name, ".effective", &expected, &size))
                        continue;
                count++;
                assert_int_equal(phx_strings_addf(&files, "%s/%s", directory, samples[i].name), 0);
                write_effect(&samples[i], files.items[0]);
                if (phx_lxc_worker_load(&files, 60UL * 1000 * 1000, NULL, &values, &error) < 0)
                        fail_msg("%s: %s", samples[i].name, error.text);
                assert_effective(&samples[i], &values, expected);
                (void) unlink(files.items[0]);
        }
        (void) rmdir(directory);
        assert_int_equal(count, 35);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_samples_are_there),
                cmocka_unit_test(sections_hold_what_proxmox_reads),
                cmocka_unit_test(the_digest_is_proxmoxs),
                cmocka_unit_test(each_dropped_line_is_one_that_proxmox_warns_of),
                cmocka_unit_test(keys_that_are_gone_are_those_proxmox_calls_old),
                cmocka_unit_test(locks_and_templates_are_proxmoxs),
                cmocka_unit_test(the_generated_lines_are_proxmoxs),
                cmocka_unit_test(liblxc_reads_the_same_profile),
                cmocka_unit_test(the_rewrite_is_proxmoxs),
                cmocka_unit_test(an_edit_of_what_proxmox_wrote_survives_its_rewrite),
                cmocka_unit_test(an_edit_without_a_wish_changes_nothing),
        };
        int r;

        read_samples();
        if (n_samples == 0) {
                (void) printf("1..0 # SKIP PHOENIXD_SAMPLES names no directory with pve/*.conf\n");
                return 0;
        }
        r = cmocka_run_group_tests(tests, NULL, NULL);
        forget_samples();
        return r;
}
