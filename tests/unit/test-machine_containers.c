#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "state/report.h"
#include "system/machine_containers.h"
#include "tree.h"

struct host {
        char *cgroup, *proc;
        struct phx_task_roots roots;
        struct phx_machine_containers *containers;
};

static int set_up(void **state) {
        static struct host host;

        tree_new();
        tree_mkdir("cgroup");
        tree_mkdir("proc");
        tree_mkdir("lxc");
        host.cgroup = strdup(tree_path("cgroup"));
        host.proc = strdup(tree_path("proc"));
        host.roots = (struct phx_task_roots){ host.cgroup, host.proc };
        *state = &host;
        return phx_machine_containers_new(&host.roots, &host.containers);
}

static int tear_down(void **state) {
        struct host *host = *state;

        host->containers = phx_machine_containers_free(host->containers);
        free(host->cgroup);
        free(host->proc);
        tree_done();
        return 0;
}

static void add_container(const char *name) {
        char path[256];

        (void) snprintf(path, sizeof(path), "lxc/%s/config", name);
        tree_write(path, "lxc.uts.name = x\n");
}

/* ENTRIES are pairs of an id and a name (or NULL), sorted by id, with NULL behind the last. Returns
 * the directories that they got, as "ID=DIRECTORY ID=DIRECTORY …", to be freed. */
static char *directories(struct host *host, const char *const *entries) {
        char lxc_path[512];
        const struct phx_settings settings = { .lxc_path = lxc_path };
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = calloc(1, sizeof(*desired));
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = calloc(
                        1,
                        sizeof(*observed));
        struct phx_inventory inventory = { 0 };
        struct phx_container_config items[8] = { 0 };
        struct phx_configuration configuration = { .containers = items };
        struct phx_error error = { 0 };
        char text[512] = "";

        for (; entries[0]; entries += 2) {
                struct phx_container_config *item = &items[configuration.count++];

                assert_int_equal(phx_replace(&item->id, entries[0]), 0);
                assert_int_equal(phx_replace(&item->name, entries[1]), 0);
                assert_int_equal(phx_replace(&item->profile, "lxc-a"), 0);
        }
        observed->retry_usec = PHX_NEVER;
        (void) snprintf(lxc_path, sizeof(lxc_path), "%s", tree_path("lxc"));
        assert_int_equal(
                        phx_machine_containers_look(
                                        host->containers,
                                        &settings,
                                        &configuration,
                                        &inventory,
                                        desired,
                                        observed,
                                        &error),
                        0);
        for (size_t i = 0; i < desired->container_count; i++) {
                const struct phx_desired_container *container = &desired->containers[i];
                size_t length = strlen(text);

                (void) snprintf(text + length,
                                sizeof(text) - length,
                                "%s%s=%s",
                                i > 0 ? " " : "",
                                container->id,
                                container->directory ? container->directory : "none");
        }
        for (size_t i = 0; i < configuration.count; i++)
                phx_container_config_done(&items[i]);
        return strdup(text);
}

#define assert_directories(host, expected, ...)                                    \
        do {                                                                       \
                phx_autofree char *found = directories(                            \
                                host,                                              \
                                (const char *const[]){ __VA_ARGS__, NULL, NULL }); \
                assert_string_equal(found, expected);                              \
        } while (0)

static void a_container_is_the_directory_of_its_id(void **state) {
        add_container("901");
        add_container("web");
        assert_directories(*state, "901=901", "901", "web");
        assert_directories(*state, "901=901", "901", NULL);
}

static void without_it_the_directory_of_its_name(void **state) {
        add_container("web");
        assert_directories(*state, "901=web 902=none", "901", "web", "902", NULL);
}

static void a_name_that_two_have_is_the_directory_of_neither(void **state) {
        add_container("web");
        assert_directories(*state, "901=none 902=none", "901", "web", "902", "web");
        /* Also when one of them has another directory: who is meant is not for us to guess. */
        add_container("902");
        assert_directories(*state, "901=none 902=902", "901", "web", "902", "web");
}

static void a_name_that_is_another_s_id_is_that_one_s_directory(void **state) {
        add_container("web");
        assert_directories(*state, "901=none web=web", "901", "web", "web", NULL);
}

static void a_name_that_can_be_no_directory_finds_none(void **state) {
        add_container("my web");
        add_container("web");
        assert_directories(
                        *state,
                        "901=none 902=none 903=none",
                        "901",
                        "my web",
                        "902",
                        "../lxc/web",
                        "903",
                        ".");
}

#define with_host(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                with_host(a_container_is_the_directory_of_its_id),
                with_host(without_it_the_directory_of_its_name),
                with_host(a_name_that_two_have_is_the_directory_of_neither),
                with_host(a_name_that_is_another_s_id_is_that_one_s_directory),
                with_host(a_name_that_can_be_no_directory_finds_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
