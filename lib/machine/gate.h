/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/error.h"
#include "base/seal.h"
#include "base/stamp.h"
#include "state/desired.h"
#include "state/gate.h"
#include "state/observed.h"
#include "state/settings.h"

/* What is written down for the boot gate (state/gate.h), and was last. The zero value but for FD is
 * a start. */
struct phx_machine_gate {
        int fd;         /* of its directory, which is ours alone; the caller's to close */
        bool is_loaded; /* LAST is what was found there */
        char *boot;     /* the kernel's id of this boot; NULL or "": unknown */
        struct phx_gate last;
        /* Of LAST as it was written; "" for nothing. */
        char checksum[PHX_SEAL_HEX];
        struct phx_stamp stamp; /* of the file */
        const char *without;    /* the word for PHX_GATE_WITHOUT_STATE that is there; NULL: unknown
                                 */
        int code; /* why what is desired now is not written down, and must not be made: 0 or a
                     negative errno */
};

void phx_machine_gate_done(struct phx_machine_gate *gate);

/* Writes down what the containers are to start with, if that is something else than what is there:
 * 1 when it was written, 0, or a negative errno, which is in CODE too unless the gate is off.
 * Without a configuration that was accepted, what is there stays, but for what SETTINGS say of the
 * gate. */
int phx_machine_gate_remember(
                struct phx_machine_gate *gate,
                const struct phx_settings *settings,
                const struct phx_desired *desired,
                const struct phx_observed *observed,
                struct phx_error *error);
