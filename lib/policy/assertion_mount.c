/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From the words of an assertion about mounts to what the kernel is asked. */

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "policy/assertion.h"
#include "policy/words.h"

#define PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

/* mount [TYPE] [OPTION,…] [SOURCE] -> TARGET */
struct mount {
        const char *type;
        const char *source;
        const char *target;
        uint32_t flags;
};

static int mount_add_options(
                struct phx_assertion_words *words,
                const char *list,
                struct mount *mount) {
        for (const char *at = list; *at;) {
                size_t length = strcspn(at, ",()");
                phx_autofree char *option = strndup(at, length);
                uint32_t flags = 0;

                if (!option)
                        return -ENOMEM;
                if (length > 0 && !phx_word_mount_option(option, &flags))
                        return phx_assertion_expected(
                                        words,
                                        option,
                                        "an option such as ro, nosuid, bind, remount or rprivate");
                mount->flags |= flags;
                at += length + (at[length] != '\0');
        }
        return 0;
}

/* "bind" and "ro,nosuid" are options; what is none is a type. */
static bool is_options(const char *word) {
        size_t length = strcspn(word, ",");
        char option[32];
        uint32_t flags;

        if (length >= sizeof(option))
                return false;
        memcpy(option, word, length);
        option[length] = '\0';
        return phx_word_mount_option(option, &flags);
}

static int mount_read_word(
                struct phx_assertion_words *words,
                const char *word,
                struct mount *mount) {
        if (phx_has_prefix(word, "options="))
                return mount_add_options(words, word + strlen("options="), mount);
        if (is_options(word))
                return mount_add_options(words, word, mount);
        if (phx_has_prefix(word, "fstype="))
                word += strlen("fstype=");
        if (word[0] == '/' || mount->type) {
                if (mount->source)
                        return phx_assertion_expected(words, word, "one source");
                mount->source = word;
        } else
                mount->type = word;
        return 0;
}

/* What the kernel leaves of a call's arguments before it asks, see apparmor_sb_mount(). */
static void mount_settle(struct mount *mount) {
        if (mount->flags & MS_REMOUNT)
                mount->source = mount->type = NULL;
        else if (mount->flags & MS_BIND) {
                mount->flags &= MS_BIND | MS_REC;
                mount->type = NULL;
        } else if (mount->flags & PROPAGATION) {
                mount->flags &= PROPAGATION | MS_REC | MS_SILENT;
                mount->source = mount->type = NULL;
        } else if (mount->flags & MS_MOVE) {
                mount->flags = MS_MOVE;
                mount->type = NULL;
        } else if (!mount->source)
                mount->source = mount->type; /* as nearly everybody calls it */
}

static int mount_check(struct phx_assertion_words *words, const struct mount *mount) {
        bool is_new = !(mount->flags & (MS_REMOUNT | MS_BIND | MS_MOVE | PROPAGATION));

        if (is_new && !mount->type)
                return phx_assertion_expected(
                                words,
                                NULL,
                                "a file system type, or one of bind, rbind, move, remount, "
                                "private …, before '->'");
        if (!is_new && (mount->flags & (MS_BIND | MS_MOVE)) && !(mount->flags & MS_REMOUNT) &&
            !mount->source)
                return phx_assertion_expected(words, NULL, "a source before '->'");
        return 0;
}

static int add_mount(
                struct phx_assertion_words *words,
                const struct mount *mount,
                const char *source,
                const char *target) {
        struct phx_policy_query *query;

        query = phx_assertion_query(
                        words,
                        "%s%s%s -> %s",
                        mount->type ? mount->type : "",
                        mount->type && source ? " " : "",
                        source ? source : "",
                        target);
        if (!query)
                return -ENOMEM;
        return phx_query_mount(query, source, target, mount->type, mount->flags);
}

/* A source that is a path may be a pattern like the target. */
static int mount_expand(struct phx_assertion_words *words, const struct mount *mount) {
        phx_cleanup(phx_strings_done) struct phx_strings sources = { 0 }, targets = { 0 };
        bool is_path = mount->source && mount->source[0] == '/';
        int r;

        r = phx_assertion_paths(words, mount->target, true, &targets);
        if (r >= 0 && is_path)
                r = phx_assertion_paths(words, mount->source, true, &sources);
        for (size_t i = 0; r >= 0 && i < targets.count; i++) {
                if (!is_path)
                        r = add_mount(words, mount, mount->source, targets.items[i]);
                for (size_t j = 0; r >= 0 && j < sources.count; j++)
                        r = add_mount(words, mount, sources.items[j], targets.items[i]);
        }
        return r;
}

int phx_assertion_mount(struct phx_assertion_words *words) {
        struct mount mount = { 0 };
        const char *word;
        int r;

        while ((word = phx_assertion_next(words)) && strcmp(word, "->") != 0) {
                r = mount_read_word(words, word, &mount);
                if (r < 0)
                        return r;
        }
        if (!word)
                return phx_assertion_expected(words, NULL, "'->' and the mount point");
        mount.target = phx_assertion_next(words);
        mount_settle(&mount);
        r = mount_check(words, &mount);
        if (r >= 0)
                r = mount_expand(words, &mount);
        return r < 0 ? r : phx_assertion_end(words);
}

int phx_assertion_umount(struct phx_assertion_words *words) {
        phx_cleanup(phx_strings_done) struct phx_strings targets = { 0 };
        int r;

        r = phx_assertion_paths(words, phx_assertion_next(words), true, &targets);
        for (size_t i = 0; r >= 0 && i < targets.count; i++) {
                struct phx_policy_query *query = phx_assertion_query(words, "%s", targets.items[i]);

                r = query ? phx_query_umount(query, targets.items[i]) : -ENOMEM;
        }
        return r < 0 ? r : phx_assertion_end(words);
}

/* pivot_root [oldroot=OLD] NEW */
int phx_assertion_pivot_root(struct phx_assertion_words *words) {
        phx_cleanup(phx_strings_done) struct phx_strings roots = { 0 };
        const char *old = NULL, *word = phx_assertion_next(words);
        int r;

        if (word && phx_has_prefix(word, "oldroot=")) {
                old = word + strlen("oldroot=");
                word = phx_assertion_next(words);
        }
        r = phx_assertion_paths(words, word, true, &roots);
        for (size_t i = 0; r >= 0 && i < roots.count; i++) {
                const char *root = roots.items[i], *put = old ? old : root;
                struct phx_policy_query *query =
                                phx_assertion_query(words, "oldroot=%s %s", put, root);

                r = query ? phx_query_pivot_root(query, root, put) : -ENOMEM;
        }
        return r < 0 ? r : phx_assertion_end(words);
}
