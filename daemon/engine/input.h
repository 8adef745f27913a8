/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/calendar.h"
#include "base/error.h"
#include "base/scope.h"
#include "base/trust.h"
#include "state/configuration.h"
#include "state/desired.h"
#include "state/settings.h"

/* The two files that the operator edits, and the last good of each. What is refused changes
 * nothing: the one before stays in force, for the configuration also over a restart of the daemon.
 */
struct input;

/* SETTINGS_PATH is read below the trust's root; STATE_FD is where the last good configuration is
 * kept, and is borrowed; CALENDAR is asked for what windows may be, NULL: nothing is. Nothing is
 * read yet. */
int input_new(const struct phx_trust *trust,
              const struct phx_calendar *calendar,
              const char *settings_path,
              int state_fd,
              struct input **ret_input);
struct input *input_free(struct input *input);
PHX_DEFINE_FREEP(input)

/* Reads what is in the scope again. What is refused is appended to DESIRED's refusals; mode,
 * generation and whether there is a configuration are set in it. -ENOMEM only. */
int input_read(struct input *input, const struct phx_scope *scope, struct phx_desired *desired);

/* The next input_read() believes nothing that is remembered of the files. */
void input_forget(struct input *input);

/* Whether both are what they were when input_read() accepted them, as far as SCOPE says that they
 * may not be. */
bool input_is_unchanged(struct input *input, const struct phx_scope *scope);
/* Whether PATH is one of the two, or the site's configuration, and not behind a symbolic link. */
bool input_covers(const struct input *input, const char *path);

/* In force; NULL before any were good. Borrowed until the next input_read(). */
const struct phx_settings *input_settings(const struct input *input);
const struct phx_configuration *input_configuration(const struct input *input);

/* The site's configuration, if it was read the last time, as there is none where the settings say;
 * else NULL. Borrowed likewise. */
const char *input_site_file(const struct input *input);
/* The site's configuration, if there is one whose place that of the host takes; else NULL. Borrowed
 * likewise. */
const char *input_hidden_file(const struct input *input);

/* Appends the directories whose change may change the input. */
int input_watches(const struct input *input, struct phx_strings *watches);
