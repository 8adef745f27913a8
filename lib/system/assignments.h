#pragma once

#include "base/digest.h"
#include "base/error.h"
#include "base/strings.h"
#include "state/desired.h"
#include "state/inventory.h"
#include "system/lxc_containers.h"
#include "system/lxc_text.h"

/* What the last look found out about a configured container on this host: the managed lines that
 * its config is to have. */
struct phx_assignment {
        char *id;
        char *directory;
        char *profile;
        char *label; /* the profile, stacked with its namespace where it has one */
        char digest[PHX_SHA256_HEX];
        struct phx_strings lines;
        struct phx_strings withdrawn;
        struct phx_strings absent; /* of LINES */
};

struct phx_assignments {
        struct phx_assignment *items;
        size_t count;
};
void phx_assignments_done(struct phx_assignments *assignments);

/* NULL when there is none for ID. */
const struct phx_assignment *phx_assignments_find(
                const struct phx_assignments *assignments,
                const char *id);

/* Adds what WANT asks of the config HAVE, and appends to WRONG the lines that are missing in it
 * ("+LINE") or too many ("-LINE"). Lines of ours that somebody took out are nobody's any more: 1
 * when INVENTORY changed by that. */
int phx_assignments_judge(
                struct phx_assignments *assignments,
                const struct phx_desired_container *want,
                const struct phx_lxc_container *have,
                struct phx_inventory *inventory,
                struct phx_strings *wrong,
                struct phx_error *error);

/* Records the lines that will be added as ours: 1 when any will be, and INVENTORY has to be saved
 * before. */
int phx_assignment_claim(const struct phx_assignment *assignment, struct phx_inventory *inventory);

/* Borrowed from ASSIGNMENT: not for phx_lxc_edit_done(). */
struct phx_lxc_edit phx_assignment_edit(const struct phx_assignment *assignment);
