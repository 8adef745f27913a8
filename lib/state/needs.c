/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Each key of an entry is read by words; what a word asks for is one of a few needs, each of which
 * some of the shipped profiles have. The same walk gives the needs alone and, for people, the words
 * that say so. */

#include "state/needs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "state/needs_private.h"

/* As many as are listed. */
#define WORDS_SHOWN 16
#define BLANKS " \t"
#define QUOTES "'\""

#define BASELINE "lxc-baseline"
#define DOCKER "lxc-phoenix-v2"
#define GPU "lxc-gpu-docker-storage"
#define NESTING "lxc-nesting-v1"

/* --- words --- */

bool phx_needs_word_next(
                const char **text,
                const char *separators,
                struct phx_needs_word *ret_word) {
        *text += strspn(*text, separators);
        *ret_word = (struct phx_needs_word){ *text, strcspn(*text, separators) };
        *text += ret_word->size;
        return ret_word->size > 0;
}

static bool has_prefix(struct phx_needs_word word, const char *name) {
        size_t length = strlen(name);

        if (word.size < length)
                return false;
        for (size_t i = 0; i < length; i++)
                if (phx_lower(word.text[i]) != name[i])
                        return false;
        return true;
}

bool phx_needs_word_is(struct phx_needs_word word, const char *name) {
        return word.size == strlen(name) && has_prefix(word, name);
}

static bool word_begins(struct phx_needs_word word, const char *name) {
        size_t length = strlen(name);

        return has_prefix(word, name) &&
               (word.size == length || phx_is_separator(word.text[length]));
}

/* Takes TEXT, which may be NULL without memory. */
static void add_once(struct phx_needs_reader *reader, struct phx_strings *list, char *text) {
        phx_autofree char *taken = text;

        if (!taken)
                reader->failed = true;
        else if (list->count < WORDS_SHOWN && phx_strings_add_once(list, taken) < 0)
                reader->failed = true;
}

void phx_needs_add(
                struct phx_needs_reader *reader,
                enum phx_need need,
                const char *source,
                const char *what) {
        struct phx_needs *needs = &reader->needs;
        char *text = NULL;

        if (need == PHX_NEED_NOTHING)
                return;
        needs->gpu |= need == PHX_NEED_GPU;
        needs->storage |= need == PHX_NEED_STORAGE;
        needs->docker |= need == PHX_NEED_DOCKER;
        needs->nesting |= need == PHX_NEED_NESTING;
        needs->unmet |= need == PHX_NEED_UNMET;
        if (!reader->words)
                return;
        if (need == PHX_NEED_UNMET) {
                (void) phx_printf(&text, "%s (%s)", what, source);
                add_once(reader, reader->unmet, text);
                return;
        }
        (void) phx_printf(&text, "%s %s", source, what);
        add_once(reader, reader->words, text);
}

static void needs_add_word(
                struct phx_needs_reader *reader,
                enum phx_need need,
                const char *source,
                struct phx_needs_word word) {
        phx_autofree char *what = strndup(word.text, word.size);

        if (what)
                phx_needs_add(reader, need, source, what);
        else
                reader->failed = true;
}

/* --- features and pct_options --- */

/* What is installed, as the old system's scripts call it, and others like it. */
static const struct {
        const char *name;
        enum phx_need need;
} programs[] = {
        { "nvidia", PHX_NEED_GPU },    { "cuda", PHX_NEED_GPU },
        { "vllm", PHX_NEED_GPU },      { "ollama", PHX_NEED_GPU },
        { "docker", PHX_NEED_DOCKER }, { "portainer", PHX_NEED_DOCKER },
        { "podman", PHX_NEED_DOCKER }, { "lxc", PHX_NEED_NESTING },
        { "lxd", PHX_NEED_NESTING },   { "incus", PHX_NEED_NESTING },
};

/* Proxmox's own, which are flags. */
static const struct {
        const char *name;
        enum phx_need need;
} flags[] = {
        { "nesting", PHX_NEED_NESTING },
        { "fuse", PHX_NEED_DOCKER },
        { "mknod", PHX_NEED_DOCKER },
};

/* File systems that a container mounts itself: those that are in a profile's rules. */
static enum phx_need need_of_file_system(struct phx_needs_word type) {
        static const char *const everywhere[] = { "tmpfs",  "proc",    "sysfs",
                                                  "cgroup", "cgroup2", "mqueue" },
                                 *const docker[] = { "overlay", "fuse", "devpts", "hugetlbfs" },
                                 *const storage[] = { "nfs", "nfs4", "cifs" };

        for (size_t i = 0; i < PHX_ELEMENTS(everywhere); i++)
                if (phx_needs_word_is(type, everywhere[i]))
                        return PHX_NEED_NOTHING;
        for (size_t i = 0; i < PHX_ELEMENTS(docker); i++)
                if (phx_needs_word_is(type, docker[i]))
                        return PHX_NEED_DOCKER;
        for (size_t i = 0; i < PHX_ELEMENTS(storage); i++)
                if (phx_needs_word_is(type, storage[i]))
                        return PHX_NEED_STORAGE;
        return PHX_NEED_UNMET;
}

static void read_mounts(
                struct phx_needs_reader *reader,
                const char *source,
                struct phx_needs_word types) {
        phx_autofree char *text = strndup(types.text, types.size);
        const char *at = text;
        struct phx_needs_word type;

        reader->failed |= !text;
        while (at && phx_needs_word_next(&at, ";", &type)) {
                enum phx_need need = need_of_file_system(type);
                char what[128];

                (void) snprintf(what,
                                sizeof(what),
                                "%s%.*s",
                                need == PHX_NEED_UNMET ? "mounts of " : "mount=",
                                (int) (type.size < 64 ? type.size : 64),
                                type.text);
                phx_needs_add(reader, need, source, what);
        }
}

static bool is_true(struct phx_needs_word value) {
        return phx_needs_word_is(value, "1") || phx_needs_word_is(value, "on") ||
               phx_needs_word_is(value, "yes") || phx_needs_word_is(value, "true");
}

/* "NAME=VALUE", or "NAME" alone. */
static void read_setting(
                struct phx_needs_reader *reader,
                const char *source,
                struct phx_needs_word word) {
        struct phx_needs_word name = word, value = { 0 };
        const char *equals = memchr(word.text, '=', word.size);

        if (equals) {
                name.size = (size_t) (equals - word.text);
                value = (struct phx_needs_word){ equals + 1, word.size - name.size - 1 };
        }
        if (!equals)
                value = word;
        if (value.size > 5 && strncmp(value.text, "/dev/", 5) == 0) /* dev0=/dev/x */
                needs_add_word(reader, phx_need_of_device(value), source, value);
        if (equals && phx_needs_word_is(name, "mount"))
                read_mounts(reader, source, value);
        for (size_t i = 0; i < PHX_ELEMENTS(flags); i++)
                if (phx_needs_word_is(name, flags[i].name) && (!equals || is_true(value)))
                        needs_add_word(reader, flags[i].need, source, word);
        for (size_t i = 0; !equals && i < PHX_ELEMENTS(programs); i++)
                if (word_begins(name, programs[i].name))
                        phx_needs_add(reader, programs[i].need, source, programs[i].name);
}

/* Without blanks beside '=' and ':', and with '=' for ':'. */
static char *squeeze(const char *text) {
        char *squeezed = strdup(text), *to = squeezed;

        for (const char *at = text; squeezed && *at; at++) {
                if (strchr(BLANKS, *at) &&
                    (strchr("=:", at[strspn(at, BLANKS)]) || (to > squeezed && to[-1] == '=')))
                        continue;
                *to++ = (char) (*at == ':' ? '=' : *at);
        }
        if (squeezed)
                *to = '\0';
        return squeezed;
}

/* "nesting=1", "features: nesting=1,keyctl=1", "--features nesting=1". */
static void read_line(struct phx_needs_reader *reader, const char *source, const char *line) {
        static const char *const before[] = { "--features=", "-features=", "features=" };
        phx_autofree char *text = squeeze(line);
        const char *at = text;
        struct phx_needs_word word;

        reader->failed |= !text;
        while (at && phx_needs_word_next(&at, BLANKS QUOTES ",", &word)) {
                for (size_t i = 0; i < PHX_ELEMENTS(before); i++)
                        if (has_prefix(word, before[i])) {
                                word.text += strlen(before[i]);
                                word.size -= strlen(before[i]);
                        }
                if (word.size > 0)
                        read_setting(reader, source, word);
        }
}

bool phx_needs_has_nesting(const char *line) {
        struct phx_needs_reader reader = { 0 };

        read_line(&reader, "", line);
        return reader.needs.nesting;
}

static void read_lines(
                struct phx_needs_reader *reader,
                const char *source,
                const struct phx_strings *lines) {
        for (size_t i = 0; i < lines->count; i++)
                read_line(reader, source, lines->items[i]);
}

/* --- all of it --- */

static void needs_read_entry(struct phx_needs_reader *reader) {
        const struct phx_container_config *container = reader->container;
        const char *gpus = container->gpu_assignment;

        reader->is_privileged = !container->unprivileged && !phx_needs_has_idmap(container);
        if (gpus && *gpus && strcmp(gpus, "none") != 0)
                phx_needs_add(reader, PHX_NEED_GPU, "gpu_assignment", gpus);
        read_lines(reader, "features", &container->features);
        read_lines(reader, "pct_options", &container->pct_options);
        phx_needs_read_options(reader);
}

/* Proxmox's "nesting" is set for Docker and for newer systemds, too: it counts where nothing else
 * says what it is for. */
static const char *needs_choose(const struct phx_needs *needs) {
        if (needs->gpu || needs->storage)
                return GPU;
        if (needs->docker)
                return DOCKER;
        return needs->nesting ? NESTING : BASELINE;
}

static const char *needs_profile_of(const struct phx_needs *needs) {
        const char *profile = needs_choose(needs);

        if (needs->unmet || (needs->any_device && strcmp(profile, BASELINE) != 0))
                return NULL;
        return profile;
}

static char *needs_join(const struct phx_strings *texts, const char *before, const char *between) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        int r = phx_buffer_add_text(&buffer, before);

        for (size_t i = 0; r >= 0 && i < texts->count; i++)
                r = phx_buffer_addf(&buffer, "%s%s", i > 0 ? between : "", texts->items[i]);
        if (r >= 0 && texts->count == WORDS_SHOWN)
                r = phx_buffer_addf(&buffer, "%s…", between);
        return r < 0 ? NULL : PHX_TAKE(buffer.data);
}

/* Why there is no profile, or what calls for it. NULL without memory. */
static char *needs_explain(
                const struct phx_needs_reader *reader,
                const struct phx_fit *fit,
                bool is_never) {
        const char *wanted = needs_choose(&reader->needs);
        char *why = NULL;
        int r;

        if (reader->needs.unmet)
                return needs_join(reader->unmet, "no shipped profile allows ", ", ");
        if (fit->profile && reader->words->count > 0)
                return needs_join(reader->words, "", "; ");
        if (fit->profile)
                return strdup("no special features configured");
        if (is_never)
                r = phx_printf(&why,
                               "%s requires a policy namespace, but policy_namespace is never",
                               wanted);
        else
                r = phx_printf(&why,
                               "%s allows device nodes, lxc_options allow all devices of the "
                               "host, and the container has no user namespace",
                               wanted);
        return r < 0 ? NULL : why;
}

int phx_fit_of(const struct phx_container_config *container,
               enum phx_namespace_policy policy,
               struct phx_fit *ret_fit) {
        phx_cleanup(phx_strings_done) struct phx_strings words = { 0 }, unmet = { 0 };
        struct phx_needs_reader reader = {
                .container = container,
                .words = &words,
                .unmet = &unmet,
        };
        struct phx_fit fit = { 0 };
        bool wants_namespace, is_never = false;

        needs_read_entry(&reader);
        if (reader.failed)
                return -ENOMEM;
        fit.profile = needs_profile_of(&reader.needs);
        wants_namespace = fit.profile && strcmp(fit.profile, BASELINE) != 0;
        if (wants_namespace && policy == PHX_NAMESPACE_NEVER) {
                is_never = true;
                fit.profile = NULL;
        }
        fit.wants_key = wants_namespace && policy == PHX_NAMESPACE_AUTO &&
                        !container->manages_nesting;
        fit.why = needs_explain(&reader, &fit, is_never);
        if (!fit.why)
                return -ENOMEM;
        *ret_fit = fit;
        return 0;
}

void phx_fit_done(struct phx_fit *fit) {
        free(fit->why);
        *fit = (struct phx_fit){ 0 };
}
