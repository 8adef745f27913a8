/* SPDX-License-Identifier: GPL-2.0-or-later */

/* liblxc's answers across restarts. They are written when many are new, or some are and the file is
 * not fresh: a file of thousands for each container that is edited would cost more than to ask
 * about that one again. */

#include <fcntl.h>

#include "base/file.h"
#include "base/process.h"
#include "base/program.h"
#include "lxc/kept.h"
#include "machine/containers_private.h"

#define ANSWERS "lxc-answers"
/* A thousand containers are half a megabyte. */
#define ANSWERS_LIMIT (64UL << 20)
#define MANY 32
#define FRESH_USEC (600ULL * 1000000)

int phx_machine_containers_keep(
                struct phx_machine_containers *containers,
                const char *state_dir,
                const char *libraries,
                const struct phx_lxc_progress *progress) {
        phx_autofree char *data = NULL;
        size_t size = 0;

        containers->progress = progress;
        if (!libraries || phx_program_add(&containers->program) < 0 ||
            phx_buffer_add_text(&containers->program, libraries) < 0)
                return 0;
        containers->state_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (containers->state_fd < 0)
                return phx_errno();
        if (phx_file_read_at(containers->state_fd, ANSWERS, ANSWERS_LIMIT, &data, &size) < 0)
                return 0;
        if (phx_lxc_kept_parse(
                            containers->program.data,
                            data,
                            size,
                            containers->cache,
                            containers->reviews) >= 0)
                containers->saved_usec = phx_now_usec();
        return 0;
}

static bool answers_are_due(const struct phx_machine_containers *containers) {
        size_t unsaved = phx_lxc_kept_unsaved(containers->cache, containers->reviews);

        if (unsaved == 0 || containers->state_fd < 0)
                return false;
        return containers->saved_usec == 0 ||
               phx_now_usec() - containers->saved_usec > FRESH_USEC ||
               (unsaved >= MANY &&
                unsaved >= phx_lxc_kept_count(containers->cache, containers->reviews) / 8);
}

void phx_machine_answers_save(struct phx_machine_containers *containers) {
        phx_cleanup(phx_buffer_done) struct phx_buffer bytes = { 0 };

        if (!answers_are_due(containers) || phx_lxc_kept_render(
                                                            containers->program.data,
                                                            containers->cache,
                                                            containers->reviews,
                                                            &bytes) < 0)
                return;
        (void) phx_file_ensure_at(containers->state_fd, ANSWERS, bytes.data, bytes.size, 0600);
        containers->saved_usec = phx_now_usec();
}
