/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The hand of the test runner in the guest.
 *
 * It owns a virtio-serial port. The host writes a request:
 *
 *      run TIMEOUT EPOCH SCRIPT-LENGTH INPUT-LENGTH TOKEN\n
 *      script bytes, input bytes
 *
 * and the agent sets the clock (a restored machine believes in the time of its snapshot), runs the
 * script with bash, its input on standard input, and copies whatever it says to the port as it says
 * it. The reply ends with a line "TOKEN EXIT-CODE"; the token is the host's choice, so no output
 * can be mistaken for it. After TIMEOUT seconds the script's process group is killed and the code
 * is 124, as timeout(1) has it.
 *
 * The script gets a pipe and never the port itself: AppArmor mediates files that are inherited
 * across a change of profile, and a confined process in a container would lose a device node, but
 * keeps a pipe. When the script has ended, what is in the pipe is still forwarded; what processes
 * left behind say later is not.
 *
 * A line "vm-agent: ready" instead of a reply means that the machine has booted in between.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT_NAME "phoenixd.agent"
#define RUN_DIR "/run/vm-agent"
#define TIMED_OUT 124

struct request {
        unsigned timeout;
        long long epoch;
        size_t script_length;
        size_t input_length;
        char token[65];
};

static void die(const char *what) {
        fprintf(stderr, "vm-agent: %s: %m\n", what);
        exit(EXIT_FAILURE);
}

/* No udev here, so no /dev/virtio-ports: sysfs knows which node is ours. */
static int open_port(void) {
        DIR *ports = opendir("/sys/class/virtio-ports");
        struct dirent *entry;

        if (!ports)
                die("virtio-ports");

        while ((entry = readdir(ports))) {
                char path[512], name[64] = "";
                FILE *f;

                snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
                f = fopen(path, "re");
                if (!f)
                        continue;
                if (!fgets(name, sizeof(name), f))
                        name[0] = 0;
                fclose(f);
                name[strcspn(name, "\n")] = 0;
                if (strcmp(name, PORT_NAME) != 0)
                        continue;

                snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
                closedir(ports);
                return open(path, O_RDWR | O_CLOEXEC);
        }

        closedir(ports);
        errno = ENOENT;
        return -1;
}

static void read_exactly(int fd, char *buffer, size_t length) {
        while (length > 0) {
                ssize_t n = read(fd, buffer, length);

                if (n < 0 && errno != EINTR)
                        die("read");
                /* Nobody is connected at the other end: come back later instead of spinning. */
                if (n == 0)
                        usleep(20 * 1000);
                if (n > 0) {
                        buffer += n;
                        length -= (size_t) n;
                }
        }
}

static void write_all(int fd, const char *buffer, size_t length) {
        while (length > 0) {
                ssize_t n = write(fd, buffer, length);

                if (n < 0 && errno != EINTR)
                        die("write");
                if (n > 0) {
                        buffer += n;
                        length -= (size_t) n;
                }
        }
}

static void say(int fd, const char *format, ...) {
        char line[128];
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(line, sizeof(line), format, args);
        va_end(args);
        write_all(fd, line, (size_t) n);
}

static void read_line(int fd, char *line, size_t size) {
        size_t n = 0;

        for (;;) {
                char c;

                read_exactly(fd, &c, 1);
                if (c == '\n')
                        break;
                if (n + 1 < size)
                        line[n++] = c;
        }
        line[n] = 0;
}

static void receive_file(int port, const char *path, size_t length) {
        char buffer[65536];
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        if (fd < 0)
                die(path);
        while (length > 0) {
                size_t n = length < sizeof(buffer) ? length : sizeof(buffer);

                read_exactly(port, buffer, n);
                write_all(fd, buffer, n);
                length -= n;
        }
        close(fd);
}

static bool receive_request(int port, struct request *request) {
        char line[256];

        read_line(port, line, sizeof(line));
        if (sscanf(line,
                   "run %u %lld %zu %zu %64s",
                   &request->timeout,
                   &request->epoch,
                   &request->script_length,
                   &request->input_length,
                   request->token) != 5)
                return false;

        receive_file(port, RUN_DIR "/script", request->script_length);
        receive_file(port, RUN_DIR "/input", request->input_length);
        return true;
}

static void set_clock(long long epoch) {
        const struct timespec now = { .tv_sec = epoch };

        /* The host counts whole seconds: a clock that is right must not be put back by the part
         * that it leaves out. */
        if (epoch > 0 && llabs(epoch - (long long) time(NULL)) > 2)
                (void) clock_settime(CLOCK_REALTIME, &now);
}

static _Noreturn void become_script(int output) {
        int input = open(RUN_DIR "/input", O_RDONLY | O_CLOEXEC);

        setsid();
        if (input < 0 || chdir("/root") < 0 || dup2(input, STDIN_FILENO) < 0 ||
            dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
                _exit(127);
        execl("/bin/bash", "bash", RUN_DIR "/script", (char *) NULL);
        _exit(127);
}

/* Copies what is in the pipe now; false at its end. */
static bool forward(int pipe_fd, int port, char *last) {
        static char buffer[65536];
        ssize_t n;

        while ((n = read(pipe_fd, buffer, sizeof(buffer))) > 0) {
                write_all(port, buffer, (size_t) n);
                *last = buffer[n - 1];
        }
        return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static long long now_ms(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Forwards until the script has ended or its time is over; true when it has ended by itself. */
static bool follow(int pidfd, int pipe_fd, int port, unsigned timeout, char *last) {
        const long long end = now_ms() + timeout * 1000LL;
        struct pollfd fds[] = {
                { .fd = pidfd, .events = POLLIN },
                { .fd = pipe_fd, .events = POLLIN },
        };

        for (;;) {
                long long left = end - now_ms();

                if (left <= 0)
                        return false;
                if (poll(fds, 2, left > 1000 ? 1000 : (int) left) < 0)
                        continue;
                if (fds[1].revents && !forward(pipe_fd, port, last))
                        fds[1].fd = -1;
                if (fds[0].revents)
                        return true;
        }
}

static int finish(pid_t pid, bool ended) {
        int status = 0;

        if (!ended) {
                /* SIGTERM first, so that the script's traps can tidy up. */
                kill(-pid, SIGTERM);
                for (int i = 0; i < 20 && waitpid(pid, &status, WNOHANG) == 0; i++)
                        usleep(100 * 1000);
                kill(-pid, SIGKILL);
                waitpid(pid, &status, 0);
                return TIMED_OUT;
        }

        waitpid(pid, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_script(int port, unsigned timeout) {
        int fds[2], pidfd, code;
        char last = '\n';
        bool ended;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                die("pipe");
        pid = fork();
        if (pid < 0)
                die("fork");
        if (pid == 0)
                become_script(fds[1]);

        close(fds[1]);
        fcntl(fds[0], F_SETFL, O_NONBLOCK);
        fcntl(fds[0], F_SETPIPE_SZ, 1 << 20);
        pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0)
                die("pidfd_open");

        ended = follow(pidfd, fds[0], port, timeout, &last);
        code = finish(pid, ended);
        (void) forward(fds[0], port, &last);
        if (last != '\n')
                say(port, "\n");
        close(pidfd);
        close(fds[0]);
        return code;
}

int main(void) {
        struct request request;
        int port = open_port();

        if (port < 0)
                die("port");
        if (mkdir(RUN_DIR, 0700) < 0 && errno != EEXIST)
                die(RUN_DIR);
        signal(SIGPIPE, SIG_IGN);
        say(port, "vm-agent: ready\n");

        for (;;) {
                if (!receive_request(port, &request)) {
                        say(port, "bad request\n");
                        continue;
                }
                set_clock(request.epoch);
                say(port, "%s %d\n", request.token, run_script(port, request.timeout));
        }
}
