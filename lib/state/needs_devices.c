/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which devices the shipped profiles let a container open: @{phoenix_gpu} of tunables/phoenix and
 * the rules for /dev in abstractions/phoenix. AppArmor knows devices by their paths, a device
 * cgroup by their numbers, of which these are the ones of Documentation/admin-guide/devices.txt. */

#include <string.h>

#include "base/macros.h"
#include "base/strings.h"
#include "state/needs_private.h"

#define DIGITS "0123456789"

/* Below /dev/; what ends in '*' may go on. */
static const struct {
        const char *pattern;
        enum phx_need need;
} paths[] = {
        { "null", PHX_NEED_NOTHING },
        { "zero", PHX_NEED_NOTHING },
        { "full", PHX_NEED_NOTHING },
        { "random", PHX_NEED_NOTHING },
        { "urandom", PHX_NEED_NOTHING },
        { "tty", PHX_NEED_NOTHING },
        { "console", PHX_NEED_NOTHING },
        { "ptmx", PHX_NEED_NOTHING },
        { "pts", PHX_NEED_NOTHING },
        { "pts/*", PHX_NEED_NOTHING },
        { "lxc", PHX_NEED_NOTHING },
        { "lxc/*", PHX_NEED_NOTHING },
        { "shm", PHX_NEED_NOTHING },
        { "shm/*", PHX_NEED_NOTHING },
        { "mqueue", PHX_NEED_NOTHING },
        { "mqueue/*", PHX_NEED_NOTHING },
        { "hugepages*", PHX_NEED_NOTHING },
        { "log", PHX_NEED_NOTHING },
        { "initctl", PHX_NEED_NOTHING },
        { "fd", PHX_NEED_NOTHING },
        { "stdin", PHX_NEED_NOTHING },
        { "stdout", PHX_NEED_NOTHING },
        { "stderr", PHX_NEED_NOTHING },
        { "core", PHX_NEED_NOTHING },
        { "fuse", PHX_NEED_DOCKER },
        { "net", PHX_NEED_DOCKER },
        { "net/tun", PHX_NEED_DOCKER },
        { "nvidia*", PHX_NEED_GPU },
        { "dri", PHX_NEED_GPU },
        { "dri/card*", PHX_NEED_GPU },
        { "dri/controlD*", PHX_NEED_GPU },
        { "dri/renderD*", PHX_NEED_GPU },
        { ".lxc-boot-id", PHX_NEED_NESTING },
        { ".lxc", PHX_NEED_NESTING },
        { ".lxc/*", PHX_NEED_NESTING },
};

static bool devices_is_path(struct phx_needs_word path, const char *pattern) {
        size_t length = strlen(pattern);

        if (pattern[length - 1] == '*')
                return path.size >= length && memcmp(path.text, pattern, length - 1) == 0;
        return path.size == length && memcmp(path.text, pattern, length) == 0;
}

/* Terminals have numbers: "tty" and "ttyS0" are others. */
static bool is_terminal(struct phx_needs_word path) {
        size_t digits = 0;

        if (path.size < 4 || memcmp(path.text, "tty", 3) != 0)
                return false;
        while (3 + digits < path.size && strchr(DIGITS, path.text[3 + digits]))
                digits++;
        return 3 + digits == path.size;
}

enum phx_need phx_need_of_device(struct phx_needs_word path) {
        while (path.size > 0 && path.text[path.size - 1] == '/')
                path.size--;
        if (path.size <= strlen("/dev/"))
                return PHX_NEED_UNMET; /* all of them */
        path.text += strlen("/dev/");
        path.size -= strlen("/dev/");
        if (is_terminal(path))
                return PHX_NEED_NOTHING;
        for (size_t i = 0; i < PHX_ELEMENTS(paths); i++)
                if (devices_is_path(path, paths[i].pattern))
                        return paths[i].need;
        return PHX_NEED_UNMET;
}

static bool is_one_of(struct phx_needs_word word, const char *const *names, size_t count) {
        for (size_t i = 0; i < count; i++)
                if (phx_needs_word_is(word, names[i]))
                        return true;
        return false;
}

/* Numbers that drivers get when they are loaded. */
static bool is_dynamic(unsigned major) {
        return (major >= 234 && major <= 254) || (major >= 384 && major <= 511);
}

enum phx_need phx_need_of_character_device(
                unsigned major,
                struct phx_needs_word minor,
                bool *ret_is_unnamed) {
        static const char *const usual[] = { "3", "5", "7", "8", "9", "*" };
        static const char *const docker[] = { "200", "229" }; /* tun, fuse */

        *ret_is_unnamed = is_dynamic(major);
        if (major == 1 && is_one_of(minor, usual, PHX_ELEMENTS(usual)))
                return PHX_NEED_NOTHING;
        if (major == 4 || major == 5 || (major >= 136 && major <= 143))
                return PHX_NEED_NOTHING; /* terminals */
        if (major == 10 && is_one_of(minor, docker, PHX_ELEMENTS(docker)))
                return PHX_NEED_DOCKER;
        if (major == 195 || major == 226)
                return PHX_NEED_GPU; /* NVIDIA's, and /dev/dri */
        return PHX_NEED_UNMET;
}
