/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/chains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/sorted.h"
#include "lxc/walk.h"

static struct phx_lxc_chain *chain_free(struct phx_lxc_chain *chain) {
        if (!chain)
                return NULL;
        phx_strings_done(&chain->targets);
        phx_buffer_done(&chain->facts);
        free(chain);
        return NULL;
}

int phx_lxc_chains_init(struct phx_lxc_chains *chains) {
        *chains = (struct phx_lxc_chains){ 0 };
        return phx_lxc_reader_new(&chains->reader);
}

void phx_lxc_chains_forget(struct phx_lxc_chains *chains) {
        for (size_t i = 0; i < chains->count; i++)
                chain_free(chains->items[i]);
        free(chains->items);
        chains->items = NULL;
        chains->count = 0;
}

void phx_lxc_chains_done(struct phx_lxc_chains *chains) {
        phx_lxc_chains_forget(chains);
        chains->reader = phx_lxc_reader_free(chains->reader);
}

static int chain_compare(const struct phx_strings *a, const struct phx_strings *b) {
        for (size_t i = 0; i < a->count && i < b->count; i++) {
                int order = strcmp(a->items[i], b->items[i]);

                if (order != 0)
                        return order;
        }
        return (a->count > b->count) - (a->count < b->count);
}

static int chain_compare_with(const void *targets, const void *item) {
        const struct phx_lxc_chain *const *chain = item;

        return chain_compare(targets, &(*chain)->targets);
}

struct phx_lxc_chain *phx_lxc_chains_add(
                struct phx_lxc_chains *chains,
                const struct phx_strings *targets) {
        size_t at = phx_lower_bound(
                        targets,
                        chains->items,
                        chains->count,
                        sizeof(*chains->items),
                        chain_compare_with);
        struct phx_lxc_chain *chain;

        if (at < chains->count && phx_strings_equal(&chains->items[at]->targets, targets))
                return chains->items[at];
        chain = calloc(1, sizeof(*chain));
        if (!chain || phx_strings_copy(&chain->targets, targets) < 0 ||
            !phx_grow(&chains->items, &chains->count, sizeof(struct phx_lxc_chain *)))
                return chain_free(chain);
        memmove(&chains->items[at + 1],
                &chains->items[at],
                (chains->count - 1 - at) * sizeof(struct phx_lxc_chain *));
        chains->items[at] = chain;
        return chain;
}

static bool chain_has(const struct phx_lxc_chain *chain, const struct phx_buffer *facts) {
        return chain->version > 0 && chain->facts.size == facts->size &&
               (facts->size == 0 || memcmp(chain->facts.data, facts->data, facts->size) == 0);
}

int phx_lxc_chain_follow(
                struct phx_lxc_chains *chains,
                struct phx_lxc_chain *chain,
                const char *path,
                struct phx_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer facts = { 0 };

        if (chain->looked_at == chains->look && chain->code == 0)
                return 0;
        chain->looked_at = chains->look;
        chain->code = phx_lxc_walk_facts(chains->reader, path, &chain->targets, &facts, error);
        if (chain->code < 0)
                return chain->code;
        if (chain_has(chain, &facts))
                return 0;
        phx_buffer_done(&chain->facts);
        chain->facts = PHX_TAKE_STRUCT(facts);
        chain->version = ++chains->last_version;
        return 0;
}

struct phx_lxc_chain *phx_lxc_chains_get(
                struct phx_lxc_chains *chains,
                const struct phx_strings *targets) {
        struct phx_lxc_chain *chain = phx_lxc_chains_add(chains, targets);

        if (chain && phx_lxc_chain_follow(chains, chain, "", NULL) == -ENOMEM)
                return NULL;
        return chain;
}

int phx_lxc_chains_begin(struct phx_lxc_chains *chains, const struct phx_scope *scope) {
        phx_lxc_reader_begin(chains->reader, scope);
        chains->look++;
        for (size_t i = 0; i < chains->count; i++) {
                chains->items[i]->is_used = false;
                if (phx_lxc_chain_follow(chains, chains->items[i], "", NULL) == -ENOMEM)
                        return -ENOMEM;
        }
        return 0;
}

void phx_lxc_chains_end(struct phx_lxc_chains *chains) {
        size_t kept = 0;

        for (size_t i = 0; i < chains->count; i++)
                if (chains->items[i]->is_used)
                        chains->items[kept++] = chains->items[i];
                else
                        chain_free(chains->items[i]);
        chains->count = kept;
        phx_lxc_reader_end(chains->reader);
}
