/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/strings.h"

#define GUEST_TOKEN_SIZE 33

/* A creation by Proxmox, as it was begun: on the disk before Proxmox is asked, and removed when the
 * container is complete or absent. So it says all that the container is to be. */
struct guest_record {
        uint32_t id;
        char token[GUEST_TOKEN_SIZE]; /* its mark, of this try alone */
        char *label;                  /* the value of lxc.apparmor.profile; "generated": no line */
        char *source;                 /* the container that is cloned; NULL: none */
        struct phx_strings keys;      /* "KEY=VALUE", for Proxmox */
        struct phx_strings lines;     /* "lxc.KEY=VALUE" */
        long long time;               /* when Proxmox wrote the empty config, in seconds since 1970,
                                         seen while the creation was at it; 0: not seen */
        long long source_time;        /* likewise when it locked the source */
        char digest[PHX_SHA256_HEX];  /* of the config that is to be destroyed; "": none is */
};

void guest_record_done(struct guest_record *record);
/* Gives it a new mark. 0 or a negative errno. */
int guest_record_mark(struct guest_record *record);

/* Below DIRECTORY_FD. Of a record that is damaged, or of another version, -EBADMSG; -ENOENT without
 * one. */
int guest_record_read(int directory_fd, uint32_t id, struct guest_record *ret_record);
/* On the disk when it returns. */
int guest_record_write(int directory_fd, const struct guest_record *record);
int guest_record_remove(int directory_fd, uint32_t id);
