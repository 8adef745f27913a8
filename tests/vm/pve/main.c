/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A stand-in of Proxmox's cluster file system for tests: README.md says how it is started and which
 * facts it reproduces.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "database.h"
#include "mount.h"
#include "state.h"

#define FAILED 255
#define WWW_DATA 33

struct arguments {
        const char *node;
        const char *group;
        const char *database;
        const char *control;
        const char *ask;
        const char *cluster;
        bool is_background;
        bool has_no_quorum;
        const char *mountpoint;
        /* Of --ask. */
        char **words;
};

struct server {
        struct pve_state state;
        struct arguments arguments;
        int socket;
        pthread_t controller;
        bool has_controller;
        /* Where "ready" is said. */
        int told;
};

/* For the signal handler. */
static int end_event = -1;

static void on_signal(int number) {
        uint64_t one = 1;
        ssize_t n = write(end_event, &one, sizeof(one));

        (void) n;
        pve_mount_end();
}

static int parse_arguments(int argc, char **argv, struct arguments *arguments) {
        static const struct option options[] = {
                { "node", required_argument, NULL, 'n' },
                { "group", required_argument, NULL, 'g' },
                { "database", required_argument, NULL, 'd' },
                { "control", required_argument, NULL, 'c' },
                { "cluster", required_argument, NULL, 'C' },
                { "ask", required_argument, NULL, 'a' },
                { "background", no_argument, NULL, 'b' },
                { "no-quorum", no_argument, NULL, 'q' },
                { NULL },
        };
        const char **strings[256] = { ['n'] = &arguments->node,     ['g'] = &arguments->group,
                                      ['d'] = &arguments->database, ['c'] = &arguments->control,
                                      ['C'] = &arguments->cluster,  ['a'] = &arguments->ask };
        int option;

        /* The words of --ask begin with the first that is no option. */
        while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
                if (option == 'b')
                        arguments->is_background = true;
                else if (option == 'q')
                        arguments->has_no_quorum = true;
                else if (option != '?')
                        *strings[option] = optarg;
                else
                        return -EINVAL;
        }
        arguments->words = argv + optind;
        arguments->mountpoint = argv[optind];
        return argc > optind && (arguments->ask || argc == optind + 1) ? 0 : -EINVAL;
}

static void *run_controller(void *data) {
        struct server *server = data;

        pve_control_run(&server->state, server->socket, end_event);
        return NULL;
}

/* Signals are for the thread that waits in libfuse. */
static int start_controller(struct server *server) {
        sigset_t all, before;
        int r;

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_BLOCK, &all, &before);
        r = pthread_create(&server->controller, NULL, run_controller, server);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        server->has_controller = r == 0;
        return -r;
}

static void on_ready(void *data) {
        struct server *server = data;

        if (start_controller(server) < 0 || write(server->told, "ready\n", 6) != 6)
                on_signal(0);
}

static gid_t find_group(const char *name) {
        const struct group *group = getgrnam(name ? name : "www-data");

        return group ? group->gr_gid : WWW_DATA;
}

static int set_up(struct server *server) {
        const struct arguments *arguments = &server->arguments;
        struct sigaction action = { .sa_handler = on_signal };
        struct utsname host;
        int r;

        (void) uname(&host);
        host.nodename[strcspn(host.nodename, ".")] = '\0';
        r = pve_state_init(
                        &server->state,
                        arguments->node ? arguments->node : host.nodename,
                        find_group(arguments->group));
        if (r < 0)
                return r;
        server->state.switches.no_quorum = arguments->has_no_quorum;
        if (arguments->cluster && !(server->state.cluster = strdup(arguments->cluster)))
                return -ENOMEM;
        r = pve_database_open(&server->state, arguments->database);
        if (r < 0)
                return r;
        end_event = eventfd(0, EFD_CLOEXEC);
        server->socket = arguments->control ? pve_control_listen(arguments->control) : -1;
        if (end_event < 0 || (arguments->control && server->socket < 0))
                return -EIO;
        (void) signal(SIGPIPE, SIG_IGN);
        (void) sigaction(SIGTERM, &action, NULL);
        (void) sigaction(SIGINT, &action, NULL);
        return 0;
}

static int serve(const struct arguments *arguments, int told) {
        struct server server = { .arguments = *arguments, .socket = -1, .told = told };
        int r;

        r = set_up(&server);
        if (r < 0) {
                (void) fprintf(stderr, "cannot start: %s\n", strerror(-r));
                return FAILED;
        }
        r = pve_mount_run(&server.state, arguments->mountpoint, on_ready, &server);
        on_signal(0);
        if (server.has_controller)
                (void) pthread_join(server.controller, NULL);
        if (r == 0)
                r = pve_database_close(&server.state, arguments->database);
        pve_state_done(&server.state);
        return r < 0 ? FAILED : 0;
}

/* As a service that forks: this ends when the mount is there, or with what the child ended with. */
static int serve_in_background(const struct arguments *arguments) {
        int pipe_ends[2], status;
        char byte;
        pid_t pid;

        if (pipe2(pipe_ends, O_CLOEXEC) < 0)
                return FAILED;
        pid = fork();
        if (pid < 0)
                return FAILED;
        if (pid == 0) {
                (void) setsid();
                (void) close(pipe_ends[0]);
                return serve(arguments, pipe_ends[1]);
        }
        (void) close(pipe_ends[1]);
        if (read(pipe_ends[0], &byte, 1) == 1)
                return 0;
        return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

int main(int argc, char **argv) {
        struct arguments arguments = { 0 };

        if (parse_arguments(argc, argv, &arguments) < 0) {
                (void) fprintf(stderr,
                               "usage: %s [--node NAME] [--group NAME] [--database DIRECTORY] "
                               "[--control SOCKET] [--cluster NAME] [--no-quorum] [--background] "
                               "MOUNTPOINT\n"
                               "       %s --ask SOCKET VERB [WORD...]\n",
                               argv[0],
                               argv[0]);
                return FAILED;
        }
        if (arguments.ask)
                return pve_control_ask(arguments.ask, arguments.words);
        if (arguments.is_background)
                return serve_in_background(&arguments);
        return serve(&arguments, STDOUT_FILENO);
}
