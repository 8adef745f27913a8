/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Three sources, as none is complete:
 *
 *   - inotify on the directory of this node's containers, on phoenixd/ below the root when it is
 *     there, and on the root, where it may appear. It tells all that is done on this host, and
 *     nothing that another node does. A node by itself watches ha/ as well; in a cluster, where the
 *     HA manager writes there every few seconds, the comparison is enough.
 *   - In a cluster, every change of any node is written to the local database. A one-shot watch
 *     on its directory says that something was written. From then on what concerns us (the
 *     fingerprint) is compared once a second: this node's guests with their versions, and the
 *     names, sizes and times in phoenixd/, and of ha/resources.cfg. When the write-ahead log was
 *     the same ten times, the watch is armed again. So a busy cluster costs one wakeup a second,
 *     a quiet one none. What is written in the last moment before a comparison may not be
 *     readable yet: then the next one sees it, as the log was another. At the start, too,
 *     something may just have been written. A node by itself has no use for any of this.
 *   - The file system going away is an event when it is stopped, and none when its server is
 *     killed: then a request finds it out, or the start of the next server does. All watches are
 *     dead then, and every 2 s it is tried to begin afresh.
 *
 * Watches are put in place before what they watch is read: what happens in between is seen twice.
 * That the server answers is tried after the watches are there, since a dead one's directories can
 * still be watched for a second. */

#include "pve/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strings.h"
#include "pve/ha.h"
#include "pve/ours_watches.h"

#define RETRY_USEC UINT64_C(2000000)
/* A little more than a second, so that what comes on top of it leaves the mean below one. */
#define COMPARE_USEC UINT64_C(1050000)
/* Of comparisons that found the log as it was, before it is watched again; more than a file is
 * young for (pve/ours.h). */
#define QUIET 10

#define LOG "config.db-wal"

#define CHANGES (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)
#define ARRIVALS (IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)
#define WRITES (IN_MODIFY | IN_CREATE | IN_ONESHOT | IN_ONLYDIR)

/* The log, as it was seen last. */
struct stamp {
        ino_t ino;
        off_t size;
        struct timespec time;
};

/* After 5, 15, 35, 75 and 155 seconds. */
#define DOUBT_USEC UINT64_C(5000000)
#define DOUBTS 5

struct phx_pve_watch {
        const struct phx_pve_place *place;
        int fd; /* -1: nothing is watched */
        int containers_wd;
        int root_wd;
        struct phx_pve_ours_watches ours;
        int ha_wd;           /* -1: there is no such directory, or this is a cluster */
        int database_wd;     /* -1: not armed */
        uint64_t start_time; /* of the server whose directories are watched */
        bool is_cluster;
        unsigned doubts; /* how often it was asked again whether it is one */
        unsigned quiet;
        struct stamp stamp;
        char fingerprint[PHX_SHA256_HEX];
        uint64_t due;
};

int phx_pve_watch_new(const struct phx_pve_place *place, struct phx_pve_watch **ret_watch) {
        struct phx_pve_watch *watch = calloc(1, sizeof(*watch));

        if (!watch)
                return -ENOMEM;
        watch->place = place;
        watch->fd = -1;
        *ret_watch = watch;
        return 0;
}

static uint64_t next_comparison(const struct phx_pve_watch *watch) {
        uint64_t usec = watch->place->compare_usec;

        return phx_now_usec() + (usec > 0 ? usec : COMPARE_USEC);
}

struct phx_pve_watch *phx_pve_watch_free(struct phx_pve_watch *watch) {
        if (!watch)
                return NULL;
        phx_closep(&watch->fd);
        phx_pve_ours_watches_done(&watch->ours);
        free(watch);
        return NULL;
}

int phx_pve_watch_fd(const struct phx_pve_watch *watch) {
        return watch->fd;
}

uint64_t phx_pve_watch_due(const struct phx_pve_watch *watch) {
        return watch->due;
}

void phx_pve_watch_lost(struct phx_pve_watch *watch) {
        if (watch->fd < 0)
                return;
        phx_closep(&watch->fd);
        watch->fd = -1;
        phx_pve_ours_watches_done(&watch->ours);
        watch->due = phx_now_usec() + RETRY_USEC;
}

/* A mount that was detached while another process had a file open below it is still there, and
 * silent. */
void phx_pve_watch_saw(struct phx_pve_watch *watch, uint64_t start_time) {
        if (watch->fd < 0 || start_time == watch->start_time)
                return;
        phx_pve_watch_lost(watch);
        watch->due = 0;
}

/* Times are whole seconds: a second change in the same one would not be seen, so that a young file
 * differs from itself when it is no longer young. */
static int add_file(struct phx_buffer *text, const char *name, const struct stat *st) {
        return phx_buffer_addf(
                        text,
                        "%s %lld %lld%s\n",
                        name,
                        (long long) st->st_size,
                        (long long) st->st_mtim.tv_sec,
                        st->st_mtim.tv_sec + PHX_PVE_YOUNG_SEC >= time(NULL) ? " young" : "");
}

/* It is not opened for this: see pve/ha.c. */
static int add_ha(struct phx_buffer *text, const char *root) {
        phx_autofree char *path = NULL;
        struct stat st;

        if (phx_printf(&path, "%s/" PHX_PVE_HA_DIRECTORY "/" PHX_PVE_HA_FILE, root) < 0)
                return -ENOMEM;
        if (stat(path, &st) < 0)
                return errno == ENOENT || errno == ENOTDIR ? 0 : phx_errno();
        return add_file(text, PHX_PVE_HA_FILE, &st);
}

static int add_ours(
                struct phx_buffer *text,
                const struct phx_pve_watch *watch,
                const struct phx_pve_files *files) {
        /* phoenixd/ itself may be empty. */
        int r = phx_buffer_addf(text, "%zu\n", watch->ours.count);

        for (size_t i = 0; r >= 0 && i < files->count; i++)
                r = phx_buffer_addf(
                                text,
                                "%s %llu %lld %u\n",
                                files->items[i].path,
                                (unsigned long long) files->items[i].size,
                                (long long) files->items[i].mtime,
                                files->items[i].is_young);
        return r;
}

/* Of another node only which containers it has: they are not missing then. */
static int add_guests(
                struct phx_buffer *text,
                const struct phx_pve_guests *guests,
                const char *node) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < guests->count; i++) {
                const struct phx_pve_guest *guest = &guests->items[i];
                bool is_here = strcmp(guest->node, node) == 0;

                if (guest->is_lxc)
                        r = phx_buffer_addf(
                                        text,
                                        "%u %llu\n",
                                        guest->id,
                                        is_here ? (unsigned long long) guest->version : 0);
        }
        return r;
}

/* Each directory is watched before what is in it is listed: what comes meanwhile is seen by one or
 * the other. Too many files are for the copy of them to report (pve/copy.h). */
static int list_ours(struct phx_pve_watch *watch, struct phx_pve_files *files) {
        int r = 1;

        /* Each time it may be one level deeper. */
        for (unsigned i = 0; i <= PHX_PVE_OURS_DEPTH && r > 0; i++) {
                phx_pve_files_done(files);
                if (phx_pve_list_files(watch->place, files, NULL) == PHX_PVE_OUTCOME_NOT_NOW)
                        return -EIO;
                r = phx_pve_ours_watches_add(&watch->ours, watch->fd, watch->place, files);
        }
        return r;
}

/* What concerns us and may change without an event. */
static int take_fingerprint(struct phx_pve_watch *watch, char hex[PHX_SHA256_HEX]) {
        phx_cleanup(phx_pve_guests_done) struct phx_pve_guests guests = { 0 };
        phx_cleanup(phx_pve_files_done) struct phx_pve_files files = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        struct phx_pve_state state;
        struct phx_error error = { 0 };
        int r;

        if (phx_pve_get_mount(watch->place, &state, &error) != PHX_PVE_OUTCOME_DONE ||
            phx_pve_get_start_time(watch->place, &state.start_time, &error) !=
                            PHX_PVE_OUTCOME_DONE ||
            phx_pve_get_guests(watch->place, &guests, &error) != PHX_PVE_OUTCOME_DONE)
                return error.code < 0 ? error.code : -EIO;
        r = phx_buffer_addf(
                        &text,
                        "%s %d %llu\n",
                        state.node,
                        state.is_quorate,
                        (unsigned long long) state.start_time);
        if (r >= 0)
                r = add_guests(&text, &guests, state.node);
        if (r >= 0)
                r = list_ours(watch, &files);
        if (r >= 0)
                r = add_ours(&text, watch, &files);
        if (r >= 0)
                r = add_ha(&text, watch->place->root);
        if (r >= 0)
                phx_sha256(text.data, text.size, hex);
        return r;
}

static struct stamp take_stamp(const struct phx_pve_watch *watch) {
        phx_autofree char *path = NULL;
        struct stat st;

        if (phx_printf(&path, "%s/" LOG, watch->place->database) < 0 || stat(path, &st) < 0)
                return (struct stamp){ 0 };
        return (struct stamp){ st.st_ino, st.st_size, st.st_mtim };
}

static bool stamp_is(const struct stamp *a, const struct stamp *b) {
        return a->ino == b->ino && a->size == b->size && a->time.tv_sec == b->time.tv_sec &&
               a->time.tv_nsec == b->time.tv_nsec;
}

/* The directory, not the log: that one is replaced when the server starts. */
static void pve_arm(struct phx_pve_watch *watch) {
        struct stamp now;

        watch->database_wd = inotify_add_watch(watch->fd, watch->place->database, WRITES);
        now = take_stamp(watch);
        watch->due = UINT64_MAX;
        /* Written while it was armed, or nothing to arm: by time then. */
        if (watch->database_wd < 0 || !stamp_is(&now, &watch->stamp))
                watch->due = next_comparison(watch);
}

static int pve_add_watch(
                int fd,
                const struct phx_pve_place *place,
                const char *name,
                uint32_t mask) {
        phx_autofree char *path = NULL;
        int wd;

        if (phx_printf(&path, "%s%s%s", place->root, name[0] ? "/" : "", name) < 0)
                return -ENOMEM;
        wd = inotify_add_watch(fd, path, mask);
        return wd < 0 ? phx_errno() : wd;
}

/* 0 when all is watched, and the server answers. */
static int watch_begin(struct phx_pve_watch *watch, struct phx_pve_state *state) {
        const struct phx_pve_place *place = watch->place;
        phx_autofree char *containers = NULL;

        if (phx_pve_get_mount(place, state, NULL) != PHX_PVE_OUTCOME_DONE)
                return -ENOTCONN;
        if (phx_printf(&containers, "nodes/%s/lxc", state->node) < 0)
                return -ENOMEM;
        watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (watch->fd < 0)
                return phx_errno();
        watch->root_wd = pve_add_watch(watch->fd, place, "", ARRIVALS);
        watch->containers_wd = pve_add_watch(watch->fd, place, containers, CHANGES);
        watch->ha_wd = pve_add_watch(watch->fd, place, PHX_PVE_HA_DIRECTORY, CHANGES);
        watch->database_wd = -1;
        if (watch->root_wd < 0 || watch->containers_wd < 0)
                return -ENOTCONN;
        if (phx_pve_get_state(place, state, NULL) != PHX_PVE_OUTCOME_DONE)
                return -ENOTCONN;
        return take_fingerprint(watch, watch->fingerprint);
}

static void watch_leave_ha(struct phx_pve_watch *watch) {
        if (watch->ha_wd >= 0)
                (void) inotify_rm_watch(watch->fd, watch->ha_wd);
        watch->ha_wd = -1;
}

/* The server starts before the cluster's own communication does, and names no cluster until then.
 * So that is asked again, some times in the first minutes, and not for ever: a node that stands
 * alone is not to be woken. */
static void pve_doubt(struct phx_pve_watch *watch) {
        watch->due = watch->doubts < DOUBTS ? phx_now_usec() + (DOUBT_USEC << watch->doubts)
                                            : UINT64_MAX;
        watch->doubts++;
}

static bool watch_start(struct phx_pve_watch *watch) {
        struct phx_pve_state state = { 0 };

        if (watch_begin(watch, &state) < 0) {
                phx_closep(&watch->fd);
                watch->fd = -1;
                watch->due = phx_now_usec() + RETRY_USEC;
                return false;
        }
        watch->start_time = state.start_time;
        watch->is_cluster = state.is_cluster;
        watch->quiet = 0;
        watch->stamp = take_stamp(watch);
        watch->due = UINT64_MAX;
        watch->doubts = 0;
        if (watch->is_cluster) {
                watch_leave_ha(watch);
                watch->due = next_comparison(watch);
        } else
                pve_doubt(watch);
        return true;
}

/* A node of a cluster looked like one that stands alone. Containers may have come meanwhile. */
static bool watch_join(struct phx_pve_watch *watch) {
        struct phx_pve_state state = { 0 };

        if (phx_pve_get_state(watch->place, &state, NULL) != PHX_PVE_OUTCOME_DONE) {
                phx_pve_watch_lost(watch);
                return true;
        }
        if (!state.is_cluster) {
                pve_doubt(watch);
                return false;
        }
        watch->is_cluster = true;
        watch_leave_ha(watch);
        watch->stamp = take_stamp(watch);
        watch->due = next_comparison(watch);
        return true;
}

bool phx_pve_watch_tick(struct phx_pve_watch *watch) {
        char fingerprint[PHX_SHA256_HEX];
        struct stamp stamp;
        bool is_other;

        if (watch->fd < 0)
                return watch_start(watch);
        if (!watch->is_cluster)
                return watch_join(watch);
        stamp = take_stamp(watch);
        watch->quiet = stamp_is(&stamp, &watch->stamp) ? watch->quiet + 1 : 0;
        watch->stamp = stamp;
        watch->due = next_comparison(watch);
        /* Before the comparison, which watches what another node has made, too. */
        if (watch->quiet >= QUIET)
                pve_arm(watch);
        if (take_fingerprint(watch, fingerprint) < 0) {
                phx_pve_watch_lost(watch);
                return true;
        }
        is_other = strcmp(fingerprint, watch->fingerprint) != 0;
        memcpy(watch->fingerprint, fingerprint, sizeof(fingerprint));
        return is_other;
}

static bool is_config(const struct inotify_event *event, uint32_t *ret_id) {
        static const char ending[] = ".conf";
        size_t length = event->len > 0 ? strlen(event->name) : 0, rest = strlen(ending);

        return length > rest && strcmp(event->name + length - rest, ending) == 0 &&
               phx_pve_parse_id(event->name, length - rest, ret_id);
}

/* It fires once, and is gone then. */
static bool take_written(struct phx_pve_watch *watch) {
        watch->database_wd = -1;
        watch->quiet = 0;
        if (watch->due == UINT64_MAX)
                watch->due = next_comparison(watch);
        return false;
}

/* A directory that has come brings what is in it, and a fingerprint that cannot be taken says that
 * the file system is gone, which another event or request finds out. */
static void watch_ours(struct phx_pve_watch *watch) {
        char fingerprint[PHX_SHA256_HEX];

        if (take_fingerprint(watch, fingerprint) >= 0)
                memcpy(watch->fingerprint, fingerprint, sizeof(fingerprint));
}

/* The HA manager's own files there change all the time. */
static bool take_ha(struct phx_pve_watch *watch, const struct inotify_event *event) {
        if (event->mask & IN_IGNORED)
                watch->ha_wd = -1;
        return event->len > 0 && strcmp(event->name, PHX_PVE_HA_FILE) == 0;
}

/* A name below the root. */
static bool take_arrival(struct phx_pve_watch *watch, const char *name) {
        if (strcmp(name, PHX_PVE_OURS) == 0) {
                watch_ours(watch);
                return true;
        }
        if (strcmp(name, PHX_PVE_HA_DIRECTORY) != 0 || watch->is_cluster)
                return false;
        watch->ha_wd = pve_add_watch(watch->fd, watch->place, PHX_PVE_HA_DIRECTORY, CHANGES);
        return true;
}

/* What one event means. */
static bool watch_take(
                struct phx_pve_watch *watch,
                const struct inotify_event *event,
                uint32_t own,
                bool *ret_is_lost) {
        enum phx_pve_ours_event ours;
        uint32_t id = 0;

        /* It has no watch: its number is that of one that is not there. */
        if (event->mask & IN_Q_OVERFLOW) {
                watch_ours(watch);
                return true;
        }
        if (event->wd == watch->database_wd)
                return take_written(watch);
        if (event->wd == watch->ha_wd)
                return take_ha(watch, event);
        if (event->wd == watch->root_wd && event->len > 0)
                return take_arrival(watch, event->name);
        ours = phx_pve_ours_watches_take(&watch->ours, event);
        if (ours == PHX_PVE_OURS_DIRECTORY)
                watch_ours(watch);
        if (ours != PHX_PVE_OURS_NOTHING)
                return true;
        if (event->wd != watch->root_wd && event->wd != watch->containers_wd)
                return false;
        if (event->mask & (IN_UNMOUNT | IN_IGNORED)) {
                *ret_is_lost = true;
                return true;
        }
        return is_config(event, &id) && id != own;
}

bool phx_pve_watch_read(struct phx_pve_watch *watch, uint32_t own) {
        _Alignas(struct inotify_event) char
                        bytes[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
        bool is_changed = false, is_lost = false;

        while (watch->fd >= 0) {
                ssize_t n = read(watch->fd, bytes, sizeof(bytes));

                if (n <= 0)
                        break;
                for (ssize_t at = 0; at < n;) {
                        struct inotify_event *event =
                                        (struct inotify_event *) (void *) (bytes + at);

                        if (watch_take(watch, event, own, &is_lost))
                                is_changed = true;
                        at += (ssize_t) (sizeof(*event) + event->len);
                }
        }
        if (is_lost)
                phx_pve_watch_lost(watch);
        return is_changed;
}
