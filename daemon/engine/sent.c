/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Two sorted lists are walked side by side: what there is now, and what was sent. An object that is
 * in both is rendered only if its digest is another one; one that is only there now is new, and one
 * that was only sent is gone. The digests are taken from the fields, so that an object which has
 * not changed is never rendered; and which files decide about a container is said only where it is
 * rendered (reconcile/deciders.c). They are keyed with random bytes: what a container can choose
 * about itself cannot be chosen so that a change goes unseen.
 *
 * The new lists are made beside the old ones and take their place at the end. When sending fails,
 * the loop drops what it got of it, and both sides still agree on the old ones. */

#include "engine/sent.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/error.h"
#include "base/strings.h"
#include "codec/snapshot_json.h"
#include "reconcile/deciders.h"
#include "shared/text.h"

/* An object as it is now. */
struct now {
        char *key;
        const void *object; /* NULL for one that has no text */
};

struct now_list {
        struct now *items;
        size_t count;
};

static void now_done(struct now_list *list) {
        for (size_t i = 0; i < list->count; i++)
                free(list->items[i].key);
        free(list->items);
        *list = (struct now_list){ 0 };
}

static void sent_list_done(struct sent_list *list) {
        for (size_t i = 0; i < list->count; i++)
                free(list->items[i].key);
        free(list->items);
        *list = (struct sent_list){ 0 };
}

void sent_done(struct sent *sent) {
        for (size_t i = 0; i < PHX_OBJECT_KINDS; i++)
                sent_list_done(&sent->lists[i]);
        *sent = (struct sent){ 0 };
}

/* --- what there is now --- */

static int now_compare(const void *a, const void *b) {
        return strcmp(((const struct now *) a)->key, ((const struct now *) b)->key);
}

static bool now_is_sorted(const struct now_list *list) {
        for (size_t i = 1; i < list->count; i++)
                if (now_compare(&list->items[i - 1], &list->items[i]) >= 0)
                        return false;
        return true;
}

/* By key, each once: the first one stays. */
static void now_sort(struct now_list *list) {
        size_t kept = 0;

        /* They come in order, but for what sorts otherwise as a text. */
        if (!now_is_sorted(list))
                qsort(list->items, list->count, sizeof(*list->items), now_compare);
        for (size_t i = 0; i < list->count; i++)
                if (kept > 0 && strcmp(list->items[kept - 1].key, list->items[i].key) == 0)
                        free(list->items[i].key);
                else
                        list->items[kept++] = list->items[i];
        list->count = kept;
}

/* The list has room. Takes KEY. What has a text has a key that JSON and D-Bus can hold; a directory
 * that is watched has the bytes that it has. */
static int now_add(struct now_list *list, char *key, const void *object) {
        if (!key)
                return -ENOMEM;
        if (object)
                text_repair(key);
        list->items[list->count++] = (struct now){ key, object };
        return 0;
}

static int now_add_profiles(const struct phx_snapshot *snapshot, struct now_list *list) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < snapshot->profile_count; i++)
                r = now_add(list, strdup(snapshot->profiles[i].name), &snapshot->profiles[i]);
        return r;
}

static int now_add_containers(const struct phx_snapshot *snapshot, struct now_list *list) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < snapshot->container_count; i++)
                r = now_add(list, strdup(snapshot->containers[i].id), &snapshot->containers[i]);
        return r;
}

static int now_add_unmanaged(const struct phx_snapshot *snapshot, struct now_list *list) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < snapshot->unmanaged_count; i++)
                r = now_add(list,
                            strdup(snapshot->unmanaged[i].directory),
                            &snapshot->unmanaged[i]);
        return r;
}

static bool is_alike(const struct phx_snapshot_drift *a, const struct phx_snapshot_drift *b) {
        return a->layer == b->layer && a->kind == b->kind && strcmp(a->object, b->object) == 0;
}

/* The snapshot has them in order. A step has the key of its drift. */
static int now_add_drifts(
                const struct phx_snapshot *snapshot,
                bool are_steps,
                struct now_list *list) {
        size_t ordinal = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < snapshot->drift_count; i++) {
                const struct phx_snapshot_drift *drift = &snapshot->drifts[i];

                ordinal = i > 0 && is_alike(drift - 1, drift) ? ordinal + 1 : 0;
                if (are_steps && drift->action == PHX_ACTION_NONE)
                        continue;
                r = now_add(list,
                            phx_drift_key(drift->layer, drift->object, drift->kind, ordinal),
                            drift);
        }
        return r;
}

static int now_add_offers(const struct phx_snapshot *snapshot, struct now_list *list) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < snapshot->offer_count; i++)
                r = now_add(list, strdup(snapshot->offers[i].object), &snapshot->offers[i]);
        return r;
}

static int now_add_watches(const struct phx_report *report, struct now_list *list) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < report->watches.count; i++)
                r = now_add(list, strdup(report->watches.items[i]), NULL);
        return r;
}

static int now_add_inits(const struct phx_report *report, struct now_list *list) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < report->init_count; i++) {
                char key[PHX_INIT_KEY];

                phx_init_key((int) report->inits[i], key);
                r = now_add(list, strdup(key), NULL);
        }
        return r;
}

static size_t now_room(
                enum phx_object_kind kind,
                const struct phx_snapshot *snapshot,
                const struct phx_report *report) {
        const size_t rooms[PHX_OBJECT_KINDS] = {
                [PHX_OBJECT_PROFILE] = snapshot->profile_count,
                [PHX_OBJECT_CONTAINER] = snapshot->container_count,
                [PHX_OBJECT_UNMANAGED] = snapshot->unmanaged_count,
                [PHX_OBJECT_DRIFT] = snapshot->drift_count,
                [PHX_OBJECT_STEP] = snapshot->drift_count,
                [PHX_OBJECT_OFFER] = snapshot->offer_count,
                [PHX_OBJECT_WATCH] = report->watches.count,
                [PHX_OBJECT_INIT] = report->init_count,
        };

        return rooms[kind];
}

static int now_fill(
                enum phx_object_kind kind,
                const struct phx_snapshot *snapshot,
                const struct phx_report *report,
                struct now_list *list) {
        list->items = calloc(now_room(kind, snapshot, report) + 1, sizeof(*list->items));
        if (!list->items)
                return -ENOMEM;
        switch (kind) {
        case PHX_OBJECT_PROFILE:
                return now_add_profiles(snapshot, list);
        case PHX_OBJECT_CONTAINER:
                return now_add_containers(snapshot, list);
        case PHX_OBJECT_UNMANAGED:
                return now_add_unmanaged(snapshot, list);
        case PHX_OBJECT_DRIFT:
        case PHX_OBJECT_STEP:
                return now_add_drifts(snapshot, kind == PHX_OBJECT_STEP, list);
        case PHX_OBJECT_OFFER:
                return now_add_offers(snapshot, list);
        case PHX_OBJECT_WATCH:
                return now_add_watches(report, list);
        case PHX_OBJECT_INIT:
                return now_add_inits(report, list);
        }
        return -EINVAL;
}

/* --- telling --- */

/* What is sent from, and what was sent before. */
struct sending {
        const struct sent *sent;
        const struct phx_snapshot *snapshot;
        const struct engine_sink *sink;
        uint8_t paths[PHX_SIPHASH_SIZE]; /* see phx_deciders_hash_paths() */
};

/* A container as it is before phx_deciders_fill(): all that it is to own is borrowed. */
static struct phx_snapshot_container unexplained(const void *object) {
        struct phx_snapshot_container container = *(const struct phx_snapshot_container *) object;

        container.decided_by = NULL;
        container.decided_by_count = 0;
        return container;
}

static void digest_container(
                const struct sending *sending,
                const void *object,
                uint8_t ret_digest[PHX_SIPHASH_SIZE]) {
        const struct phx_snapshot_container container = unexplained(object);
        uint8_t own[PHX_SIPHASH_SIZE];
        struct phx_siphash hash;

        phx_object_digest(PHX_OBJECT_CONTAINER, &container, sending->sent->key, own);
        phx_siphash_init(&hash, sending->sent->key);
        phx_siphash_add(&hash, own, sizeof(own));
        phx_siphash_add(&hash, sending->paths, sizeof(sending->paths));
        phx_deciders_hash(sending->snapshot, &container, &hash);
        phx_siphash_end(&hash, ret_digest);
}

static void digest_object(
                const struct sending *sending,
                enum phx_object_kind kind,
                const void *object,
                uint8_t ret_digest[PHX_SIPHASH_SIZE]) {
        if (kind == PHX_OBJECT_CONTAINER)
                digest_container(sending, object, ret_digest);
        else if (object)
                phx_object_digest(kind, object, sending->sent->key, ret_digest);
}

static int render_container(const struct sending *sending, const void *object, char **ret_text) {
        struct phx_snapshot_container container = unexplained(object);
        int r;

        r = phx_deciders_fill(sending->snapshot, &container);
        if (r >= 0)
                r = phx_object_render(PHX_OBJECT_CONTAINER, &container, ret_text);
        phx_snapshot_deciders_done(&container);
        return r;
}

static int tell_object(
                const struct sending *sending,
                enum phx_object_kind kind,
                const struct now *now) {
        phx_autofree char *text = NULL;
        int r = 0;

        if (kind == PHX_OBJECT_CONTAINER)
                r = render_container(sending, now->object, &text);
        else if (now->object)
                r = phx_object_render(kind, now->object, &text);
        return r < 0 ? r
                     : sending->sink->object(sending->sink->data, kind, now->key, text ? text : "");
}

/* Tells what differs between what was sent and NOW, whose keys move to NEXT. */
static int tell_kind(
                const struct sending *sending,
                enum phx_object_kind kind,
                struct now_list *now,
                struct sent_list *next) {
        const struct sent_list *old = &sending->sent->lists[kind];
        const struct engine_sink *sink = sending->sink;
        size_t at = 0;
        int r = 0;

        next->items = calloc(now->count + 1, sizeof(*next->items));
        if (!next->items)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < now->count; i++) {
                struct sent_entry *entry = &next->items[next->count++];
                bool is_same;

                for (;
                     r >= 0 && at < old->count && strcmp(old->items[at].key, now->items[i].key) < 0;
                     at++)
                        r = sink->object(sink->data, kind, old->items[at].key, NULL);
                digest_object(sending, kind, now->items[i].object, entry->digest);
                is_same = at < old->count && strcmp(old->items[at].key, now->items[i].key) == 0;
                if (r >= 0 &&
                    (!is_same ||
                     memcmp(old->items[at].digest, entry->digest, sizeof(entry->digest)) != 0))
                        r = tell_object(sending, kind, &now->items[i]);
                at += is_same;
                entry->key = PHX_TAKE(now->items[i].key);
        }
        for (; r >= 0 && at < old->count; at++)
                r = sink->object(sink->data, kind, old->items[at].key, NULL);
        return r;
}

static int tell_rest(
                const struct sent *sent,
                const struct phx_snapshot *snapshot,
                const struct phx_tally *tally,
                const struct engine_sink *sink,
                uint8_t ret_digest[PHX_SIPHASH_SIZE]) {
        phx_autofree char *text = NULL;
        struct phx_siphash hash;
        int r;

        r = phx_rest_render(snapshot, tally, &text);
        if (r < 0)
                return r;
        phx_siphash_init(&hash, sent->key);
        phx_siphash_add(&hash, text, strlen(text));
        phx_siphash_end(&hash, ret_digest);
        if (sent->has_all && memcmp(ret_digest, sent->rest, sizeof(sent->rest)) == 0)
                return 0;
        return sink->rest(sink->data, text);
}

static void hash_paths(struct sending *sending) {
        struct phx_siphash hash;

        phx_siphash_init(&hash, sending->sent->key);
        phx_deciders_hash_paths(sending->snapshot, &hash);
        phx_siphash_end(&hash, sending->paths);
}

static int sent_begin(struct sent *sent, const struct engine_sink *sink) {
        if (sent->has_all)
                return 0;
        if (getrandom(sent->key, sizeof(sent->key), 0) < 0)
                return phx_errno();
        return sink->all(sink->data);
}

int sent_update(struct sent *sent,
                const struct phx_snapshot *snapshot,
                const struct phx_tally *tally,
                const struct phx_report *report,
                const struct engine_sink *sink) {
        struct sending sending = { .sent = sent, .snapshot = snapshot, .sink = sink };
        phx_cleanup(sent_done) struct sent next = { 0 };
        struct sent before;
        int r;

        r = sent_begin(sent, sink);
        hash_paths(&sending);
        for (unsigned kind = 0; r >= 0 && kind < PHX_OBJECT_KINDS; kind++) {
                phx_cleanup(now_done) struct now_list now = { 0 };

                r = now_fill((enum phx_object_kind) kind, snapshot, report, &now);
                if (r < 0)
                        break;
                now_sort(&now);
                r = tell_kind(&sending, (enum phx_object_kind) kind, &now, &next.lists[kind]);
        }
        if (r >= 0)
                r = tell_rest(sent, snapshot, tally, sink, next.rest);
        if (r < 0)
                return r;
        next.has_all = true;
        memcpy(next.key, sent->key, sizeof(next.key));
        before = *sent;
        *sent = next;
        next = before;
        return 0;
}
