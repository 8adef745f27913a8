/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include "base/macros.h"
#include "loop/listener.h"

/* The first processes of the running containers: when one ends, its container has stopped. */
struct inits;

/* LISTENER is copied. */
int inits_new(sd_event *event, const struct listener *listener, struct inits **ret_inits);
struct inits *inits_free(struct inits *inits);
PHX_DEFINE_FREEP(inits)

/* Waits for the end of these processes, each of which is reported once, and of no others: 1 when
 * one has ended already, so that the caller looks again; 0; -ENOMEM. A process that cannot be
 * waited for is passed over: this is a hint. */
int inits_set(struct inits *inits, const pid_t *pids, size_t count);
/* Whether one of them has ended, so that a list that has its number again may mean another process.
 */
bool inits_have_ended(const struct inits *inits);
