/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/stamp.h"
#include "base/strings.h"
#include "kernel/loaded.h"

/* The machine's AppArmor: what is loaded, and the one way to load. Nothing here can remove a
 * profile, which would unconfine who runs in it. */
struct phx_kernel;

#define PHX_KERNEL_APPARMORFS "/sys/kernel/security/apparmor"
#define PHX_KERNEL_MODULE "/sys/module/apparmor"

/* Keeps the paths; opens nothing yet. APPARMORFS is what is mounted at PHX_KERNEL_APPARMORFS on a
 * machine, MODULE is PHX_KERNEL_MODULE; both are temporary trees in tests. 0 or -ENOMEM. */
int phx_kernel_new(const char *apparmorfs, const char *module, struct phx_kernel **ret_kernel);
struct phx_kernel *phx_kernel_free(struct phx_kernel *kernel);
PHX_DEFINE_FREEP(phx_kernel)

/* 0 when AppArmor is there, may be asked and enforces. -ENODEV when the kernel has it not or it is
 * switched off, -ENOENT when securityfs is not mounted, -EACCES when we may not look, -ENOTSUP when
 * the kernel is too old to load several profiles at once, -EPERM when all profiles are switched to
 * something other than enforce. The text says what to do. */
int phx_kernel_check(const struct phx_kernel *kernel, struct phx_error *error);

/* What the parser compiles for. RET_ID: a short text that changes when that does (libapparmor's own
 * id). RET_TEXT: all of it in one file's form, which gives the parser the same features as the
 * directory does; NULL where that cannot be had. Both are the caller's to free. */
int phx_kernel_features(
                const struct phx_kernel *kernel,
                char **ret_id,
                char **ret_text,
                struct phx_error *error);

/* All that is loaded in this policy namespace. A profile that goes away meanwhile is left out. */
int phx_kernel_observe(
                const struct phx_kernel *kernel,
                struct phx_loaded_list *ret_list,
                struct phx_error *error);

/* The same in some three calls a profile: names and modes are taken from the kernel's list of all
 * profiles where it is certain whose they are (kernel/listed.h). Only right when nothing is loaded
 * or removed meanwhile, as phx_kernel_revision() tells. */
int phx_kernel_observe_listed(
                const struct phx_kernel *kernel,
                struct phx_loaded_list *ret_list,
                struct phx_error *error);

/* The same, where LIST is what was loaded before, and since then nothing else can have changed than
 * the profiles CHANGED, with their children: only these, and what LIST does not have, are read.
 * When it fails, LIST is as good as lost. */
int phx_kernel_observe_changed(
                const struct phx_kernel *kernel,
                const struct phx_strings *changed,
                struct phx_loaded_list *list,
                struct phx_error *error);

/* Only the profiles NAMES and their children: what is loaded under another name costs no more than
 * its place in one listing. */
int phx_kernel_observe_named(
                const struct phx_kernel *kernel,
                const struct phx_strings *names,
                struct phx_loaded_list *ret_list,
                struct phx_error *error);

/* The number that counts up with every accepted load and every removal of profiles, by anybody, in
 * this policy namespace. Whoever reads it waits until a load that is under way is over, so that
 * what is listed between two readings of the same number is what is loaded at that number. -ENOTSUP
 * when there is no such file, or one that can be read only once. RET_FILE, which may be NULL: of
 * the stamp of the file what does not change, by which the namespace is recognized. */
int phx_kernel_revision(
                const struct phx_kernel *kernel,
                uint64_t *ret_revision,
                struct phx_stamp *ret_file);

/* By what the kernel's features are recognized as those that were read before: they do not change
 * while it runs. 0 or a negative errno. */
int phx_kernel_features_stamp(const struct phx_kernel *kernel, struct phx_stamp *ret_stamp);

/* Policy namespaces directly in this one, sorted. */
int phx_kernel_namespaces(
                const struct phx_kernel *kernel,
                struct phx_strings *ret_names,
                struct phx_error *error);

/* Names of the profiles in the policy namespace NAME, sorted; none when there is no such one. */
int phx_kernel_namespace_profiles(
                const struct phx_kernel *kernel,
                const char *name,
                struct phx_strings *ret_profiles,
                struct phx_error *error);

/* Makes one; 1 when there was none, else 0. Nothing here removes one: what runs in it would lose
 * the policy that it loaded. */
int phx_kernel_make_namespace(
                const struct phx_kernel *kernel,
                const char *name,
                struct phx_error *error);

/* Loads or replaces all profiles of BLOB in one write: all of them or none. That it returned 0 is
 * no proof; observe again. -ENODATA for an empty blob, else as the kernel says, in a sentence. */
int phx_kernel_replace(
                struct phx_kernel *kernel,
                const void *blob,
                size_t size,
                struct phx_error *error);
