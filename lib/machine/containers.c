/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "machine/containers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/grow.h"
#include "base/set.h"
#include "base/strings.h"
#include "lxc/cgroups.h"
#include "lxc/label_picture.h"
#include "lxc/option_reviews.h"
#include "lxc/replace.h"
#include "machine/containers_private.h"
#include "machine/pve.h"
#include "machine/tasks.h"
#include "pve/containers.h"
#include "pve/keys.h"
#include "state/needs.h"
#include "state/report.h"

/* A container is through its start in a second or two. One that is not after twenty looks is not
 * watched so closely. */
#define SETTLE_USEC 500000ULL
#define SETTLE_LOOKS 20
#define SETTLE_SLOWLY_USEC 30000000ULL

/* The worker tells when the cluster file system comes back; a worker that hangs does not, nor does
 * a file that could not be read for a moment. */
#define PVE_RETRY_USEC 5000000ULL

int phx_machine_containers_new(
                const struct phx_task_roots *roots,
                const struct phx_trust *trust,
                const struct phx_pve_worker_options *pve,
                struct phx_machine_containers **ret_containers) {
        struct phx_machine_containers *containers = calloc(1, sizeof(*containers));
        int r;

        if (!containers)
                return -ENOMEM;
        containers->roots = roots;
        containers->trust = trust;
        containers->state_fd = -1;
        r = phx_lxc_cache_new(&containers->cache);
        if (r >= 0 && pve)
                r = phx_pve_containers_new(pve, PHX_LXC_DEADLINE_USEC, &containers->pve);
        if (pve)
                containers->pve_sign = pve->place.database;
        if (r >= 0)
                r = phx_option_reviews_new(&containers->reviews);
        if (r >= 0)
                r = phx_machine_started_new(&containers->started);
        if (r < 0) {
                (void) phx_machine_containers_free(containers);
                return r;
        }
        *ret_containers = containers;
        return 0;
}

struct phx_machine_containers *phx_machine_containers_free(
                struct phx_machine_containers *containers) {
        if (!containers)
                return NULL;

        phx_lxc_cache_free(containers->cache);
        phx_pve_containers_free(containers->pve);
        phx_label_pictures_done(&containers->pictures);
        phx_machine_tasks_memory_done(&containers->tasks);
        phx_closep(&containers->state_fd);
        phx_buffer_done(&containers->program);
        phx_option_reviews_free(containers->reviews);
        phx_machine_started_free(containers->started);
        free(containers);

        return NULL;
}

int phx_machine_containers_keep_started(
                struct phx_machine_containers *containers,
                const char *runtime_dir) {
        return phx_machine_started_keep(containers->started, runtime_dir);
}

struct phx_pve_worker *phx_machine_containers_worker(
                const struct phx_machine_containers *containers) {
        return containers->pve ? phx_pve_containers_worker(containers->pve) : NULL;
}

const struct phx_process *phx_machine_containers_process(
                const struct phx_machine_containers *containers) {
        return containers->pve ? phx_pve_containers_process(containers->pve) : NULL;
}

void phx_machine_containers_forget(struct phx_machine_containers *containers) {
        phx_cleanup(phx_lxc_cache_freep) struct phx_lxc_cache *cache = NULL;
        struct phx_option_reviews *reviews = NULL;

        if (containers->pve)
                phx_pve_containers_forget(containers->pve);
        phx_machine_started_forget(containers->started);
        /* Without memory for new ones, the old ones are believed for once. */
        if (phx_lxc_cache_renew(containers->cache, &cache) < 0 ||
            phx_option_reviews_new(&reviews) < 0)
                return;
        phx_lxc_cache_free(containers->cache);
        containers->cache = PHX_TAKE(cache);
        phx_machine_tasks_memory_done(&containers->tasks);
        phx_option_reviews_free(containers->reviews);
        containers->reviews = reviews;
}

/* One look at them. */
struct look {
        struct phx_machine_containers *containers;
        const struct phx_configuration *configuration;
        enum phx_backends backends;
        const struct phx_scope *scope;
        struct phx_observed *observed;
        struct phx_lxc_containers list;
        struct phx_strings names;    /* of all containers on this host */
        size_t first;                /* of them in OBSERVED */
        struct phx_cgroups *cgroups; /* NULL when they cannot be read, as each container will say */
        struct phx_machine_tasks tasks;
        bool is_at_tasks; /* else they are as the look before has seen them */
};

static void machine_look_done(struct look *look) {
        phx_lxc_containers_done(&look->list);
        phx_strings_done(&look->names);
        look->cgroups = phx_cgroups_close(look->cgroups);
}

/* Without its directory nothing is known of its config; its tasks are there all the same. Which of
 * its names is the directory's is no secret, and nothing else is believed of LXC_PATH. */
static int add_unseen(
                struct look *look,
                const struct phx_container_config *config,
                struct phx_set *names) {
        phx_autofree char *path = NULL;
        struct phx_lxc_container *container;
        const char *name = config->id;
        int r;

        if (phx_printf(&path, "%s/%s", look->observed->lxc_path, config->id) < 0)
                return -ENOMEM;
        if (config->name && phx_is_container_id(config->name) && access(path, F_OK) < 0 &&
            !phx_set_has(names, config->name))
                name = config->name;
        r = phx_set_add(names, name);
        if (r <= 0)
                return r;
        container = phx_grow(&look->list.items, &look->list.count, sizeof(*container));
        if (!container || phx_replace(&container->name, name) < 0)
                return -ENOMEM;
        return phx_replace(&container->trouble, look->list.refusal);
}

static int machine_refuse_path(struct look *look) {
        phx_cleanup(phx_set_done) struct phx_set names = { 0 };
        int r = phx_replace(&look->observed->lxc_refusal, look->list.refusal);

        for (size_t i = 0; r >= 0 && i < look->list.count; i++)
                r = phx_set_add(&names, look->list.items[i].name);
        for (size_t i = 0; r >= 0 && look->configuration && i < look->configuration->count; i++)
                r = add_unseen(look, &look->configuration->containers[i], &names);
        return r < 0 ? r : 0;
}

/* Moves what a picture needs of HAVE: its name and where its tasks are stay. */
static int observe(struct look *look, struct phx_lxc_container *have) {
        struct phx_observed_container *observed;
        phx_autofree char *name = NULL;
        int r;

        /* Everybody who shows it gets plain text; an id is that already. */
        r = phx_is_container_id(have->name) ? 0 : phx_escape(have->name, &name);
        if (r < 0)
                return r;
        observed = phx_observed_add_container(look->observed, name ? name : have->name);
        if (!observed || phx_replace(&observed->digest, have->digest) < 0 ||
            phx_replace(&observed->combined, have->combined) < 0)
                return -ENOMEM;
        observed->effective = PHX_TAKE(have->values.profile);
        observed->trouble = PHX_TAKE(have->trouble);
        observed->config = PHX_TAKE(have->config);
        observed->pending = PHX_TAKE_STRUCT(have->pending);
        observed->remarks = PHX_TAKE_STRUCT(have->remarks);
        observed->decider = PHX_TAKE(have->decider.file);
        observed->decider_line = have->decider.line;
        observed->ungated = PHX_TAKE(have->decider.ungated);
        observed->decider_why = PHX_TAKE(have->decider_why);
        observed->lock = PHX_TAKE(have->lock);
        observed->backend = have->backend;
        observed->restart = have->backend == PHX_BACKEND_LXC ? PHX_RESTART_PLAIN : have->restart;
        observed->is_refused_by_lxc = have->values.code == -EINVAL;
        return look->is_at_tasks ? phx_machine_tasks_look(&look->tasks, have, observed)
                                 : phx_machine_tasks_recall(look->tasks.memory, have, observed);
}

static int by_directory(const void *a, const void *b) {
        const struct phx_observed_container *left = a, *right = b;

        return strcmp(left->directory, right->directory);
}

/* Those of one backend alone are. */
static bool are_sorted(const struct phx_observed *observed) {
        for (size_t i = 1; i < observed->container_count; i++)
                if (by_directory(&observed->containers[i - 1], &observed->containers[i]) > 0)
                        return false;
        return true;
}

static uint64_t machine_now_usec(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

/* --- both backends --- */

/* Where Proxmox is installed says a directory outside of its cluster file system, which this
 * process must not touch. */
static bool machine_has_pve(const struct look *look) {
        const struct phx_machine_containers *containers = look->containers;

        return containers->pve &&
               (look->backends == PHX_BACKENDS_PVE ||
                (look->backends == PHX_BACKENDS_AUTO && access(containers->pve_sign, F_OK) == 0));
}

/* Proxmox writes the config of each of its containers below LXC_PATH, again at each start: an edit
 * there would be lost. The group says whose it is. */
static bool is_generated_by_pve(const struct phx_lxc_container *container) {
        phx_autofree char *group = NULL;

        return container->values.cgroup_container &&
               phx_printf(&group, "lxc/%s", container->name) >= 0 &&
               strcmp(container->values.cgroup_container, group) == 0;
}

/* Of a container whose own file is out of sight only its tasks are known: the config that was
 * generated at its last start says nothing about it. */
static int machine_hide_generated(struct phx_lxc_container *container, const char *why) {
        container->backend = PHX_BACKEND_PVE;
        container->digest[0] = container->combined[0] = '\0';
        phx_lxc_decider_done(&container->decider);
        if (phx_replace(&container->values.profile, NULL) < 0)
                return -ENOMEM;
        return phx_replace(&container->trouble, why);
}

/* Of LXC's list those that Proxmox has no hand in. While Proxmox says nothing, one of its
 * containers that was never seen is unknown; else it is on another node. */
static int machine_leave_pve_out(struct look *look, const struct phx_lxc_containers *pve) {
        phx_cleanup(phx_set_done) struct phx_set names = { 0 };
        size_t kept = 0;
        int r = 0;

        for (size_t i = 0; i < pve->count; i++)
                if (phx_set_add(&names, pve->items[i].name) < 0)
                        return -ENOMEM;
        for (size_t i = 0; i < look->list.count; i++) {
                struct phx_lxc_container *container = &look->list.items[i];
                bool is_pve = is_generated_by_pve(container);

                if (phx_set_has(&names, container->name) || (is_pve && !pve->refusal)) {
                        phx_lxc_container_done(container);
                        continue;
                }
                if (is_pve && r >= 0)
                        r = machine_hide_generated(container, pve->refusal);
                look->list.items[kept++] = *container;
        }
        look->list.count = kept;
        return r;
}

static int machine_add_pve(struct look *look, struct phx_lxc_containers *pve) {
        int r = machine_leave_pve_out(look, pve);

        for (size_t i = 0; r >= 0 && i < pve->count; i++) {
                struct phx_lxc_container *container =
                                phx_grow(&look->list.items, &look->list.count, sizeof(*container));

                if (!container)
                        return -ENOMEM;
                *container = PHX_TAKE_STRUCT(pve->items[i]);
        }
        if (r >= 0)
                r = phx_strings_copy(&look->list.watches, &pve->watches);
        look->observed->has_no_quorum = pve->has_no_quorum;
        if (r >= 0 && pve->is_passing && look->observed->retry_usec > PVE_RETRY_USEC)
                look->observed->retry_usec = PVE_RETRY_USEC;
        return r < 0 ? r : phx_replace(&look->observed->pve_refusal, pve->refusal);
}

static int machine_list(struct look *look, const struct phx_lxc *lxc, struct phx_error *error) {
        phx_cleanup(phx_lxc_containers_done) struct phx_lxc_containers pve = { 0 };
        int r = 0;

        if (look->backends != PHX_BACKENDS_PVE)
                r = phx_lxc_containers_look(lxc, look->containers->cache, &look->list, error);
        look->containers->sees_pve = machine_has_pve(look);
        look->observed->has_proxmox = look->containers->sees_pve;
        if (r < 0 || !look->containers->sees_pve)
                return r;
        r = phx_pve_containers_look(look->containers->pve, &pve, error);
        return r < 0 ? r : machine_add_pve(look, &pve);
}

static int machine_begin_tasks(struct look *look) {
        struct phx_machine_containers *containers = look->containers;
        const char *cgroup = containers->roots->cgroup;

        look->is_at_tasks = phx_machine_tasks_are_due(
                        &containers->tasks,
                        &look->list,
                        cgroup,
                        look->scope);
        if (!look->is_at_tasks)
                return 0;
        phx_label_pictures_done(&containers->pictures);
        look->observed->labels_at = machine_now_usec();
        (void) phx_cgroups_open(cgroup, &look->cgroups, NULL);
        look->tasks.cgroups = look->cgroups;
        for (size_t i = 0; i < look->list.count; i++)
                if (phx_strings_add(&look->names, look->list.items[i].name) < 0)
                        return -ENOMEM;
        phx_strings_sort(&look->names);
        return 0;
}

static int machine_end_tasks(struct look *look) {
        struct phx_machine_containers *containers = look->containers;
        const struct phx_observed_container *first = look->observed->containers;
        int r = 0;

        if (!look->is_at_tasks)
                return 0;
        if (look->list.count > 0)
                r = phx_machine_tasks_ask(
                                &look->tasks,
                                &look->list,
                                &look->observed->containers[look->first]);
        containers->is_silent = look->tasks.is_silent;
        if (r >= 0)
                phx_machine_tasks_remember(
                                &containers->tasks,
                                &look->list,
                                first ? first + look->first : NULL);
        return r;
}

static int look_at_all(struct look *look, const char *lxc_path, struct phx_error *error) {
        const struct phx_lxc lxc = phx_machine_lxc(look->containers, lxc_path, look->scope);
        int r;

        r = machine_list(look, &lxc, error);
        if (r >= 0 && look->list.refusal)
                r = machine_refuse_path(look);
        if (r >= 0)
                r = machine_begin_tasks(look);
        for (size_t i = 0; r >= 0 && i < look->list.count; i++)
                r = observe(look, &look->list.items[i]);
        if (r >= 0)
                r = machine_end_tasks(look);
        if (!are_sorted(look->observed))
                qsort(look->observed->containers,
                      look->observed->container_count,
                      sizeof(*look->observed->containers),
                      by_directory);
        if (r >= 0 && look->observed->watches.count > 0)
                return phx_strings_copy(&look->observed->watches, &look->list.watches);
        phx_strings_done(&look->observed->watches);
        look->observed->watches = PHX_TAKE_STRUCT(look->list.watches);
        return r;
}

int phx_machine_containers_observe(
                struct phx_machine_containers *containers,
                const struct phx_input *input,
                struct phx_observed *observed,
                struct phx_error *error) {
        const struct phx_settings *settings = input->settings;
        phx_cleanup(machine_look_done) struct look look = {
                .containers = containers,
                .configuration = input->configuration,
                .backends = settings->backend,
                .scope = input->scope,
                .observed = observed,
                .first = observed->container_count,
        };
        int r;

        look.tasks = (struct phx_machine_tasks){
                .roots = containers->roots,
                .names = &look.names,
                .lxc_path = settings->lxc_path,
                .pictures = settings->label_resync_usec > 0 ? &containers->pictures : NULL,
                .is_silent = containers->is_silent,
                .memory = &containers->tasks,
        };
        r = phx_replace(&observed->lxc_path, settings->lxc_path);
        return r < 0 ? r : look_at_all(&look, settings->lxc_path, error);
}

/* --- when it is known what is desired --- */

static int machine_read_generated(void *data, const char *id, char **ret_text, size_t *ret_size) {
        const struct phx_machine_containers *containers = data;

        return phx_pve_containers_text(containers->pve, id, ret_text, ret_size);
}

/* A look that did not read tasks is none of those that are counted. */
static void machine_settle(
                struct phx_machine_containers *containers,
                const struct phx_scope *scope,
                struct phx_observed *observed) {
        bool is_read = !scope || scope->is_whole || scope->has_tasks;
        bool starting = false;
        uint64_t delay;

        for (size_t i = 0; i < observed->container_count; i++)
                starting |= observed->containers[i].starting > 0 ||
                            observed->containers[i].unknown > 0;
        containers->unsettled_looks = starting ? containers->unsettled_looks + is_read : 0;
        if (!starting)
                return;
        delay = containers->unsettled_looks < SETTLE_LOOKS ? SETTLE_USEC : SETTLE_SLOWLY_USEC;
        if (delay >= observed->retry_usec)
                return;
        observed->retry_usec = delay;
        observed->is_settling = true;
}

int phx_machine_containers_review(
                struct phx_machine_containers *containers,
                const struct phx_input *input,
                struct phx_inventory *inventory,
                const struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_error *error) {
        const struct phx_lxc lxc = phx_machine_lxc(containers, observed->lxc_path, input->scope);
        const struct phx_option_review review = {
                .lxc = &lxc,
                .file = input->site_file ? input->site_file : input->settings->configuration,
                .desired = desired,
                .observed = observed,
                .inventory = inventory,
                .read = machine_read_generated,
                .data = containers,
        };
        const struct phx_machine_started_view started = {
                .lxc = &lxc,
                .roots = containers->roots,
                .desired = desired,
                .observed = observed,
                .read = machine_read_generated,
                .data = containers,
        };
        int r, changed;

        changed = r = phx_option_reviews_run(containers->reviews, &review, error);
        if (r >= 0 && containers->sees_pve)
                r = phx_machine_pve_skip_options(review.file, observed);
        if (r >= 0)
                r = phx_machine_started_review(containers->started, &started, error);
        if (r < 0)
                return r;
        machine_settle(containers, input->scope, observed);
        return changed;
}

static int wish_one(
                const struct phx_machine_containers *containers,
                bool manages_autostart,
                const struct phx_container_config *config,
                const struct phx_desired *desired,
                const struct phx_desired_container *want,
                struct phx_observed_container *have) {
        struct phx_strings *settings = &have->lines.settings;
        int r = phx_machine_pve_review_profile(desired, want, have);

        if (r >= 0)
                r = phx_pve_containers_wish(
                                containers->pve,
                                have->directory,
                                config,
                                manages_autostart,
                                settings);
        for (size_t i = 0; r >= 0 && i < settings->count; i++)
                r = phx_wrong_lines_add(
                                &have->wrong_lines,
                                PHX_LINE_NOT_IN_EFFECT,
                                settings->items[i]);
        return r;
}

void phx_machine_containers_find_elsewhere(
                const struct phx_machine_containers *containers,
                struct phx_desired *desired) {
        for (size_t i = 0; containers->sees_pve && i < desired->container_count; i++) {
                struct phx_desired_container *want = &desired->containers[i];

                want->is_on_another_node = !want->directory &&
                                           phx_pve_containers_has_away(containers->pve, want->id);
        }
}

/* What is desired has the order of the configuration. */
int phx_machine_containers_wish(
                const struct phx_machine_containers *containers,
                const struct phx_input *input,
                const struct phx_desired *desired,
                struct phx_observed *observed) {
        const struct phx_configuration *configuration = input->configuration;
        size_t count = configuration && containers->sees_pve ? desired->container_count : 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < count; i++) {
                const struct phx_desired_container *want = &desired->containers[i];
                const struct phx_observed_container *found =
                                want->directory ? phx_observed_find_container(
                                                                  observed,
                                                                  want->directory)
                                                : NULL;

                if (found && found->backend == PHX_BACKEND_PVE)
                        r = wish_one(containers,
                                     input->settings->manage_autostart,
                                     &configuration->containers[i],
                                     desired,
                                     want,
                                     &observed->containers[found - observed->containers]);
        }
        return r < 0 ? r : 0;
}

static bool machine_is_to_be_created(const struct phx_desired *desired, const char *name) {
        for (size_t i = 0; i < desired->container_count; i++)
                if (desired->containers[i].creation && !desired->containers[i].directory &&
                    strcmp(desired->containers[i].id, name) == 0)
                        return true;
        return false;
}

int phx_machine_containers_forget_gone(
                const struct phx_machine_containers *containers,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_inventory *inventory) {
        int changed = 0;

        if (observed->container_count == 0 || observed->lxc_refusal || observed->pve_refusal)
                return 0;
        for (size_t i = inventory->container_count; i > 0; i--) {
                const char *name = inventory->containers[i - 1].name;

                if (!phx_observed_find_container(observed, name) &&
                    !machine_is_to_be_created(desired, name) &&
                    !(containers->sees_pve && phx_pve_containers_has_away(containers->pve, name)))
                        changed |= phx_inventory_remove_container(inventory, name);
        }
        return changed;
}

bool phx_machine_containers_labels_differ(const struct phx_machine_containers *containers) {
        return phx_label_pictures_differ(&containers->pictures, containers->roots);
}

bool phx_machine_containers_has_labels(const struct phx_machine_containers *containers) {
        return containers->pictures.count > 0;
}
