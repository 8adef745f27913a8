/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <systemd/sd-bus.h>

int thing(sd_bus *bus, sd_bus_message *m) {
        return sd_bus_call(bus, m, 0, NULL, NULL);
}
