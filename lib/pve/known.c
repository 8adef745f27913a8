/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve/known.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strings.h"
#include "pve/meaning.h"
#include "pve/remarks.h"

/* Proxmox 8 lacks two raw rules, which name no profile. */
#define RELEASE 9

void phx_pve_known_done(struct phx_pve_known *known) {
        free(known->path);
        free(known->lock);
        free(known->trouble);
        phx_pve_config_done(&known->config);
        phx_strings_done(&known->pending);
        phx_strings_done(&known->remarks);
        phx_buffer_done(&known->generated);
        phx_pve_reason_done(&known->reason);
        phx_lxc_values_done(&known->values);
        phx_lxc_decider_done(&known->decider);
        *known = (struct phx_pve_known){ 0 };
}

static bool known_has_config(void *data, const char *name) {
        phx_autofree char *path = NULL;

        return phx_printf(&path, "%s/%s", PHX_PVE_LXC_CONFIG_DIR, name) >= 0 &&
               access(path, F_OK) == 0;
}

static const char *refusal_words(const struct phx_pve_effect *effect) {
        switch (effect->generation) {
        case PHX_PVE_TEMPLATE:
                return "is a template, which does not start";
        case PHX_PVE_NO_ARCH:
                return "has no arch, so that Proxmox cannot start the container";
        case PHX_PVE_NO_OSTYPE:
                return "has no ostype, so that Proxmox cannot start the container";
        case PHX_PVE_NO_ROOTFS:
                return "has no rootfs, so that Proxmox cannot start the container";
        case PHX_PVE_BAD_FEATURES:
                return "Proxmox does not accept the features, and cannot start the container";
        case PHX_PVE_CONTROL:
                return "has a NUL byte or a carriage return, after which liblxc reads other lines "
                       "than Proxmox";
        case PHX_PVE_UNREADABLE:
                return "has a key under which Proxmox keeps its own data: Proxmox cannot read the "
                       "file";
        case PHX_PVE_GENERATES:
                break;
        }
        return NULL;
}

/* Where liblxc puts the tasks, as Proxmox's own lines say: state of pve-container 6. */
static int known_add_cgroups(struct phx_buffer *text, uint32_t id) {
        return phx_buffer_addf(
                        text,
                        "lxc.cgroup.relative = 0\n"
                        "lxc.cgroup.dir.monitor = lxc.monitor/%" PRIu32 "\n"
                        "lxc.cgroup.dir.container = lxc/%" PRIu32 "\n"
                        "lxc.cgroup.dir.container.inner = ns\n",
                        id,
                        id);
}

int phx_pve_generate(
                uint32_t id,
                const char *path,
                const struct phx_pve_text *text,
                struct phx_buffer *ret_generated,
                unsigned *ret_line,
                struct phx_error *error) {
        const struct phx_pve_host host = { .release = RELEASE, .has_config = known_has_config };
        phx_cleanup(phx_pve_effect_done) struct phx_pve_effect effect = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer generated = { 0 };
        const struct phx_pve_effect_line *decider;
        bool has_include;
        int r;

        r = phx_pve_effect_of(text, 0, &host, &effect);
        if (r < 0)
                return r;
        if (effect.generation != PHX_PVE_GENERATES) {
                (void) phx_error_set(error, -EINVAL, "%s: %s", path, refusal_words(&effect));
                return -EINVAL;
        }
        r = known_add_cgroups(&generated, id);
        if (r >= 0)
                r = phx_pve_effect_text(&effect, &generated);
        if (r < 0)
                return r;
        decider = phx_pve_effect_decider(&effect, &has_include);
        *ret_line = decider ? decider->number : 0;
        *ret_generated = PHX_TAKE_STRUCT(generated);
        return 0;
}

static int known_set_lock(struct phx_pve_known *known, const struct phx_pve_line *line) {
        phx_autofree char *lock = line ? strndup(line->value, line->value_size) : NULL;
        char *visible = lock ? phx_visible(lock) : NULL;

        if (line && !visible)
                return -ENOMEM;
        free(known->lock);
        known->lock = visible;
        return 0;
}

int phx_pve_known_update(struct phx_pve_known *known) {
        phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning meaning = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        struct phx_error error = { 0 };
        int r;

        phx_buffer_done(&known->generated);
        phx_strings_done(&known->pending);
        phx_strings_done(&known->remarks);
        phx_pve_reason_done(&known->reason);
        known->combined[0] = '\0';
        r = phx_replace(&known->trouble, NULL);
        if (r >= 0)
                r = phx_pve_text_parse(known->config.data, known->config.size, &text);
        if (r >= 0)
                r = phx_pve_meaning_of(&text, &meaning);
        if (r >= 0)
                r = known_set_lock(known, meaning.lock);
        if (r >= 0)
                r = phx_pve_remark(&meaning, known->path, &known->pending, &known->remarks);
        if (r >= 0)
                r = phx_pve_reason_of(&meaning, &known->reason);
        if (r < 0)
                return r;
        r = phx_pve_generate(
                        known->id,
                        known->path,
                        &text,
                        &known->generated,
                        &known->decider_line,
                        &error);
        return r == -EINVAL ? phx_replace(&known->trouble, error.text) : r;
}
