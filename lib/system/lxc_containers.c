#include "system/lxc_containers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/grow.h"
#include "base/watches.h"
#include "state/configuration.h"
#include "system/files.h"
#include "system/lxc_worker.h"

/* liblxc needs some 5 ms for a config, ten times that under emulation. */
#define ASK_DEADLINE_USEC (5ULL * 1000000)
/* Debian's own includes are three deep. */
#define DEPTH_LIMIT 16

/* What liblxc said about the bytes with this digest. */
struct known {
        char *name;
        char digest[PHX_SHA256_HEX]; /* of the config and all that it includes */
        struct phx_lxc_answer answer;
};

struct phx_lxc_memory {
        struct known *items;
        size_t count;
};

int phx_lxc_memory_new(struct phx_lxc_memory **ret_memory) {
        *ret_memory = calloc(1, sizeof(**ret_memory));
        return *ret_memory ? 0 : -ENOMEM;
}

static void known_done(struct known *known) {
        free(known->name);
        free(known->answer.profile);
        free(known->answer.cgroup);
}

struct phx_lxc_memory *phx_lxc_memory_free(struct phx_lxc_memory *memory) {
        if (!memory)
                return NULL;

        for (size_t i = 0; i < memory->count; i++)
                known_done(&memory->items[i]);
        free(memory->items);
        free(memory);

        return NULL;
}

static struct known *find_known(const struct phx_lxc_memory *memory, const char *name) {
        for (size_t i = 0; i < memory->count; i++)
                if (strcmp(memory->items[i].name, name) == 0)
                        return &memory->items[i];
        return NULL;
}

static void container_done(struct phx_lxc_container *container) {
        free(container->name);
        free(container->text);
        free(container->profile);
        free(container->cgroup);
        free(container->trouble);
}

void phx_lxc_list_done(struct phx_lxc_list *list) {
        for (size_t i = 0; i < list->count; i++)
                container_done(&list->items[i]);
        free(list->items);
        phx_strings_done(&list->directories);
        *list = (struct phx_lxc_list){ 0 };
}

const struct phx_lxc_container *phx_lxc_list_find(
                const struct phx_lxc_list *list,
                const char *name) {
        for (size_t i = 0; i < list->count; i++)
                if (strcmp(list->items[i].name, name) == 0)
                        return &list->items[i];
        return NULL;
}

/* --- what a config depends on --- */

struct follow {
        struct phx_files *files;
        struct phx_strings *directories;
        struct phx_buffer seen; /* "PATH DIGEST\n" of everything that was read */
};

static int follow_text(struct follow *follow, const char *text, unsigned depth);

static int follow_file(struct follow *follow, const char *path, unsigned depth) {
        const struct phx_file_seen *seen = phx_files_get(follow->files, path);
        int r;

        if (!seen)
                return -ENOMEM;
        r = phx_buffer_addf(
                        &follow->seen,
                        "%s %s\n",
                        path,
                        seen->result < 0 ? "absent" : seen->digest);
        if (r < 0 || seen->result < 0 || depth >= DEPTH_LIMIT)
                return r;
        return follow_text(follow, seen->text, depth + 1);
}

/* liblxc reads the *.conf of a directory. */
static int is_conf(const struct dirent *entry) {
        return entry->d_name[0] != '.' && phx_has_suffix(entry->d_name, ".conf");
}

static int follow_directory(struct follow *follow, const char *path, unsigned depth) {
        struct dirent **entries = NULL;
        int count, r = 0;

        count = scandir(path, &entries, is_conf, alphasort);
        for (int i = 0; i < count; i++) {
                phx_autofree char *inner = NULL;

                if (asprintf(&inner, "%s/%s", path, entries[i]->d_name) < 0) {
                        inner = NULL;
                        r = -ENOMEM;
                }
                if (r >= 0)
                        r = follow_file(follow, inner, depth);
                free(entries[i]);
        }
        free(entries);
        return r;
}

static int follow_include(struct follow *follow, const char *path, unsigned depth) {
        struct stat st;
        int r;

        if (path[0] != '/')
                return phx_buffer_addf(&follow->seen, "%s relative\n", path);
        r = phx_watches_add_file(follow->directories, path);
        if (r < 0)
                return r;
        if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
                return follow_file(follow, path, depth);
        r = phx_watches_add_directory(follow->directories, path);
        return r < 0 ? r : follow_directory(follow, path, depth);
}

static int follow_text(struct follow *follow, const char *text, unsigned depth) {
        phx_cleanup(phx_strings_done) struct phx_strings includes = { 0 };
        int r;

        r = phx_lxc_text_values(text, "lxc.include", &includes);
        for (size_t i = 0; r >= 0 && i < includes.count; i++)
                r = follow_include(follow, includes.items[i], depth);
        return r;
}

static int combined_digest(
                struct phx_files *files,
                const struct phx_lxc_container *container,
                struct phx_strings *directories,
                char ret_digest[PHX_SHA256_HEX]) {
        struct follow follow = { .files = files, .directories = directories };
        int r;

        r = phx_buffer_addf(&follow.seen, "%s\n", container->digest);
        if (r >= 0)
                r = follow_text(&follow, container->text, 0);
        if (r >= 0)
                phx_sha256(follow.seen.data, follow.seen.size, ret_digest);
        phx_buffer_done(&follow.seen);
        return r;
}

/* --- reading --- */

/* A config that is a link or belongs to somebody else is not one that root's containers have. */
static int read_config(
                int dir_fd,
                const char *name,
                char **ret_text,
                size_t *ret_size,
                struct stat *ret_st) {
        phx_autoclose int fd = -1;
        char path[300];

        (void) snprintf(path, sizeof(path), "%s/config", name);
        fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return phx_errno();
        if (fstat(fd, ret_st) < 0)
                return phx_errno();
        if (!S_ISREG(ret_st->st_mode))
                return -EINVAL;
        return phx_file_read_fd(fd, 1UL << 20, ret_text, ret_size);
}

static int set_trouble(struct phx_lxc_container *container, const char *what, int r) {
        free(container->trouble);
        container->trouble = NULL;
        if (asprintf(&container->trouble, "%s: %s", what, strerrordesc_np(-r)) < 0) {
                container->trouble = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int add_container(int dir_fd, const char *name, struct phx_lxc_list *list) {
        struct phx_lxc_container *container;
        phx_autofree char *text = NULL;
        struct stat st = { 0 };
        size_t size = 0;
        int r;

        r = read_config(dir_fd, name, &text, &size, &st);
        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        container = phx_grow(&list->items, &list->count, sizeof(*container));
        if (!container || phx_replace(&container->name, name) < 0)
                return -ENOMEM;
        if (r < 0)
                return set_trouble(container, "its config cannot be read", r);

        phx_sha256(text, size, container->digest);
        container->text = PHX_TAKE(text);
        return 0;
}

static void closedirp(DIR **directory) {
        if (*directory)
                (void) closedir(*directory);
}

static int compare_containers(const void *a, const void *b) {
        const struct phx_lxc_container *x = a, *y = b;

        return strcmp(x->name, y->name);
}

static int list_directory(const char *lxc_path, DIR *directory, struct phx_lxc_list *list) {
        const struct dirent *entry;
        int r = 0;

        while (r >= 0 && (entry = readdir(directory))) {
                phx_autofree char *path = NULL;
                struct stat st;

                if (!phx_is_container_id(entry->d_name) ||
                    fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                    !S_ISDIR(st.st_mode))
                        continue;
                if (asprintf(&path, "%s/%s", lxc_path, entry->d_name) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                /* Also without a config: that may be just about to come. */
                r = phx_strings_add(&list->directories, path);
                if (r >= 0)
                        r = add_container(dirfd(directory), entry->d_name, list);
        }
        if (list->count > 1)
                qsort(list->items, list->count, sizeof(*list->items), compare_containers);
        return r;
}

/* --- asking --- */

static int take_answer(struct phx_lxc_container *container, const struct phx_lxc_answer *answer) {
        if (answer->result < 0)
                return set_trouble(
                                container,
                                answer->result == -ETIMEDOUT ? "liblxc hangs over its config"
                                                             : "liblxc cannot read its config",
                                answer->result);
        if (phx_replace(&container->profile, answer->profile) < 0 ||
            phx_replace(&container->cgroup, answer->cgroup) < 0)
                return -ENOMEM;
        return 0;
}

static int learn(
                struct phx_lxc_memory *memory,
                const char *name,
                const char *digest,
                struct phx_lxc_answer *answer) {
        struct known *known = find_known(memory, name);

        if (!known) {
                known = phx_grow(&memory->items, &memory->count, sizeof(*known));
                if (!known || phx_replace(&known->name, name) < 0)
                        return -ENOMEM;
        }
        free(known->answer.profile);
        free(known->answer.cgroup);
        known->answer = *answer;
        *answer = (struct phx_lxc_answer){ 0 };
        memcpy(known->digest, digest, PHX_SHA256_HEX);
        /* What hung may answer the next time; what was refused waits for other bytes. */
        if (known->answer.result == -ETIMEDOUT)
                known->digest[0] = '\0';
        return 0;
}

static int ask(struct phx_lxc_memory *memory,
               const char *lxc_path,
               const struct phx_strings *names,
               const struct phx_strings *digests) {
        struct phx_lxc_answer *answers = NULL;
        int r;

        if (names->count == 0)
                return 0;
        r = phx_lxc_ask(lxc_path, names, ASK_DEADLINE_USEC, &answers);
        for (size_t i = 0; r >= 0 && i < names->count; i++)
                r = learn(memory, names->items[i], digests->items[i], &answers[i]);
        phx_lxc_answers_free(answers, names->count);
        return r;
}

/* Asks about those whose bytes are new, and gives each container its answer. */
static int judge_all(
                struct phx_lxc_memory *memory,
                const char *lxc_path,
                struct phx_lxc_list *list) {
        phx_cleanup(phx_strings_done) struct phx_strings names = { 0 }, digests = { 0 };
        phx_cleanup(phx_files_freep) struct phx_files *files = NULL;
        int r;

        r = phx_files_new(NULL, &files);
        for (size_t i = 0; r >= 0 && i < list->count; i++) {
                const struct known *known = find_known(memory, list->items[i].name);
                char digest[PHX_SHA256_HEX];

                if (list->items[i].trouble)
                        continue;
                r = combined_digest(files, &list->items[i], &list->directories, digest);
                if (r < 0 || (known && strcmp(known->digest, digest) == 0))
                        continue;
                r = phx_strings_add(&names, list->items[i].name);
                if (r >= 0)
                        r = phx_strings_add(&digests, digest);
        }
        if (r >= 0)
                r = ask(memory, lxc_path, &names, &digests);
        for (size_t i = 0; r >= 0 && i < list->count; i++) {
                const struct known *known = find_known(memory, list->items[i].name);

                if (known && !list->items[i].trouble)
                        r = take_answer(&list->items[i], &known->answer);
        }
        return r;
}

int phx_lxc_observe(
                struct phx_lxc_memory *memory,
                const char *lxc_path,
                struct phx_lxc_list *ret_list,
                struct phx_error *error) {
        phx_cleanup(phx_lxc_list_done) struct phx_lxc_list list = { 0 };
        phx_cleanup(closedirp) DIR *directory = opendir(lxc_path);
        int r;

        r = phx_watches_add_directory(&list.directories, lxc_path);
        if (r < 0)
                return r;
        if (!directory && errno != ENOENT)
                return phx_error_errno(error, lxc_path);
        if (directory) {
                r = list_directory(lxc_path, directory, &list);
                if (r >= 0)
                        r = judge_all(memory, lxc_path, &list);
                if (r < 0)
                        return phx_error_set(error, r, "%s: %s", lxc_path, strerrordesc_np(-r));
        }

        *ret_list = list;
        list = (struct phx_lxc_list){ 0 };
        return 0;
}

int phx_lxc_remove_leftovers(const char *lxc_path) {
        phx_cleanup(closedirp) DIR *directory = opendir(lxc_path);
        const struct dirent *entry;
        int removed = 0;

        if (!directory)
                return errno == ENOENT ? 0 : phx_errno();
        while ((entry = readdir(directory))) {
                phx_autoclose int fd = -1;
                int r;

                if (!phx_is_container_id(entry->d_name))
                        continue;
                fd = openat(dirfd(directory),
                            entry->d_name,
                            O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                r = fd < 0 ? 0 : phx_file_remove_leftovers(fd);
                removed += r > 0 ? r : 0;
        }
        return removed;
}
