/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The file that the old tools use; it is somebody else's, so that it does not come with these.
 * Where PHOENIXD_SAMPLES names no directory with it, that is said, and counted as skipped. */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "codec/configuration_advise.h"
#include "codec/configuration_json.h"

#define FILE_LIMIT ((size_t) 4 << 20)

struct sample {
        char *text;
        size_t size;
};

static struct sample sample;

static struct phx_configuration *parse(const char *text, size_t size) {
        struct phx_configuration *configuration = NULL;
        struct phx_error error = { 0 };

        (void) phx_configuration_parse("f", text, size, "unconfined", &configuration, &error);
        assert_string_equal(error.text, "");
        return configuration;
}

static void the_real_file_is_accepted(void **state) {
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        size_t notes = 0;

        configuration = parse(sample.text, sample.size);
        assert_int_equal(configuration->count, 22);
        for (size_t i = 0; i < configuration->count; i++)
                notes += configuration->containers[i].notes.count;
        assert_int_equal(notes, 1);
}

static void with_the_advice_it_leaves_nobody_unconfined(void **state) {
        static const struct phx_advice all = { .file = "f", .default_profile = "unconfined" };
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        phx_cleanup(phx_buffer_done) struct phx_buffer advised = { 0 }, again = { 0 };
        struct phx_error error = { 0 };

        assert_true(phx_configuration_advise(&all, sample.text, sample.size, &advised, &error) > 0);
        configuration = parse(advised.data, advised.size);
        for (size_t i = 0; i < configuration->count; i++)
                assert_string_not_equal(configuration->containers[i].profile, "unconfined");
        assert_int_equal(
                        phx_configuration_advise(&all, advised.data, advised.size, &again, &error),
                        0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_real_file_is_accepted),
                cmocka_unit_test(with_the_advice_it_leaves_nobody_unconfined),
        };
        const char *samples = getenv("PHOENIXD_SAMPLES");
        char path[512];
        int r;

        (void) snprintf(path, sizeof(path), "%s/phoenix_lxc_configs.json", samples ? samples : "");
        if (!samples ||
            phx_file_read_at(AT_FDCWD, path, FILE_LIMIT, &sample.text, &sample.size) < 0) {
                (void) printf("1..0 # SKIP PHOENIXD_SAMPLES names no directory with the file\n");
                return 0;
        }
        r = cmocka_run_group_tests(tests, NULL, NULL);
        free(sample.text);
        return r;
}
