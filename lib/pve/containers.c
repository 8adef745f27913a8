/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is known of this node's containers, and its way from one look to the next:
 *
 *   1. list      which containers there are, each with the version of its file (pve/guests.h)
 *   2. read      those whose version is another one than at the last look
 *   3. update    what follows from a file that was read: what Proxmox generates, remarks
 *   4. ask       liblxc, about each generated config that is new, or that includes another text now
 *   5. show      as plain LXC's containers are shown (lxc/containers.h)
 *
 * When 1 gives no answer, 2 to 4 are left out and each container has trouble: what was known stays,
 * and is not acted upon. When 2 gives none for one container, only that one has trouble. What is
 * kept between looks is `items`, by id; only a list that was read removes one of them.
 *
 * An edit begins with the file as it was read last, and the worker writes only over that one. */

#include "pve/containers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/sorted.h"
#include "base/strings.h"
#include "lxc/walk.h"
#include "pve/assign.h"
#include "pve/features.h"
#include "pve/known.h"
#include "pve/offer.h"
#include "pve/wish.h"

struct phx_pve_containers {
        struct phx_pve_worker *worker;
        const char *root;
        uint64_t deadline_usec;
        uint64_t start_time; /* of the server that counted the versions */
        char node[PHX_PVE_NODE_SIZE];
        bool is_quorate; /* at the last list */
        struct phx_pve_known *items;
        size_t count;
        uint32_t *away; /* of the list that was read last, and what has left since */
        size_t away_count;
        bool is_passing; /* of the last look: see lxc/containers.h */
};

int phx_pve_containers_new(
                const struct phx_pve_worker_options *worker,
                uint64_t deadline_usec,
                struct phx_pve_containers **ret_containers) {
        phx_cleanup(phx_pve_containers_freep) struct phx_pve_containers *containers = calloc(
                        1,
                        sizeof(*containers));
        int r;

        if (!containers)
                return -ENOMEM;
        containers->root = worker->place.root;
        containers->deadline_usec = deadline_usec;
        r = phx_pve_worker_new(worker, &containers->worker);
        if (r < 0)
                return r;
        *ret_containers = PHX_TAKE(containers);
        return 0;
}

static void known_list_done(struct phx_pve_known *items, size_t count) {
        for (size_t i = 0; i < count; i++)
                phx_pve_known_done(&items[i]);
        free(items);
}

struct phx_pve_containers *phx_pve_containers_free(struct phx_pve_containers *containers) {
        if (!containers)
                return NULL;

        known_list_done(containers->items, containers->count);
        free(containers->away);
        phx_pve_worker_free(containers->worker);
        free(containers);

        return NULL;
}

struct phx_pve_worker *phx_pve_containers_worker(const struct phx_pve_containers *containers) {
        return containers->worker;
}

const struct phx_process *phx_pve_containers_process(const struct phx_pve_containers *containers) {
        return phx_pve_worker_process(containers->worker);
}

void phx_pve_containers_forget(struct phx_pve_containers *containers) {
        for (size_t i = 0; i < containers->count; i++)
                containers->items[i].is_stale = true;
}

static int compare_known(const void *id, const void *known) {
        uint32_t left = *(const uint32_t *) id, right = ((const struct phx_pve_known *) known)->id;

        return (left > right) - (left < right);
}

static struct phx_pve_known *known_find(const struct phx_pve_containers *containers, uint32_t id) {
        return phx_find_sorted(
                        &id,
                        containers->items,
                        containers->count,
                        sizeof(*containers->items),
                        compare_known);
}

/* --- list and read --- */

/* Its versions are another server's, or another node's: none of ours says anything. */
static void known_follow_server(
                struct phx_pve_containers *containers,
                const struct phx_pve_list *list) {
        if (containers->start_time == list->start_time && strcmp(containers->node, list->node) == 0)
                return;
        containers->start_time = list->start_time;
        (void) memcpy(containers->node, list->node, sizeof(containers->node));
        for (size_t i = 0; i < containers->count; i++)
                containers->items[i].version = 0;
}

static int known_set_trouble(struct phx_pve_known *known, const char *text) {
        known->version = 0;
        known->combined[0] = '\0';
        return phx_replace(&known->trouble, text);
}

/* 1 when the file was read, 0 when the container is gone. */
static int known_read(
                struct phx_pve_containers *containers,
                const struct phx_pve_listed *listed,
                struct phx_pve_known *known) {
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        struct phx_error error = { 0 };
        enum phx_pve_outcome outcome;
        bool is_same;
        int r;

        outcome = phx_pve_worker_read(containers->worker, listed->id, &config, &error);
        if (outcome == PHX_PVE_OUTCOME_MOVED)
                return 0;
        if (outcome != PHX_PVE_OUTCOME_DONE) {
                containers->is_passing |= outcome == PHX_PVE_OUTCOME_NOT_NOW;
                r = known_set_trouble(known, error.text);
                return r < 0 ? r : 1;
        }
        is_same = known->config.data && !known->trouble && !known->is_stale &&
                  strcmp(known->config.sha256, config.sha256) == 0;
        known->version = listed->version;
        if (is_same)
                return 1;
        phx_pve_config_done(&known->config);
        known->config = PHX_TAKE_STRUCT(config);
        known->is_stale = false;
        r = phx_pve_known_update(known);
        return r < 0 ? r : 1;
}

/* Takes what was known over, and reads what may have changed: 1, or 0 when it is gone. */
static int known_take(
                struct phx_pve_containers *containers,
                const struct phx_pve_listed *listed,
                struct phx_pve_known *ret_known) {
        struct phx_pve_known *old = known_find(containers, listed->id);

        if (old) {
                *ret_known = *old;
                *old = (struct phx_pve_known){ .id = old->id };
        }
        /* No part of the file. */
        ret_known->is_in_ha = listed->is_in_ha;
        if (old && listed->version > 0 && ret_known->version == listed->version &&
            !ret_known->is_stale)
                return 1;
        ret_known->id = listed->id;
        if (!ret_known->path &&
            phx_printf(&ret_known->path, "%s/lxc/%" PRIu32 ".conf", containers->root, listed->id) <
                            0)
                return -ENOMEM;
        return known_read(containers, listed, ret_known);
}

/* A container that was listed, and had no config any more when that was read, is on its way to
 * another node, or is being removed: the next list decides. */
static int known_take_list(struct phx_pve_containers *containers, const struct phx_pve_list *list) {
        struct phx_pve_known *items = calloc(list->count + 1, sizeof(*items));
        phx_autofree uint32_t *away = calloc(list->count + list->away_count + 1, sizeof(*away));
        size_t count = 0, away_count = list->away_count;
        int r = items && away ? 0 : -ENOMEM;

        known_follow_server(containers, list);
        containers->is_quorate = list->is_quorate;
        for (size_t i = 0; r >= 0 && i < list->count; i++) {
                r = known_take(containers, &list->items[i], &items[count]);
                if (r > 0) {
                        count++;
                        continue;
                }
                phx_pve_known_done(&items[count]);
                away[away_count++] = list->items[i].id;
        }
        if (r < 0) {
                known_list_done(items, count);
                return r;
        }
        memcpy(away, list->away, list->away_count * sizeof(*away));
        known_list_done(containers->items, containers->count);
        containers->items = items;
        containers->count = count;
        free(containers->away);
        containers->away = PHX_TAKE(away);
        containers->away_count = away_count;
        return 0;
}

bool phx_pve_containers_has_away(const struct phx_pve_containers *containers, const char *id) {
        uint32_t number = 0;

        if (!phx_pve_parse_id(id, strlen(id), &number))
                return false;
        for (size_t i = 0; i < containers->away_count; i++)
                if (containers->away[i] == number)
                        return true;
        return false;
}

/* 1 when the list was read; 0 when it was not, with the reason. */
static int known_list(struct phx_pve_containers *containers, char **ret_refusal) {
        phx_cleanup(phx_pve_list_done) struct phx_pve_list list = { 0 };
        struct phx_error error = { 0 };
        int r;

        if (phx_pve_worker_list(containers->worker, &list, &error) == PHX_PVE_OUTCOME_DONE) {
                r = known_take_list(containers, &list);
                return r < 0 ? r : 1;
        }
        containers->is_passing = true;
        r = phx_replace(ret_refusal, error.text);
        for (size_t i = 0; r >= 0 && i < containers->count; i++)
                r = known_set_trouble(&containers->items[i], error.text);
        return r < 0 ? r : 0;
}

/* --- ask --- */

struct pve_look {
        struct phx_pve_containers *containers;
        struct phx_lxc_reader *reader;
        size_t *indices; /* of the items to ask about */
        struct phx_strings names;
        struct phx_buffer *texts; /* borrowed from the items */
        struct phx_lxc_values *answers;
        char (*combined)[PHX_SHA256_HEX]; /* of each item */
};

static void pve_look_done(struct pve_look *look) {
        for (size_t i = 0; look->answers && i < look->names.count; i++)
                phx_lxc_values_done(&look->answers[i]);
        free(look->answers);
        free(look->texts);
        free(look->indices);
        free(look->combined);
        phx_strings_done(&look->names);
        look->reader = phx_lxc_reader_free(look->reader);
}

/* Whether liblxc has to be asked about the item: 1 or 0. */
static int needs_asking(struct pve_look *look, size_t i) {
        struct phx_pve_known *known = &look->containers->items[i];
        struct phx_lxc_source source = { .text = known->generated.data,
                                         .size = known->generated.size };
        struct phx_error error = { 0 };
        int r;

        if (known->trouble)
                return 0;
        memcpy(source.digest, known->config.sha256, sizeof(source.digest));
        r = phx_lxc_combine(look->reader, known->path, &source, &error);
        if (r < 0)
                return r == -ENOMEM ? r : known_set_trouble(known, phx_error_text(&error, r));
        memcpy(look->combined[i], source.combined, sizeof(look->combined[i]));
        return strcmp(known->combined, source.combined) != 0;
}

static int pve_collect(struct pve_look *look) {
        size_t count = look->containers->count;

        look->indices = calloc(count + 1, sizeof(*look->indices));
        look->texts = calloc(count + 1, sizeof(*look->texts));
        look->answers = calloc(count + 1, sizeof(*look->answers));
        look->combined = calloc(count + 1, sizeof(*look->combined));
        if (!look->indices || !look->texts || !look->answers || !look->combined)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++) {
                const struct phx_pve_known *known = &look->containers->items[i];
                int r = needs_asking(look, i);

                if (r > 0) {
                        look->indices[look->names.count] = i;
                        look->texts[look->names.count] = known->generated;
                        r = phx_strings_add(&look->names, known->path);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Late and dead are of the moment: asked again by the next look. */
static bool pve_is_lasting(const struct phx_lxc_values *values) {
        return values->code != -ETIMEDOUT && values->code != -EIO;
}

/* PLACE is "PATH:LINE". */
static bool is_line_of(const char *place, const char *path) {
        return place && phx_has_prefix(place, path) && place[strlen(path)] == ':';
}

static int pve_take_answer(struct pve_look *look, size_t question) {
        size_t i = look->indices[question];
        struct phx_pve_known *known = &look->containers->items[i];
        int r;

        phx_lxc_values_done(&known->values);
        known->values = PHX_TAKE_STRUCT(look->answers[question]);
        phx_lxc_decider_done(&known->decider);
        r = phx_lxc_decide(
                        look->reader,
                        known->path,
                        known->generated.data,
                        known->generated.size,
                        known->values.profile,
                        &known->decider);
        /* A line of the generated text: the file's own, or one of Proxmox's. */
        if (r >= 0 && phx_equal(known->decider.file, known->path))
                known->decider.line = known->decider_line;
        if (r >= 0 && is_line_of(known->decider.ungated, known->path))
                r = phx_replace(&known->decider.ungated, known->path);
        if (r >= 0 && pve_is_lasting(&known->values))
                memcpy(known->combined, look->combined[i], sizeof(known->combined));
        return r;
}

static int pve_ask(struct pve_look *look, struct phx_error *error) {
        int r;

        r = pve_collect(look);
        if (r < 0 || look->names.count == 0)
                return r;
        r = phx_lxc_worker_load_texts(
                        &look->names,
                        look->texts,
                        look->containers->deadline_usec,
                        look->answers,
                        error);
        for (size_t i = 0; r >= 0 && i < look->names.count; i++)
                r = pve_take_answer(look, i);
        return r;
}

/* --- show --- */

static int show_values(const struct phx_pve_known *known, struct phx_lxc_container *shown) {
        bool is_included = known->decider.file && !phx_equal(known->decider.file, known->path);
        int r = phx_lxc_values_copy(&shown->values, &known->values);

        shown->decider.line = known->decider.line;
        if (r >= 0)
                r = phx_replace(&shown->decider_why,
                                is_included ? known->reason.include : known->reason.own);
        if (r >= 0)
                r = phx_replace(&shown->decider.ungated, known->decider.ungated);
        return r < 0 ? r : phx_replace(&shown->decider.file, known->decider.file);
}

int phx_pve_containers_text(
                const struct phx_pve_containers *containers,
                const char *id,
                char **ret_text,
                size_t *ret_size) {
        const struct phx_pve_known *known = known_find(
                        containers,
                        (uint32_t) strtoul(id, NULL, 10));
        char *text;

        if (!known || !known->generated.data)
                return -ENOENT;
        text = strndup(known->generated.data, known->generated.size);
        if (!text)
                return -ENOMEM;
        *ret_text = text;
        *ret_size = known->generated.size;
        return 0;
}

/* What keeps the container from starting again comes first. While it is only mounted, it starts. */
static enum phx_restart restart_of(
                const struct phx_pve_containers *containers,
                const struct phx_pve_known *known) {
        if (!containers->is_quorate)
                return PHX_RESTART_NO_QUORUM;
        if (known->lock && strcmp(known->lock, "mounted") != 0)
                return PHX_RESTART_LOCKED;
        return known->is_in_ha ? PHX_RESTART_HA : PHX_RESTART_PLAIN;
}

static int show_one(
                const struct phx_pve_containers *containers,
                const struct phx_pve_known *known,
                struct phx_lxc_containers *shown) {
        struct phx_lxc_container *container =
                        phx_grow(&shown->items, &shown->count, sizeof(*container));
        const char *trouble = known->trouble;
        int r;

        if (!container)
                return -ENOMEM;
        container->backend = PHX_BACKEND_PVE;
        /* What was known at the last list says nothing of now. */
        container->restart = trouble ? PHX_RESTART_UNKNOWN : restart_of(containers, known);
        if (!trouble && known->values.code < 0)
                trouble = known->values.text ? known->values.text
                                             : strerrordesc_np(-known->values.code);
        if (phx_printf(&container->name, "%" PRIu32, known->id) < 0 ||
            phx_replace(&container->config, known->path) < 0 ||
            phx_replace(&container->trouble, trouble) < 0 ||
            phx_replace(&container->lock, known->lock) < 0 ||
            phx_strings_copy(&container->pending, &known->pending) < 0 ||
            phx_strings_copy(&container->remarks, &known->remarks) < 0)
                return -ENOMEM;
        if (known->generated.data) {
                memcpy(container->digest, known->config.sha256, sizeof(container->digest));
                memcpy(container->combined, known->combined, sizeof(container->combined));
        }
        /* Without its profile where that is not known; where its tasks are, stays known. */
        r = show_values(known, container);
        if (r >= 0 && known->trouble)
                r = phx_replace(&container->values.profile, NULL);
        return r;
}

int phx_pve_containers_look(
                struct phx_pve_containers *containers,
                struct phx_lxc_containers *ret_containers,
                struct phx_error *error) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers shown = { 0 };
        phx_cleanup(pve_look_done) struct pve_look look = { .containers = containers };
        int r;

        containers->is_passing = false;
        r = known_list(containers, &shown.refusal);
        if (r > 0)
                r = phx_lxc_reader_new(&look.reader);
        if (r >= 0 && look.reader)
                r = pve_ask(&look, error);
        for (size_t i = 0; r >= 0 && i < containers->count; i++)
                r = show_one(containers, &containers->items[i], &shown);
        if (r >= 0 && look.reader)
                r = phx_lxc_reader_watches(look.reader, &shown.watches);
        if (r < 0)
                return r;
        shown.is_passing = containers->is_passing;
        shown.has_no_quorum = !containers->is_quorate;
        *ret_containers = PHX_TAKE_STRUCT(shown);
        return 0;
}

/* --- edit --- */

/* As it was planned for, or -ESTALE. */
static int known_expect(
                const struct phx_pve_containers *containers,
                const char *id,
                const char *digest,
                const struct phx_pve_known **ret_known,
                struct phx_error *error) {
        uint32_t number = (uint32_t) strtoul(id, NULL, 10);
        const struct phx_pve_known *known = known_find(containers, number);

        if (!known || !known->config.data || known->trouble ||
            strcmp(known->config.sha256, digest) != 0)
                return phx_error_set(error, -ESTALE, "%s: changed since it was read", id);
        *ret_known = known;
        return 0;
}

int phx_pve_containers_edit(
                struct phx_pve_containers *containers,
                const char *id,
                const char *digest,
                const struct phx_lxc_edit *edit,
                const struct phx_strings *settings,
                struct phx_error *error) {
        const struct phx_pve_known *known = NULL;
        int r;

        r = known_expect(containers, id, digest, &known, error);
        return r < 0 ? r
                     : phx_pve_assign(containers->worker,
                                      known,
                                      edit,
                                      settings,
                                      containers->deadline_usec,
                                      error);
}

int phx_pve_containers_preview(
                const struct phx_pve_containers *containers,
                const char *id,
                const char *digest,
                const struct phx_lxc_edit *edit,
                const struct phx_strings *settings,
                struct phx_preview *ret_preview) {
        const struct phx_pve_known *known = NULL;
        int r;

        r = known_expect(containers, id, digest, &known, NULL);
        return r < 0 ? r : phx_pve_assign_preview(known, edit, settings, ret_preview);
}

int phx_pve_containers_offer(
                const struct phx_pve_containers *containers,
                const char *id,
                const struct phx_pve_wanted *wanted,
                struct phx_offer *ret_offer) {
        const struct phx_pve_known *known = known_find(
                        containers,
                        (uint32_t) strtoul(id, NULL, 10));
        phx_autofree char *path = NULL;

        if (!known)
                return 0;
        /* Not by a link, which a patch does not follow, and which means another node elsewhere. */
        if (phx_printf(&path,
                       "%s/nodes/%s/lxc/%" PRIu32 ".conf",
                       containers->root,
                       containers->node,
                       known->id) < 0)
                return -ENOMEM;
        return phx_pve_offer(known, path, wanted, ret_offer);
}

static int known_wish_features(
                const struct phx_container_config *config,
                const struct phx_pve_text *text,
                struct phx_strings *settings) {
        const struct phx_pve_line *line = phx_pve_text_key(text, 0, PHX_PVE_KEY_FEATURES);
        phx_autofree char *features = NULL;
        struct phx_pve_features have = { 0 };
        int r;

        if (config->pct_options.count == 0)
                return 0;
        if (line)
                have = phx_pve_features_parse(line->value, line->value_size);
        r = phx_pve_wish_features(config, &have, &features, NULL);
        /* What Proxmox cannot read itself is its trouble already. */
        if (r <= 0)
                return r == -EINVAL ? 0 : r;
        return phx_strings_addf(settings, "%s=%s", PHX_PVE_KEY_FEATURES, features);
}

int phx_pve_containers_wish(
                const struct phx_pve_containers *containers,
                const char *id,
                const struct phx_container_config *config,
                bool manages_autostart,
                struct phx_strings *settings) {
        const struct phx_pve_known *known = known_find(
                        containers,
                        (uint32_t) strtoul(id, NULL, 10));
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        bool starts = manages_autostart && (config->has_start_at_boot || config->has_boot_order ||
                                            config->has_boot_delay);
        int r;

        if ((config->pct_options.count == 0 && !starts) || !known || !known->config.data ||
            known->trouble)
                return 0;
        r = phx_pve_text_parse(known->config.data, known->config.size, &text);
        if (r >= 0)
                r = known_wish_features(config, &text, settings);
        return r < 0 || !starts ? r : phx_pve_wish_start(config, &text, settings);
}
