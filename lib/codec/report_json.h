/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "state/report.h"

/* The report as it travels from the process that looks to the one that waits, without its watches
 * and inits, which are sent one by one. parse(render(x)) is x. Lossless even for directory names
 * that are not UTF-8, and for PHX_NEVER. */

/* One line of JSON with its NUL, the caller's to free. -ENOMEM, or -ERANGE for a time beyond 2^63
 * microseconds that is not PHX_NEVER. */
int phx_report_render(const struct phx_report *report, char **ret_text);

/* -EINVAL with the key at fault in the text; -ENOMEM. */
int phx_report_parse(
                const char *text,
                size_t size,
                struct phx_report **ret_report,
                struct phx_error *error);
