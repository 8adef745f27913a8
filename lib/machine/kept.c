/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The file "judgements" is sealed (base/seal.h) with the program as its key, and has what each part
 * renders, one after the other: places, definers, profiles. Each of them says itself what of it may
 * be believed. A crash may leave a damaged file, or the one before: neither is wrong, they only
 * spare less.
 *
 * It is written when nothing is being compiled, after passes that have changed more than a few
 * judgements, as it has all of them: so one change costs what one judgement costs, and without the
 * last few a start judges these again. A start writes it for any, once. A pass that finds
 * everything in its place writes nothing, and one that judges all again, as it was asked to, with
 * the same results writes nothing either. That the stamp of what was read too soon after it was
 * written can be relied on by now is no reason to write: only an engine that ends writes that, so
 * that the next ones need not read it. */

#include "machine/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/program.h"
#include "base/seal.h"

#define JUDGEMENTS "judgements"
#define MAGIC "phoenixd-judgements 1"
/* A thousand profiles with forty includes each are less than a megabyte. */
#define JUDGEMENTS_LIMIT (64UL << 20)

static int kept_parse(
                const struct phx_machine_kept *kept,
                const char *program,
                const char *file,
                size_t file_size) {
        size_t size = 0;
        const char *data = phx_seal_open(MAGIC, program, file, file_size, &size, NULL);
        struct phx_texts reader = { .at = data, .end = data ? data + size : NULL };
        int r;

        if (!data || size == 0 || data[size - 1] != '\0')
                return 0;
        r = phx_places_parse(kept->places, &reader);
        if (r >= 0)
                r = phx_definers_parse(kept->definers, &reader);
        if (r >= 0)
                r = phx_profiles_parse(kept->profiles, &reader);
        return r == -ENOMEM ? r : 0;
}

int phx_machine_kept_load(const struct phx_machine_kept *kept) {
        phx_cleanup(phx_buffer_done) struct phx_buffer program = { 0 };
        phx_autoclose int fd = open(kept->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        phx_autofree char *file = NULL;
        size_t size = 0;

        if (fd < 0 || phx_program_add(&program) < 0 ||
            phx_file_read_at(fd, JUDGEMENTS, JUDGEMENTS_LIMIT, &file, &size) < 0)
                return 0;
        return kept_parse(kept, program.data, file, size);
}

static int kept_render(const struct phx_machine_kept *kept, struct phx_buffer *bytes) {
        int r = phx_places_render(kept->places, bytes);

        if (r >= 0)
                r = phx_definers_render(kept->definers, bytes);
        return r < 0 ? r : phx_profiles_render(kept->profiles, bytes);
}

static bool kept_is_written(int dir_fd, const char *program, const struct phx_buffer *bytes) {
        phx_autofree char *file = NULL;
        const char *data;
        size_t size = 0;

        if (phx_file_read_at(dir_fd, JUDGEMENTS, JUDGEMENTS_LIMIT, &file, &size) < 0)
                return false;
        data = phx_seal_open(MAGIC, program, file, size, &size, NULL);
        return data && size == bytes->size && memcmp(data, bytes->data, size) == 0;
}

static int kept_write(int dir_fd, const struct phx_buffer *bytes, bool is_last) {
        phx_cleanup(phx_buffer_done) struct phx_buffer program = { 0 }, file = { 0 };
        char checksum[PHX_SEAL_HEX];
        int r = phx_program_add(&program);

        if (r < 0)
                return r;
        if (is_last && kept_is_written(dir_fd, program.data, bytes))
                return 0;
        phx_seal_checksum(program.data, bytes->data, bytes->size, checksum);
        r = phx_seal_render(&file, MAGIC, checksum, bytes->data, bytes->size);
        return r < 0 ? r
                     : phx_file_write_unsynced_at(dir_fd, JUDGEMENTS, file.data, file.size, 0600);
}

int phx_machine_kept_save(const struct phx_machine_kept *kept, bool is_last) {
        phx_cleanup(phx_buffer_done) struct phx_buffer bytes = { 0 };
        phx_autoclose int fd = -1;
        int r;

        if (is_last)
                phx_profiles_unkeep(kept->profiles);
        r = kept_render(kept, &bytes);
        if (r <= 0)
                return r;
        fd = open(kept->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = fd < 0 ? phx_errno() : kept_write(fd, &bytes, is_last);
        if (r < 0)
                phx_profiles_unkeep(kept->profiles);
        return r < 0 ? r : 0;
}
