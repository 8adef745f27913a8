/* SPDX-License-Identifier: GPL-2.0-or-later */

int count(void);

int count(void) {
        static int counter = 0;

        return ++counter;
}
