/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/program.h"

#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/texts.h"

/* The time of the last change of any kind tells a build from another one that a package has given
 * the same size and the same time of its text: no tool can set it. The device may have another
 * number after a boot. */
static int program_add_file(struct phx_buffer *lines, const char *path) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        struct phx_stamp stamp;
        struct stat st;
        int r;

        if (stat(path, &st) < 0)
                return phx_errno();
        stamp = phx_stamp_of(&st);
        stamp.device = 0;
        r = phx_texts_add_stamp(&text, &stamp);
        return r < 0 ? r : phx_buffer_addf(lines, "%s\n", text.data);
}

int phx_program_add(struct phx_buffer *lines) {
        return program_add_file(lines, "/proc/self/exe");
}

/* The program itself has no name here, and what the kernel gives to each process is no file. */
static int program_on_object(struct dl_phdr_info *info, size_t size, void *data) {
        return strchr(info->dlpi_name, '/') ? program_add_file(data, info->dlpi_name) : 0;
}

int phx_program_add_libraries(struct phx_buffer *lines) {
        return dl_iterate_phdr(program_on_object, lines);
}
