/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/program.h"

#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"

/* With the time of the last change of any kind, which no tool can set: a package may give another
 * build the same size and the same time of its text. */
static int program_add_file(struct phx_buffer *lines, const char *path) {
        struct stat st;

        if (stat(path, &st) < 0)
                return phx_errno();
        return phx_buffer_addf(
                        lines,
                        "%llu %lld %lld.%09ld %lld.%09ld\n",
                        (unsigned long long) st.st_ino,
                        (long long) st.st_size,
                        (long long) st.st_mtim.tv_sec,
                        st.st_mtim.tv_nsec,
                        (long long) st.st_ctim.tv_sec,
                        st.st_ctim.tv_nsec);
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
