/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "state/configuration.h"

/* Bytes: 20,000 containers as real files describe them are 30 MB, and reading them takes memory of
 * some four times that. In Proxmox's cluster file system no file has more than 1 MiB anyway. */
#define PHX_CONFIGURATION_LIMIT ((size_t) 64 * 1024 * 1024)

/* Reads phoenix_lxc_configs.json; FILE is how messages name it. DEFAULT_PROFILE is for a container
 * that names none. Keys that are not ours are left alone, whatever they hold, unless they look like
 * one of ours misspelt. A file without containers is refused: it is never read as "nothing is
 * desired". -EINVAL for what the author must correct, -EFBIG, -ENOMEM. An error with a list gets
 * all of it, and RET_CONFIGURATION then has what is good, with "" for a profile that is not. */
int phx_configuration_parse(
                const char *file,
                const char *text,
                size_t size,
                const char *default_profile,
                struct phx_configuration **ret_configuration,
                struct phx_error *error);
