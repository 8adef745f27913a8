/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Loading is one write of the whole compiled policy to .replace, through libapparmor; the kernel
 * checks all of it first and then switches all profiles of the set at once (policy/set_load, which
 * phx_kernel_check() demands). So a task is at any moment under the former policy or the new one.
 * Nothing here removes a profile. struct phx_kernel holds two paths and no descriptor: the tree
 * may be unmounted and mounted again. */

#include "kernel/apparmorfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sys/apparmor.h>

#include "base/file.h"
#include "base/strings.h"
#include "kernel/private.h"

/* libapparmor itself takes no more than 8 KiB. */
#define FEATURES_LIMIT (64UL << 10)

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

        aa_features_unref(kernel->features);
        free(kernel->apparmorfs);
        free(kernel->module);
        free(kernel);

        return NULL;
}

static int read_value_below(const char *directory, const char *name, char **ret_text) {
        char path[PATH_MAX];

        if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int) sizeof(path))
                return -ENAMETOOLONG;
        return phx_kernel_read_value(AT_FDCWD, path, ret_text);
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
        fd = phx_kernel_open_below(kernel, "policy/profiles", O_RDONLY | O_DIRECTORY);
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

/* As the parser will read it: what does not come back as it was is no text. */
static char *render_features(aa_features *features) {
        phx_cleanup(features_unrefp) aa_features *again = NULL;
        phx_autoclose int fd = memfd_create("phoenixd-features", MFD_CLOEXEC);
        char *text = NULL;
        size_t size = 0;

        if (fd < 0 || aa_features_write_to_fd(features, fd) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
            aa_features_new_from_file(&again, fd) < 0 || !aa_features_is_equal(features, again) ||
            phx_file_read_fd(fd, FEATURES_LIMIT, &text, &size) < 0)
                return NULL;
        return text;
}

int phx_kernel_features(
                const struct phx_kernel *kernel,
                char **ret_id,
                char **ret_text,
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
        *ret_text = render_features(features);
        return 0;
}

int phx_kernel_features_stamp(const struct phx_kernel *kernel, struct phx_stamp *ret_stamp) {
        char path[PATH_MAX];
        struct stat st;

        if (snprintf(path, sizeof(path), "%s/features", kernel->apparmorfs) >= (int) sizeof(path))
                return -ENAMETOOLONG;
        if (stat(path, &st) < 0)
                return phx_errno();
        *ret_stamp = phx_stamp_of(&st);
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

/* libapparmor reads them from some 170 files. */
static int know_features(struct phx_kernel *kernel, struct phx_error *error) {
        phx_cleanup(features_unrefp) aa_features *features = NULL;
        int r;

        if (kernel->features)
                return 0;
        r = load_features(kernel, &features, error);
        if (r < 0)
                return r;
        if (!aa_features_supports(features, "policy/set_load"))
                return phx_error_set(
                                error,
                                -ENOTSUP,
                                "loading: this kernel cannot load several profiles at once");
        kernel->features = PHX_TAKE(features);
        return 0;
}

int phx_kernel_replace(
                struct phx_kernel *kernel,
                const void *blob,
                size_t size,
                struct phx_error *error) {
        phx_cleanup(interface_unrefp) aa_kernel_interface *interface = NULL;
        int r;

        /* libapparmor would call this a success. */
        if (size == 0)
                return phx_error_set(error, -ENODATA, "loading: the compiled policy is empty");
        r = know_features(kernel, error);
        if (r < 0)
                return r;
        if (aa_kernel_interface_new(&interface, kernel->features, kernel->apparmorfs) < 0)
                return phx_error_errno(error, kernel->apparmorfs);

        if (aa_kernel_interface_replace_policy(interface, blob, size) < 0) {
                r = phx_errno();
                return phx_error_set(error, r, "loading: %s", apparmorfs_explain(r));
        }
        return 0;
}
