/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Afterwards all is read again. The same bytes are not enough, as another text may have been there
 * for as long as liblxc read it. So the stamps must be the same, too, and they must have been old
 * enough before it was asked (base/stamp.h): then no change in between can have left them as they
 * were. A file that was written a moment ago is waited for: that is less than to ask twice. Where
 * all that is not so, the answer is shown, and asked for again by the next look. Only what the one
 * config includes counts: a file that somebody keeps writing spoils no other answer.
 *
 * Which line decides is found out by the same reading. */

#include "lxc/answer.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/strings.h"
#include "lxc/directory.h"
#include "lxc/walk.h"

/* A stamp's age is taken from a clock that may be a tick late. */
#define TICK_NSEC UINT64_C(10000000)
#define MOMENT_NSEC UINT64_C(100000000)

void phx_lxc_answer_done(struct phx_lxc_answer *answer) {
        answer->fresh = phx_lxc_reader_free(answer->fresh);
}

static void answer_wait(uint64_t nsec) {
        const struct timespec pause = { .tv_nsec = (long) nsec };

        (void) nanosleep(&pause, NULL);
}

void phx_lxc_answer_add(struct phx_lxc_answer *answer, const struct phx_stamp *stamp) {
        uint64_t left = phx_stamp_settles_in(stamp);

        if (left <= MOMENT_NSEC && left > answer->settles_in)
                answer->settles_in = left;
}

int phx_lxc_answer_begin(struct phx_lxc_answer *answer) {
        struct phx_lxc_reader *reader = answer->cache->chains.reader;
        uint64_t included = phx_lxc_reader_settle(reader, MOMENT_NSEC);

        if (included > answer->settles_in)
                answer->settles_in = included;
        if (answer->settles_in > 0) {
                answer_wait(answer->settles_in + TICK_NSEC);
                (void) phx_lxc_reader_settle(reader, 0);
        }
        return phx_lxc_reader_new_unwatched(&answer->fresh);
}

bool phx_lxc_answer_holds_for(
                struct phx_lxc_answer *answer,
                const char *path,
                struct phx_lxc_source *source) {
        phx_lxc_reader_visit(answer->fresh);
        return phx_lxc_combine(answer->fresh, path, source, NULL) >= 0 &&
               phx_lxc_reader_agrees(answer->cache->chains.reader, answer->fresh);
}

bool phx_lxc_answer_holds(struct phx_lxc_answer *answer, const struct phx_lxc_known *known) {
        phx_cleanup(phx_lxc_source_done) struct phx_lxc_source source = { 0 };
        const struct phx_lxc *lxc = answer->lxc;
        phx_autoclose int fd = -1;
        phx_autofree char *path = NULL;

        return known->is_asked_settled &&
               phx_printf(&path, "%s/%s/config", lxc->path, known->name) >= 0 &&
               phx_lxc_open_container(lxc, answer->path_fd, known->name, &fd, NULL) >= 0 &&
               phx_lxc_read_config(fd, path, &lxc->owner, &source, NULL) >= 0 &&
               phx_stamp_equal(&source.stamp, &known->config) &&
               faccessat(fd, "partial", F_OK, 0) < 0 &&
               phx_lxc_answer_holds_for(answer, path, &source) &&
               strcmp(source.combined, known->combined) == 0;
}
