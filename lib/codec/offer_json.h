/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "codec/fields.h"
#include "state/offer.h"

/* Of struct phx_offer. Its texts come back byte by byte, as a patch is made of them. */
extern const struct phx_shape phx_offer_shape;
