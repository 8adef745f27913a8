/* SPDX-License-Identifier: GPL-2.0-or-later */

/* No single look at the cluster file system shows all guests: while a config is replaced that
 * somebody has open, it is missing from the directory and from .vmlist alike, and .vmlist can lose
 * a guest for good though its config is there. So a list is made of looks: each one unites both
 * sources, and each entry of the list counts how often in a row it was absent. The list is ready
 * when each entry was there at the last look, or absent so often that it is gone.
 *
 * .version is read before .vmlist: a server that is started between the two gives an old start time
 * with new versions, which the next look corrects, while a new start time with old versions would
 * look right for ever. */

#include "pve/guests.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/sorted.h"
#include "base/strings.h"

/* However long guests come and go. */
#define LOOKS_LIMIT (2 * PHX_PVE_LOOKS)

struct entry {
        uint32_t id;
        unsigned absent; /* how often in a row */
        bool is_away;    /* on another node, when it was seen last */
        uint64_t version;
};

struct entries {
        struct entry *items;
        size_t count;
        size_t capacity;
};

/* One look: .vmlist, and the ids in the directory, ascending. */
struct picture {
        struct phx_pve_state state;
        uint64_t start_time;
        struct phx_pve_guests guests;
        uint32_t *ids;
        size_t count;
        size_t capacity;
};

void phx_pve_list_done(struct phx_pve_list *list) {
        free(list->items);
        free(list->away);
        *list = (struct phx_pve_list){ 0 };
}

static int listed_compare(const void *a, const void *b) {
        const struct phx_pve_listed *one = a, *other = b;

        return (one->id > other->id) - (one->id < other->id);
}

const struct phx_pve_listed *phx_pve_list_find(const struct phx_pve_list *list, uint32_t id) {
        const struct phx_pve_listed wanted = { .id = id };

        if (list->count == 0)
                return NULL;
        return bsearch(&wanted, list->items, list->count, sizeof(wanted), listed_compare);
}

static void entries_done(struct entries *entries) {
        free(entries->items);
        *entries = (struct entries){ 0 };
}

static int entry_compare(const void *a, const void *b) {
        const struct entry *one = a, *other = b;

        return (one->id > other->id) - (one->id < other->id);
}

static void pve_picture_done(struct picture *picture) {
        phx_pve_guests_done(&picture->guests);
        free(picture->ids);
        *picture = (struct picture){ 0 };
}

static int id_compare(const void *a, const void *b) {
        const uint32_t *one = a, *other = b;

        return (*one > *other) - (*one < *other);
}

static bool picture_lists(const struct picture *picture, uint32_t id) {
        return phx_find_sorted(&id, picture->ids, picture->count, sizeof(id), id_compare);
}

/* There may be thousands: room is made for many at once. */
static int pve_guests_make_room(
                void *array_pointer,
                size_t *capacity,
                size_t wanted,
                size_t item_size) {
        size_t larger = wanted + wanted / 2 + 64;
        void *array = NULL, *grown;

        if (wanted <= *capacity)
                return 0;
        memcpy(&array, array_pointer, sizeof(array));
        grown = reallocarray(array, larger, item_size);
        if (!grown)
                return -ENOMEM;
        memcpy(array_pointer, &grown, sizeof(grown));
        *capacity = larger;
        return 0;
}

static int picture_add(struct picture *picture, uint32_t id) {
        int r;

        r = pve_guests_make_room(&picture->ids, &picture->capacity, picture->count + 1, sizeof(id));
        if (r < 0)
                return r;
        picture->ids[picture->count++] = id;
        return 0;
}

/* "ID.conf", and nothing else: neither temporary files nor what libfuse hides. */
static bool pve_parse_name(const char *name, uint32_t *ret_id) {
        static const char ending[] = ".conf";
        size_t length = strlen(name), rest = strlen(ending);

        return length > rest && strcmp(name + length - rest, ending) == 0 &&
               phx_pve_parse_id(name, length - rest, ret_id);
}

static int picture_read_directory(struct picture *picture, const char *path) {
        phx_cleanup(phx_closedirp) DIR *directory = opendir(path);
        const struct dirent *entry;
        uint32_t id = 0;
        int r;

        if (!directory)
                return phx_errno();
        for (errno = 0; (entry = readdir(directory)); errno = 0) {
                if (!pve_parse_name(entry->d_name, &id))
                        continue;
                r = picture_add(picture, id);
                if (r < 0)
                        return r;
        }
        if (errno > 0)
                return phx_errno();
        if (picture->count > 0)
                qsort(picture->ids, picture->count, sizeof(*picture->ids), id_compare);
        return 0;
}

static enum phx_pve_outcome picture_take(
                const struct phx_pve_place *place,
                struct picture *picture,
                struct phx_error *error) {
        phx_autofree char *path = NULL;
        enum phx_pve_outcome outcome;
        int r;

        outcome = phx_pve_get_mount(place, &picture->state, error);
        if (outcome == PHX_PVE_OUTCOME_DONE)
                outcome = phx_pve_get_start_time(place, &picture->start_time, error);
        if (outcome == PHX_PVE_OUTCOME_DONE)
                outcome = phx_pve_get_guests(place, &picture->guests, error);
        if (outcome != PHX_PVE_OUTCOME_DONE)
                return outcome;
        if (phx_pve_directory_path(place, &picture->state, &path) < 0)
                return phx_pve_refuse(error, -ENOMEM, place->root);
        r = picture_read_directory(picture, path);
        /* The server makes it when it starts: it is not gone, the server is. */
        if (r == -ENOENT)
                r = -ESTALE;
        return r < 0 ? phx_pve_refuse(error, r, path) : PHX_PVE_OUTCOME_DONE;
}

static bool is_here(const struct picture *picture, const struct phx_pve_guest *guest) {
        return guest && guest->is_lxc && strcmp(guest->node, picture->state.node) == 0;
}

/* Of those that are sorted, the first COUNT. */
static struct entry *entries_find(const struct entries *entries, size_t count, uint32_t id) {
        const struct entry wanted = { .id = id };

        return phx_find_sorted(&wanted, entries->items, count, sizeof(wanted), entry_compare);
}

static int entries_append(struct entries *entries, const struct entry *entry) {
        int r;

        r = pve_guests_make_room(
                        &entries->items,
                        &entries->capacity,
                        entries->count + 1,
                        sizeof(*entries->items));
        if (r < 0)
                return r;
        entries->items[entries->count++] = *entry;
        return 0;
}

static void entries_sort(struct entries *entries) {
        if (entries->count > 0)
                qsort(entries->items, entries->count, sizeof(*entries->items), entry_compare);
}

/* Of those that are sorted, the first SORTED; a new one comes behind them all. */
static int entries_put(struct entries *entries, size_t sorted, const struct entry *seen) {
        struct entry *entry = entries_find(entries, sorted, seen->id);

        if (!entry)
                return entries_append(entries, seen);
        *entry = *seen;
        return 0;
}

/* What the picture has. A config in our directory is here, whatever .vmlist says. */
static int entries_see(struct entries *entries, const struct picture *picture) {
        const size_t sorted = entries->count;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < picture->guests.count; i++) {
                const struct phx_pve_guest *guest = &picture->guests.items[i];
                const bool here = is_here(picture, guest);

                if (!guest->is_lxc || (!here && picture_lists(picture, guest->id)))
                        continue;
                r = entries_put(entries,
                                sorted,
                                &(const struct entry){ .id = guest->id,
                                                       .is_away = !here,
                                                       .version = here ? guest->version : 0 });
        }
        for (size_t i = 0; r >= 0 && i < picture->count; i++) {
                uint32_t id = picture->ids[i];

                if (!is_here(picture, phx_pve_guests_find(&picture->guests, id)))
                        r = entries_put(entries, sorted, &(const struct entry){ .id = id });
        }
        return r;
}

/* What it does not have. A virtual machine of that number is more than absent. */
static void entries_miss(struct entries *entries, const struct picture *picture) {
        for (size_t i = 0; i < entries->count; i++) {
                struct entry *entry = &entries->items[i];
                const struct phx_pve_guest *guest = phx_pve_guests_find(
                                &picture->guests,
                                entry->id);

                if ((guest && guest->is_lxc) || picture_lists(picture, entry->id))
                        continue;
                entry->absent = guest ? PHX_PVE_LOOKS : entry->absent + 1;
        }
}

static bool entries_are_settled(const struct entries *entries) {
        for (size_t i = 0; i < entries->count; i++) {
                unsigned absent = entries->items[i].absent;

                if (absent > 0 && absent < PHX_PVE_LOOKS)
                        return false;
        }
        return true;
}

static int entries_give(const struct entries *entries, struct phx_pve_list *list) {
        list->items = calloc(entries->count + 1, sizeof(*list->items));
        list->away = calloc(entries->count + 1, sizeof(*list->away));
        if (!list->items || !list->away)
                return -ENOMEM;
        for (size_t i = 0; i < entries->count; i++) {
                const struct entry *entry = &entries->items[i];

                if (entry->absent >= PHX_PVE_LOOKS)
                        continue;
                if (entry->is_away) {
                        list->away[list->away_count++] = entry->id;
                        continue;
                }
                list->items[list->count++] = (struct phx_pve_listed){
                        .id = entry->id,
                        .version = entry->version,
                };
        }
        return 0;
}

static int entries_know(struct entries *entries, const struct phx_pve_ids *known) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < known->here_count; i++)
                r = entries_append(entries, &(const struct entry){ .id = known->here[i] });
        for (size_t i = 0; r >= 0 && i < known->away_count; i++)
                r = entries_append(
                                entries,
                                &(const struct entry){ .id = known->away[i], .is_away = true });
        entries_sort(entries);
        return r;
}

/* One more look. */
static enum phx_pve_outcome entries_look(
                const struct phx_pve_place *place,
                struct entries *entries,
                struct phx_pve_list *list,
                struct phx_error *error) {
        phx_cleanup(pve_picture_done) struct picture picture = { 0 };
        enum phx_pve_outcome outcome = picture_take(place, &picture, error);

        if (outcome != PHX_PVE_OUTCOME_DONE)
                return outcome;
        if (entries_see(entries, &picture) < 0)
                return phx_pve_refuse(error, -ENOMEM, place->root);
        entries_sort(entries);
        entries_miss(entries, &picture);
        list->start_time = picture.start_time;
        list->is_quorate = picture.state.is_quorate;
        memcpy(list->node, picture.state.node, sizeof(list->node));
        return PHX_PVE_OUTCOME_DONE;
}

enum phx_pve_outcome phx_pve_list_guests(
                const struct phx_pve_place *place,
                const struct phx_pve_ids *known,
                struct phx_pve_list *ret_list,
                struct phx_error *error) {
        phx_cleanup(phx_pve_list_done) struct phx_pve_list list = { 0 };
        phx_cleanup(entries_done) struct entries entries = { 0 };
        enum phx_pve_outcome outcome;

        if (known && entries_know(&entries, known) < 0)
                return phx_pve_refuse(error, -ENOMEM, place->root);

        for (int look = 0; look < LOOKS_LIMIT; look++) {
                bool once_more = look == 0 && !known;

                if (look > 0)
                        phx_pve_pause(PHX_PVE_PAUSE_USEC);
                outcome = entries_look(place, &entries, &list, error);
                if (outcome != PHX_PVE_OUTCOME_DONE)
                        return outcome;
                if (!once_more && entries_are_settled(&entries))
                        break;
        }
        if (entries_give(&entries, &list) < 0)
                return phx_pve_refuse(error, -ENOMEM, place->root);
        *ret_list = PHX_TAKE_STRUCT(list);
        return PHX_PVE_OUTCOME_DONE;
}
