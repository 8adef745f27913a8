/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The kernel's list of profiles is a tree: policy/profiles/NAME.NUMBER/ has the files name, mode
 * and a hash, and profiles/ with the children. The directory's name is not the profile's, since
 * the kernel drops characters from it, so every `name` file is read, and a child's full name is
 * made from its parent's.
 *
 * The tree changes while it is read. Three outcomes are kept apart at each step:
 *
 *   gone        ENOENT, ENODEV, ESTALE: the profile was removed or replaced meanwhile; left out
 *   unreadable  its name cannot be had: the list is marked incomplete, and no caller may conclude
 *               from it that a profile is absent
 *   memory      -ENOMEM ends the reading
 *
 * Hash and mode that cannot be read are "none" and "unknown": never equal to what is desired,
 * never taken for enforce. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/strings.h"
#include "kernel/listed.h"
#include "kernel/private.h"

/* Children of children are as deep as the kernel's own parser goes; more is not believed. */
#define DEPTH_LIMIT 8
/* Bounds memory and time when the tree is not what it should be. */
#define LOADED_LIMIT 16384
/* A name is at most a page in the kernel; modes and hashes are far shorter. */
#define VALUE_LIMIT 4096

/* The content of a small file of one line, without its line end. */
int phx_kernel_read_value(int dir_fd, const char *name, char **ret_text) {
        phx_autofree char *text = NULL;
        phx_autoclose int fd = -1;
        size_t size = 0;
        int r;

        fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return phx_errno();
        r = phx_file_read_fd(fd, VALUE_LIMIT, &text, &size);
        if (r < 0)
                return r;

        text[strcspn(text, "\n")] = '\0';
        *ret_text = PHX_TAKE(text);
        return 0;
}

int phx_kernel_open_below(const struct phx_kernel *kernel, const char *name, int flags) {
        char path[PATH_MAX];
        int fd;

        if (snprintf(path, sizeof(path), "%s/%s", kernel->apparmorfs, name) >= (int) sizeof(path))
                return -ENAMETOOLONG;
        fd = open(path, flags | O_CLOEXEC);
        return fd < 0 ? phx_errno() : fd;
}

/* Only text of the right length and alphabet is a hash; anything else is as good as none. */
static bool copy_hash(const char *text, size_t length, char hash[PHX_SHA256_HEX]) {
        if (strlen(text) != length || strspn(text, "0123456789abcdef") != length)
                return false;
        memcpy(hash, text, length + 1);
        return true;
}

/* Kernels from 6.8 on have sha256, those before sha1, and none when built or configured so. */
static const struct hash_file {
        const char *name;
        enum phx_hash_kind kind;
        size_t length;
} hash_files[] = { { "sha256", PHX_HASH_SHA256, PHX_SHA256_HEX - 1 },
                   { "sha1", PHX_HASH_SHA1, PHX_SHA1_HEX - 1 } };

static void read_hash(int fd, struct phx_loaded *loaded) {
        for (size_t i = 0; i < PHX_ELEMENTS(hash_files); i++) {
                phx_autofree char *text = NULL;

                if (phx_kernel_read_value(fd, hash_files[i].name, &text) < 0 ||
                    !copy_hash(text, hash_files[i].length, loaded->hash))
                        continue;
                loaded->hash_kind = hash_files[i].kind;
                return;
        }
}

static bool profiles_is_gone(int r) {
        return r == -ENOENT || r == -ENODEV || r == -ESTALE;
}

/* Reads one profile's directory. 0, or 1 when the profile went away under the reading, or -EBADMSG
 * when there is one whose name cannot be had. The directory's own name is no help: the kernel drops
 * characters from it. */
static int read_loaded(int fd, const char *parent, struct phx_loaded *ret_loaded) {
        phx_cleanup(phx_loaded_done) struct phx_loaded loaded = { .mode = PHX_POLICY_UNKNOWN };
        phx_autofree char *name = NULL, *mode = NULL;
        int r;

        r = phx_kernel_read_value(fd, "name", &name);
        if (profiles_is_gone(r))
                return 1;
        if (r == -ENOMEM)
                return r;
        if (!name || !name[0])
                return -EBADMSG;
        if (phx_printf(&loaded.name, "%s%s%s", parent ? parent : "", parent ? "//" : "", name) < 0)
                return -ENOMEM;

        r = phx_kernel_read_value(fd, "mode", &mode);
        if (profiles_is_gone(r))
                return 1;
        if (r == -ENOMEM)
                return r;
        if (mode)
                loaded.mode = phx_policy_mode_from_string(mode);
        read_hash(fd, &loaded);

        *ret_loaded = PHX_TAKE_STRUCT(loaded);
        return 0;
}

static int profiles_list_directory(int fd, struct phx_strings *ret_names) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        const struct dirent *entry;
        int r;

        r = phx_directory_open(fd, ".", &directory);
        if (r < 0)
                return r;

        while ((errno = 0, entry = readdir(directory))) {
                /* A profile called "/" is shown as ".5". */
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                if (names.count == LOADED_LIMIT)
                        return -EOVERFLOW;
                r = phx_strings_add(&names, entry->d_name);
                if (r < 0)
                        return r;
        }
        if (errno)
                return phx_errno();

        *ret_names = PHX_TAKE_STRUCT(names);
        return 0;
}

static int observe_directory(
                int dir_fd,
                const char *parent,
                unsigned depth,
                struct phx_loaded_list *list);

/* One profile and its children. */
static int observe_profile(
                int dir_fd,
                const char *entry,
                const char *parent,
                unsigned depth,
                struct phx_loaded_list *list) {
        phx_cleanup(phx_loaded_done) struct phx_loaded loaded = { 0 };
        phx_autoclose int fd = -1, children = -1;
        phx_autofree char *name = NULL;
        int r;

        fd = openat(dir_fd, entry, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                r = phx_errno();
        else
                r = read_loaded(fd, parent, &loaded);
        if (r == 1 || profiles_is_gone(r))
                return 0;
        if (r == -ENOMEM)
                return r;
        if (r < 0 || !loaded.name) {
                list->complete = false;
                return 0;
        }

        name = strdup(loaded.name);
        if (!name)
                return -ENOMEM;
        if (list->count == LOADED_LIMIT)
                return -EOVERFLOW;
        r = phx_loaded_list_add(list, &loaded);
        if (r < 0)
                return r;

        children = openat(fd, "profiles", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (children < 0) {
                if (errno != ENOENT)
                        list->complete = false;
                return 0;
        }
        return observe_directory(children, name, depth + 1, list);
}

int phx_kernel_observe_entry(int dir_fd, const char *entry, struct phx_loaded_list *list) {
        return observe_profile(dir_fd, entry, NULL, 0, list);
}

static int observe_directory(
                int dir_fd,
                const char *parent,
                unsigned depth,
                struct phx_loaded_list *list) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        int r;

        if (depth > DEPTH_LIMIT)
                return -ELOOP;
        r = profiles_list_directory(dir_fd, &names);
        if (profiles_is_gone(r))
                return 0;
        if (r < 0)
                return r;

        for (size_t i = 0; i < names.count; i++) {
                r = observe_profile(dir_fd, names.items[i], parent, depth, list);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Notes of those from FIRST on by which entry they were found. */
static int note_entry(struct phx_loaded_list *list, size_t first, const char *entry) {
        for (size_t i = first; i < list->count; i++)
                if (phx_replace(&list->items[i].entry, entry) < 0)
                        return -ENOMEM;
        return 0;
}

/* One file, of ENTRY in FD, in one read: what is not all of a hash is none. */
static bool read_hash_of(
                int fd,
                const char *entry,
                const struct hash_file *file,
                struct phx_loaded *loaded) {
        char path[NAME_MAX + sizeof("/sha256")], text[PHX_SHA256_HEX + 2];
        phx_autoclose int hash_fd = -1;
        ssize_t n;

        (void) snprintf(path, sizeof(path), "%s/%s", entry, file->name);
        hash_fd = openat(fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
        n = hash_fd < 0 ? -1 : read(hash_fd, text, sizeof(text) - 1);
        if (n <= 0 || text[n - 1] != '\n')
                return false;
        text[n - 1] = '\0';
        if (!copy_hash(text, file->length, loaded->hash))
                return false;
        loaded->hash_kind = file->kind;
        return true;
}

/* Of ENTRY, of which the list says all but the hash: 1 when it was taken, else it is to be read.
 * *FILE is where the hash was found last: a kernel has one kind. */
static int observe_listed(
                int fd,
                const char *entry,
                const struct phx_listed *item,
                size_t *file,
                struct phx_loaded_list *list) {
        phx_cleanup(phx_loaded_done) struct phx_loaded loaded = { 0 };

        if (!item || list->count == LOADED_LIMIT)
                return 0;
        if (!read_hash_of(fd, entry, &hash_files[*file], &loaded)) {
                *file = 1 - *file;
                if (!read_hash_of(fd, entry, &hash_files[*file], &loaded))
                        return 0;
        }
        if (phx_replace(&loaded.name, item->name) < 0)
                return -ENOMEM;
        loaded.mode = item->mode;
        return phx_loaded_list_add(list, &loaded) < 0 ? -ENOMEM : 1;
}

/* The entries that are not in KNOWN (sorted). LISTED may be NULL. */
static int observe_entries(
                int fd,
                const struct phx_strings *known,
                struct phx_listed_profiles *listed,
                struct phx_loaded_list *list) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        size_t file = 0;
        int r;

        r = profiles_list_directory(fd, &names);
        if (r >= 0 && listed)
                phx_listed_match(listed, &names);
        for (size_t i = 0; r >= 0 && i < names.count; i++) {
                const char *entry = names.items[i];
                size_t first = list->count;

                if (phx_strings_has_sorted(known, entry))
                        continue;
                r = listed ? observe_listed(fd, entry, phx_listed_find(listed, entry), &file, list)
                           : 0;
                if (r == 0)
                        r = observe_profile(fd, entry, NULL, 0, list);
                if (r >= 0)
                        r = note_entry(list, first, entry);
        }
        return r < 0 ? r : 0;
}

static int observe_all(
                const struct phx_kernel *kernel,
                struct phx_listed_profiles *listed,
                struct phx_loaded_list *ret_list,
                struct phx_error *error) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { .complete = true };
        phx_autoclose int fd = -1;
        int r;

        fd = phx_kernel_open_below(kernel, "policy/profiles", O_RDONLY | O_DIRECTORY);
        r = fd < 0 ? fd : observe_entries(fd, &(struct phx_strings){ 0 }, listed, &list);
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "%s/policy/profiles: %s",
                                kernel->apparmorfs,
                                strerrordesc_np(-r));
        phx_loaded_list_sort(&list);

        *ret_list = PHX_TAKE_STRUCT(list);
        return 0;
}

int phx_kernel_observe(
                const struct phx_kernel *kernel,
                struct phx_loaded_list *ret_list,
                struct phx_error *error) {
        return observe_all(kernel, NULL, ret_list, error);
}

int phx_kernel_observe_listed(
                const struct phx_kernel *kernel,
                struct phx_loaded_list *ret_list,
                struct phx_error *error) {
        phx_cleanup(phx_listed_done) struct phx_listed_profiles listed = { 0 };
        int r = phx_listed_read(kernel, &listed);

        return r == -ENOMEM ? phx_error_set(error, r, "%s: out of memory", kernel->apparmorfs)
                            : observe_all(kernel, r < 0 ? NULL : &listed, ret_list, error);
}

/* NAME is one of the profiles CHANGED, or a child of one. */
static bool profiles_is_changed(const struct phx_strings *changed, const char *name) {
        for (size_t i = 0; i < changed->count; i++) {
                size_t size = strlen(changed->items[i]);

                if (strncmp(name, changed->items[i], size) == 0 &&
                    (name[size] == '\0' || phx_has_prefix(name + size, "//")))
                        return true;
        }
        return false;
}

/* Drops from LIST what is to be read, or is gone. KNOWN are the entries of the rest, sorted. */
static int drop_changed(
                int fd,
                const struct phx_strings *changed,
                struct phx_loaded_list *list,
                struct phx_strings *known) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        size_t kept = 0;
        int r;

        r = profiles_list_directory(fd, &names);
        phx_strings_sort(&names);
        for (size_t i = 0; r >= 0 && i < list->count; i++) {
                struct phx_loaded *loaded = &list->items[i];

                if (profiles_is_changed(changed, loaded->name) ||
                    !phx_strings_has_sorted(&names, loaded->entry)) {
                        phx_loaded_done(loaded);
                        continue;
                }
                r = phx_strings_add(known, loaded->entry);
                list->items[kept++] = PHX_TAKE_STRUCT(*loaded);
        }
        if (r < 0)
                return r;
        list->count = kept;
        phx_strings_unique(known);
        return 0;
}

int phx_kernel_observe_changed(
                const struct phx_kernel *kernel,
                const struct phx_strings *changed,
                struct phx_loaded_list *list,
                struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings known = { 0 };
        phx_autoclose int fd = -1;
        int r;

        fd = phx_kernel_open_below(kernel, "policy/profiles", O_RDONLY | O_DIRECTORY);
        r = fd < 0 ? fd : drop_changed(fd, changed, list, &known);
        if (r >= 0)
                r = observe_entries(fd, &known, NULL, list);
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "%s/policy/profiles: %s",
                                kernel->apparmorfs,
                                strerrordesc_np(-r));
        phx_loaded_list_sort(list);
        return 0;
}

/* A descriptor that has read nothing yet has news, unless the number is 0. */
int phx_kernel_revision(
                const struct phx_kernel *kernel,
                uint64_t *ret_revision,
                struct phx_stamp *ret_file) {
        phx_autoclose int fd = -1;
        char number[64], *end = NULL;
        struct stat st;
        ssize_t n;

        fd = phx_kernel_open_below(kernel, "policy/revision", O_RDONLY | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return -ENOTSUP;
        if (ret_file)
                *ret_file = (struct phx_stamp){ .device = st.st_dev, .inode = st.st_ino };
        n = read(fd, number, sizeof(number) - 1);
        if (n < 0 && errno == EAGAIN) {
                *ret_revision = 0;
                return 0;
        }
        if (n <= 0)
                return -ENOTSUP;
        number[n] = '\0';
        *ret_revision = strtoull(number, &end, 10);
        return *end == '\n' || *end == '\0' ? 0 : -ENOTSUP;
}

int phx_kernel_namespaces(
                const struct phx_kernel *kernel,
                struct phx_strings *ret_names,
                struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        phx_autoclose int fd = -1;
        int r;

        fd = phx_kernel_open_below(kernel, "policy/namespaces", O_RDONLY | O_DIRECTORY);
        r = fd < 0 ? fd : profiles_list_directory(fd, &names);
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "%s/policy/namespaces: %s",
                                kernel->apparmorfs,
                                strerrordesc_np(-r));
        phx_strings_sort(&names);

        *ret_names = PHX_TAKE_STRUCT(names);
        return 0;
}

int phx_kernel_namespace_profiles(
                const struct phx_kernel *kernel,
                const char *name,
                struct phx_strings *ret_profiles,
                struct phx_error *error) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { .complete = true };
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        phx_autoclose int fd = -1;
        char path[PATH_MAX];
        int r;

        (void) snprintf(path, sizeof(path), "policy/namespaces/%s/profiles", name);
        fd = phx_kernel_open_below(kernel, path, O_RDONLY | O_DIRECTORY);
        if (profiles_is_gone(fd))
                return 0;
        r = fd < 0 ? fd : observe_directory(fd, NULL, 0, &list);
        for (size_t i = 0; r >= 0 && i < list.count; i++)
                r = phx_strings_add(&names, list.items[i].name);
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "%s/%s: %s",
                                kernel->apparmorfs,
                                path,
                                strerrordesc_np(-r));
        phx_strings_sort(&names);

        *ret_profiles = PHX_TAKE_STRUCT(names);
        return 0;
}
