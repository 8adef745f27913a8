#include "base/watches.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static bool is_directory(const char *path) {
        struct stat st;

        return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Cuts the last component; "/" stays what it is. */
static void to_parent(char *path) {
        char *slash = strrchr(path, '/');

        if (slash && slash != path)
                *slash = '\0';
        else
                memcpy(path, "/", 2);
}

int phx_watches_add_directory(struct phx_strings *watches, const char *directory) {
        phx_autofree char *path = strdup(directory);
        int r = 0;

        if (!path)
                return -ENOMEM;
        while (!is_directory(path) && strcmp(path, "/") != 0)
                to_parent(path);

        r = phx_strings_add_once(watches, path);
        if (r < 0 || strcmp(path, directory) != 0)
                return r < 0 ? r : 0;
        to_parent(path);
        r = phx_strings_add_once(watches, path);
        return r < 0 ? r : 0;
}

int phx_watches_add_file(struct phx_strings *watches, const char *path) {
        phx_autofree char *directory = strdup(path);

        if (!directory)
                return -ENOMEM;
        to_parent(directory);
        return phx_watches_add_directory(watches, directory);
}
