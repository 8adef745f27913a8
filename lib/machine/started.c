/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A line that confines takes effect when the container is started. The monitor of a running
 * container knows the lines of its start (lxc/running.c), liblxc in a child those that its config
 * comes to (lxc/listing.c), and lxc/started.c compares both. The child is asked only if the
 * monitor's answer alone does not show that all is right.
 *
 * A line that no option asks for any more is recorded nowhere else. So it is noted before the edit
 * that removes it, with the init that it is about, and kept over restarts of phoenixd until that
 * init is gone. If the note is lost, the container counts as right.
 *
 * Observed containers and remembered ones have the same order, so that one walk finds all. */

#include "machine/started.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/grow.h"
#include "base/strings.h"
#include "lxc/listing.h"
#include "lxc/running.h"
#include "lxc/started.h"
#include "machine/started_private.h"

/* For all monitors of a look together. One is busy while its container starts, and is asked again
 * some times before that is worth a word. */
#define ASK_USEC 500000ULL
#define ASK_AGAIN_USEC 2000000ULL
#define ASK_LIMIT 6

static void started_item_done(struct started_item *item) {
        free(item->directory);
        free(item->unknown);
        phx_strings_done(&item->gone);
        phx_wrong_lines_done(&item->wrong);
        *item = (struct started_item){ 0 };
}

void phx_started_items_done(struct started_items *items) {
        for (size_t i = 0; i < items->count; i++)
                started_item_done(&items->items[i]);
        free(items->items);
        *items = (struct started_items){ 0 };
}

int phx_machine_started_new(struct phx_machine_started **ret_started) {
        struct phx_machine_started *started = calloc(1, sizeof(*started));

        if (!started)
                return -ENOMEM;
        *ret_started = started;
        return 0;
}

struct phx_machine_started *phx_machine_started_free(struct phx_machine_started *started) {
        if (!started)
                return NULL;

        phx_started_items_done(&started->known);
        free(started->runtime_dir);
        free(started);

        return NULL;
}

void phx_machine_started_forget(struct phx_machine_started *started) {
        for (size_t i = 0; i < started->known.count; i++)
                started->known.items[i].key[0] = '\0';
}

int phx_machine_started_keep(struct phx_machine_started *started, const char *runtime_dir) {
        int r = phx_replace(&started->runtime_dir, runtime_dir);

        return r < 0 ? r : phx_machine_started_load(started);
}

/* --- one look --- */

/* A container that is to be compared. */
struct compared {
        struct phx_observed_container *have;
        const struct phx_desired_container *want;
        size_t item; /* of NEXT */
        struct phx_lxc_started lines;
        char *text; /* of its config, where that must be known */
        size_t size;
        char *options; /* the options alone, as a config */
};

struct review {
        struct phx_machine_started *started;
        const struct phx_machine_started_view *view;
        struct started_items next;
        size_t known; /* the first of what was known that comes here or later */
        struct compared *compared;
        size_t count;
        struct phx_lxc_running *running; /* of the same index */
        int path_fd;
};

static void review_done(struct review *review) {
        for (size_t i = 0; i < review->count; i++) {
                phx_lxc_started_done(&review->compared[i].lines);
                free(review->compared[i].text);
                free(review->compared[i].options);
                if (review->running)
                        phx_lxc_running_done(&review->running[i]);
        }
        free(review->compared);
        free(review->running);
        phx_started_items_done(&review->next);
        phx_closep(&review->path_fd);
}

static bool started_has_lines(const struct phx_lxc_options *options) {
        for (size_t i = 0; i < options->count; i++)
                if (phx_lxc_started_counts(options->items[i].key) ||
                    strcmp(options->items[i].key, PHX_LXC_KEY_INCLUDE) == 0)
                        return true;
        return false;
}

/* What was known of the directory, taken out; zero for nothing. */
static struct started_item started_take_known(struct review *review, const char *directory) {
        struct started_items *known = &review->started->known;

        while (review->known < known->count) {
                struct started_item *item = &known->items[review->known];
                int order = item->directory ? strcmp(item->directory, directory) : -1;

                if (order == 0)
                        return PHX_TAKE_STRUCT(*item);
                if (order > 0)
                        break;
                review->known++;
        }
        return (struct started_item){ 0 };
}

/* In a look that has not read tasks, they are those of the look before. */
static void started_note_init(
                const struct review *review,
                const struct started_item *known,
                struct phx_observed_container *have) {
        if (have->init_started > 0)
                return;
        if (review->view->observed->labels_at == 0 && known->init == have->init)
                have->init_started = known->since;
        else
                (void) phx_tasks_started(review->view->roots, have->init, &have->init_started);
}

/* An edit of this look removes these. */
static int started_note_gone(
                struct review *review,
                const struct phx_line_edit *edit,
                struct started_item *item) {
        for (size_t i = 0; i < edit->removed.count; i++) {
                const char *line = edit->removed.items[i];
                phx_autofree char *key = strndup(line, strcspn(line, "="));

                if (!key)
                        return -ENOMEM;
                if (phx_strings_has(&edit->tail, line) || phx_strings_has(&item->gone, line) ||
                    !(phx_lxc_started_counts(key) || strcmp(key, PHX_LXC_KEY_INCLUDE) == 0))
                        continue;
                if (phx_strings_add(&item->gone, line) < 0)
                        return -ENOMEM;
                review->started->is_unkept = true;
        }
        return 0;
}

static int started_key(
                const struct phx_observed_container *have,
                const struct phx_desired_container *want,
                const struct phx_strings *gone,
                char key[PHX_SHA256_HEX]) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        int r = phx_buffer_addf(&text, "%s\n", have->combined);

        for (size_t i = 0; r >= 0 && i < want->options.count; i++)
                r = phx_buffer_addf(
                                &text,
                                "%s=%s\n",
                                want->options.items[i].key,
                                want->options.items[i].value);
        for (size_t i = 0; r >= 0 && i < gone->count; i++)
                r = phx_buffer_addf(&text, "-%s\n", gone->items[i]);
        if (r < 0)
                return r;
        phx_sha256(text.data, text.size, key);
        return 0;
}

static bool started_is_comparable(const struct phx_observed_container *have) {
        return !have->trouble && have->combined && have->combined[0] &&
               have->wrong_lines.count == 0;
}

/* 1 when it is to be compared, 0 when what is known of it holds or nothing can be said. */
static int started_is_due(
                const struct review *review,
                const struct phx_observed_container *have,
                const struct phx_desired_container *want,
                struct started_item *item) {
        const struct phx_scope *scope = review->view->lxc->scope;
        char key[PHX_SHA256_HEX] = "";
        bool is_again = (item->unknown && (!scope || scope->is_whole)) ||
                        (item->unanswered > 0 && item->unanswered < ASK_LIMIT);

        if (started_is_comparable(have) && started_key(have, want, &item->gone, key) < 0)
                return -ENOMEM;
        if (key[0] && strcmp(key, item->key) == 0 && !is_again)
                return 0;
        if (strcmp(key, item->key) != 0)
                item->unanswered = 0;
        memcpy(item->key, key, sizeof(item->key));
        item->is_compared = false;
        phx_wrong_lines_done(&item->wrong);
        if (phx_replace(&item->unknown, NULL) < 0)
                return -ENOMEM;
        return key[0] != '\0';
}

static int started_add_compared(
                struct review *review,
                struct phx_observed_container *have,
                const struct phx_desired_container *want) {
        struct compared *compared = phx_grow(&review->compared, &review->count, sizeof(*compared));

        if (!compared)
                return -ENOMEM;
        compared->have = have;
        compared->want = want;
        compared->item = review->next.count - 1;
        return phx_lxc_started_make(
                        &want->options,
                        &review->next.items[compared->item].gone,
                        &compared->lines);
}

static int started_visit(
                struct review *review,
                struct phx_observed_container *have,
                const struct phx_desired_container *want) {
        phx_cleanup(started_item_done) struct started_item known = started_take_known(
                        review,
                        have->directory);
        struct started_item *item;
        int r;

        if ((have->init <= 0 && !known.directory) ||
            (known.gone.count == 0 && have->lines.removed.count == 0 &&
             !started_has_lines(&want->options)))
                return 0;
        if (have->init > 0) {
                started_note_init(review, &known, have);
                if (known.init != have->init || known.since != have->init_started) {
                        review->started->is_unkept |= known.gone.count > 0;
                        started_item_done(&known);
                }
        }
        item = phx_grow(&review->next.items, &review->next.count, sizeof(*item));
        if (!item)
                return -ENOMEM;
        *item = PHX_TAKE_STRUCT(known);
        /* Its init is not seen just now, and what is known of it may hold. */
        if (have->init <= 0 || have->init_started == 0)
                return phx_replace(&item->directory, have->directory);
        item->init = have->init;
        item->since = have->init_started;
        r = phx_replace(&item->directory, have->directory);
        if (r >= 0)
                r = started_note_gone(review, &have->lines, item);
        if (r >= 0)
                r = started_is_due(review, have, want, item);
        return r > 0 ? started_add_compared(review, have, want) : r;
}

/* --- comparing --- */

static int started_ask(struct review *review) {
        review->running = calloc(review->count + 1, sizeof(*review->running));
        if (!review->running)
                return -ENOMEM;
        for (size_t i = 0; i < review->count; i++) {
                review->running[i].name = review->compared[i].have->directory;
                review->running[i].keys = &review->compared[i].lines.keys;
        }
        return phx_lxc_running_ask(
                        review->view->lxc->path,
                        review->running,
                        review->count,
                        geteuid(),
                        ASK_USEC);
}

static int started_note_silence(
                const struct review *review,
                struct started_item *item,
                enum phx_lxc_monitor_answer answer) {
        struct phx_observed *observed = review->view->observed;

        if (item->unanswered < ASK_LIMIT)
                item->unanswered++;
        if (item->unanswered == ASK_LIMIT)
                return phx_replace(
                                &item->unknown,
                                answer == PHX_LXC_MONITOR_SILENT ? "its monitor does not answer"
                                                                 : "it has no monitor");
        if (observed->retry_usec > ASK_AGAIN_USEC) {
                observed->retry_usec = ASK_AGAIN_USEC;
                observed->is_settling = true;
        }
        return 0;
}

/* CONFIG and OPTIONS may be NULL. 0 when they must be known, 1, or -ENOMEM. */
static int started_compare(
                struct review *review,
                size_t index,
                const struct phx_strings *config,
                const struct phx_strings *options) {
        const struct compared *compared = &review->compared[index];
        const struct phx_lxc_running *running = &review->running[index];
        struct started_item *item = &review->next.items[compared->item];
        const struct phx_lxc_started_values values = { &running->values, config, options };
        phx_cleanup(phx_strings_done) struct phx_strings unknown = { 0 };
        int r;

        if (running->answer != PHX_LXC_MONITOR_ANSWERS) {
                r = started_note_silence(review, item, running->answer);
                return r < 0 ? r : 1;
        }
        item->unanswered = 0;
        r = phx_lxc_started_compare(&compared->lines, &values, &item->wrong, &unknown);
        item->is_compared = r > 0;
        if (r > 0 && unknown.count > 0 &&
            phx_printf(&item->unknown, "%s cannot be compared", unknown.items[0]) < 0)
                return -ENOMEM;
        return r;
}

/* 1 when it is there. What cannot be read now is compared by a later look. */
static int started_read(struct review *review, struct compared *compared) {
        const struct phx_machine_started_view *view = review->view;
        phx_cleanup(phx_lxc_source_done) struct phx_lxc_source source = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer options = { 0 };
        int r = phx_buffer_add_text(&options, "");

        for (size_t i = 0; r >= 0 && i < compared->want->options.count; i++)
                r = phx_buffer_addf(
                                &options,
                                "%s = %s\n",
                                compared->want->options.items[i].key,
                                compared->want->options.items[i].value);
        if (r < 0)
                return r;
        if (compared->have->backend == PHX_BACKEND_PVE)
                r = view->read(view->data, compared->have->directory, &source.text, &source.size);
        else
                r = phx_lxc_config_text(
                                view->lxc,
                                &review->path_fd,
                                compared->have->directory,
                                compared->have->digest,
                                &source);
        if (r < 0) {
                review->next.items[compared->item].key[0] = '\0';
                return r == -ENOMEM ? r : 0;
        }
        compared->text = PHX_TAKE(source.text);
        compared->size = source.size;
        compared->options = PHX_TAKE(options.data);
        return 1;
}

/* Two for each: its config, and its options alone. */
struct listings {
        struct phx_lxc_listing *items;
        size_t *indices; /* of what is compared */
        size_t count;    /* of these */
};

static void listings_done(struct listings *listings) {
        for (size_t i = 0; i < 2 * listings->count; i++)
                phx_lxc_listing_done(&listings->items[i]);
        free(listings->items);
        free(listings->indices);
}

static void started_add_listing(struct review *review, size_t index, struct listings *listings) {
        const struct compared *compared = &review->compared[index];
        struct phx_lxc_listing *two = &listings->items[2 * listings->count];

        two[0] = (struct phx_lxc_listing){ .name = compared->have->directory,
                                           .text = compared->text,
                                           .size = compared->size,
                                           .keys = &compared->lines.keys };
        two[1] = (struct phx_lxc_listing){ .name = compared->have->directory,
                                           .text = compared->options,
                                           .size = strlen(compared->options),
                                           .keys = &compared->lines.keys };
        listings->indices[listings->count++] = index;
}

static int started_settle(struct review *review, const struct listings *listings, size_t index) {
        const struct phx_lxc_listing *two = &listings->items[2 * index];
        size_t compared = listings->indices[index];
        struct started_item *item = &review->next.items[review->compared[compared].item];
        int r;

        if (two[0].code < 0)
                return phx_replace(&item->unknown, two[0].why);
        if (two[1].code < 0)
                return phx_replace(&item->unknown, two[1].why);
        r = started_compare(review, compared, &two[0].values, &two[1].values);
        return r < 0 ? r : 0;
}

static int started_compare_all(struct review *review, struct phx_error *error) {
        phx_cleanup(listings_done) struct listings listings = {
                .items = calloc(2 * review->count + 1, sizeof(*listings.items)),
                .indices = calloc(review->count + 1, sizeof(*listings.indices)),
        };
        int r = listings.items && listings.indices ? started_ask(review) : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < review->count; i++) {
                r = started_compare(review, i, NULL, NULL);
                if (r == 0)
                        r = started_read(review, &review->compared[i]);
                else
                        continue;
                if (r > 0)
                        started_add_listing(review, i, &listings);
        }
        if (r >= 0 && listings.count > 0)
                r = phx_lxc_list_values(
                                listings.items,
                                2 * listings.count,
                                review->view->lxc->deadline_usec,
                                error);
        for (size_t i = 0; r >= 0 && i < listings.count; i++)
                r = started_settle(review, &listings, i);
        return r;
}

static int started_show(const struct started_item *item, struct phx_observed_container *have) {
        int r = phx_replace(&have->at_start_unknown, item->unknown);

        have->at_start_waits = !item->is_compared || have->init <= 0 || have->init_started == 0;
        for (size_t i = 0; r >= 0 && i < item->wrong.count; i++)
                r = phx_wrong_lines_add(
                                &have->at_start,
                                item->wrong.items[i].fault,
                                item->wrong.items[i].key);
        return r;
}

static int started_show_all(const struct review *review) {
        size_t at = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < review->view->observed->container_count; i++) {
                struct phx_observed_container *have = &review->view->observed->containers[i];

                if (at < review->next.count &&
                    strcmp(review->next.items[at].directory, have->directory) == 0)
                        r = started_show(&review->next.items[at++], have);
        }
        return r;
}

int phx_machine_started_review(
                struct phx_machine_started *started,
                const struct phx_machine_started_view *view,
                struct phx_error *error) {
        phx_cleanup(review_done) struct review review = { .started = started,
                                                          .view = view,
                                                          .path_fd = -1 };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < view->observed->container_count; i++) {
                struct phx_observed_container *have = &view->observed->containers[i];
                const struct phx_desired_container *want = NULL;

                if (have->is_running)
                        want = phx_desired_find_directory(view->desired, have->directory);
                if (want)
                        r = started_visit(&review, have, want);
        }
        if (r >= 0 && review.count > 0)
                r = started_compare_all(&review, error);
        if (r >= 0)
                r = started_show_all(&review);
        /* What is lost with an error is asked for again, but for lines that are gone. */
        if (r < 0)
                return r;
        phx_started_items_done(&started->known);
        started->known = PHX_TAKE_STRUCT(review.next);
        return started->is_unkept ? phx_machine_started_save(started) : 0;
}
