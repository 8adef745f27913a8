/* SPDX-License-Identifier: GPL-2.0-or-later */

/* An entry of policy/profiles is called by the profile's name without what does not suit a file
 * name, and a number behind it (kernel/listed.c). So the listing says which entries may be a
 * profile's, and the file `name` of these few says which is: a profile "lxc-a.1" and one "lxc-a"
 * have entries that look alike. All others are neither opened nor read. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "kernel/apparmorfs.h"
#include "kernel/private.h"

/* ENTRY is BASE with "." and a number behind it. */
static bool named_is_entry_of(const char *entry, const char *base) {
        size_t size = strlen(base);
        const char *number = entry + size + 1;

        return strncmp(entry, base, size) == 0 && entry[size] == '.' && number[0] &&
               strspn(number, "0123456789") == strlen(number);
}

static bool named_is_wanted(const char *entry, const struct phx_strings *bases) {
        for (size_t i = 0; i < bases->count; i++)
                if (named_is_entry_of(entry, bases->items[i]))
                        return true;
        return false;
}

static int named_find_bases(const struct phx_strings *names, struct phx_strings *bases) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < names->count; i++) {
                phx_autofree char *base = phx_kernel_entry_base(
                                names->items[i],
                                strlen(names->items[i]));

                r = base ? phx_strings_add(bases, base) : -ENOMEM;
        }
        return r;
}

static int named_read(int fd, const struct phx_strings *bases, struct phx_loaded_list *list) {
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        const struct dirent *entry;
        int r = phx_directory_open(fd, ".", &directory);

        if (r < 0)
                return r;
        while (r >= 0 && (errno = 0, entry = readdir(directory)))
                if (named_is_wanted(entry->d_name, bases))
                        r = phx_kernel_observe_entry(fd, entry->d_name, list);
        return r >= 0 && errno ? phx_errno() : r;
}

int phx_kernel_observe_named(
                const struct phx_kernel *kernel,
                const struct phx_strings *names,
                struct phx_loaded_list *ret_list,
                struct phx_error *error) {
        phx_cleanup(phx_loaded_list_done) struct phx_loaded_list list = { .complete = true };
        phx_cleanup(phx_strings_done) struct phx_strings bases = { 0 };
        phx_autoclose int fd = -1;
        int r;

        fd = phx_kernel_open_below(kernel, "policy/profiles", O_RDONLY | O_DIRECTORY);
        r = fd < 0 ? fd : named_find_bases(names, &bases);
        if (r >= 0)
                r = named_read(fd, &bases, &list);
        if (r < 0)
                return phx_error_set(
                                error,
                                r,
                                "%s/policy/profiles: %s",
                                kernel->apparmorfs,
                                strerrordesc_np(-r));
        phx_loaded_list_sort(&list);

        *ret_list = PHX_TAKE_STRUCT(list);
        return 0;
}
