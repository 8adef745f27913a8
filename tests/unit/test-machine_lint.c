/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "machine-fixture.h"

#define ADMIN \
        "profile lxc-web {\n  capability mac_admin,\n  include <abstractions/phoenix/life>\n}\n"
#define ADMIN_DB "profile lxc-db {\n  capability mac_admin,\n  file,\n}\n"

static char ids[][4] = { "101", "102", "103" };
static char web[] = "lxc-web", db[] = "lxc-db", drop[] = "lxc.cap.drop", value[] = "mac_admin";

/* Two in lxc-web, and one in lxc-db that drops the capability. */
struct configured {
        struct phx_container_config containers[3];
        struct phx_lxc_option option;
        struct machine *machine;
};

static struct configured *configure(struct machine *machine) {
        static struct configured all;

        all = (struct configured){
                .containers = { { .id = ids[0], .profile = web, .line = 10 },
                                { .id = ids[1], .profile = web, .line = 20 },
                                { .id = ids[2], .profile = db, .line = 30 } },
                .option = { .key = drop, .value = value, .line = 31 },
                .machine = machine,
        };
        all.containers[2].options = (struct phx_lxc_options){ &all.option, 1 };
        machine->configuration.containers = all.containers;
        machine->configuration.count = PHX_ELEMENTS(all.containers);
        memset(machine->configuration.digest, 'a', PHX_SHA256_HEX - 1);
        tree_write("sources/lxc-db", ADMIN_DB);
        return &all;
}

/* "policy-admin:10", and "" for none. */
static void assert_lints(const struct configured *all, size_t i, const char *expected) {
        const struct phx_lints *lints = &all->machine->picture.desired->containers[i].lints;
        char found[256] = "";

        if (lints->count > 0)
                (void) snprintf(found,
                                sizeof(found),
                                "%s:%u",
                                phx_rule_to_string(lints->items[0].rule),
                                lints->items[0].line);
        assert_true(lints->count <= 1);
        assert_string_equal(found, expected);
}

static void each_entry_has_the_places_of_its_own(void **state) {
        const struct configured *all = configure(*state);

        tree_write("sources/lxc-web", ADMIN);
        (void) look(all->machine);
        assert_lints(all, 0, "policy-admin:10");
        assert_lints(all, 1, "policy-admin:20");
        assert_lints(all, 2, "no-namespace:30");
}

static void a_new_policy_is_asked_and_others_are_kept(void **state) {
        const struct configured *all = configure(*state);
        phx_cleanup(phx_lints_done) struct phx_lints before = { 0 };

        (void) look(all->machine);
        assert_lints(all, 0, "");
        assert_lints(all, 1, "");
        tree_write("sources/lxc-web", ADMIN);
        (void) look(all->machine);
        assert_lints(all, 1, "policy-admin:20");
        assert_int_equal(
                        phx_lints_copy(&before,
                                       &all->machine->picture.desired->containers[1].lints),
                        0);

        /* Another version that says the same, and the same again. */
        tree_write("sources/lxc-web", ADMIN "# new\n");
        (void) look(all->machine);
        (void) look(all->machine);
        assert_true(phx_lints_are_same(
                        &before,
                        &all->machine->picture.desired->containers[1].lints));
        tree_write("sources/lxc-web", WEB);
        (void) look(all->machine);
        assert_lints(all, 1, "");
}

static void a_new_configuration_is_asked(void **state) {
        struct configured *all = configure(*state);

        tree_write("sources/lxc-web", ADMIN);
        (void) look(all->machine);
        all->containers[0].line = 40;
        all->containers[1].unprivileged = true;
        all->containers[2].options.count = 0;
        memset(all->machine->configuration.digest, 'b', PHX_SHA256_HEX - 1);
        (void) look(all->machine);
        assert_lints(all, 0, "policy-admin:40");
        assert_lints(all, 1, "no-namespace:20");
        assert_lints(all, 2, "policy-admin:30");
}

static void containers_come_and_go(void **state) {
        struct configured *all = configure(*state);

        tree_write("sources/lxc-web", ADMIN);
        all->machine->configuration.count = 2;
        all->machine->configuration.containers = all->containers + 1;
        (void) look(all->machine);
        assert_lints(all, 0, "policy-admin:20");
        memset(all->machine->configuration.digest, 'b', PHX_SHA256_HEX - 1);
        all->machine->configuration.containers = all->containers;
        (void) look(all->machine);
        assert_lints(all, 0, "policy-admin:10");
        assert_lints(all, 1, "policy-admin:20");
        memset(all->machine->configuration.digest, 'c', PHX_SHA256_HEX - 1);
        all->machine->configuration.count = 0;
        (void) look(all->machine);
        all->machine->configuration.count = 2;
        memset(all->machine->configuration.digest, 'b', PHX_SHA256_HEX - 1);
        (void) look(all->machine);
        assert_lints(all, 1, "policy-admin:20");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                with_machine(each_entry_has_the_places_of_its_own),
                with_machine(a_new_policy_is_asked_and_others_are_kept),
                with_machine(a_new_configuration_is_asked),
                with_machine(containers_come_and_go),
        };
        struct phx_error error = { 0 };

        /* cmocka's own skip() reads as a failure in this protocol. */
        if (!find_trusted_parent(&error)) {
                (void) printf("1..0 # SKIP %s\n", error.text);
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
