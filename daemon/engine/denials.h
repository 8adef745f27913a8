/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What AppArmor has denied to a container's profile, from the kernel's audit records in the
 * journal: for the reason why one does not come up. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/restarts.h"

/* What one record says. Names are cut and escaped to be seen. */
struct denial_record {
        char profile[256];   /* that denied it; "" when LABEL says it */
        char namespace[256]; /* of that profile, from the outermost one, "root//NAME"; "" for none
                              */
        char label[512];     /* a stack of profiles; "" */
        char operation[32];  /* "open", "mount", "capable", … */
        char object[256];    /* a path, a capability, a peer; "" */
        char mask[32];       /* of what was denied: "r", "wc"; "" */
};

/* MESSAGE as audit_log_record() gives it. False for what denies nothing. */
bool denial_parse(const char *message, struct denial_record *ret_record);

/* Whether it was denied to what runs under LABEL: by one of its profiles, by a child of one, or by
 * any profile in a policy namespace of it; or whether that label was not given. */
bool denial_is_of(const struct denial_record *record, const char *label);

/* At most so many different denials are counted. */
#define DENIALS_LIMIT 32

struct denial {
        struct denial_record record; /* the first of them */
        unsigned audited, logged;    /* from each source: the same ones, or some of them */
};

struct denials {
        struct denial items[DENIALS_LIMIT];
        size_t count;
        unsigned others; /* records of further ones */
};

void denials_add(struct denials *denials, const struct denial_record *record, bool has_audit);

/* One line, the most frequent first: "open /etc/hosts (r), 12 times; capable sys_admin; 3 more".
 * NULL when there are none. The caller's to free. 0 or -ENOMEM. */
int denials_to_text(const struct denials *denials, char **ret_text);

/* From when on denials may be why a restart failed, by the clock on the wall: SINCE_USEC, which is
 * when its phase began, or of one whose health was checked when its init was started. BEFORE is the
 * item as it was then, or NULL; BOOT_USEC and WALL_USEC are now, since the boot and on the wall. */
uint64_t denials_since(
                const struct phx_restart_item *before,
                uint64_t since_usec,
                uint64_t boot_usec,
                uint64_t wall_usec);

/* How long the next search of a pass may take whose searches have taken SPENT_USEC so far: together
 * no longer than one alone, and each at least long enough to read what the journal has by then. */
uint64_t denials_patience(uint64_t spent_usec);
#define DENIALS_LEAST_USEC UINT64_C(20000)

/* That line for what was denied to LABEL since SINCE_USEC, by the clock on the wall; NULL when
 * nothing was, or the journal cannot be read. A label says nothing about the container: what other
 * containers in the same profile were denied is part of it. The caller's to free. Blocks for
 * PATIENCE_USEC at most. 0 or -ENOMEM. */
int denials_find(const char *label, uint64_t since_usec, uint64_t patience_usec, char **ret_text);
