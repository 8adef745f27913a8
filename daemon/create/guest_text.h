/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/buffer.h"
#include "create/guest_record.h"

/* What a container's file of Proxmox is to say while it is created. Pure: bytes in, bytes out. */

#define GUEST_LOCK "create"
#define GUEST_SOURCE_LOCK "disk"
/* All that Proxmox writes at first. */
#define GUEST_EMPTY "lock: " GUEST_LOCK "\n"
/* As the description, before the mark. */
#define GUEST_NOTE "phoenixd-create "

enum guest_stage {
        GUEST_PREPARED, /* as its entry says, and still Proxmox's: locked, and with our mark */
        GUEST_COMPLETE, /* neither locked nor marked */
        GUEST_DOOMED,   /* to be destroyed: in its profile, marked, and not locked, as Proxmox
                           destroys none that is */
};

/* The file as it is to be in STAGE: 1 when that is another text, 0 when not, or a negative errno
 * with its text. */
int guest_render(
                const struct guest_record *record,
                enum guest_stage stage,
                const char *data,
                size_t size,
                struct phx_buffer *ret_text,
                struct phx_error *error);

/* Whether it has the mark of RECORD. 1, 0 or -ENOMEM. */
int guest_is_marked(const struct guest_record *record, const char *data, size_t size);
/* Whether it is locked with the word LOCK, or with any where that is NULL. 1, 0 or -ENOMEM. */
int guest_is_locked(const char *data, size_t size, const char *lock);

/* Whether the container of this file can be cloned as RECORD says: 0, or -EINVAL when the clone
 * would lose what confines it, or cannot be what is asked for. */
int guest_check_source(
                const struct guest_record *record,
                bool is_unprivileged,
                const char *data,
                size_t size,
                struct phx_error *error);
/* Whether the disk of a clone is still to become as large as RECORD says. 1, 0 or -ENOMEM. */
int guest_grows(const struct guest_record *record, const char *data, size_t size);

/* Whether a clone has all volumes that its source has, of which Proxmox adds each when it is
 * copied: 1, 0 or -ENOMEM. SOURCE is NULL when that is not there any more; then it is whether it
 * has a root file system. */
int guest_has_volumes(const char *data, size_t size, const char *source, size_t source_size);

/* The value of a key in RECORD; NULL without. Borrowed. */
const char *guest_key(const struct guest_record *record, const char *key);
