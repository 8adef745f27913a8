/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/answers_json.h"

#include <errno.h>

#include "codec/fields.h"
#include "codec/json.h"
#include "codec/offer_json.h"

#define VERSION 1

/* JSON is taken over; NULL when there was no memory for it. */
static int answers_dump(json_t *json, char **ret_text) {
        *ret_text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
        json_decref(json);
        return *ret_text ? 0 : -ENOMEM;
}

int phx_answer_version(const char *version, char **ret_text) {
        return answers_dump(
                        json_pack("{s:i, s:s}", "version", VERSION, "phoenixctl", version),
                        ret_text);
}

static int render_offers(const struct phx_answer_advice *advice, json_t *offers) {
        int r = offers ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < advice->offer_count; i++) {
                json_t *offer = NULL;

                r = phx_fields_render(&phx_offer_shape, &advice->offers[i], &offer);
                if (r >= 0 && json_array_append_new(offers, offer) < 0)
                        r = -ENOMEM;
        }
        return r;
}

int phx_answer_advice(const struct phx_answer_advice *advice, char **ret_text) {
        phx_cleanup(phx_json_decref) json_t *left = json_array(), *offers = json_array();
        int r = render_offers(advice, offers);

        if (r < 0)
                return r;
        for (size_t i = 0; i < advice->left->count; i++) {
                const struct phx_finding *finding = &advice->left->items[i];
                json_t *item = json_pack(
                                "{s:i, s:i, s:s}",
                                "line",
                                (int) finding->line,
                                "column",
                                (int) finding->column,
                                "text",
                                finding->text);

                if (json_array_append_new(left, item) < 0)
                        return -ENOMEM;
        }
        return answers_dump(
                        json_pack("{s:i, s:s, s:i, s:b, s:O, s:O, s:s%}",
                                  "version",
                                  VERSION,
                                  "file",
                                  advice->file,
                                  "edits",
                                  (int) advice->edits,
                                  "written",
                                  (int) advice->is_written,
                                  "left",
                                  left,
                                  "offers",
                                  offers,
                                  "text",
                                  advice->text ? advice->text : "",
                                  advice->size),
                        ret_text);
}

int phx_answer_can(const struct phx_answer_can *can, char **ret_text) {
        return answers_dump(
                        json_pack("{s:i, s:s, s:s, s:s, s:b}",
                                  "version",
                                  VERSION,
                                  "container",
                                  can->container,
                                  "label",
                                  can->label,
                                  "asked",
                                  can->asked,
                                  "allowed",
                                  (int) can->is_allowed),
                        ret_text);
}

static json_t *render_verb(const struct phx_answer_verb *verb) {
        json_t *options = json_array();

        for (size_t i = 0; options && verb->options[i]; i++)
                if (json_array_append_new(options, json_string(verb->options[i])) < 0) {
                        json_decref(options);
                        return NULL;
                }
        return json_pack(
                        "{s:s, s:s, s:s, s:o}",
                        "name",
                        verb->name,
                        "arguments",
                        verb->arguments,
                        "summary",
                        verb->summary,
                        "options",
                        options);
}

int phx_answer_help(const struct phx_answer_verb *verbs, size_t count, char **ret_text) {
        phx_cleanup(phx_json_decref) json_t *list = json_array();

        for (size_t i = 0; i < count; i++)
                if (!list || json_array_append_new(list, render_verb(&verbs[i])) < 0)
                        return -ENOMEM;
        return answers_dump(json_pack("{s:i, s:O}", "version", VERSION, "verbs", list), ret_text);
}

#define EVENT(key, kind, name) \
        { key, PHX_FIELD_##kind, offsetof(struct phx_answer_event, name) }

static const struct phx_field event_fields[] = {
        EVENT("at", LARGE, at),
        EVENT("until", TIME, until),
        EVENT("kind", NAME, kind),
        EVENT("message", NAME, message),
        EVENT("message_id", TEXT, message_id),
        EVENT("action", TEXT, action),
        EVENT("layer", TEXT, layer),
        EVENT("profile", TEXT, profile),
        EVENT("container", TEXT, container),
        EVENT("by", TEXT, by),
        EVENT("generation", TEXT, generation),
        EVENT("old_digest", TEXT, old_digest),
        EVENT("new_digest", TEXT, new_digest),
        EVENT("result", TEXT, result),
};
static const struct phx_shape event_shape = { event_fields,
                                              PHX_ELEMENTS(event_fields),
                                              sizeof(struct phx_answer_event) };

static const struct phx_field history_fields[] = {
        { "events",
          PHX_FIELD_LIST,
          offsetof(struct phx_answer_history, events),
          NULL,
          0,
          &event_shape,
          offsetof(struct phx_answer_history, count) },
};
static const struct phx_shape history_shape = { history_fields,
                                                PHX_ELEMENTS(history_fields),
                                                sizeof(struct phx_answer_history) };

int phx_answer_history(const struct phx_answer_history *history, char **ret_text) {
        json_t *json = NULL;
        int r;

        r = phx_fields_render(&history_shape, history, &json);
        if (r < 0)
                return r;
        if (json_object_set_new(json, "version", json_integer(VERSION)) < 0) {
                json_decref(json);
                return -ENOMEM;
        }
        return answers_dump(json, ret_text);
}

void phx_answer_event_done(struct phx_answer_event *event) {
        free(event->kind);
        free(event->message);
        free(event->message_id);
        free(event->action);
        free(event->layer);
        free(event->profile);
        free(event->container);
        free(event->by);
        free(event->generation);
        free(event->old_digest);
        free(event->new_digest);
        free(event->result);
        *event = (struct phx_answer_event){ 0 };
}

void phx_answer_history_done(struct phx_answer_history *history) {
        for (size_t i = 0; i < history->count; i++)
                phx_answer_event_done(&history->events[i]);
        free(history->events);
        *history = (struct phx_answer_history){ 0 };
}
