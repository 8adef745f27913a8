/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The file "judgements" is sealed (base/seal.h) with the program as its key, and has what each part
 * renders, one after the other: places, definers, profiles. Each of them says itself what of it may
 * be believed. A crash may leave a damaged file, or the one before: neither is wrong, they only
 * spare less.
 *
 * It is written after a pass that has changed a judgement, when nothing is being compiled: a start
 * with many profiles writes it once. A pass that finds everything in its place writes nothing. */

#include "machine/kept.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/program.h"
#include "base/seal.h"

#define JUDGEMENTS "judgements"
#define MAGIC "phoenixd-judgements 1"
/* A thousand profiles with forty includes each are less than a megabyte. */
#define JUDGEMENTS_LIMIT (64UL << 20)

static int kept_program(const struct phx_machine_kept *kept, struct phx_buffer *ret_program) {
        return kept->program ? phx_buffer_add_text(ret_program, kept->program)
                             : phx_program_add(ret_program);
}

static int kept_parse(
                const struct phx_machine_kept *kept,
                const char *program,
                const char *file,
                size_t file_size) {
        size_t size = 0;
        const char *data = phx_seal_open(MAGIC, program, file, file_size, &size, NULL);
        struct phx_texts reader = { .at = data, .end = data ? data + size : NULL };
        int places, definers, profiles;

        if (!data || size == 0 || data[size - 1] != '\0')
                return 0;
        places = phx_places_parse(kept->places, &reader);
        definers = places < 0 ? places : phx_definers_parse(kept->definers, &reader);
        profiles = definers < 0 ? definers : phx_profiles_parse(kept->profiles, &reader);
        if (profiles < 0)
                return profiles == -ENOMEM ? profiles : 0;
        return places > 0 || definers > 0;
}

int phx_machine_kept_load(const struct phx_machine_kept *kept) {
        phx_cleanup(phx_buffer_done) struct phx_buffer program = { 0 };
        phx_autoclose int fd = open(kept->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        phx_autofree char *file = NULL;
        size_t size = 0;

        if (fd < 0 || kept_program(kept, &program) < 0 ||
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

int phx_machine_kept_save(const struct phx_machine_kept *kept) {
        phx_cleanup(phx_buffer_done) struct phx_buffer program = { 0 }, bytes = { 0 }, file = { 0 };
        phx_autoclose int fd = open(kept->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char checksum[PHX_SEAL_HEX];
        int r;

        if (fd < 0)
                return phx_errno();
        r = kept_program(kept, &program);
        if (r >= 0)
                r = kept_render(kept, &bytes);
        if (r < 0)
                return r;
        phx_seal_checksum(program.data, bytes.data, bytes.size, checksum);
        r = phx_seal_render(&file, MAGIC, checksum, bytes.data, bytes.size);
        return r < 0 ? r : phx_file_write_unsynced_at(fd, JUDGEMENTS, file.data, file.size, 0600);
}
