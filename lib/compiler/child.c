/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "compiler/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "compiler/filter.h"

#define USEC_PER_SEC 1000000ULL
/* By itself this one gives nothing to a process that may make no socket, timer or epoll. But who
 * has it cannot be traced, or looked into by way of /proc, by a process of the same user that has
 * not. */
#define SHIELD CAP_BLOCK_SUSPEND
#define SHIELD_BIT (1U << (SHIELD - 32))

/* Processor time has a second limit, at which the kernel kills: the first is a signal that shows
 * the reason. */
static void set_limit(int resource, rlim_t value) {
        const struct rlimit limit = { value, resource == RLIMIT_CPU ? value + 1 : value };

        (void) setrlimit((__rlimit_resource_t) resource, &limit);
}

static bool set_capabilities(uint32_t high) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        const struct __user_cap_data_struct data[2] = {
                [1] = { .permitted = high, .inheritable = high },
        };

        return syscall(SYS_capset, &header, data) == 0;
}

static bool has_shield(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { 0 };

        return syscall(SYS_capget, &header, data) == 0 && (data[1].permitted & SHIELD_BIT);
}

static bool become_user(const struct phx_compiler_account *account) {
        return setgroups(0, NULL) == 0 &&
               setresgid(account->gid, account->gid, account->gid) == 0 &&
               setresuid(account->uid, account->uid, account->uid) == 0;
}

/* In a container root may lack the shield; then the account alone must do. */
static bool drop_privilege(const struct phx_compiler_account *account) {
        if (geteuid() != 0)
                return true;
        if (!has_shield())
                return become_user(account);
        return prctl(PR_SET_KEEPCAPS, 1) == 0 && become_user(account) &&
               set_capabilities(SHIELD_BIT) &&
               prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, SHIELD, 0, 0) == 0;
}

static bool close_in(void) {
        set_limit(RLIMIT_NPROC, 0);
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && phx_compiler_filter();
}

static bool redirect(const struct phx_compiler_start *start) {
        int null = open("/dev/null", O_RDONLY);

        if (null < 0 || dup2(null, 0) < 0 || dup2(start->policy_fd, 1) < 0 ||
            dup2(start->messages_fd, 2) < 0)
                return false;
        return close_range(3, ~0U, 0) == 0;
}

static void child_reset_signals(void) {
        sigset_t none;

        for (int signal_number = 1; signal_number <= SIGRTMAX; signal_number++)
                (void) signal(signal_number, SIG_DFL);
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Room for what is below, two words for each of what is variable, and the end. */
struct arguments {
        const char *words[24 + 2 * PHX_PARSER_OPTIMIZE_LIMIT + PHX_COMPILE_SHARE_LIMIT];
        size_t count;
};

static void child_add(struct arguments *arguments, const char *word) {
        arguments->words[arguments->count++] = word;
}

/* NULL: the parser reads them where the kernel shows them, a file for each. */
static const char *kernel_features(const struct phx_compiler *compiler) {
        if (compiler->features_file)
                return compiler->features_file;
        return compiler->features_text ? "../" PHX_COMPILER_KERNEL_FEATURES : NULL;
}

/* They stand beside the working directory. */
static void add_features(
                struct arguments *arguments,
                const char *of_kernel,
                const struct phx_parser_features *features,
                const char *option,
                const char *staged) {
        if (!features->of_kernel && !features->text)
                return;
        child_add(arguments, option);
        if (!features->of_kernel)
                child_add(arguments, staged);
        else
                child_add(arguments, of_kernel ? of_kernel : "<kernel>");
}

static void child_add_options(struct arguments *arguments, const struct phx_compiler *compiler) {
        const struct phx_parser_options *options = compiler->options;
        const char *of_kernel = kernel_features(compiler);

        if (of_kernel) {
                child_add(arguments, "--kernel-features");
                child_add(arguments, of_kernel);
        }
        if (!options)
                return;
        add_features(arguments,
                     of_kernel,
                     &options->policy,
                     "--policy-features",
                     "../" PHX_COMPILER_POLICY_FEATURES);
        add_features(arguments,
                     of_kernel,
                     &options->override,
                     "--override-policy-abi",
                     "../" PHX_COMPILER_OVERRIDE_FEATURES);
        for (size_t i = 0; i < options->optimize.count; i++) {
                child_add(arguments, "-O");
                child_add(arguments, options->optimize.items[i]);
        }
}

static void execute(const struct phx_compiler *compiler, const struct phx_compiler_start *start) {
        static const char *const environment[] = { "LC_ALL=C",
                                                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                                   NULL };
        /* The name by which its messages begin. -j0: in this process; else each profile is compiled
         * in a child of its own. It ends at the first that it cannot parse, and writes the policies
         * in the order of the files. */
        struct arguments arguments = {
                .words = { "apparmor_parser",
                           "--config-file=/dev/null",
                           "-K",
                           "-j0",
                           "-S",
                           "-b",
                           ".",
                           "-I",
                           "." },
                .count = 9,
        };

        child_add_options(&arguments, compiler);
        for (size_t i = 0; i < start->count; i++)
                child_add(&arguments, start->contents[i].name);
        /* execve() takes what it will not write to as if it would. NOLINTBEGIN(*-no-int-to-ptr) */
        (void) execve(compiler->parser,
                      (char *const *) (uintptr_t) arguments.words,
                      (char *const *) (uintptr_t) environment);
        /* NOLINTEND(*-no-int-to-ptr) */
}

/* The clock's deadline comes first where both are the same, and names the reason. */
static rlim_t cpu_seconds(const struct phx_compiler *compiler) {
        uint64_t usec = compiler->cpu_usec ? compiler->cpu_usec
                                           : compiler->deadline_usec + USEC_PER_SEC;

        return (rlim_t) ((usec + USEC_PER_SEC - 1) / USEC_PER_SEC);
}

_Noreturn void phx_compiler_become(
                const struct phx_compiler *compiler,
                const struct phx_compiler_start *start) {
        (void) setpgid(0, 0);
        child_reset_signals();
        if (chdir(start->stage) == 0 && redirect(start)) {
                set_limit(RLIMIT_CORE, 0);
                set_limit(RLIMIT_FSIZE, PHX_COMPILER_OUTPUT_LIMIT);
                set_limit(RLIMIT_NOFILE, 256);
                set_limit(RLIMIT_CPU, cpu_seconds(compiler));
                set_limit(RLIMIT_AS, (rlim_t) compiler->memory);
                if (compiler->niceness && getpriority(PRIO_PROCESS, 0) < compiler->niceness)
                        (void) setpriority(PRIO_PROCESS, 0, compiler->niceness);
                /* The change of user clears the parent's death signal, so that comes after it. */
                if (drop_privilege(&compiler->account) && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0) {
                        if (getppid() != start->parent)
                                _exit(127); /* it died before it could be waited for */
                        if (close_in())
                                execute(compiler, start);
                }
        }
        dprintf(2, "%s: cannot be run: %s\n", compiler->parser, strerrordesc_np(errno));
        _exit(127);
}
