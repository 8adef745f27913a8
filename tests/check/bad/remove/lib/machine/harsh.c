/* SPDX-License-Identifier: GPL-2.0-or-later */

const char *path(void);

const char *path(void) {
        return "/sys/kernel/security/apparmor/.remove";
}
