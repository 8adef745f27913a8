/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Lines of a word and its value, under a seal (base/seal.h) that finds what a crash has damaged:
 *
 *   gate refuse
 *   lxc-path /var/lib/lxc
 *   pve-path /var/lib/lxc                where it is another one, and Proxmox has containers there
 *   boot 2f0c…                           where a container is "running"
 *   policy enforce 5e88… lxc-web         mode, hash or "-", name
 *   container web
 *   label lxc-web                        of the container above
 *   id 910                               likewise, where it is another one
 *   suspended 1790000000000000           likewise
 *   running 8144 lxc-old (enforce)       likewise: since when, in clock ticks, and in which label
 *
 * A word that is not known makes the file one of another version: a line that is passed over might
 * be what keeps a container from starting. */

#include "state/gate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/seal.h"

#define MAGIC "phoenixd-gate 1"
#define KEY "gate"
#define NO_HASH "-"

static void gate_container_done(struct phx_gate_container *container, bool has_strings) {
        if (!has_strings) {
                free(container->labels.items);
                return;
        }
        free(container->directory);
        free(container->id);
        free(container->running);
        phx_strings_done(&container->labels);
}

void phx_gate_done(struct phx_gate *gate) {
        for (size_t i = 0; i < gate->container_count; i++)
                gate_container_done(&gate->containers[i], !gate->text);
        free(gate->containers);
        free(gate->text);
        free(gate->lxc_path);
        free(gate->pve_path);
        free(gate->boot);
        phx_kernel_entries_done(&gate->policies);
        *gate = (struct phx_gate){ 0 };
}

struct phx_gate_container *phx_gate_add_container(struct phx_gate *gate, const char *directory) {
        struct phx_gate_container *container =
                        phx_grow(&gate->containers, &gate->container_count, sizeof(*container));

        if (!container || phx_replace(&container->directory, directory) < 0)
                return NULL;
        return container;
}

const struct phx_gate_container *phx_gate_find_container(
                const struct phx_gate *gate,
                const char *directory) {
        for (size_t i = 0; i < gate->container_count; i++)
                if (strcmp(gate->containers[i].directory, directory) == 0)
                        return &gate->containers[i];
        return NULL;
}

/* --- writing --- */

static int add_line(struct phx_buffer *text, const char *word, const char *value) {
        int r = phx_buffer_add_text(text, word);

        if (r >= 0)
                r = phx_buffer_add_text(text, value);
        return r < 0 ? r : phx_buffer_add(text, "\n", 1);
}

static int render_policy(const struct phx_kernel_entry *policy, struct phx_buffer *text) {
        const char *mode = phx_policy_mode_to_string(policy->mode);

        if (!mode || phx_has_control(policy->name))
                return 0;
        return phx_buffer_addf(
                        text,
                        "policy %s %s %s\n",
                        mode,
                        policy->hash ? policy->hash : NO_HASH,
                        policy->name);
}

static int render_container(const struct phx_gate_container *container, struct phx_buffer *text) {
        int r;

        if (phx_has_control(container->directory))
                return 0;
        r = add_line(text, "container ", container->directory);
        if (r >= 0 && container->id && !phx_has_control(container->id))
                r = add_line(text, "id ", container->id);
        for (size_t i = 0; r >= 0 && i < container->labels.count; i++)
                if (!phx_has_control(container->labels.items[i]))
                        r = add_line(text, "label ", container->labels.items[i]);
        if (r >= 0 && container->suspended_until > 0)
                r = phx_buffer_addf(text, "suspended %" PRIu64 "\n", container->suspended_until);
        if (r >= 0 && container->running && !phx_has_control(container->running))
                r = phx_buffer_addf(
                                text,
                                "running %" PRIu64 " %s\n",
                                container->running_since,
                                container->running);
        return r;
}

int phx_gate_render(const struct phx_gate *gate, struct phx_buffer *file) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        char checksum[PHX_SEAL_HEX];
        int r = add_line(&text, "gate ", phx_boot_gate_to_string(gate->level));

        if (r >= 0)
                r = add_line(&text, "lxc-path ", gate->lxc_path);
        if (r >= 0 && gate->pve_path)
                r = add_line(&text, "pve-path ", gate->pve_path);
        if (r >= 0 && gate->boot)
                r = add_line(&text, "boot ", gate->boot);
        for (size_t i = 0; r >= 0 && i < gate->policies.count; i++)
                r = render_policy(&gate->policies.items[i], &text);
        for (size_t i = 0; r >= 0 && i < gate->container_count; i++)
                r = render_container(&gate->containers[i], &text);
        if (r < 0)
                return r;
        phx_seal_checksum(KEY, text.data, text.size, checksum);
        return phx_seal_render(file, MAGIC, checksum, text.data, text.size);
}

/* --- reading --- */

static int parse_number(const char *text, uint64_t *ret_number) {
        char *end = NULL;

        errno = 0;
        *ret_number = strtoull(text, &end, 10);
        return errno != 0 || end == text || *end ? -EBADMSG : 0;
}

/* "MODE HASH NAME", which is cut into its parts. */
static int parse_policy(char *value, struct phx_gate *gate) {
        char *mode = strsep(&value, " "), *hash = strsep(&value, " ");

        if (!hash || !value || !value[0])
                return -EBADMSG;
        return phx_kernel_entries_add(
                        &gate->policies,
                        value,
                        phx_policy_mode_from_string(mode),
                        strcmp(hash, NO_HASH) == 0 ? NULL : hash);
}

/* "TICKS LABEL", which is cut into its parts. */
static int parse_running(char *value, struct phx_gate_container *container) {
        const char *ticks = strsep(&value, " ");

        if (!value || !value[0])
                return -EBADMSG;
        container->running = value;
        return parse_number(ticks, &container->running_since);
}

static int parse_label(char *value, struct phx_strings *labels) {
        char **item = phx_grow(&labels->items, &labels->count, sizeof(*item));

        if (!item)
                return -ENOMEM;
        *item = value;
        return 0;
}

static int parse_id(char *value, struct phx_gate_container *container) {
        container->id = value;
        return 0;
}

static int parse_container(char *value, struct phx_gate *gate) {
        struct phx_gate_container *container =
                        phx_grow(&gate->containers, &gate->container_count, sizeof(*container));

        if (!container)
                return -ENOMEM;
        container->directory = value;
        return 0;
}

static int parse_of_container(const char *word, char *value, struct phx_gate *gate) {
        struct phx_gate_container *container;

        if (gate->container_count == 0)
                return -EBADMSG;
        container = &gate->containers[gate->container_count - 1];
        if (strcmp(word, "label") == 0)
                return parse_label(value, &container->labels);
        if (strcmp(word, "id") == 0)
                return parse_id(value, container);
        if (strcmp(word, "suspended") == 0)
                return parse_number(value, &container->suspended_until);
        if (strcmp(word, "running") == 0)
                return parse_running(value, container);
        return -EBADMSG;
}

static int parse_line(char *line, struct phx_gate *gate) {
        char *value = line;
        const char *word = strsep(&value, " ");

        if (!value)
                return -EBADMSG;
        if (strcmp(word, "gate") == 0)
                return phx_boot_gate_from_string(value, &gate->level) ? 0 : -EBADMSG;
        if (strcmp(word, "lxc-path") == 0)
                return phx_replace(&gate->lxc_path, value);
        if (strcmp(word, "pve-path") == 0)
                return phx_replace(&gate->pve_path, value);
        if (strcmp(word, "boot") == 0)
                return phx_replace(&gate->boot, value);
        if (strcmp(word, "policy") == 0)
                return parse_policy(value, gate);
        if (strcmp(word, "container") == 0)
                return parse_container(value, gate);
        return parse_of_container(word, value, gate);
}

int phx_gate_parse(const char *file, size_t size, struct phx_gate *ret_gate) {
        phx_cleanup(phx_gate_done) struct phx_gate gate = { 0 };
        size_t text_size = 0;
        const char *text = phx_seal_open(MAGIC, KEY, file, size, &text_size, NULL);
        char *rest, *line;
        int r = 0;

        if (!text || text_size == 0 || text[text_size - 1] != '\n' || memchr(text, '\0', text_size))
                return -EBADMSG;
        rest = gate.text = strndup(text, text_size - 1);
        if (!rest)
                return -ENOMEM;
        while (r >= 0 && (line = strsep(&rest, "\n")))
                r = parse_line(line, &gate);
        if (r < 0)
                return r;
        if (!gate.lxc_path)
                return -EBADMSG;
        *ret_gate = PHX_TAKE_STRUCT(gate);
        return 0;
}
