/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A comment may say strcmp(why, "needs a restart"). */
bool needs_restart(const struct picture *picture) {
        return phx_has_prefix(
                        picture->drifts.items[picture->drifts.count - 1].why,
                        "requires restart");
}
