/* SPDX-License-Identifier: GPL-2.0-or-later */

enum phx_pve_outcome thing(const struct phx_pve_place *place, struct phx_pve_config *config) {
        return phx_pve_read_config(place, 101, config, NULL);
}
