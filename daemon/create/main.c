/* SPDX-License-Identifier: GPL-2.0-or-later */

/* phoenixd-create: makes one container, in a unit of its own, for phoenixd. What it says last is
 * kept in a file, from which phoenixd takes it. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/macros.h"
#include "config.h"
#include "create/create.h"
#include "state/configuration.h"

#define EXIT_USAGE 2

enum choice {
        OPTION_HELP,
        OPTION_VERSION,
        OPTION_CLEAN,
        OPTION_PATH,
        OPTION_NAME,
        OPTION_HOSTNAME,
        OPTION_LABEL,
        OPTION_TEMPLATE,
        OPTION_CLONE,
        OPTION_UNPRIVILEGED,
        OPTION_REPORT,
};

static const struct option options[] = {
        { "help", no_argument, NULL, OPTION_HELP },
        { "version", no_argument, NULL, OPTION_VERSION },
        { "clean", no_argument, NULL, OPTION_CLEAN },
        { "path", required_argument, NULL, OPTION_PATH },
        { "name", required_argument, NULL, OPTION_NAME },
        { "hostname", required_argument, NULL, OPTION_HOSTNAME },
        { "label", required_argument, NULL, OPTION_LABEL },
        { "template", required_argument, NULL, OPTION_TEMPLATE },
        { "clone", required_argument, NULL, OPTION_CLONE },
        { "unprivileged", no_argument, NULL, OPTION_UNPRIVILEGED },
        { "report", required_argument, NULL, OPTION_REPORT },
        { 0 },
};

/* All but the lines is borrowed from the arguments. */
struct arguments {
        struct create_order order;
        const char *report;
        bool is_clean, is_help, is_version;
};

static int usage(FILE *file, int status) {
        (void) fputs("phoenixd-create --path=DIR --name=NAME --hostname=NAME --label=LABEL\n"
                     "                --template=ARCHIVE|--clone=NAME [--unprivileged]\n"
                     "                [--report=FILE] [-- 'KEY = VALUE'...]\n"
                     "phoenixd-create --clean --path=DIR\n"
                     "\n"
                     "Creates a container of LXC below DIR: it is complete or absent. phoenixd\n"
                     "calls it; see CREATION in phoenix_lxc_configs.json(5).\n",
                     file);
        return status;
}

static bool take_option(struct arguments *arguments, int option) {
        struct create_order *order = &arguments->order;

        switch (option) {
        case OPTION_HELP:
                arguments->is_help = true;
                return true;
        case OPTION_VERSION:
                arguments->is_version = true;
                return true;
        case OPTION_CLEAN:
                arguments->is_clean = true;
                return true;
        case OPTION_PATH:
                order->lxc_path = optarg;
                return true;
        case OPTION_NAME:
                order->name = optarg;
                return true;
        case OPTION_HOSTNAME:
                order->hostname = optarg;
                return true;
        case OPTION_LABEL:
                order->label = optarg;
                return true;
        case OPTION_TEMPLATE:
                order->template = optarg;
                return true;
        case OPTION_CLONE:
                order->source = optarg;
                return true;
        case OPTION_UNPRIVILEGED:
                order->is_unprivileged = true;
                return true;
        case OPTION_REPORT:
                arguments->report = optarg;
                return true;
        default:
                return false;
        }
}

/* NOLINTNEXTLINE(readability-function-cognitive-complexity) */
static int read_arguments(struct arguments *arguments, int argc, char **argv) {
        int option;

        /* One thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
                if (!take_option(arguments, option))
                        return -EINVAL;
        for (int i = optind; i < argc; i++)
                if (phx_strings_add(&arguments->order.lines, argv[i]) < 0)
                        return -ENOMEM;
        return 0;
}

static bool is_line(const char *text) {
        return phx_has_prefix(text, "lxc.") && strchr(text, '=') && !phx_has_control(text);
}

static bool is_complete(const struct create_order *order) {
        for (size_t i = 0; i < order->lines.count; i++)
                if (!is_line(order->lines.items[i]))
                        return false;
        return order->lxc_path && phx_is_normal_path(order->lxc_path) && order->name &&
               phx_is_container_id(order->name) && order->hostname &&
               phx_is_container_id(order->hostname) && order->label &&
               !phx_has_control(order->label) && !order->template != !order->source &&
               (!order->template || phx_is_normal_path(order->template)) &&
               (!order->source || phx_is_container_id(order->source));
}

/* For phoenixd, which may not be there any more. */
static void report(const char *path, const char *text) {
        const char *slash = path ? strrchr(path, '/') : NULL;
        phx_autofree char *directory = slash ? strndup(path, (size_t) (slash - path)) : NULL;
        phx_autoclose int fd = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

        if (fd >= 0 && text)
                (void) phx_file_replace_at(fd, slash + 1, text, strlen(text), 0600);
        else if (fd >= 0)
                (void) unlinkat(fd, slash + 1, 0);
}

static int work(const struct arguments *arguments) {
        const struct phx_trust trust = { .root = "/", .owner = 0 };
        const struct create_order *order = &arguments->order;
        struct phx_error error = { 0 };
        int r;

        report(arguments->report, NULL);
        r = arguments->is_clean ? create_clean(&trust, order->lxc_path, &error)
                                : create_run(&trust, order, &error);
        if (r >= 0)
                return EXIT_SUCCESS;
        (void) fprintf(stderr, "phoenixd-create: %s\n", phx_error_text(&error, r));
        report(arguments->report, phx_error_text(&error, r));
        return EXIT_FAILURE;
}

int main(int argc, char **argv) {
        struct arguments arguments = { 0 };
        int status;

        if (read_arguments(&arguments, argc, argv) < 0)
                status = usage(stderr, EXIT_USAGE);
        else if (arguments.is_help)
                status = usage(stdout, EXIT_SUCCESS);
        else if (arguments.is_version)
                status = printf("phoenixd-create %s\n", PHX_VERSION) > 0 ? EXIT_SUCCESS
                                                                         : EXIT_FAILURE;
        else if (arguments.is_clean ? !arguments.order.lxc_path ||
                                                      !phx_is_normal_path(arguments.order.lxc_path)
                                    : !is_complete(&arguments.order))
                status = usage(stderr, EXIT_USAGE);
        else
                status = work(&arguments);
        phx_strings_done(&arguments.order.lines);
        return status;
}
