/* SPDX-License-Identifier: GPL-2.0-or-later */

/* libinotifytools in an event loop. It is one instance for the whole process, hides its descriptor,
 * forgets close-on-exec, never forgets a watch that the kernel has dropped, and keeps events that
 * it has read in memory where no poll sees them. Therefore: the descriptor is that with the
 * lowest number that was free, and /proc/self/fd must say what it is; every dispatch drains to the
 * end; a watch is never added twice and never removed; and when watches have died, the whole
 * instance is thrown away and built again. The same calls behave the same in 3.22 and in the C++ of
 * 4.23.
 *
 * An entry is a directory that should be watched; wanted, live and missed are its three facts.
 * watch_set() replaces the set of wanted entries by the list of the report, and watch_refresh()
 * makes live what is wanted. A directory that is missing or cannot be watched is kept and tried
 * again at the next refresh; when it appears, there is an event in the nearest directory above it,
 * which the engine names as well.
 *
 * Of a directory that is only on the way to another, "DIR//NAME" in the list, nothing but that name
 * matters, and the directory itself: others may make there what they like. A directory may be on
 * the way to several.
 *
 * An event says what must be read again: DIR/NAME, or DIR for itself. In LXC's own place among the
 * control groups it says that containers have started or stopped.
 *
 * The rule behind the return values: 1 means that something is watched which was not watched
 * before, so it may have changed unseen, and the caller must schedule another pass. An overflow of
 * the kernel's queue means the same for everything. */

#include "loop/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <inotifytools/inotifytools.h>

#include "base/grow.h"
#include "base/sorted.h"
#include "loop/watch_instance.h"

/* IN_ATTRIB, because input that others may write is refused. No IN_MODIFY: a file is looked at when
 * its writer has closed it. */
#define EVENTS                                                                              \
        (IN_CREATE | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | \
         IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

/* Of one watch: it is gone, or is no longer where its name says. */
#define ENDS (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)

/* So many watches that are no longer wanted are worth a new instance. */
#define STALE_LIMIT 64

/* A directory takes some 10 us: so many are half a millisecond. With no more than this much at once
 * the caller gets its answer from watch_set(), and the rest has one of its own. */
#define SLICE 64
#define SLICES_AT_ONCE 6

struct entry {
        char *path;
        struct phx_strings names; /* unless it is any: what matters in it, sorted */
        bool is_any;
        dev_t device; /* of the directory that the watch is on */
        ino_t inode;
        bool wanted;
        bool was_any; /* likewise by the list before, while a new one is taken on */
        struct phx_strings old_names;
        bool live;   /* the instance has a watch for it */
        bool missed; /* adding it failed, and the listener knows */
};

static void entry_done(struct entry *entry) {
        phx_strings_done(&entry->names);
        phx_strings_done(&entry->old_names);
        free(entry->path);
}

enum phase {
        WATCH_RESTS,
        WATCH_CHECKS, /* whether each directory is where it was */
        WATCH_ADDS,   /* those that are not watched yet */
};

struct watch {
        sd_event *event;
        sd_event_source *source;
        sd_event_source *rest; /* of the work, when there is much */
        enum phase phase;
        size_t next;     /* entry of the phase */
        bool is_checked; /* as the caller has asked for */
        bool is_changed; /* something is watched, or missed, that was not before */
        struct listener listener;
        char *cgroup_root;
        char *lxc_path; /* without links, as the entries are; NULL: there are no arrivals */
        struct entry *entries;
        size_t count;
        int trouble;       /* of all that was tried the last time */
        int found_trouble; /* so far, this time */
        bool open;         /* the library has an instance of ours */
        bool rebuild;      /* which does not watch all that it seems to */
        bool has_arrived;  /* a container, in the events that are being read */
};

static void close_instance(struct watch *watch) {
        watch->source = sd_event_source_disable_unref(watch->source);
        if (!watch->open)
                return;
        /* Events that the library has read already would come out of the next instance. */
        while (inotifytools_next_events(0, 1))
                ;
        inotifytools_cleanup();
        watch->open = false;
}

static int watch_compare_entries(const void *a, const void *b) {
        return strcmp(((const struct entry *) a)->path, ((const struct entry *) b)->path);
}

static int watch_compare_path(const void *path, const void *entry) {
        return strcmp(path, ((const struct entry *) entry)->path);
}

/* Among the first COUNT, which are in order. */
static struct entry *watch_find_entry(const struct watch *watch, const char *path, size_t count) {
        return phx_find_sorted(
                        path,
                        watch->entries,
                        count,
                        sizeof(*watch->entries),
                        watch_compare_path);
}

/* The directory that the event is about; the library ends its name with a slash. */
static struct entry *find_directory(const struct watch *watch, int wd) {
        const char *name = inotifytools_filename_from_wd(wd);
        size_t size = name ? strlen(name) : 0;
        char path[PATH_MAX];

        while (size > 1 && name[size - 1] == '/')
                size--;
        if (size == 0 || size >= sizeof(path))
                return NULL;
        memcpy(path, name, size);
        path[size] = '\0';
        return watch_find_entry(watch, path, watch->count);
}

/* Ours and editors', whose last act is a rename. Other hidden names may be what is looked at: LXC
 * reads hidden includes, and a container may have such a name. */
static bool is_temporary(const char *name) {
        static const char *const endings[] = { "~", ".swp", ".swx", ".swo", ".tmp" };

        if (name[0] != '.')
                return false;
        for (size_t i = 0; i < PHX_ELEMENTS(endings); i++)
                if (phx_has_suffix(name, endings[i]))
                        return true;
        return name[1] == '#';
}

static bool is_of_lxc(const char *name) {
        return phx_has_prefix(name, "lxc.payload.") || phx_has_prefix(name, "lxc.monitor.");
}

/* NAME is "" for the directory itself. */
static bool is_name_of_interest(
                const struct watch *watch,
                const struct entry *entry,
                const char *name) {
        if (strcmp(entry->path, watch->cgroup_root) == 0)
                return is_of_lxc(name);
        if (is_temporary(name))
                return false;
        return !name[0] || entry->is_any || phx_strings_has_sorted(&entry->names, name);
}

/* lxc-create removes "partial" from a container's directory when it is done. */
static bool watch_is_arrival(
                const struct watch *watch,
                const struct entry *entry,
                const struct inotify_event *event,
                const char *name) {
        size_t size = watch->lxc_path ? strlen(watch->lxc_path) : 0;

        if (size == 0 || strncmp(entry->path, watch->lxc_path, size) != 0)
                return false;
        if (entry->path[size] == '\0')
                return name[0] && (event->mask & (IN_CREATE | IN_MOVED_TO));
        return entry->path[size] == '/' && (event->mask & IN_DELETE) &&
               strcmp(name, "partial") == 0;
}

static void note_event(
                const struct watch *watch,
                const struct entry *entry,
                const char *name,
                struct phx_scope *scope) {
        char path[PATH_MAX + NAME_MAX + 2];

        if (strcmp(entry->path, watch->cgroup_root) == 0) {
                scope->has_tasks = true;
                return;
        }
        (void) snprintf(path,
                        sizeof(path),
                        "%s%s%s",
                        name[0] && strcmp(entry->path, "/") == 0 ? "" : entry->path,
                        name[0] ? "/" : "",
                        name);
        phx_scope_add(scope, path);
}

/* Adds to SCOPE what must be read again; false when that is everything. */
static bool take_event(
                struct watch *watch,
                const struct inotify_event *event,
                struct phx_scope *scope) {
        const char *name = event->len > 0 ? event->name : "";
        struct entry *entry;

        if (event->mask & IN_Q_OVERFLOW) {
                watch->rebuild = true;
                return false;
        }
        entry = find_directory(watch, event->wd);
        if (!entry || !entry->wanted)
                return true;
        if (event->mask & ENDS) {
                watch->rebuild = true;
                return false;
        }
        if (!is_name_of_interest(watch, entry, name))
                return true;
        note_event(watch, entry, name, scope);
        watch->has_arrived |= watch_is_arrival(watch, entry, event, name);
        return true;
}

static int watch_on_readable(sd_event_source *source, int fd, uint32_t revents, void *data) {
        phx_cleanup(phx_scope_done) struct phx_scope scope = { 0 };
        struct watch *watch = data;
        const struct inotify_event *event;
        bool is_sure = true;
        int error;

        /* Not inotifytools_next_event(0), which takes zero for "wait for ever", and never more than
         * one event at once: the library would spin until there are so many. */
        while ((event = inotifytools_next_events(0, 1)))
                is_sure = take_event(watch, event, &scope) && is_sure;

        error = inotifytools_error();
        if (error != 0 && error != EINTR && error != EAGAIN) {
                /* A descriptor that cannot be read would wake us for ever. */
                watch->source = sd_event_source_disable_unref(watch->source);
                watch->rebuild = true;
                is_sure = false;
        }
        if (watch->has_arrived)
                watch->listener.arrival(watch->listener.data);
        watch->has_arrived = false;
        if (!is_sure || !phx_scope_is_empty(&scope))
                watch->listener.look(watch->listener.data, is_sure ? &scope : NULL);
        return 0;
}

int watch_new(sd_event *event,
              const char *cgroup_root,
              const struct listener *listener,
              struct watch **ret_watch) {
        phx_cleanup(watch_freep) struct watch *watch = calloc(1, sizeof(*watch));

        if (!watch)
                return -ENOMEM;
        watch->event = sd_event_ref(event);
        watch->listener = *listener;
        watch->cgroup_root = strdup(cgroup_root);
        if (!watch->cgroup_root)
                return -ENOMEM;
        *ret_watch = PHX_TAKE(watch);
        return 0;
}

struct watch *watch_free(struct watch *watch) {
        if (!watch)
                return NULL;

        close_instance(watch);
        watch->rest = sd_event_source_disable_unref(watch->rest);
        for (size_t i = 0; i < watch->count; i++)
                entry_done(&watch->entries[i]);
        free(watch->entries);
        free(watch->cgroup_root);
        free(watch->lxc_path);
        sd_event_unref(watch->event);
        free(watch);

        return NULL;
}

static struct entry *watch_add_entry(struct watch *watch, const char *path) {
        phx_autofree char *copy = strdup(path);
        struct entry *entry = copy ? phx_grow(&watch->entries, &watch->count, sizeof(*entry))
                                   : NULL;

        if (entry)
                entry->path = PHX_TAKE(copy);
        return entry;
}

/* "DIR//NAME", where "//NAME" is in the root, or "DIR" for all that is in it. */
static const char *watch_split(const char *wish, char directory[PATH_MAX]) {
        const char *name = strstr(wish, "//");
        size_t size = name ? (size_t) (name - wish) : strlen(wish);

        if (size >= PATH_MAX)
                return NULL;
        (void) snprintf(directory, PATH_MAX, "%.*s", (int) size, size > 0 ? wish : "/");
        if (size == 0)
                memcpy(directory, "/", 2);
        return name ? name + 2 : "";
}

static int watch_want_one(struct entry *entry, const char *name) {
        entry->wanted = true;
        if (!name[0]) {
                entry->is_any = true;
                return 0;
        }
        return phx_strings_add(&entry->names, name);
}

/* The first KNOWN entries are in order; those that are new are put in order as soon as all are
 * there, and looked for only among the wishes before: the wishes of one directory follow each
 * other, but for other directories whose names begin alike. */
static struct entry *watch_wanted_entry(struct watch *watch, const char *path, size_t known) {
        struct entry *entry = watch_find_entry(watch, path, known);

        for (size_t i = watch->count; !entry && i > known; i--) {
                if (strcmp(watch->entries[i - 1].path, path) == 0)
                        return &watch->entries[i - 1];
                if (!phx_has_prefix(watch->entries[i - 1].path, path))
                        break;
        }
        return entry ? entry : watch_add_entry(watch, path);
}

/* What happened to a name of a live one was not heard while it was of no interest. */
static bool watch_hears_more(const struct entry *entry) {
        bool is_more = entry->is_any;

        for (size_t i = 0; i < entry->names.count; i++)
                is_more |= !phx_strings_has_sorted(&entry->old_names, entry->names.items[i]);
        return is_more && entry->live && !entry->was_any;
}

/* 1 when events of a live watch are heard that were not before. */
static int watch_want(struct watch *watch, const struct phx_strings *paths) {
        size_t known = watch->count;
        bool hears_more = false;
        int r = 0;

        for (size_t i = 0; i < known; i++) {
                struct entry *entry = &watch->entries[i];

                entry->old_names = PHX_TAKE_STRUCT(entry->names);
                entry->was_any = entry->is_any;
                entry->wanted = entry->is_any = false;
        }

        for (size_t i = 0; i < paths->count && r >= 0; i++) {
                char directory[PATH_MAX];
                const char *name = watch_split(paths->items[i], directory);
                struct entry *entry = name ? watch_wanted_entry(watch, directory, known) : NULL;

                if (name)
                        r = entry ? watch_want_one(entry, name) : -ENOMEM;
        }
        for (size_t i = 0; i < watch->count; i++) {
                struct entry *entry = &watch->entries[i];

                phx_strings_sort(&entry->names);
                hears_more |= watch_hears_more(entry);
                phx_strings_done(&entry->old_names);
        }
        if (watch->count > known)
                qsort(watch->entries, watch->count, sizeof(*watch->entries), watch_compare_entries);
        return r < 0 ? r : hears_more;
}

static size_t count_entries(const struct watch *watch, bool wanted) {
        size_t n = 0;

        for (size_t i = 0; i < watch->count; i++)
                n += watch->entries[i].live && watch->entries[i].wanted == wanted;
        return n;
}

/* Forgets the watches, and the directories that are not wanted. */
static void watch_forget(struct watch *watch) {
        size_t kept = 0;

        close_instance(watch);
        watch->rebuild = false;
        for (size_t i = 0; i < watch->count; i++) {
                struct entry *entry = &watch->entries[i];

                entry->live = false;
                if (entry->wanted)
                        watch->entries[kept++] = *entry;
                else
                        entry_done(entry);
        }
        watch->count = kept;
}

static int ensure_open(struct watch *watch) {
        int fd = -1, r;

        if (watch->open)
                return 0;
        r = watch_instance_open(&fd);
        if (r < 0)
                return r;
        watch->open = true;
        return sd_event_add_io(watch->event, &watch->source, fd, EPOLLIN, watch_on_readable, watch);
}

/* A watch is on a directory, not on a path. No event comes when a directory far above is replaced,
 * or when something is mounted over the path: then it leads to another one. */
static bool is_elsewhere(const struct entry *entry) {
        struct stat st;

        return stat(entry->path, &st) < 0 || st.st_dev != entry->device ||
               st.st_ino != entry->inode;
}

/* Of one that is wanted and not live: 1 when the directory is watched from now on, or is newly
 * found missing. */
static int ensure_live(struct watch *watch, struct entry *entry) {
        struct stat st = { 0 };
        bool missed = entry->missed;
        int error;

        /* Before the watch, so that a directory which is replaced in between counts as another. */
        (void) stat(entry->path, &st);
        entry->device = st.st_dev;
        entry->inode = st.st_ino;
        if (inotifytools_watch_file(entry->path, EVENTS)) {
                entry->live = true;
                entry->missed = false;
                return 1;
        }

        error = inotifytools_error();
        if (error != ENOENT && error != ENOTDIR)
                watch->found_trouble = error > 0 ? -error : -EIO;
        entry->missed = true;
        return !missed;
}

/* Checks some entries, and decides at the end whether the instance is kept. True when that is done.
 */
static bool watch_check_some(struct watch *watch) {
        size_t left = SLICE, stale;

        for (; watch->is_checked && !watch->rebuild && watch->next < watch->count; watch->next++) {
                const struct entry *entry = &watch->entries[watch->next];

                if (!entry->live || !entry->wanted)
                        continue;
                if (left-- == 0)
                        return false;
                watch->rebuild = is_elsewhere(entry);
        }
        stale = count_entries(watch, false);
        if (watch->rebuild || (stale > STALE_LIMIT && stale > count_entries(watch, true)))
                watch_forget(watch);
        return true;
}

/* True when all that can be watched is. */
static bool watch_add_some(struct watch *watch) {
        size_t left = SLICE;

        for (; watch->next < watch->count; watch->next++) {
                struct entry *entry = &watch->entries[watch->next];

                if (entry->live || !entry->wanted)
                        continue;
                if (left-- == 0)
                        return false;
                watch->is_changed |= ensure_live(watch, entry) > 0;
        }
        return true;
}

/* A part of the work, as much as may be done at a stretch. True when nothing is left of it. */
static bool watch_go_on(struct watch *watch) {
        int r;

        if (watch->phase == WATCH_CHECKS) {
                if (!watch_check_some(watch))
                        return false;
                watch->phase = WATCH_ADDS;
                watch->next = 0;
                watch->found_trouble = 0;
                r = ensure_open(watch);
                if (r >= 0)
                        return false;
                watch->found_trouble = r;
        } else if (!watch_add_some(watch)) {
                return false;
        }
        watch->trouble = watch->found_trouble;
        watch->phase = WATCH_RESTS;
        return true;
}

static int watch_on_rest(sd_event_source *source, void *data) {
        const struct phx_scope whole = { .is_whole = true };
        struct watch *watch = data;

        if (!watch_go_on(watch))
                return 0;
        (void) sd_event_source_set_enabled(watch->rest, SD_EVENT_OFF);
        if (watch->is_changed)
                watch->listener.look(watch->listener.data, &whole);
        watch->is_changed = false;
        return 0;
}

/* The rest is done between events, when there are many. */
static int watch_leave_rest(struct watch *watch) {
        int r = 0;

        if (!watch->rest)
                r = sd_event_add_defer(watch->event, &watch->rest, watch_on_rest, watch);
        if (r >= 0)
                r = sd_event_source_set_priority(watch->rest, SD_EVENT_PRIORITY_IDLE);
        return r < 0 ? r : sd_event_source_set_enabled(watch->rest, SD_EVENT_ON);
}

static int watch_make_live(struct watch *watch, bool are_checked, bool hears_more) {
        bool is_done = false;

        /* What was left of the last time, a check also, begins again with the new list. */
        if (watch->phase == WATCH_RESTS)
                watch->is_changed = false;
        watch->is_changed |= hears_more;
        watch->is_checked = are_checked || (watch->phase != WATCH_RESTS && watch->is_checked);
        watch->phase = WATCH_CHECKS;
        watch->next = 0;
        for (unsigned slices = 0; !is_done && slices < SLICES_AT_ONCE; slices++)
                is_done = watch_go_on(watch);
        if (!is_done)
                return watch_leave_rest(watch);
        if (watch->rest)
                (void) sd_event_source_set_enabled(watch->rest, SD_EVENT_OFF);
        return watch->is_changed;
}

int watch_refresh(struct watch *watch) {
        return watch_make_live(watch, true, false);
}

int watch_set(struct watch *watch, const struct phx_strings *paths, bool are_checked) {
        int r;

        r = watch_want(watch, paths);
        return r < 0 ? r : watch_make_live(watch, are_checked, r > 0);
}

int watch_set_containers(struct watch *watch, const char *lxc_path) {
        phx_autofree char *real = lxc_path ? realpath(lxc_path, NULL) : NULL;

        if (real)
                lxc_path = real;
        return phx_equal(watch->lxc_path, lxc_path) ? 0 : phx_replace(&watch->lxc_path, lxc_path);
}

int watch_trouble(const struct watch *watch) {
        return watch->trouble;
}
