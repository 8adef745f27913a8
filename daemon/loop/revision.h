/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <systemd/sd-event.h>

#include "base/macros.h"
#include "loop/listener.h"

/* The kernel's policy revision: readable whenever anybody, we included, has loaded or removed a
 * profile. */
struct revision;

/* PATH is /sys/kernel/security/apparmor/policy/revision. LISTENER is copied. */
int revision_new(
                sd_event *event,
                const char *path,
                const struct listener *listener,
                struct revision **ret_revision);
struct revision *revision_free(struct revision *revision);
PHX_DEFINE_FREEP(revision)

/* Follows the file from now on: 1 when it was not followed before (what happened until now is
 * unknown: look again), 0 when it was; -ENOENT and others as from open(2) while it cannot be. */
int revision_follow(struct revision *revision);
