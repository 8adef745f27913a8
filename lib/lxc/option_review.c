/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/option_review.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lxc/text.h"
#include "lxc/trial.h"

/* liblxc needs less than a millisecond for one. */
#define DEADLINE_USEC 2000000ULL

/* Borrowed. */
struct item {
        const struct phx_lxc_option *option;
        const char *id; /* whose it is */
};

struct review {
        struct item *all; /* sorted */
        size_t count;
        struct phx_lxc_options distinct; /* in that order */
        struct phx_lxc_opinion *opinions;
};

static void review_done(struct review *review) {
        for (size_t i = 0; review->opinions && i < review->distinct.count; i++)
                phx_lxc_opinion_done(&review->opinions[i]);
        free(review->opinions);
        free(review->all);
        phx_lxc_options_done(&review->distinct);
}

static int compare_options(const struct phx_lxc_option *a, const struct phx_lxc_option *b) {
        int order = strcmp(a->key, b->key);

        return order != 0 ? order : strcmp(a->value, b->value);
}

static int option_review_compare(const void *a, const void *b) {
        return compare_options(
                        ((const struct item *) a)->option,
                        ((const struct item *) b)->option);
}

static int option_review_collect(
                const struct phx_configuration *configuration,
                struct review *review) {
        size_t count = 0;

        for (size_t i = 0; i < configuration->count; i++)
                count += configuration->containers[i].options.count;
        review->all = calloc(count + 1, sizeof(*review->all));
        if (!review->all)
                return -ENOMEM;
        for (size_t i = 0; i < configuration->count; i++) {
                const struct phx_container_config *container = &configuration->containers[i];

                for (size_t j = 0; j < container->options.count; j++)
                        review->all[review->count++] = (struct item){
                                &container->options.items[j],
                                container->id,
                        };
        }
        if (count > 1)
                qsort(review->all, count, sizeof(*review->all), option_review_compare);
        return 0;
}

static int select_distinct(struct review *review) {
        for (size_t i = 0; i < review->count; i++) {
                const struct phx_lxc_option *option = review->all[i].option;

                if (i > 0 && compare_options(review->all[i - 1].option, option) == 0)
                        continue;
                if (!phx_lxc_options_add(&review->distinct, option->key, option->value))
                        return -ENOMEM;
        }
        review->opinions = calloc(review->distinct.count + 1, sizeof(*review->opinions));
        return review->opinions ? 0 : -ENOMEM;
}

static void option_review_tell(
                const char *file,
                const struct item *item,
                const struct phx_lxc_opinion *opinion,
                bool is_here,
                struct phx_findings *findings) {
        const struct phx_lxc_option *option = item->option;
        const struct phx_position position = { file, option->line, option->column };
        bool is_elsewhere = !is_here && strcmp(option->key, PHX_LXC_KEY_INCLUDE) == 0;
        enum phx_severity severity = is_elsewhere ? PHX_SEVERITY_WARNING : PHX_SEVERITY_ERROR;

        if (opinion->verdict == PHX_LXC_UNKNOWN)
                phx_findings_add(
                                findings,
                                severity,
                                &position,
                                "lxc_configs.%s.lxc_options[%zu]: liblxc does not know %s",
                                item->id,
                                option->index,
                                option->key);
        else
                phx_findings_add(
                                findings,
                                severity,
                                &position,
                                "lxc_configs.%s.lxc_options[%zu]: liblxc rejects %s=%s%s%s",
                                item->id,
                                option->index,
                                option->key,
                                option->value,
                                opinion->text && opinion->text[0] ? ": " : "",
                                opinion->text ? opinion->text : "");
}

static void tell_all(
                const char *file,
                const struct review *review,
                bool is_here,
                struct phx_findings *findings) {
        size_t distinct = 0;

        for (size_t i = 0; i < review->count; i++) {
                const struct item *item = &review->all[i];

                distinct += i > 0 && compare_options(review->all[i - 1].option, item->option) != 0;
                if (review->opinions[distinct].verdict != PHX_LXC_WANTED)
                        option_review_tell(
                                        file,
                                        item,
                                        &review->opinions[distinct],
                                        is_here,
                                        findings);
        }
}

int phx_options_review(
                const char *file,
                const struct phx_configuration *configuration,
                bool is_here,
                struct phx_findings *findings,
                struct phx_error *error) {
        phx_cleanup(review_done) struct review review = { 0 };
        int r;

        r = option_review_collect(configuration, &review);
        if (r >= 0)
                r = select_distinct(&review);
        if (r >= 0)
                r = phx_lxc_try_options(&review.distinct, DEADLINE_USEC, review.opinions, error);
        if (r < 0)
                return r;
        tell_all(file, &review, is_here, findings);
        return 0;
}
