/* SPDX-License-Identifier: GPL-2.0-or-later */

const char *text(void);

const char *text(void) {
        return "profile: no longer\ttrue";
}
