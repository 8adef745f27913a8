/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A flat list of entries, since there are some hundreds at most and each lookup is a few
 * microseconds. The rules and their order are those of the original; what a change means for the
 * registry of guests is in guests.c.
 */
#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "database.h"
#include "guests.h"
#include "served.h"

int pve_state_init(struct pve_state *state, const char *node, gid_t group) {
        static const char *const directories[] = { "nodes", "priv", "priv/lock", "ha" };
        int r = 0;

        *state = (struct pve_state){ .group = group, .log = -1, .vmlist_version = 1 };
        (void) pthread_mutex_init(&state->lock, NULL);
        (void) pthread_cond_init(&state->turned, NULL);
        state->started = time(NULL);
        state->node = strdup(node);
        if (!state->node)
                return -ENOMEM;

        for (size_t i = 0; r == 0 && i < sizeof(directories) / sizeof(*directories); i++)
                r = pve_make_directory(state, directories[i]);
        return r < 0 ? r : pve_state_add_node(state, node);
}

void pve_state_done(struct pve_state *state) {
        for (size_t i = 0; i < state->n_entries; i++) {
                free(state->entries[i].path);
                free(state->entries[i].data);
        }
        for (size_t i = 0; i < state->n_guests; i++)
                free(state->guests[i].node);
        for (size_t i = 0; i < state->n_nodes; i++)
                free(state->nodes[i].name);
        for (size_t i = 0; i < PVE_N_SERVED; i++)
                free(state->served[i]);
        free(state->entries);
        free(state->guests);
        free(state->nodes);
        free(state->cluster);
        free(state->node);
        (void) pthread_cond_destroy(&state->turned);
        (void) pthread_mutex_destroy(&state->lock);
}

int pve_state_add_node(struct pve_state *state, const char *node) {
        static const char *const below[] = { "", "/lxc", "/qemu-server", "/openvz", "/priv" };
        struct pve_node *nodes;
        char path[512];

        nodes = reallocarray(state->nodes, state->n_nodes + 1, sizeof(*nodes));
        if (!nodes)
                return -ENOMEM;
        state->nodes = nodes;
        nodes[state->n_nodes] = (struct pve_node){ .name = strdup(node), .is_online = true };
        if (!nodes[state->n_nodes].name)
                return -ENOMEM;
        state->n_nodes++;
        state->members_version++;

        for (size_t i = 0; i < sizeof(below) / sizeof(*below); i++) {
                int r;

                (void) snprintf(path, sizeof(path), "nodes/%s%s", node, below[i]);
                r = pve_make_directory(state, path);
                if (r < 0 && r != -EEXIST)
                        return r;
        }
        return 0;
}

/* --- names */

bool pve_is_below(const char *path, const char *directory) {
        size_t length = strlen(directory);

        return strncmp(path, directory, length) == 0 &&
               (path[length] == '/' || path[length] == '\0');
}

bool pve_is_private(const char *path) {
        const char *rest;

        if (pve_is_below(path, "priv"))
                return true;
        if (strncmp(path, "nodes/", 6) != 0)
                return false;
        rest = strchr(path + 6, '/');
        return rest && pve_is_below(rest + 1, "priv");
}

const char *pve_link_name(size_t i) {
        static const char *const names[] = { "local", "lxc", "qemu-server", "openvz" };

        return i < sizeof(names) / sizeof(*names) ? names[i] : NULL;
}

char *pve_link_target(const struct pve_state *state, const char *path) {
        const char *name;
        char *target;

        for (size_t i = 0; (name = pve_link_name(i)); i++) {
                if (strcmp(path, name) != 0)
                        continue;
                if (asprintf(&target, "nodes/%s%s%s", state->node, i ? "/" : "", i ? name : "") < 0)
                        return NULL;
                return target;
        }
        return NULL;
}

bool pve_is_reserved(const char *path) {
        enum pve_served file;
        const char *name;

        if (pve_served_find(path, &file))
                return true;
        for (size_t i = 0; (name = pve_link_name(i)); i++)
                if (strcmp(path, name) == 0)
                        return true;
        return *path == '\0';
}

/* --- entries */

struct pve_entry *pve_find(struct pve_state *state, const char *path) {
        for (size_t i = 0; i < state->n_entries; i++)
                if (strcmp(state->entries[i].path, path) == 0)
                        return &state->entries[i];
        return NULL;
}

const char *pve_name_below(const struct pve_entry *entry, const char *path) {
        const char *name = entry->path;

        if (*path) {
                if (!pve_is_below(entry->path, path) || entry->path[strlen(path)] != '/')
                        return NULL;
                name += strlen(path) + 1;
        }
        return strchr(name, '/') ? NULL : name;
}

static bool has_entries(const struct pve_state *state, const char *path) {
        for (size_t i = 0; i < state->n_entries; i++)
                if (pve_name_below(&state->entries[i], path))
                        return true;
        return false;
}

static int check_parent(struct pve_state *state, const char *path) {
        const char *slash = strrchr(path, '/');
        const struct pve_entry *parent;
        char *name;

        if (!slash)
                return 0;
        name = strndup(path, (size_t) (slash - path));
        if (!name)
                return -ENOMEM;
        parent = pve_find(state, name);
        free(name);
        if (!parent)
                return -ENOENT;
        return parent->is_directory ? 0 : -ENOTDIR;
}

int pve_put(struct pve_state *state, const struct pve_entry *entry) {
        struct pve_entry *entries, *known = pve_find(state, entry->path), copy = *entry;

        copy.path = strdup(entry->path);
        copy.data = malloc(entry->size + 1);
        if (!copy.path || !copy.data) {
                free(copy.path);
                free(copy.data);
                return -ENOMEM;
        }
        if (entry->size > 0)
                memcpy(copy.data, entry->data, entry->size);
        if (!known) {
                entries = reallocarray(state->entries, state->n_entries + 1, sizeof(*entries));
                if (!entries) {
                        free(copy.path);
                        free(copy.data);
                        return -ENOMEM;
                }
                state->entries = entries;
                known = &entries[state->n_entries++];
        } else {
                free(known->path);
                free(known->data);
        }
        *known = copy;
        return 0;
}

void pve_drop(struct pve_state *state, const char *path) {
        struct pve_entry *entry = pve_find(state, path);

        if (!entry)
                return;
        free(entry->path);
        free(entry->data);
        *entry = state->entries[--state->n_entries];
}

int pve_rename_entry(struct pve_state *state, const char *from, const char *to) {
        struct pve_entry *entry;
        char *path;

        if (strcmp(from, to) == 0)
                return 0;
        path = strdup(to);
        if (!path)
                return -ENOMEM;
        pve_drop(state, to);
        entry = pve_find(state, from);
        if (!entry) {
                free(path);
                return -ENOENT;
        }
        free(entry->path);
        entry->path = path;
        return 0;
}

/* --- changes */

/* In the original, the database can be seen to change a moment before the files do. */
static void wait_for_readers(struct pve_state *state) {
        unsigned msec = state->switches.lag_msec;

        if (msec == 0)
                return;
        (void) pthread_mutex_unlock(&state->lock);
        (void) usleep(msec * 1000);
        (void) pthread_mutex_lock(&state->lock);
}

/* The bytes of ENTRY, or of nothing, with those of STORE in them: to be freed. */
static int merge_bytes(
                const struct pve_entry *entry,
                const struct pve_store *store,
                struct pve_entry *ret_entry) {
        size_t end = store->offset + store->size, have = entry ? entry->size : 0;
        size_t size = store->truncates || end > have ? end : have;
        char *data = calloc(1, size + 1);

        if (!data)
                return -ENOMEM;
        if (have > 0)
                memcpy(data, entry->data, have < size ? have : size);
        if (store->size > 0)
                memcpy(data + store->offset, store->data, store->size);
        *ret_entry = (struct pve_entry){ .data = data, .size = size, .mtime = time(NULL) };
        return 0;
}

static int check_store(struct pve_state *state, const struct pve_store *store) {
        const struct pve_entry *entry = pve_find(state, store->path);
        int r;

        if (pve_is_reserved(store->path))
                return -EACCES;
        if (store->offset > PVE_FILE_MAX || store->offset + store->size > PVE_FILE_MAX)
                return -EFBIG;
        r = check_parent(state, store->path);
        if (r < 0)
                return r;
        if (pve_is_guest_elsewhere(state, store->path))
                return -EEXIST;
        if (!entry)
                return store->creates ? 0 : -ENOENT;
        if (store->creates)
                return -EEXIST;
        return entry->is_directory ? -EISDIR : 0;
}

int pve_store(struct pve_state *state, const struct pve_store *store) {
        struct pve_entry next;
        char *path;
        int r;

        r = check_store(state, store);
        if (r < 0)
                return r;
        path = strdup(store->path);
        if (!path)
                return -ENOMEM;
        r = merge_bytes(pve_find(state, path), store, &next);
        if (r == 0) {
                next.path = path;
                r = pve_database_put(state, &next);
                wait_for_readers(state);
                if (r == 0)
                        r = pve_put(state, &next);
                free(next.data);
        }
        free(path);
        return r < 0 ? r : pve_guest_enters(state, store->path);
}

static int check_move(struct pve_state *state, const char *from, const char *to) {
        const struct pve_entry *source = pve_find(state, from), *target = pve_find(state, to);

        if (pve_is_reserved(from) || pve_is_reserved(to))
                return -EACCES;
        if (!source)
                return -ENOENT;
        if (pve_is_guest_elsewhere(state, to) && !pve_is_same_guest(from, to))
                return -EEXIST;
        if (has_entries(state, from) || (target && has_entries(state, to)))
                return -ENOTEMPTY;
        return check_parent(state, to);
}

int pve_move(struct pve_state *state, const char *from, const char *to) {
        struct pve_entry *entry;
        int r;

        r = check_move(state, from, to);
        if (r < 0)
                return r;
        r = pve_database_move(state, from, to);
        wait_for_readers(state);
        if (r < 0)
                return r;
        r = pve_rename_entry(state, from, to);
        if (r < 0)
                return r;
        entry = pve_find(state, to);
        if (!entry)
                return -ENOENT;
        entry->mtime = time(NULL);
        pve_guest_leaves(state, from);
        return entry->is_directory ? 0 : pve_guest_enters(state, to);
}

int pve_remove(struct pve_state *state, const char *path) {
        int r;

        if (pve_is_reserved(path))
                return -EACCES;
        if (!pve_find(state, path))
                return -ENOENT;
        if (has_entries(state, path))
                return -ENOTEMPTY;
        r = pve_database_drop(state, path);
        wait_for_readers(state);
        if (r < 0)
                return r;
        pve_drop(state, path);
        pve_guest_leaves(state, path);
        return 0;
}

int pve_make_directory(struct pve_state *state, const char *path) {
        struct pve_entry entry = { .is_directory = true, .mtime = time(NULL) };
        char *copy;
        int r;

        r = check_parent(state, path);
        if (r < 0)
                return r;
        if (pve_is_reserved(path))
                return -EACCES;
        if (pve_find(state, path))
                return -EEXIST;
        copy = strdup(path);
        if (!copy)
                return -ENOMEM;
        entry.path = copy;
        r = pve_database_put(state, &entry);
        if (r == 0)
                r = pve_put(state, &entry);
        free(copy);
        return r;
}

int pve_set_time(struct pve_state *state, const char *path, time_t mtime) {
        struct pve_entry *entry = pve_find(state, path);

        if (!entry)
                return pve_is_reserved(path) ? -EACCES : -ENOENT;
        entry->mtime = mtime;
        return pve_database_put(state, entry);
}
