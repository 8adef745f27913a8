#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/strings.h"
#include "codec/metrics.h"

static int write_file(
                const char *file,
                const struct phx_buffer *text,
                const struct phx_buffer *times) {
        phx_cleanup(phx_buffer_done) struct phx_buffer whole = { 0 };
        phx_autofree char *directory = strdup(file);
        phx_autoclose int fd = -1;
        char *slash;
        int r;

        if (!directory)
                return -ENOMEM;
        slash = strrchr(directory, '/');
        *slash = '\0';
        fd = open(slash == directory ? "/" : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return phx_errno();
        r = phx_buffer_add(&whole, text->data, text->size);
        if (r >= 0)
                r = phx_buffer_add(&whole, times->data, times->size);
        return r < 0 ? r : phx_file_replace_at(fd, slash + 1, whole.data, whole.size, 0644);
}

static void withdraw(struct metrics *metrics) {
        if (metrics->file)
                (void) unlink(metrics->file);
        metrics_done(metrics);
}

int metrics_update(
                struct metrics *metrics,
                const char *file,
                const struct phx_snapshot *snapshot,
                struct phx_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 }, times = { 0 };
        int r;

        if (!phx_equal(file, metrics->file))
                withdraw(metrics);
        if (!file)
                return 0;
        r = phx_metrics_render(snapshot, &text);
        if (r >= 0 && phx_equal(text.data, metrics->written))
                return 0;
        if (r >= 0)
                r = phx_metrics_render_times(snapshot, &times);
        if (r >= 0)
                r = write_file(file, &text, &times);
        if (r >= 0)
                r = phx_replace(&metrics->file, file);
        if (r >= 0)
                r = phx_replace(&metrics->written, text.data);
        if (r == -EROFS)
                return phx_error_set(
                                error,
                                r,
                                "metrics_file: %s: %s; is its directory among ReadWritePaths= of "
                                "phoenixd.service? see phoenixd(8)",
                                file,
                                strerrordesc_np(-r));
        return r < 0 ? phx_error_set(error, r, "metrics_file: %s: %s", file, strerrordesc_np(-r))
                     : 0;
}

void metrics_done(struct metrics *metrics) {
        free(metrics->file);
        free(metrics->written);
        *metrics = (struct metrics){ 0 };
}
