/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "served.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *pve_served_name(enum pve_served file) {
        static const char *const names[PVE_N_SERVED] = {
                [PVE_SERVED_VERSION] = ".version", [PVE_SERVED_VMLIST] = ".vmlist",
                [PVE_SERVED_MEMBERS] = ".members", [PVE_SERVED_CLUSTERLOG] = ".clusterlog",
                [PVE_SERVED_RRD] = ".rrd",         [PVE_SERVED_DEBUG] = ".debug",
        };

        return names[file];
}

bool pve_served_find(const char *path, enum pve_served *ret_file) {
        for (unsigned i = 0; i < PVE_N_SERVED; i++)
                if (strcmp(path, pve_served_name((enum pve_served) i)) == 0) {
                        *ret_file = (enum pve_served) i;
                        return true;
                }
        return false;
}

static void print_version(FILE *out, const struct pve_state *state) {
        (void) fprintf(out,
                       "{\n\"starttime\": %lld,\n\"clinfo\": %u,\n\"vmlist\": %u\n}\n",
                       (long long) state->started,
                       state->members_version,
                       state->vmlist_version);
}

static void print_vmlist(FILE *out, const struct pve_state *state) {
        (void) fprintf(out, "{\n\"version\": %u", state->vmlist_version);
        for (size_t i = 0; i < state->n_guests; i++) {
                const struct pve_guest *guest = &state->guests[i];

                (void) fprintf(out,
                               "%s\"%u\": { \"node\": \"%s\", \"type\": \"%s\", \"version\": %u }",
                               i ? ",\n" : ",\n\"ids\": {\n",
                               guest->id,
                               guest->node,
                               strcmp(guest->type, "qemu-server") == 0 ? "qemu" : guest->type,
                               guest->version);
        }
        (void) fprintf(out, "%s\n}\n", state->n_guests ? "}" : "");
}

static void print_members(FILE *out, const struct pve_state *state) {
        (void) fprintf(out,
                       "{\n\"nodename\": \"%s\",\n\"version\": %u",
                       state->node,
                       state->members_version);
        if (!state->cluster) {
                (void) fprintf(out, "\n}\n");
                return;
        }
        (void) fprintf(out,
                       ",\n\"cluster\": { \"name\": \"%s\", \"version\": %zu, \"nodes\": %zu, "
                       "\"quorate\": %d },\n\"nodelist\": {\n",
                       state->cluster,
                       state->n_nodes,
                       state->n_nodes,
                       !state->switches.no_quorum);
        for (size_t i = 0; i < state->n_nodes; i++)
                (void) fprintf(out,
                               "%s\"%s\": { \"id\": %zu, \"online\": %d }",
                               i ? ",\n" : "",
                               state->nodes[i].name,
                               i + 1,
                               state->nodes[i].is_online);
        (void) fprintf(out, "\n}\n}\n");
}

int pve_served_make(struct pve_state *state, enum pve_served file) {
        char *text = NULL;
        size_t size;
        FILE *out;

        out = open_memstream(&text, &size);
        if (!out)
                return -ENOMEM;
        switch (file) {
        case PVE_SERVED_VERSION:
                print_version(out, state);
                break;
        case PVE_SERVED_VMLIST:
                print_vmlist(out, state);
                break;
        case PVE_SERVED_MEMBERS:
                print_members(out, state);
                break;
        case PVE_SERVED_CLUSTERLOG:
                (void) fprintf(out, "{ \"data\": [] }\n");
                break;
        case PVE_SERVED_DEBUG:
                (void) fprintf(out, "0\n");
                break;
        case PVE_SERVED_RRD:
                break;
        }
        if (fclose(out) != 0) {
                free(text);
                return -ENOMEM;
        }
        free(state->served[file]);
        state->served[file] = text;
        return 0;
}
