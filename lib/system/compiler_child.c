#include "system/compiler_child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* nobody: no files of its own, no rights. */
#define UID 65534
#define USEC_PER_SEC 1000000ULL
#define NICENESS 10

/* Processor time has a second limit, at which the kernel kills: the first is a signal by which the
 * reason can be told. */
static void set_limit(int resource, rlim_t value) {
        const struct rlimit limit = { value, resource == RLIMIT_CPU ? value + 1 : value };

        (void) setrlimit((__rlimit_resource_t) resource, &limit);
}

static bool drop_privilege(void) {
        if (geteuid() != 0)
                return true;
        return setgroups(0, NULL) == 0 &&
               setresgid(PHX_COMPILER_GID, PHX_COMPILER_GID, PHX_COMPILER_GID) == 0 &&
               setresuid(UID, UID, UID) == 0;
}

static bool redirect(const struct phx_compiler_start *start) {
        int null = open("/dev/null", O_RDONLY);

        if (null < 0 || dup2(null, 0) < 0 || dup2(start->policy_fd, 1) < 0 ||
            dup2(start->messages_fd, 2) < 0)
                return false;
        return close_range(3, ~0U, 0) == 0;
}

static void reset_signals(void) {
        sigset_t none;

        for (int signal_number = 1; signal_number <= SIGRTMAX; signal_number++)
                (void) signal(signal_number, SIG_DFL);
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

static void execute(const struct phx_compiler *compiler, const struct phx_compiler_start *start) {
        static const char *const environment[] = { "LC_ALL=C",
                                                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                                   NULL };
        const char *arguments[16] = { /* The name by which its messages begin. -j0: in this process;
                                       * else each profile is compiled in a child of its own. */
                                      "apparmor_parser",
                                      "--config-file=/dev/null",
                                      "-K",
                                      "-j0",
                                      "-S",
                                      "-b",
                                      ".",
                                      "-I",
                                      "."
        };
        size_t n = 9;

        if (compiler->features_file) {
                arguments[n++] = "-M";
                arguments[n++] = compiler->features_file;
        }
        arguments[n] = start->name;
        /* execve() takes what it will not write to as if it would. NOLINTBEGIN(*-no-int-to-ptr) */
        (void) execve(compiler->parser,
                      (char *const *) (uintptr_t) arguments,
                      (char *const *) (uintptr_t) environment);
        /* NOLINTEND(*-no-int-to-ptr) */
}

_Noreturn void phx_compiler_become(
                const struct phx_compiler *compiler,
                const struct phx_compiler_start *start) {
        rlim_t seconds = (rlim_t) ((compiler->deadline_usec + USEC_PER_SEC - 1) / USEC_PER_SEC);

        (void) setpgid(0, 0);
        reset_signals();
        if (chdir(start->stage) == 0 && redirect(start)) {
                set_limit(RLIMIT_CORE, 0);
                set_limit(RLIMIT_FSIZE, PHX_COMPILER_OUTPUT_LIMIT);
                set_limit(RLIMIT_NOFILE, 256);
                set_limit(RLIMIT_CPU, seconds + 1);
                set_limit(RLIMIT_AS, (rlim_t) compiler->memory);
                /* Nobody waits for a compile as one does for an answer, or for a container. */
                (void) setpriority(PRIO_PROCESS, 0, NICENESS);
                /* The change of user clears the parent's death signal, so that comes after it. */
                if (drop_privilege() && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                    prctl(PR_SET_PDEATHSIG, SIGKILL) == 0) {
                        if (getppid() != start->parent)
                                _exit(127); /* it died before it could be waited for */
                        execute(compiler, start);
                }
        }
        dprintf(2, "%s: cannot be run: %s\n", compiler->parser, strerrordesc_np(errno));
        _exit(127);
}
