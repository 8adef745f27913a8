/* SPDX-License-Identifier: GPL-2.0-or-later */

const char *phx_some(void);

const char *phx_some(void) {
        return phx_other() ? "found a blank "
                             "be" /* it goes on */
                             "hind it"
                           : "\"hardly\" meant";
}

const char *phx_twice(void) {
        return "it cannot "
               "cannot be read";
}
