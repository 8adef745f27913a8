/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "machine/lint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "lint/entry.h"

/* What was found of one entry, and by what. */
struct phx_machine_lint {
        char *id;
        char *key;
        struct phx_lints lints;
        bool is_current;
};

/* Many containers have the same few profiles, and a policy may have a megabyte: so many are kept
 * while the entries are gone through. */
#define POLICIES_KEPT 8

struct policies {
        struct phx_profiles *profiles;
        struct read_policy {
                char *key;
                char *blob;
                size_t size;
                struct phx_policy policy;
        } items[POLICIES_KEPT];
        size_t next;
};

static void item_done(struct phx_machine_lint *item) {
        free(item->id);
        free(item->key);
        phx_lints_done(&item->lints);
}

void phx_machine_lints_done(struct phx_machine_lints *lints) {
        for (size_t i = 0; i < lints->count; i++)
                item_done(&lints->items[i]);
        free(lints->items);
        *lints = (struct phx_machine_lints){ 0 };
}

static int compare_items(const void *a, const void *b) {
        return strcmp(((const struct phx_machine_lint *) a)->id,
                      ((const struct phx_machine_lint *) b)->id);
}

static int compare_with_id(const void *id, const void *item) {
        return strcmp(id, ((const struct phx_machine_lint *) item)->id);
}

/* What this look has added is behind the sorted ones: no container is asked about twice. */
static struct phx_machine_lint *machine_lint_find(
                const struct phx_machine_lints *lints,
                const char *id) {
        return lints->sorted > 0 ? bsearch(id,
                                           lints->items,
                                           lints->sorted,
                                           sizeof(*lints->items),
                                           compare_with_id)
                                 : NULL;
}

static struct phx_machine_lint *find_or_add(struct phx_machine_lints *lints, const char *id) {
        struct phx_machine_lint *item = machine_lint_find(lints, id);
        char *copy;

        if (item)
                return item;
        copy = strdup(id);
        item = copy ? phx_grow(&lints->items, &lints->count, sizeof(*item)) : NULL;
        if (!item) {
                free(copy);
                return NULL;
        }
        item->id = copy;
        return item;
}

static void read_done(struct read_policy *read) {
        free(read->key);
        free(read->blob);
        phx_policy_done(&read->policy);
        *read = (struct read_policy){ 0 };
}

static void policies_done(struct policies *policies) {
        for (size_t i = 0; i < PHX_ELEMENTS(policies->items); i++)
                read_done(&policies->items[i]);
}

/* Borrowed until as many others were asked for as are kept; NULL when it cannot be had. 0 or
 * -ENOMEM.
 */
static int policies_get(
                struct policies *policies,
                const char *key,
                const struct read_policy **ret_read) {
        struct read_policy *read;
        int r;

        *ret_read = NULL;
        for (size_t i = 0; key && i < PHX_ELEMENTS(policies->items); i++)
                if (phx_equal(policies->items[i].key, key))
                        *ret_read = &policies->items[i];
        if (!key || *ret_read)
                return 0;
        read = &policies->items[policies->next++ % PHX_ELEMENTS(policies->items)];
        read_done(read);
        r = phx_profiles_blob(policies->profiles, key, &read->blob, &read->size);
        if (r >= 0)
                r = phx_policy_parse(read->blob, read->size, PHX_HASH_NONE, &read->policy, NULL);
        if (r >= 0)
                r = phx_replace(&read->key, key);
        if (r >= 0)
                *ret_read = read;
        return r == -ENOMEM ? r : 0;
}

/* 1 when the answer holds, 0 when the policy could not be read now. */
static int machine_lint_ask(
                struct phx_machine_lint *item,
                struct policies *policies,
                const struct phx_container_config *config,
                const char *key,
                const char *namespace) {
        const struct read_policy *read;
        int r;

        phx_lints_done(&item->lints);
        r = policies_get(policies, key, &read);
        if (r < 0 || !read)
                return r < 0 ? r : !key;
        r = phx_lint_entry(
                        &(struct phx_lint_entry){ .config = config,
                                                  .namespace = namespace,
                                                  .blob = read->blob,
                                                  .size = read->size,
                                                  .policy = &read->policy },
                        &item->lints,
                        NULL);
        return r == -ENOMEM ? r : 1; /* of the profile itself it is reported */
}

static int lint_container(
                struct phx_machine_lint *item,
                struct policies *policies,
                const struct phx_configuration *configuration,
                const struct phx_container_config *config,
                struct phx_desired_container *container) {
        const char *policy = phx_profiles_key(policies->profiles, config->profile);
        phx_autofree char *key = NULL;
        int r = 0;

        item->is_current = true;
        /* A profile that phoenixd does not manage is not asked. */
        if (phx_printf(&key,
                       "%s %s %s",
                       configuration->digest,
                       policy ? policy : "",
                       container->namespace ? container->namespace : "") < 0)
                return -ENOMEM;
        if (!phx_equal(item->key, key)) {
                r = machine_lint_ask(item, policies, config, policy, container->namespace);
                if (r >= 0)
                        r = phx_replace(&item->key, r > 0 ? key : NULL);
        }
        return r < 0 ? r : phx_lints_copy(&container->lints, &item->lints);
}

static void machine_lint_forget_others(struct phx_machine_lints *lints) {
        size_t kept = 0;

        for (size_t i = 0; i < lints->count; i++)
                if (lints->items[i].is_current)
                        lints->items[kept++] = lints->items[i];
                else
                        item_done(&lints->items[i]);
        lints->count = lints->sorted = kept;
        if (kept > 1)
                qsort(lints->items, kept, sizeof(*lints->items), compare_items);
}

int phx_machine_lint(
                struct phx_machine_lints *lints,
                struct phx_profiles *profiles,
                const struct phx_settings *settings,
                const struct phx_configuration *configuration,
                struct phx_desired *desired) {
        phx_cleanup(policies_done) struct policies policies = { .profiles = profiles };
        int r = 0;

        for (size_t i = 0; i < lints->count; i++)
                lints->items[i].is_current = false;
        /* There is a desired container for each of the configuration's, in its order. */
        for (size_t i = 0;
             r >= 0 && configuration && i < configuration->count && i < desired->container_count;
             i++) {
                struct phx_machine_lint *item = find_or_add(lints, configuration->containers[i].id);

                if (!phx_equal(configuration->containers[i].id, desired->containers[i].id))
                        continue;
                r = item ? lint_container(item,
                                          &policies,
                                          configuration,
                                          &configuration->containers[i],
                                          &desired->containers[i])
                         : -ENOMEM;
        }
        machine_lint_forget_others(lints);
        return r < 0 ? r : phx_desired_accept(desired, &settings->accepted);
}
