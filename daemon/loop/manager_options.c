/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdlib.h>

#include "loop/manager.h"

#define SECOND UINT64_C(1000000)

static const char *bus_address(void) {
        const char *address = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");

        return address ? address : "unix:path=/run/dbus/system_bus_socket";
}

void manager_options_init(struct manager_options *options, const char *settings) {
        *options = (struct manager_options){
                .settings = settings,
                .cgroup_root = "/sys/fs/cgroup",
                .revision = "/sys/kernel/security/apparmor/policy/revision",
                .bus_address = bus_address(),
                .silence_usec = 900 * SECOND,
                .patience_usec = 10 * SECOND,
                .short_sync_usec = 30 * SECOND,
                .start_usec = 60 * SECOND,
        };
}
