/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "engine/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/strings.h"
#include "codec/metrics.h"
#include "state/report.h"

/* Full passes are ten minutes apart (resync_s), or less: each of them says that it was there. */
#define METRICS_REFRESH_USEC 300000000ULL

/* The collector's account may own the directory. It must not be able to lead root elsewhere, so no
 * symbolic link is followed on the way. Step by step: to a unit with RestrictSUIDSGID= openat2(2)
 * is not there. */
static int metrics_file_open_directory(const char *file, int *ret_fd, const char **ret_name) {
        const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        phx_autofree char *path = strdup(file);
        char *slash = path ? strrchr(path, '/') : NULL;
        char *rest = NULL;
        int fd;

        if (!slash)
                return -ENOMEM;
        *slash = '\0';
        fd = open("/", flags);
        for (char *name = strtok_r(path, "/", &rest); fd >= 0 && name;
             name = strtok_r(NULL, "/", &rest)) {
                int below = openat(fd, name, flags);
                int r = phx_errno();
                struct stat st;

                if (below < 0 && r == -ENOTDIR &&
                    fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
                        r = -ELOOP;
                (void) close(fd);
                if (below < 0)
                        return r;
                fd = below;
        }
        if (fd < 0)
                return phx_errno();
        *ret_fd = fd;
        *ret_name = file + (slash - path) + 1;
        return 0;
}

static int write_file(
                const char *file,
                const struct phx_buffer *text,
                const struct phx_buffer *times) {
        phx_cleanup(phx_buffer_done) struct phx_buffer whole = { 0 };
        phx_autoclose int fd = -1;
        const char *name;
        int r;

        r = metrics_file_open_directory(file, &fd, &name);
        if (r >= 0)
                r = phx_buffer_add(&whole, text->data, text->size);
        if (r >= 0)
                r = phx_buffer_add(&whole, times->data, times->size);
        return r < 0 ? r : phx_file_replace_at(fd, name, whole.data, whole.size, 0644);
}

static void metrics_file_withdraw(struct metrics *metrics) {
        phx_autoclose int fd = -1;
        const char *name;

        if (metrics->file && metrics_file_open_directory(metrics->file, &fd, &name) >= 0)
                (void) unlinkat(fd, name, 0);
        metrics_done(metrics);
}

static const char *advice(int r) {
        switch (r) {
        case -EROFS:
                return "; add its directory to ReadWritePaths= of phoenixd.service, see "
                       "phoenixd(8)";
        case -ELOOP:
                return "; expected a path without symbolic links";
        default:
                return "";
        }
}

/* A reader of the file must see that there are still passes. */
static bool metrics_file_is_old(const struct metrics *metrics, const struct phx_daemon *daemon) {
        return daemon->pass.ended_at != PHX_NEVER && metrics->pass_at != PHX_NEVER &&
               daemon->pass.ended_at >= metrics->pass_at + METRICS_REFRESH_USEC;
}

int metrics_update(
                struct metrics *metrics,
                const char *file,
                const struct phx_daemon *daemon,
                const struct phx_snapshot *snapshot,
                struct phx_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 }, times = { 0 };
        int r;

        if (!phx_equal(file, metrics->file))
                metrics_file_withdraw(metrics);
        if (!file)
                return 0;
        r = phx_metrics_render(snapshot, &text);
        if (r >= 0 && phx_equal(text.data, metrics->written) &&
            !metrics_file_is_old(metrics, daemon))
                return 0;
        if (r >= 0)
                r = phx_metrics_render_times(daemon, &times);
        if (r >= 0)
                r = write_file(file, &text, &times);
        if (r >= 0)
                r = phx_replace(&metrics->file, file);
        if (r >= 0)
                r = phx_replace(&metrics->written, text.data);
        if (r >= 0) {
                metrics->pass_at = daemon->pass.ended_at;
                return 0;
        }
        return phx_error_set(
                        error,
                        r,
                        "metrics_file: %s: %s%s",
                        file,
                        strerrordesc_np(-r),
                        advice(r));
}

void metrics_done(struct metrics *metrics) {
        free(metrics->file);
        free(metrics->written);
        *metrics = (struct metrics){ 0 };
}
