/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The file is one of Proxmox's section configs. Lines end at a line feed. One whose first visible
 * character is '#' is a comment, wherever it stands. "TYPE: ID" in the first column opens a
 * section, which ends at an empty line and nowhere else: what looks like another header before that
 * is passed over, and a line of blanks is not empty. In a section, "KEY VALUE" after at least one
 * blank sets a key, of which the first line counts. Outside of sections all else is passed over.
 * Of the same section twice the last one counts.
 *
 * The file is opened only when it has changed: while it is open, a save by another node's or this
 * node's HA manager would make it disappear for a moment, for everybody. */

#include "pve/ha.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/grow.h"
#include "base/sorted.h"
#include "base/strings.h"
#include "pve/ours.h"
#include "pve/slice.h"

#define TYPE "ct"
#define STATE "state"
#define IGNORED "ignored"

/* What the file says about one container; later ones overrule earlier ones. */
struct ha_section {
        uint32_t id;
        bool is_ignored;
        bool has_state;
        size_t number; /* of its header among all */
};

struct ha_sections {
        struct ha_section *items;
        size_t count;
};

struct ha_reader {
        struct ha_sections sections;
        bool is_in_section;
        struct ha_section *section; /* that it is in; NULL when that is no container's */
};

static struct phx_pve_slice ha_take_word(struct phx_pve_slice *rest) {
        struct phx_pve_slice word = { rest->start, 0 };

        while (word.size < rest->size && !phx_pve_is_blank(rest->start[word.size]))
                word.size++;
        *rest = phx_pve_skip(*rest, word.size);
        return word;
}

/* "TYPE: ID" or "TYPE:ID": whether the line opens a section, and of what. */
static bool ha_read_header(
                struct phx_pve_slice line,
                struct phx_pve_slice *ret_type,
                struct phx_pve_slice *ret_id) {
        struct phx_pve_slice word = ha_take_word(&line), rest = phx_pve_trim(line);
        struct phx_pve_slice id = ha_take_word(&rest);
        const char *colon = word.size > 0 ? memrchr(word.start, ':', word.size) : NULL;
        struct phx_pve_slice behind;

        if (!colon || colon == word.start)
                return false;
        *ret_type = (struct phx_pve_slice){ word.start, (size_t) (colon - word.start) };
        behind = phx_pve_skip(word, ret_type->size + 1);
        *ret_id = behind.size > 0 ? behind : id;
        /* One of the two, and nothing else. */
        return rest.size == 0 && (behind.size > 0) != (id.size > 0);
}

static bool ha_slice_is(struct phx_pve_slice slice, const char *text) {
        return slice.size == strlen(text) && memcmp(slice.start, text, slice.size) == 0;
}

/* Makes *RET_SECTION the one that the header opens; NULL for what is no container's. */
static int ha_open_section(
                struct ha_sections *sections,
                struct phx_pve_slice type,
                struct phx_pve_slice id,
                struct ha_section **ret_section) {
        struct ha_section *section;
        uint32_t number = 0;

        *ret_section = NULL;
        if (type.size != strlen(TYPE) || strncasecmp(type.start, TYPE, type.size) != 0 ||
            !phx_pve_parse_id(id.start, id.size, &number))
                return 0;
        section = phx_grow(&sections->items, &sections->count, sizeof(*section));
        if (!section)
                return -ENOMEM;
        section->id = number;
        section->number = sections->count;
        *ret_section = section;
        return 0;
}

static void ha_read_key(struct phx_pve_slice line, struct ha_section *section) {
        struct phx_pve_slice rest = phx_pve_trim(line), key = ha_take_word(&rest);

        if (rest.start == line.start || !ha_slice_is(key, STATE) || section->has_state)
                return;
        section->has_state = true;
        section->is_ignored = ha_slice_is(phx_pve_trim(rest), IGNORED);
}

static int ha_read_line(struct ha_reader *reader, struct phx_pve_slice line) {
        struct phx_pve_slice visible = phx_pve_skip_blanks(line), type, id;

        if (phx_pve_begins(visible, "#"))
                return 0;
        if (line.size == 0) {
                reader->is_in_section = false;
                return 0;
        }
        if (reader->is_in_section) {
                if (reader->section && visible.start != line.start)
                        ha_read_key(line, reader->section);
                return 0;
        }
        reader->is_in_section = ha_read_header(line, &type, &id);
        return reader->is_in_section
                               ? ha_open_section(&reader->sections, type, id, &reader->section)
                               : 0;
}

static int ha_read_lines(const char *data, size_t size, struct ha_reader *reader) {
        struct phx_pve_slice rest = { data, size };
        int r = 0;

        while (r >= 0 && rest.size > 0) {
                const char *end = memchr(rest.start, '\n', rest.size);
                struct phx_pve_slice line = { rest.start,
                                              end ? (size_t) (end - rest.start) : rest.size };

                rest = phx_pve_skip(rest, line.size + (end ? 1 : 0));
                r = ha_read_line(reader, line);
        }
        return r;
}

/* The last of the same container first. */
static int ha_compare_sections(const void *a, const void *b) {
        const struct ha_section *one = a, *other = b;

        if (one->id != other->id)
                return (one->id > other->id) - (one->id < other->id);
        return (one->number < other->number) - (one->number > other->number);
}

static void ha_reader_done(struct ha_reader *reader) {
        free(reader->sections.items);
        *reader = (struct ha_reader){ 0 };
}

int phx_pve_ha_parse(const char *data, size_t size, struct phx_pve_ha *ret_ha) {
        phx_cleanup(ha_reader_done) struct ha_reader reader = { 0 };
        phx_cleanup(phx_pve_ha_done) struct phx_pve_ha ha = { 0 };
        const struct ha_sections *sections = &reader.sections;
        int r;

        r = ha_read_lines(data, size, &reader);
        if (r < 0)
                return r;
        ha.ids = calloc(sections->count + 1, sizeof(*ha.ids));
        if (!ha.ids)
                return -ENOMEM;
        if (sections->count > 0)
                qsort(sections->items,
                      sections->count,
                      sizeof(*sections->items),
                      ha_compare_sections);
        for (size_t i = 0; i < sections->count; i++) {
                const struct ha_section *section = &sections->items[i];

                if ((i == 0 || section[-1].id != section->id) && !section->is_ignored)
                        ha.ids[ha.count++] = section->id;
        }
        *ret_ha = PHX_TAKE_STRUCT(ha);
        return 0;
}

void phx_pve_ha_done(struct phx_pve_ha *ha) {
        free(ha->ids);
        *ha = (struct phx_pve_ha){ 0 };
}

static int ha_compare_ids(const void *a, const void *b) {
        const uint32_t *one = a, *other = b;

        return (*one > *other) - (*one < *other);
}

bool phx_pve_ha_has(const struct phx_pve_ha *ha, uint32_t id) {
        return phx_find_sorted(&id, ha->ids, ha->count, sizeof(id), ha_compare_ids);
}

/* --- the file --- */

/* As it is now, with no containers yet; -ENOENT without one. */
static int ha_look(const char *path, struct phx_pve_ha *ret_ha) {
        struct stat st;

        if (stat(path, &st) < 0)
                return phx_errno();
        *ret_ha = (struct phx_pve_ha){ 0 };
        ret_ha->file.is_there = true;
        ret_ha->file.is_young = st.st_mtim.tv_sec + PHX_PVE_YOUNG_SEC >= time(NULL);
        ret_ha->file.size = st.st_size;
        ret_ha->file.time = st.st_mtim.tv_sec;
        return 0;
}

static bool ha_is_known(const struct phx_pve_ha *known, const struct phx_pve_ha *seen) {
        return known->file.is_there && !known->file.is_young &&
               known->file.size == seen->file.size && known->file.time == seen->file.time;
}

/* What was seen stands for what is read after it: a change between the two is another file for the
 * next look. */
static int ha_read_file(const char *path, struct phx_pve_ha *ha) {
        phx_cleanup(phx_pve_ha_done) struct phx_pve_ha seen = { 0 }, read = { 0 };
        phx_autofree char *data = NULL;
        phx_autoclose int fd = -1;
        size_t size = 0;
        int r;

        r = ha_look(path, &seen);
        if (r < 0 || ha_is_known(ha, &seen))
                return r;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return phx_errno();
        r = phx_pve_read_fd(fd, &data, &size);
        if (r >= 0)
                r = phx_pve_ha_parse(data, size, &read);
        if (r < 0)
                return r;
        read.file = seen.file;
        phx_pve_ha_done(ha);
        *ha = PHX_TAKE_STRUCT(read);
        return 0;
}

enum phx_pve_outcome phx_pve_ha_read(
                const struct phx_pve_place *place,
                struct phx_pve_ha *ha,
                struct phx_error *error) {
        phx_autofree char *path = NULL;
        struct phx_pve_state state;
        enum phx_pve_outcome outcome;
        int r = -ESTALE;

        if (phx_printf(&path, "%s/" PHX_PVE_HA_DIRECTORY "/" PHX_PVE_HA_FILE, place->root) < 0)
                return phx_pve_refuse(error, -ENOMEM, place->root);
        for (int look = 0; look < PHX_PVE_LOOKS && (r == -ESTALE || r == -ENOENT); look++) {
                if (look > 0)
                        phx_pve_pause(PHX_PVE_PAUSE_USEC);
                r = ha_read_file(path, ha);
                /* What was never there is not waited for: when it comes, that is an event. */
                if (r == -ENOENT && !ha->file.is_there)
                        return PHX_PVE_OUTCOME_DONE;
        }
        if (r != -ENOENT)
                return r < 0 ? phx_pve_refuse(error, r, path) : PHX_PVE_OUTCOME_DONE;
        /* Gone from a file system that is there. */
        outcome = phx_pve_get_mount(place, &state, error);
        if (outcome == PHX_PVE_OUTCOME_DONE)
                phx_pve_ha_done(ha);
        return outcome;
}
