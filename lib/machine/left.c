/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is known of the kernel does not change while it runs, or is counted by it; and what is known
 * of the policies is in a file for each. A run leaves all of it to the next one (base/handover.h):
 * which libraries have read it, the kernel's features, its kind of hash, what is loaded, and the
 * facts of the policies. Each part says itself what of it is believed. */

#include <errno.h>
#include <string.h>

#include "machine/private.h"

static int left_add_kernel(const struct phx_machine *machine, struct phx_buffer *texts) {
        struct phx_stamp stamp = { 0 };
        int r = phx_kernel_features_stamp(machine->kernel, &stamp);

        if (r >= 0)
                r = phx_texts_add(texts, machine->options.libraries);
        if (r >= 0)
                r = phx_texts_add_stamp(texts, &stamp);
        if (r >= 0)
                r = phx_texts_add(texts, machine->features);
        if (r >= 0)
                r = phx_texts_add(texts, machine->features_text);
        return r < 0 ? r : phx_texts_add_number(texts, (uint64_t) machine->hash_kind);
}

int phx_machine_leave(const struct phx_machine *machine, struct phx_buffer *texts) {
        int r;

        /* Libraries that are not known could be any. */
        if (!machine->options.libraries || !machine->features ||
            machine->hash_kind == PHX_HASH_NONE)
                return -ENODATA;
        r = left_add_kernel(machine, texts);
        if (r >= 0)
                r = phx_kernel_picture_leave(machine->picture, texts);
        return r < 0 ? r : phx_profiles_leave(machine->profiles, texts);
}

static int left_take_kernel(struct phx_machine *machine, struct phx_texts *texts) {
        struct phx_stamp now = { 0 }, stamp;
        const char *libraries = phx_texts_next(texts), *features, *text;
        uint64_t kind;

        if (!machine->options.libraries || strcmp(libraries, machine->options.libraries) != 0 ||
            phx_kernel_features_stamp(machine->kernel, &now) < 0)
                return -ESTALE;
        stamp = phx_texts_next_stamp(texts);
        features = phx_texts_next(texts);
        text = phx_texts_next_or_null(texts);
        kind = phx_texts_next_number(texts);
        if (texts->is_short || !phx_stamp_equal(&stamp, &now) || kind > PHX_HASH_SHA256)
                return -ESTALE;
        if (phx_replace(&machine->features, features) < 0 ||
            phx_replace(&machine->features_text, text) < 0)
                return -ENOMEM;
        machine->hash_kind = (enum phx_hash_kind) kind;
        return 0;
}

int phx_machine_take(struct phx_machine *machine, struct phx_texts *texts) {
        int r = left_take_kernel(machine, texts);

        if (r >= 0)
                r = phx_kernel_picture_take(machine->picture, texts);
        return r < 0 ? r : phx_profiles_take(machine->profiles, texts);
}
