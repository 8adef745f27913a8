/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Any bytes are a policy or are refused with a text; what is accepted has names, each once, and can
 * be asked, whatever its automata are. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "policy/matcher.h"

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds) {
        if (!holds)
                abort();
}

/* Of each class, the same answer twice. */
static void ask(const struct phx_policy_prober *prober, const char *profile) {
        struct phx_policy_query queries[3] = { 0 };

        require(phx_query_file(&queries[0], "/proc/sysrq-trigger") == 0);
        require(phx_query_mount(&queries[1], "/a", "/b", NULL, 0x1000) == 0);
        require(phx_query_signal(&queries[2], 9, "unconfined") == 0);
        for (size_t i = 0; i < PHX_ELEMENTS(queries); i++) {
                struct phx_error error = { 0 };
                bool once = false, twice = false;
                int r = prober->ask(prober->data, profile, &queries[i], 2, &once, &error);

                require((r < 0) == (error.text[0] != '\0'));
                require(prober->ask(prober->data, profile, &queries[i], 2, &twice, NULL) == r);
                require(once == twice);
                phx_policy_query_done(&queries[i]);
        }
}

static void ask_all(const void *data, size_t size) {
        struct phx_policy_matcher matcher = { 0 };
        const struct phx_policy_prober prober = phx_policy_matcher_prober(&matcher);

        require(prober.load(prober.data, data, size, NULL) == 0);
        for (size_t i = 0; i < matcher.policy.count; i++)
                ask(&prober, matcher.policy.entries[i].name);
        prober.unload(prober.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        phx_cleanup(phx_policy_done) struct phx_policy policy = { 0 };
        struct phx_error error = { 0 };
        int r;

        r = phx_policy_parse(data, size, PHX_HASH_SHA256, &policy, &error);
        require(r <= 0 && (r < 0) == (error.text[0] != '\0'));
        require((r == 0) == (policy.count > 0));
        for (size_t i = 0; i < policy.count; i++) {
                require(policy.entries[i].name[0] != '\0');
                require(phx_policy_find(&policy, policy.entries[i].name) == &policy.entries[i]);
        }
        if (r == 0)
                ask_all(data, size);
        return 0;
}
