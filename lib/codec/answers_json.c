#include "codec/answers_json.h"

#include <errno.h>

#include "codec/json.h"

#define VERSION 1

static int dump(json_t *json, char **ret_text) {
        phx_cleanup(phx_json_decref) json_t *owned = json;

        *ret_text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
        return *ret_text ? 0 : -ENOMEM;
}

int phx_answer_version(const char *version, char **ret_text) {
        return dump(json_pack("{s:i, s:s}", "version", VERSION, "phoenixctl", version), ret_text);
}

int phx_answer_advice(const struct phx_answer_advice *advice, char **ret_text) {
        return dump(json_pack("{s:i, s:s, s:i, s:b, s:s%}",
                              "version",
                              VERSION,
                              "file",
                              advice->file,
                              "edits",
                              (int) advice->edits,
                              "written",
                              (int) advice->is_written,
                              "text",
                              advice->text ? advice->text : "",
                              advice->size),
                    ret_text);
}

int phx_answer_can(const struct phx_answer_can *can, char **ret_text) {
        return dump(json_pack("{s:i, s:s, s:s, s:s, s:b}",
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
        return dump(json_pack("{s:i, s:O}", "version", VERSION, "verbs", list), ret_text);
}
