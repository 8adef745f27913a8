/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "create/create.h"
#include "create/guest_record.h"

/* What Proxmox's command, PCT, is called with. Each of these appends to ARGUMENTS: 0 or -ENOMEM. */

/* "PCT VERB ID". */
int guest_arguments(
                const char *pct,
                const char *verb,
                const char *id,
                struct phx_strings *arguments);
/* The container is to be made from a template, and to stay locked. */
int guest_create_arguments(
                const char *pct,
                const struct guest_record *record,
                const struct create_order *order,
                struct phx_strings *arguments);
/* A full clone. What is not named here of RECORD's keys has to be set in its file. */
int guest_clone_arguments(
                const char *pct,
                const struct guest_record *record,
                const struct create_order *order,
                struct phx_strings *arguments);
