/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/creation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

/* That Proxmox gives a disk whose size is not named: it wants one where there are more. */
#define PROXMOX_SIZE_GB 4L

/* As long as the kernel takes, and as a label of DNS may be. */
#define HOSTNAME_LIMIT 63
#define HOSTNAME_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"

#define KEY_ENVIRONMENT "lxc.environment"

/* Of the CPU controller, in microseconds: each core is one period's time in a period. */
#define PERIOD_USEC 100000L

struct phx_creation *phx_creation_free(struct phx_creation *creation) {
        if (!creation)
                return NULL;

        free(creation->template);
        free(creation->source);
        free(creation->interface);
        free(creation->bridge);
        free(creation->address);
        free(creation->gateway);
        free(creation->mac);
        free(creation->proxmox_key);
        free(creation->storage);
        phx_strings_done(&creation->volumes);
        free(creation);

        return NULL;
}

int phx_creation_copy(struct phx_creation **copy, const struct phx_creation *creation) {
        phx_cleanup(phx_creation_freep) struct phx_creation *made = NULL;

        if (creation) {
                made = calloc(1, sizeof(*made));
                if (!made)
                        return -ENOMEM;
                made->memory_mb = creation->memory_mb;
                made->cores = creation->cores;
                made->swap_mb = creation->swap_mb;
                made->has_swap = creation->has_swap;
                made->is_unprivileged = creation->is_unprivileged;
                made->size_gb = creation->size_gb;
                if (phx_replace(&made->template, creation->template) < 0 ||
                    phx_replace(&made->source, creation->source) < 0 ||
                    phx_replace(&made->interface, creation->interface) < 0 ||
                    phx_replace(&made->bridge, creation->bridge) < 0 ||
                    phx_replace(&made->address, creation->address) < 0 ||
                    phx_replace(&made->gateway, creation->gateway) < 0 ||
                    phx_replace(&made->mac, creation->mac) < 0 ||
                    phx_replace(&made->proxmox_key, creation->proxmox_key) < 0 ||
                    phx_replace(&made->storage, creation->storage) < 0 ||
                    phx_strings_copy(&made->volumes, &creation->volumes) < 0)
                        return -ENOMEM;
        }
        phx_creation_free(*copy);
        *copy = PHX_TAKE(made);
        return 0;
}

const char *phx_creation_hostname(const char *id, const char *name) {
        size_t length = name ? strlen(name) : 0;

        return length > 0 && length <= HOSTNAME_LIMIT && strspn(name, HOSTNAME_BYTES) == length &&
                                               name[0] != '-' && name[length - 1] != '-'
                               ? name
                               : id;
}

static int add_network(const struct phx_creation *creation, struct phx_strings *lines) {
        const char *version = creation->address && strchr(creation->address, ':') ? "6" : "4";
        int r;

        if (!creation->interface)
                return phx_strings_add(lines, "lxc.net.0.type = empty");
        r = phx_strings_add(lines, "lxc.net.0.type = veth");
        if (r >= 0)
                r = phx_strings_addf(lines, "lxc.net.0.link = %s", creation->bridge);
        if (r >= 0)
                r = phx_strings_addf(lines, "lxc.net.0.name = %s", creation->interface);
        if (r >= 0)
                r = phx_strings_add(lines, "lxc.net.0.flags = up");
        if (r >= 0 && creation->mac)
                r = phx_strings_addf(lines, "lxc.net.0.hwaddr = %s", creation->mac);
        if (r >= 0 && creation->address && strcmp(creation->address, "dhcp") != 0)
                r = phx_strings_addf(
                                lines,
                                "lxc.net.0.ipv%s.address = %s",
                                version,
                                creation->address);
        if (r >= 0 && creation->gateway)
                r = phx_strings_addf(
                                lines,
                                "lxc.net.0.ipv%s.gateway = %s",
                                version,
                                creation->gateway);
        return r;
}

int phx_creation_lines(const struct phx_creation *creation, struct phx_strings *lines) {
        int r = add_network(creation, lines);

        if (r >= 0 && creation->memory_mb > 0)
                r = phx_strings_addf(lines, "lxc.cgroup2.memory.max = %ldM", creation->memory_mb);
        if (r >= 0 && creation->has_swap)
                r = phx_strings_addf(
                                lines,
                                "lxc.cgroup2.memory.swap.max = %ldM",
                                creation->swap_mb);
        if (r >= 0 && creation->cores > 0)
                r = phx_strings_addf(
                                lines,
                                "lxc.cgroup2.cpu.max = %ld %ld",
                                creation->cores * PERIOD_USEC,
                                PERIOD_USEC);
        return r;
}

/* A name of Proxmox's storages begins with a letter. */
bool phx_creation_is_volume(const char *text) {
        static const char middle[] = ":vztmpl/";
        const char *colon = strchr(text, ':');
        const char *name = colon ? colon + strlen(middle) : NULL;

        return colon && colon > text && text[0] != '-' && phx_has_prefix(colon, middle) &&
               strcspn(text, "/ \t") > (size_t) (colon - text) && name[0] != '\0' &&
               name[0] != '.' && strcspn(name, "/ \t") == strlen(name) && !phx_has_control(text);
}

/* In the order in which Proxmox writes the parts. */
static int add_proxmox_network(const struct phx_creation *creation, struct phx_strings *keys) {
        const char *version = creation->address && strchr(creation->address, ':') ? "6" : "";
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        int r;

        if (!creation->interface)
                return 0;
        r = phx_buffer_addf(&text, "net0=name=%s,bridge=%s", creation->interface, creation->bridge);
        if (r >= 0 && creation->gateway)
                r = phx_buffer_addf(&text, ",gw%s=%s", version, creation->gateway);
        if (r >= 0 && creation->mac)
                r = phx_buffer_addf(&text, ",hwaddr=%s", creation->mac);
        if (r >= 0 && creation->address)
                r = phx_buffer_addf(&text, ",ip%s=%s", version, creation->address);
        if (r >= 0)
                r = phx_buffer_addf(&text, ",type=veth");
        return r < 0 ? r : phx_strings_add(keys, text.data);
}

static int add_proxmox_disks(const struct phx_creation *creation, struct phx_strings *keys) {
        int r = 0;

        if (creation->storage)
                r = phx_strings_addf(keys, "storage=%s", creation->storage);
        if (r >= 0 && (creation->size_gb > 0 || creation->volumes.count > 0))
                r = phx_strings_addf(
                                keys,
                                "rootfs=%ld",
                                creation->size_gb > 0 ? creation->size_gb : PROXMOX_SIZE_GB);
        for (size_t i = 0; r >= 0 && i < creation->volumes.count; i++)
                r = phx_strings_addf(keys, "mp%zu=%s", i, creation->volumes.items[i]);
        return r;
}

int phx_creation_keys(const struct phx_creation *creation, struct phx_strings *keys) {
        int r = 0;

        if (creation->cores > 0)
                r = phx_strings_addf(keys, "cores=%ld", creation->cores);
        if (r >= 0 && creation->memory_mb > 0)
                r = phx_strings_addf(keys, "memory=%ld", creation->memory_mb);
        if (r >= 0 && creation->has_swap)
                r = phx_strings_addf(keys, "swap=%ld", creation->swap_mb);
        if (r >= 0)
                r = add_proxmox_network(creation, keys);
        return r < 0 ? r : add_proxmox_disks(creation, keys);
}

int phx_creation_options(
                const struct phx_lxc_options *options,
                const char *between,
                struct phx_strings *lines) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < options->count; i++) {
                const struct phx_lxc_option *option = &options->items[i];

                if (!phx_has_prefix(option->key, KEY_ENVIRONMENT))
                        r = phx_strings_addf(lines, "%s%s%s", option->key, between, option->value);
        }
        return r;
}
