/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/offer_json.h"

#include "base/macros.h"

#define MEMBER(object, key, type, member) \
        { key, PHX_FIELD_##type, offsetof(struct object, member), NULL, 0, NULL, 0 }

static const char *leftover_word(unsigned value) {
        return phx_leftover_to_string((enum phx_leftover) value);
}

static const struct phx_field change_fields[] = {
        { "kind",
          PHX_FIELD_WORD,
          offsetof(struct phx_offer_change, kind),
          leftover_word,
          PHX_LEFTOVERS,
          NULL,
          0 },
        MEMBER(phx_offer_change, "line", NUMBER, line),
        MEMBER(phx_offer_change, "sentence", NAME, sentence),
};
static const struct phx_shape change_shape = { change_fields,
                                               PHX_ELEMENTS(change_fields),
                                               sizeof(struct phx_offer_change) };

static const struct phx_field offer_fields[] = {
        MEMBER(phx_offer, "object", NAME, object),
        MEMBER(phx_offer, "file", PATH, file),
        { "changes",
          PHX_FIELD_LIST,
          offsetof(struct phx_offer, changes),
          NULL,
          0,
          &change_shape,
          offsetof(struct phx_offer, count) },
        MEMBER(phx_offer, "before", PATH, before),
        MEMBER(phx_offer, "after", PATH, after),
};
const struct phx_shape phx_offer_shape = { offer_fields,
                                           PHX_ELEMENTS(offer_fields),
                                           sizeof(struct phx_offer) };
