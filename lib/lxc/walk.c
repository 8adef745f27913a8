/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One walk for two questions, with the includes as lxc/reader.c remembers them.
 *
 * With CALLED each line is handed out, and a text goes on in its next target wherever a line
 * includes one: there are as many targets as such lines. Without it only the targets are followed
 * and their facts are collected, which is all that a digest needs, and no text is read again.
 *
 * A digest decides whether liblxc is asked again, and it is not asked about what would hang or
 * crash it: so the first trouble ends that walk. To people, the lines that could be read are of use
 * without the others. */

#include "lxc/walk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/trust.h"

struct walk {
        struct phx_lxc_reader *reader;
        const char *config;
        unsigned visits;
        const char *directory; /* the outermost that is being read */
        int (*called)(void *data,
                      const struct phx_lxc_place *place,
                      const struct phx_lxc_line *line);
        void *data;
        /* Without CALLED. */
        struct phx_buffer facts;
        struct phx_error *error;
};

static void lxc_walk_done(struct walk *walk) {
        phx_buffer_done(&walk->facts);
}

static int lxc_walk_tell(const struct walk *walk, const char *path, int code) {
        switch (code) {
        case -ENOMEM:
                return code;
        case -ELOOP:
                return phx_error_set(
                                walk->error,
                                code,
                                "%s: lxc.include '%s' is nested deeper than %d files; it may "
                                "include itself",
                                walk->config,
                                path,
                                PHX_LXC_INCLUDE_DEPTH);
        case -E2BIG:
                return phx_error_set(
                                walk->error,
                                code,
                                "%s: includes more than %d files",
                                walk->config,
                                PHX_LXC_INCLUDE_COUNT);
        case -EINVAL:
                return phx_error_set(
                                walk->error,
                                code,
                                "%s: lxc.include '%s' is neither a file nor a directory",
                                walk->config,
                                path);
        case -EREMOTE:
                return phx_error_set(
                                walk->error,
                                code,
                                "%s: includes %s; phoenixd does not follow includes below " PHX_REMOTE_ROOT,
                                walk->config,
                                path);
        default:
                return phx_error_set(
                                walk->error,
                                code,
                                "%s: lxc.include '%s': %s",
                                walk->config,
                                path,
                                strerrordesc_np(-code));
        }
}

static int walk_include(struct walk *walk, const struct phx_lxc_include *include, unsigned depth);

/* The include at PATH, as the target of a directory (IS_ENTRY) or of a text. */
static int walk_target(struct walk *walk, const char *path, bool is_entry, unsigned depth) {
        const struct phx_lxc_include *include = NULL;
        int r = 0;

        if (depth > PHX_LXC_INCLUDE_DEPTH)
                r = -ELOOP;
        else if (++walk->visits > PHX_LXC_INCLUDE_COUNT)
                r = -E2BIG;
        else if (walk->called)
                r = phx_lxc_reader_include_text(walk->reader, path, &include);
        else
                r = phx_lxc_reader_include(walk->reader, path, &include);
        if (r < 0)
                return !walk->called || r == -ENOMEM ? lxc_walk_tell(walk, path, r) : 0;

        if (!walk->called)
                r = phx_buffer_add_text(&walk->facts, include->fact);
        /* liblxc passes over a directory that is in a directory. */
        return r < 0 || (is_entry && include->is_directory) ? r
                                                            : walk_include(walk, include, depth);
}

static int walk_targets(
                struct walk *walk,
                const struct phx_strings *targets,
                bool is_directory,
                unsigned depth) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < targets->count; i++)
                r = walk_target(walk, targets->items[i], is_directory, depth + 1);
        return r;
}

static int walk_text(
                struct walk *walk,
                const char *path,
                const char *text,
                size_t size,
                const struct phx_strings *targets,
                unsigned depth) {
        struct phx_lxc_place place = { path, 1, walk->directory };
        const char *counted = text;
        struct phx_lxc_line line;
        size_t offset = 0, target = 0;
        int r = 0;

        while (r >= 0 && phx_lxc_text_next(text, size, &offset, &line)) {
                for (; counted < line.start; counted++)
                        place.line += *counted == '\n';
                r = walk->called(walk->data, &place, &line);
                if (r >= 0 && phx_lxc_line_includes(&line))
                        r = walk_target(walk, targets->items[target++], false, depth + 1);
        }
        return r;
}

static int walk_include(struct walk *walk, const struct phx_lxc_include *include, unsigned depth) {
        const char *outer = walk->directory;
        int r;

        if (!include->is_directory && !walk->called)
                return walk_targets(walk, &include->targets, false, depth);
        if (!include->is_directory)
                return include->text ? walk_text(walk,
                                                 include->path,
                                                 include->text,
                                                 include->size,
                                                 &include->targets,
                                                 depth)
                                     : 0;
        if (!outer)
                walk->directory = include->path;
        r = walk_targets(walk, &include->targets, true, depth);
        walk->directory = outer;
        return r;
}

int phx_lxc_walk(
                struct phx_lxc_reader *reader,
                const char *path,
                const char *text,
                size_t size,
                int (*called)(void *data,
                              const struct phx_lxc_place *place,
                              const struct phx_lxc_line *line),
                void *data) {
        phx_cleanup(phx_strings_done) struct phx_strings targets = { 0 };
        struct walk walk = { .reader = reader, .config = path, .called = called, .data = data };
        int r;

        r = phx_lxc_include_targets(text, size, &targets);
        if (r >= 0)
                r = walk_text(&walk, path, text, size, &targets, 0);
        return r < 0 ? r : 0;
}

int phx_lxc_walk_facts(
                struct phx_lxc_reader *reader,
                const char *path,
                const struct phx_strings *targets,
                struct phx_buffer *ret_facts,
                struct phx_error *error) {
        phx_cleanup(lxc_walk_done) struct walk walk = { .reader = reader,
                                                        .config = path,
                                                        .error = error };
        int r = walk_targets(&walk, targets, false, 0);

        if (r < 0)
                return r;
        *ret_facts = PHX_TAKE_STRUCT(walk.facts);
        return 0;
}

int phx_lxc_combine_facts(
                const char *digest,
                const struct phx_buffer *facts,
                char combined[PHX_SHA256_HEX]) {
        phx_cleanup(phx_buffer_done) struct phx_buffer all = { 0 };
        int r = phx_buffer_addf(&all, "config %s\n", digest);

        if (r >= 0 && facts->size > 0)
                r = phx_buffer_add(&all, facts->data, facts->size);
        if (r < 0)
                return r;
        phx_sha256(all.data, all.size, combined);
        return 0;
}

int phx_lxc_combine(
                struct phx_lxc_reader *reader,
                const char *path,
                struct phx_lxc_source *source,
                struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings targets = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer facts = { 0 };
        int r;

        r = phx_lxc_include_targets(source->text, source->size, &targets);
        if (r >= 0)
                r = phx_lxc_walk_facts(reader, path, &targets, &facts, error);
        return r < 0 ? r : phx_lxc_combine_facts(source->digest, &facts, source->combined);
}
