/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/* Which system calls a compile may make: what reads files and writes to what is open already. No
 * process and no thread, no socket, no look into another process, no file opened for writing; a
 * signal to itself alone. What is not allowed answers ENOSYS, as a kernel that has not heard of it:
 * a C library has another way then, or fails. For the calling process, for good, and for what it
 * executes; needs no_new_privs. False, with errno, when the kernel has no such thing. */
bool phx_compiler_filter(void);
