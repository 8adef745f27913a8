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
#include "create/guest.h"
#include "state/configuration.h"
#include "state/creation.h"

#define EXIT_USAGE 2
/* For what passes by itself, as an election in Proxmox's cluster does. */
#define WAIT_USEC 300000000

enum choice {
        OPTION_HELP,
        OPTION_VERSION,
        OPTION_CLEAN,
        OPTION_PATH,
        OPTION_NAME,
        OPTION_HOSTNAME,
        OPTION_LABEL,
        OPTION_PROXMOX,
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
        { "proxmox", no_argument, NULL, OPTION_PROXMOX },
        { "template", required_argument, NULL, OPTION_TEMPLATE },
        { "clone", required_argument, NULL, OPTION_CLONE },
        { "unprivileged", no_argument, NULL, OPTION_UNPRIVILEGED },
        { "report", required_argument, NULL, OPTION_REPORT },
        { 0 },
};

/* All but the lines is borrowed from the arguments. */
struct arguments {
        struct create_order order;
        struct phx_strings keys;
        const char *report;
        bool is_proxmox, is_clean, is_help, is_version;
};

static int usage(FILE *file, int status) {
        (void) fputs("phoenixd-create --path=DIR --name=NAME --hostname=NAME --label=LABEL\n"
                     "                --template=ARCHIVE|--clone=NAME [--unprivileged]\n"
                     "                [--report=FILE] [-- 'KEY = VALUE'...]\n"
                     "phoenixd-create --proxmox --name=ID --hostname=NAME --label=LABEL\n"
                     "                --template=ARCHIVE|--clone=ID [--unprivileged]\n"
                     "                [--report=FILE] [-- KEY=VALUE...]\n"
                     "phoenixd-create --clean --path=DIR|--proxmox\n"
                     "\n"
                     "Creates a container of LXC below DIR, or one of Proxmox VE: it is complete or\n"
                     "absent. phoenixd calls it; see CREATION in phoenix_lxc_configs.json(5).\n",
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
        case OPTION_PROXMOX:
                arguments->is_proxmox = true;
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
        for (int i = optind; i < argc; i++) {
                bool is_key = arguments->is_proxmox && !phx_has_prefix(argv[i], "lxc.");

                if (phx_strings_add(is_key ? &arguments->keys : &arguments->order.lines, argv[i]) <
                    0)
                        return -ENOMEM;
        }
        return 0;
}

static bool is_line(const char *text) {
        return phx_has_prefix(text, "lxc.") && strchr(text, '=') && !phx_has_control(text);
}

/* Of Proxmox: a letter, and letters and digits. */
static bool is_key(const char *text) {
        static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
        size_t size = strspn(text, letters);

        return text[0] >= 'a' && text[size] == '=' && !phx_has_control(text);
}

static bool is_complete(const struct create_order *order) {
        for (size_t i = 0; i < order->lines.count; i++)
                if (!is_line(order->lines.items[i]))
                        return false;
        return order->name && phx_is_container_id(order->name) && order->hostname &&
               phx_is_container_id(order->hostname) && order->label &&
               !phx_has_control(order->label) && !order->template != !order->source &&
               (!order->source || phx_is_container_id(order->source));
}

static bool is_complete_for_lxc(const struct create_order *order) {
        return is_complete(order) && order->lxc_path && phx_is_normal_path(order->lxc_path) &&
               (!order->template || phx_is_normal_path(order->template));
}

static bool is_guest(const char *text) {
        uint32_t id = 0;

        return phx_pve_parse_id(text, strlen(text), &id);
}

static bool is_complete_for_proxmox(const struct arguments *arguments) {
        const struct create_order *order = &arguments->order;

        for (size_t i = 0; i < arguments->keys.count; i++)
                if (!is_key(arguments->keys.items[i]))
                        return false;
        return is_complete(order) && !order->lxc_path && is_guest(order->name) &&
               (!order->source || is_guest(order->source)) &&
               (!order->template || phx_is_normal_path(order->template) ||
                phx_creation_is_volume(order->template));
}

static bool is_right(const struct arguments *arguments) {
        const struct create_order *order = &arguments->order;

        if (!arguments->is_clean)
                return arguments->is_proxmox ? is_complete_for_proxmox(arguments)
                                             : is_complete_for_lxc(order);
        return arguments->is_proxmox ? !order->lxc_path
                                     : order->lxc_path && phx_is_normal_path(order->lxc_path);
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

static int work_on_proxmox(
                const struct phx_trust *trust,
                const struct arguments *arguments,
                struct phx_error *error) {
        const struct guest_host host = {
                .place = { .root = "/etc/pve",
                           .lock_directory = "/run/lock/lxc",
                           .database = "/var/lib/pve-cluster" },
                .pct = "/usr/sbin/pct",
                .records = PHX_STATEDIR "/" PHX_CREATION_RECORDS,
                .wait_usec = WAIT_USEC,
                .trust = trust,
        };

        return arguments->is_clean
                               ? guest_clean(&host, error)
                               : guest_create(&host, &arguments->order, &arguments->keys, error);
}

static int work(const struct arguments *arguments) {
        const struct phx_trust trust = { .root = "/", .owner = 0 };
        const struct create_order *order = &arguments->order;
        struct phx_error error = { 0 };
        int r;

        report(arguments->report, NULL);
        if (arguments->is_proxmox)
                r = work_on_proxmox(&trust, arguments, &error);
        else
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
        else if (!is_right(&arguments))
                status = usage(stderr, EXIT_USAGE);
        else
                status = work(&arguments);
        phx_strings_done(&arguments.order.lines);
        phx_strings_done(&arguments.keys);
        return status;
}
