/* One edit at a time, and the text is read anew after each: an edit moves all that is behind it,
 * and whether it was right is seen by the next reading. */

#include "codec/configuration_advise.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codec/configuration_json.h"
#include "codec/json.h"
#include "state/needs.h"

#define PROFILE_OPTION "lxc.apparmor.profile"
#define BLANKS " \t\r\n"

/* Bytes BEGIN up to END become REPLACEMENT. */
struct edit {
        struct phx_json_span span;
        char replacement[512];
};

struct reading {
        const struct phx_advice *advice;
        const char *text;
        size_t size;
        const struct phx_container_config *container;
        struct phx_json_place lxc_configs;
        struct phx_json_place place; /* of the container */
};

static struct phx_json_place member_of(const struct phx_json_place *parent, const char *key) {
        return (struct phx_json_place){ .text = parent->text, .parent = parent, .key = key };
}

static size_t skip_blanks(const struct reading *reading, size_t at) {
        while (at < reading->size && strchr(BLANKS, reading->text[at]) && reading->text[at])
                at++;
        return at;
}

/* As the first key of the object, in the form of the one that is there. */
static int insert_profile(const struct reading *reading, const char *profile, struct edit *edit) {
        struct phx_json_member object;
        size_t begin, first;
        bool is_empty;

        if (!phx_json_find(&reading->place, &object))
                return 0;
        begin = object.value.begin + 1;
        first = skip_blanks(reading, begin);
        is_empty = first < reading->size && reading->text[first] == '}';
        edit->span = (struct phx_json_span){ begin, begin };
        (void) snprintf(edit->replacement,
                        sizeof(edit->replacement),
                        "%.*s\"apparmor_profile\": \"%s\"%s",
                        is_empty || first - begin > 64 ? 0 : (int) (first - begin),
                        reading->text + begin,
                        profile,
                        is_empty ? "" : ",");
        return 1;
}

static int set_profile(const struct reading *reading, struct edit *edit) {
        const struct phx_json_place key = member_of(&reading->place, "apparmor_profile");
        const struct phx_needs needs = phx_needs_of(reading->container);
        struct phx_json_member member;

        if (strcmp(reading->container->profile, "unconfined") != 0)
                return 0;
        if (!phx_json_find(&key, &member))
                return insert_profile(reading, phx_needs_profile(&needs), edit);
        edit->span = member.value;
        (void) snprintf(edit->replacement,
                        sizeof(edit->replacement),
                        "\"%s\"",
                        phx_needs_profile(&needs));
        return 1;
}

/* As the configuration reads it, whatever its spelling. */
static bool sets_profile(const struct reading *reading, struct phx_json_span span) {
        phx_cleanup(phx_json_decref) json_t *json = json_loadb(
                        reading->text + span.begin,
                        span.end - span.begin,
                        JSON_DECODE_ANY,
                        NULL);
        const char *text = json_string_value(json);
        struct phx_lxc_option_text option;

        return text && phx_lxc_option_split(text, &option) &&
               option.key_size == strlen(PROFILE_OPTION) &&
               memcmp(option.key, PROFILE_OPTION, option.key_size) == 0;
}

/* An element goes with the comma before it; the first one with that behind it, and the only one
 * with the blanks around it. */
static void remove_element(
                const struct reading *reading,
                struct phx_json_span element,
                struct edit *edit) {
        size_t begin = element.begin, end = skip_blanks(reading, element.end);

        edit->replacement[0] = '\0';
        edit->span = element;
        while (begin > 0 && strchr(BLANKS, reading->text[begin - 1]))
                begin--;
        if (begin > 0 && reading->text[begin - 1] == ',')
                edit->span.begin = begin - 1;
        else if (end < reading->size && reading->text[end] == ',')
                edit->span.end = skip_blanks(reading, end + 1);
        else
                edit->span = (struct phx_json_span){ begin, end };
}

static int remove_option(const struct reading *reading, struct edit *edit) {
        const struct phx_json_place options = member_of(&reading->place, "lxc_options");
        struct phx_json_place element = { .text = options.text, .parent = &options };
        struct phx_json_member member;

        for (; phx_json_find(&element, &member); element.index++)
                if (sets_profile(reading, member.value)) {
                        remove_element(reading, member.value, edit);
                        return 1;
                }
        return 0;
}

static bool is_meant(const struct phx_advice *advice, const char *id) {
        return !advice->only || phx_strings_has(advice->only, id);
}

/* 1 and the first edit that is due, or 0. */
static int find_edit(
                const struct phx_advice *advice,
                const struct phx_configuration *configuration,
                const struct phx_json_text *text,
                struct edit *edit) {
        const struct phx_json_place root = { .text = text };

        for (size_t i = 0; i < configuration->count; i++) {
                struct reading reading = {
                        .advice = advice,
                        .text = text->data,
                        .size = text->size,
                        .container = &configuration->containers[i],
                        .lxc_configs = member_of(&root, "lxc_configs"),
                };

                if (!is_meant(advice, reading.container->id))
                        continue;
                reading.place = member_of(&reading.lxc_configs, reading.container->id);
                if (set_profile(&reading, edit) > 0 || remove_option(&reading, edit) > 0)
                        return 1;
        }
        return 0;
}

static int apply(struct phx_buffer *text, const struct edit *edit) {
        phx_cleanup(phx_buffer_done) struct phx_buffer edited = { 0 };
        int r;

        r = phx_buffer_add(&edited, text->data, edit->span.begin);
        if (r >= 0)
                r = phx_buffer_add_text(&edited, edit->replacement);
        if (r >= 0)
                r = phx_buffer_add(
                                &edited,
                                text->data + edit->span.end,
                                text->size - edit->span.end);
        if (r < 0)
                return r;
        phx_buffer_done(text);
        *text = PHX_TAKE_STRUCT(edited);
        return 1;
}

static int check_ids(
                const struct phx_advice *advice,
                const struct phx_configuration *configuration,
                struct phx_error *error) {
        for (size_t i = 0; advice->only && i < advice->only->count; i++) {
                bool found = false;

                for (size_t j = 0; j < configuration->count; j++)
                        found |= strcmp(configuration->containers[j].id, advice->only->items[i]) ==
                                 0;
                if (!found)
                        return phx_error_set(
                                        error,
                                        -ENOENT,
                                        "%s: there is no container '%s'",
                                        advice->file,
                                        advice->only->items[i]);
        }
        return 0;
}

/* One edit: 1 when there was one to make. */
static int step(const struct phx_advice *advice, struct phx_buffer *text, struct phx_error *error) {
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        const struct phx_json_text json = { advice->file, text->data, text->size };
        struct edit edit = { 0 };
        int r;

        r = phx_configuration_parse(
                        advice->file,
                        text->data,
                        text->size,
                        advice->default_profile,
                        &configuration,
                        error);
        if (r >= 0)
                r = check_ids(advice, configuration, error);
        if (r < 0)
                return r;
        if (find_edit(advice, configuration, &json, &edit) == 0)
                return 0;
        r = apply(text, &edit);
        return r < 0 ? phx_error_set(error, r, "%s: out of memory", advice->file) : r;
}

int phx_configuration_advise(
                const struct phx_advice *advice,
                const char *text,
                size_t size,
                struct phx_buffer *ret_text,
                struct phx_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer edited = { 0 };
        int count = 0, r;

        r = phx_buffer_add(&edited, text, size);
        if (r < 0)
                return phx_error_set(error, r, "%s: out of memory", advice->file);
        while ((r = step(advice, &edited, error)) > 0)
                count++;
        if (r < 0)
                return r;
        if (count > 0)
                *ret_text = PHX_TAKE_STRUCT(edited);
        return count;
}
