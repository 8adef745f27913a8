/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What started.c remembers and started_kept.c keeps. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/digest.h"
#include "base/strings.h"
#include "machine/started.h"

struct started_item {
        char *directory;
        pid_t init;
        uint64_t since;           /* that init was started */
        char key[PHX_SHA256_HEX]; /* of what was compared; "" for nothing yet */
        struct phx_strings gone;  /* lines that phoenixd has removed since */
        struct phx_wrong_lines wrong;
        char *unknown;
        bool is_compared;    /* with this key */
        unsigned unanswered; /* questions, one after the other */
};

struct started_items {
        struct started_item *items;
        size_t count;
};

struct phx_machine_started {
        struct started_items known; /* sorted by directory */
        char *runtime_dir;          /* NULL: nothing is kept */
        bool is_unkept;             /* the file has not what is known */
};

void phx_started_items_done(struct started_items *items);

/* Writes the removed lines of all items: 0 or -ENOMEM. */
int phx_machine_started_save(struct phx_machine_started *started);
/* Takes those that are there: 0 or -ENOMEM. */
int phx_machine_started_load(struct phx_machine_started *started);
