/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/configuration_checks.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"

enum visit {
        VISIT_NEW,
        VISIT_OPEN, /* on the way that is being walked */
        VISIT_DONE,
};

/* A walk along the dependencies with a stack of its own: a chain may be as long as the file. */
struct walk {
        const struct phx_configuration *configuration;
        enum visit *visits;
        struct step {
                size_t container;
                size_t next; /* of its dependencies */
        } * steps;
        size_t depth;
};

static void checks_walk_done(struct walk *walk) {
        free(walk->visits);
        free(walk->steps);
}

static int checks_compare_id(const void *id, const void *container) {
        return strcmp(id, ((const struct phx_container_config *) container)->id);
}

static const struct phx_container_config *checks_find(
                const struct phx_configuration *configuration,
                const char *id) {
        return bsearch(id,
                       configuration->containers,
                       configuration->count,
                       sizeof(*configuration->containers),
                       checks_compare_id);
}

static int check_dependency(
                const struct phx_json_place *entries,
                const struct phx_configuration *configuration,
                const struct phx_container_config *container,
                size_t index,
                struct phx_error *error) {
        const struct phx_json_place entry = phx_json_member(entries, container->id),
                                    list = phx_json_member(&entry, "dependencies"),
                                    place = phx_json_element(&list, index);
        const struct phx_container_config *other = checks_find(
                        configuration,
                        container->dependencies.items[index]);

        if (other == container)
                return phx_json_refuse_found(
                                error,
                                &place,
                                "which is this container itself; expected the id of another "
                                "container");
        /* It may be a virtual machine, which another file describes, and nothing starts by it. */
        if (!other)
                phx_json_warn(error,
                              &place,
                              "there is no container '%.64s' in lxc_configs; the dependency has no "
                              "effect",
                              container->dependencies.items[index]);
        else if (container->state == PHX_RUN_RUNNING && other->state == PHX_RUN_STOPPED)
                phx_json_warn(error,
                              &place,
                              "container '%.64s' is kept stopped, and this one, which depends on "
                              "it, running",
                              other->id);
        return 0;
}

static int check_dependencies(
                const struct phx_json_place *entries,
                const struct phx_configuration *configuration,
                struct phx_error *error) {
        bool failed = false;
        int r;

        for (size_t i = 0; i < configuration->count; i++) {
                const struct phx_container_config *container = &configuration->containers[i];

                for (size_t j = 0; j < container->dependencies.count; j++) {
                        r = check_dependency(entries, configuration, container, j, error);
                        if (r < 0 && !phx_error_goes_on(error, r))
                                return r;
                        failed |= r < 0;
                }
        }
        return failed ? -EINVAL : 0;
}

static void checks_enter(struct walk *walk, size_t container) {
        walk->visits[container] = VISIT_OPEN;
        walk->steps[walk->depth++] = (struct step){ .container = container };
}

/* Walks all that START depends on. True when the way came back to itself: it then ends where it
 * must go on with RET_BACK. */
static bool has_circle(struct walk *walk, size_t start, size_t *ret_back) {
        const struct phx_container_config *containers = walk->configuration->containers;

        checks_enter(walk, start);
        while (walk->depth > 0) {
                struct step *step = &walk->steps[walk->depth - 1];
                const struct phx_strings *wanted = &containers[step->container].dependencies;
                const struct phx_container_config *found;
                size_t other;

                if (step->next == wanted->count) {
                        walk->visits[step->container] = VISIT_DONE;
                        walk->depth--;
                        continue;
                }

                found = checks_find(walk->configuration, wanted->items[step->next++]);
                if (!found)
                        continue;
                other = (size_t) (found - containers);
                if (walk->visits[other] == VISIT_OPEN) {
                        *ret_back = other;
                        return true;
                }
                if (walk->visits[other] == VISIT_NEW)
                        checks_enter(walk, other);
        }
        return false;
}

static int refuse_circle(
                const struct phx_json_place *entries,
                const struct walk *walk,
                size_t back,
                struct phx_error *error) {
        const char *id = walk->configuration->containers[back].id;
        const struct phx_json_place entry = phx_json_member(entries, id),
                                    place = phx_json_member(&entry, "dependencies");
        phx_cleanup(phx_buffer_done) struct phx_buffer circle = { 0 };
        size_t i = 0;
        int r = 0;

        while (walk->steps[i].container != back)
                i++;
        for (; i < walk->depth && r >= 0; i++) {
                size_t at = walk->steps[i].container;

                r = phx_buffer_addf(&circle, "%s -> ", walk->configuration->containers[at].id);
        }
        if (r < 0)
                return phx_json_no_memory(error, entries->text);

        return phx_json_refuse(
                        error,
                        &place,
                        "found the cycle %s%s, expected dependencies without a cycle",
                        circle.data,
                        id);
}

static int check_circles(
                const struct phx_json_place *entries,
                const struct phx_configuration *configuration,
                struct phx_error *error) {
        phx_cleanup(checks_walk_done) struct walk walk = { .configuration = configuration };
        size_t back = 0;

        walk.visits = calloc(configuration->count, sizeof(*walk.visits));
        walk.steps = calloc(configuration->count, sizeof(*walk.steps));
        if (!walk.visits || !walk.steps)
                return phx_json_no_memory(error, entries->text);

        for (size_t i = 0; i < configuration->count; i++)
                if (walk.visits[i] == VISIT_NEW && has_circle(&walk, i, &back))
                        return refuse_circle(entries, &walk, back, error);
        return 0;
}

int phx_configuration_check(
                const struct phx_json_place *entries,
                const struct phx_configuration *configuration,
                struct phx_error *error) {
        int r;

        r = check_dependencies(entries, configuration, error);
        if (r < 0)
                return r;
        return check_circles(entries, configuration, error);
}
