/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/strings.h"
#include "base/trust.h"

/* The directory that the machine loads at boot: /etc/apparmor.d. */
struct phx_deployed_directory;

enum phx_deployed_kind {
        PHX_DEPLOYED_ABSENT,
        PHX_DEPLOYED_FILE,
        PHX_DEPLOYED_UNTRUSTED, /* a file that somebody else could have written */
        PHX_DEPLOYED_OTHER,     /* a link, directory, pipe …: never touched */
        PHX_DEPLOYED_UNKNOWN,   /* could not be looked at */
};

/* What stands at a profile's place. Plain values. */
struct phx_deployed {
        enum phx_deployed_kind kind;
        char digest[PHX_SHA256_HEX]; /* of the bytes of FILE and UNTRUSTED, else "" */
        /* What is wrong, for reports: "is owned by uid 1000, expected uid 0"; "" for FILE and
         * ABSENT. */
        char problem[128];
};

/* Opens PATH with the rules of TRUST; files in it are to belong to TRUST's owner. */
int phx_deployed_open(
                const struct phx_trust *trust,
                const char *path,
                struct phx_deployed_directory **ret_directory,
                struct phx_error *error);
struct phx_deployed_directory *phx_deployed_close(struct phx_deployed_directory *directory);

static inline void phx_deployed_closep(struct phx_deployed_directory **directory) {
        *directory = phx_deployed_close(*directory);
}

/* For phx_definers_observe(); borrowed. */
int phx_deployed_fd(const struct phx_deployed_directory *directory);

/* Names in the sub-directory IN that lead to something that can be read; sorted. At boot a profile
 * whose name is in "disable" is not loaded, and in complain mode when it is in "force-complain". 0
 * or -ENOMEM; without such a directory there are none. */
int phx_deployed_list(
                const struct phx_deployed_directory *directory,
                const char *in,
                struct phx_strings *ret_names);

/* NAME is one component and not hidden: -EINVAL for any other. What cannot be looked
 * at is PHX_DEPLOYED_UNKNOWN and no error. */
int phx_deployed_observe(
                const struct phx_deployed_directory *directory,
                const char *name,
                struct phx_deployed *ret_deployed,
                struct phx_error *error);

/* Puts SIZE bytes in NAME's place, mode 0644 and modified now: the boot's cache goes by times. The
 * place must be as it was planned on: a file with the digest OLD, or with OLD == "" none; -ESTALE
 * when it is not, -EEXIST when what stands there is no file. 1 when the file was written, 0 when it
 * had these bytes already and is trusted. */
int phx_deployed_install(
                const struct phx_deployed_directory *directory,
                const char *name,
                const char *old,
                const void *data,
                size_t size,
                struct phx_error *error);

/* Takes the file with the digest OLD away; as above. 1 when it was removed, 0 when it was gone. */
int phx_deployed_withdraw(
                const struct phx_deployed_directory *directory,
                const char *name,
                const char *old,
                struct phx_error *error);
