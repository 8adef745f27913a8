/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include <systemd/sd-event.h>

#include "base/macros.h"
#include "base/scope.h"
#include "bus/board.h"
#include "loop/listener.h"
#include "loop/manager.h"

/* All that the loop listens to, so that it knows when to look. */
struct ears;

/* Hears the settings' directory, what the run before has left, and the kernel's policy. LISTENER is
 * copied. Negative errno. */
int ears_new(sd_event *event,
             const struct manager_options *options,
             const struct listener *listener,
             struct ears **ret_ears);
/* For the next run: what the board names. */
void ears_leave(const struct ears *ears, const struct board *board);
struct ears *ears_free(struct ears *ears);
PHX_DEFINE_FREEP(ears)

/* What of the board has changed: kinds of objects, as 1 << KIND. */
void ears_note(struct ears *ears, unsigned changed);

/* Hears what the board names from now on, as far as that was noted; with IS_WHOLE, checks that each
 * directory is where it was. Adds to AGAIN what was not heard before, and may have changed since
 * the engine looked. LXC_PATH may be NULL. */
void ears_follow(
                struct ears *ears,
                const struct board *board,
                const char *lxc_path,
                bool is_whole,
                struct phx_scope *again);

/* As watch_refresh() and watch_trouble() of loop/watch.h. */
int ears_refresh(struct ears *ears);
int ears_trouble(const struct ears *ears);
