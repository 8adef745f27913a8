/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The file is sealed (base/seal.h) with the program as its key. It is written in place: one that is
 * not whole is not taken, and nothing is lost with it. */

#include "base/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/program.h"
#include "base/seal.h"
#include "base/strings.h"

#define MAGIC "phoenixd-handover 1"
/* Ten thousand containers and as many profiles are some megabytes. */
#define HANDOVER_LIMIT (64UL << 20)

void phx_handover_done(struct phx_handover *handover) {
        free(handover->file);
        *handover = (struct phx_handover){ 0 };
}

/* FD is a directory, or a file in it. */
static int handover_check_place(int fd) {
        struct statfs fs;

        if (fstatfs(fd, &fs) < 0)
                return phx_errno();
        return fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC ? 0 : -EXDEV;
}

static int handover_write(int fd, const struct phx_buffer *file) {
        for (size_t done = 0; done < file->size;) {
                ssize_t n = write(fd, file->data + done, file->size - done);

                if (n < 0 && errno != EINTR)
                        return phx_errno();
                done += n > 0 ? (size_t) n : 0;
        }
        return 0;
}

int phx_handover_leave(const char *directory, const char *name, const struct phx_buffer *texts) {
        phx_cleanup(phx_buffer_done) struct phx_buffer program = { 0 }, file = { 0 };
        phx_autoclose int dir_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
        char checksum[PHX_SEAL_HEX];
        int r = dir_fd < 0 ? phx_errno() : handover_check_place(dir_fd);

        if (r >= 0)
                r = phx_program_add(&program);
        if (r < 0)
                return r;
        phx_seal_checksum(program.data, texts->data, texts->size, checksum);
        r = phx_seal_render(&file, MAGIC, checksum, texts->data, texts->size);
        if (r < 0)
                return r;
        (void) unlinkat(dir_fd, name, 0);
        fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        r = fd < 0 ? phx_errno() : handover_write(fd, &file);
        if (r < 0 && fd >= 0)
                (void) unlinkat(dir_fd, name, 0);
        return r;
}

void phx_handover_remove(const char *directory, const char *name) {
        phx_autofree char *path = NULL;

        if (phx_printf(&path, "%s/%s", directory, name) >= 0)
                (void) unlink(path);
}

static int handover_read(int dir_fd, const char *name, char **ret_file, size_t *ret_size) {
        phx_autoclose int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return phx_errno();
        if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
                return -EPERM;
        r = handover_check_place(fd);
        return r < 0 ? r
                     : phx_file_read_regular(
                                       fd,
                                       (size_t) st.st_size,
                                       HANDOVER_LIMIT,
                                       ret_file,
                                       ret_size);
}

int phx_handover_take(const char *directory, const char *name, struct phx_handover *ret_handover) {
        phx_cleanup(phx_buffer_done) struct phx_buffer program = { 0 };
        phx_autoclose int dir_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        phx_autofree char *file = NULL;
        const char *texts;
        size_t size = 0;
        int r;

        if (dir_fd < 0)
                return phx_errno();
        r = handover_read(dir_fd, name, &file, &size);
        /* Whatever is wrong with it: what could not be removed would be taken again, and be wrong
         * by then. */
        if (r != -ENOENT && unlinkat(dir_fd, name, 0) < 0)
                return phx_errno();
        if (r >= 0)
                r = phx_program_add(&program);
        if (r < 0)
                return r;
        texts = phx_seal_open(MAGIC, program.data, file, size, &size, NULL);
        if (!texts)
                return -EBADMSG;
        *ret_handover = (struct phx_handover){ .texts = phx_texts_of(texts, size) };
        ret_handover->file = PHX_TAKE(file);
        return 0;
}
