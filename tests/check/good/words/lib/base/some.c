/* SPDX-License-Identifier: GPL-2.0-or-later */

/* "anew" in a comment is not for users, and neither is 'behind' in code. */
#include "behind.h"

#define ACCOUNT "nobody"

static int behind = '"'; // mend it
static const char *const key = "last_look";
