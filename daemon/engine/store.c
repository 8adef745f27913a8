/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "engine/store.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "codec/inventory_json.h"
#include "codec/restarts_json.h"
#include "codec/suspensions_json.h"

#define INVENTORY "inventory.json"
#define SUSPENSIONS "suspensions.json"
#define RESTARTS "restarts.json"
/* A thousand containers with ten lines each are 1 MB. */
#define INVENTORY_LIMIT (64UL << 20)

int store_load(int state_fd, struct phx_inventory *ret_inventory, struct phx_error *error) {
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r;

        r = phx_file_read_at(state_fd, INVENTORY, INVENTORY_LIMIT, &text, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return phx_error_set(error, r, INVENTORY ": %s", strerrordesc_np(-r));
        r = phx_inventory_parse(INVENTORY, text, size, ret_inventory, error);
        return r == -EBADMSG ? 1 : r;
}

int store_save(int state_fd, const struct phx_inventory *inventory, struct phx_error *error) {
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r;

        r = phx_inventory_render(inventory, &text, &size);
        if (r >= 0)
                r = phx_file_ensure_at(state_fd, INVENTORY, text, size, 0600);
        return r < 0 ? phx_error_set(error,
                                     r,
                                     INVENTORY ": cannot be written: %s",
                                     strerrordesc_np(-r))
                     : 0;
}

int store_load_suspensions(
                int state_fd,
                struct phx_suspensions *ret_suspensions,
                struct phx_error *error) {
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r;

        r = phx_file_read_at(state_fd, SUSPENSIONS, INVENTORY_LIMIT, &text, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return phx_error_set(error, r, SUSPENSIONS ": %s", strerrordesc_np(-r));
        r = phx_suspensions_parse(text, size, ret_suspensions, error);
        return r == -EBADMSG ? 1 : r;
}

int store_save_suspensions(
                int state_fd,
                const struct phx_suspensions *suspensions,
                struct phx_error *error) {
        phx_autofree char *text = NULL;
        int r;

        r = phx_suspensions_render(suspensions, &text);
        if (r >= 0)
                r = phx_file_ensure_at(state_fd, SUSPENSIONS, text, strlen(text), 0600);
        return r < 0 ? phx_error_set(error,
                                     r,
                                     SUSPENSIONS ": cannot be written: %s",
                                     strerrordesc_np(-r))
                     : 0;
}

int store_load_restarts(int state_fd, struct phx_restarts *ret_restarts, struct phx_error *error) {
        phx_autofree char *text = NULL;
        size_t size = 0;
        int r;

        r = phx_file_read_at(state_fd, RESTARTS, INVENTORY_LIMIT, &text, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return phx_error_set(error, r, RESTARTS ": %s", strerrordesc_np(-r));
        r = phx_restarts_parse(text, size, ret_restarts, error);
        return r == -EBADMSG ? 1 : r;
}

int store_save_restarts(
                int state_fd,
                const struct phx_restarts *restarts,
                struct phx_error *error) {
        phx_autofree char *text = NULL;
        int r;

        r = phx_restarts_render(restarts, &text);
        if (r >= 0)
                r = phx_file_ensure_at(state_fd, RESTARTS, text, strlen(text), 0600);
        return r < 0 ? phx_error_set(error,
                                     r,
                                     RESTARTS ": cannot be written: %s",
                                     strerrordesc_np(-r))
                     : 0;
}
