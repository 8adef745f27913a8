/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Any bytes are one of the files that Proxmox's cluster file system makes, or are refused with a
 * text. The guests of a list are in the order of their ids, and each is found by its own. */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "codec/pve_json.h"

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
        if (!holds)
                abort();
}

static void require_refusal(int r, const struct phx_error *error) {
        require(r == 0 || r == -EINVAL);
        require((r < 0) == (error->text[0] != '\0'));
}

static void fuzz_vmlist(const char *text, size_t size) {
        phx_cleanup(phx_pve_guests_done) struct phx_pve_guests guests = { 0 };
        struct phx_error error = { 0 };
        int r = phx_pve_vmlist_parse("f", text, size, &guests, &error);

        require_refusal(r, &error);
        require(r == 0 || guests.count == 0);
        for (size_t i = 0; i < guests.count; i++) {
                const struct phx_pve_guest *guest = &guests.items[i];

                require(guest->id > 0 && guest->node);
                require(i == 0 || guests.items[i - 1].id < guest->id);
                require(phx_pve_guests_find(&guests, guest->id) == guest);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = (const char *) data;
        struct phx_error members = { 0 }, version = { 0 };
        bool is_cluster = false;
        uint64_t start_time = 0;

        fuzz_vmlist(text, size);
        require_refusal(phx_pve_members_parse("f", text, size, &is_cluster, &members), &members);
        require_refusal(phx_pve_version_parse("f", text, size, &start_time, &version), &version);
        require(version.text[0] || start_time > 0);
        return 0;
}
