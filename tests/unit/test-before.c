/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Settings, configuration and state that version 0.1 has written on a host with four containers are
 * read by this one, with the same meaning. tests/vm/scenarios/upgrade.sh does it with the programs.
 */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "codec/configuration_json.h"
#include "codec/settings_json.h"
#include "engine/store.h"
#include "state/configuration.h"

static int before_fd;
static char *text;
static size_t size;
static struct phx_error error;

static int open_before(void **state) {
        const char *directory = getenv("PHX_BEFORE");

        if (!directory)
                return -1;
        before_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return before_fd < 0 ? -1 : 0;
}

static int close_before(void **state) {
        free(text);
        text = NULL;
        return close(before_fd);
}

static void read_before(const char *name) {
        free(text);
        text = NULL;
        assert_int_equal(phx_file_read_at(before_fd, name, 1 << 20, &text, &size), 0);
}

/* Its installation has written every key with its default, as this one would say it. */
static void settings_are_those_of_no_file(void **state) {
        struct phx_settings *read = NULL, *defaults = NULL;

        read_before("phoenixd.json");
        assert_int_equal(phx_settings_parse("phoenixd.json", text, size, &read, &error), 0);
        assert_string_equal(error.text, "");
        assert_int_equal(phx_settings_defaults(&defaults), 0);
        assert_int_equal(read->mode, PHX_MODE_ENFORCE);
        assert_int_equal(read->policy_namespace, defaults->policy_namespace);
        assert_string_equal(read->default_profile, defaults->default_profile);
        assert_int_equal(read->resync_usec, defaults->resync_usec);
        assert_int_equal(read->debounce_usec, defaults->debounce_usec);
        assert_int_equal(read->longest_delay_usec, defaults->longest_delay_usec);
        assert_int_equal(read->compile_jobs, defaults->compile_jobs);
        assert_int_equal(read->compile_memory, defaults->compile_memory);
        assert_int_equal(read->restart.policy, PHX_RESTART_NEVER);
        read = phx_settings_free(read);
        defaults = phx_settings_free(defaults);
}

static void the_accepted_configuration_is_accepted(void **state) {
        struct phx_configuration *configuration = NULL;

        read_before("configuration.json");
        assert_int_equal(
                        phx_configuration_parse(
                                        "configuration.json",
                                        text,
                                        size,
                                        "unconfined",
                                        &configuration,
                                        &error),
                        0);
        assert_int_equal(configuration->count, 4);
        assert_string_equal(configuration->containers[3].id, "web");
        assert_string_equal(configuration->containers[3].profile, "lxc-web");
        assert_int_equal(configuration->containers[3].options.count, 1);
        configuration = phx_configuration_free(configuration);
}

static void what_it_wrote_is_known_as_its_own(void **state) {
        struct phx_inventory inventory = { 0 };

        assert_int_equal(store_load(before_fd, &inventory, &error), 0);
        assert_string_equal(error.text, "");
        assert_int_equal(inventory.file_count, 2);
        assert_int_equal(inventory.profile_count, 2);
        assert_string_equal(inventory.profiles[0].name, "lxc-db");
        assert_string_equal(inventory.profiles[0].source, inventory.files[0].digest);
        assert_string_not_equal(inventory.profiles[0].key, "");
        assert_int_equal(inventory.container_count, 1);
        assert_string_equal(inventory.containers[0].name, "web");
        assert_int_equal(inventory.containers[0].lines.count, 1);
        assert_string_equal(inventory.containers[0].lines.items[0], "lxc.environment=FROM=before");
        phx_inventory_done(&inventory);
}

static void suspensions_stay(void **state) {
        struct phx_suspensions suspensions = { 0 };

        assert_int_equal(store_load_suspensions(before_fd, &suspensions, &error), 0);
        assert_int_equal(suspensions.count, 1);
        assert_string_equal(suspensions.items[0].object, "954");
        assert_string_equal(suspensions.items[0].reason, "moving its storage");
        phx_suspensions_done(&suspensions);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(settings_are_those_of_no_file),
                cmocka_unit_test(the_accepted_configuration_is_accepted),
                cmocka_unit_test(what_it_wrote_is_known_as_its_own),
                cmocka_unit_test(suspensions_stay),
        };

        return cmocka_run_group_tests(tests, open_before, close_before);
}
