/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The least that tells whether one of many files has changed: a call for each. usage: bench-stats
 * DIRECTORY NAME asks for NAME in each directory below DIRECTORY. */

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

int main(int argc, char **argv) {
        const struct dirent *entry;
        unsigned long found = 0;
        DIR *directory;

        if (argc != 3)
                errx(2, "usage: bench-stats DIRECTORY NAME");
        directory = opendir(argv[1]);
        if (!directory)
                err(1, "%s", argv[1]);
        while ((entry = readdir(directory))) {
                char path[PATH_MAX];
                struct stat status;

                if (entry->d_name[0] == '.')
                        continue;
                (void) snprintf(path, sizeof(path), "%s/%s", entry->d_name, argv[2]);
                found += fstatat(dirfd(directory), path, &status, AT_SYMLINK_NOFOLLOW) == 0;
        }
        (void) closedir(directory);
        (void) printf("%lu\n", found);
        return 0;
}
