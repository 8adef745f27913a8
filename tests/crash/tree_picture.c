/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "tree_picture.h"

#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/grow.h"

/* nftw() hands nothing through. */
static struct tree_picture *taken;
static size_t prefix;

static void read_content(const char *path, const struct stat *st, struct tree_entry *entry) {
        if (S_ISREG(st->st_mode)) {
                if (phx_file_read_at(AT_FDCWD, path, 64U << 20, &entry->content, &entry->size) < 0)
                        errx(1, "%s: cannot be read", path);
        } else if (S_ISLNK(st->st_mode)) {
                char target[PATH_MAX];
                ssize_t n = readlink(path, target, sizeof(target) - 1);

                target[n > 0 ? n : 0] = '\0';
                entry->content = strdup(target);
                entry->size = strlen(target);
        }
}

static int take_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
        struct tree_entry *entry;

        /* What liblxc has answered, what was judged, and what is known of a policy, has the stamps
         * of the files: it is never the same twice. The kernel's features stay beside the copies
         * for the next compile, of an engine that had one. */
        if (strlen(path) <= prefix || strstr(path, "lxc-answers") || strstr(path, "judgements") ||
            phx_has_suffix(path, ".facts") || phx_has_suffix(path, "/run/stage/.kernel-features"))
                return 0;
        entry = phx_grow(&taken->entries, &taken->count, sizeof(*entry));
        if (!entry)
                err(1, "%s", path);
        entry->path = strdup(path + prefix + 1);
        entry->mode = st->st_mode;
        entry->uid = st->st_uid;
        entry->gid = st->st_gid;
        read_content(path, st, entry);
        return 0;
}

static int compare_entries(const void *a, const void *b) {
        return strcmp(((const struct tree_entry *) a)->path, ((const struct tree_entry *) b)->path);
}

void tree_picture_take(const char *directory, struct tree_picture *ret_picture) {
        *ret_picture = (struct tree_picture){ 0 };
        taken = ret_picture;
        prefix = strlen(directory);
        if (nftw(directory, take_one, 16, FTW_PHYS) < 0)
                err(1, "%s", directory);
        qsort(ret_picture->entries,
              ret_picture->count,
              sizeof(*ret_picture->entries),
              compare_entries);
}

void tree_picture_done(struct tree_picture *picture) {
        for (size_t i = 0; i < picture->count; i++) {
                free(picture->entries[i].path);
                free(picture->entries[i].content);
        }
        free(picture->entries);
        *picture = (struct tree_picture){ 0 };
}

const struct tree_entry *tree_picture_find(const struct tree_picture *picture, const char *path) {
        for (size_t i = 0; i < picture->count; i++)
                if (strcmp(picture->entries[i].path, path) == 0)
                        return &picture->entries[i];
        return NULL;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
        return strlen(path) > prefix ? remove(path) : 0;
}

static void restore_file(const struct tree_entry *entry, const char *path) {
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        if (fd < 0 || write(fd, entry->content, entry->size) != (ssize_t) entry->size ||
            fchown(fd, entry->uid, entry->gid) < 0 || fchmod(fd, entry->mode & 07777) < 0)
                err(1, "%s", path);
        (void) close(fd);
}

void tree_picture_restore(const struct tree_picture *picture, const char *directory) {
        prefix = strlen(directory);
        (void) nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        for (size_t i = 0; i < picture->count; i++) {
                const struct tree_entry *entry = &picture->entries[i];
                char path[PATH_MAX];

                (void) snprintf(path, sizeof(path), "%s/%s", directory, entry->path);
                if (S_ISREG(entry->mode))
                        restore_file(entry, path);
                else if (S_ISLNK(entry->mode)) {
                        if (symlink(entry->content, path) < 0)
                                err(1, "%s", path);
                } else if (mkdir(path, 0700) < 0 || chown(path, entry->uid, entry->gid) < 0 ||
                           chmod(path, entry->mode & 07777) < 0)
                        err(1, "%s", path);
        }
}

/* NULL when they are the same; of two of one name. */
static const char *compare_two(const struct tree_entry *a, const struct tree_entry *b) {
        if (a->mode != b->mode || a->uid != b->uid || a->gid != b->gid)
                return "other mode or owner";
        if (a->size != b->size || (a->content && memcmp(a->content, b->content, a->size) != 0))
                return "other content";
        return NULL;
}

const char *tree_picture_compare(
                const struct tree_picture *expected,
                const struct tree_picture *found) {
        static char text[PATH_MAX + 64];
        size_t i = 0, j = 0;

        while (i < expected->count && j < found->count) {
                const struct tree_entry *a = &expected->entries[i], *b = &found->entries[j];
                int order = strcmp(a->path, b->path);
                const char *wrong = order < 0   ? "missing"
                                    : order > 0 ? "left over"
                                                : compare_two(a, b);

                (void) snprintf(text,
                                sizeof(text),
                                "%s: %s",
                                order > 0 ? b->path : a->path,
                                wrong ? wrong : "");
                if (wrong)
                        return text;
                i++;
                j++;
        }
        if (i == expected->count && j == found->count)
                return "";
        if (i < expected->count)
                (void) snprintf(text, sizeof(text), "%s: missing", expected->entries[i].path);
        else
                (void) snprintf(text, sizeof(text), "%s: left over", found->entries[j].path);
        return text;
}
