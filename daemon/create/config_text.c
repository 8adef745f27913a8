/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A clone gets of the other's config what says how its root file system is to be run, and nothing
 * that could make it less confined, or give it a device, an address or a mount of the other: all of
 * that is in its own entry. Nor does it lose silently what confines the other: a line that is
 * neither copied nor known to be of no concern is an error, unless the entry has it as well. The
 * profile stands behind every include, as one may name another. */

#include "create/config_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "create/fill.h"
#include "lxc/text.h"

#define INCLUDES "/usr/share/lxc/config/"
#define COMMON "common.conf"
#define USERNS "userns.conf"
#define INCLUDE_COMMON PHX_LXC_KEY_INCLUDE " = " INCLUDES COMMON "\n"
#define INCLUDE_LIMIT ((size_t) 1 << 20)
#define KEY_ROOTFS "lxc.rootfs.path"
#define KEY_IDMAP "lxc.idmap"
#define DIRECTORY "dir:"

void config_source_done(struct config_source *source) {
        phx_strings_done(&source->lines);
        phx_strings_done(&source->maps);
        phx_strings_done(&source->includes);
        free(source->rootfs);
        *source = (struct config_source){ 0 };
}

/* --- lines --- */

/* A clone gets its own from its entry, or none. Of these keys none confines a container, but for
 * limits, which are the entry's. One that ends with a dot stands for all that begin with it. */
static const char *const left_out[] = {
        "lxc.apparmor.", "lxc.cgroup.",     "lxc.cgroup2.", "lxc.console.",
        "lxc.group",     "lxc.environment", "lxc.log.",     "lxc.mount.entry",
        "lxc.net.",      "lxc.mount.fstab", "lxc.prlimit.", "lxc.pty.",
        "lxc.signal.",   "lxc.start.",      "lxc.tty.",     "lxc.uts.",
};

static bool begins_with(const struct phx_lxc_line *line, const char *text) {
        return line->key_size >= strlen(text) && strncmp(line->key, text, strlen(text)) == 0;
}

bool config_is_left_out(const struct phx_lxc_line *line) {
        if (phx_lxc_line_is(line, "lxc.cgroup.devices.deny") ||
            phx_lxc_line_is(line, "lxc.cgroup2.devices.deny"))
                return false;
        for (size_t i = 0; i < PHX_ELEMENTS(left_out); i++)
                if (phx_has_suffix(left_out[i], ".") ? begins_with(line, left_out[i])
                                                     : phx_lxc_line_is(line, left_out[i]))
                        return true;
        return false;
}

/* Whether the entry has the same line. */
static bool is_ordered(const struct create_order *order, const struct phx_lxc_line *line) {
        for (size_t i = 0; i < order->lines.count; i++) {
                const char *text = order->lines.items[i];
                struct phx_lxc_line own;
                size_t offset = 0;

                if (phx_lxc_text_next(text, strlen(text), &offset, &own) && own.key &&
                    own.key_size == line->key_size && own.value_size == line->value_size &&
                    strncmp(own.key, line->key, own.key_size) == 0 &&
                    strncmp(own.value, line->value, own.value_size) == 0)
                        return true;
        }
        return false;
}

/* A value may be a secret, and is not shown. */
static int refuse_line(
                const struct create_order *order,
                const struct phx_lxc_line *line,
                unsigned number,
                struct phx_error *error) {
        return phx_error_set(
                        error,
                        -EINVAL,
                        "container %s: line %u of its config is %.*s, which phoenixd does not copy "
                        "to a clone and does not leave out silently; add the same line to "
                        "lxc_options of %s",
                        order->source,
                        number,
                        (int) line->key_size,
                        line->key,
                        order->name);
}

static int keep_line(struct phx_strings *lines, const struct phx_lxc_line *line) {
        return phx_strings_addf(
                        lines,
                        "%.*s = %.*s",
                        (int) line->key_size,
                        line->key,
                        (int) line->value_size,
                        line->value);
}

/* --- includes --- */

/* LXC's own, or those of a distribution, which lxc-create takes: "KIND", or "DISTRO.KIND". */
static bool is_own_include(const char *path, const char *kind) {
        const char *name = path + strlen(INCLUDES);

        if (!phx_has_prefix(path, INCLUDES))
                return false;
        if (strcmp(name, kind) == 0)
                return true;
        if (!islower((unsigned char) *name))
                return false;
        while (islower((unsigned char) *name) || *name == '-')
                name++;
        return *name == '.' && strcmp(name + 1, kind) == 0;
}

/* One for user namespaces gives all capabilities: it is only for a container that has one, which
 * the lines behind it may say. */
static int take_include(
                struct config_source *source,
                const struct phx_lxc_line *line,
                bool is_unprivileged) {
        phx_autofree char *path = strndup(line->value, line->value_size);
        int r;

        if (!path)
                return -ENOMEM;
        if (!is_own_include(path, COMMON) && !(is_unprivileged && is_own_include(path, USERNS)))
                return 0;
        r = phx_strings_add(&source->includes, path);
        if (r >= 0)
                r = keep_line(&source->lines, line);
        return r < 0 ? r : 1;
}

/* Whether the file of a distribution includes the common one. */
static int find_common_in(
                const struct phx_trust *trust,
                const char *path,
                bool *ret_has,
                struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings values = { 0 };
        phx_autoclose int fd = -1;
        phx_autofree char *text = NULL;
        struct stat st;
        size_t size = 0;
        int r;

        r = phx_trust_open_file(trust, path, &fd, &st, error);
        if (r < 0)
                return r;
        r = phx_file_read_fd(fd, INCLUDE_LIMIT, &text, &size);
        if (r >= 0)
                r = phx_lxc_text_values(text, size, PHX_LXC_KEY_INCLUDE, &values);
        if (r < 0)
                return phx_error_set(error, r, "%s: %s", path, strerrordesc_np(-r));
        *ret_has = phx_strings_has(&values, INCLUDES COMMON);
        return 0;
}

int config_find_common(
                const struct phx_trust *trust,
                struct config_source *source,
                struct phx_error *error) {
        bool has = phx_strings_has(&source->includes, INCLUDES COMMON);
        int r = 0;

        for (size_t i = 0; r >= 0 && !has && i < source->includes.count; i++)
                r = find_common_in(trust, source->includes.items[i], &has, error);
        source->has_common = has;
        return r;
}

/* --- users --- */

struct map {
        char kind;
        unsigned long inside, outside, count;
};

/* The kernel drops what has no room in 32 bits. */
static bool read_map(const char *text, struct map *ret_map) {
        char end;

        /* Of one too large, it makes the largest. NOLINTNEXTLINE(cert-err34-c) */
        return sscanf(text,
                      "%c%lu%lu%lu%c",
                      &ret_map->kind,
                      &ret_map->inside,
                      &ret_map->outside,
                      &ret_map->count,
                      &end) == 4 &&
               strchr("ugb", ret_map->kind) && ret_map->outside > 0 &&
               ret_map->outside <= UINT32_MAX && ret_map->count > 0;
}

/* The group that root of the container is on the host. 0 unless both it and its user are others
 * there, and no user of the container is root. */
static unsigned find_root_group(const struct phx_strings *maps) {
        bool has_user = false;
        unsigned group = 0;

        for (size_t i = 0; i < maps->count; i++) {
                struct map map;

                if (!read_map(maps->items[i] + strlen(KEY_IDMAP " = "), &map))
                        return 0;
                has_user |= map.inside == 0 && map.kind != 'g';
                if (map.inside == 0 && map.kind != 'u')
                        group = (unsigned) map.outside;
        }
        return has_user ? group : 0;
}

/* Those in effect: an empty value takes back all before it. */
static int read_maps(const char *text, size_t size, struct config_source *source) {
        struct phx_lxc_line line;
        size_t offset = 0;
        int r = 0;

        while (r >= 0 && phx_lxc_text_next(text, size, &offset, &line)) {
                if (!line.key || !phx_lxc_line_is(&line, KEY_IDMAP))
                        continue;
                if (line.value_size > 0)
                        r = keep_line(&source->maps, &line);
                else
                        phx_strings_done(&source->maps);
        }
        source->root_group = find_root_group(&source->maps);
        source->is_unprivileged = source->root_group > 0;
        return r;
}

/* --- the config of the source --- */

/* "dir:/PATH", or "/PATH". */
static int read_rootfs(
                struct config_source *source,
                const struct phx_lxc_line *line,
                const char *name,
                struct phx_error *error) {
        phx_autofree char *value = strndup(line->value, line->value_size);
        const char *path = value;

        if (!value)
                return -ENOMEM;
        if (phx_has_prefix(path, DIRECTORY))
                path += strlen(DIRECTORY);
        if (!phx_is_normal_path(path))
                return phx_error_set(
                                error,
                                -EINVAL,
                                "container %s: its root file system is %s, and phoenixd clones "
                                "only directories",
                                name,
                                value);
        return phx_replace(&source->rootfs, path);
}

/* 0 when it is neither copied nor known to be of no concern. */
static int read_line(
                const struct create_order *order,
                const struct phx_lxc_line *line,
                struct config_source *source,
                struct phx_error *error) {
        int r;

        if (phx_lxc_line_is(line, KEY_ROOTFS)) {
                r = read_rootfs(source, line, order->source, error);
                return r < 0 ? r : 1;
        }
        if (phx_lxc_line_is(line, "lxc.arch")) {
                r = keep_line(&source->lines, line);
                return r < 0 ? r : 1;
        }
        if (phx_lxc_line_is(line, PHX_LXC_KEY_INCLUDE)) {
                r = take_include(source, line, source->is_unprivileged);
                if (r != 0)
                        return r;
        }
        return phx_lxc_line_is(line, KEY_IDMAP) || config_is_left_out(line) ||
               is_ordered(order, line);
}

int config_read_source(
                const char *text,
                size_t size,
                const struct create_order *order,
                struct config_source *ret_source,
                struct phx_error *error) {
        phx_cleanup(config_source_done) struct config_source source = { 0 };
        struct phx_lxc_line line;
        unsigned number = 0;
        size_t offset = 0;
        int r;

        r = read_maps(text, size, &source);
        while (r >= 0 && phx_lxc_text_next(text, size, &offset, &line)) {
                number++;
                if (!line.key)
                        continue;
                r = read_line(order, &line, &source, error);
                if (r == 0)
                        return refuse_line(order, &line, number, error);
        }
        if (r >= 0 && !source.rootfs)
                return phx_error_set(
                                error,
                                -EINVAL,
                                "container %s: its config has no " KEY_ROOTFS,
                                order->source);
        if (r < 0)
                return r;
        *ret_source = PHX_TAKE_STRUCT(source);
        return 0;
}

/* --- the config of the new one --- */

/* Of a template nothing says what its distribution needs: LXC's common config is for all. */
static int add_template(const struct create_order *order, unsigned first, struct phx_buffer *text) {
        int r = phx_buffer_add_text(text, INCLUDE_COMMON);

        if (r < 0 || !order->is_unprivileged)
                return r;
        r = phx_buffer_add_text(text, PHX_LXC_KEY_INCLUDE " = " INCLUDES USERNS "\n");
        for (const char *kind = "ug"; r >= 0 && *kind; kind++)
                r = phx_buffer_addf(text, KEY_IDMAP " = %c 0 %u %u\n", *kind, first, FILL_IDS);
        return r;
}

static int add_lines(const struct phx_strings *lines, struct phx_buffer *text) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < lines->count; i++)
                r = phx_buffer_addf(text, "%s\n", lines->items[i]);
        return r;
}

static int add_source(const struct config_source *source, struct phx_buffer *text) {
        int r = source->has_common ? 0 : phx_buffer_add_text(text, INCLUDE_COMMON);

        if (r >= 0)
                r = add_lines(&source->lines, text);
        return r < 0 ? r : add_lines(&source->maps, text);
}

int config_write(
                const struct create_order *order,
                const struct config_source *source,
                unsigned first,
                struct phx_buffer *text) {
        int r;

        r = phx_buffer_addf(
                        text,
                        "# Created by phoenixd %s %s.\n",
                        source ? "as a clone of" : "from",
                        source ? order->source : order->template);
        if (r >= 0)
                r = source ? add_source(source, text) : add_template(order, first, text);
        if (r >= 0)
                r = phx_buffer_addf(
                                text,
                                KEY_ROOTFS " = " DIRECTORY "%s/%s/" FILL_ROOTFS "\n"
                                           "lxc.uts.name = %s\n",
                                order->lxc_path,
                                order->name,
                                order->hostname);
        if (r >= 0)
                r = add_lines(&order->lines, text);
        return r < 0 ? r : phx_buffer_addf(text, PHX_LXC_KEY_PROFILE " = %s\n", order->label);
}
