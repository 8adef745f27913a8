/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve/assign.h"

#include <errno.h>
#include <string.h>

#include "base/strings.h"
#include "lxc/ask.h"
#include "pve/edit.h"

#define GENERATED "generated"

/* "key=value"; no value is no line. */
static int assign_set(struct phx_pve_edit *edit, const char *setting) {
        size_t size = strcspn(setting, "=");
        phx_autofree char *key = strndup(setting, size);
        const char *value = setting + size + 1;

        return key ? phx_pve_edit_set(edit, key, value[0] ? value : NULL) : -ENOMEM;
}

static int assign_edit_of(
                const struct phx_lxc_edit *from,
                const struct phx_strings *settings,
                struct phx_pve_edit *edit) {
        const char *profile = from->profile;
        int r;

        r = phx_strings_copy(&edit->removed, &from->removed);
        if (r >= 0)
                r = phx_strings_copy(&edit->tail, &from->tail);
        for (size_t i = 0; r >= 0 && i < settings->count; i++)
                r = assign_set(edit, settings->items[i]);
        if (r < 0 || !profile)
                return r;
        return phx_pve_edit_set(
                        edit,
                        PHX_PVE_KEY_PROFILE,
                        strcmp(profile, GENERATED) == 0 ? NULL : profile);
}

/* The new bytes: 1, or 0 when they are the old ones. */
static int assign_render(
                const struct phx_pve_known *known,
                const struct phx_lxc_edit *from,
                const struct phx_strings *settings,
                struct phx_buffer *ret_data,
                struct phx_error *error) {
        phx_cleanup(phx_pve_edit_done) struct phx_pve_edit edit = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        int r;

        r = phx_pve_text_parse(known->config.data, known->config.size, &text);
        if (r >= 0)
                r = assign_edit_of(from, settings, &edit);
        if (r >= 0)
                r = phx_pve_edit_render(&edit, &text, ret_data, error);
        if (r < 0)
                phx_error_prefix(error, known->path);
        return r;
}

/* What Proxmox will make of the new bytes, as liblxc reads it. */
static int assign_judge(
                const struct phx_pve_known *known,
                const struct phx_buffer *data,
                const char *profile,
                uint64_t deadline_usec,
                struct phx_error *error) {
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer generated = { 0 };
        phx_cleanup(phx_lxc_values_done) struct phx_lxc_values values = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        unsigned line;
        int r;

        r = phx_pve_text_parse(data->data, data->size, &text);
        if (r >= 0)
                r = phx_pve_generate(known->id, known->path, &text, &generated, &line, error);
        if (r >= 0)
                r = phx_strings_add(&names, known->path);
        if (r >= 0)
                r = phx_lxc_worker_load_texts(&names, &generated, deadline_usec, &values, error);
        if (r < 0)
                return r;
        if (values.code < 0)
                return phx_error_set(
                                error,
                                values.code,
                                "%s: liblxc rejects the config that Proxmox would generate: %s",
                                known->path,
                                values.text);
        if (profile && strcmp(values.profile, profile) != 0)
                return phx_error_set(
                                error,
                                -EINVAL,
                                "%s: the config that Proxmox would generate names '%s', expected "
                                "'%s'",
                                known->path,
                                values.profile,
                                profile);
        return 0;
}

static int assign_code(enum phx_pve_outcome outcome, const struct phx_error *error) {
        switch (outcome) {
        case PHX_PVE_OUTCOME_DONE:
                return 1;
        case PHX_PVE_OUTCOME_RIGHT:
                return 0;
        case PHX_PVE_OUTCOME_CHANGED:
        case PHX_PVE_OUTCOME_MOVED:
                return -ESTALE;
        case PHX_PVE_OUTCOME_NOT_NOW:
                return -EAGAIN;
        case PHX_PVE_OUTCOME_LOCKED:
        case PHX_PVE_OUTCOME_NO_LOCK:
                return -EBUSY;
        case PHX_PVE_OUTCOME_TEMPLATE:
                return -EPERM;
        case PHX_PVE_OUTCOME_FAILED:
                break;
        }
        return error->code < 0 ? error->code : -EIO;
}

int phx_pve_assign(
                struct phx_pve_worker *worker,
                const struct phx_pve_known *known,
                const struct phx_lxc_edit *edit,
                const struct phx_strings *settings,
                uint64_t deadline_usec,
                struct phx_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer data = { 0 };
        struct phx_error why = { 0 };
        enum phx_pve_outcome outcome;
        int r;

        bool is_other;

        r = assign_render(known, edit, settings, &data, error);
        if (r < 0)
                return r;
        /* Where nothing is to be written, the profile may come from an include. */
        is_other = r > 0;
        if (!is_other) {
                phx_buffer_done(&data);
                r = phx_buffer_add(&data, known->config.data, known->config.size);
                if (r < 0)
                        return r;
        }
        r = assign_judge(known, &data, edit->profile, deadline_usec, error);
        if (r < 0 || !is_other)
                return r;
        outcome = phx_pve_worker_edit(
                        worker,
                        known->id,
                        known->config.sha256,
                        data.data,
                        data.size,
                        &why);
        r = assign_code(outcome, &why);
        return r < 0 ? phx_error_set(error, r, "%s", why.text) : r;
}

int phx_pve_assign_preview(
                const struct phx_pve_known *known,
                const struct phx_lxc_edit *edit,
                const struct phx_strings *settings,
                struct phx_preview *ret_preview) {
        phx_cleanup(phx_buffer_done) struct phx_buffer data = { 0 };
        phx_cleanup(phx_preview_done) struct phx_preview preview = { 0 };
        int r;

        r = assign_render(known, edit, settings, &data, NULL);
        if (r <= 0)
                return r;
        if (phx_replace(&preview.file, known->path) < 0 ||
            phx_replace(&preview.before, known->config.data) < 0)
                return -ENOMEM;
        preview.after = PHX_TAKE(data.data);
        *ret_preview = PHX_TAKE_STRUCT(preview);
        return 1;
}
