/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Longer than the limit that the check is given here. */
int main(void) {
        return 0;
}
