/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/jobs_json.h"

#include <errno.h>

#include "codec/json.h"

static const char *verb_word(unsigned value) {
        return phx_job_verb_to_string((enum phx_job_verb) value);
}

static const char *outcome_word(unsigned value) {
        return phx_job_outcome_to_string((enum phx_job_outcome) value);
}

static const struct phx_field command_fields[] = {
        { "arguments", PHX_FIELD_PATHS, offsetof(struct phx_job_command, arguments) },
};
static const struct phx_shape command_shape = { command_fields,
                                                PHX_ELEMENTS(command_fields),
                                                sizeof(struct phx_job_command) };

static const struct phx_field job_fields[] = {
        { "name", PHX_FIELD_NAME, offsetof(struct phx_job, name) },
        { "verb", PHX_FIELD_WORD, offsetof(struct phx_job, verb), verb_word, PHX_JOB_VERBS },
        { "description", PHX_FIELD_PATH, offsetof(struct phx_job, description) },
        { "service", PHX_FIELD_PATH, offsetof(struct phx_job, service) },
        {
                        .key = "commands",
                        .type = PHX_FIELD_LIST,
                        .offset = offsetof(struct phx_job, commands),
                        .shape = &command_shape,
                        .count_offset = offsetof(struct phx_job, command_count),
        },
        { "limit_usec", PHX_FIELD_LARGE, offsetof(struct phx_job, limit_usec) },
        { "resumed", PHX_FIELD_BOOL, offsetof(struct phx_job, is_resumed) },
};
const struct phx_shape phx_job_shape = { job_fields,
                                         PHX_ELEMENTS(job_fields),
                                         sizeof(struct phx_job) };

static const struct phx_field result_fields[] = {
        { "name", PHX_FIELD_NAME, offsetof(struct phx_job_result, name) },
        { "outcome",
          PHX_FIELD_WORD,
          offsetof(struct phx_job_result, outcome),
          outcome_word,
          PHX_JOB_OUTCOMES },
        { "text", PHX_FIELD_PATH, offsetof(struct phx_job_result, text) },
};
static const struct phx_shape result_shape = { result_fields,
                                               PHX_ELEMENTS(result_fields),
                                               sizeof(struct phx_job_result) };

static const struct phx_field results_fields[] = {
        {
                        .key = "results",
                        .type = PHX_FIELD_LIST,
                        .offset = offsetof(struct phx_job_results, items),
                        .shape = &result_shape,
                        .count_offset = offsetof(struct phx_job_results, count),
        },
};
static const struct phx_shape results_shape = { results_fields,
                                                PHX_ELEMENTS(results_fields),
                                                sizeof(struct phx_job_results) };

int phx_job_results_render(const struct phx_job_results *results, char **ret_text) {
        return phx_fields_render_text(&results_shape, results, ret_text);
}

int phx_job_results_parse(
                const char *text,
                size_t size,
                struct phx_job_results *ret_results,
                struct phx_error *error) {
        phx_cleanup(phx_job_results_done) struct phx_job_results results = { 0 };
        phx_cleanup(phx_json_decref) json_t *json = NULL;
        struct phx_error inner = { 0 };
        json_error_t where;
        int r;

        json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
        if (!json)
                return phx_error_set(error, -EINVAL, "results of jobs: %s", where.text);
        r = phx_fields_parse(&results_shape, json, &results, &inner);
        if (r < 0)
                return phx_error_set(error, r, "results of jobs: %s", phx_error_text(&inner, r));
        *ret_results = PHX_TAKE_STRUCT(results);
        return 0;
}
