/* SPDX-License-Identifier: GPL-2.0-or-later */

/* All edits are found in the text as it is, and made at once; then the text that has come of it is
 * read, as an edit that was wrong is seen by that. */

#include "codec/configuration_advise.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/configuration_json.h"
#include "codec/configuration_options.h"
#include "codec/edits.h"
#include "codec/json.h"
#include "codec/json_index.h"
#include "state/needs.h"

#define PROFILE "apparmor_profile"
#define NESTING "apparmor_manages_nesting"
/* Blanks before a key that are taken for those before another. */
#define FORM_LIMIT 64

struct reading {
        const struct phx_advice *advice;
        const struct phx_json_text *text;
        const struct phx_json_place *entries;
        struct phx_edits *edits;
};

static bool advice_is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t advice_skip_blanks(const struct phx_json_text *text, size_t at) {
        while (at < text->size && advice_is_blank(text->data[at]))
                at++;
        return at;
}

/* --- keys --- */

/* As the first keys of the object, in the form of the one that is there. */
static int insert_first(
                const struct reading *reading,
                const struct phx_json_place *entry,
                const char *profile,
                bool with_nesting) {
        const struct phx_json_text *text = reading->text;
        struct phx_json_member object;
        size_t begin, first;
        bool is_empty;
        int form;

        if (!phx_json_find(entry, &object))
                return 0;
        begin = object.value.begin + 1;
        first = advice_skip_blanks(text, begin);
        is_empty = first < text->size && text->data[first] == '}';
        form = is_empty || first - begin > FORM_LIMIT ? 0 : (int) (first - begin);
        return phx_edits_add(
                        reading->edits,
                        (struct phx_json_span){ begin, begin },
                        "%.*s\"" PROFILE "\": \"%s\"%s%.*s%s%s",
                        form,
                        text->data + begin,
                        profile,
                        with_nesting ? "," : "",
                        with_nesting ? form : 0,
                        text->data + begin,
                        with_nesting ? "\"" NESTING "\": true" : "",
                        is_empty ? "" : ",");
}

/* Behind the profile, in its form. */
static int insert_nesting(const struct reading *reading, const struct phx_json_member *profile) {
        const char *data = reading->text->data;
        size_t begin = profile->key.begin, end = profile->value.end;

        while (begin > 0 && advice_is_blank(data[begin - 1]))
                begin--;
        if (profile->key.begin - begin > FORM_LIMIT)
                begin = profile->key.begin;
        return phx_edits_add(
                        reading->edits,
                        (struct phx_json_span){ end, end },
                        ",%.*s\"" NESTING "\": true",
                        (int) (profile->key.begin - begin),
                        data + begin);
}

/* Both edits or none. */
static int advice_set_profile(
                const struct reading *reading,
                const struct phx_json_place *entry,
                const struct phx_fit *fit) {
        const struct phx_json_place profile_key = phx_json_member(entry, PROFILE),
                                    nesting_key = phx_json_member(entry, NESTING);
        struct phx_json_member profile, nesting;
        bool has_profile = phx_json_find(&profile_key, &profile);
        bool has_nesting = phx_json_find(&nesting_key, &nesting);
        int r;

        if (has_profile)
                r = phx_edits_add(reading->edits, profile.value, "\"%s\"", fit->profile);
        else
                r = insert_first(reading, entry, fit->profile, fit->wants_key && !has_nesting);
        if (r < 0 || !fit->wants_key)
                return r;
        if (has_nesting)
                return phx_edits_add(reading->edits, nesting.value, "true");
        return has_profile ? insert_nesting(reading, &profile) : 0;
}

/* --- options --- */

/* As the configuration reads it, whatever its spelling. */
static int is_left_out(
                const struct phx_json_text *text,
                struct phx_json_span span,
                bool manages_nesting) {
        phx_cleanup(phx_json_decref) json_t *json = json_loadb(
                        text->data + span.begin,
                        span.end - span.begin,
                        JSON_DECODE_ANY,
                        NULL);

        return json ? phx_configuration_leaves_out(json_string_value(json), manages_nesting)
                    : -ENOMEM;
}

/* An element goes with the comma before it; one without any before it with that behind it. */
static struct phx_json_span with_comma(
                const struct phx_json_text *text,
                struct phx_json_span element,
                bool is_first) {
        size_t begin = element.begin;

        if (is_first) {
                size_t comma = advice_skip_blanks(text, element.end);

                return (struct phx_json_span){ begin, advice_skip_blanks(text, comma + 1) };
        }
        while (advice_is_blank(text->data[begin - 1]))
                begin--;
        return (struct phx_json_span){ begin - 1, element.end };
}

/* Elements that are gone are marked by an end of 0. */
struct elements {
        struct phx_json_span *spans;
        bool *are_gone;
        size_t count;
        size_t gone;
};

static void elements_done(struct elements *elements) {
        free(elements->spans);
        free(elements->are_gone);
}

static int read_elements(
                const struct phx_json_place *options,
                bool manages_nesting,
                struct elements *elements) {
        struct phx_json_place element = phx_json_element(options, 0);
        struct phx_json_member member;
        size_t capacity = 0;

        for (; phx_json_find(&element, &member); element.index++)
                capacity++;
        elements->spans = calloc(capacity + 1, sizeof(*elements->spans));
        elements->are_gone = calloc(capacity + 1, sizeof(*elements->are_gone));
        if (!elements->spans || !elements->are_gone)
                return -ENOMEM;
        for (element.index = 0; elements->count < capacity; element.index++) {
                int r;

                (void) phx_json_find(&element, &member);
                r = is_left_out(options->text, member.value, manages_nesting);
                if (r < 0)
                        return r;
                elements->spans[elements->count] = member.value;
                elements->are_gone[elements->count++] = r > 0;
                elements->gone += r > 0;
        }
        return 0;
}

/* All of them: with the blanks around them. */
static int remove_all(
                const struct reading *reading,
                const struct phx_json_place *options,
                size_t count) {
        struct phx_json_member list;
        struct phx_json_span inside;

        (void) phx_json_find(options, &list);
        inside = (struct phx_json_span){ list.value.begin + 1, list.value.end - 1 };
        return count > 0 ? phx_edits_add(reading->edits, inside, "%s", "") : 0;
}

static int remove_options(
                const struct reading *reading,
                const struct phx_json_place *entry,
                bool manages_nesting,
                int *count) {
        const struct phx_json_place options = phx_json_member(entry, "lxc_options");
        phx_cleanup(elements_done) struct elements elements = { 0 };
        bool is_first = true;
        int r;

        r = read_elements(&options, manages_nesting, &elements);
        if (r < 0)
                return r;
        *count += (int) elements.gone;
        if (elements.gone == elements.count)
                return remove_all(reading, &options, elements.gone);
        for (size_t i = 0; r >= 0 && i < elements.count; i++) {
                if (elements.are_gone[i])
                        r = phx_edits_add(
                                        reading->edits,
                                        with_comma(reading->text, elements.spans[i], is_first),
                                        "%s",
                                        "");
                else
                        is_first = false;
        }
        return r;
}

/* --- all containers --- */

static void leave(
                const struct reading *reading,
                const struct phx_json_place *entry,
                const char *why) {
        struct phx_error error = { .all = reading->advice->left };

        phx_json_warn(&error, entry, "stays unconfined; %s", why);
}

static int advise_container(
                const struct reading *reading,
                const struct phx_container_config *container,
                int *count) {
        const struct phx_json_place entry = phx_json_member(reading->entries, container->id);
        bool manages_nesting = container->manages_nesting;
        phx_cleanup(phx_fit_done) struct phx_fit fit = { 0 };
        size_t before = reading->edits->count;
        int r = 0;

        if (strcmp(container->profile, "unconfined") == 0) {
                r = phx_fit_of(container, reading->advice->policy, &fit);
                if (r >= 0 && !fit.profile) {
                        leave(reading, &entry, fit.why);
                        return 0;
                }
                if (r >= 0)
                        r = advice_set_profile(reading, &entry, &fit);
                manages_nesting |= fit.wants_key;
                *count += (int) (reading->edits->count - before);
        }
        return r < 0 ? r : remove_options(reading, &entry, manages_nesting, count);
}

static int advice_compare_ids(const void *id, const void *container) {
        return strcmp(id, ((const struct phx_container_config *) container)->id);
}

/* Which of the containers are meant. */
static int mark_meant(
                const struct phx_advice *advice,
                const struct phx_configuration *configuration,
                bool *are_meant,
                struct phx_error *error) {
        for (size_t i = 0; !advice->only && i < configuration->count; i++)
                are_meant[i] = true;
        for (size_t i = 0; advice->only && i < advice->only->count; i++) {
                const struct phx_container_config *found = bsearch(
                                advice->only->items[i],
                                configuration->containers,
                                configuration->count,
                                sizeof(*configuration->containers),
                                advice_compare_ids);

                if (!found)
                        return phx_error_set(
                                        error,
                                        -ENOENT,
                                        "%s: there is no container '%s'",
                                        advice->file,
                                        advice->only->items[i]);
                are_meant[found - configuration->containers] = true;
        }
        return 0;
}

/* -ENOMEM is without a text. */
static int find_edits(
                const struct reading *reading,
                const struct phx_configuration *configuration,
                int *count,
                struct phx_error *error) {
        phx_autofree bool *are_meant = calloc(configuration->count, sizeof(*are_meant));
        int r;

        if (!are_meant)
                return -ENOMEM;
        r = mark_meant(reading->advice, configuration, are_meant, error);
        for (size_t i = 0; r >= 0 && i < configuration->count; i++)
                if (are_meant[i])
                        r = advise_container(reading, &configuration->containers[i], count);
        return r;
}

static int advice_parse(
                const struct phx_advice *advice,
                const char *text,
                size_t size,
                struct phx_configuration **ret_configuration,
                struct phx_error *error) {
        return phx_configuration_parse(
                        advice->file,
                        text,
                        size,
                        advice->default_profile,
                        ret_configuration,
                        error);
}

int phx_configuration_advise(
                const struct phx_advice *advice,
                const char *text,
                size_t size,
                struct phx_buffer *ret_text,
                struct phx_error *error) {
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        phx_cleanup(phx_configuration_freep) struct phx_configuration *advised = NULL;
        phx_cleanup(phx_json_index_done) struct phx_json_index index = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer edited = { 0 };
        phx_cleanup(phx_edits_done) struct phx_edits edits = { 0 };
        const struct phx_json_text json = { advice->file, text, size, &index };
        const struct phx_json_place root = { .text = &json },
                                    entries = phx_json_member(&root, "lxc_configs");
        const struct reading reading = { advice, &json, &entries, &edits };
        int count = 0, r;

        r = advice_parse(advice, text, size, &configuration, error);
        if (r < 0)
                return r;
        r = find_edits(&reading, configuration, &count, error);
        if (r >= 0 && count > 0)
                r = phx_edits_apply(&edits, text, size, &edited);
        if (r == -ENOMEM)
                return phx_error_set(error, r, "%s: out of memory", advice->file);
        if (r < 0 || count == 0)
                return r;
        r = advice_parse(advice, edited.data, edited.size, &advised, error);
        if (r < 0)
                return r;
        *ret_text = PHX_TAKE_STRUCT(edited);
        return count;
}
