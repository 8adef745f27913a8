/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What must hold of any edit of any file, whoever made them up. */

#include "pve/edit.h"

/* EDIT was made of the SIZE bytes at DATA, with RESULT. NULL, or the property that does not hold.
 */
const char *pve_edit_fault(
                const struct phx_pve_edit *edit,
                const char *data,
                size_t size,
                const struct phx_buffer *result);
