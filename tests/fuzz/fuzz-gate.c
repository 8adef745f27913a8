/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Any lines under a right seal are a record of the boot gate or are refused; what is accepted is
 * rendered and read back as the same. Without a seal nothing is accepted. */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/seal.h"
#include "state/gate.h"

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
        if (!holds)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        phx_cleanup(phx_gate_done) struct phx_gate gate = { 0 }, again = { 0 }, none = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer file = { 0 }, once = { 0 }, twice = { 0 };
        char checksum[PHX_SEAL_HEX];
        int r;

        require(phx_gate_parse((const char *) data, size, &none) == -EBADMSG);
        phx_seal_checksum("gate", data, size, checksum);
        require(phx_seal_render(&file, "phoenixd-gate 1", checksum, data, size) == 0);
        r = phx_gate_parse(file.data, file.size, &gate);
        require(r == 0 || r == -EBADMSG);
        if (r < 0) {
                require(gate.container_count == 0 && !gate.lxc_path);
                return 0;
        }
        require(phx_gate_render(&gate, &once) == 0);
        require(phx_gate_parse(once.data, once.size, &again) == 0);
        require(phx_gate_render(&again, &twice) == 0);
        require(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
        return 0;
}
