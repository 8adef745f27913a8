/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* An ordinary directory that looks like Proxmox's cluster file system: below tree_new(), with the
 * node "pve1" as this one and a "pve2". */

#include <sys/stat.h>

#include "pve/cluster.h"
#include "tree.h"

static inline void pve_write_version(unsigned start_time) {
        char text[128];

        (void) snprintf(text,
                        sizeof(text),
                        "{ \"starttime\": %u, \"clinfo\": 1, \"vmlist\": 2 }\n",
                        start_time);
        tree_write("pve/.version", text);
}

/* "101": {…} and more of them, with commas between. */
static inline void pve_write_vmlist(const char *ids) {
        char text[4096];

        (void) snprintf(text, sizeof(text), "{\"version\": 7, \"ids\": {%s}}\n", ids);
        tree_write("pve/.vmlist.new", text);
        assert_int_equal(rename(tree_path("pve/.vmlist.new"), tree_path("pve/.vmlist")), 0);
}

#define PVE_GUEST(id, node, type, version) \
        "\"" id "\": {\"node\": \"" node "\", \"type\": \"" type "\", \"version\": " version "}"

static inline void pve_write_members(bool is_cluster) {
        tree_write("pve/.members",
                   is_cluster ? "{\"nodename\": \"pve1\", \"version\": 4, \"cluster\": {\"name\": "
                                "\"c\", \"version\": 2, \"nodes\": 2, \"quorate\": 1}, "
                                "\"nodelist\": {}}"
                              : "{\"nodename\": \"pve1\", \"version\": 0}");
}

static inline void pve_tree_new(void) {
        (void) tree_new();
        tree_mkdir("pve/nodes/pve1/lxc");
        tree_mkdir("pve/nodes/pve1/qemu-server");
        tree_mkdir("pve/nodes/pve2/lxc");
        tree_mkdir("database");
        tree_write("database/config.db-wal", "");
        tree_link("pve/local", "nodes/pve1");
        tree_link("pve/lxc", "nodes/pve1/lxc");
        pve_write_members(false);
        pve_write_version(1000);
        pve_write_vmlist("");
}

/* Its strings are overwritten by the next call. */
static inline struct phx_pve_place pve_tree_place(void) {
        static char root[256], lock[256], database[256];

        (void) snprintf(root, sizeof(root), "%s", tree_path("pve"));
        (void) snprintf(lock, sizeof(lock), "%s", tree_path("lock"));
        (void) snprintf(database, sizeof(database), "%s", tree_path("database"));
        return (struct phx_pve_place){
                .root = root,
                .lock_directory = lock,
                .database = database,
                .any_file_system = true,
        };
}
