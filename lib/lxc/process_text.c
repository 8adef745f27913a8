/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/process_text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/macros.h"
#include "base/strings.h"

int phx_process_read(int dir_fd, const char *path, char *text, size_t size) {
        phx_autoclose int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        ssize_t n;

        if (fd < 0)
                return phx_errno();
        n = read(fd, text, size - 1);
        if (n < 0)
                return phx_errno();
        text[n] = '\0';
        return 0;
}

const char *phx_process_field(const char *status, const char *key) {
        const char *line = status;

        while (line) {
                if (phx_has_prefix(line, key))
                        return line + strlen(key) + strspn(line + strlen(key), " \t");
                line = strchr(line, '\n');
                line = line ? line + 1 : NULL;
        }
        return "";
}

bool phx_process_is_below(const char *cgroups, const char *prefix, const char *name) {
        phx_autofree char *needle = NULL;

        if (phx_printf(&needle, "%s%s", prefix, name) < 0)
                return false;
        for (const char *at = strstr(cgroups, needle); at; at = strstr(at + 1, needle)) {
                const char *end = at + strlen(needle);

                if (end[0] == '-' && isdigit((unsigned char) end[1]))
                        end += 1 + strspn(end + 1, "0123456789");
                if (end[0] == '\0' || end[0] == '\n' || end[0] == '/')
                        return true;
        }
        return false;
}
