#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "state/needs.h"

static void assert_fits(
                const struct phx_container_config *container,
                const char *profile,
                const char *why) {
        const struct phx_needs needs = phx_needs_of(container);
        phx_autofree char *words = phx_needs_why(container);

        assert_string_equal(phx_needs_profile(&needs), profile);
        assert_string_equal(words, why);
}

static void a_profile_fits_what_the_container_needs(void **state) {
        char none[] = "none", both[] = "0,1";
        phx_cleanup(phx_container_config_done) struct phx_container_config container = {
                .gpu_assignment = none
        };

        assert_fits(&container, "lxc-baseline", "nothing special");
        assert_int_equal(phx_strings_add(&container.features, "base_setup"), 0);
        assert_fits(&container, "lxc-baseline", "nothing special");
        assert_int_equal(phx_strings_add(&container.pct_options, "nesting=1"), 0);
        assert_fits(&container, "lxc-nesting-v1", "pct_options nesting=1");
        assert_int_equal(phx_strings_add(&container.features, "docker"), 0);
        assert_fits(&container, "lxc-phoenix-v2", "features docker; pct_options nesting=1");
        container.gpu_assignment = both;
        assert_fits(&container,
                    "lxc-gpu-docker-storage",
                    "gpu_assignment 0,1; features docker; pct_options nesting=1");
        container.gpu_assignment = NULL;
}

static void a_gpu_is_known_by_what_uses_one(void **state) {
        static const char *const features[] = { "nvidia", "vllm", "ollama" };

        for (size_t i = 0; i < PHX_ELEMENTS(features); i++) {
                phx_cleanup(phx_container_config_done) struct phx_container_config container = {
                        0
                };

                assert_int_equal(phx_strings_add(&container.features, features[i]), 0);
                assert_true(phx_needs_of(&container).gpu);
        }
}

static void graphics_cards_come_first(void **state) {
        char zero[] = "0";
        phx_cleanup(phx_container_config_done) struct phx_container_config container = {
                .gpu_assignment = zero
        };

        assert_non_null(phx_lxc_options_add(&container.options, "lxc.apparmor.allow_nesting", "1"));
        assert_fits(&container,
                    "lxc-gpu-docker-storage",
                    "gpu_assignment 0; lxc_options lxc.apparmor.allow_nesting=1");
        container.gpu_assignment = NULL;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_profile_fits_what_the_container_needs),
                cmocka_unit_test(a_gpu_is_known_by_what_uses_one),
                cmocka_unit_test(graphics_cards_come_first),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
