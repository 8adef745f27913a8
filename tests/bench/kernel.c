/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What stands for the AppArmor kernel while phoenixd and apparmor_parser are measured:
 *
 *      bench-kernel APPARMORFS SOCKET LOG
 *
 * Each connection to SOCKET brings one write to .replace, which preload.c has taken: all bytes up
 * to the end are one load. Each profile in it is shown in APPARMORFS/policy/profiles/NAME.NUMBER by
 * name, mode and hash, as the kernel does, which keeps the directory of a profile that is replaced.
 * All of them are in the list APPARMORFS/profiles, too. The answer is an int: 0 or a negative
 * errno. A load bumps policy/revision, a FIFO here; the kernel's file, too, can be read once after
 * each change. LOG gets a line for each load: the time (CLOCK_MONOTONIC, microseconds), the size,
 * the names. */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "policy/policy.h"

#define LOAD_LIMIT (256UL * 1024 * 1024)
#define ANSWER_SIZE 65536

struct kernel {
        const char *apparmorfs;
        FILE *log;
        int revision_fd;
        int number_fd; /* the same for who does not wait: see preload.c */
        unsigned long revision;
        unsigned long number; /* of the profile that was made last */
};

static void put(const char *directory, const char *name, const char *value) {
        phx_autofree char *path = NULL, *line = NULL;
        phx_autoclose int fd = -1;
        size_t size;

        if (phx_printf(&path, "%s/%s", directory, name) < 0 || phx_printf(&line, "%s\n", value) < 0)
                err(1, "%s", name);
        size = strlen(line);
        /* A shorter value may follow a longer one. */
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0 || write(fd, line, size) != (ssize_t) size)
                err(1, "%s", path);
}

static const char *last_part(const char *name) {
        const char *slash = strrchr(name, '/');

        return slash ? slash + 1 : name;
}

/* The profiles that are there, by name: a link for each, beside the tree, says which directory. */
static char *find_directory(struct kernel *kernel, const char *name, const char *parent) {
        phx_autofree char *plain = strdup(name), *link = NULL;
        char target[PATH_MAX] = "", *directory = NULL;
        ssize_t n;

        for (char *at = plain; at && *at; at++)
                if (*at == '/')
                        *at = '%';
        if (!plain || phx_printf(&link, "%s/../names/%s", kernel->apparmorfs, plain) < 0)
                err(1, "%s", name);
        n = readlink(link, target, sizeof(target) - 1);
        if (n > 0) {
                target[n] = '\0';
                return strdup(target);
        }
        if (phx_printf(&directory, "%s/%s.%lu", parent, last_part(name), ++kernel->number) < 0 ||
            mkdir(directory, 0755) < 0 || symlink(directory, link) < 0)
                err(1, "%s", name);
        return directory;
}

/* "parent//child" is shown below its parent, which was loaded before it. */
static char *make_directory(struct kernel *kernel, const char *name) {
        phx_autofree char *above = NULL, *parent = NULL, *children = NULL;
        const char *child = NULL;

        for (const char *at = strstr(name, "//"); at; at = strstr(at + 2, "//"))
                child = at;
        if (!child) {
                if (phx_printf(&parent, "%s/policy/profiles", kernel->apparmorfs) < 0)
                        err(1, "%s", name);
                return find_directory(kernel, name, parent);
        }
        above = strndup(name, (size_t) (child - name));
        parent = above ? make_directory(kernel, above) : NULL;
        if (!parent || phx_printf(&children, "%s/profiles", parent) < 0)
                err(1, "%s", name);
        if (mkdir(children, 0755) < 0 && errno != EEXIST)
                err(1, "%s", children);
        return find_directory(kernel, name, children);
}

/* The list of all, to which a profile is added when it comes. What is loaded in another mode later
 * would be listed in its first one; no event does that. */
static void list_profile(const struct kernel *kernel, const struct phx_policy_entry *entry) {
        phx_autofree char *path = NULL;
        FILE *list;

        if (phx_printf(&path, "%s/profiles", kernel->apparmorfs) < 0)
                err(1, "profiles");
        list = fopen(path, "ae");
        if (!list)
                err(1, "%s", path);
        (void) fprintf(list, "%s (%s)\n", entry->name, phx_policy_mode_to_string(entry->mode));
        (void) fclose(list);
}

static void count_load(struct kernel *kernel) {
        char number[32];
        int length;

        (void) dprintf(kernel->revision_fd, "%lu\n", ++kernel->revision);
        length = snprintf(number, sizeof(number), "%lu\n", kernel->revision);
        if (pwrite(kernel->number_fd, number, (size_t) length, 0) != length)
                err(1, "revision-number");
}

static int load(struct kernel *kernel, const struct phx_buffer *bytes) {
        struct phx_policy policy = { 0 };
        struct phx_error error = { 0 };
        struct timespec now = { 0 };
        int r;

        r = phx_policy_parse(bytes->data, bytes->size, PHX_HASH_SHA1, &policy, &error);
        if (r < 0) {
                warnx("%s", error.text);
                return r;
        }
        for (size_t i = 0; i < policy.count; i++) {
                const struct phx_policy_entry *entry = &policy.entries[i];
                unsigned long before = kernel->number;
                phx_autofree char *directory = make_directory(kernel, entry->name);

                if (kernel->number != before)
                        list_profile(kernel, entry);
                put(directory, "name", last_part(entry->name));
                put(directory, "mode", phx_policy_mode_to_string(entry->mode));
                put(directory, "attach", entry->name);
                put(directory, "sha1", entry->hash);
        }
        count_load(kernel);
        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        (void) fprintf(kernel->log,
                       "%lld %zu",
                       (long long) now.tv_sec * 1000000 + now.tv_nsec / 1000,
                       bytes->size);
        for (size_t i = 0; i < policy.count; i++)
                (void) fprintf(kernel->log, " %s", policy.entries[i].name);
        (void) fputc('\n', kernel->log);
        (void) fflush(kernel->log);
        phx_policy_done(&policy);
        return 0;
}

static void serve(struct kernel *kernel, int fd) {
        phx_cleanup(phx_buffer_done) struct phx_buffer bytes = { 0 };
        static char part[ANSWER_SIZE];
        ssize_t n;
        int answer;

        while ((n = read(fd, part, sizeof(part))) > 0)
                if (bytes.size > LOAD_LIMIT || phx_buffer_add(&bytes, part, (size_t) n) < 0)
                        return;
        answer = n < 0 ? -EIO : load(kernel, &bytes);
        (void) !write(fd, &answer, sizeof(answer));
}

static int listen_at(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (fd < 0 || bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0 ||
            listen(fd, SOMAXCONN) < 0)
                err(1, "%s", path);
        return fd;
}

int main(int argc, char **argv) {
        struct kernel kernel = { .revision_fd = -1, .number_fd = -1 };
        phx_autofree char *revision = NULL, *number = NULL;
        int listener;

        if (argc != 4)
                errx(2, "usage: bench-kernel APPARMORFS SOCKET LOG");
        (void) signal(SIGPIPE, SIG_IGN);
        kernel.apparmorfs = argv[1];
        kernel.log = fopen(argv[3], "ae");
        if (!kernel.log || phx_printf(&revision, "%s/policy/revision", argv[1]) < 0 ||
            phx_printf(&number, "%s-number", revision) < 0)
                err(1, "%s", argv[3]);
        /* Open for both, so that it can be written to whether it is read or not. Without a reader
         * it fills up; then the number is dropped, as a reader of the real one sees only the last.
         */
        kernel.revision_fd = open(revision, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        kernel.number_fd = open(number, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
        if (kernel.revision_fd < 0 || kernel.number_fd < 0)
                err(1, "%s", revision);
        listener = listen_at(argv[2]);
        (void) printf("ready\n");
        (void) fflush(stdout);
        for (;;) {
                phx_autoclose int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

                if (fd >= 0)
                        serve(&kernel, fd);
                else if (errno != EINTR && errno != ECONNABORTED)
                        err(1, "accept");
        }
}
