/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>

#include "base/error.h"
#include "base/file.h"
#include "base/program.h"
#include "base/strings.h"
#include "config.h"
#include "engine/work.h"
#include "loop/manager.h"
#include "shared/journal.h"

/* What --help and a wrong option end with. */
#define EXIT_USAGE 2

static const char *arg_settings = PHX_SYSCONFDIR "/phoenixd.json";

static void print_help(FILE *file) {
        (void) fprintf(file,
                       "phoenixd [OPTION...]\n"
                       "\n"
                       "Keeps LXC containers confined by their AppArmor profiles.\n"
                       "\n"
                       "  -h, --help           show this help\n"
                       "      --version        show the version\n"
                       "      --settings=PATH  read the settings from PATH instead of\n"
                       "                       %s/phoenixd.json\n"
                       "\n"
                       "See phoenixd(8).\n",
                       PHX_SYSCONFDIR);
}

/* 1 to go on, else the exit status is in RET_STATUS. */
static int parse_arguments(int argc, char *argv[], int *ret_status) {
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'v' },
                { "settings", required_argument, NULL, 's' },
                { NULL, 0, NULL, 0 },
        };
        int option;

        *ret_status = EXIT_SUCCESS;
        /* The process has one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (option) {
                case 'h':
                        print_help(stdout);
                        return 0;
                case 'v':
                        (void) printf("phoenixd %s\n", PHX_VERSION);
                        return 0;
                case 's':
                        arg_settings = optarg;
                        break;
                default:
                        *ret_status = EXIT_USAGE;
                        return 0;
                }

        if (optind < argc || arg_settings[0] != '/') {
                (void) fprintf(stderr,
                               optind < argc ? "phoenixd: unexpected argument: %s\n"
                                             : "phoenixd: --settings: expected an absolute path, found %s\n",
                               optind < argc ? argv[optind] : arg_settings);
                *ret_status = EXIT_USAGE;
                return 0;
        }
        return 1;
}

/* systemd gives a list with colons; the unit names one directory. The caller's to free. */
static char *main_directory_of(const char *variable, const char *otherwise) {
        const char *value = getenv(variable);

        if (!value || value[0] != '/')
                value = otherwise;
        return strndup(value, strcspn(value, ":"));
}

/* Two daemons would undo each other's work. The lock is held as long as the process lives; the
 * number in it is for people. */
static int take_lock(const char *runtime_dir, int *ret_fd, struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings texts = { 0 };
        phx_autoclose int fd = -1;
        const char *path;
        int r;

        r = phx_strings_addf(&texts, "%s/lock", runtime_dir);
        if (r < 0)
                return phx_error_set(error, r, "out of memory");
        path = texts.items[0];
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return phx_error_errno(error, path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                char holder[32] = "";
                ssize_t n = pread(fd, holder, sizeof(holder) - 1, 0);

                r = phx_errno();
                holder[strcspn(holder, "\n")] = '\0';
                if (r != -EAGAIN)
                        return phx_error_set(error, r, "%s: %s", path, strerrordesc_np(-r));
                return phx_error_set(
                                error,
                                -EBUSY,
                                "%s: phoenixd is already running, as process %s",
                                path,
                                n > 0 ? holder : "unknown");
        }

        if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int) getpid()) < 0)
                return phx_error_errno(error, path);
        *ret_fd = PHX_TAKE_FD(fd);
        return 0;
}

/* A parent that ignores SIGCHLD passes that on, and then the exit status of children is lost. */
static int block_signals(void) {
        static const int blocked[] = { SIGTERM, SIGINT, SIGHUP };
        const struct sigaction ignore = { .sa_handler = SIG_IGN },
                               normal = { .sa_handler = SIG_DFL };
        sigset_t set;

        (void) sigemptyset(&set);
        for (size_t i = 0; i < PHX_ELEMENTS(blocked); i++)
                (void) sigaddset(&set, blocked[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || sigaction(SIGIO, &ignore, NULL) < 0 ||
            sigaction(SIGPIPE, &ignore, NULL) < 0 || sigaction(SIGCHLD, &normal, NULL) < 0)
                return phx_errno();
        return 0;
}

static int main_serve(const struct work_options *work, struct phx_error *error) {
        phx_cleanup(manager_freep) struct manager *manager = NULL;
        struct manager_options options;
        struct engine_plan plan;
        struct journal journal;
        int r;

        journal_open(&journal);
        plan = (struct engine_plan){ work_setup, work, &journal, work->changed_fd };
        manager_options_init(&options, work->settings);
        options.changed_fd = work->changed_fd;
        options.runtime_dir = work->runtime_dir;

        r = manager_new(&options, &plan, &manager);
        if (r < 0)
                return phx_error_set(error, r, "cannot start: %s", strerrordesc_np(-r));
        r = manager_run(manager);
        return r < 0 ? phx_error_set(error, r, "the loop failed: %s", strerrordesc_np(-r)) : 0;
}

static int main_run(struct phx_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer libraries = { 0 };
        phx_autofree char *state_dir = main_directory_of("STATE_DIRECTORY", PHX_STATEDIR);
        phx_autofree char *runtime_dir = main_directory_of("RUNTIME_DIRECTORY", "/run/phoenixd");
        phx_autoclose int lock_fd = -1, changed_fd = -1;
        int r;

        if (!state_dir || !runtime_dir)
                return phx_error_set(error, -ENOMEM, "out of memory");
        if (phx_program_add_libraries(&libraries) < 0)
                phx_buffer_done(&libraries);
        changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (changed_fd < 0)
                return phx_error_errno(error, "cannot start");
        r = phx_directory_ensure(state_dir, 0700);
        if (r < 0)
                return phx_error_set(error, r, "%s: %s", state_dir, strerrordesc_np(-r));
        r = phx_directory_ensure(runtime_dir, 0755);
        if (r < 0)
                return phx_error_set(error, r, "%s: %s", runtime_dir, strerrordesc_np(-r));

        r = take_lock(runtime_dir, &lock_fd, error);
        if (r < 0)
                return r;
        r = block_signals();
        if (r < 0)
                return phx_error_set(error, r, "cannot block signals: %s", strerrordesc_np(-r));
        return main_serve(
                        &(struct work_options){ arg_settings,
                                                state_dir,
                                                runtime_dir,
                                                &work_machine_roots,
                                                changed_fd,
                                                libraries.data },
                        error);
}

int main(int argc, char *argv[]) {
        struct phx_error error = { 0 };
        int status, r;

        if (parse_arguments(argc, argv, &status) == 0)
                return status;

        r = main_run(&error);
        if (r >= 0)
                return EXIT_SUCCESS;
        (void) fprintf(stderr, "phoenixd: %s\n", phx_error_text(&error, r));
        return EXIT_FAILURE;
}
