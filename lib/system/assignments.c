#include "system/assignments.h"

#include <errno.h>
#include <string.h>

#include "base/grow.h"

void phx_assignments_done(struct phx_assignments *assignments) {
        for (size_t i = 0; i < assignments->count; i++) {
                struct phx_assignment *assignment = &assignments->items[i];

                free(assignment->id);
                free(assignment->directory);
                free(assignment->profile);
                free(assignment->label);
                phx_strings_done(&assignment->lines);
                phx_strings_done(&assignment->withdrawn);
                phx_strings_done(&assignment->absent);
        }
        free(assignments->items);
        *assignments = (struct phx_assignments){ 0 };
}

const struct phx_assignment *phx_assignments_find(
                const struct phx_assignments *assignments,
                const char *id) {
        for (size_t i = 0; i < assignments->count; i++)
                if (strcmp(assignments->items[i].id, id) == 0)
                        return &assignments->items[i];
        return NULL;
}

/* Recorded as ours, and not wanted any more. */
static int collect_withdrawn(
                const struct phx_inventory *inventory,
                struct phx_assignment *assignment) {
        const struct phx_inventory_container *record = phx_inventory_container(
                        inventory,
                        assignment->directory);

        for (size_t i = 0; record && i < record->lines.count; i++) {
                int r;

                if (phx_strings_has(&assignment->lines, record->lines.items[i]))
                        continue;
                r = phx_strings_add(&assignment->withdrawn, record->lines.items[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_wrong(const struct phx_strings *wrong, char sign, const char *line) {
        for (size_t i = 0; i < wrong->count; i++)
                if (wrong->items[i][0] == sign && strcmp(wrong->items[i] + 1, line) == 0)
                        return true;
        return false;
}

static int set_record(
                struct phx_inventory *inventory,
                const char *directory,
                const struct phx_strings *lines) {
        if (lines->count == 0)
                return phx_inventory_remove_container(inventory, directory);
        return phx_inventory_set_container(inventory, directory, lines);
}

/* Lines of ours that are gone from the config are no longer anybody's. */
static int forget_gone(
                struct phx_inventory *inventory,
                const struct phx_assignment *assignment,
                const struct phx_strings *wrong) {
        phx_cleanup(phx_strings_done) struct phx_strings kept = { 0 };
        const struct phx_inventory_container *record = phx_inventory_container(
                        inventory,
                        assignment->directory);
        int r = 0;

        if (!record)
                return 0;
        for (size_t i = 0; r >= 0 && i < record->lines.count; i++) {
                const char *line = record->lines.items[i];

                if (phx_strings_has(&assignment->lines, line) || is_wrong(wrong, '-', line))
                        r = phx_strings_add(&kept, line);
        }
        if (r >= 0)
                r = set_record(inventory, assignment->directory, &kept);
        return r;
}

static int note_absent(struct phx_assignment *assignment, const struct phx_strings *wrong) {
        for (size_t i = 0; i < wrong->count; i++) {
                int r = wrong->items[i][0] == '+'
                                        ? phx_strings_add(&assignment->absent, wrong->items[i] + 1)
                                        : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

static int copy_lines(struct phx_strings *lines, const struct phx_lxc_options *options) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < options->count; i++)
                r = phx_strings_addf(
                                lines,
                                "%s=%s",
                                options->items[i].key,
                                options->items[i].value);
        return r;
}

static struct phx_assignment *add(
                struct phx_assignments *assignments,
                const struct phx_desired_container *want,
                const struct phx_lxc_container *have) {
        struct phx_assignment *assignment =
                        phx_grow(&assignments->items, &assignments->count, sizeof(*assignment));

        if (!assignment || phx_replace(&assignment->id, want->id) < 0 ||
            phx_replace(&assignment->directory, want->directory) < 0 ||
            phx_replace(&assignment->profile, want->profile) < 0 ||
            phx_replace(&assignment->label, want->label) < 0 ||
            copy_lines(&assignment->lines, &want->options) < 0)
                return NULL;
        memcpy(assignment->digest, have->source.digest, sizeof(assignment->digest));
        return assignment;
}

int phx_assignments_judge(
                struct phx_assignments *assignments,
                const struct phx_desired_container *want,
                const struct phx_lxc_container *have,
                struct phx_inventory *inventory,
                struct phx_strings *wrong,
                struct phx_error *error) {
        struct phx_assignment *assignment = add(assignments, want, have);
        struct phx_lxc_edit edit;
        int r;

        if (!assignment)
                return -ENOMEM;
        r = collect_withdrawn(inventory, assignment);
        if (r < 0)
                return r;

        edit = phx_assignment_edit(assignment);
        r = phx_lxc_text_check(have->source.text, have->source.size, &edit, wrong, error);
        if (r >= 0)
                r = note_absent(assignment, wrong);
        return r < 0 ? r : forget_gone(inventory, assignment, wrong);
}

int phx_assignment_claim(const struct phx_assignment *assignment, struct phx_inventory *inventory) {
        phx_cleanup(phx_strings_done) struct phx_strings lines = { 0 };
        const struct phx_inventory_container *record;
        int r = 0;

        if (assignment->absent.count == 0)
                return 0;
        record = phx_inventory_container(inventory, assignment->directory);
        if (record)
                r = phx_strings_copy(&lines, &record->lines);
        for (size_t i = 0; r >= 0 && i < assignment->absent.count; i++)
                r = phx_strings_add_once(&lines, assignment->absent.items[i]);
        if (r >= 0)
                r = set_record(inventory, assignment->directory, &lines);
        return r < 0 ? r : 1;
}

struct phx_lxc_edit phx_assignment_edit(const struct phx_assignment *assignment) {
        return (struct phx_lxc_edit){ .wanted = assignment->lines,
                                      .withdrawn = assignment->withdrawn,
                                      .profile = assignment->label };
}
