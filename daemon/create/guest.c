/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The record is on the disk before Proxmox's command begins, with a random mark. The command writes
 * an empty config with the lock "create" first. One that unpacks a template writes the mark when it
 * has unpacked all, and is asked to leave the lock; one that clones writes it at once, and takes
 * the lock away itself. So the config of a clone is edited while the command copies, before the
 * lock is gone, and that of the other when the command has ended: the profile and all lines are
 * there before Proxmox would start the container.
 *
 * What an interrupted creation has left is found by its record. It is ours, and is destroyed, if it
 * is locked with "create" and
 *   - has the mark, or
 *   - is the empty config, of the very time of writing that was recorded while a process of our own
 *     unit held Proxmox's lock of it, for longer than one does that finds another's there.
 * With the mark and without a lock it is complete but for some keys, and is completed. Whatever
 * else is there belongs to others. As Proxmox destroys nothing that is locked, the lock is taken
 * away first, in one step with the profile put in place; then it is ours as long as it has not
 * changed by a byte. */

#include "create/guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "create/guest_arguments.h"
#include "create/guest_command.h"
#include "create/guest_private.h"

#define DESTROYED "lock: destroyed\n"
#define RETRY_USEC UINT64_C(250000)
#define LOCK_USEC UINT64_C(10000000)

static void guest_done(struct guest *guest) {
        guest_record_done(&guest->record);
        phx_closep(&guest->records_fd);
}

/* --- the cluster file system --- */

int guest_read(const struct guest *guest,
               uint32_t id,
               struct phx_pve_config *ret_config,
               struct phx_error *error) {
        uint64_t until = phx_now_usec() + guest->host->wait_usec;

        for (;;) {
                enum phx_pve_outcome outcome =
                                phx_pve_read_config(&guest->host->place, id, ret_config, error);

                if (outcome == PHX_PVE_OUTCOME_DONE || outcome == PHX_PVE_OUTCOME_MOVED)
                        return outcome == PHX_PVE_OUTCOME_DONE;
                if (outcome != PHX_PVE_OUTCOME_NOT_NOW || phx_now_usec() >= until)
                        return error->code < 0 ? error->code : -EIO;
                phx_pve_pause(RETRY_USEC);
        }
}

long long guest_written(const struct guest *guest, uint32_t id, size_t size) {
        phx_autofree char *path = NULL;
        struct stat st;

        if (phx_printf(&path, "%s/lxc/%" PRIu32 ".conf", guest->host->place.root, id) < 0 ||
            stat(path, &st) < 0 || (size > 0 && st.st_size != (off_t) size))
                return 0;
        return (long long) st.st_mtime;
}

int guest_edit_once(
                struct guest *guest,
                enum guest_stage stage,
                const struct phx_pve_config *config,
                struct phx_error *error) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        struct phx_pve_replacement edit = {
                .id = guest->record.id,
                .digest = config->sha256,
                .patience_usec = LOCK_USEC,
                .lock = GUEST_LOCK,
        };
        int r;

        r = guest_render(&guest->record, stage, config->data, config->size, &text, error);
        if (r <= 0)
                return r;
        edit.data = text.data;
        edit.size = text.size;
        if (stage == GUEST_DOOMED) {
                edit.lock = strcmp(config->data, DESTROYED) == 0 ? "destroyed" : GUEST_LOCK;
                phx_sha256(text.data, text.size, guest->record.digest);
                r = guest_record_write(guest->records_fd, &guest->record);
                if (r < 0)
                        return phx_error_set(error, r, "%s", guest->host->records);
        }
        switch (phx_pve_replace(&guest->host->place, &edit, error)) {
        case PHX_PVE_OUTCOME_DONE:
        case PHX_PVE_OUTCOME_RIGHT:
                return 1;
        case PHX_PVE_OUTCOME_CHANGED:
        case PHX_PVE_OUTCOME_NOT_NOW:
        case PHX_PVE_OUTCOME_NO_LOCK:
        case PHX_PVE_OUTCOME_LOCKED:
                return -EAGAIN;
        case PHX_PVE_OUTCOME_TEMPLATE:
        case PHX_PVE_OUTCOME_MOVED:
        case PHX_PVE_OUTCOME_FAILED:
                break;
        }
        return error->code < 0 && error->code != -EAGAIN ? error->code : -EIO;
}

/* Never of what is not marked. */
static int guest_edit(struct guest *guest, enum guest_stage stage, struct phx_error *error) {
        uint64_t until = phx_now_usec() + guest->host->wait_usec;
        int r;

        for (;;) {
                phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };

                r = guest_read(guest, guest->record.id, &config, error);
                if (r > 0)
                        r = guest_is_marked(&guest->record, config.data, config.size);
                if (r == 0)
                        return phx_error_set(
                                        error,
                                        -ESTALE,
                                        "container %" PRIu32
                                        " was changed by another program while "
                                        "it was created",
                                        guest->record.id);
                if (r > 0)
                        r = guest_edit_once(guest, stage, &config, error);
                if (r != -EAGAIN || phx_now_usec() >= until)
                        return r < 0 ? r : 0;
                phx_pve_pause(RETRY_USEC);
        }
}

/* --- Proxmox's command --- */

static int guest_command(
                struct guest *guest,
                const struct phx_strings *arguments,
                void (*watch)(void *data),
                struct phx_error *error) {
        const struct guest_command command = { arguments, guest->records_fd, watch, guest };

        return guest_run(&command, error);
}

static int guest_simple(
                struct guest *guest,
                const char *verb,
                const char *id,
                struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings arguments = { 0 };
        int r = guest_arguments(guest->host->pct, verb, id, &arguments);

        return r < 0 ? phx_error_set(error, r, "%s: %s", guest->host->pct, strerrordesc_np(-r))
                     : guest_command(guest, &arguments, NULL, error);
}

/* --- the end of one --- */

static int forget(struct guest *guest, struct phx_error *error) {
        int r = guest_record_remove(guest->records_fd, guest->record.id);

        return r < 0 ? phx_error_set(error, r, "%s: %s", guest->host->records, strerrordesc_np(-r))
                     : 0;
}

static int resize(struct guest *guest, struct phx_error *error) {
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings arguments = { 0 };
        phx_autofree char *id = NULL;
        int r;

        r = guest_read(guest, guest->record.id, &config, error);
        if (r > 0)
                r = guest_grows(&guest->record, config.data, config.size);
        if (r <= 0)
                return r;
        r = phx_printf(&id, "%" PRIu32, guest->record.id);
        if (r >= 0)
                r = guest_arguments(guest->host->pct, "resize", id, &arguments);
        if (r >= 0)
                r = phx_strings_add(&arguments, "rootfs");
        if (r >= 0)
                r = phx_strings_addf(&arguments, "%sG", guest_key(&guest->record, "rootfs"));
        return r < 0 ? r : guest_command(guest, &arguments, NULL, error);
}

static int complete(struct guest *guest, struct phx_error *error) {
        int r = guest->record.source ? guest_edit(guest, GUEST_PREPARED, error) : 0;

        if (r >= 0)
                r = resize(guest, error);
        if (r >= 0)
                r = guest_edit(guest, GUEST_COMPLETE, error);
        return r < 0 ? r : forget(guest, error);
}

/* Only if that is provably the lock that our clone has left. */
static int unlock_source(struct guest *guest, struct phx_error *error) {
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        const struct guest_record *record = &guest->record;
        uint32_t id;
        int r;

        if (!record->source)
                return 0;
        id = (uint32_t) strtoul(record->source, NULL, 10);
        r = guest_read(guest, id, &config, error);
        if (r > 0)
                r = guest_is_locked(config.data, config.size, GUEST_SOURCE_LOCK);
        if (r <= 0)
                return r;
        if (record->source_time == 0)
                return phx_error_set(
                                error,
                                -EBUSY,
                                "container %s is locked (disk), and it is not known by which clone; "
                                "if none is at it, run 'pct unlock %s'",
                                record->source,
                                record->source);
        return guest_written(guest, id, config.size) == record->source_time
                               ? guest_simple(guest, "unlock", record->source, error)
                               : 0;
}

static int destroy(struct guest *guest, struct phx_error *error) {
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        phx_autofree char *id = NULL;
        int r;

        if (phx_printf(&id, "%" PRIu32, guest->record.id) < 0)
                return phx_error_set(error, -ENOMEM, "%s", strerrordesc_np(ENOMEM));
        r = guest_simple(guest, "destroy", id, error);
        if (r < 0)
                return r;
        r = guest_read(guest, guest->record.id, &config, error);
        return r <= 0 ? r
                      : phx_error_set(error,
                                      -EIO,
                                      "container %s is there after Proxmox has destroyed it",
                                      id);
}

enum guest_owner { GUEST_OTHERS, GUEST_UNPROVED, GUEST_OURS, GUEST_UNLOCKED, GUEST_CONDEMNED };

/* Whose CONFIG is: see the head of this file. A negative errno when that cannot be found out. */
static int find_owner(const struct guest *guest, const struct phx_pve_config *config) {
        const struct guest_record *record = &guest->record;
        int marked = guest_is_marked(record, config->data, config->size);
        int locked = guest_is_locked(config->data, config->size, NULL);
        int creating = guest_is_locked(config->data, config->size, GUEST_LOCK);

        if (marked < 0 || locked < 0 || creating < 0)
                return -ENOMEM;
        if (record->digest[0] &&
            (strcmp(record->digest, config->sha256) == 0 || strcmp(config->data, DESTROYED) == 0))
                return GUEST_CONDEMNED;
        if (!creating)
                return marked && !locked ? GUEST_UNLOCKED : GUEST_OTHERS;
        if (marked)
                return GUEST_OURS;
        if (strcmp(config->data, GUEST_EMPTY) != 0)
                return GUEST_OTHERS;
        return record->time > 0 && record->time == guest_written(guest, record->id, config->size)
                               ? GUEST_OURS
                               : GUEST_UNPROVED;
}

static int condemn(
                struct guest *guest,
                const struct phx_pve_config *config,
                struct phx_error *error) {
        uint64_t until = phx_now_usec() + guest->host->wait_usec;
        int r;

        /* As it was judged: one that has changed meanwhile is judged again by the next run. */
        do
                r = guest_edit_once(guest, GUEST_DOOMED, config, error);
        while (r == -EAGAIN && error->code != -ESTALE && phx_now_usec() < until);
        return r < 0 ? r : destroy(guest, error);
}

/* A person may have taken the lock away. It is not ours to destroy any more, and not complete. */
static int complete_unlocked(
                struct guest *guest,
                const struct phx_pve_config *config,
                struct phx_error *error) {
        phx_cleanup(phx_pve_config_done) struct phx_pve_config source = { 0 };
        const struct guest_record *record = &guest->record;
        int r;

        if (!record->source)
                return complete(guest, error);
        r = guest_read(guest, (uint32_t) strtoul(record->source, NULL, 10), &source, error);
        if (r < 0)
                return r;
        r = guest_has_volumes(
                        config->data,
                        config->size,
                        r > 0 ? source.data : NULL,
                        r > 0 ? source.size : 0);
        if (r > 0)
                return complete(guest, error);
        return phx_error_set(
                        error,
                        r < 0 ? r : -EBUSY,
                        "container %" PRIu32 " was unlocked before it had all volumes of %s; run "
                        "'pct destroy %" PRIu32 "'",
                        record->id,
                        record->source,
                        record->id);
}

static int settle_there(
                struct guest *guest,
                const struct phx_pve_config *config,
                struct phx_error *error) {
        int r = find_owner(guest, config);

        switch (r) {
        case GUEST_OURS:
                return condemn(guest, config, error);
        case GUEST_CONDEMNED:
                return strcmp(config->data, DESTROYED) == 0 ? condemn(guest, config, error)
                                                            : destroy(guest, error);
        case GUEST_UNLOCKED:
                return complete_unlocked(guest, config, error);
        case GUEST_UNPROVED:
                return phx_error_set(
                                error,
                                -EBUSY,
                                "container %" PRIu32 " is locked (create), and it is not known by "
                                "which creation; if none is at it, run 'pct unlock %" PRIu32
                                "' and "
                                "'pct destroy %" PRIu32 "'",
                                guest->record.id,
                                guest->record.id,
                                guest->record.id);
        default:
                return r < 0 ? phx_error_set(error, r, "%s", strerrordesc_np(-r)) : 0;
        }
}

/* After it the container is complete, absent, or another's, and there is no record of it. */
static int settle(struct guest *guest, struct phx_error *error) {
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        int r = guest_read(guest, guest->record.id, &config, error);

        if (r > 0)
                r = settle_there(guest, &config, error);
        if (r >= 0)
                r = unlock_source(guest, error);
        return r < 0 ? r : forget(guest, error);
}

/* What cannot be read says nothing of a container: it is removed, and nothing else is. */
static int settle_record(struct guest *guest, uint32_t id, struct phx_error *error) {
        int r;

        guest_record_done(&guest->record);
        r = guest_record_read(guest->records_fd, id, &guest->record);
        if (r == -ENOENT)
                return 0;
        guest->record.id = id;
        if (r == -EBADMSG)
                return forget(guest, error);
        return r < 0 ? phx_error_set(error,
                                     r,
                                     "%s/%" PRIu32 ": %s",
                                     guest->host->records,
                                     id,
                                     strerrordesc_np(-r))
                     : settle(guest, error);
}

/* --- a new one --- */

static int open_records(struct guest *guest, struct phx_error *error) {
        const char *path = guest->host->records;
        struct stat st;

        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                return phx_error_errno(error, path);
        guest->records_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (guest->records_fd < 0 || fstat(guest->records_fd, &st) < 0)
                return phx_error_errno(error, path);
        if (st.st_uid != geteuid() || (st.st_mode & 0022))
                return phx_error_set(error, -EPERM, "%s: is not root's alone", path);
        if (flock(guest->records_fd, LOCK_EX) < 0)
                return phx_error_errno(error, path);
        (void) phx_file_remove_leftovers(guest->records_fd);
        return 0;
}

static int make_record(
                struct guest_record *record,
                const struct create_order *order,
                const struct phx_strings *keys) {
        int r;

        guest_record_done(record);
        record->id = (uint32_t) strtoul(order->name, NULL, 10);
        r = guest_record_mark(record);
        if (r >= 0)
                r = phx_replace(&record->label, order->label);
        if (r >= 0)
                r = phx_replace(&record->source, order->source);
        if (r >= 0)
                r = phx_strings_copy(&record->keys, keys);
        return r < 0 ? r : phx_strings_copy(&record->lines, &order->lines);
}

/* What would fail after all has been copied fails now. */
static int check_lines(const struct guest *guest, struct phx_error *error) {
        static const char text[] = "arch: amd64\n";
        phx_cleanup(phx_buffer_done) struct phx_buffer made = { 0 };
        int r = guest_render(&guest->record, GUEST_COMPLETE, text, sizeof(text) - 1, &made, error);

        return r < 0 ? r : 0;
}

static int check_source(
                const struct guest *guest,
                const struct create_order *order,
                struct phx_error *error) {
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        int r = guest_read(guest, (uint32_t) strtoul(order->source, NULL, 10), &config, error);

        if (r > 0)
                return guest_check_source(
                                &guest->record,
                                order->is_unprivileged,
                                config.data,
                                config.size,
                                error);
        return r < 0 ? r
                     : phx_error_set(error,
                                     -ENOENT,
                                     "container %s, which it is cloned from, is not on this node",
                                     order->source);
}

static int check_archive(
                const struct guest *guest,
                const struct create_order *order,
                struct phx_error *error) {
        phx_autoclose int fd = -1;
        struct stat st;

        return order->template[0] != '/' ? 0
                                         : phx_trust_open_file(
                                                           guest->host->trust,
                                                           order->template,
                                                           &fd,
                                                           &st,
                                                           error);
}

static int make(struct guest *guest, const struct create_order *order, struct phx_error *error) {
        const struct guest_host *host = guest->host;
        phx_cleanup(phx_strings_done) struct phx_strings arguments = { 0 };
        struct phx_error more = { 0 };
        int r;

        r = order->source ? guest_clone_arguments(host->pct, &guest->record, order, &arguments)
                          : guest_create_arguments(host->pct, &guest->record, order, &arguments);
        if (r >= 0)
                r = guest_record_write(guest->records_fd, &guest->record);
        if (r < 0)
                return phx_error_set(error, r, "%s: %s", guest->host->records, strerrordesc_np(-r));
        r = guest_command(
                        guest,
                        &arguments,
                        order->source ? guest_watch_clone : guest_watch_create,
                        error);
        if (r >= 0)
                r = complete(guest, error);
        /* The first reason is the better one; what cannot be removed has its record. */
        if (r < 0)
                (void) settle(guest, &more);
        return r;
}

int guest_create(
                const struct guest_host *host,
                const struct create_order *order,
                const struct phx_strings *keys,
                struct phx_error *error) {
        phx_cleanup(guest_done) struct guest guest = { .host = host, .records_fd = -1 };
        phx_cleanup(phx_pve_config_done) struct phx_pve_config config = { 0 };
        struct phx_error gone = { 0 };
        int r;

        r = open_records(&guest, error);
        if (r >= 0)
                r = settle_record(&guest, (uint32_t) strtoul(order->name, NULL, 10), error);
        if (r >= 0)
                r = make_record(&guest.record, order, keys);
        if (r < 0)
                return error->code < 0 ? r : phx_error_set(error, r, "%s", strerrordesc_np(-r));
        r = guest_read(&guest, guest.record.id, &config, &gone);
        if (r != 0)
                return r > 0 ? 0 : phx_error_copy(error, r, &gone);
        r = check_lines(&guest, error);
        if (r >= 0)
                r = order->source ? check_source(&guest, order, error)
                                  : check_archive(&guest, order, error);
        return r < 0 ? r : make(&guest, order, error);
}

int guest_clean(const struct guest_host *host, struct phx_error *error) {
        phx_cleanup(guest_done) struct guest guest = { .host = host, .records_fd = -1 };
        phx_cleanup(phx_closedirp) DIR *directory = NULL;
        const struct dirent *entry;
        int r, first = 0;

        r = open_records(&guest, error);
        if (r >= 0)
                r = phx_directory_open(guest.records_fd, ".", &directory);
        while (r >= 0 && (entry = readdir(directory))) {
                struct phx_error each = { 0 };
                uint32_t id = 0;

                if (!phx_pve_parse_id(entry->d_name, strlen(entry->d_name), &id))
                        continue;
                r = settle_record(&guest, id, &each);
                if (r < 0 && first == 0)
                        first = phx_error_copy(error, r, &each);
                r = 0;
        }
        return r < 0 ? r : first;
}
