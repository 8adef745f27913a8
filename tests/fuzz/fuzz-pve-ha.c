/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Any bytes are a list of what the HA manager has. The ids are in their order, and each is found.
 * Whatever the bytes are, a section that comes after an empty line decides about its container. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pve/ha.h"

#define ID 4242

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
        if (!holds)
                abort();
}

static void require_last(const uint8_t *data, size_t size, const char *section, bool is_there) {
        phx_cleanup(phx_pve_ha_done) struct phx_pve_ha ha = { 0 };
        phx_autofree char *text = malloc(size + strlen(section));

        require(text != NULL);
        if (size > 0)
                memcpy(text, data, size);
        memcpy(text + size, section, strlen(section));
        require(phx_pve_ha_parse(text, size + strlen(section), &ha) == 0);
        require(phx_pve_ha_has(&ha, ID) == is_there);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        phx_cleanup(phx_pve_ha_done) struct phx_pve_ha ha = { 0 };

        require(phx_pve_ha_parse((const char *) data, size, &ha) == 0);
        for (size_t i = 0; i < ha.count; i++) {
                require(ha.ids[i] > 0 && (i == 0 || ha.ids[i - 1] < ha.ids[i]));
                require(phx_pve_ha_has(&ha, ha.ids[i]));
        }
        require_last(data, size, "\n\nct: 4242", true);
        require_last(data, size, "\n\nct: 4242\n\tstate ignored", false);
        return 0;
}
