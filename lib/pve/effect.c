/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The order is Proxmox's: the includes of the operating system, the block of AppArmor, FUSE, then
 * the section's lxc lines as they are. What Proxmox writes between these sets no profile. A line of
 * the section that sets the profile, to whatever value, replaces the whole block, but not FUSE's
 * rule.
 *
 * A view says where keys and lines come from. Pending changes come over the main section: a key
 * that they have replaces the main section's, one that they delete is gone, and lxc lines replace
 * all of the main section's at once: see pve/pending.h. */

#include "pve/effect.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/strings.h"
#include "pve/meaning.h"
#include "pve/pending.h"

#define NOWHERE ((size_t) -1)

struct view {
        const struct phx_pve_text *text;
        size_t section; /* of the ordinary keys */
        size_t lxc;     /* of the lxc lines, or NOWHERE */
        size_t runtime; /* of those that Proxmox 9 keeps apart, or NOWHERE */
        size_t pending; /* whose keys come first, or NOWHERE */
        const struct phx_pve_host *host;
        struct phx_pve_features features;
        bool is_unprivileged;
};

/* --- keys --- */

static const struct phx_pve_line *view_key(const struct view *view, const char *key) {
        const struct phx_pve_line *line;

        if (view->pending != NOWHERE) {
                line = phx_pve_text_key(view->text, view->pending, key);
                if (line)
                        return line;
                if (phx_pve_pending_delete(view->text, view->pending, key))
                        return NULL;
        }
        return phx_pve_text_key(view->text, view->section, key);
}

static bool view_says_yes(const struct view *view, const char *key) {
        const struct phx_pve_line *line = view_key(view, key);

        return line && phx_pve_is_yes(line->value, line->value_size);
}

static bool view_has_value(const struct view *view, const char *key) {
        const struct phx_pve_line *line = view_key(view, key);

        return line && phx_pve_is_true(line->value, line->value_size);
}

static bool section_has_lxc(const struct phx_pve_text *text, size_t section, const char *key) {
        const struct phx_pve_section *place = &text->sections[section];

        for (size_t i = place->first; i < place->first + place->count; i++)
                if (text->lines[i].kind == PHX_PVE_LXC && phx_pve_line_sets(&text->lines[i], key))
                        return true;
        return false;
}

static bool view_has_lxc(const struct view *view, const char *key) {
        return view->lxc != NOWHERE && section_has_lxc(view->text, view->lxc, key);
}

/* Where a list comes from when pending changes are applied: from them, which HAS_LINES says, else
 * from the main section, unless they delete it. */
static size_t source_of(const struct view *view, bool has_lines, const char *key) {
        if (has_lines)
                return view->pending;
        return phx_pve_pending_delete(view->text, view->pending, key) ? NOWHERE : 0;
}

static void view_apply(struct view *view, size_t pending) {
        bool has_list = phx_pve_pending_list(view->text, pending) != NULL;
        bool has_runtime = section_has_lxc(view->text, pending, PHX_PVE_KEY_RUNTIME);
        bool is_apart = view->host->release >= 9;

        view->section = 0;
        view->pending = pending;
        view->lxc = source_of(view, has_list || (has_runtime && !is_apart), "lxc");
        view->runtime = source_of(view, has_runtime, "env");
}

static struct view view_of(
                const struct phx_pve_text *text,
                size_t section,
                const struct phx_pve_host *host) {
        struct view view = { .text = text,
                             .section = section,
                             .lxc = section,
                             .runtime = section,
                             .pending = NOWHERE,
                             .host = host };
        const struct phx_pve_line *features;

        if (text->sections[section].kind == PHX_PVE_PENDING)
                view_apply(&view, section);
        features = view_key(&view, PHX_PVE_KEY_FEATURES);
        if (features)
                view.features = phx_pve_features_parse(features->value, features->value_size);
        view.is_unprivileged = view_says_yes(&view, PHX_PVE_KEY_UNPRIVILEGED) ||
                               view_has_lxc(&view, PHX_PVE_KEY_IDMAP);
        return view;
}

/* --- what prevents it --- */

/* All keys of a section, or of two: which of them are written into the config is Proxmox's. */
static const struct phx_pve_line *find_control(const struct view *view) {
        const struct phx_pve_text *text = view->text;

        for (size_t i = 0; i < text->count; i++) {
                const struct phx_pve_line *line = &text->lines[i];

                if (line->kind == PHX_PVE_KEY &&
                    (line->section == view->section || line->section == view->pending) &&
                    (memchr(line->value, '\0', line->value_size) ||
                     memchr(line->value, '\r', line->value_size)))
                        return line;
        }
        return NULL;
}

static enum phx_pve_generation find_generation(const struct view *view, unsigned *ret_cause) {
        const struct phx_pve_line *fatal = phx_pve_text_fatal(view->text);
        const struct phx_pve_line *control = find_control(view);
        const struct phx_pve_line *template = view_key(view, PHX_PVE_KEY_TEMPLATE);

        if (fatal) {
                *ret_cause = fatal->number;
                return PHX_PVE_UNREADABLE;
        }
        if (template && phx_pve_is_yes(template->value, template->value_size)) {
                *ret_cause = template->number;
                return PHX_PVE_TEMPLATE;
        }
        if (!view_has_value(view, "arch"))
                return PHX_PVE_NO_ARCH;
        if (!view_has_value(view, PHX_PVE_KEY_OSTYPE))
                return PHX_PVE_NO_OSTYPE;
        if (view->features.fault != PHX_PVE_FEATURES_GOOD) {
                *ret_cause = view_key(view, PHX_PVE_KEY_FEATURES)->number;
                return PHX_PVE_BAD_FEATURES;
        }
        if (!view_key(view, "rootfs"))
                return PHX_PVE_NO_ROOTFS;
        if (control) {
                *ret_cause = control->number;
                return PHX_PVE_CONTROL;
        }
        return PHX_PVE_GENERATES;
}

/* --- lines --- */

static int add_item(
                struct phx_pve_effect *effect,
                const char *key,
                size_t key_size,
                const char *value,
                size_t value_size,
                unsigned number) {
        struct phx_pve_effect_line *item = phx_grow(&effect->items, &effect->count, sizeof(*item));

        if (!item)
                return -ENOMEM;
        item->key = strndup(key, key_size);
        item->value = malloc(value_size + 1);
        if (!item->key || !item->value)
                return -ENOMEM;
        memcpy(item->value, value, value_size);
        item->value[value_size] = '\0';
        item->value_size = value_size;
        item->number = number;
        return 0;
}

static int add_own(struct phx_pve_effect *effect, const char *key, const char *value) {
        return add_item(effect, key, strlen(key), value, strlen(value), 0);
}

static int pve_add_mount(struct phx_pve_effect *effect, const char *type, size_t size) {
        phx_autofree char *rule = NULL;

        if (phx_printf(&rule, "mount fstype=%.*s,", (int) size, type) < 0)
                return -ENOMEM;
        return add_own(effect, PHX_PVE_KEY_RAW, rule);
}

/* "OSTYPE.NAME", or NAME where there is no such file. */
static int add_include(struct phx_pve_effect *effect, const struct view *view, const char *name) {
        const struct phx_pve_line *ostype = view_key(view, PHX_PVE_KEY_OSTYPE);
        const struct phx_pve_host *host = view->host;
        phx_autofree char *own = NULL, *path = NULL;
        bool has_own;

        if (phx_printf(&own, "%.*s.%s", (int) ostype->value_size, ostype->value, name) < 0)
                return -ENOMEM;
        has_own = !host->has_config || host->has_config(host->data, own);
        if (phx_printf(&path, PHX_PVE_LXC_CONFIG_DIR "/%s", has_own ? own : name) < 0)
                return -ENOMEM;
        return add_own(effect, PHX_PVE_KEY_INCLUDE, path);
}

static int add_includes(struct phx_pve_effect *effect, const struct view *view) {
        int r = add_include(effect, view, "common.conf");

        if (r < 0 || !view->is_unprivileged)
                return r;
        return add_include(effect, view, "userns.conf");
}

static int add_nesting(struct phx_pve_effect *effect, const struct view *view) {
        int r;

        if (view->features.nesting) {
                r = add_own(effect, PHX_PVE_KEY_ALLOW_NESTING, "1");
                if (r >= 0 && view->host->release >= 9)
                        r = add_own(effect, PHX_PVE_KEY_RAW, "allow userns,");
                return r;
        }
        r = add_own(effect, PHX_PVE_KEY_RAW, "deny mount -> /proc/,");
        return r < 0 ? r : add_own(effect, PHX_PVE_KEY_RAW, "deny mount -> /sys/,");
}

static int add_block(struct phx_pve_effect *effect, const struct view *view) {
        const char *type;
        size_t offset = 0, size;
        int r;

        r = add_own(effect, PHX_PVE_KEY_PROFILE, "generated");
        if (r >= 0 && view->host->release >= 9)
                r = add_own(effect, PHX_PVE_KEY_RAW, "allow mqueue,");
        if (r >= 0)
                r = add_nesting(effect, view);
        while (r >= 0 && phx_pve_features_next_mount(&view->features, &offset, &type, &size))
                r = pve_add_mount(effect, type, size);
        return r;
}

/* Those of the runtime that Proxmox 9 takes out of their order, or the others. */
static int add_lines(struct phx_pve_effect *effect, const struct view *view, bool is_runtime) {
        const size_t section = is_runtime ? view->runtime : view->lxc;
        const struct phx_pve_section *place;
        int r = 0;

        if (section == NOWHERE)
                return 0;
        place = &view->text->sections[section];
        for (size_t i = place->first; r >= 0 && i < place->first + place->count; i++) {
                const struct phx_pve_line *line = &view->text->lines[i];
                bool is_moved = view->host->release >= 9 &&
                                phx_pve_line_sets(line, PHX_PVE_KEY_RUNTIME);

                if (line->kind != PHX_PVE_LXC || is_moved != is_runtime)
                        continue;
                r = add_item(effect,
                             line->key,
                             line->key_size,
                             line->value,
                             line->value_size,
                             line->number);
        }
        return r;
}

static int effect_fill(struct phx_pve_effect *effect, const struct view *view) {
        int r = add_includes(effect, view);

        if (r >= 0 && !view_has_lxc(view, PHX_PVE_KEY_PROFILE))
                r = add_block(effect, view);
        if (r >= 0 && view->features.fuse)
                r = pve_add_mount(effect, "fuse", strlen("fuse"));
        if (r >= 0)
                r = add_lines(effect, view, true);
        return r < 0 ? r : add_lines(effect, view, false);
}

int phx_pve_effect_of(
                const struct phx_pve_text *text,
                size_t section,
                const struct phx_pve_host *host,
                struct phx_pve_effect *ret_effect) {
        phx_cleanup(phx_pve_effect_done) struct phx_pve_effect effect = { 0 };
        struct view view;
        int r = 0;

        assert(text && section < text->n_sections);
        assert(host && ret_effect);

        view = view_of(text, section, host);
        effect.generation = find_generation(&view, &effect.cause);
        if (effect.generation == PHX_PVE_GENERATES)
                r = effect_fill(&effect, &view);
        if (r < 0)
                return r;
        *ret_effect = PHX_TAKE_STRUCT(effect);
        return 0;
}

void phx_pve_effect_done(struct phx_pve_effect *effect) {
        for (size_t i = 0; i < effect->count; i++) {
                free(effect->items[i].key);
                free(effect->items[i].value);
        }
        free(effect->items);
        *effect = (struct phx_pve_effect){ 0 };
}

const struct phx_pve_effect_line *phx_pve_effect_decider(
                const struct phx_pve_effect *effect,
                bool *ret_has_include) {
        bool has_include = false;

        for (size_t i = effect->count; i-- > 0;) {
                const struct phx_pve_effect_line *item = &effect->items[i];

                if (strcmp(item->key, PHX_PVE_KEY_PROFILE) == 0) {
                        *ret_has_include = has_include;
                        return item;
                }
                has_include |= strcmp(item->key, PHX_PVE_KEY_INCLUDE) == 0;
        }
        return NULL;
}

int phx_pve_effect_text(const struct phx_pve_effect *effect, struct phx_buffer *text) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < effect->count; i++) {
                const struct phx_pve_effect_line *item = &effect->items[i];

                r = phx_buffer_addf(text, "%s = ", item->key);
                if (r >= 0)
                        r = phx_buffer_add(text, item->value, item->value_size);
                if (r >= 0)
                        r = phx_buffer_add_text(text, "\n");
        }
        return r;
}
