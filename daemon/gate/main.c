/* SPDX-License-Identifier: GPL-2.0-or-later */

/* phoenixd-gate: the hooks pre-start and start-host of every container whose config includes LXC's
 * common.conf. An exit status that is not 0 keeps the container from starting. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/strings.h"
#include "config.h"
#include "gate/gate.h"
#include "gate/report.h"
#include "kernel/apparmorfs.h"

/* What --help and a wrong argument end with. */
#define EXIT_USAGE 2

static const struct gate_place machine = {
        .gate_dir = PHX_STATEDIR "/" PHX_GATE_DIRECTORY,
        .apparmorfs = PHX_KERNEL_APPARMORFS,
        .module = PHX_KERNEL_MODULE,
        .proc = "/proc",
};

/* A user's own containers are no affair of root's, and root of a user namespace is such a user. */
static bool is_root_of_the_host(void) {
        static const char all[] = " 0 0 4294967295 ";
        phx_autofree char *map = NULL;
        char words[64] = " ";
        size_t size = 0, used = 1;

        if (geteuid() != 0)
                return false;
        if (phx_file_read_at(AT_FDCWD, "/proc/self/uid_map", 4096, &map, &size) < 0)
                return true;
        for (size_t i = 0; i < size && used + 2 < sizeof(words); i++)
                if (map[i] > ' ')
                        words[used++] = map[i];
                else if (words[used - 1] != ' ')
                        words[used++] = ' ';
        words[used] = '\0';
        return strcmp(words, all) == 0;
}

static int main_usage(FILE *file, int status) {
        (void) fputs("phoenixd-gate pre-start|start-host\n"
                     "\n"
                     "A hook of LXC: refuses to start a container that would be less confined than\n"
                     "phoenixd's configuration says. LXC calls it; see BOOT GATE in phoenixd(8).\n",
                     file);
        return status;
}

/* LXC says all but the hook in the environment; our process has one thread.
 * NOLINTBEGIN(concurrency-mt-unsafe) */
static struct gate_start main_start(enum gate_hook hook) {
        const char *pid = getenv("LXC_PID");

        return (struct gate_start){
                .hook = hook,
                .name = getenv("LXC_NAME"),
                .config = getenv("LXC_CONFIG_FILE"),
                .pid = pid ? (pid_t) strtol(pid, NULL, 10) : 0,
                .monitor = getppid(),
        };
}
/* NOLINTEND(concurrency-mt-unsafe) */

static int main_ask(enum gate_hook hook) {
        phx_cleanup(gate_answer_done) struct gate_answer answer = { 0 };
        const struct gate_start start = main_start(hook);
        int r;

        if (!start.name) {
                (void) fputs("phoenixd-gate: LXC_NAME is not set: LXC calls this program\n",
                             stderr);
                return EXIT_USAGE;
        }
        r = gate_ask(&machine, &start, &answer);
        if (r < 0) {
                (void) fprintf(stderr, "phoenixd-gate: %s\n", strerrordesc_np(-r));
                return EXIT_FAILURE;
        }
        if (answer.level == PHX_BOOT_GATE_OFF)
                return EXIT_SUCCESS;
        report_send(&(struct report_place){ REPORT_JOURNAL, start.monitor }, start.name, &answer);
        return answer.level == PHX_BOOT_GATE_REFUSE ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* With version 0 of the hooks LXC adds three arguments, which say what the environment says. */
int main(int argc, char *argv[]) {
        const char *hook = argc > 1 ? argv[1] : "";

        if (strcmp(hook, "--help") == 0)
                return main_usage(stdout, EXIT_SUCCESS);
        if (strcmp(hook, "--version") == 0) {
                (void) printf("phoenixd-gate %s\n", PHX_VERSION);
                return EXIT_SUCCESS;
        }
        if (strcmp(hook, "pre-start") != 0 && strcmp(hook, "start-host") != 0)
                return main_usage(stderr, EXIT_USAGE);
        if (!is_root_of_the_host())
                return EXIT_SUCCESS;
        /* Who does not listen any more does not decide about a start. */
        (void) signal(SIGPIPE, SIG_IGN);
        return main_ask(strcmp(hook, "pre-start") == 0 ? GATE_PRE_START : GATE_START_HOST);
}
