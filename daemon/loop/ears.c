/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Four ears, each a file of its own: watched directories, the kernel's number of policy changes,
 * lxc-monitord, and the first processes of containers. What they are to hear comes with the look,
 * as objects on the board, and is passed on only when these have changed. */

#include "loop/ears.h"

#include <errno.h>
#include <string.h>

#include "base/handover.h"
#include "loop/inits.h"
#include "loop/monitord.h"
#include "loop/revision.h"
#include "loop/watch.h"

#define WATCHES "watches"

struct ears {
        struct watch *watch;
        struct revision *revision;
        struct monitord *monitord;
        struct inits *inits;
        const char *runtime_dir; /* borrowed, may be NULL */
        unsigned unfollowed;     /* kinds of objects, as 1 << KIND, that have changed meanwhile */
};

/* What the run before watched at its end: with it, what the first look sees needs no second one. */
static int ears_take_watches(const struct ears *ears, struct phx_strings *paths) {
        phx_cleanup(phx_handover_done) struct phx_handover handover = { 0 };
        int r = 0;

        if (!ears->runtime_dir || phx_handover_take(ears->runtime_dir, WATCHES, &handover) < 0)
                return 0;
        while (r >= 0 && !phx_texts_are_read(&handover.texts))
                r = phx_strings_add(paths, phx_texts_next(&handover.texts));
        return r;
}

void ears_leave(const struct ears *ears, const struct board *board) {
        phx_cleanup(phx_buffer_done) struct phx_buffer texts = { 0 };
        struct phx_strings paths = { 0 };
        int r;

        if (!ears->runtime_dir)
                return;
        r = board_watches(board, &paths);
        for (size_t i = 0; r >= 0 && i < paths.count; i++)
                r = phx_texts_add(&texts, paths.items[i]);
        if (r >= 0 && paths.count > 0)
                (void) phx_handover_leave(ears->runtime_dir, WATCHES, &texts);
        /* The texts are the board's. */
        free(paths.items);
}

/* Should the settings be what keeps the first look from being made, their directory tells when they
 * are corrected. */
static int ears_begin(struct ears *ears, const char *path) {
        const char *slash = strrchr(path, '/');
        phx_cleanup(phx_strings_done) struct phx_strings paths = { 0 };
        int r;

        r = ears_take_watches(ears, &paths);
        if (r >= 0 && slash && slash > path)
                r = phx_strings_addf(&paths, "%.*s", (int) (slash - path), path);
        if (r < 0 || paths.count == 0)
                return r < 0 ? r : 0;
        phx_strings_unique(&paths);
        r = watch_set(ears->watch, &paths, true);
        return r < 0 ? r : 0;
}

int ears_new(sd_event *event,
             const struct manager_options *options,
             const struct listener *listener,
             struct ears **ret_ears) {
        phx_cleanup(ears_freep) struct ears *ears = calloc(1, sizeof(*ears));
        int r;

        if (!ears)
                return -ENOMEM;
        ears->runtime_dir = options->runtime_dir;
        r = watch_new(event, options->cgroup_root, listener, &ears->watch);
        if (r >= 0)
                r = revision_new(event, options->revision, listener, &ears->revision);
        if (r >= 0)
                r = monitord_new(event, listener, &ears->monitord);
        if (r >= 0)
                r = inits_new(event, listener, &ears->inits);
        if (r >= 0)
                r = ears_begin(ears, options->settings);
        if (r < 0)
                return r;
        /* Before the first look, so that what it sees needs no second one. Without AppArmor, or
         * without its file system, a look says so. */
        (void) revision_follow(ears->revision);
        *ret_ears = PHX_TAKE(ears);
        return 0;
}

struct ears *ears_free(struct ears *ears) {
        if (!ears)
                return NULL;

        (void) watch_free(ears->watch);
        (void) revision_free(ears->revision);
        (void) monitord_free(ears->monitord);
        (void) inits_free(ears->inits);
        free(ears);

        return NULL;
}

int ears_refresh(struct ears *ears) {
        return watch_refresh(ears->watch);
}

int ears_trouble(const struct ears *ears) {
        return watch_trouble(ears->watch);
}

static int ears_set_watches(struct ears *ears, const struct board *board, bool are_checked) {
        struct phx_strings paths = { 0 };
        int r;

        r = board_watches(board, &paths);
        if (r >= 0)
                r = watch_set(ears->watch, &paths, are_checked);
        /* The texts are the board's. */
        free(paths.items);
        return r;
}

static int ears_set_inits(struct ears *ears, const struct board *board) {
        phx_autofree pid_t *pids = NULL;
        size_t count = 0;
        int r;

        r = board_inits(board, &pids, &count);
        return r < 0 ? r : inits_set(ears->inits, pids, count);
}

void ears_note(struct ears *ears, unsigned changed) {
        ears->unfollowed |= changed;
}

void ears_follow(
                struct ears *ears,
                const struct board *board,
                const char *lxc_path,
                bool is_whole,
                struct phx_scope *again) {
        const unsigned watches = 1U << PHX_OBJECT_WATCH, inits = 1U << PHX_OBJECT_INIT;
        int r = 0;

        if (ears->unfollowed & watches)
                r = ears_set_watches(ears, board, is_whole);
        else if (is_whole)
                r = watch_refresh(ears->watch);
        again->is_whole |= r != 0;
        if (r >= 0)
                ears->unfollowed &= ~watches;
        r = (ears->unfollowed & inits) || inits_have_ended(ears->inits)
                            ? ears_set_inits(ears, board)
                            : 0;
        again->has_tasks |= r != 0;
        if (r >= 0)
                ears->unfollowed &= ~inits;
        /* Without memory, the old ones are waited for as long as everything else. */
        (void) watch_set_containers(ears->watch, lxc_path);
        again->has_policy |= revision_follow(ears->revision) > 0;
        again->has_tasks |= lxc_path && monitord_follow(ears->monitord, lxc_path) > 0;
}
