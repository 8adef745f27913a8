/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "policy/query.h"

#include <stdlib.h>
#include <string.h>

#include <sys/apparmor.h>

void phx_policy_query_done(struct phx_policy_query *query) {
        phx_buffer_done(&query->match);
        free(query->what);
        *query = (struct phx_policy_query){ 0 };
}

uint32_t phx_query_file_mask(char permission) {
        switch (permission) {
        case 'r':
                return AA_MAY_READ;
        case 'w':
                return AA_MAY_WRITE;
        case 'a':
                return AA_MAY_APPEND;
        case 'x':
                return AA_MAY_EXEC;
        case 'm':
                return AA_EXEC_MMAP;
        case 'k':
                return AA_MAY_LOCK;
        case 'l':
                return AA_MAY_LINK;
        default:
                return 0;
        }
}

static int query_begin(struct phx_policy_query *query, enum phx_query_class class) {
        const unsigned char byte = (unsigned char) class;

        query->class = class;
        return phx_buffer_add(&query->match, &byte, sizeof(byte));
}

/* The text alone, for what stands at the end of the string. */
static int query_add(struct phx_policy_query *query, const char *text) {
        return phx_buffer_add_text(&query->match, text);
}

/* The text, or nothing, and the NUL that the automaton knows its end by. */
static int add_part(struct phx_policy_query *query, const char *text) {
        return phx_buffer_add(&query->match, text ? text : "", text ? strlen(text) + 1 : 1);
}

int phx_query_file(struct phx_policy_query *query, const char *path) {
        int r = query_begin(query, PHX_QUERY_FILE);

        return r < 0 ? r : query_add(query, path);
}

/* Profiles are names among the files'. */
int phx_query_change_profile(struct phx_policy_query *query, const char *profile) {
        query->mask = AA_MAY_CHANGE_PROFILE;
        return phx_query_file(query, profile);
}

/* Behind the type each flag is a byte: its bit's number, counted from 1, in ascending order. */
static int add_mount_flags(struct phx_policy_query *query, uint32_t flags) {
        for (unsigned char bit = 0; bit < 32; bit++) {
                const unsigned char byte = (unsigned char) (bit + 1);
                int r = (flags >> bit) & 1 ? phx_buffer_add(&query->match, &byte, 1) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

int phx_query_mount(
                struct phx_policy_query *query,
                const char *source,
                const char *target,
                const char *type,
                uint32_t flags) {
        int r = query_begin(query, PHX_QUERY_MOUNT);

        query->mask = PHX_QUERY_MOUNT_IT;
        if (r >= 0)
                r = add_part(query, target);
        if (r >= 0)
                r = add_part(query, source);
        if (r >= 0)
                r = add_part(query, type);
        return r < 0 ? r : add_mount_flags(query, flags);
}

int phx_query_umount(struct phx_policy_query *query, const char *target) {
        int r = query_begin(query, PHX_QUERY_MOUNT);

        query->mask = PHX_QUERY_UMOUNT;
        return r < 0 ? r : query_add(query, target);
}

int phx_query_pivot_root(
                struct phx_policy_query *query,
                const char *new_root,
                const char *put_old) {
        int r = query_begin(query, PHX_QUERY_MOUNT);

        query->mask = PHX_QUERY_PIVOT_ROOT;
        if (r >= 0)
                r = add_part(query, new_root);
        return r < 0 ? r : query_add(query, put_old);
}

int phx_query_ptrace(struct phx_policy_query *query, const char *peer) {
        int r = query_begin(query, PHX_QUERY_PTRACE);

        return r < 0 ? r : query_add(query, peer);
}

int phx_query_signal(struct phx_policy_query *query, unsigned signal, const char *peer) {
        const unsigned char byte = (unsigned char) signal;
        int r = query_begin(query, PHX_QUERY_SIGNAL);

        if (r >= 0)
                r = phx_buffer_add(&query->match, &byte, sizeof(byte));
        return r < 0 ? r : query_add(query, peer);
}

int phx_query_network(struct phx_policy_query *query, unsigned family, unsigned socket) {
        const unsigned char numbers[] = { (unsigned char) (family >> 8),
                                          (unsigned char) family,
                                          (unsigned char) (socket >> 8),
                                          (unsigned char) socket };
        int r = query_begin(query, PHX_QUERY_NETWORK);

        query->mask = PHX_QUERY_CREATE;
        return r < 0 ? r : phx_buffer_add(&query->match, numbers, sizeof(numbers));
}
