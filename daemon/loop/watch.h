/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include <systemd/sd-event.h>

#include "base/macros.h"
#include "base/strings.h"
#include "loop/listener.h"

/* Directories that are watched through libinotifytools, of which a process can have only one. */
struct watch;

/* CGROUP_ROOT is the directory in which only the names of LXC's own cgroups matter:
 * /sys/fs/cgroup. LISTENER is copied. */
int watch_new(sd_event *event,
              const char *cgroup_root,
              const struct listener *listener,
              struct watch **ret_watch);
struct watch *watch_free(struct watch *watch);
PHX_DEFINE_FREEP(watch)

/* Watches these directories (as base/watches.h says them, sorted, each once) and ignores all others
 * from now on. What happened in a directory before it was watched, or to a name in it before that
 * was wanted, is unknown: 1 when one was added or newly missed, so that the caller looks again; 0
 * when all was well; -ENOMEM. Some hundred directories are watched at once; with more, the rest is
 * done between events, and the listener is called when it is. ARE_CHECKED: whether each of them is
 * still where it was, which is a call for each. */
int watch_set(struct watch *watch, const struct phx_strings *paths, bool are_checked);

/* In which of them the containers are, LXC_PATH: a new name there, and the end of lxc-create, are
 * arrivals. NULL: in none. Links on the way to it are followed now. 0 or -ENOMEM. */
int watch_set_containers(struct watch *watch, const char *lxc_path);

/* The same for the directories of last time, checked: repairs what was lost since. */
int watch_refresh(struct watch *watch);

/* 0, or why events cannot be relied on: -ENOSPC when fs.inotify.max_user_watches is used up,
 * -EMFILE when max_user_instances is, or another negative errno of inotify's. */
int watch_trouble(const struct watch *watch);
