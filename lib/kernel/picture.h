/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "base/scope.h"
#include "base/texts.h"
#include "kernel/apparmorfs.h"

/* What is loaded in the kernel, kept from one look to the next, and read again as far as it may
 * have changed. */
struct phx_kernel_picture;

/* KERNEL must outlive it. 0 or -ENOMEM. */
int phx_kernel_picture_new(struct phx_kernel *kernel, struct phx_kernel_picture **ret_picture);
struct phx_kernel_picture *phx_kernel_picture_free(struct phx_kernel_picture *picture);
PHX_DEFINE_FREEP(phx_kernel_picture)

/* The next look reads everything. */
void phx_kernel_picture_forget(struct phx_kernel_picture *picture);

/* Brings it up to date: phx_kernel_check(), what is loaded, and the namespaces. With a SCOPE
 * without the policy, what was read before is believed without any call, but for what was changed
 * through this picture since. Fails with the codes of these, and when a name cannot be read (-EIO);
 * then there is no picture until the next call. */
int phx_kernel_picture_look(
                struct phx_kernel_picture *picture,
                const struct phx_scope *scope,
                struct phx_error *error);

/* Both borrowed until the next call; empty when there is no picture. */
const struct phx_loaded_list *phx_kernel_picture_loaded(const struct phx_kernel_picture *picture);
const struct phx_strings *phx_kernel_picture_namespaces(const struct phx_kernel_picture *picture);

/* Leaves what is in it to the next run, if all of it could be read, and takes what the run before
 * has left, before the first look: that believes it if nothing was loaded or removed since. 0,
 * -ENOMEM or -EBADMSG. */
int phx_kernel_picture_leave(const struct phx_kernel_picture *picture, struct phx_buffer *texts);
int phx_kernel_picture_take(struct phx_kernel_picture *picture, struct phx_texts *texts);

/* Whether a look would find what is in the picture: cheap, and false in doubt. */
bool phx_kernel_picture_is_unchanged(
                const struct phx_kernel_picture *picture,
                const struct phx_scope *scope);

/* phx_kernel_replace() of the policy of PROFILE and its children, and
 * phx_kernel_make_namespace(): the next look reads back what it did. */
int phx_kernel_picture_replace(
                struct phx_kernel_picture *picture,
                const char *profile,
                const void *blob,
                size_t size,
                struct phx_error *error);
int phx_kernel_picture_make_namespace(
                struct phx_kernel_picture *picture,
                const char *name,
                struct phx_error *error);
