/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Of a single value the last line counts, and an empty one takes it back. The way through the
 * includes is walked twice: the first time any trouble ends it, as nothing may be missing; the
 * second hands out the lines, and is not hindered by anything.
 *
 * LXC has just read the same files, and waits for the answer. So an include in Proxmox's cluster
 * file system is read where it is: had that not answered, LXC would not have come so far. */

#include "lxc/profile_of.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "lxc/reader.h"
#include "lxc/text.h"
#include "lxc/walk.h"

struct found {
        char *profile;
        struct phx_lxc_decider decider;
};

static void found_done(struct found *found) {
        free(found->profile);
        phx_lxc_decider_done(&found->decider);
}

static int take_line(
                void *data,
                const struct phx_lxc_place *place,
                const struct phx_lxc_line *line) {
        struct found *found = data;
        phx_autofree char *value = NULL;

        if (!phx_lxc_line_is(line, PHX_LXC_KEY_PROFILE))
                return 0;
        value = strndup(line->value, line->value_size);
        if (!value || phx_replace(&found->decider.file, place->file) < 0)
                return -ENOMEM;
        found->decider.line = place->line;
        free(found->profile);
        found->profile = PHX_TAKE(value);
        return 0;
}

static int profile_of_text(
                struct phx_lxc_reader *reader,
                const char *path,
                const char *text,
                size_t size,
                struct found *found,
                struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings targets = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer facts = { 0 };
        int r;

        r = phx_lxc_include_targets(text, size, &targets);
        if (r >= 0)
                r = phx_lxc_walk_facts(reader, path, &targets, &facts, error);
        return r < 0 ? r : phx_lxc_walk(reader, path, text, size, take_line, found);
}

int phx_lxc_profile_of(
                const char *path,
                char **ret_profile,
                struct phx_lxc_decider *ret_decider,
                struct phx_error *error) {
        phx_cleanup(phx_lxc_reader_freep) struct phx_lxc_reader *reader = NULL;
        phx_cleanup(found_done) struct found found = { 0 };
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r;

        r = phx_file_read_at(AT_FDCWD, path, PHX_LXC_CONFIG_LIMIT, &text, &size);
        if (r < 0)
                return phx_error_set(error, r, "%s: %s", path, strerrordesc_np(-r));
        r = phx_lxc_reader_new_unwatched(&reader);
        if (r < 0)
                return r;
        phx_lxc_reader_follow_remote(reader);
        phx_lxc_reader_begin(reader, NULL);
        r = profile_of_text(reader, path, text, size, &found, error);
        phx_lxc_reader_end(reader);
        if (r >= 0 && !found.profile)
                r = phx_replace(&found.profile, "");
        if (r < 0)
                return r;

        *ret_profile = PHX_TAKE(found.profile);
        *ret_decider = PHX_TAKE_STRUCT(found.decider);
        return 0;
}
