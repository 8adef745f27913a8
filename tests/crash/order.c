/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_out(struct phx_strings *strings, const char *text) {
        for (size_t i = 0; i < strings->count; i++)
                if (strcmp(strings->items[i], text) == 0) {
                        free(strings->items[i]);
                        strings->items[i] = strings->items[--strings->count];
                        return;
                }
}

static void violate(struct order *order, const char *what, const char *path) {
        if (!order->violation[0])
                (void) snprintf(order->violation, sizeof(order->violation), "%s: %s", path, what);
}

static void put_directory(const char *path, char *directory, size_t size) {
        const char *slash = strrchr(path, '/');

        (void) snprintf(directory, size, "%.*s", slash ? (int) (slash - path) : 0, path);
}

/* What is found out again when it is damaged: see lib/profiles/facts.h, lib/machine/kept.c and
 * lib/machine/gate.c. */
static bool may_be_lost(const char *path) {
        return phx_has_suffix(path, ".facts.phoenixd~") ||
               phx_has_suffix(path, "/.judgements.phoenixd~") ||
               phx_has_suffix(path, "/gate/.containers.phoenixd~");
}

static void on_rename(struct order *order, const struct call *call) {
        char directory[8192];

        if (may_be_lost(call->path)) {
                take_out(&order->dirty, call->path);
                return;
        }
        if (phx_strings_has(&order->dirty, call->path))
                violate(order, "is renamed before it is synced", call->path);
        take_out(&order->dirty, call->path);
        put_directory(call->target, directory, sizeof(directory));
        (void) phx_strings_add_once(&order->renamed, directory);
}

/* What begins a new change: nothing of the last one may still be in the air. */
static void on_begin(struct order *order, const struct call *call) {
        if (order->renamed.count > 0)
                violate(order,
                        "the next change begins before it is synced",
                        order->renamed.items[0]);
}

/* An fsync of the directory "DIR/." is one of DIR. */
static void on_sync(struct order *order, const struct call *call) {
        take_out(&order->dirty, call->path);
        take_out(&order->renamed, call->path);
}

void order_take(struct order *order, const struct call *call) {
        if (!call->is_done) {
                if (strcmp(call->name, "openat") == 0 || phx_has_prefix(call->name, "rename"))
                        on_begin(order, call);
                return;
        }
        /* A sync that fails is not forgotten by who has asked for it, but it cannot be had either.
         */
        if (call->result < 0 && strcmp(call->name, "fsync") != 0)
                return;
        if (strcmp(call->name, "write") == 0)
                (void) phx_strings_add_once(&order->dirty, call->path);
        else if (phx_has_prefix(call->name, "rename"))
                on_rename(order, call);
        else if (strcmp(call->name, "fsync") == 0)
                on_sync(order, call);
        else if (strcmp(call->name, "unlinkat") == 0 || strcmp(call->name, "unlink") == 0)
                take_out(&order->dirty, call->path);
}

void order_done(struct order *order) {
        phx_strings_done(&order->dirty);
        phx_strings_done(&order->renamed);
}
