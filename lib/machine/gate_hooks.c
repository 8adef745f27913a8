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
#include "lxc/walk.h"

static void hooks_forget(struct phx_machine_gate_hooks *hooks) {
        free(PHX_TAKE(hooks->trouble));
        free(PHX_TAKE(hooks->found));
        phx_strings_done(&hooks->programs);
}

void phx_machine_gate_hooks_done(struct phx_machine_gate_hooks *hooks) {
        hooks_forget(hooks);
        *hooks = (struct phx_machine_gate_hooks){ 0 };
}

/* --- the file --- */

static int hooks_on_line(
                void *data,
                const struct phx_lxc_place *place,
                const struct phx_lxc_line *line) {
        struct phx_machine_gate_hooks *hooks = data;
        phx_autofree char *program = NULL;
        size_t size = 0;
        const char *at = phx_lxc_gate_program(line, &size);
        int r;

        if (!at)
                return 0;
        program = strndup(at, size);
        r = program ? phx_strings_add_once(&hooks->programs, program) : -ENOMEM;
        return r < 0 ? r : 0;
}

static int hooks_judge(
                struct phx_machine_gate_hooks *hooks,
                const char *file,
                const char *text,
                size_t size) {
        phx_cleanup(phx_lxc_decider_done) struct phx_lxc_decider decider = { 0 };
        phx_cleanup(phx_lxc_reader_freep) struct phx_lxc_reader *reader = NULL;
        int r = phx_lxc_reader_new_unwatched(&reader);

        if (r < 0)
                return r;
        phx_lxc_reader_begin(reader, NULL);
        r = phx_lxc_decide(reader, file, text, size, NULL, &decider);
        if (r >= 0)
                r = phx_lxc_walk(reader, file, text, size, hooks_on_line, hooks);
        phx_lxc_reader_end(reader);
        if (r < 0 || !decider.ungated)
                return r;
        phx_strings_done(&hooks->programs);
        return phx_printf(&hooks->trouble, "%s does not set both hooks of the boot gate", file);
}

static int hooks_read(struct phx_machine_gate_hooks *hooks, const char *file) {
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r = phx_file_read_at(AT_FDCWD, file, PHX_LXC_CONFIG_LIMIT, &text, &size);

        hooks_forget(hooks);
        if (r >= 0)
                return hooks_judge(hooks, file, text, size);
        return r == -ENOMEM ? r : phx_printf(&hooks->trouble, "%s: %s", file, strerrordesc_np(-r));
}

/* --- their programs --- */

static int program_stamp(
                const struct phx_trust *trust,
                const char *program,
                struct phx_stamp *ret_stamp) {
        phx_autofree char *path = NULL;
        struct stat st;

        if (phx_printf(&path, "%s%s", strcmp(trust->root, "/") == 0 ? "" : trust->root, program) <
            0)
                return -ENOMEM;
        *ret_stamp = stat(path, &st) < 0 ? (struct phx_stamp){ 0 } : phx_stamp_of(&st);
        return 0;
}

/* What other users may write is no gate. */
static int program_judge(const struct phx_trust *trust, const char *program, char **trouble) {
        struct phx_error why = { 0 };
        phx_autoclose int fd = -1;
        mode_t mode = 0;
        int r = phx_trust_open_path(trust, program, &fd, &mode, &why);

        if (r == -ENOMEM)
                return r;
        if (r >= 0 && S_ISREG(mode) && (mode & 0111) != 0)
                return 0;
        free(PHX_TAKE(*trouble));
        if (r == -EPERM && why.text[0])
                return phx_printf(trouble, "%s is not trusted: %s", program, why.text);
        return phx_printf(
                        trouble,
                        "%s: %s",
                        program,
                        r < 0 ? strerrordesc_np(-r) : "it is not an executable file");
}

static int hooks_look_at_programs(
                struct phx_machine_gate_hooks *hooks,
                const struct phx_trust *trust) {
        const size_t count = hooks->programs.count;
        phx_autofree struct phx_stamp *found = calloc(count + 1, sizeof(*found));
        bool is_same = hooks->found;
        int r = found ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < count; i++) {
                r = program_stamp(trust, hooks->programs.items[i], &found[i]);
                is_same = is_same && r >= 0 && phx_stamp_equal(&found[i], &hooks->found[i]);
        }
        if (r < 0 || is_same)
                return r;
        free(PHX_TAKE(hooks->found));
        free(PHX_TAKE(hooks->trouble));
        for (size_t i = 0; r >= 0 && i < count; i++)
                r = program_judge(trust, hooks->programs.items[i], &hooks->trouble);
        if (r >= 0)
                hooks->found = PHX_TAKE(found);
        return r < 0 ? r : 0;
}

int phx_machine_gate_hooks_look(
                struct phx_machine_gate_hooks *hooks,
                const char *file,
                const struct phx_trust *trust,
                struct phx_observed *observed) {
        struct phx_stamp stamp = { 0 };
        struct stat st;
        int r = 0;

        if (stat(file, &st) >= 0)
                stamp = phx_stamp_of(&st);
        if (!hooks->is_settled || stamp.inode == 0 || !phx_stamp_equal(&stamp, &hooks->stamp)) {
                hooks->is_settled = stamp.inode != 0 && phx_stamp_is_settled(&stamp);
                hooks->stamp = stamp;
                r = hooks_read(hooks, file);
        }
        if (r >= 0 && hooks->programs.count > 0)
                r = hooks_look_at_programs(hooks, trust);
        if (r < 0)
                return r;
        observed->has_gate_hooks = !hooks->trouble;
        return phx_replace(&observed->gate_trouble, hooks->trouble);
}
