/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "compiler/output.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/file.h"

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

int phx_compiler_output_new(const char *name, int *ret_fd) {
        *ret_fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        return *ret_fd < 0 || fchmod(*ret_fd, 0) < 0 ? phx_errno() : 0;
}

int phx_compiler_output_read(
                int fd,
                size_t limit,
                char **ret_data,
                size_t *ret_size,
                struct phx_error *error) {
        if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
                return phx_error_set(
                                error,
                                -EIO,
                                "the output of the compiler is rejected: another process may "
                                "still write to it: %s",
                                strerrordesc_np(-phx_errno()));
        return phx_file_read_fd(fd, limit, ret_data, ret_size);
}
