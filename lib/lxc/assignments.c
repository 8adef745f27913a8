/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Whose is a line? A config says nothing about that, so the inventory records for each container
 * the lines that phoenixd wrote, and how many equal lines of the operator's there were besides
 * (foreign). From both and the config as it is follow, for each container:
 *
 *   ours        of the recorded lines as many as the config has beyond the foreign ones: the last
 *               equal ones, as phoenixd writes at the end. If the operator deletes one of them, it
 *               is not ours any more
 *   withdrawn   those of ours that no option asks for now
 *   the edit    after the verdicts of liblxc: removed (ours that must go or move), tail (to be
 *               written at the end), recorded and foreign (what the inventory has to say)
 *
 * The inventory is written before the config (phx_line_edit_claim, then the edit), with the lines
 * of before and of after: whichever of the two files a crash leaves behind, every line that
 * phoenixd wrote is recorded as such, and none of the operator's is. The excess is forgotten by
 * the next pass, which counts again.
 *
 * Three texts of each config are given to the trial: as it is without what is withdrawn (text),
 * without any line of ours (base), with all options at the end of that (whole). An assignment
 * borrows its container from the list that it was collected from. */

#include "lxc/assignments.h"

#include <errno.h>
#include <string.h>

#include "base/grow.h"

void phx_assignments_done(struct phx_assignments *assignments) {
        for (size_t i = 0; i < assignments->count; i++) {
                struct phx_assignment *assignment = &assignments->items[i];

                free(assignment->id);
                free(assignment->directory);
                free(assignment->label);
                free(assignment->text);
                phx_lxc_options_done(&assignment->options);
                phx_strings_done(&assignment->ours);
                phx_strings_done(&assignment->withdrawn);
                phx_line_edit_done(&assignment->edit);
        }
        free(assignments->items);
        *assignments = (struct phx_assignments){ 0 };
}

static size_t count_of(const struct phx_strings *lines, const char *line) {
        size_t count = 0;

        for (size_t i = 0; i < lines->count; i++)
                count += strcmp(lines->items[i], line) == 0;
        return count;
}

/* --- whose lines they are --- */

/* As many of the recorded ones as the config has beyond its own. */
static int collect_ours(
                struct phx_assignment *assignment,
                const struct phx_inventory_container *record) {
        int r = 0;

        for (size_t i = 0; record && r >= 0 && i < record->lines.count; i++) {
                const char *line = record->lines.items[i];
                size_t copies = phx_lxc_text_copies(assignment->text, assignment->size, line);

                if (count_of(&assignment->ours, line) + count_of(&record->foreign, line) < copies)
                        r = phx_strings_add(&assignment->ours, line);
        }
        return r;
}

static int add_option_line(struct phx_strings *lines, const struct phx_lxc_option *option) {
        return phx_strings_addf(lines, "%s=%s", option->key, option->value);
}

static int add_option_lines(struct phx_strings *lines, const struct phx_lxc_options *options) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < options->count; i++)
                r = add_option_line(lines, &options->items[i]);
        return r;
}

static int collect_withdrawn(struct phx_assignment *assignment) {
        phx_cleanup(phx_strings_done) struct phx_strings wanted = { 0 }, kept = { 0 };
        int r = add_option_lines(&wanted, &assignment->options);

        for (size_t i = 0; r >= 0 && i < assignment->ours.count; i++) {
                const char *line = assignment->ours.items[i];
                bool is_wanted = count_of(&kept, line) < count_of(&wanted, line);

                r = phx_strings_add(is_wanted ? &kept : &assignment->withdrawn, line);
        }
        return r;
}

/* FOREIGN says of other lines than LINES nothing that matters. */
static int set_record(
                struct phx_inventory *inventory,
                const char *directory,
                const struct phx_strings *lines,
                const struct phx_strings *foreign) {
        phx_cleanup(phx_strings_done) struct phx_strings kept = { 0 };
        int r = 0;

        if (lines->count == 0)
                return phx_inventory_remove_container(inventory, directory);
        for (size_t i = 0; r >= 0 && foreign && i < foreign->count; i++)
                if (phx_strings_has(lines, foreign->items[i]))
                        r = phx_strings_add(&kept, foreign->items[i]);
        return r < 0 ? r : phx_inventory_set_container(inventory, directory, lines, &kept);
}

static struct phx_assignment *assignments_grow(
                struct phx_assignments *assignments,
                struct phx_assignment_source *source) {
        const char *label = phx_observed_label(source->desired, source->want, source->have);
        struct phx_assignment *assignment =
                        phx_grow(&assignments->items, &assignments->count, sizeof(*assignment));

        if (!assignment)
                return NULL;
        assignment->have = source->have;
        assignment->text = PHX_TAKE(source->text);
        assignment->size = source->size;
        if (phx_replace(&assignment->id, source->want->id) < 0 ||
            phx_replace(&assignment->directory, source->want->directory) < 0 ||
            phx_replace(&assignment->label, label) < 0 ||
            phx_lxc_options_copy(&assignment->options, &source->want->options) < 0)
                return NULL;
        return assignment;
}

int phx_assignments_add(
                struct phx_assignments *assignments,
                struct phx_assignment_source *source,
                struct phx_inventory *inventory) {
        struct phx_assignment *assignment = assignments_grow(assignments, source);
        const struct phx_inventory_container *record;
        int r;

        if (!assignment)
                return -ENOMEM;
        record = phx_inventory_container(inventory, assignment->directory);
        r = collect_ours(assignment, record);
        if (r >= 0)
                r = collect_withdrawn(assignment);
        if (r < 0 || !record)
                return r;
        return set_record(inventory, assignment->directory, &assignment->ours, &record->foreign);
}

/* --- what is to be tried --- */

void phx_assignment_texts_done(struct phx_assignment_texts *texts) {
        phx_buffer_done(&texts->text);
        phx_buffer_done(&texts->base);
        phx_buffer_done(&texts->whole);
}

static int edit_source(
                const struct phx_assignment *assignment,
                const struct phx_lxc_edit *edit,
                struct phx_buffer *ret_text,
                struct phx_error *error) {
        int r = phx_lxc_text_edit(assignment->text, assignment->size, edit, ret_text, error);

        return r < 0 ? r : 0;
}

int phx_assignment_render(
                const struct phx_assignment *assignment,
                struct phx_assignment_texts *ret_texts,
                struct phx_error *error) {
        phx_cleanup(phx_assignment_texts_done) struct phx_assignment_texts texts = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 };
        struct phx_lxc_edit edit = { .removed = assignment->withdrawn,
                                     .profile = assignment->label };
        int r;

        r = edit_source(assignment, &edit, &texts.text, error);
        edit.removed = assignment->ours;
        if (r >= 0)
                r = edit_source(assignment, &edit, &texts.base, error);
        if (r >= 0)
                r = add_option_lines(&lines, &assignment->options);
        edit.tail = lines;
        if (r >= 0)
                r = edit_source(assignment, &edit, &texts.whole, error);
        if (r < 0)
                return r;
        *ret_texts = PHX_TAKE_STRUCT(texts);
        return 0;
}

/* --- what is to be done --- */

static int collect_foreign(struct phx_assignment *assignment, const struct phx_strings *lines) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < lines->count; i++) {
                const char *line = lines->items[i];
                size_t copies = phx_lxc_text_copies(assignment->text, assignment->size, line);

                if (phx_strings_has(&assignment->edit.foreign, line))
                        continue;
                for (size_t j = count_of(&assignment->ours, line); r >= 0 && j < copies; j++)
                        r = phx_strings_add(&assignment->edit.foreign, line);
        }
        return r;
}

/* Our line of an option that stays where it is, is not removed; of equal ones it is one of them. */
static int settle_option(
                struct phx_assignment *assignment,
                const struct phx_lxc_option *option,
                char verdict,
                struct phx_strings *left) {
        phx_cleanup(phx_strings_done) struct phx_strings line = { 0 };
        int r = add_option_line(&line, option);

        if (r < 0)
                return r;
        if (verdict == PHX_LXC_IN_EFFECT)
                return phx_strings_add(left, line.items[0]);
        return verdict == PHX_LXC_WANTED ? phx_strings_add(&assignment->edit.tail, line.items[0])
                                         : 0;
}

static int collect_removed(struct phx_assignment *assignment, const struct phx_strings *left) {
        phx_cleanup(phx_strings_done) struct phx_strings kept = { 0 };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < assignment->ours.count; i++) {
                const char *line = assignment->ours.items[i];
                bool stays = count_of(&kept, line) < count_of(left, line);

                r = phx_strings_add(stays ? &kept : &assignment->edit.removed, line);
        }
        return r;
}

/* Before the edit and after it, whichever there is, all of ours are recorded as such. */
static int collect_recorded(struct phx_assignment *assignment) {
        const struct phx_strings *tail = &assignment->edit.tail;
        struct phx_strings *recorded = &assignment->edit.recorded;
        int r;

        if (tail->count == 0)
                return 0;
        r = phx_strings_copy(recorded, &assignment->ours);
        for (size_t i = 0; r >= 0 && i < tail->count; i++) {
                const char *line = tail->items[i];
                size_t stay = count_of(&assignment->ours, line) -
                              count_of(&assignment->edit.removed, line);

                if (count_of(recorded, line) < stay + count_of(tail, line))
                        r = phx_strings_add(recorded, line);
        }
        return r;
}

/* Whether the edit changes more than the profile's line. */
static int changes_lines(const struct phx_assignment *assignment, struct phx_error *error) {
        const struct phx_lxc_edit profile = { .profile = assignment->label },
                                  whole = { assignment->edit.removed,
                                            assignment->edit.tail,
                                            assignment->label };
        phx_cleanup(phx_buffer_done) struct phx_buffer before = { 0 }, after = { 0 };
        int r;

        r = edit_source(assignment, &profile, &before, error);
        if (r >= 0)
                r = edit_source(assignment, &whole, &after, error);
        if (r < 0)
                return r;
        return before.size != after.size ||
               (before.size > 0 && memcmp(before.data, after.data, before.size) != 0);
}

static int tell_wrong(const struct phx_assignment *assignment, struct phx_wrong_lines *wrong) {
        const struct phx_strings *tail = &assignment->edit.tail,
                                 *removed = &assignment->edit.removed;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < tail->count; i++)
                r = phx_wrong_lines_add(wrong, PHX_LINE_NOT_IN_EFFECT, tail->items[i]);
        for (size_t i = 0; r >= 0 && i < removed->count; i++)
                if (!phx_strings_has(tail, removed->items[i]))
                        r = phx_wrong_lines_add(wrong, PHX_LINE_TOO_MANY, removed->items[i]);
        return r;
}

int phx_assignment_settle(
                struct phx_assignment *assignment,
                const char *verdicts,
                struct phx_wrong_lines *wrong,
                struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings left = { 0 };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < assignment->options.count; i++)
                r = settle_option(assignment, &assignment->options.items[i], verdicts[i], &left);
        if (r >= 0)
                r = collect_removed(assignment, &left);
        if (r >= 0)
                r = collect_foreign(assignment, &assignment->ours);
        if (r >= 0)
                r = collect_foreign(assignment, &assignment->edit.tail);
        if (r >= 0)
                r = collect_recorded(assignment);
        if (r >= 0)
                r = changes_lines(assignment, error);
        return r > 0 ? tell_wrong(assignment, wrong) : r;
}

int phx_line_edit_claim(
                const struct phx_line_edit *edit,
                const char *directory,
                struct phx_inventory *inventory) {
        return edit->tail.count == 0
                               ? 0
                               : set_record(inventory, directory, &edit->recorded, &edit->foreign);
}
