/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The judgements of keep.c over a restart, as texts (base/texts.h):
 *
 *   by what     compiler with its stamp, directories, mode, rules and limits
 *   the files   that were looked at, with stamps and digests (source/files_kept.c)
 *   how many, and of each that was good
 *               name, whether it has a test, key, the numbers of the files that it goes by, of
 *               those that it includes and the names of what is not there, the directories to
 *               watch
 *
 * They are taken up as if the look that made them had been the last one of this process. So the
 * first look here does what a second one there would have: it asks for the stamp of each file once,
 * reads those that have another one, and judges again what goes by a file with another digest, and
 * all of them by another compiler, other settings, or when another file defines the same name. What
 * is being compiled, or was refused, is judged again in any case. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/grow.h"
#include "profiles/update.h"

/* One in so many may be judged again by the next start. */
#define KEPT_FEW 16

/* --- render --- */

static int kept_add_basis(struct phx_buffer *bytes, const struct phx_profiles *profiles) {
        const struct phx_compiler_known *compiler = &profiles->compiler;
        const char *const texts[] = { compiler->identity,        compiler->features,
                                      compiler->words,           profiles->by.profile_dir,
                                      profiles->by.deployed_dir, profiles->by.site_profile_dir };
        const uint64_t numbers[] = { profiles->by.is_observing,
                                     profiles->allow_complain,
                                     profiles->allow_unconfined_flag,
                                     profiles->compile_deadline_usec,
                                     profiles->compile_memory };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(texts); i++)
                r = phx_texts_add(bytes, texts[i]);
        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(numbers); i++)
                r = phx_texts_add_number(bytes, numbers[i]);
        return r;
}

static size_t kept_number_of(
                const struct phx_profiles *profiles,
                const struct phx_include *include) {
        return phx_files_number(
                        profiles->files,
                        include->path,
                        strcmp(include->digest, "directory") == 0);
}

/* What may be believed by who has nothing but the stamps. */
static bool kept_is_due(
                const struct phx_profiles *profiles,
                const struct phx_candidate *candidate) {
        if (candidate->result < 0 || candidate->must_compile || candidate->breaks_rule ||
            !candidate->key[0] || phx_files_used_version(&candidate->used) > candidate->version)
                return false;
        for (size_t i = 0; i < candidate->used.count; i++)
                if (phx_files_used_number(&candidate->used, i) == PHX_FILES_NO_NUMBER)
                        return false;
        for (size_t i = 0; i < candidate->closure.count; i++)
                if (candidate->closure.items[i].path &&
                    kept_number_of(profiles, &candidate->closure.items[i]) == PHX_FILES_NO_NUMBER)
                        return false;
        return true;
}

static int kept_add_closure(
                struct phx_buffer *bytes,
                const struct phx_profiles *profiles,
                const struct phx_closure *closure) {
        int r = phx_texts_add_number(bytes, closure->count);

        for (size_t i = 0; r >= 0 && i < closure->count; i++) {
                const struct phx_include *include = &closure->items[i];

                r = phx_texts_add(bytes, include->path ? "" : include->name);
                if (r >= 0 && include->path)
                        r = phx_texts_add_number(bytes, kept_number_of(profiles, include));
        }
        if (r >= 0)
                r = phx_texts_add_number(bytes, closure->directories.count);
        for (size_t i = 0; r >= 0 && i < closure->directories.count; i++)
                r = phx_texts_add(bytes, closure->directories.items[i]);
        return r;
}

static int kept_add_candidate(
                struct phx_buffer *bytes,
                const struct phx_profiles *profiles,
                const struct phx_candidate *candidate) {
        int r = phx_texts_add(bytes, candidate->name);

        if (r >= 0)
                r = phx_texts_add_number(bytes, candidate->has_test);
        if (r >= 0)
                r = phx_texts_add(bytes, candidate->key);
        if (r >= 0)
                r = phx_texts_add_number(bytes, candidate->used.count);
        for (size_t i = 0; r >= 0 && i < candidate->used.count; i++)
                r = phx_texts_add_number(bytes, phx_files_used_number(&candidate->used, i));
        return r < 0 ? r : kept_add_closure(bytes, profiles, &candidate->closure);
}

/* --- whether they are others than before --- */

static int kept_add_judgement(struct phx_buffer *bytes, const struct phx_candidate *candidate) {
        int r = phx_texts_add(bytes, candidate->name);

        if (r >= 0)
                r = phx_texts_add_number(bytes, candidate->has_test);
        if (r >= 0)
                r = phx_texts_add(bytes, candidate->key);
        for (size_t i = 0; r >= 0 && i < candidate->used.count; i++) {
                r = phx_texts_add(bytes, phx_files_used_path(&candidate->used, i));
                if (r >= 0)
                        r = phx_texts_add(bytes, phx_files_used_digest(&candidate->used, i));
        }
        return r;
}

/* Notes what they are, without the stamps. 1 when that is not what was noted before. */
static int kept_note(struct phx_profiles *profiles, bool is_all) {
        phx_cleanup(phx_buffer_done) struct phx_buffer bytes = { 0 };
        char judged[PHX_SEAL_HEX];
        int r = kept_add_basis(&bytes, profiles);

        for (size_t i = 0; r >= 0 && i < profiles->candidate_count; i++)
                if (is_all || kept_is_due(profiles, &profiles->candidates[i]))
                        r = kept_add_judgement(&bytes, &profiles->candidates[i]);
        if (r < 0)
                return r;
        phx_seal_checksum("", bytes.data, bytes.size, judged);
        if (strcmp(judged, profiles->judged) == 0)
                return 0;
        memcpy(profiles->judged, judged, sizeof(judged));
        return 1;
}

int phx_profiles_render(struct phx_profiles *profiles, struct phx_buffer *bytes) {
        size_t count = 0;
        int r;

        if (!profiles->is_complete ||
            !phx_equal(profiles->by.compiler, profiles->compiler.identity))
                return -EAGAIN;
        r = phx_texts_add_stamp(bytes, &profiles->compiler.program);
        if (r >= 0)
                r = phx_texts_add_number(bytes, profiles->compiler.is_settled);
        if (r >= 0)
                r = kept_add_basis(bytes, profiles);
        if (r >= 0)
                r = phx_files_render(profiles->files, bytes);
        for (size_t i = 0; i < profiles->candidate_count; i++)
                count += kept_is_due(profiles, &profiles->candidates[i]);
        if (r >= 0)
                r = phx_texts_add_number(bytes, count);
        for (size_t i = 0; r >= 0 && i < profiles->candidate_count; i++)
                if (kept_is_due(profiles, &profiles->candidates[i]))
                        r = kept_add_candidate(bytes, profiles, &profiles->candidates[i]);
        if (r >= 0)
                r = kept_note(profiles, false);
        if (r >= 0)
                profiles->unkept = 0;
        return r;
}

void phx_profiles_unkeep(struct phx_profiles *profiles) {
        profiles->judged[0] = '\0';
}

/* --- parse --- */

static int kept_take_basis(struct phx_texts *reader, struct phx_profiles *profiles) {
        struct phx_compiler_known *compiler = &profiles->compiler;
        char **const texts[] = { &compiler->identity,
                                 &compiler->features,
                                 &compiler->words,
                                 &profiles->by.profile_dir,
                                 &profiles->by.deployed_dir };
        int r = 0;

        compiler->program = phx_texts_next_stamp(reader);
        compiler->is_settled = phx_texts_next_number(reader) == 1;
        for (size_t i = 0; r >= 0 && i < PHX_ELEMENTS(texts); i++)
                r = phx_replace(texts[i], phx_texts_next(reader));
        if (r >= 0)
                r = phx_replace(&profiles->by.site_profile_dir, phx_texts_next_or_null(reader));
        if (r >= 0)
                r = phx_replace(&profiles->by.compiler, compiler->identity);
        profiles->by.is_observing = phx_texts_next_number(reader) == 1;
        profiles->allow_complain = phx_texts_next_number(reader) == 1;
        profiles->allow_unconfined_flag = phx_texts_next_number(reader) == 1;
        profiles->compile_deadline_usec = phx_texts_next_number(reader);
        profiles->compile_memory = phx_texts_next_number(reader);
        return r;
}

static int kept_take_number(
                struct phx_texts *reader,
                const struct phx_files_used *all,
                size_t *ret_number) {
        *ret_number = (size_t) phx_texts_next_number(reader);
        return *ret_number < all->count ? 0 : -EBADMSG;
}

/* Its name is its path below one of the directories. */
static int kept_fill_include(
                const struct phx_profiles *profiles,
                const struct phx_files_used *all,
                size_t number,
                struct phx_include *include) {
        const char *const roots[] = { profiles->by.profile_dir,
                                      profiles->by.deployed_dir,
                                      profiles->by.site_profile_dir };
        const char *path = phx_files_used_path(all, number);

        for (size_t i = 0; i < PHX_ELEMENTS(roots) && !include->name; i++)
                if (roots[i] && phx_is_below(path, roots[i]) &&
                    phx_replace(&include->name, path + strlen(roots[i]) + 1) < 0)
                        return -ENOMEM;
        if (!include->name)
                return -EBADMSG;
        (void) snprintf(include->digest,
                        sizeof(include->digest),
                        "%s",
                        phx_files_used_digest(all, number));
        return phx_replace(&include->path, path);
}

static int kept_take_closure(
                struct phx_texts *reader,
                const struct phx_profiles *profiles,
                const struct phx_files_used *all,
                struct phx_closure *closure) {
        uint64_t count = phx_texts_next_number(reader);
        int r = 0;

        for (uint64_t i = 0; r >= 0 && i < count && !reader->is_short; i++) {
                struct phx_include *include =
                                phx_grow(&closure->items, &closure->count, sizeof(*closure->items));
                const char *name = phx_texts_next(reader);
                size_t number = 0;

                if (!include)
                        return -ENOMEM;
                if (name[0])
                        r = phx_replace(&include->name, name);
                else
                        r = kept_take_number(reader, all, &number);
                if (r >= 0 && !name[0])
                        r = kept_fill_include(profiles, all, number, include);
        }
        count = phx_texts_next_number(reader);
        for (uint64_t i = 0; r >= 0 && i < count && !reader->is_short; i++)
                r = phx_strings_add(&closure->directories, phx_texts_next(reader));
        return r;
}

static int kept_take_candidate(
                struct phx_texts *reader,
                struct phx_profiles *profiles,
                const struct phx_files_used *all) {
        struct phx_candidate *candidate = phx_grow(
                        &profiles->candidates,
                        &profiles->candidate_count,
                        sizeof(*candidate));
        uint64_t used;
        int r;

        if (!candidate || phx_replace(&candidate->name, phx_texts_next(reader)) < 0)
                return -ENOMEM;
        if (profiles->candidate_count > 1 && strcmp(candidate[-1].name, candidate->name) >= 0)
                return -EBADMSG;
        candidate->has_test = phx_texts_next_number(reader) == 1;
        r = phx_texts_next_digest(reader, candidate->key);
        used = phx_texts_next_number(reader);
        for (uint64_t i = 0; r >= 0 && i < used && !reader->is_short; i++) {
                size_t number;

                r = kept_take_number(reader, all, &number);
                if (r >= 0)
                        r = phx_files_used_add(&candidate->used, all, number);
        }
        return r < 0 ? r : kept_take_closure(reader, profiles, all, &candidate->closure);
}

/* As one that nothing is known of: the program is read again. */
static void kept_doubt_compiler(struct phx_profiles *profiles) {
        if (!profiles->compiler.is_settled)
                phx_compiler_known_done(&profiles->compiler);
}

static void kept_take_nothing(struct phx_profiles *profiles) {
        phx_candidates_done(profiles);
        phx_compiler_known_done(&profiles->compiler);
        phx_files_forget(profiles->files);
}

int phx_profiles_parse(struct phx_profiles *profiles, struct phx_texts *reader) {
        struct phx_files_used all = { 0 };
        uint64_t count;
        int r;

        r = kept_take_basis(reader, profiles);
        if (r >= 0)
                r = phx_files_parse(profiles->files, reader, &all);
        count = phx_texts_next_number(reader);
        for (uint64_t i = 0; r >= 0 && i < count && !reader->is_short; i++)
                r = kept_take_candidate(reader, profiles, &all);
        phx_files_used_done(&all);
        if (r >= 0 && reader->is_short)
                r = -EBADMSG;
        if (r >= 0)
                r = kept_note(profiles, true);
        if (r < 0)
                kept_take_nothing(profiles);
        else
                kept_doubt_compiler(profiles);
        return r < 0 ? r : 0;
}

bool phx_profiles_is_unkept(const struct phx_profiles *profiles, bool is_news, bool is_few) {
        size_t few = is_few ? profiles->candidate_count / KEPT_FEW : 0;

        return (profiles->unkept > few || is_news) && profiles->is_complete &&
               profiles->queue.count == 0;
}
