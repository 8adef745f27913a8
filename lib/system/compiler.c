#include "system/compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "base/strings.h"
#include "system/compiler_message.h"
#include "system/stage.h"

/* nobody and nogroup: no files of their own, no rights. */
#define COMPILE_UID 65534
#define COMPILE_GID 65534
#define USEC_PER_SEC 1000000ULL
/* Policy and messages are written to memory; Debian's largest policy has 1 MB. */
#define OUTPUT_LIMIT (64UL << 20)
#define MESSAGES_LIMIT (64UL << 10)
/* What decides the bytes besides the text: see phx_compiler_identity(). */
#define FLAGS "--config-file=/dev/null -K -S"

/* A compile that runs. */
struct child {
        struct phx_compile_job *job;
        char *stage;
        pid_t pid;
        int pid_fd;
        int policy_fd;
        int messages_fd;
        uint64_t ends_usec;
};

static uint64_t now_usec(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

static void set_limit(int resource, rlim_t value) {
        const struct rlimit limit = { value, value };

        (void) setrlimit((__rlimit_resource_t) resource, &limit);
}

static bool drop_privilege(void) {
        if (geteuid() != 0)
                return true;
        return setgroups(0, NULL) == 0 && setresgid(COMPILE_GID, COMPILE_GID, COMPILE_GID) == 0 &&
               setresuid(COMPILE_UID, COMPILE_UID, COMPILE_UID) == 0;
}

static bool redirect(const struct child *child) {
        int null = open("/dev/null", O_RDONLY);

        if (null < 0 || dup2(null, 0) < 0 || dup2(child->policy_fd, 1) < 0 ||
            dup2(child->messages_fd, 2) < 0)
                return false;
        return close_range(3, ~0U, 0) == 0;
}

static void reset_signals(void) {
        sigset_t none;

        for (int signal_number = 1; signal_number < SIGRTMIN; signal_number++)
                (void) signal(signal_number, SIG_DFL);
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

static void execute(const struct phx_compiler *compiler, const struct child *child) {
        static const char *const environment[] = { "LC_ALL=C",
                                                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                                   NULL };
        const char *arguments[16] = {
                compiler->parser, "--config-file=/dev/null", "-K", "-S", "-b", ".", "-I", "."
        };
        size_t n = 8;

        if (compiler->features_file) {
                arguments[n++] = "-M";
                arguments[n++] = compiler->features_file;
        }
        arguments[n] = child->job->name;
        /* execve() takes what it will not write to as if it would. */
        (void) execve(compiler->parser,
                      (char *const *) (uintptr_t) arguments,
                      (char *const *) (uintptr_t) environment);
}

/* In the child: never returns. */
static _Noreturn void become_compiler(
                const struct phx_compiler *compiler,
                const struct child *child) {
        rlim_t seconds = (rlim_t) ((compiler->deadline_usec + USEC_PER_SEC - 1) / USEC_PER_SEC);

        (void) setpgid(0, 0);
        reset_signals();
        if (chdir(child->stage) == 0 && redirect(child)) {
                set_limit(RLIMIT_CORE, 0);
                set_limit(RLIMIT_FSIZE, OUTPUT_LIMIT);
                set_limit(RLIMIT_NOFILE, 256);
                set_limit(RLIMIT_CPU, seconds + 1);
                set_limit(RLIMIT_AS, (rlim_t) compiler->memory);
                /* The change of user clears the parent's death signal, so that comes after it. */
                if (drop_privilege() && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                    prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
                        execute(compiler, child);
        }
        dprintf(2, "%s: cannot be run: %s\n", compiler->parser, strerrordesc_np(errno));
        _exit(127);
}

static void child_done(struct child *child) {
        if (child->pid_fd >= 0)
                (void) close(child->pid_fd);
        if (child->policy_fd >= 0)
                (void) close(child->policy_fd);
        if (child->messages_fd >= 0)
                (void) close(child->messages_fd);
        if (child->stage)
                (void) phx_stage_remove(child->stage);
        free(child->stage);
        *child = (struct child){ .pid = -1, .pid_fd = -1, .policy_fd = -1, .messages_fd = -1 };
}

static int prepare(
                const struct phx_compiler *compiler,
                struct child *child,
                struct phx_compile_job *job) {
        child->job = job;
        if (asprintf(&child->stage, "%s/%s", compiler->stage_dir, job->name) < 0) {
                child->stage = NULL;
                return -ENOMEM;
        }
        child->policy_fd = memfd_create("phoenixd-policy", MFD_CLOEXEC);
        child->messages_fd = memfd_create("phoenixd-messages", MFD_CLOEXEC);
        if (child->policy_fd < 0 || child->messages_fd < 0)
                return phx_errno();
        return phx_stage_create(
                        child->stage,
                        geteuid() == 0 ? COMPILE_GID : getegid(),
                        job->profile,
                        job->name,
                        job->closure,
                        job->files,
                        &job->error);
}

static int start(
                const struct phx_compiler *compiler,
                struct child *child,
                struct phx_compile_job *job) {
        int r;

        *child = (struct child){ .pid = -1, .pid_fd = -1, .policy_fd = -1, .messages_fd = -1 };
        r = prepare(compiler, child, job);
        if (r < 0)
                return r;

        child->ends_usec = now_usec() + compiler->deadline_usec;
        child->pid = fork();
        if (child->pid < 0)
                return phx_errno();
        if (child->pid == 0)
                become_compiler(compiler, child);

        /* On both sides, so that the group exists whoever comes first. */
        (void) setpgid(child->pid, child->pid);
        child->pid_fd = pidfd_open(child->pid, 0);
        if (child->pid_fd < 0) {
                r = phx_errno();
                (void) kill(child->pid, SIGKILL);
                (void) waitpid(child->pid, NULL, 0);
                return r;
        }
        return 0;
}

static int late(const struct phx_compiler *compiler, struct phx_compile_job *job) {
        return phx_error_set(
                        &job->error,
                        -ETIMEDOUT,
                        "%s: compile took longer than %llu s (compile_deadline_s) and was stopped",
                        job->name,
                        (unsigned long long) (compiler->deadline_usec / USEC_PER_SEC));
}

static int too_large(const struct phx_compiler *compiler, struct phx_compile_job *job) {
        return phx_error_set(
                        &job->error,
                        -ENOMEM,
                        "%s: compile needed more than %llu MiB (compile_memory_mb) and was stopped",
                        job->name,
                        (unsigned long long) (compiler->memory >> 20));
}

static bool speaks_of_memory(const char *messages) {
        return strstr(messages, "bad_alloc") || strcasestr(messages, "memory allocation") ||
               strcasestr(messages, "out of memory") ||
               strcasestr(messages, "cannot allocate memory");
}

static int take_policy(const struct child *child) {
        struct phx_compile_job *job = child->job;
        int r;

        r = phx_file_read_fd(child->policy_fd, OUTPUT_LIMIT, &job->blob, &job->size);
        if (r < 0)
                return r;
        if (job->size == 0)
                return phx_error_set(&job->error, -EINVAL, "%s: defines no profile", job->name);
        return 0;
}

static int judge(
                const struct phx_compiler *compiler,
                const struct child *child,
                int status,
                bool was_late) {
        struct phx_compile_job *job = child->job;
        phx_autofree char *messages = NULL;
        size_t size = 0;

        if (was_late || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU))
                return late(compiler, job);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return take_policy(child);

        if (phx_file_read_fd(child->messages_fd, OUTPUT_LIMIT, &messages, &size) < 0)
                return -ENOMEM;
        if (size > MESSAGES_LIMIT)
                messages[MESSAGES_LIMIT] = '\0';
        if (speaks_of_memory(messages) || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
                return too_large(compiler, job);
        if (WIFSIGNALED(status))
                return phx_error_set(
                                &job->error,
                                -EIO,
                                "%s: the compiler was ended by signal %d (SIG%s)",
                                job->name,
                                WTERMSIG(status),
                                sigabbrev_np(WTERMSIG(status)));
        return phx_compiler_message(
                        job->name,
                        child->stage,
                        job->closure,
                        messages,
                        WEXITSTATUS(status) == 127 ? -EIO : -EINVAL,
                        &job->error);
}

/* Whatever it started goes with it. */
static void finish(const struct phx_compiler *compiler, struct child *child, bool was_late) {
        int status = 0;

        (void) kill(-child->pid, SIGKILL);
        (void) kill(child->pid, SIGKILL);
        while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
                ;
        child->job->result = judge(compiler, child, status, was_late);
        child_done(child);
}

static int milliseconds_left(const struct child *children, size_t running) {
        uint64_t now = now_usec(), first = UINT64_MAX;

        for (size_t i = 0; i < running; i++)
                if (children[i].ends_usec < first)
                        first = children[i].ends_usec;
        return first <= now ? 0 : (int) ((first - now) / 1000 + 1);
}

/* Waits until at least one has ended or is late, and takes those out of CHILDREN. Returns how many.
 */
static size_t reap(const struct phx_compiler *compiler, struct child *children, size_t running) {
        struct pollfd fds[64];
        size_t ended = 0;
        uint64_t now;

        for (size_t i = 0; i < running; i++)
                fds[i] = (struct pollfd){ .fd = children[i].pid_fd, .events = POLLIN };
        (void) poll(fds, running, milliseconds_left(children, running));

        now = now_usec();
        for (size_t i = running; i > 0; i--) {
                struct child *child = &children[i - 1];
                bool has_ended = fds[i - 1].revents != 0;

                if (!has_ended && child->ends_usec > now)
                        continue;
                finish(compiler, child, !has_ended);
                *child = children[running - 1 - ended];
                ended++;
        }
        return ended;
}

static void start_next(
                const struct phx_compiler *compiler,
                struct child *children,
                size_t *running,
                struct phx_compile_job *job) {
        struct child *child = &children[*running];
        int r = start(compiler, child, job);

        if (r >= 0) {
                (*running)++;
                return;
        }
        child_done(child);
        job->result = r;
        if (!job->error.text[0])
                (void) phx_error_set(
                                &job->error,
                                r,
                                "%s: cannot be compiled: %s",
                                job->name,
                                strerrordesc_np(-r));
}

int phx_compile(const struct phx_compiler *compiler,
                struct phx_compile_job *jobs,
                size_t count,
                const struct phx_compile_progress *progress) {
        struct child children[64];
        size_t running = 0, started = 0, limit = compiler->jobs;

        if (limit == 0 || limit > PHX_ELEMENTS(children))
                limit = PHX_ELEMENTS(children);
        while (started < count || running > 0) {
                while (started < count && running < limit) {
                        if (progress)
                                progress->done(progress->data, jobs[started].name, started, count);
                        start_next(compiler, children, &running, &jobs[started]);
                        started++;
                }
                if (running > 0)
                        running -= reap(compiler, children, running);
        }
        return 0;
}

void phx_compile_job_done(struct phx_compile_job *job) {
        free(job->blob);
        job->blob = NULL;
        job->size = 0;
}

int phx_compiler_identity(const char *parser, const char *features, char **ret_identity) {
        char digest[PHX_SHA256_HEX];
        phx_autofree char *program = NULL;
        size_t size = 0;
        int r;

        r = phx_file_read_at(AT_FDCWD, parser, OUTPUT_LIMIT, &program, &size);
        if (r < 0)
                return r;
        phx_sha256(program, size, digest);
        return asprintf(ret_identity, "%s " FLAGS " %s", digest, features) < 0 ? -ENOMEM : 0;
}
