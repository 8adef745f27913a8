/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>

void loud(void);

void loud(void) {
        fprintf(stderr, "hello\n");
}
