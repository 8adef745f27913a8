/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Words for what a file means, for the dumps of tests. */

#include "pve/effect.h"
#include "pve/meaning.h"

/* "profile-not-read"; NULL for what is no value of the enum. */
const char *pve_kind_word(enum phx_pve_kind kind);
const char *pve_drop_word(enum phx_pve_drop drop);
const char *pve_strength_word(enum phx_pve_strength strength);
const char *pve_finding_word(enum phx_pve_finding_kind kind);
const char *pve_features_fault_word(enum phx_pve_features_fault fault);
const char *pve_generation_word(enum phx_pve_generation generation);
