/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `systemd-analyze calendar --base-time=@SECONDS --iterations=1 -- EXPRESSION` prints lines of a
 * label and a value:
 *
 *     Original form: Sat 03:00
 *   Normalized form: Sat *-*-* 03:00:00
 *       Next elapse: Sat 2026-12-05 03:00:00 CET
 *          (in UTC): Sat 2026-12-05 02:00:00 UTC
 *          From now: 4 days left
 *
 * The line in UTC is there unless that is the machine's time zone.
 *
 * It exits with 1 for an expression that it does not know, and for much else. So when it does,
 * another expression that is surely one is asked for: if that fails, too, it is the program that
 * does not work, and no expression is refused. */

#include "base/calendar.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "base/buffer.h"
#include "base/process.h"
#include "base/strings.h"

#define USEC_PER_SEC UINT64_C(1000000)
/* Five lines, or one with a message. */
#define OUTPUT_LIMIT ((size_t) 4096)
#define EXIT_NOT_STARTED 127
#define LABEL_NEXT "Next elapse"
#define LABEL_UTC "(in UTC)"
#define NEVER "never"
#define SURELY_ONE "*-*-* *:*:*"

const struct phx_calendar phx_calendar_systemd = {
        PHX_CALENDAR_PROGRAM,
        PHX_CALENDAR_DEADLINE_USEC,
        PHX_CALENDAR_ZONE,
};

/* --- the child --- */

static _Noreturn void calendar_execute(
                const char *program,
                const char *expression,
                uint64_t after_usec,
                int output_fd) {
        static const char *const environment[] = { "LC_ALL=C",
                                                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                                   NULL };
        char base[64];
        const char *const arguments[] = {
                "systemd-analyze", "calendar", base, "--iterations=1", "--", expression, NULL,
        };

        (void) snprintf(base, sizeof(base), "--base-time=@%" PRIu64, after_usec / USEC_PER_SEC);
        phx_process_reset_signals();
        phx_process_limit(RLIMIT_CORE, 0);
        /* It asks for nothing that takes a right. */
        if (phx_process_keep(&output_fd, 1) >= 0 && dup2(PHX_PROCESS_KEPT, 1) >= 0 &&
            dup2(PHX_PROCESS_KEPT, 2) >= 0 && close(PHX_PROCESS_KEPT) == 0 &&
            phx_process_drop_rights(0) >= 0)
                /* execve() takes what it will not write to as if it would.
                 * NOLINTBEGIN(*-no-int-to-ptr) */
                (void) execve(program,
                              (char *const *) (uintptr_t) arguments,
                              (char *const *) (uintptr_t) environment);
        /* NOLINTEND(*-no-int-to-ptr) */
        _exit(EXIT_NOT_STARTED);
}

/* --- what it says --- */

/* Takes what there is now: 1 when more may come, 0 at the end, or a negative errno. */
static int calendar_read(int fd, struct phx_buffer *output) {
        char part[1024];
        ssize_t n;

        while ((n = read(fd, part, sizeof(part))) > 0) {
                int r = output->size + (size_t) n > OUTPUT_LIMIT
                                        ? -EFBIG
                                        : phx_buffer_add(output, part, (size_t) n);

                if (r < 0)
                        return r;
        }
        if (n == 0)
                return 0;
        return errno == EAGAIN || errno == EINTR ? 1 : phx_errno();
}

/* Until it has ended, and what it has written is read: a child of its own may still have the other
 * end, and is not waited for. */
static int calendar_collect(
                struct phx_process *process,
                int fd,
                uint64_t until_usec,
                struct phx_buffer *output,
                int *ret_status) {
        int more = 1;

        for (;;) {
                uint64_t now = phx_now_usec(), left = until_usec > now ? until_usec - now : 0;
                const struct timespec wait = { (time_t) (left / USEC_PER_SEC),
                                               (long) (left % USEC_PER_SEC * 1000) };
                struct pollfd fds[] = { { .fd = process->fd, .events = POLLIN },
                                        { .fd = more > 0 ? fd : -1, .events = POLLIN } };

                if (left == 0)
                        return -ETIMEDOUT;
                if (ppoll(fds, PHX_ELEMENTS(fds), &wait, NULL) < 0 && errno != EINTR)
                        return phx_errno();
                if (more > 0)
                        more = calendar_read(fd, output);
                if (more < 0)
                        return more;
                if (!phx_process_reap(process, ret_status))
                        continue;
                more = more > 0 ? calendar_read(fd, output) : 0;
                return more < 0 ? more : 0;
        }
}

static int calendar_run(
                const struct phx_calendar *calendar,
                const char *expression,
                uint64_t after_usec,
                struct phx_buffer *output,
                int *ret_status) {
        const uint64_t until = phx_now_usec() + calendar->deadline_usec;
        phx_autoclose int read_fd = -1, write_fd = -1;
        struct phx_process process = { 0 };
        int pair[2], r;

        if (pipe2(pair, O_CLOEXEC) < 0)
                return phx_errno();
        read_fd = pair[0];
        write_fd = pair[1];
        if (fcntl(read_fd, F_SETFL, O_NONBLOCK) < 0)
                return phx_errno();
        r = phx_process_fork(&process);
        if (r > 0)
                calendar_execute(calendar->program, expression, after_usec, write_fd);
        if (r < 0)
                return r;
        (void) close(PHX_TAKE_FD(write_fd));
        r = calendar_collect(&process, read_fd, until, output, ret_status);
        if (r < 0)
                (void) phx_process_end(&process, NULL);
        return r < 0 ? r : phx_buffer_add_text(output, "");
}

/* --- what that means --- */

/* The value behind "LABEL: ", up to the end of its line; NULL without such a line. */
static const char *calendar_find(const char *output, const char *label) {
        const size_t size = strlen(label);

        for (const char *line = output; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                const char *word = line + strspn(line, " ");

                if (strncmp(word, label, size) == 0 && word[size] == ':')
                        return word + size + 1 + strspn(word + size + 1, " ");
        }
        return NULL;
}

/* "Sat 2026-12-05 03:00:00 UTC": 1, 0 for "never", or -EBADMSG. */
static int calendar_parse_time(const char *value, uint64_t *ret_usec) {
        struct tm parts = { 0 };
        char day[8], end = '\0';
        time_t seconds;

        if (strcspn(value, "\n") == strlen(NEVER) && phx_has_prefix(value, NEVER))
                return 0;
        if (sscanf(value,
                   "%7s %d-%d-%d %d:%d:%d%c",
                   day,
                   &parts.tm_year,
                   &parts.tm_mon,
                   &parts.tm_mday,
                   &parts.tm_hour,
                   &parts.tm_min,
                   &parts.tm_sec,
                   &end) != 8 ||
            (end != ' ' && end != '.'))
                return -EBADMSG;
        parts.tm_year -= 1900;
        parts.tm_mon -= 1;
        seconds = timegm(&parts);
        if (seconds <= 0)
                return -EBADMSG;
        *ret_usec = (uint64_t) seconds * USEC_PER_SEC;
        return 1;
}

static int calendar_parse(const char *output, uint64_t *ret_usec) {
        const char *value = calendar_find(output, LABEL_UTC);

        if (!value)
                value = calendar_find(output, LABEL_NEXT);
        return value ? calendar_parse_time(value, ret_usec) : -EBADMSG;
}

static bool calendar_is_refusal(int status, const struct phx_buffer *output) {
        return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE &&
               output->data[strspn(output->data, " \n")] != '\0';
}

/* Of a program that answers otherwise than it should. */
static int calendar_fail(const struct phx_calendar *calendar, int status, struct phx_error *error) {
        if (WIFSIGNALED(status))
                return phx_error_set(
                                error,
                                -EIO,
                                "%s: was killed by signal %d",
                                calendar->program,
                                WTERMSIG(status));
        if (WEXITSTATUS(status) == EXIT_NOT_STARTED && access(calendar->program, X_OK) < 0)
                return phx_error_errno(error, calendar->program);
        return phx_error_set(
                        error,
                        -EIO,
                        "%s: exited with status %d",
                        calendar->program,
                        WEXITSTATUS(status));
}

/* As phx_calendar_next(), but for what exits with 1. */
static int calendar_ask(
                const struct phx_calendar *calendar,
                const char *expression,
                uint64_t after_usec,
                uint64_t *ret_usec,
                struct phx_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer output = { 0 };
        int status = 0, r;

        r = calendar_run(calendar, expression, after_usec, &output, &status);
        if (r < 0)
                return phx_error_set(error, r, "%s: %s", calendar->program, strerrordesc_np(-r));
        if (calendar_is_refusal(status, &output)) {
                output.data[strcspn(output.data, "\n")] = '\0';
                return phx_error_set(error, -EINVAL, "%s", output.data);
        }
        if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
                return calendar_fail(calendar, status, error);
        r = calendar_parse(output.data, ret_usec);
        return r < 0 ? phx_error_set(error,
                                     r,
                                     "%s: its answer cannot be understood",
                                     calendar->program)
                     : r;
}

int phx_calendar_next(
                const struct phx_calendar *calendar,
                const char *expression,
                uint64_t after_usec,
                uint64_t *ret_usec,
                struct phx_error *error) {
        struct phx_error why = { 0 };
        uint64_t usec = 0;
        int r;

        r = calendar_ask(calendar, expression, after_usec, &usec, error);
        if (r > 0)
                *ret_usec = usec;
        if (r != -EINVAL)
                return r;
        r = calendar_ask(calendar, SURELY_ONE, after_usec, &usec, &why);
        if (r >= 0)
                return -EINVAL;
        return phx_error_set(
                        error,
                        r == -EINVAL ? -EIO : r,
                        "%s: it refuses every expression: %s",
                        calendar->program,
                        phx_error_text(&why, -EIO));
}
