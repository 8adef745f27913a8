/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The registry is what a cluster orders: an id has one place in all nodes, and a change that would
 * make a second one is refused. It follows the names of the files that are written and removed, and
 * not the list of entries: that it can be wrong (rmdir of a directory with a config's name takes
 * the guest away) is so in the original, too.
 */
#include "guests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

static const char *const pve_types[] = { "lxc", "qemu-server", "openvz" };
#define N_TYPES (sizeof(pve_types) / sizeof(*pve_types))

/* Where a path of a guest's config says that the guest is. */
struct place {
        uint32_t id;
        const char *node;
        size_t node_length;
        const char *type;
};

/* nodes/NODE/TYPE/ID.conf, with an ID as Proxmox writes it. */
static bool read_place(const char *path, struct place *ret_place) {
        struct place place = { 0 };
        const char *rest;
        unsigned long id;
        char *end;

        if (strncmp(path, "nodes/", 6) != 0)
                return false;
        place.node = path + 6;
        place.node_length = strcspn(place.node, "/");
        rest = place.node + place.node_length;
        if (*rest++ != '/')
                return false;
        for (size_t i = 0; i < N_TYPES && !place.type; i++)
                if (pve_is_below(rest, pve_types[i]))
                        place.type = pve_types[i];
        if (!place.type || rest[strlen(place.type)] != '/')
                return false;

        rest += strlen(place.type) + 1;
        if (*rest < '1' || *rest > '9')
                return false;
        errno = 0;
        id = strtoul(rest, &end, 10);
        if (errno || id > UINT32_MAX || strcmp(end, ".conf") != 0)
                return false;
        place.id = (uint32_t) id;
        *ret_place = place;
        return true;
}

static struct pve_guest *find_guest(struct pve_state *state, uint32_t id) {
        for (size_t i = 0; i < state->n_guests; i++)
                if (state->guests[i].id == id)
                        return &state->guests[i];
        return NULL;
}

static bool is_at(const struct pve_guest *guest, const struct place *place) {
        return guest->type == place->type && strlen(guest->node) == place->node_length &&
               strncmp(guest->node, place->node, place->node_length) == 0;
}

bool pve_is_guest_elsewhere(struct pve_state *state, const char *path) {
        const struct pve_guest *guest;
        struct place place;

        if (!read_place(path, &place))
                return false;
        guest = find_guest(state, place.id);
        return guest && !is_at(guest, &place);
}

int pve_guest_enters(struct pve_state *state, const char *path) {
        struct pve_guest *guest, *guests;
        struct place place;
        char *node;

        if (!read_place(path, &place))
                return 0;
        node = strndup(place.node, place.node_length);
        if (!node)
                return -ENOMEM;
        guest = find_guest(state, place.id);
        if (!guest) {
                guests = reallocarray(state->guests, state->n_guests + 1, sizeof(*guests));
                if (!guests) {
                        free(node);
                        return -ENOMEM;
                }
                state->guests = guests;
                guest = &guests[state->n_guests++];
                *guest = (struct pve_guest){ .id = place.id };
        }
        free(guest->node);
        guest->node = node;
        guest->type = place.type;
        guest->version = ++state->guest_version;
        state->vmlist_version++;
        return 0;
}

void pve_guest_leaves(struct pve_state *state, const char *path) {
        struct pve_guest *guest;
        struct place place;

        if (!read_place(path, &place))
                return;
        guest = find_guest(state, place.id);
        if (!guest)
                return;
        free(guest->node);
        *guest = state->guests[--state->n_guests];
        state->vmlist_version++;
}

int pve_renumber(struct pve_state *state) {
        for (size_t i = 0; i < state->n_entries; i++) {
                int r = state->entries[i].is_directory
                                        ? 0
                                        : pve_guest_enters(state, state->entries[i].path);

                if (r < 0)
                        return r;
        }
        state->vmlist_version = 1;
        return 0;
}

bool pve_is_same_guest(const char *a, const char *b) {
        struct place place_a, place_b;

        return read_place(a, &place_a) && read_place(b, &place_b) && place_a.id == place_b.id;
}
