/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A request is a line of words, and then bytes until the client ends its side. What it changes
 * comes from "another node": the list is changed under the kernel's feet, which learns nothing of
 * it, and the switches, which are for the mount's own changes, do not count.
 */
#include "control.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "served.h"

#define REQUEST_MAX (PVE_FILE_MAX + 8192UL)
#define WORDS_MAX 3

struct request {
        char *words[WORDS_MAX + 1];
        size_t n_words;
        const char *data;
        size_t size;
};

struct verb {
        const char *name;
        size_t n_words;
        int (*run)(struct pve_state *state, const struct request *request, FILE *out);
};

/* --- files, as another node changes them */

static int control_write(struct pve_state *state, const struct request *request, FILE *out) {
        struct pve_store store = { .path = request->words[1],
                                   .data = request->data,
                                   .size = request->size,
                                   .truncates = true };

        store.creates = !pve_find(state, store.path);
        return pve_store(state, &store);
}

static int control_read(struct pve_state *state, const struct request *request, FILE *out) {
        const struct pve_entry *entry = pve_find(state, request->words[1]);
        enum pve_served file;

        if (pve_served_find(request->words[1], &file)) {
                if (pve_served_make(state, file) < 0)
                        return -ENOMEM;
                (void) fputs(state->served[file], out);
                return 0;
        }
        if (!entry)
                return -ENOENT;
        (void) fwrite(entry->data, 1, entry->size, out);
        return 0;
}

static int control_rename(struct pve_state *state, const struct request *request, FILE *out) {
        return pve_move(state, request->words[1], request->words[2]);
}

static int control_remove(struct pve_state *state, const struct request *request, FILE *out) {
        return pve_remove(state, request->words[1]);
}

static int control_mkdir(struct pve_state *state, const struct request *request, FILE *out) {
        return pve_make_directory(state, request->words[1]);
}

/* --- switches */

static int read_switch(const char *word, bool *ret_is_on) {
        if (strcmp(word, "on") != 0 && strcmp(word, "off") != 0)
                return -EINVAL;
        *ret_is_on = strcmp(word, "on") == 0;
        return 0;
}

static int control_quorum(struct pve_state *state, const struct request *request, FILE *out) {
        bool is_on;
        int r = read_switch(request->words[1], &is_on);

        if (r < 0)
                return r;
        state->switches.no_quorum = !is_on;
        return 0;
}

static int control_stall(struct pve_state *state, const struct request *request, FILE *out) {
        return read_switch(request->words[1], &state->switches.stall);
}

static int control_busy(struct pve_state *state, const struct request *request, FILE *out) {
        return read_switch(request->words[1], &state->switches.busy);
}

static int read_msec(const char *word, unsigned *ret_msec) {
        unsigned long msec;
        char *end;

        msec = strtoul(word, &end, 10);
        if (end == word || *end || msec > 3600000)
                return -EINVAL;
        *ret_msec = (unsigned) msec;
        return 0;
}

static int control_fail(struct pve_state *state, const struct request *request, FILE *out) {
        const char *name;
        int number = 0;

        for (int i = 1; i < 134 && number == 0; i++) {
                name = strerrorname_np(i);
                if (name && strcmp(name, request->words[1]) == 0)
                        number = i;
        }
        if (number == 0 && strcmp(request->words[1], "off") != 0)
                return -EINVAL;
        state->switches.fail = number;
        return read_msec(request->words[2], &state->switches.fail_msec);
}

static int control_lag(struct pve_state *state, const struct request *request, FILE *out) {
        return read_msec(request->words[1], &state->switches.lag_msec);
}

/* --- nodes */

static int control_cluster(struct pve_state *state, const struct request *request, FILE *out) {
        char *name = NULL;

        if (strcmp(request->words[1], "off") != 0) {
                name = strdup(request->words[1]);
                if (!name)
                        return -ENOMEM;
        }
        free(state->cluster);
        state->cluster = name;
        state->members_version++;
        return 0;
}

static int control_node(struct pve_state *state, const struct request *request, FILE *out) {
        const char *word = request->words[2];

        if (strcmp(word, "add") == 0)
                return pve_state_add_node(state, request->words[1]);
        if (strcmp(word, "online") != 0 && strcmp(word, "offline") != 0)
                return -EINVAL;
        for (size_t i = 0; i < state->n_nodes; i++)
                if (strcmp(state->nodes[i].name, request->words[1]) == 0) {
                        state->nodes[i].is_online = strcmp(word, "online") == 0;
                        state->members_version++;
                        return 0;
                }
        return -ENOENT;
}

static int control_counts(struct pve_state *state, const struct request *request, FILE *out) {
        const struct pve_counts *counts = &state->counts;

        (void) fprintf(out,
                       "attributes %lu\nlistings %lu\nopens %lu\nreads %lu\nchanges %lu\n"
                       "open_now %lu\n",
                       counts->attributes,
                       counts->listings,
                       counts->opens,
                       counts->reads,
                       counts->changes,
                       counts->open_now);
        return 0;
}

/* --- the socket */

static const struct verb verbs[] = {
        { "busy", 2, control_busy },     { "cluster", 2, control_cluster },
        { "counts", 1, control_counts }, { "fail", 3, control_fail },
        { "lag", 2, control_lag },       { "mkdir", 2, control_mkdir },
        { "node", 3, control_node },     { "quorum", 2, control_quorum },
        { "read", 2, control_read },     { "remove", 2, control_remove },
        { "rename", 3, control_rename }, { "stall", 2, control_stall },
        { "write", 2, control_write },
};

static int split_request(char *bytes, size_t size, struct request *ret_request) {
        struct request request = { 0 };
        char *end = memchr(bytes, '\n', size), *rest = bytes, *word;

        if (!end)
                return -EINVAL;
        *end = '\0';
        request.data = end + 1;
        request.size = size - (size_t) (request.data - bytes);
        while ((word = strsep(&rest, " "))) {
                if (request.n_words == WORDS_MAX)
                        return -E2BIG;
                request.words[request.n_words++] = word;
        }
        *ret_request = request;
        return 0;
}

static int run_request(struct pve_state *state, char *bytes, size_t size, FILE *out) {
        struct request request;
        int r;

        r = split_request(bytes, size, &request);
        if (r < 0)
                return r;
        for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
                if (strcmp(verbs[i].name, request.words[0]) != 0)
                        continue;
                if (verbs[i].n_words != request.n_words)
                        return -EINVAL;
                (void) pthread_mutex_lock(&state->lock);
                r = verbs[i].run(state, &request, out);
                (void) pthread_cond_broadcast(&state->turned);
                (void) pthread_mutex_unlock(&state->lock);
                return r;
        }
        return -ENOSYS;
}

static ssize_t read_all(int fd, char *bytes, size_t size) {
        size_t have = 0;
        ssize_t n;

        do {
                n = read(fd, bytes + have, size - have);
                if (n > 0)
                        have += (size_t) n;
        } while (n > 0 || (n < 0 && errno == EINTR));
        return n < 0 ? -1 : (ssize_t) have;
}

static void answer_client(struct pve_state *state, int client, char *bytes) {
        char *text = NULL;
        size_t size;
        ssize_t n = read_all(client, bytes, REQUEST_MAX);
        FILE *out = open_memstream(&text, &size), *reply = fdopen(client, "w");
        int r;

        if (n >= 0 && out && reply) {
                r = run_request(state, bytes, (size_t) n, out);
                (void) fclose(out);
                if (r < 0)
                        (void) fprintf(reply, "error %s\n", strerrorname_np(-r));
                else
                        (void) fprintf(reply, "ok\n");
                if (r == 0)
                        (void) fwrite(text, 1, size, reply);
                free(text);
        }
        if (reply)
                (void) fclose(reply);
        else
                (void) close(client);
}

void pve_control_run(struct pve_state *state, int socket, int end) {
        char *bytes = malloc(REQUEST_MAX);
        struct pollfd polled[2] = { { .fd = end, .events = POLLIN },
                                    { .fd = socket, .events = POLLIN } };

        while (bytes && (poll(polled, 2, -1) >= 0 || errno == EINTR)) {
                int client;

                if (polled[0].revents)
                        break;
                if (!polled[1].revents)
                        continue;
                client = accept4(socket, NULL, NULL, SOCK_CLOEXEC);
                if (client >= 0)
                        answer_client(state, client, bytes);
        }
        free(bytes);
        (void) pthread_mutex_lock(&state->lock);
        state->is_ending = true;
        (void) pthread_cond_broadcast(&state->turned);
        (void) pthread_mutex_unlock(&state->lock);
}

static int make_address(const char *path, struct sockaddr_un *ret_address) {
        *ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof(ret_address->sun_path))
                return -ENAMETOOLONG;
        (void) snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%s", path);
        return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int pve_control_listen(const char *path) {
        struct sockaddr_un address;
        int fd;

        fd = make_address(path, &address);
        if (fd < 0)
                return -errno;
        (void) unlink(path);
        if (bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 || listen(fd, 16) < 0) {
                int r = -errno;

                (void) close(fd);
                return r;
        }
        return fd;
}

/* --- the client */

static int send_request(int fd, char **words) {
        const bool has_data = strcmp(words[0], "write") == 0;
        char bytes[8192];
        FILE *out = fdopen(dup(fd), "w");
        size_t n;

        if (!out)
                return -errno;
        for (size_t i = 0; words[i]; i++)
                (void) fprintf(out, "%s%s", i ? " " : "", words[i]);
        (void) fputc('\n', out);
        while (has_data && (n = fread(bytes, 1, sizeof(bytes), stdin)) > 0)
                (void) fwrite(bytes, 1, n, out);
        if (fclose(out) != 0)
                return -errno;
        return shutdown(fd, SHUT_WR) < 0 ? -errno : 0;
}

int pve_control_ask(const char *path, char **words) {
        struct sockaddr_un address;
        char line[64] = "", bytes[8192];
        FILE *in = NULL;
        size_t n;
        int fd;

        fd = make_address(path, &address);
        if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ||
            send_request(fd, words) < 0 || !(in = fdopen(fd, "r")) ||
            !fgets(line, sizeof(line), in)) {
                (void) fprintf(stderr, "%s: no answer: %s\n", path, strerror(errno));
                return 1;
        }
        while ((n = fread(bytes, 1, sizeof(bytes), in)) > 0)
                (void) fwrite(bytes, 1, n, stdout);
        (void) fclose(in);
        if (strcmp(line, "ok\n") == 0)
                return 0;
        (void) fputs(line, stderr);
        return 1;
}
