/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The words of state.txt, one fact a line:
 *
 *   mode MODE · unconfigured · refusal OBJECT TEXT · writing OBJECT · child PROFILE NAME
 *   profile NAME good|refused|writing|compiling|withdrawn FILE|- [TEXT]   FILE: digest of the last
 *   good one
 *   container ID DIRECTORY|- PROFILE|generated [NAMESPACE] · namespace NAME · label DIRECTORY LABEL
 *   file NAME FILE|- ours|foreign [TROUBLE] · disabled NAME PATH
 *   kernel NAME MODE HASH|- · kernel-trouble TEXT          HASH of good policy: policy of FILE
 *   host DIRECTORY EFFECTIVE|unset|unknown [DIGEST] · line DIRECTORY +KEY|-KEY
 *   setting DIRECTORY KEY=VALUE (of Proxmox, that is wrong now)
 *   child PROFILE NAME (of its policy)
 *   proxmox DIRECTORY LINE (of its file, that names EFFECTIVE; 0: none)
 *   started DIRECTORY +KEY|-KEY (it was started without, or with) · started DIRECTORY ? TEXT
 *   gate-hooks · gate-trouble TEXT · ungated DIRECTORY [PLACE] (hooks of the boot gate)
 *   trouble|remark|option|unread DIRECTORY TEXT · running DIRECTORY WRONG UNKNOWN EXAMPLE
 *   policy ID never|window|immediate · depends ID ID · state ID running|stopped
 *   create ID template|SOURCE [KEY] (of Proxmox, that its entry has) · on-proxmox (which
 *   creates it)
 *   begun ID PHASE BEFORE|- [WHY] (a restart, in a phase of state/restarts.h)
 *   starting|stopping ID PHASE [WHY] (the same for its state) */

#include "picture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"

#define WORDS_LIMIT 6

/* A line cut into words; the last takes all that is left. */
struct words {
        char *items[WORDS_LIMIT];
        size_t count;
};

void picture_done(struct picture *picture) {
        picture->desired = phx_desired_free(picture->desired);
        picture->observed = phx_observed_free(picture->observed);
        phx_restarts_done(&picture->restarts);
}

static int picture_init(struct picture *picture) {
        picture->desired = calloc(1, sizeof(*picture->desired));
        picture->observed = calloc(1, sizeof(*picture->observed));
        if (!picture->desired || !picture->observed)
                return -ENOMEM;
        picture->desired->has_configuration = true;
        if (phx_replace(&picture->observed->deployed_dir, "/etc/apparmor.d") < 0)
                return -ENOMEM;
        return phx_replace(&picture->observed->lxc_path, "/var/lib/lxc");
}

static void split(char *line, size_t limit, struct words *ret_words) {
        struct words words = { 0 };

        while (*line && words.count < limit) {
                words.items[words.count++] = line;
                if (words.count == limit)
                        break;
                line += strcspn(line, " ");
                if (*line)
                        *line++ = '\0';
                line += strspn(line, " ");
        }
        *ret_words = words;
}

static const char *or_null(const char *word) {
        return strcmp(word, "-") == 0 ? NULL : word;
}

static int set_digest(char *digest, const char *text) {
        int length = snprintf(digest, PHX_SHA256_HEX, "%s", text);

        return length < 0 || length >= PHX_SHA256_HEX ? -EINVAL : 0;
}

static int read_mode(struct picture *picture, const struct words *words) {
        picture->desired->mode = strcmp(words->items[1], "observe") == 0 ? PHX_MODE_OBSERVE
                                                                         : PHX_MODE_ENFORCE;
        return 0;
}

static int read_unconfigured(struct picture *picture, const struct words *words) {
        picture->desired->has_configuration = false;
        return 0;
}

/* OBJECT is a word of state/refused.h, else the name of a test. */
static enum phx_refused refused_from(const char *object) {
        for (unsigned i = PHX_REFUSED_SETTINGS; i <= PHX_REFUSED_STATE; i++)
                if (phx_equal(phx_refused_to_string((enum phx_refused) i), object))
                        return (enum phx_refused) i;
        return PHX_REFUSED_TEST;
}

static int read_refusal(struct picture *picture, const struct words *words) {
        return phx_desired_add_refusal(
                               picture->desired,
                               refused_from(words->items[1]),
                               words->items[1],
                               words->items[2])
                               ? 0
                               : -ENOMEM;
}

static int read_writing(struct picture *picture, const struct words *words) {
        struct phx_refusal *refusal = phx_desired_add_refusal(
                        picture->desired,
                        refused_from(words->items[1]),
                        words->items[1],
                        "being written");

        if (!refusal)
                return -ENOMEM;
        refusal->is_transient = true;
        return 0;
}

static int to_source_state(const char *word, enum phx_source_state *ret_state) {
        static const struct {
                const char *word;
                enum phx_source_state state;
        } states[] = {
                { "good", PHX_SOURCE_GOOD },           { "refused", PHX_SOURCE_REFUSED },
                { "writing", PHX_SOURCE_WRITING },     { "withdrawn", PHX_SOURCE_WITHDRAWN },
                { "compiling", PHX_SOURCE_COMPILING },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(states); i++)
                if (strcmp(states[i].word, word) == 0) {
                        *ret_state = states[i].state;
                        return 0;
                }
        return -EINVAL;
}

static int read_profile(struct picture *picture, const struct words *words) {
        struct phx_desired_profile *profile = phx_desired_add_profile(
                        picture->desired,
                        words->items[1]);
        char hash[PHX_SHA256_HEX];
        int r;

        if (!profile)
                return -ENOMEM;
        r = to_source_state(words->items[2], &profile->state);
        if (r < 0)
                return r;
        r = phx_replace(&profile->refusal, words->items[4]);
        if (r < 0 || !or_null(words->items[3]))
                return r;

        profile->has_good = true;
        r = set_digest(profile->digest, words->items[3]);
        if (r < 0)
                return r;
        (void) snprintf(profile->key, sizeof(profile->key), "key-of-%.32s", words->items[3]);
        (void) snprintf(hash, sizeof(hash), "policy-of-%.32s", words->items[3]);
        return phx_kernel_entries_add(&profile->policy, words->items[1], PHX_POLICY_ENFORCE, hash);
}

static int read_child(struct picture *picture, const struct words *words) {
        for (size_t i = 0; i < picture->desired->profile_count; i++) {
                struct phx_desired_profile *profile = &picture->desired->profiles[i];
                char name[256];

                if (strcmp(profile->name, words->items[1]) != 0)
                        continue;
                (void) snprintf(name, sizeof(name), "%s//%s", profile->name, words->items[2]);
                return phx_kernel_entries_add(
                                &profile->policy,
                                name,
                                PHX_POLICY_ENFORCE,
                                "policy-of-child");
        }
        return -ENOENT;
}

static int read_container(struct picture *picture, const struct words *words) {
        struct phx_desired_container *container = phx_desired_add_container(
                        picture->desired,
                        words->items[1]);

        if (!container)
                return -ENOMEM;
        if (phx_replace(&container->directory, or_null(words->items[2])) < 0)
                return -ENOMEM;
        if (strcmp(words->items[3], "generated") == 0)
                return phx_desired_container_set_generated(container);
        return phx_desired_container_set_profile(
                        container,
                        words->items[3],
                        words->count > 4 ? words->items[4] : NULL);
}

static int read_namespace(struct picture *picture, const struct words *words) {
        return phx_strings_add(&picture->observed->namespaces, words->items[1]);
}

static int read_file(struct picture *picture, const struct words *words) {
        struct phx_observed_file *file = phx_observed_add_file(picture->observed, words->items[1]);

        if (!file || phx_replace(&file->content, or_null(words->items[2])) < 0)
                return -ENOMEM;
        file->is_owned = strcmp(words->items[3], "ours") == 0;
        return phx_replace(&file->trouble, words->items[4]);
}

static int read_disabled(struct picture *picture, const struct words *words) {
        for (size_t i = 0; i < picture->observed->file_count; i++)
                if (strcmp(picture->observed->files[i].name, words->items[1]) == 0)
                        return phx_replace(&picture->observed->files[i].disabled, words->items[2]);
        return -ENOENT;
}

static int read_kernel(struct picture *picture, const struct words *words) {
        return phx_kernel_entries_add(
                        &picture->observed->loaded,
                        words->items[1],
                        phx_policy_mode_from_string(words->items[2]),
                        or_null(words->items[3]));
}

static int read_kernel_trouble(struct picture *picture, const struct words *words) {
        return phx_replace(&picture->observed->kernel_trouble, words->items[1]);
}

static int read_gate_hooks(struct picture *picture, const struct words *words) {
        picture->observed->has_gate_hooks = words->count == 1;
        return phx_replace(&picture->observed->gate_trouble, words->items[1]);
}

static int read_host(struct picture *picture, const struct words *words) {
        struct phx_observed_container *container = phx_observed_add_container(
                        picture->observed,
                        words->items[1]);
        const char *effective = words->items[2];

        if (!container)
                return -ENOMEM;
        if (strcmp(effective, "unset") == 0)
                effective = "";
        if (strcmp(effective, "unknown") == 0)
                effective = NULL;
        container->restart = PHX_RESTART_PLAIN;
        if (phx_replace(&container->digest, words->items[3]) < 0)
                return -ENOMEM;
        return phx_replace(&container->effective, effective);
}

static struct phx_observed_container *find_host(
                const struct picture *picture,
                const char *directory) {
        for (size_t i = 0; i < picture->observed->container_count; i++)
                if (strcmp(picture->observed->containers[i].directory, directory) == 0)
                        return &picture->observed->containers[i];
        return NULL;
}

static int read_line(struct picture *picture, const struct words *words) {
        struct phx_observed_container *container = find_host(picture, words->items[1]);
        const char *line = words->items[2];
        bool is_lacking = line[0] == '+';

        if (!container || phx_wrong_lines_add(
                                          &container->wrong_lines,
                                          is_lacking ? PHX_LINE_NOT_IN_EFFECT : PHX_LINE_TOO_MANY,
                                          line + 1) < 0)
                return -ENOENT;
        return phx_strings_addf(
                        is_lacking ? &container->lines.tail : &container->lines.removed,
                        "%s=a value that is told to nobody",
                        line + 1);
}

static int read_started(struct picture *picture, const struct words *words) {
        struct phx_observed_container *container = find_host(picture, words->items[1]);
        const char *line = words->items[2];

        if (!container)
                return -ENOENT;
        if (line[0] == '?')
                return phx_replace(&container->at_start_unknown, line + strlen("? "));
        return phx_wrong_lines_add(
                        &container->at_start,
                        line[0] == '+' ? PHX_LINE_NOT_IN_EFFECT : PHX_LINE_TOO_MANY,
                        line + 1);
}

static int read_setting(struct picture *picture, const struct words *words) {
        struct phx_observed_container *container = find_host(picture, words->items[1]);

        if (!container ||
            phx_wrong_lines_add(&container->wrong_lines, PHX_LINE_NOT_IN_EFFECT, words->items[2]) <
                            0)
                return -ENOENT;
        return phx_strings_add(&container->lines.settings, words->items[2]);
}

static int read_proxmox(struct picture *picture, const struct words *words) {
        struct phx_observed_container *container = find_host(picture, words->items[1]);
        phx_autofree char *path = NULL;

        if (!container)
                return -ENOENT;
        container->backend = PHX_BACKEND_PVE;
        container->decider_line = (unsigned) strtoul(words->items[2], NULL, 10);
        if (phx_printf(&path, "/etc/pve/lxc/%s.conf", words->items[1]) < 0 ||
            phx_replace(&container->config, path) < 0)
                return -ENOMEM;
        return phx_replace(&container->decider, container->decider_line > 0 ? path : NULL);
}

static int read_remark(struct picture *picture, const struct words *words) {
        struct phx_observed_container *container = find_host(picture, words->items[1]);

        return container ? phx_strings_add(&container->remarks, words->items[2]) : -ENOENT;
}

static int read_ungated(struct picture *picture, const struct words *words) {
        struct phx_observed_container *container = find_host(picture, words->items[1]);

        return container ? phx_replace(&container->ungated, words->count > 2 ? words->items[2] : "")
                         : -ENOENT;
}

static int read_option(struct picture *picture, const struct words *words) {
        struct phx_observed_container *container = find_host(picture, words->items[1]);

        return container ? phx_strings_add(&container->refused_options, words->items[2]) : -ENOENT;
}

static int read_trouble(struct picture *picture, const struct words *words) {
        struct phx_observed_container *container = find_host(picture, words->items[1]);

        return container ? phx_replace(&container->trouble, words->items[2]) : -ENOENT;
}

static int read_label(struct picture *picture, const struct words *words) {
        struct phx_observed_container *container = find_host(picture, words->items[1]);

        return container ? phx_strings_add(&container->labels, words->items[2]) : -ENOENT;
}

/* "LABEL (MODE), pid N" */
static int read_task(const char *text, struct phx_observed_container *container) {
        const char *end = strstr(text, ", pid ");
        phx_autofree char *label = strndup(text, end ? (size_t) (end - text) : strlen(text));
        int r;

        if (!label)
                return -ENOMEM;
        r = phx_label_parse(label, &container->example);
        if (r < 0)
                return r;
        container->init_started = 4711;
        container->init = container->example_tid = end ? (pid_t) strtol(end + strlen(", pid "),
                                                                        NULL,
                                                                        10)
                                                       : 1;
        return phx_strings_add(&container->labels, container->example.text);
}

static int read_running(struct picture *picture, const struct words *words) {
        struct phx_observed_container *container = find_host(picture, words->items[1]);

        if (!container)
                return -ENOENT;
        container->is_running = true;
        container->tasks = 3;
        container->wrong = (unsigned) strtoul(words->items[2], NULL, 10);
        container->unknown = (unsigned) strtoul(words->items[3], NULL, 10);
        return read_task(words->items[4], container);
}

static int read_unread(struct picture *picture, const struct words *words) {
        struct phx_observed_container *container = find_host(picture, words->items[1]);

        if (!container)
                return -ENOENT;
        container->is_running = true;
        container->unknown = 1;
        return phx_replace(&container->unread_why, words->items[2]);
}

static struct phx_desired_container *find_want(struct picture *picture, const char *id) {
        for (size_t i = 0; i < picture->desired->container_count; i++)
                if (strcmp(picture->desired->containers[i].id, id) == 0)
                        return &picture->desired->containers[i];
        return NULL;
}

static int read_policy(struct picture *picture, const struct words *words) {
        struct phx_desired_container *want = find_want(picture, words->items[1]);

        picture->has_restarts = true;
        for (unsigned i = 0; want && i < PHX_RESTART_POLICIES; i++) {
                want->restart = (enum phx_restart_policy) i;
                if (strcmp(phx_restart_policy_to_string(want->restart), words->items[2]) == 0)
                        return 0;
        }
        return -EINVAL;
}

static int read_state(struct picture *picture, const struct words *words) {
        struct phx_desired_container *want = find_want(picture, words->items[1]);

        picture->has_restarts = true;
        for (unsigned i = PHX_RUN_RUNNING; want && i < PHX_RUN_STATES; i++) {
                want->state = (enum phx_run_state) i;
                if (strcmp(phx_run_state_to_string(want->state), words->items[2]) == 0)
                        return 0;
        }
        return -EINVAL;
}

static int read_depends(struct picture *picture, const struct words *words) {
        struct phx_desired_container *want = find_want(picture, words->items[1]);

        return want ? phx_strings_add(&want->dependencies, words->items[2]) : -ENOENT;
}

static int set_phase(const char *word, struct phx_restart_item *item) {
        for (unsigned i = 0; i < PHX_RESTART_PHASES; i++) {
                item->phase = (enum phx_restart_phase) i;
                if (strcmp(phx_restart_phase_to_string(item->phase), word) == 0)
                        return 0;
        }
        return -EINVAL;
}

static int read_begun(struct picture *picture, const struct words *words) {
        struct phx_restart_item *item = phx_restarts_get(&picture->restarts, words->items[1]);
        const char *before = or_null(words->items[3]);

        picture->has_restarts = true;
        if (!item)
                return -ENOMEM;
        item->serial = ++picture->restarts.serial;
        item->ended = item->since = 1;
        item->is_enforced = before != NULL;
        if (phx_replace(&item->before, before ? before : "") < 0 ||
            phx_replace(&item->why, words->count > 4 ? words->items[4] : "") < 0)
                return -ENOMEM;
        return set_phase(words->items[2], item);
}

static int read_for_state(struct picture *picture, const struct words *words) {
        struct phx_restart_item *item = phx_restarts_get(&picture->restarts, words->items[1]);

        picture->has_restarts = true;
        if (!item || phx_replace(&item->why, words->count > 3 ? words->items[3] : "") < 0)
                return -ENOMEM;
        item->serial = ++picture->restarts.serial;
        item->ended = item->since = 1;
        item->when = PHX_RESTART_BY_STATE;
        item->is_stop = strcmp(words->items[0], "stopping") == 0;
        item->is_start = !item->is_stop;
        item->starts = item->is_start;
        return set_phase(words->items[2], item);
}

static int read_create(struct picture *picture, const struct words *words) {
        struct phx_desired_container *want = find_want(picture, words->items[1]);
        bool is_template = strcmp(words->items[2], "template") == 0;
        const struct phx_creation how = {
                .template = is_template ? (char[]){ "/srv/template.tar.zst" } : NULL,
                .source = is_template ? NULL : words->items[2],
                .proxmox_key = words->count > 3 ? words->items[3] : NULL,
        };

        return want ? phx_creation_copy(&want->creation, &how) : -ENOENT;
}

static int read_on_proxmox(struct picture *picture, const struct words *words) {
        picture->observed->has_proxmox = true;
        return 0;
}

static const struct {
        const char *word;
        size_t least, most; /* words, with the first */
        int (*read)(struct picture *picture, const struct words *words);
} readers[] = {
        { "mode", 2, 2, read_mode },
        { "unconfigured", 1, 1, read_unconfigured },
        { "refusal", 3, 3, read_refusal },
        { "writing", 2, 2, read_writing },
        { "profile", 4, 5, read_profile },
        { "child", 3, 3, read_child },
        { "container", 4, 5, read_container },
        { "namespace", 2, 2, read_namespace },
        { "label", 3, 3, read_label },
        { "file", 4, 5, read_file },
        { "disabled", 3, 3, read_disabled },
        { "kernel", 4, 4, read_kernel },
        { "kernel-trouble", 2, 2, read_kernel_trouble },
        { "gate-hooks", 1, 1, read_gate_hooks },
        { "gate-trouble", 2, 2, read_gate_hooks },
        { "ungated", 2, 3, read_ungated },
        { "host", 3, 4, read_host },
        { "line", 3, 3, read_line },
        { "setting", 3, 3, read_setting },
        { "started", 3, 3, read_started },
        { "proxmox", 3, 3, read_proxmox },
        { "remark", 3, 3, read_remark },
        { "option", 3, 3, read_option },
        { "trouble", 3, 3, read_trouble },
        { "running", 5, 5, read_running },
        { "unread", 3, 3, read_unread },
        { "policy", 3, 3, read_policy },
        { "depends", 3, 3, read_depends },
        { "begun", 4, 5, read_begun },
        { "create", 3, 4, read_create },
        { "on-proxmox", 1, 1, read_on_proxmox },
        { "state", 3, 3, read_state },
        { "starting", 3, 4, read_for_state },
        { "stopping", 3, 4, read_for_state },
};

static int read_fact(struct picture *picture, char *line) {
        for (size_t i = 0; i < PHX_ELEMENTS(readers); i++) {
                size_t length = strlen(readers[i].word);
                struct words words = { 0 };

                if (strncmp(line, readers[i].word, length) != 0 ||
                    (line[length] != ' ' && line[length] != '\0'))
                        continue;
                split(line, readers[i].most, &words);
                return words.count < readers[i].least ? -EINVAL : readers[i].read(picture, &words);
        }
        return -EINVAL;
}

static int read_facts(char *text, struct picture *picture) {
        char *rest = NULL;
        int r = 0;

        for (char *line = strtok_r(text, "\n", &rest); line && r >= 0;
             line = strtok_r(NULL, "\n", &rest)) {
                if (line[0] == '#')
                        continue;
                r = read_fact(picture, line);
                if (r < 0)
                        printf("# not understood: %s\n", line);
        }
        return r;
}

int picture_read(char *text, struct picture *ret_picture) {
        phx_cleanup(picture_done) struct picture picture = { 0 };
        int r = picture_init(&picture);

        if (r >= 0)
                r = read_facts(text, &picture);
        if (r >= 0)
                *ret_picture = PHX_TAKE_STRUCT(picture);
        return r;
}
