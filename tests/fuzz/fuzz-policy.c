/* Any bytes are a policy or are refused with a text; what is accepted has names, each once. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "system/policy.h"

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
        if (!holds)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        phx_cleanup(phx_policy_done) struct phx_policy policy = { 0 };
        struct phx_error error = { 0 };
        int r;

        r = phx_policy_parse(data, size, &policy, &error);
        require(r <= 0 && (r < 0) == (error.text[0] != '\0'));
        require((r == 0) == (policy.count > 0));
        for (size_t i = 0; i < policy.count; i++) {
                require(policy.entries[i].name[0] != '\0');
                require(phx_policy_find(&policy, policy.entries[i].name) == &policy.entries[i]);
        }
        return 0;
}
