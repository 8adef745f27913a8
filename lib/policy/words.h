/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The words of AppArmor's language and the numbers that the compiled policy has for them. */

/* "sys_admin": its number in linux/capability.h. */
bool phx_word_capability(const char *word, unsigned *ret_number);
/* "inet": its AF_ number. */
bool phx_word_family(const char *word, unsigned *ret_number);
/* "stream": its SOCK_ number. */
bool phx_word_socket(const char *word, unsigned *ret_number);
/* "kill": AppArmor's own number, which is that of most architectures; "exists" is signal 0. */
bool phx_word_signal(const char *word, unsigned *ret_number);
/* "ro", "bind", "rprivate": the MS_ flags that mount(2) gets for it; none for "rw". */
bool phx_word_mount_option(const char *word, uint32_t *ret_flags);
