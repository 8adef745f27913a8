/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "machine/gate_hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/strings.h"
#include "lxc/decider.h"
#include "lxc/reader.h"

void phx_machine_gate_hooks_done(struct phx_machine_gate_hooks *hooks) {
        free(hooks->trouble);
        *hooks = (struct phx_machine_gate_hooks){ 0 };
}

static int hooks_judge(const char *file, const char *text, size_t size, char **trouble) {
        phx_cleanup(phx_lxc_decider_done) struct phx_lxc_decider decider = { 0 };
        phx_cleanup(phx_lxc_reader_freep) struct phx_lxc_reader *reader = NULL;
        int r = phx_lxc_reader_new_unwatched(&reader);

        if (r < 0)
                return r;
        phx_lxc_reader_begin(reader, NULL);
        r = phx_lxc_decide(reader, file, text, size, NULL, &decider);
        phx_lxc_reader_end(reader);
        if (r < 0 || !decider.ungated)
                return r;
        return phx_printf(trouble, "%s does not set both hooks of the boot gate", file);
}

static int hooks_read(const char *file, char **trouble) {
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r = phx_file_read_at(AT_FDCWD, file, PHX_LXC_CONFIG_LIMIT, &text, &size);

        free(PHX_TAKE(*trouble));
        if (r >= 0)
                return hooks_judge(file, text, size, trouble);
        return r == -ENOMEM ? r : phx_printf(trouble, "%s: %s", file, strerrordesc_np(-r));
}

int phx_machine_gate_hooks_look(
                struct phx_machine_gate_hooks *hooks,
                const char *file,
                struct phx_observed *observed) {
        struct phx_stamp stamp = { 0 };
        struct stat st;
        int r = 0;

        if (stat(file, &st) >= 0)
                stamp = phx_stamp_of(&st);
        if (!hooks->is_settled || stamp.inode == 0 || !phx_stamp_equal(&stamp, &hooks->stamp)) {
                hooks->is_settled = stamp.inode != 0 && phx_stamp_is_settled(&stamp);
                hooks->stamp = stamp;
                r = hooks_read(file, &hooks->trouble);
        }
        if (r < 0)
                return r;
        observed->has_gate_hooks = !hooks->trouble;
        return phx_replace(&observed->gate_trouble, hooks->trouble);
}
