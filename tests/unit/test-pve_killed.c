/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The engine dies when its worker has written the file of a Proxmox container, and before it knows
 * that. The worker writes by a function of this file, and dies with its engine. */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/strings.h"
#include "containers-look.h"
#include "pve-tree.h"
#include "reconcile/diff.h"
#include "reconcile/plan.h"
#include "state/report.h"

#define CONFIG "pve/nodes/pve1/lxc/101.conf"
#define OLD "arch: amd64\nostype: unmanaged\nrootfs: ssd:subvol-101\n"
#define NEW OLD "lxc.apparmor.profile: unconfined\n"

static struct {
        volatile unsigned writes;
        volatile bool kills_engine;
} * shared;

/* The linker's names. NOLINTBEGIN(*-identifier,*-identifier-naming,cert-dcl*) */
ssize_t __real_pwrite64(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t offset) {
        ssize_t n = __real_pwrite64(fd, data, size, offset);
        char name[16] = "";

        /* Others write elsewhere. */
        (void) prctl(PR_GET_NAME, name);
        if (strcmp(name, "phoenixd-pve") != 0)
                return n;
        shared->writes++;
        if (shared->kills_engine) {
                (void) kill(getppid(), SIGKILL);
                for (;;)
                        (void) pause();
        }
        return n;
}
/* NOLINTEND(*-identifier,*-identifier-naming,cert-dcl*) */

static struct {
        char cgroup[256], proc[256], claim[256];
        struct phx_task_roots roots;
        struct phx_pve_worker_options worker;
} host;

static int set_up(void **state) {
        pve_tree_new();
        tree_mkdir("cgroup");
        tree_mkdir("proc");
        (void) snprintf(host.cgroup, sizeof(host.cgroup), "%s", tree_path("cgroup"));
        (void) snprintf(host.proc, sizeof(host.proc), "%s", tree_path("proc"));
        (void) snprintf(host.claim, sizeof(host.claim), "%s", tree_path("claim"));
        host.roots = (struct phx_task_roots){ host.cgroup, host.proc };
        host.worker = (struct phx_pve_worker_options){ .place = pve_tree_place(),
                                                       .claim = host.claim,
                                                       .changed_fd = -1 };
        tree_write(CONFIG, OLD);
        pve_write_vmlist(PVE_GUEST("101", "pve1", "lxc", "4"));
        return 0;
}

static int tear_down(void **state) {
        tree_done();
        return 0;
}

static unsigned count_assigned(const struct phx_drifts *drifts) {
        unsigned count = 0;

        for (size_t i = 0; i < drifts->count; i++)
                count += drifts->items[i].kind == PHX_DRIFT_ASSIGNED;
        return count;
}

static void apply(const struct phx_machine_containers *containers, const struct phx_plan *plan) {
        for (size_t i = 0; i < plan->count; i++) {
                struct phx_error error = { 0 };

                if (plan->steps[i].kind == PHX_ACTION_ASSIGN &&
                    phx_machine_containers_assign(containers, &plan->steps[i].edit, &error) < 0)
                        fail_msg("%s", error.text);
        }
}

/* One pass of a new engine, as far as it is about containers. Returns how often a config was not as
 * desired before it. */
static unsigned pass(void) {
        static const struct phx_trust anyone = { .root = "/", .anyone = true };
        char lxc_path[256], id[] = "101", profile[] = "unconfined";
        struct phx_container_config config = { .id = id, .profile = profile };
        const struct phx_configuration configuration = { .containers = &config, .count = 1 };
        const struct phx_settings settings = { .lxc_path = lxc_path, .backend = PHX_BACKENDS_PVE };
        phx_cleanup(phx_desired_freep) struct phx_desired *desired = calloc(1, sizeof(*desired));
        phx_cleanup(phx_observed_freep) struct phx_observed *observed = calloc(
                        1,
                        sizeof(*observed));
        phx_cleanup(phx_inventory_done) struct phx_inventory inventory = { 0 };
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };
        phx_cleanup(phx_plan_done) struct phx_plan plan = { 0 };
        struct phx_machine_containers *containers = NULL;
        struct phx_error error = { 0 };

        (void) snprintf(lxc_path, sizeof(lxc_path), "%s", tree_path("lxc"));
        desired->has_configuration = true;
        observed->retry_usec = PHX_NEVER;
        assert_int_equal(
                        phx_machine_containers_new(&host.roots, &anyone, &host.worker, &containers),
                        0);
        if (look_at_containers(
                            containers,
                            &settings,
                            &configuration,
                            &inventory,
                            desired,
                            observed,
                            &error) < 0)
                fail_msg("%s", error.text);
        assert_null(observed->pve_refusal);
        assert_int_equal(phx_diff(desired, observed, &drifts), 0);
        assert_int_equal(phx_plan_make(desired, observed, &drifts, &plan), 0);
        apply(containers, &plan);
        phx_machine_containers_free(containers);
        return count_assigned(&drifts);
}

static void assert_text(const char *expected) {
        phx_autofree char *text = tree_read(CONFIG);

        assert_string_equal(text, expected);
}

static void what_was_written_is_not_written_again(void **state) {
        int status = 0;
        pid_t engine;

        shared->writes = 0;
        shared->kills_engine = true;
        /* The worker, which holds a lease of the file until it has ended, then comes to us. */
        assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        engine = fork();
        assert_true(engine >= 0);
        if (engine == 0)
                _exit(pass() > 0 ? 1 : 2);
        assert_int_equal(waitpid(engine, &status, 0), engine);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_true(wait(NULL) > 0);
        assert_int_equal(shared->writes, 1);
        assert_text(NEW);

        shared->kills_engine = false;
        assert_int_equal(pass(), 0);
        assert_int_equal(shared->writes, 1);
        assert_text(NEW);
}

/* That nothing was written is not for another reason. */
static void without_a_death_it_is_written_once(void **state) {
        shared->writes = 0;
        assert_int_equal(pass(), 1);
        assert_int_equal(shared->writes, 1);
        assert_int_equal(pass(), 0);
        assert_int_equal(shared->writes, 1);
        assert_text(NEW);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                what_was_written_is_not_written_again,
                                set_up,
                                tear_down),
                cmocka_unit_test_setup_teardown(
                                without_a_death_it_is_written_once,
                                set_up,
                                tear_down),
        };

        shared = mmap(NULL,
                      sizeof(*shared),
                      PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS,
                      -1,
                      0);
        if (shared == MAP_FAILED)
                return EXIT_FAILURE;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
