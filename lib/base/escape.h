/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Names come from directories, and a directory's may hold any byte but '/': what a terminal obeys,
 * what ends a line of a log, what is no UTF-8 and ends the connection to a bus. */

/* A copy that is plain UTF-8 on one line: control characters, backslashes, invisible characters
 * and bytes that are no UTF-8 become \xHH, each byte for itself. No two names give the same text,
 * and one without any of these stays as it is. The caller's to free; 0 or -ENOMEM. */
int phx_escape(const char *bytes, char **ret_text);
