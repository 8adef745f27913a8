/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "base/buffer.h"
#include "base/findings.h"
#include "codec-fixtures.h"
#include "codec/configuration_json.h"
#include "state/needs.h"

static int parse(const char *name, const struct fixture *fixture, struct phx_error *error) {
        struct phx_configuration *configuration = NULL;
        int r;

        r = phx_configuration_parse(
                        name,
                        fixture->text,
                        fixture->size,
                        "unconfined",
                        &configuration,
                        error);
        assert_int_equal(r == 0, configuration != NULL);
        configuration = phx_configuration_free(configuration);
        return r;
}

static struct phx_configuration *parse_text(const char *text, const char *default_profile) {
        struct phx_configuration *configuration = NULL;
        struct phx_error error = { 0 };
        int r;

        r = phx_configuration_parse(
                        "f",
                        text,
                        strlen(text),
                        default_profile,
                        &configuration,
                        &error);
        assert_string_equal(error.text, "");
        assert_int_equal(r, 0);
        return configuration;
}

static struct phx_configuration *parse_fixture(const char *name) {
        phx_cleanup(fixture_done) struct fixture fixture = fixture_read("configuration", name);

        return parse_text(fixture.text, "unconfined");
}

static void assert_items(const struct phx_strings *strings, const char *const *items) {
        for (size_t i = 0; i < strings->count; i++) {
                assert_non_null(items[i]);
                assert_string_equal(strings->items[i], items[i]);
        }
        assert_null(items[strings->count]);
}

static void every_refusal_says_what_is_wrong(void **state) {
        static const struct fixture_parser parser = { parse };

        check_fixtures("configuration", &parser);
}

static void every_key_of_ours_is_read(void **state) {
        static const char *const features[] = { "base_setup", "docker", NULL },
                                 *const pct[] = { "nesting=1", "keyctl=1", NULL },
                                 *const dependencies[] = { "953", NULL };
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        const struct phx_container_config *web;

        configuration = parse_fixture("good-all.json");
        assert_int_equal(configuration->count, 2);
        web = &configuration->containers[0];
        assert_string_equal(web->id, "910");
        assert_string_equal(web->name, "web");
        assert_string_equal(web->profile, "lxc-web");
        assert_false(web->profile_is_default);
        assert_true(web->manages_nesting);
        assert_true(web->unprivileged);
        assert_true(web->start_at_boot);
        assert_int_equal(web->boot_order, 4);
        assert_int_equal(web->state, PHX_RUN_STOPPED);
        assert_int_equal(web->boot_delay, 5);
        assert_true(web->has_start_at_boot && web->has_boot_order && web->has_boot_delay);
        assert_string_equal(web->gpu_assignment, "0,1");
        assert_items(&web->features, features);
        assert_items(&web->pct_options, pct);
        assert_items(&web->dependencies, dependencies);
        assert_true(web->has_restart);
        assert_int_equal(web->restart, PHX_RESTART_IMMEDIATE);
        assert_false(configuration->containers[1].has_restart);
}

static void every_key_of_a_creation_is_read(void **state) {
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        const struct phx_creation *how;

        configuration = parse_fixture("good-create.json");
        how = configuration->containers[0].creation;
        assert_non_null(how);
        assert_string_equal(how->template, "/var/lib/vz/template/cache/debian-12.tar.zst");
        assert_null(how->source);
        assert_int_equal(how->memory_mb, 2048);
        assert_true(how->has_swap);
        assert_int_equal(how->swap_mb, 0);
        assert_int_equal(how->cores, 2);
        assert_string_equal(how->interface, "eth0");
        assert_string_equal(how->bridge, "br0");
        assert_string_equal(how->address, "192.0.2.10/24");
        assert_string_equal(how->gateway, "192.0.2.1");
        assert_string_equal(how->mac, "52:54:00:aa:bb:cc");
        assert_true(how->is_unprivileged);
        assert_string_equal(how->proxmox_key, "storage_pool");
        assert_string_equal(how->storage, "quick");
        configuration = phx_configuration_free(configuration);
        configuration = parse_fixture("good-create-proxmox.json");
        how = configuration->containers[0].creation;
        assert_string_equal(how->template, "local:vztmpl/debian-12.tar.zst");
        assert_int_equal(how->size_gb, 32);
        assert_int_equal(how->volumes.count, 2);
        assert_string_equal(how->volumes.items[0], "slow:3,mp=/data");
        assert_string_equal(how->volumes.items[1], "bulk:50,mp=/models");
        configuration = phx_configuration_free(configuration);
        configuration = parse_fixture("good-create-clone.json");
        how = configuration->containers[0].creation;
        assert_string_equal(how->source, "900");
        assert_null(how->proxmox_key);
        configuration = phx_configuration_free(configuration);
        configuration = parse_fixture("good-create-off.json");
        assert_null(configuration->containers[0].creation);
}

static void assert_options(const struct phx_lxc_options *options, const char *const *texts) {
        size_t i;

        for (i = 0; texts[i]; i++) {
                char text[256];

                assert_true(i < options->count);
                (void) snprintf(text,
                                sizeof(text),
                                "%s=%s",
                                options->items[i].key,
                                options->items[i].value);
                assert_string_equal(text, texts[i]);
        }
        assert_int_equal(options->count, i);
}

static void a_name_is_for_people(void **state) {
        static const char *const names[] = { "Tr\u00e4ger, 2nd floor (new!)",
                                             "../web",
                                             "901",
                                             "web",
                                             "web" };
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;

        configuration = parse_fixture("good-names.json");
        assert_int_equal(configuration->count, PHX_ELEMENTS(names) + 1);
        for (size_t i = 0; i < PHX_ELEMENTS(names); i++)
                assert_string_equal(configuration->containers[i].name, names[i]);
        assert_int_equal(strlen(configuration->containers[PHX_ELEMENTS(names)].name), 255);
}

static void options_that_contradict_a_key_are_left_out_and_noted(void **state) {
        static const char *const options[] = {
                "lxc.mount.auto=proc:rw sys:rw",
                "lxc.mount.entry=/dev/fuse dev/fuse none bind,create=file",
                "lxc.cap.drop=",
                "lxc.include=/usr/share/lxc/config/common.conf",
                NULL,
        };
        static const char *const notes[] = {
                "lxc_options: lxc.apparmor.profile=unconfined is skipped: apparmor_profile is "
                "'lxc-web'",
                "lxc_options: lxc.apparmor.allow_nesting=1 is skipped: with "
                "apparmor_manages_nesting the profile allows nesting",
                "lxc_options: lxc.include=/usr/share/lxc/config/nesting.conf is skipped: "
                "with apparmor_manages_nesting the profile allows nesting",
                "lxc_options: lxc.include=\"nesting.conf\" is skipped: with "
                "apparmor_manages_nesting the profile allows nesting",
                NULL,
        };
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;

        configuration = parse_fixture("good-all.json");
        assert_options(&configuration->containers[0].options, options);
        assert_items(&configuration->containers[0].notes, notes);
}

static void nesting_options_stay_where_the_profile_does_not_do_it(void **state) {
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;

        configuration = parse_fixture("good-nesting-not-managed.json");
        assert_int_equal(configuration->containers[0].options.count, 2);
        assert_int_equal(configuration->containers[0].notes.count, 0);
}

/* Found for all of the file at once: also where a key has escapes, an option is left out, another
 * program's list has the same name, and the profile's key stands behind it. */
static void an_option_has_the_place_where_it_stands(void **state) {
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        const struct phx_lxc_options *options;

        configuration = parse_text(
                        "{ \"lxc_options\": [\"lxc.x=1\"], \"lxc_configs\": {\n"
                        "  \"b\": { \"other\": { \"lxc_options\": [ 1 ] } },\n"
                        "  \"c\": { \"lxc_options\": [] },\n"
                        "  \"a\": { \"lxc\\u005foptions\":\n"
                        "     [\"lxc.cap.drop=\", \"lxc.apparmor.profile=lxc-y\",\n"
                        "\t\"lxc.cap.drop=sys_time\"], \"apparmor_profile\": \"lxc-x\" }\n"
                        "} }",
                        "unconfined");
        options = &configuration->containers[0].options;
        assert_int_equal(configuration->containers[0].line, 6);
        assert_int_equal(options->count, 2);
        assert_int_equal(options->items[0].line, 5);
        assert_int_equal(options->items[0].column, 7);
        assert_int_equal(options->items[1].index, 2);
        assert_int_equal(options->items[1].line, 6);
        assert_int_equal(options->items[1].column, 2);
        assert_int_equal(configuration->containers[1].options.count, 0);
}

static void an_option_may_be_spelt_as_in_proxmox(void **state) {
        static const char *const options[] = {
                "lxc.cgroup2.devices.allow=c 195:* rwm",
                "lxc.mount.auto=sys:rw",
                "lxc.net.0.hwaddr=aa:bb",
                "lxc.environment=A=B",
                "lxc.cap.drop=",
                NULL,
        };
        static const char *const notes[] = {
                "lxc_options: lxc.apparmor.profile=unconfined is skipped: apparmor_profile is "
                "'lxc-web'",
                NULL,
        };
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;

        configuration = parse_fixture("good-colon.json");
        assert_options(&configuration->containers[0].options, options);
        assert_items(&configuration->containers[0].notes, notes);
}

/* It may be a virtual machine of another file. */
static void a_dependency_that_is_not_in_the_file_is_a_warning(void **state) {
        static const char text[] = "{ \"lxc_configs\": { \"1\": { \"dependencies\": [ \"2\",\n"
                                   " \"1002\" ] }, \"2\": { \"dependencies\": [ \"x\" ] } } }";
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        phx_cleanup(phx_findings_done) struct phx_findings findings = { 0 };
        struct phx_error error = { .all = &findings };

        assert_int_equal(
                        phx_configuration_parse(
                                        "f",
                                        text,
                                        strlen(text),
                                        "unconfined",
                                        &configuration,
                                        &error),
                        0);
        assert_int_equal(findings.errors, 0);
        assert_int_equal(findings.count, 2);
        assert_int_equal(findings.items[0].severity, PHX_SEVERITY_WARNING);
        assert_int_equal(findings.items[0].line, 2);
        assert_int_equal(findings.items[0].column, 2);
        assert_string_equal(
                        findings.items[0].text,
                        "lxc_configs.1.dependencies[1]: there is no container '1002' in "
                        "lxc_configs; the dependency has no effect");
        assert_int_equal(configuration->containers[0].dependencies.count, 2);
}

static void to_run_on_one_that_is_stopped_is_a_warning(void **state) {
        static const char text[] =
                        "{ \"lxc_configs\": {\n"
                        "\"1\": { \"state\": \"running\", \"dependencies\": [ \"2\", \"3\" ] },\n"
                        "\"2\": { \"state\": \"stopped\", \"dependencies\": [ \"3\" ] },\n"
                        "\"3\": { \"state\": \"running\" } } }";
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        phx_cleanup(phx_findings_done) struct phx_findings findings = { 0 };
        struct phx_error error = { .all = &findings };

        assert_int_equal(
                        phx_configuration_parse(
                                        "f",
                                        text,
                                        strlen(text),
                                        "unconfined",
                                        &configuration,
                                        &error),
                        0);
        assert_int_equal(findings.count, 1);
        assert_int_equal(findings.items[0].line, 2);
        assert_string_equal(
                        findings.items[0].text,
                        "lxc_configs.1.dependencies[0]: container '2' is kept stopped, and this "
                        "one, which depends on it, running");
}

static void without_a_key_the_default_holds(void **state) {
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        const struct phx_container_config *container;

        configuration = parse_text("{ \"lxc_configs\": { \"1\": {} } }", "lxc-baseline");
        container = &configuration->containers[0];
        assert_string_equal(container->profile, "lxc-baseline");
        assert_true(container->profile_is_default);
        assert_false(container->manages_nesting);
        assert_false(container->unprivileged);
        assert_false(container->start_at_boot);
        assert_false(container->has_start_at_boot || container->has_boot_order ||
                     container->has_boot_delay);
        assert_null(container->name);
        assert_null(container->gpu_assignment);
        assert_int_equal(container->options.count, 0);
}

static void an_option_that_repeats_the_default_is_no_contradiction(void **state) {
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;

        configuration = parse_fixture("good-default-repeated.json");
        assert_int_equal(configuration->containers[0].options.count, 0);
        assert_int_equal(configuration->containers[0].notes.count, 0);
}

static void containers_are_sorted_by_bytes(void **state) {
        static const char *const ids[] = { "10", "9", "910", "B", "a" };
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;

        configuration = parse_text(
                        "{ \"lxc_configs\": { \"a\": {}, \"910\": {}, \"9\": {}, \"B\": {}, "
                        "\"10\": {} } }",
                        "unconfined");
        assert_int_equal(configuration->count, PHX_ELEMENTS(ids));
        for (size_t i = 0; i < PHX_ELEMENTS(ids); i++)
                assert_string_equal(configuration->containers[i].id, ids[i]);
}

static void the_digest_is_that_of_the_bytes(void **state) {
        static const char text[] = "{ \"lxc_configs\": { \"1\": {} } }\n";
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        char digest[PHX_SHA256_HEX];

        configuration = parse_text(text, "unconfined");
        phx_sha256(text, strlen(text), digest);
        assert_string_equal(configuration->digest, digest);
}

static void a_refusal_touches_nothing(void **state) {
        struct phx_configuration *configuration = NULL, *const before = (void *) state;
        static const char text[] = "{ \"lxc_configs\": { \"1\": { \"name\": 1 } } }";

        configuration = before;
        assert_int_equal(
                        phx_configuration_parse(
                                        "f",
                                        text,
                                        strlen(text),
                                        "unconfined",
                                        &configuration,
                                        NULL),
                        -EINVAL);
        assert_ptr_equal(configuration, before);
}

/* Adds 1 -> 2 -> … -> COUNT, and back to 1 when CLOSED. */
static void add_chain(struct phx_buffer *text, size_t count, bool closed) {
        assert_int_equal(phx_buffer_add_text(text, "{ \"lxc_configs\": {"), 0);
        for (size_t i = 1; i <= count; i++) {
                bool last = i == count;

                assert_int_equal(phx_buffer_addf(text, "%s\n\"%zu\": {", i > 1 ? "," : "", i), 0);
                if (!last || closed)
                        assert_int_equal(
                                        phx_buffer_addf(text,
                                                        "\"dependencies\": [\"%zu\"]",
                                                        last ? 1 : i + 1),
                                        0);
                assert_int_equal(phx_buffer_add_text(text, "}"), 0);
        }
        assert_int_equal(phx_buffer_add_text(text, "}}\n"), 0);
}

static void a_chain_as_long_as_the_file_is_walked(void **state) {
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;
        phx_cleanup(phx_buffer_done) struct phx_buffer chain = { 0 }, circle = { 0 };
        struct phx_error error = { 0 };

        add_chain(&chain, 20000, false);
        configuration = parse_text(chain.data, "unconfined");
        assert_int_equal(configuration->count, 20000);
        configuration = phx_configuration_free(configuration);

        add_chain(&circle, 20000, true);
        assert_int_equal(
                        phx_configuration_parse(
                                        "f",
                                        circle.data,
                                        circle.size,
                                        "unconfined",
                                        &configuration,
                                        &error),
                        -EINVAL);
        assert_non_null(
                        strstr(error.text,
                               "f:2: lxc_configs.1.dependencies: found the cycle 1 -> 2"));
}

static void the_shipped_example_is_accepted(void **state) {
        phx_cleanup(phx_configuration_freep) struct phx_configuration *configuration = NULL;

        configuration = parse_fixture("../../../../config/phoenix_lxc_configs.example.json");
        assert_int_equal(configuration->count, 6);
        for (size_t i = 0; i < configuration->count; i++) {
                const struct phx_container_config *container = &configuration->containers[i];
                phx_cleanup(phx_fit_done) struct phx_fit fit = { 0 };

                assert_int_equal(phx_fit_of(container, PHX_NAMESPACE_AUTO, &fit), 0);
                assert_int_equal(container->notes.count, 0);
                /* What it says to assign is what phoenixd would suggest. */
                if (strcmp(container->profile, "unconfined") != 0)
                        assert_string_equal(container->profile, fit.profile);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_refusal_says_what_is_wrong),
                cmocka_unit_test(every_key_of_ours_is_read),
                cmocka_unit_test(every_key_of_a_creation_is_read),
                cmocka_unit_test(a_name_is_for_people),
                cmocka_unit_test(options_that_contradict_a_key_are_left_out_and_noted),
                cmocka_unit_test(nesting_options_stay_where_the_profile_does_not_do_it),
                cmocka_unit_test(an_option_has_the_place_where_it_stands),
                cmocka_unit_test(an_option_may_be_spelt_as_in_proxmox),
                cmocka_unit_test(a_dependency_that_is_not_in_the_file_is_a_warning),
                cmocka_unit_test(to_run_on_one_that_is_stopped_is_a_warning),
                cmocka_unit_test(without_a_key_the_default_holds),
                cmocka_unit_test(an_option_that_repeats_the_default_is_no_contradiction),
                cmocka_unit_test(containers_are_sorted_by_bytes),
                cmocka_unit_test(the_digest_is_that_of_the_bytes),
                cmocka_unit_test(a_refusal_touches_nothing),
                cmocka_unit_test(a_chain_as_long_as_the_file_is_walked),
                cmocka_unit_test(the_shipped_example_is_accepted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
