/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The dependencies as a graph in two arrays, and an order in which each container comes behind all
 * that it depends on (Kahn's algorithm). With that order, "over any number of others" takes one
 * walk: what holds for a dependency is known before it is asked for. No recursion, as a chain may
 * be as long as the file. */

#include "reconcile/chains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t phx_chains_find(const struct phx_chains *chains, const char *id) {
        const struct phx_desired *desired = chains->desired;
        size_t at = phx_index_find(
                        &chains->by_id,
                        desired->containers,
                        desired->container_count,
                        sizeof(*desired->containers),
                        id,
                        strlen(id));

        return at < desired->container_count ? at : PHX_CHAINS_NONE;
}

void phx_chains_done(struct phx_chains *chains) {
        phx_index_done(&chains->by_id);
        free(chains->order);
        free(chains->starts);
        free(chains->edges);
        *chains = (struct phx_chains){ 0 };
}

static int chains_link(struct phx_chains *chains) {
        const struct phx_desired *desired = chains->desired;
        size_t count = 0;

        for (size_t i = 0; i < desired->container_count; i++)
                count += desired->containers[i].dependencies.count;
        chains->edges = calloc(count + 1, sizeof(*chains->edges));
        if (!chains->edges)
                return -ENOMEM;
        count = 0;
        for (size_t i = 0; i < desired->container_count; i++) {
                const struct phx_strings *ids = &desired->containers[i].dependencies;

                chains->starts[i] = count;
                for (size_t j = 0; j < ids->count; j++) {
                        size_t at = phx_chains_find(chains, ids->items[j]);

                        if (at != PHX_CHAINS_NONE)
                                chains->edges[count++] = at;
                }
        }
        chains->starts[desired->container_count] = count;
        return 0;
}

/* WAITING: how many dependencies of each are not in the order yet. DEPENDENTS: the edges the other
 * way round, as lists: the first of a container's, and the next of each edge's. */
struct chains_sort {
        size_t *waiting;
        size_t *first;
        size_t *next;
        size_t *from;
};

static void chains_sort_done(struct chains_sort *sort) {
        free(sort->waiting);
        free(sort->first);
        free(sort->next);
        free(sort->from);
}

static int chains_sort_begin(const struct phx_chains *chains, struct chains_sort *sort) {
        size_t count = chains->desired->container_count, edges = chains->starts[count];

        sort->waiting = calloc(count + 1, sizeof(size_t));
        sort->first = calloc(count + 1, sizeof(size_t));
        sort->next = calloc(edges + 1, sizeof(size_t));
        sort->from = calloc(edges + 1, sizeof(size_t));
        if (!sort->waiting || !sort->first || !sort->next || !sort->from)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++)
                sort->first[i] = PHX_CHAINS_NONE;
        for (size_t i = 0; i < count; i++)
                for (size_t edge = chains->starts[i]; edge < chains->starts[i + 1]; edge++) {
                        size_t to = chains->edges[edge];

                        sort->from[edge] = i;
                        sort->next[edge] = sort->first[to];
                        sort->first[to] = edge;
                        sort->waiting[i]++;
                }
        return 0;
}

static int chains_order(struct phx_chains *chains) {
        phx_cleanup(chains_sort_done) struct chains_sort sort = { 0 };
        size_t count = chains->desired->container_count;
        int r = chains_sort_begin(chains, &sort);

        if (r < 0)
                return r;
        for (size_t i = 0; i < count; i++)
                if (sort.waiting[i] == 0)
                        chains->order[chains->order_count++] = i;
        for (size_t i = 0; i < chains->order_count; i++)
                for (size_t edge = sort.first[chains->order[i]]; edge != PHX_CHAINS_NONE;
                     edge = sort.next[edge])
                        if (--sort.waiting[sort.from[edge]] == 0)
                                chains->order[chains->order_count++] = sort.from[edge];
        return 0;
}

int phx_chains_make(const struct phx_desired *desired, struct phx_chains *ret_chains) {
        phx_cleanup(phx_chains_done) struct phx_chains chains = { .desired = desired };
        size_t count = desired->container_count;
        int r;

        chains.order = calloc(count + 1, sizeof(*chains.order));
        chains.starts = calloc(count + 1, sizeof(*chains.starts));
        if (!chains.order || !chains.starts)
                return -ENOMEM;
        r = phx_index_make(&chains.by_id, desired->containers, count, sizeof(*desired->containers));
        if (r >= 0)
                r = chains_link(&chains);
        if (r >= 0)
                r = chains_order(&chains);
        if (r < 0)
                return r;
        *ret_chains = PHX_TAKE_STRUCT(chains);
        return 0;
}

static void chains_clear(const struct phx_chains *chains, size_t *items) {
        for (size_t i = 0; i < chains->desired->container_count; i++)
                items[i] = PHX_CHAINS_NONE;
}

void phx_chains_below(const struct phx_chains *chains, const bool *marked, size_t *ret_below) {
        chains_clear(chains, ret_below);
        for (size_t i = 0; i < chains->order_count; i++) {
                size_t at = chains->order[i];

                for (size_t edge = chains->starts[at];
                     edge < chains->starts[at + 1] && ret_below[at] == PHX_CHAINS_NONE;
                     edge++) {
                        size_t to = chains->edges[edge];

                        ret_below[at] = marked[to] ? to : ret_below[to];
                }
        }
}

void phx_chains_above(const struct phx_chains *chains, const bool *marked, size_t *ret_above) {
        chains_clear(chains, ret_above);
        for (size_t i = chains->order_count; i > 0; i--) {
                size_t at = chains->order[i - 1];

                for (size_t edge = chains->starts[at]; edge < chains->starts[at + 1]; edge++) {
                        size_t to = chains->edges[edge];

                        if (ret_above[to] == PHX_CHAINS_NONE)
                                ret_above[to] = marked[at] ? at : ret_above[at];
                }
        }
}
