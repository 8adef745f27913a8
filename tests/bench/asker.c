/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * How long does an answer take?
 *
 *      phoenixd-asker COUNT [KIND NAME [PAUSE]]
 *
 * calls Describe() of one object ("container", "profile") COUNT times, or without one
 * DescribeDaemon(), as a status does, PAUSE microseconds apart or until SIGTERM, each followed by a
 * call that the bus answers by itself, and prints the median, the 99th percentile and the longest
 * of both, in microseconds:
 *
 *      phoenixd MEDIAN P99 LONGEST
 *      bus MEDIAN P99 LONGEST
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

#define COUNT_LIMIT 100000

/* SIGTERM is blocked, so that it interrupts no question. */
static int is_over(void) {
        sigset_t pending;

        return sigpending(&pending) == 0 && sigismember(&pending, SIGTERM) == 1;
}

static double now_usec(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

static double ask(
                sd_bus *bus,
                const char *service,
                const char *path,
                const char *interface,
                const char *method) {
        double began = now_usec();
        sd_bus_message *reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(bus, service, path, interface, method, &error, &reply, "");

        if (r < 0) {
                (void) fprintf(stderr,
                               "%s: %s\n",
                               method,
                               error.message ? error.message : "no answer");
                exit(EXIT_FAILURE);
        }
        (void) sd_bus_message_unref(reply);
        return now_usec() - began;
}

static void tell(const char *name, double *times, size_t count) {
        qsort(times, count, sizeof(*times), compare);
        printf("%s %.0f %.0f %.0f\n",
               name,
               times[count / 2],
               times[count - 1 - count / 100],
               times[count - 1]);
}

struct question {
        char *path;
        const char *interface;
        const char *method;
};

/* False when there is no such kind of object. */
static int find_question(int argc, char **argv, struct question *ret_question) {
        const char *prefix = NULL;

        if (argc < 4) {
                ret_question->path = strdup("/org/phoenixd1");
                ret_question->interface = "org.phoenixd1.Manager";
                ret_question->method = "DescribeDaemon";
                return ret_question->path != NULL;
        }
        ret_question->method = "Describe";
        if (strcmp(argv[2], "container") == 0) {
                prefix = "/org/phoenixd1/container";
                ret_question->interface = "org.phoenixd1.Container";
        } else if (strcmp(argv[2], "profile") == 0) {
                prefix = "/org/phoenixd1/profile";
                ret_question->interface = "org.phoenixd1.Profile";
        }
        return prefix && sd_bus_path_encode(prefix, argv[3], &ret_question->path) >= 0;
}

int main(int argc, char **argv) {
        static double ours[COUNT_LIMIT], theirs[COUNT_LIMIT];
        size_t count = argc == 2 || argc == 4 || argc == 5 ? strtoul(argv[1], NULL, 10) : 0;
        useconds_t pause = argc == 5 ? (useconds_t) strtoul(argv[4], NULL, 10) : 0;
        struct question question = { 0 };
        sigset_t ended;
        sd_bus *bus = NULL;

        if (count == 0 || count > COUNT_LIMIT || !find_question(argc, argv, &question) ||
            sd_bus_open_system(&bus) < 0) {
                (void) fprintf(stderr,
                               "usage: phoenixd-asker COUNT [container|profile NAME [PAUSE]], where "
                               "there is a bus\n");
                return EXIT_FAILURE;
        }
        (void) sigemptyset(&ended);
        (void) sigaddset(&ended, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &ended, NULL);
        for (size_t i = 0; i < count; i++) {
                if (i > 0 && is_over()) {
                        count = i;
                        break;
                }
                ours[i] = ask(bus,
                              "org.phoenixd1",
                              question.path,
                              question.interface,
                              question.method);
                theirs[i] = ask(bus, "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetId");
                if (pause > 0)
                        (void) usleep(pause);
        }
        tell("phoenixd", ours, count);
        tell("bus", theirs, count);
        free(question.path);
        (void) sd_bus_flush_close_unref(bus);
        return EXIT_SUCCESS;
}
