/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is done while Proxmox's command is at it: see guest.c. */

#include <stdlib.h>
#include <string.h>

#include "base/process.h"
#include "create/guest_command.h"
#include "create/guest_private.h"

#define CLONE_USEC UINT64_C(50000)
/* Longer than the command has the lock to find that a container is there already. */
#define HELD_USEC UINT64_C(150000)

/* A command that finds a creation of another's, just begun, has the lock as well, and ends. */
void guest_watch_create(void *data) {
        struct guest *guest = data;
        struct guest_record *record = &guest->record;
        long long written;
        int holder;

        if (record->time > 0)
                return;
        written = guest_written(guest, record->id, strlen(GUEST_EMPTY));
        holder = written == 0 ? 0
                              : guest_find_holder(guest->host->place.lock_directory, record->id);
        if (holder == 0 || holder != guest->holder || written != guest->written) {
                guest->holder = holder;
                guest->written = written;
                guest->held_since = phx_now_usec();
                return;
        }
        if (phx_now_usec() - guest->held_since < HELD_USEC)
                return;
        record->time = written;
        (void) guest_record_write(guest->records_fd, record);
}

/* The source is locked as long as ours is at it, and before our clone is unlocked. */
static int note_source(struct guest *guest, struct phx_error *error) {
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        struct guest_record *record = &guest->record;
        uint32_t id = (uint32_t) strtoul(record->source, NULL, 10);
        int r;

        if (record->source_time > 0)
                return 0;
        r = guest_read(guest, id, &config, error);
        if (r > 0)
                r = guest_is_locked(config.data, config.size, GUEST_SOURCE_LOCK);
        if (r <= 0)
                return r;
        record->source_time = guest_written(guest, id, config.size);
        return record->source_time > 0 ? 1 : 0;
}

/* Reading makes a config vanish for a moment, if it is replaced meanwhile: so only when there is
 * more than the empty one, and seldom. */
void guest_watch_clone(void *data) {
        struct guest *guest = data;
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        struct phx_error error = { 0 };
        uint64_t now = phx_now_usec();
        int noted;

        if (guest->is_prepared || now - guest->looked < CLONE_USEC ||
            guest_written(guest, guest->record.id, 0) == 0 ||
            guest_written(guest, guest->record.id, strlen(GUEST_EMPTY)) != 0)
                return;
        guest->looked = now;
        noted = note_source(guest, &error);
        if (guest_read(guest, guest->record.id, &config, &error) <= 0 ||
            guest_is_marked(&guest->record, config.data, config.size) <= 0) {
                guest->record.source_time = 0;
                return;
        }
        if (noted > 0)
                (void) guest_record_write(guest->records_fd, &guest->record);
        guest->is_prepared = guest_edit_once(guest, GUEST_PREPARED, &config, &error) >= 0;
}
