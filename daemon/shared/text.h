/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

/* Copies TEXT for a place that shows one line of UTF-8: control characters become spaces, bytes
 * that are not UTF-8 become question marks, and what does not fit in SIZE is cut between
 * characters. File names and compilers' messages can hold anything. */
void text_clean(const char *text, char *clean, size_t size);
/* In place: each byte that is not of UTF-8 becomes a question mark. */
void text_repair(char *text);
