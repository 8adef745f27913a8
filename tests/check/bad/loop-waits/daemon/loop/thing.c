/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <sys/wait.h>

void thing(void) {
        (void) waitpid(1, NULL, 0);
}
