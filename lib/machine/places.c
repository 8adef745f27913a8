/* SPDX-License-Identifier: GPL-2.0-or-later */

/* As for the sources (source/files_refresh.c): what the scope does not name is believed, a file is
 * believed by its stamp, and directories are judged and opened once a look. What is not believed is
 * looked at by phx_deployed_observe(), which is also asked before anything is changed.
 *
 * Only a plain file, or nothing, is believed: what else stands there is rare, and looked at again.
 */

#include "machine/places.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>

#include "base/ways.h"

struct place {
        struct phx_place_seen seen; /* first: its address is that of the place */
        struct phx_stamp stamp;
        bool is_settled;
        bool is_plain; /* no link on the way, and nothing that was refused */
        uint64_t used; /* the number of the look */
};

static const char *const switches[] = { "disable", "force-complain" };

struct phx_places {
        const struct phx_trust *trust;
        struct phx_definers *definers; /* borrowed; NULL: no other part looks there */
        struct phx_ways ways;
        struct phx_deployed_directory *opened; /* in this look, the last one that was */
        char *opened_path;
        char *deployed_dir;
        void *tree; /* of struct place, by path: tsearch(3) */
        struct phx_strings switched[PHX_ELEMENTS(switches)];
        bool has_switches[PHX_ELEMENTS(switches)]; /* the directory is there, to be watched */
        bool is_there;                             /* a look has been made at DEPLOYED_DIR */
        bool is_plain;                             /* no link leads to it */
        uint64_t look, whole;
};

int phx_places_new(
                const struct phx_trust *trust,
                struct phx_definers *definers,
                struct phx_places **ret_places) {
        struct phx_places *places = calloc(1, sizeof(*places));

        if (!places)
                return -ENOMEM;
        places->trust = places->ways.trust = trust;
        places->definers = definers;
        *ret_places = places;
        return 0;
}

static void places_close(struct phx_places *places) {
        phx_ways_done(&places->ways);
        places->opened = phx_deployed_close(places->opened);
        free(places->opened_path);
        places->opened_path = NULL;
}

static void place_free(void *data) {
        struct place *place = data;

        free(place->seen.path);
        free(place->seen.error);
        free(place);
}

void phx_places_forget(struct phx_places *places) {
        tdestroy(places->tree, place_free);
        places->tree = NULL;
        for (size_t i = 0; i < PHX_ELEMENTS(switches); i++)
                phx_strings_done(&places->switched[i]);
        places_close(places);
        places->is_there = false;
}

struct phx_places *phx_places_free(struct phx_places *places) {
        if (!places)
                return NULL;

        phx_places_forget(places);
        free(places->deployed_dir);
        free(places);

        return NULL;
}

void phx_places_rest(struct phx_places *places) {
        places_close(places);
        if (places->definers)
                phx_definers_rest(places->definers);
}

static int places_compare(const void *a, const void *b) {
        return strcmp(((const struct place *) a)->seen.path, ((const struct place *) b)->seen.path);
}

/* --- one place --- */

/* The stamp is taken before the content is read: if it is of another file by then, the next look
 * will see that. */
static void place_stamp(struct phx_places *places, struct place *place) {
        const struct phx_way *way = phx_ways_to_parent(&places->ways, place->seen.path);
        struct stat st;

        place->is_settled = false;
        place->stamp = (struct phx_stamp){ 0 };
        place->is_plain = way && way->kind != PHX_WAY_OTHER;
        if (!place->is_plain || way->kind == PHX_WAY_ABSENT ||
            fstatat(way->fd, strrchr(place->seen.path, '/') + 1, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        place->stamp = phx_stamp_of(&st);
        place->is_settled = phx_stamp_is_settled(&place->stamp);
}

/* --- over a restart --- */

struct places_rendering {
        struct phx_buffer *bytes; /* NULL: they are counted */
        size_t count;
        int result;
};

static int place_render(struct phx_buffer *bytes, const struct place *place) {
        int r = phx_texts_add(bytes, place->seen.path);

        if (r >= 0)
                r = phx_texts_add_stamp(bytes, &place->stamp);
        if (r >= 0)
                r = phx_texts_add_number(bytes, place->is_settled);
        return r < 0 ? r : phx_texts_add(bytes, place->seen.deployed.digest);
}

static void places_render_visit(const void *data, VISIT visit, void *closure) {
        const struct place *const *item = data, *place = *item;
        struct places_rendering *rendering = closure;

        if ((visit != postorder && visit != leaf) || !place->is_plain || place->seen.result < 0 ||
            place->seen.deployed.kind != PHX_DEPLOYED_FILE || rendering->result < 0)
                return;
        if (rendering->bytes)
                rendering->result = place_render(rendering->bytes, place);
        else
                rendering->count++;
}

int phx_places_render(const struct phx_places *places, struct phx_buffer *bytes) {
        struct places_rendering rendering = { 0 };

        rendering.result = phx_texts_add(bytes, places->deployed_dir);
        twalk_r(places->tree, places_render_visit, &rendering);
        if (rendering.result >= 0)
                rendering.result = phx_texts_add_number(bytes, rendering.count);
        rendering.bytes = bytes;
        twalk_r(places->tree, places_render_visit, &rendering);
        return rendering.result;
}

static int place_parse(struct phx_places *places, struct phx_texts *reader) {
        struct place *place = calloc(1, sizeof(*place)), *const * found;
        const char *path = phx_texts_next(reader);

        if (!place || phx_replace(&place->seen.path, path) < 0) {
                free(place);
                return -ENOMEM;
        }
        found = path[0] == '/' ? tsearch(place, &places->tree, places_compare) : NULL;
        if (!found || *found != place) {
                place_free(place);
                return -EBADMSG;
        }
        place->stamp = phx_texts_next_stamp(reader);
        place->is_settled = phx_texts_next_number(reader) == 1;
        place->is_plain = true;
        place->seen.deployed.kind = PHX_DEPLOYED_FILE;
        return phx_texts_next_digest(reader, place->seen.deployed.digest);
}

int phx_places_parse(struct phx_places *places, struct phx_texts *reader) {
        uint64_t count;
        int r;

        r = phx_replace(&places->deployed_dir, phx_texts_next(reader));
        count = phx_texts_next_number(reader);
        for (uint64_t i = 0; r >= 0 && i < count && !reader->is_short; i++)
                r = place_parse(places, reader);
        if (r >= 0 && reader->is_short)
                r = -EBADMSG;
        if (r < 0)
                phx_places_forget(places);
        return r < 0 ? r : 0;
}

/* --- a look --- */

/* PATH is a directory; RET_DIRECTORY is borrowed, till the next one is opened. */
static int places_open(
                struct phx_places *places,
                const char *path,
                const struct phx_deployed_directory **ret_directory,
                struct phx_error *error) {
        int r;

        if (!places->opened || !phx_equal(places->opened_path, path)) {
                places->opened = phx_deployed_close(places->opened);
                r = phx_replace(&places->opened_path, path);
                if (r >= 0)
                        r = phx_deployed_open(places->trust, path, &places->opened, error);
                if (r < 0)
                        return r;
        }
        *ret_directory = places->opened;
        return 0;
}

static int place_read(struct phx_places *places, struct place *place) {
        const struct phx_deployed_directory *directory;
        struct phx_place_seen *seen = &place->seen;
        const char *base = strrchr(seen->path, '/') + 1;
        phx_autofree char *path = strndup(seen->path, (size_t) (base - 1 - seen->path));
        struct phx_error error = { 0 };
        int r;

        if (!path)
                return -ENOMEM;
        place_stamp(places, place);
        seen->deployed = (struct phx_deployed){ 0 };
        r = places_open(places, path, &directory, &error);
        if (r >= 0)
                r = phx_deployed_observe(directory, base, &seen->deployed, &error);
        seen->result = r == -ENOENT ? 0 : r;
        seen->error = phx_error_keep(&error, seen->result);
        return r == -ENOMEM ? r : 0;
}

/* What the definers have seen there in this pass is not asked for again. */
static const struct phx_stamp *place_stamp_seen(
                const struct phx_places *places,
                const struct place *place) {
        size_t size = strlen(places->deployed_dir);

        if (!places->definers || strncmp(place->seen.path, places->deployed_dir, size) != 0 ||
            place->seen.path[size] != '/')
                return NULL;
        return phx_definers_stamp(
                        places->definers,
                        places->deployed_dir,
                        place->seen.path + size + 1);
}

static bool place_is_same(struct phx_places *places, const struct place *place) {
        enum phx_deployed_kind kind = place->seen.deployed.kind;
        const struct phx_stamp *seen;
        const struct phx_way *way;
        struct phx_stamp stamp;
        struct stat st;

        if (!place->is_plain || place->seen.result < 0)
                return false;
        way = phx_ways_to_parent(&places->ways, place->seen.path);
        if (!way || way->kind == PHX_WAY_OTHER)
                return false;
        if (way->kind == PHX_WAY_ABSENT)
                return kind == PHX_DEPLOYED_ABSENT;
        seen = place_stamp_seen(places, place);
        if (seen && kind == PHX_DEPLOYED_FILE && place->is_settled &&
            phx_stamp_equal(seen, &place->stamp))
                return true;
        if (fstatat(way->fd, strrchr(place->seen.path, '/') + 1, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT && kind == PHX_DEPLOYED_ABSENT;
        stamp = phx_stamp_of(&st);
        return (kind == PHX_DEPLOYED_FILE || kind == PHX_DEPLOYED_UNTRUSTED) && place->is_settled &&
               phx_stamp_equal(&stamp, &place->stamp);
}

static bool place_is_equal(const struct phx_place_seen *a, const struct phx_place_seen *b) {
        return a->result == b->result && a->deployed.kind == b->deployed.kind &&
               strcmp(a->deployed.digest, b->deployed.digest) == 0 &&
               strcmp(a->deployed.problem, b->deployed.problem) == 0 &&
               strcmp(a->error ? a->error->text : "", b->error ? b->error->text : "") == 0;
}

/* --- all of them --- */

struct refreshing {
        struct phx_places *places;
        const struct phx_scope *scope; /* NULL: everything */
        struct place **unused;
        size_t unused_count;
        bool is_changed;
        int result;
};

static bool place_is_named(const struct phx_scope *scope, const struct place *place) {
        if (!scope || !place->is_plain || place->seen.result < 0)
                return true;
        for (size_t i = 0; i < scope->paths.count; i++) {
                size_t size = strlen(scope->paths.items[i]);

                if (strncmp(place->seen.path, scope->paths.items[i], size) == 0 &&
                    (place->seen.path[size] == '\0' || place->seen.path[size] == '/'))
                        return true;
        }
        return false;
}

static void places_visit(const void *data, VISIT visit, void *closure) {
        struct place *const *item = data, *place = *item;
        struct refreshing *refreshing = closure;
        struct phx_place_seen before;

        if ((visit != postorder && visit != leaf) || refreshing->result < 0)
                return;
        if (!refreshing->scope && place->used < refreshing->places->whole) {
                refreshing->unused[refreshing->unused_count++] = place;
                return;
        }
        if (!place_is_named(refreshing->scope, place) || place_is_same(refreshing->places, place))
                return;
        before = place->seen;
        place->seen.error = NULL;
        refreshing->result = place_read(refreshing->places, place);
        refreshing->is_changed |= !place_is_equal(&before, &place->seen);
        free(before.error);
}

static void places_count(const void *data, VISIT visit, void *closure) {
        size_t *count = closure;

        *count += visit == postorder || visit == leaf;
}

static int places_refresh_all(struct phx_places *places, const struct phx_scope *scope) {
        phx_autofree struct place **unused = NULL;
        struct refreshing refreshing = { .places = places, .scope = scope };
        size_t count = 0;

        twalk_r(places->tree, places_count, &count);
        unused = calloc(count + 1, sizeof(*unused));
        if (!unused)
                return -ENOMEM;
        refreshing.unused = unused;
        twalk_r(places->tree, places_visit, &refreshing);
        for (size_t i = 0; i < refreshing.unused_count; i++) {
                (void) tdelete(unused[i], &places->tree, places_compare);
                place_free(unused[i]);
        }
        return refreshing.result < 0 ? refreshing.result : refreshing.is_changed;
}

/* Of the two directories with switches, and of where their entries lead to. */
static int places_refresh_switches(struct phx_places *places) {
        phx_cleanup(phx_deployed_closep) struct phx_deployed_directory *directory = NULL;
        bool is_changed = false;

        /* That it cannot be opened, each place in it will say. */
        (void) phx_deployed_open(places->trust, places->deployed_dir, &directory, NULL);
        for (size_t i = 0; i < PHX_ELEMENTS(switches); i++) {
                struct phx_strings names = { 0 };
                bool is_there = directory &&
                                faccessat(phx_deployed_fd(directory), switches[i], F_OK, 0) >= 0;

                is_changed |= is_there != places->has_switches[i];
                places->has_switches[i] = is_there;
                if (directory && phx_deployed_list(directory, switches[i], &names) < 0)
                        return -ENOMEM;
                is_changed |= !phx_strings_equal(&names, &places->switched[i]);
                phx_strings_done(&places->switched[i]);
                places->switched[i] = names;
        }
        return is_changed;
}

/* An entry that leads nowhere is no switch till what it leads to comes, as a file that is deployed.
 */
static bool places_are_switches_due(
                const struct phx_places *places,
                const struct phx_scope *scope) {
        return !scope || !places->is_there || !places->is_plain ||
               phx_scope_concerns(scope, places->deployed_dir);
}

static int places_begin(struct phx_places *places, const char *deployed_dir) {
        if (phx_equal(places->deployed_dir, deployed_dir))
                return 0;
        phx_places_forget(places);
        return phx_replace(&places->deployed_dir, deployed_dir);
}

int phx_places_refresh(
                struct phx_places *places,
                const char *deployed_dir,
                const struct phx_scope *scope) {
        const struct phx_way *way;
        bool is_new, is_changed;
        int r;

        r = places_begin(places, deployed_dir);
        if (r < 0)
                return r;
        /* Also the first look is at everything, whatever was taken up. */
        if (scope && (scope->is_whole || places->whole == 0))
                scope = NULL;
        is_new = !places->is_there;
        places_close(places);
        places->look++;
        r = places_refresh_all(places, scope);
        if (r < 0)
                return r;
        is_changed = r > 0;
        if (!scope)
                places->whole = places->look;
        if (places_are_switches_due(places, scope)) {
                way = phx_ways_to(&places->ways, deployed_dir);
                places->is_plain = way && way->kind == PHX_WAY_OPEN;
                r = places_refresh_switches(places);
                if (r < 0)
                        return r;
                is_changed |= r > 0;
        }
        places->is_there = true;
        return is_changed || is_new;
}

static struct place *place_find(const struct phx_places *places, const char *path) {
        char *name = strdupa(path);
        const struct place key = { .seen.path = name };
        struct place *const *found = tfind(&key, &places->tree, places_compare);

        return found ? *found : NULL;
}

static const struct phx_place_seen *place_add(struct phx_places *places, const char *path) {
        struct place *place = calloc(1, sizeof(*place));

        if (!place || phx_replace(&place->seen.path, path) < 0 ||
            !tsearch(place, &places->tree, places_compare)) {
                if (place)
                        place_free(place);
                return NULL;
        }
        place->used = places->look;
        return place_read(places, place) < 0 ? NULL : &place->seen;
}

const struct phx_place_seen *phx_places_get(struct phx_places *places, const char *path) {
        struct place *place = place_find(places, path);

        if (!place)
                return place_add(places, path);
        /* Only what may have become another is written to: a page that a fork has made copies on
         * write costs more than the search. */
        if (place->used < places->whole)
                place->used = places->look;
        return &place->seen;
}

const char *phx_places_switch(const struct phx_places *places, const char *name) {
        for (size_t i = 0; i < PHX_ELEMENTS(switches); i++)
                if (phx_strings_has_sorted(&places->switched[i], name))
                        return switches[i];
        return NULL;
}

bool phx_places_covers(const struct phx_places *places, const char *path) {
        size_t size = places->deployed_dir ? strlen(places->deployed_dir) : 0;

        return places->is_there && places->is_plain &&
               strncmp(path, places->deployed_dir, size) == 0 && path[size] == '/' &&
               path[size + 1];
}
