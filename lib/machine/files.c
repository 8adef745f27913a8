/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "machine/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "machine/deployed.h"

/* Bytes of a deployed file that is worth showing: as much as a source may have. */
#define PREVIEW_LIMIT (1UL << 20)

/* A file's place: its directory's path and its last component. */
struct place {
        char *path;
        char *directory;
        const char *base; /* into PATH */
};

static void place_done(struct place *place) {
        free(place->path);
        free(place->directory);
}

static int machine_files_find_place(const char *root, const char *name, struct place *place) {
        if (phx_printf(&place->path, "%s/%s", root, name) < 0)
                return -ENOMEM;
        place->base = strrchr(place->path, '/') + 1;
        place->directory = strndup(place->path, (size_t) (place->base - 1 - place->path));
        return place->directory ? 0 : -ENOMEM;
}

/* Pieces have no switch: they are no files of the boot by themselves. */
static int machine_files_note_switch(
                struct phx_observed_file *file,
                const struct phx_settings *settings,
                const struct phx_places *places) {
        const char *by = phx_places_switch(places, file->name);
        phx_autofree char *path = NULL;

        if (!by)
                return 0;
        if (phx_printf(&path, "%s/%s/%s", settings->deployed_dir, by, file->name) < 0)
                return -ENOMEM;
        return phx_replace(&file->disabled, path);
}

static int machine_files_describe(
                struct phx_observed_file *file,
                const struct phx_deployed *deployed) {
        if (deployed->problem[0] && phx_replace(&file->trouble, deployed->problem) < 0)
                return -ENOMEM;
        if (deployed->digest[0] && phx_replace(&file->content, deployed->digest) < 0)
                return -ENOMEM;
        return 0;
}

/* Only plain files are ever ours: what else stands there, somebody put there. */
static bool machine_files_is_ours(
                const struct phx_settings *settings,
                const struct phx_inventory *inventory,
                const struct phx_place_seen *seen) {
        if (seen->deployed.kind != PHX_DEPLOYED_FILE &&
            seen->deployed.kind != PHX_DEPLOYED_UNTRUSTED)
                return false;
        return settings->adopt_deployed || phx_inventory_file(inventory, seen->path);
}

static int observe_file(
                struct phx_places *places,
                const struct phx_settings *settings,
                const struct phx_inventory *inventory,
                struct phx_observed_file *file) {
        const struct phx_place_seen *seen;
        phx_autofree char *path = NULL;
        int r;

        if (phx_concat(&path, settings->deployed_dir, "/", file->name) < 0)
                return -ENOMEM;
        seen = phx_places_get(places, path);
        if (!seen)
                return -ENOMEM;
        if (seen->result < 0)
                return phx_replace(&file->trouble, phx_error_text(seen->error, seen->result));

        r = machine_files_describe(file, &seen->deployed);
        if (r >= 0)
                r = machine_files_note_switch(file, settings, places);
        if (r < 0)
                return r;
        file->is_owned = machine_files_is_ours(settings, inventory, seen);
        file->is_plain = seen->deployed.kind == PHX_DEPLOYED_FILE;
        return 0;
}

int phx_machine_files_observe(
                struct phx_places *places,
                const struct phx_input *input,
                const struct phx_inventory *inventory,
                struct phx_observed *observed) {
        const struct phx_settings *settings = input->settings;
        int r;

        if (phx_replace(&observed->deployed_dir, settings->deployed_dir) < 0)
                return -ENOMEM;
        r = phx_places_refresh(places, settings->deployed_dir, input->scope);
        for (size_t i = 0; r >= 0 && i < input->judged->profile_count; i++) {
                struct phx_observed_file *file = phx_observed_add_file(
                                observed,
                                input->judged->profiles[i].name);

                r = file ? observe_file(places, settings, inventory, file) : -ENOMEM;
        }
        phx_places_rest(places);
        return r < 0 ? r : 0;
}

static bool machine_files_is_equal(
                const struct phx_desired_profile *profile,
                const struct phx_observed_file *file) {
        return !file->is_owned && file->is_plain && profile->has_good &&
               phx_equal(file->content, profile->digest);
}

/* The version that was just accepted is about to be installed. It is recorded together with the
 * judgement, so that the step needs no save of its own. */
static bool machine_files_is_renewed(
                const struct phx_desired *desired,
                const struct phx_desired_profile *profile,
                const struct phx_observed_file *file) {
        return file->is_owned && profile->has_good && profile->is_new &&
               desired->mode != PHX_MODE_OBSERVE;
}

/* Files are in the order of the profiles. */
int phx_machine_files_record(
                const struct phx_desired *desired,
                struct phx_observed *observed,
                struct phx_inventory *inventory) {
        int changed = 0;

        for (size_t i = 0; i < observed->file_count && i < desired->profile_count; i++) {
                const struct phx_desired_profile *profile = &desired->profiles[i];
                struct phx_observed_file *file = &observed->files[i];
                phx_cleanup(place_done) struct place place = { 0 };
                int r;

                if (!machine_files_is_equal(profile, file) &&
                    !machine_files_is_renewed(desired, profile, file))
                        continue;
                r = machine_files_find_place(observed->deployed_dir, file->name, &place);
                if (r < 0)
                        return r;
                /* With adopt_deployed a file is ours before it is recorded. */
                if (file->is_owned && !phx_inventory_file(inventory, place.path))
                        continue;
                r = phx_inventory_set_file(inventory, place.path, profile->digest);
                if (r < 0)
                        return r;
                file->is_owned = true;
                changed |= r;
        }
        return changed;
}

/* True when the directory is there and the file is not: one that is not mounted proves nothing. */
static bool machine_files_is_gone(const char *path) {
        const char *base = strrchr(path, '/') + 1;
        phx_autofree char *directory = strndup(path, (size_t) (base - path));
        phx_autoclose int fd = directory ? open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
        struct stat st;

        return fd >= 0 && fstatat(fd, base, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

static bool is_desired(
                const struct phx_settings *settings,
                const struct phx_desired *desired,
                const char *path) {
        size_t size = strlen(settings->deployed_dir);
        const struct phx_desired_profile *profile;

        if (strncmp(path, settings->deployed_dir, size) != 0 || path[size] != '/')
                return false;
        profile = phx_desired_find_profile(desired, path + size + 1);
        return profile && profile->state != PHX_SOURCE_WITHDRAWN;
}

int phx_machine_files_forget_gone(
                const struct phx_settings *settings,
                const struct phx_desired *desired,
                struct phx_inventory *inventory) {
        int changed = 0;

        for (size_t i = inventory->file_count; i > 0; i--) {
                const char *path = inventory->files[i - 1].path;

                if (!is_desired(settings, desired, path) && machine_files_is_gone(path))
                        changed |= phx_inventory_remove_file(inventory, path);
        }
        return changed;
}

int phx_machine_files_claim(
                const struct phx_step_file *step,
                struct phx_inventory *inventory,
                struct phx_set *claims) {
        phx_cleanup(place_done) struct place place = { 0 };
        int r;

        r = machine_files_find_place(step->root, step->name, &place);
        if (r >= 0 && !phx_inventory_file(inventory, place.path))
                r = phx_set_add(claims, place.path);
        return r < 0 ? r : phx_inventory_set_file(inventory, place.path, step->text);
}

int phx_machine_files_settle(
                const struct phx_step_file *step,
                bool is_done,
                struct phx_inventory *inventory,
                struct phx_set *claims) {
        phx_cleanup(place_done) struct place place = { 0 };
        int r;

        r = machine_files_find_place(step->root, step->name, &place);
        if (r < 0)
                return r;
        if (!phx_set_remove(claims, place.path) || is_done)
                return 0;
        return phx_inventory_remove_file(inventory, place.path);
}

static bool machine_files_is_empty(const char *directory) {
        phx_cleanup(phx_closedirp) DIR *open = opendir(directory);
        const struct dirent *entry = NULL;

        while (open && (entry = readdir(open)))
                if (entry->d_name[0] != '.')
                        break;
        return open && !entry;
}

/* Of a directory in which nothing is nothing is proven, see above. */
static bool machine_files_is_missing(const char *root, const struct place *place) {
        struct stat st;

        return lstat(place->path, &st) < 0 && errno == ENOENT && access(root, F_OK) == 0 &&
               !machine_files_is_empty(root) && !machine_files_is_empty(place->directory);
}

/* A claim says nothing of a text that is not there. */
static bool machine_files_is_undone(
                const struct phx_observed *observed,
                const struct phx_observed_file *file,
                const struct place *place,
                const char *claimed,
                bool is_claim) {
        if (is_claim)
                return !phx_equal(file->content, claimed);
        return !file->content && !file->trouble &&
               machine_files_is_missing(observed->deployed_dir, place);
}

int phx_machine_files_settle_left(
                const struct phx_settings *settings,
                struct phx_observed *observed,
                bool is_first,
                struct phx_inventory *inventory,
                struct phx_set *claims) {
        int changed = 0;

        for (size_t i = 0; (is_first || claims->count > 0) && i < observed->file_count; i++) {
                struct phx_observed_file *file = &observed->files[i];
                phx_cleanup(place_done) struct place place = { 0 };
                const struct phx_inventory_file *record;
                bool is_claim;

                if (machine_files_find_place(observed->deployed_dir, file->name, &place) < 0)
                        return -ENOMEM;
                record = phx_inventory_file(inventory, place.path);
                is_claim = phx_set_has(claims, place.path);
                if (!record || !(is_first || is_claim) ||
                    !machine_files_is_undone(observed, file, &place, record->digest, is_claim))
                        continue;
                changed |= phx_inventory_remove_file(inventory, place.path);
                file->is_owned &= settings->adopt_deployed;
        }
        phx_set_done(claims);
        return changed;
}

int phx_machine_files_install(
                const struct phx_trust *trust,
                const struct phx_step_file *step,
                const char *data,
                size_t size,
                struct phx_error *error) {
        phx_cleanup(phx_deployed_closep) struct phx_deployed_directory *directory = NULL;
        phx_cleanup(place_done) struct place place = { 0 };
        int r;

        r = machine_files_find_place(step->root, step->name, &place);
        if (r < 0)
                return r;
        /* A piece may be the first in its directory; the deployed directory itself is the machine's
         * to make. */
        if (strcmp(place.directory, step->root) != 0) {
                r = phx_directory_ensure(place.directory, 0755);
                if (r < 0)
                        return phx_error_set(
                                        error,
                                        r,
                                        "%s: %s",
                                        place.directory,
                                        strerrordesc_np(-r));
        }
        r = phx_deployed_open(trust, place.directory, &directory, error);
        if (r < 0)
                return r;
        return phx_deployed_install(directory, place.base, step->old, data, size, error);
}

int phx_machine_files_withdraw(
                const struct phx_trust *trust,
                const struct phx_step_file *step,
                struct phx_inventory *inventory,
                struct phx_error *error) {
        phx_cleanup(phx_deployed_closep) struct phx_deployed_directory *directory = NULL;
        phx_cleanup(place_done) struct place place = { 0 };
        int r;

        r = machine_files_find_place(step->root, step->name, &place);
        if (r < 0)
                return r;
        r = phx_deployed_open(trust, place.directory, &directory, error);
        if (r >= 0)
                r = phx_deployed_withdraw(directory, place.base, step->old, error);
        if (r < 0)
                return r;
        return phx_inventory_remove_file(inventory, place.path);
}

int phx_machine_files_preview(
                const struct phx_trust *trust,
                const struct phx_step_file *step,
                const char *after,
                struct phx_preview *ret_preview) {
        phx_cleanup(phx_preview_done) struct phx_preview preview = { 0 };
        phx_cleanup(place_done) struct place place = { 0 };
        size_t size = 0;
        int r;

        r = machine_files_find_place(step->root, step->name, &place);
        if (r < 0)
                return r;
        r = phx_trust_read(trust, place.path, PREVIEW_LIMIT, &preview.before, &size, NULL);
        if (r < 0 && r != -ENOENT)
                return r;
        preview.file = PHX_TAKE(place.path);
        if (phx_replace(&preview.after, after) < 0)
                return -ENOMEM;
        *ret_preview = PHX_TAKE_STRUCT(preview);
        return 1;
}

static void clean_directory(const char *path) {
        phx_autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd >= 0)
                (void) phx_file_remove_leftovers(fd);
}

void phx_machine_files_clean(const char *deployed_dir, const struct phx_inventory *inventory) {
        clean_directory(deployed_dir);
        for (size_t i = 0; i < inventory->file_count; i++) {
                const char *path = inventory->files[i].path, *slash = strrchr(path, '/');
                phx_autofree char *directory = strndup(path, (size_t) (slash - path));

                if (directory && strcmp(directory, deployed_dir) != 0)
                        clean_directory(directory);
        }
}
