/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Any bytes are settings or are refused with a text; what is accepted keeps its promises. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/strings.h"
#include "codec/settings_json.h"

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
        if (!holds)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        phx_cleanup(phx_settings_freep) struct phx_settings *settings = NULL;
        struct phx_error error = { 0 };
        int r;

        r = phx_settings_parse("f", (const char *) data, size, &settings, &error);
        require(r <= 0 && r == error.code);
        require((r < 0) == (error.text[0] != '\0') && (r < 0) == !settings);
        require(!phx_has_control(error.text));
        if (!settings)
                return 0;

        require(phx_is_normal_path(settings->configuration));
        require(phx_is_normal_path(settings->profile_dir));
        require(phx_is_normal_path(settings->deployed_dir));
        require(phx_is_normal_path(settings->lxc_path));
        require(settings->compile_jobs > 0);
        require(settings->debounce_usec > 0);
        require(settings->debounce_usec <= settings->longest_delay_usec);
        return 0;
}
