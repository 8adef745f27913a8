/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Each case is a directory: state.txt is what is desired and what the machine shows, plan.txt
 * what the difference says about it, and the steps. The words of state.txt, one fact a line:
 *
 *   mode MODE · unconfigured · refusal OBJECT TEXT · writing OBJECT · child PROFILE NAME
 *   profile NAME good|refused|writing|compiling|withdrawn FILE|- [TEXT]   FILE: digest of the last
 *   good one
 *   container ID DIRECTORY|- PROFILE|generated [NAMESPACE] · namespace NAME · label DIRECTORY LABEL
 *   file NAME FILE|- ours|foreign [TROUBLE] · disabled NAME PATH
 *   kernel NAME MODE HASH|- · kernel-trouble TEXT          HASH of good policy: policy of FILE
 *   host DIRECTORY EFFECTIVE|unset|unknown [DIGEST] · line DIRECTORY +KEY|-KEY
 *   child PROFILE NAME (of its policy)
 *   proxmox DIRECTORY LINE (of its file, that names EFFECTIVE; 0: none)
 *   trouble|remark|option|unread DIRECTORY TEXT · running DIRECTORY WRONG UNKNOWN EXAMPLE */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/strings.h"
#include "codec/snapshot_json.h"
#include "reconcile/diff.h"
#include "reconcile/plan.h"
#include "reconcile/sentence.h"
#include "reconcile/snapshot.h"
#include "reconcile/status.h"

#define FILE_LIMIT 65536
#define WORDS_LIMIT 6

struct picture {
        struct phx_desired *desired;
        struct phx_observed *observed;
};

/* A line cut into words; the last takes all that is left. */
struct words {
        char *items[WORDS_LIMIT];
        size_t count;
};

static void picture_done(struct picture *picture) {
        picture->desired = phx_desired_free(picture->desired);
        picture->observed = phx_observed_free(picture->observed);
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
        container->example_tid = end ? (pid_t) strtol(end + strlen(", pid "), NULL, 10) : 1;
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
        { "host", 3, 4, read_host },
        { "line", 3, 3, read_line },
        { "proxmox", 3, 3, read_proxmox },
        { "remark", 3, 3, read_remark },
        { "option", 3, 3, read_option },
        { "trouble", 3, 3, read_trouble },
        { "running", 5, 5, read_running },
        { "unread", 3, 3, read_unread },
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

static int read_state(char *text, struct picture *picture) {
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

static int render_drift(struct phx_buffer *plan, const struct phx_drift *drift) {
        phx_autofree char *sentence = phx_drift_sentence(drift), *why = phx_drift_why(drift);

        if (!sentence || !why)
                return -ENOMEM;
        return phx_buffer_addf(
                        plan,
                        "%s %s %s %s\n  expected: %s\n  found: %s\n  why: %s\n  says: %s\n",
                        phx_layer_to_string(drift->layer),
                        phx_drift_kind_to_string(drift->kind),
                        phx_action_kind_to_string(drift->action),
                        drift->object,
                        drift->expected,
                        drift->found,
                        *why ? why : "-",
                        sentence);
}

static int render_step(struct phx_buffer *plan, const struct phx_step *step, size_t number) {
        int r = phx_buffer_addf(plan, "step %zu: ", number);

        if (r >= 0)
                r = phx_step_render(step, plan);
        return r < 0 ? r : phx_buffer_addf(plan, "\n");
}

/* The plan into PLAN, and into SNAPSHOT what everybody is shown of it. */
static int render_plan(
                const struct picture *picture,
                struct phx_buffer *plan,
                struct phx_snapshot *snapshot,
                char **ret_status) {
        phx_cleanup(phx_drifts_done) struct phx_drifts drifts = { 0 };
        phx_cleanup(phx_plan_done) struct phx_plan made = { 0 };
        phx_cleanup(phx_backoff_done) struct phx_backoff backoff = { 0 };
        const struct phx_snapshot_view view = { .desired = picture->desired,
                                                .observed = picture->observed,
                                                .drifts = &drifts,
                                                .backoff = &backoff };
        bool degraded = false;
        int r;

        r = phx_diff(picture->desired, picture->observed, &drifts);
        for (size_t i = 0; r >= 0 && i < drifts.count; i++)
                r = render_drift(plan, &drifts.items[i]);
        if (r >= 0)
                r = phx_plan_make(picture->desired, picture->observed, &drifts, &made);
        for (size_t i = 0; r >= 0 && i < made.count; i++)
                r = render_step(plan, &made.steps[i], i + 1);
        if (r >= 0)
                r = phx_snapshot_fill(&view, snapshot);
        if (r >= 0)
                r = phx_status_render(snapshot, ret_status, &degraded);
        if (r < 0)
                return r;
        return phx_buffer_addf(plan, "status%s: %s\n", degraded ? " (degraded)" : "", *ret_status);
}

/* "# -" is expected and not there, "# +" is there and not expected: as much as a line that moved
 * needs to be seen. */
static void print_difference(char *expected, char *found) {
        char *rest_of_expected = NULL, *rest_of_found = NULL;
        char *a = strtok_r(expected, "\n", &rest_of_expected);
        char *b = strtok_r(found, "\n", &rest_of_found);

        while (a || b) {
                if (!phx_equal(a, b)) {
                        if (a)
                                printf("# -%s\n", a);
                        if (b)
                                printf("# +%s\n", b);
                }
                a = a ? strtok_r(NULL, "\n", &rest_of_expected) : NULL;
                b = b ? strtok_r(NULL, "\n", &rest_of_found) : NULL;
        }
}

enum act {
        ACT_COMPARE,
        ACT_UPDATE,
        ACT_PRINT_SNAPSHOT,
};

/* As Describe() would answer. */
static int print_snapshot(const struct phx_snapshot *snapshot, char **status) {
        phx_cleanup(phx_daemon_done) struct phx_daemon daemon = { 0 };
        phx_autofree char *text = NULL;
        int r;

        phx_daemon_init(&daemon);
        daemon.status = PHX_TAKE(*status);
        r = phx_description_render(&daemon, snapshot, &text);
        if (r < 0)
                return r;
        (void) puts(text);
        return 1;
}

/* 1 when the plan is as it should be, 0 when it is not. */
static int run_case(int dir_fd, enum act act) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();
        phx_cleanup(picture_done) struct picture picture = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer plan = { 0 };
        phx_autofree char *state = NULL, *status = NULL, *expected = NULL;
        size_t size = 0;
        int r;

        r = snapshot ? phx_file_read_at(dir_fd, "state.txt", FILE_LIMIT, &state, &size) : -ENOMEM;
        if (r >= 0)
                r = picture_init(&picture);
        if (r >= 0)
                r = read_state(state, &picture);
        if (r >= 0)
                r = render_plan(&picture, &plan, snapshot, &status);
        if (r < 0)
                return r;
        if (act == ACT_PRINT_SNAPSHOT)
                return print_snapshot(snapshot, &status);
        if (act == ACT_UPDATE)
                return phx_file_ensure_at(dir_fd, "plan.txt", plan.data, plan.size, 0644) < 0 ? 0
                                                                                              : 1;

        r = phx_file_read_at(dir_fd, "plan.txt", FILE_LIMIT, &expected, &size);
        if (r < 0)
                return r;
        if (strcmp(expected, plan.data) == 0)
                return 1;
        print_difference(expected, plan.data);
        return 0;
}

static int list_cases(const char *directory, struct phx_strings *cases) {
        DIR *stream = opendir(directory);
        const struct dirent *entry;
        int r = 0;

        if (!stream)
                return phx_errno();
        while (r >= 0 && (entry = readdir(stream)))
                if (entry->d_name[0] != '.')
                        r = phx_strings_add(cases, entry->d_name);
        (void) closedir(stream);
        phx_strings_sort(cases);
        return r;
}

/* All cases, or the one that is named. */
static int run_cases(const char *directory, const char *only, enum act act) {
        phx_cleanup(phx_strings_done) struct phx_strings cases = { 0 };
        int failures = 0, r;

        r = only ? phx_strings_add(&cases, only) : list_cases(directory, &cases);
        if (r < 0 || cases.count == 0) {
                printf("Bail out! no cases in %s\n", directory);
                return -ENOENT;
        }
        if (act != ACT_PRINT_SNAPSHOT)
                printf("1..%zu\n", cases.count);
        for (size_t i = 0; i < cases.count; i++) {
                phx_autofree char *path = NULL;
                phx_autoclose int dir_fd = -1;

                if (phx_printf(&path, "%s/%s", directory, cases.items[i]) >= 0)
                        dir_fd = open(path, O_DIRECTORY | O_CLOEXEC);
                r = dir_fd >= 0 ? run_case(dir_fd, act) : -ENOENT;
                if (r < 0)
                        printf("# %s\n", strerror(-r));
                failures += r <= 0;
                if (act != ACT_PRINT_SNAPSHOT)
                        printf("%s %zu - %s\n", r > 0 ? "ok" : "not ok", i + 1, cases.items[i]);
        }
        return failures;
}

int main(int argc, char *argv[]) {
        enum act act = argc < 2                             ? ACT_COMPARE
                       : strcmp(argv[1], "--update") == 0   ? ACT_UPDATE
                       : strcmp(argv[1], "--snapshot") == 0 ? ACT_PRINT_SNAPSHOT
                                                            : ACT_COMPARE;
        char **arguments = argv + 1 + (act != ACT_COMPARE);
        int count = argc - 1 - (act != ACT_COMPARE);

        if (count < 1 || count > 2) {
                (void) fprintf(stderr, "usage: %s [--update|--snapshot] CASES [CASE]\n", argv[0]);
                return EXIT_FAILURE;
        }
        return run_cases(arguments[0], count > 1 ? arguments[1] : NULL, act) > 0;
}
