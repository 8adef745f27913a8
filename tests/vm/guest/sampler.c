/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Which AppArmor labels do the tasks of a container carry, looked at every few milliseconds?
 *
 *      vm-sampler CONTAINER SECONDS INTERVAL-MS
 *
 * prints "COUNT<TAB>LABEL" for each label that any task in /sys/fs/cgroup/lxc.payload.CONTAINER (or
 * ….CONTAINER-N) had, and a last line "#rounds N". A shell loop takes some 20 ms a round in the
 * emulated machine and would miss what this looks for: the moment in which a task is less confined.
 * SIGTERM ends it early, with its result.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LABELS_MAX 256

struct seen {
        char label[512];
        unsigned long count;
};

static struct seen seen[LABELS_MAX];
static size_t n_seen;
static volatile sig_atomic_t stop;

static void on_signal(int signal_number) {
        (void) signal_number;
        stop = 1;
}

static void count_label(const char *label) {
        for (size_t i = 0; i < n_seen; i++)
                if (strcmp(seen[i].label, label) == 0) {
                        seen[i].count++;
                        return;
                }

        if (n_seen == LABELS_MAX)
                return;
        snprintf(seen[n_seen].label, sizeof(seen[n_seen].label), "%s", label);
        seen[n_seen++].count = 1;
}

static void look_at_task(long pid) {
        char path[64], label[512];
        ssize_t n;
        int fd;

        snprintf(path, sizeof(path), "/proc/%ld/attr/apparmor/current", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        n = read(fd, label, sizeof(label) - 1);
        close(fd);
        /* A task that is gone in between has no label, which says nothing. */
        if (n <= 0)
                return;
        label[n] = 0;
        label[strcspn(label, "\n")] = 0;
        count_label(label);
}

static void look_at_cgroup(int parent, const char *name) {
        int dir_fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int procs_fd = dir_fd < 0 ? -1 : openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
        FILE *procs = procs_fd < 0 ? NULL : fdopen(procs_fd, "r");
        DIR *dir = dir_fd < 0 ? NULL : fdopendir(dir_fd);
        struct dirent *entry;
        long pid;

        while (procs && fscanf(procs, "%ld", &pid) == 1)
                look_at_task(pid);
        while (dir && (entry = readdir(dir)))
                if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
                        look_at_cgroup(dir_fd, entry->d_name);

        if (procs)
                fclose(procs);
        if (dir)
                closedir(dir);
}

/* LXC appends -1, -2, … when a leftover of the last run is in the way. */
static bool is_payload(const char *name, const char *container) {
        static const char prefix[] = "lxc.payload.";
        const char *rest;

        if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
                return false;
        name += sizeof(prefix) - 1;
        if (strncmp(name, container, strlen(container)) != 0)
                return false;
        rest = name + strlen(container);
        return *rest == 0 ||
               (*rest == '-' && rest[1] && strspn(rest + 1, "0123456789") == strlen(rest + 1));
}

static void look_at_container(DIR *root, const char *container) {
        struct dirent *entry;

        rewinddir(root);
        while ((entry = readdir(root)))
                if (is_payload(entry->d_name, container))
                        look_at_cgroup(dirfd(root), entry->d_name);
}

static double now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

int main(int argc, char *argv[]) {
        const struct sigaction action = { .sa_handler = on_signal };
        unsigned long rounds = 0;
        double end;
        DIR *root;

        if (argc != 4) {
                fprintf(stderr, "usage: vm-sampler CONTAINER SECONDS INTERVAL-MS\n");
                return EXIT_FAILURE;
        }
        root = opendir("/sys/fs/cgroup");
        if (!root)
                return EXIT_FAILURE;
        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGINT, &action, NULL);

        for (end = now() + atof(argv[2]); !stop && now() < end; rounds++) {
                look_at_container(root, argv[1]);
                usleep((useconds_t) (atof(argv[3]) * 1000));
        }

        for (size_t i = 0; i < n_seen; i++)
                printf("%lu\t%s\n", seen[i].count, seen[i].label);
        printf("#rounds %lu\n", rounds);
        closedir(root);
        return EXIT_SUCCESS;
}
