/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Only the kernel knows what a policy allows in this kernel, and it answers only for loaded
 * policy. So a policy that has a test is loaded into a policy namespace that no task is in,
 * PHX_PROBE_NAMESPACE, asked there, and the namespace is removed with all that it holds. The
 * host's own profiles are never touched: the write goes to namespaces/NAME/.replace, and names in
 * questions are ":NAME:PROFILE".
 *
 * One trial is load, ask…, unload. probe_load() first removes a namespace that a killed engine has
 * left, so the state before each trial is the same; if the write fails, it removes what it made. A
 * crash between the two leaves a namespace that confines no task, and the next probe_load() or
 * phx_policy_probe_clean() removes it.
 *
 * The questions are rendered by policy/query.c as the strings that the kernel's automata match,
 * and sent by aa_query_label(); the same strings go to policy/matcher.c where there is no kernel.
 * The scenario policy-tests compares the answers. */

#include "kernel/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sys/apparmor.h>

static int namespace_path(
                const struct phx_policy_probe *probe,
                const char *file,
                char path[PATH_MAX],
                struct phx_error *error) {
        int length = snprintf(
                        path,
                        PATH_MAX,
                        "%s/policy/namespaces/%s%s",
                        probe->apparmorfs,
                        PHX_PROBE_NAMESPACE,
                        file);

        return length < PATH_MAX ? 0
                                 : phx_error_set(error,
                                                 -ENAMETOOLONG,
                                                 "%s: path is too long",
                                                 probe->apparmorfs);
}

int phx_policy_probe_clean(const struct phx_policy_probe *probe) {
        char path[PATH_MAX];
        int r;

        r = namespace_path(probe, "", path, NULL);
        if (r < 0)
                return r;
        if (rmdir(path) < 0)
                return errno == ENOENT ? 0 : phx_errno();
        return 1;
}

/* The whole of it in one write, as the kernel wants it: a second one would be another policy. */
static int write_policy(
                const struct phx_policy_probe *probe,
                const void *blob,
                size_t size,
                struct phx_error *error) {
        phx_autoclose int fd = -1;
        char path[PATH_MAX];
        ssize_t written;
        int r;

        r = namespace_path(probe, "/.replace", path, error);
        if (r < 0)
                return r;
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return phx_error_errno(error, path);
        written = write(fd, blob, size);
        if (written < 0)
                return phx_error_errno(error, path);
        return (size_t) written == size ? 0
                                        : phx_error_set(error,
                                                        -EIO,
                                                        "%s: the policy was written only in part",
                                                        path);
}

static void probe_unload(void *data) {
        (void) phx_policy_probe_clean(data);
}

static int probe_load(void *data, const void *blob, size_t size, struct phx_error *error) {
        const struct phx_policy_probe *probe = data;
        char path[PATH_MAX];
        int r;

        (void) phx_policy_probe_clean(probe);
        r = namespace_path(probe, "", path, error);
        if (r < 0)
                return r;
        if (mkdir(path, 0755) < 0)
                return phx_error_errno(error, path);
        r = write_policy(probe, blob, size, error);
        if (r < 0)
                probe_unload(data);
        return r;
}

/* libapparmor writes its command over the first bytes, and leaves the rest as it is: label, NUL,
 * and the string to be matched. Its aa_query_file_path() loses the last byte of the path. */
static int probe_render(
                const char *label,
                const struct phx_policy_query *query,
                struct phx_buffer *buffer) {
        static const char room[AA_QUERY_CMD_LABEL_SIZE];
        int r;

        r = phx_buffer_add(buffer, room, sizeof(room));
        if (r >= 0)
                r = phx_buffer_add_text(buffer, label);
        if (r >= 0)
                r = phx_buffer_add(buffer, "", 1);
        return r < 0 ? r : phx_buffer_add(buffer, query->match.data, query->match.size);
}

static int ask_label(
                const char *label,
                const struct phx_policy_query *query,
                uint32_t mask,
                bool *ret_allowed,
                struct phx_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        int allowed = 0, audited = 0;

        if (probe_render(label, query, &buffer) < 0)
                return phx_error_set(error, -ENOMEM, "out of memory");
        if (aa_query_label(mask, buffer.data, buffer.size, &allowed, &audited) < 0)
                return phx_error_errno(error, "querying the kernel");
        *ret_allowed = allowed > 0;
        return 0;
}

static int probe_ask(
                void *data,
                const char *profile,
                const struct phx_policy_query *query,
                uint32_t mask,
                bool *ret_allowed,
                struct phx_error *error) {
        phx_autofree char *label = NULL;

        if (phx_printf(&label, ":%s:%s", PHX_PROBE_NAMESPACE, profile) < 0)
                return phx_error_set(error, -ENOMEM, "out of memory");
        return ask_label(label, query, mask, ret_allowed, error);
}

int phx_policy_ask_label(
                const char *label,
                const struct phx_policy_query *query,
                bool *ret_allowed,
                struct phx_error *error) {
        if (query->match.size == 0)
                return phx_error_set(
                                error,
                                -EOPNOTSUPP,
                                "the kernel cannot answer a query about '%s'",
                                query->what);
        return ask_label(label, query, query->mask, ret_allowed, error);
}

struct phx_policy_prober phx_policy_probe_prober(struct phx_policy_probe *probe) {
        return (struct phx_policy_prober){ probe_load, probe_ask, probe_unload, probe };
}
