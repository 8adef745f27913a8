/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#include "world_fake.h"

/* The same numbers from the same seed, everywhere. */
struct lottery {
        uint64_t state;
};

/* Less than N. */
unsigned lottery_pick(struct lottery *lottery, unsigned n);
bool lottery_chance(struct lottery *lottery, unsigned percent);

/* A machine in any state, good and bad, with a configuration that asks for anything. */
struct fake *random_world(uint64_t seed);
/* A machine that is as its configuration asks: only what is tolerable may be said of it. */
struct fake *random_world_in_sync(uint64_t seed);
/* Changes something of the machine, as an administrator might. */
void random_meddling(struct fake *fake, struct lottery *lottery);
/* The same facts in another order. */
void random_order(struct phx_desired *desired, struct phx_observed *observed, uint64_t seed);
