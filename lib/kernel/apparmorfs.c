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
 * never taken for enforce.
 *
 * Loading is one write of the whole compiled policy to .replace, through libapparmor; the kernel
 * checks all of it first and then switches all profiles of the set at once (policy/set_load, which
 * phx_kernel_check() demands). So a task is at any moment under the former policy or the new one.
 * Nothing here removes a profile. struct phx_kernel holds two paths and no descriptor: the tree
 * may be unmounted and mounted again. */

#include "kernel/apparmorfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sys/apparmor.h>

#include "base/file.h"
#include "base/strings.h"

/* Children of children are as deep as the kernel's own parser goes; more is not believed. */
#define DEPTH_LIMIT 8
/* Bounds memory and time when the tree is not what it should be. */
#define LOADED_LIMIT 16384
/* A name is at most a page in the kernel; modes and hashes are far shorter. */
#define VALUE_LIMIT 4096

struct phx_kernel {
        char *apparmorfs;
        char *module;
};

int phx_kernel_new(const char *apparmorfs, const char *module, struct phx_kernel **ret_kernel) {
        phx_cleanup(phx_kernel_freep) struct phx_kernel *kernel = NULL;

        kernel = calloc(1, sizeof(*kernel));
        if (!kernel)
                return -ENOMEM;
        kernel->apparmorfs = strdup(apparmorfs);
        kernel->module = strdup(module);
        if (!kernel->apparmorfs || !kernel->module)
                return -ENOMEM;

        *ret_kernel = PHX_TAKE(kernel);
        return 0;
}

struct phx_kernel *phx_kernel_free(struct phx_kernel *kernel) {
        if (!kernel)
                return NULL;

        free(kernel->apparmorfs);
        free(kernel->module);
        free(kernel);

        return NULL;
}

/* The content of a small file of one line, without its line end. */
static int apparmorfs_read_value(int dir_fd, const char *name, char **ret_text) {
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

static int read_value_below(const char *directory, const char *name, char **ret_text) {
        char path[PATH_MAX];

        if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int) sizeof(path))
                return -ENAMETOOLONG;
        return apparmorfs_read_value(AT_FDCWD, path, ret_text);
}

static int apparmorfs_open_below(const struct phx_kernel *kernel, const char *name, int flags) {
        char path[PATH_MAX];
        int fd;

        if (snprintf(path, sizeof(path), "%s/%s", kernel->apparmorfs, name) >= (int) sizeof(path))
                return -ENAMETOOLONG;
        fd = open(path, flags | O_CLOEXEC);
        return fd < 0 ? phx_errno() : fd;
}

static int check_module(const struct phx_kernel *kernel, struct phx_error *error) {
        phx_autofree char *enabled = NULL, *mode = NULL;
        int r;

        r = read_value_below(kernel->module, "parameters/enabled", &enabled);
        if (r == -ENOENT)
                return phx_error_set(error, -ENODEV, "this kernel has no AppArmor");
        if (enabled && strcmp(enabled, "Y") != 0)
                return phx_error_set(
                                error,
                                -ENODEV,
                                "AppArmor is disabled (%s/parameters/enabled is '%s'): boot with "
                                "apparmor=1 security=apparmor",
                                kernel->module,
                                enabled);

        /* This switch overrules the modes of all profiles, while their own files go on saying
         * enforce. Whether it may be read depends on the kernel's version. */
        (void) read_value_below(kernel->module, "parameters/mode", &mode);
        if (mode && strcmp(mode, "enforce") != 0)
                return phx_error_set(
                                error,
                                -EPERM,
                                "all profiles are in %s mode: write 'enforce' to "
                                "%s/parameters/mode",
                                mode,
                                kernel->module);
        return 0;
}

static int check_files(const struct phx_kernel *kernel, struct phx_error *error) {
        phx_autofree char *set_load = NULL;
        phx_autoclose int fd = -1;
        int r;

        r = read_value_below(kernel->apparmorfs, "features/policy/set_load", &set_load);
        fd = apparmorfs_open_below(kernel, "policy/profiles", O_RDONLY | O_DIRECTORY);
        if (fd == -ENOENT && r == -ENOENT)
                return phx_error_set(
                                error,
                                -ENOENT,
                                "%s: not found: mount securityfs on /sys/kernel/security",
                                kernel->apparmorfs);
        if (fd == -EACCES || fd == -EPERM || r == -EACCES || r == -EPERM)
                return phx_error_set(
                                error,
                                -EACCES,
                                "%s: permission denied: reading the loaded policy requires root "
                                "with CAP_MAC_ADMIN",
                                kernel->apparmorfs);
        /* Without it libapparmor writes profile by profile, and a failure leaves half of them. */
        if (!set_load || strcmp(set_load, "yes") != 0)
                return phx_error_set(
                                error,
                                -ENOTSUP,
                                "this kernel cannot load several profiles at once "
                                "(policy/set_load), expected Linux 4.13 or later");
        if (fd < 0)
                return phx_error_set(
                                error,
                                fd,
                                "%s/policy/profiles: %s",
                                kernel->apparmorfs,
                                strerrordesc_np(-fd));
        return 0;
}

int phx_kernel_check(const struct phx_kernel *kernel, struct phx_error *error) {
        int r;

        r = check_module(kernel, error);
        if (r < 0)
                return r;
        return check_files(kernel, error);
}

static void features_unrefp(aa_features **features) {
        aa_features_unref(*features);
}

static int load_features(
                const struct phx_kernel *kernel,
                aa_features **ret_features,
                struct phx_error *error) {
        char path[PATH_MAX];

        if (snprintf(path, sizeof(path), "%s/features", kernel->apparmorfs) >= (int) sizeof(path))
                return phx_error_set(
                                error,
                                -ENAMETOOLONG,
                                "%s: path is too long",
                                kernel->apparmorfs);
        if (aa_features_new(ret_features, AT_FDCWD, path) < 0)
                return phx_error_errno(error, path);
        return 0;
}

int phx_kernel_features_id(
                const struct phx_kernel *kernel,
                char **ret_id,
                struct phx_error *error) {
        phx_cleanup(features_unrefp) aa_features *features = NULL;
        char *id;
        int r;

        r = load_features(kernel, &features, error);
        if (r < 0)
                return r;
        id = aa_features_id(features);
        if (!id)
                return phx_error_errno(error, "features of the kernel");

        *ret_id = id;
        return 0;
}

/* Only text of the right length and alphabet is a hash; anything else is as good as none. */
static bool copy_hash(const char *text, size_t length, char hash[PHX_SHA256_HEX]) {
        if (strlen(text) != length || strspn(text, "0123456789abcdef") != length)
                return false;
        memcpy(hash, text, length + 1);
        return true;
}

/* Kernels from 6.8 on have sha256, those before sha1, and none when built or configured so. */
static void read_hash(int fd, struct phx_loaded *loaded) {
        phx_autofree char *sha256 = NULL, *sha1 = NULL;

        if (apparmorfs_read_value(fd, "sha256", &sha256) == 0 &&
            copy_hash(sha256, PHX_SHA256_HEX - 1, loaded->hash))
                loaded->hash_kind = PHX_HASH_SHA256;
        else if (apparmorfs_read_value(fd, "sha1", &sha1) == 0 &&
                 copy_hash(sha1, PHX_SHA1_HEX - 1, loaded->hash))
                loaded->hash_kind = PHX_HASH_SHA1;
}

static bool apparmorfs_is_gone(int r) {
        return r == -ENOENT || r == -ENODEV || r == -ESTALE;
}

/* Reads one profile's directory. 0, or 1 when the profile went away under the reading, or -EBADMSG
 * when there is one whose name cannot be had. The directory's own name is no help: the kernel drops
 * characters from it. */
static int read_loaded(int fd, const char *parent, struct phx_loaded *ret_loaded) {
        phx_cleanup(phx_loaded_done) struct phx_loaded loaded = { .mode = PHX_POLICY_UNKNOWN };
        phx_autofree char *name = NULL, *mode = NULL;
        int r;

        r = apparmorfs_read_value(fd, "name", &name);
        if (apparmorfs_is_gone(r))
                return 1;
        if (r == -ENOMEM)
                return r;
        if (!name || !name[0])
                return -EBADMSG;
        if (phx_printf(&loaded.name, "%s%s%s", parent ? parent : "", parent ? "//" : "", name) < 0)
                return -ENOMEM;

        r = apparmorfs_read_value(fd, "mode", &mode);
        if (apparmorfs_is_gone(r))
                return 1;
        if (r == -ENOMEM)
                return r;
        if (mode)
                loaded.mode = phx_policy_mode_from_string(mode);
        read_hash(fd, &loaded);

        *ret_loaded = PHX_TAKE_STRUCT(loaded);
        return 0;
}

static int apparmorfs_list_directory(int fd, struct phx_strings *ret_names) {
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
        if (r == 1 || apparmorfs_is_gone(r))
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

static int observe_directory(
                int dir_fd,
                const char *parent,
                unsigned depth,
                struct phx_loaded_list *list) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        int r;

        if (depth > DEPTH_LIMIT)
                return -ELOOP;
        r = apparmorfs_list_directory(dir_fd, &names);
        if (apparmorfs_is_gone(r))
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

int phx_kernel_observe(
                const struct phx_kernel *kernel,
                struct phx_loaded_list *ret_list,
                struct phx_error *error) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { .complete = true };
        phx_autoclose int fd = -1;
        int r;

        fd = apparmorfs_open_below(kernel, "policy/profiles", O_RDONLY | O_DIRECTORY);
        r = fd < 0 ? fd : observe_directory(fd, NULL, 0, &list);
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

int phx_kernel_namespaces(
                const struct phx_kernel *kernel,
                struct phx_strings *ret_names,
                struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 };
        phx_autoclose int fd = -1;
        int r;

        fd = apparmorfs_open_below(kernel, "policy/namespaces", O_RDONLY | O_DIRECTORY);
        r = fd < 0 ? fd : apparmorfs_list_directory(fd, &names);
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
        fd = apparmorfs_open_below(kernel, path, O_RDONLY | O_DIRECTORY);
        if (apparmorfs_is_gone(fd))
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

int phx_kernel_make_namespace(
                const struct phx_kernel *kernel,
                const char *name,
                struct phx_error *error) {
        char path[PATH_MAX];

        if (snprintf(path, sizeof(path), "%s/policy/namespaces/%s", kernel->apparmorfs, name) >=
            (int) sizeof(path))
                return phx_error_set(error, -ENAMETOOLONG, "%s: path is too long", path);
        if (mkdir(path, 0755) >= 0)
                return 1;
        return errno == EEXIST ? 0 : phx_error_errno(error, path);
}

/* What an operator can do about a refused load. */
static const char *apparmorfs_explain(int code) {
        switch (code) {
        case -EACCES:
        case -EPERM:
                return "permission denied by the kernel: loading requires root with CAP_MAC_ADMIN "
                       "in the host's namespaces, and a policy that is not locked";
        case -EPROTO:
                return "the kernel rejects the policy as damaged: it was compiled for another "
                       "kernel or is truncated";
        case -EPROTONOSUPPORT:
                return "the kernel does not support this policy format: apparmor_parser is newer "
                       "than the kernel";
        case -ENOENT:
                return "the parent of a child profile is not loaded, or AppArmor's files in "
                       "securityfs are missing";
        case -EEXIST:
                return "the kernel already has a profile of that name and refuses to replace it";
        case -ENOMEM:
                return "the kernel has no memory left for the policy";
        default:
                return strerrordesc_np(-code);
        }
}

static void interface_unrefp(aa_kernel_interface **interface) {
        aa_kernel_interface_unref(*interface);
}

int phx_kernel_replace(
                const struct phx_kernel *kernel,
                const void *blob,
                size_t size,
                struct phx_error *error) {
        phx_cleanup(interface_unrefp) aa_kernel_interface *interface = NULL;
        phx_cleanup(features_unrefp) aa_features *features = NULL;
        int r;

        /* libapparmor would call this a success. */
        if (size == 0)
                return phx_error_set(error, -ENODATA, "loading: the compiled policy is empty");
        r = load_features(kernel, &features, error);
        if (r < 0)
                return r;
        if (!aa_features_supports(features, "policy/set_load"))
                return phx_error_set(
                                error,
                                -ENOTSUP,
                                "loading: this kernel cannot load several profiles at once");
        if (aa_kernel_interface_new(&interface, features, kernel->apparmorfs) < 0)
                return phx_error_errno(error, kernel->apparmorfs);

        if (aa_kernel_interface_replace_policy(interface, blob, size) < 0) {
                r = phx_errno();
                return phx_error_set(error, r, "loading: %s", apparmorfs_explain(r));
        }
        return 0;
}
