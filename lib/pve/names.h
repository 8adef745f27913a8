/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The words for what a file means: in JSON, fields of the journal and the dumps of tests. */

#include "pve/effect.h"
#include "pve/meaning.h"

/* "profile-not-read"; NULL for what is no value of the enum. */
const char *phx_pve_kind_to_string(enum phx_pve_kind kind);
const char *phx_pve_drop_to_string(enum phx_pve_drop drop);
const char *phx_pve_strength_to_string(enum phx_pve_strength strength);
const char *phx_pve_finding_to_string(enum phx_pve_finding_kind kind);
const char *phx_pve_features_fault_to_string(enum phx_pve_features_fault fault);
const char *phx_pve_generation_to_string(enum phx_pve_generation generation);
