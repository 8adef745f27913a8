#include "kernel/loaded.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Profiles that the kernel makes up while it learns in complain mode are called so. */
#define LEARNED "//null-"

int phx_loaded_list_add(struct phx_loaded_list *list, struct phx_loaded *loaded) {
        struct phx_loaded *items;

        items = reallocarray(list->items, list->count + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;

        list->items = items;
        list->items[list->count++] = PHX_TAKE_STRUCT(*loaded);
        return 0;
}

static int compare_loaded(const void *a, const void *b) {
        return strcmp(((const struct phx_loaded *) a)->name, ((const struct phx_loaded *) b)->name);
}

void phx_loaded_list_sort(struct phx_loaded_list *list) {
        if (list->count > 1)
                qsort(list->items, list->count, sizeof(*list->items), compare_loaded);
}

const struct phx_loaded *phx_loaded_find(const struct phx_loaded_list *list, const char *name) {
        size_t low = 0, high = list->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(list->items[middle].name, name);

                if (order == 0)
                        return &list->items[middle];
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

void phx_loaded_done(struct phx_loaded *loaded) {
        free(loaded->name);
        *loaded = (struct phx_loaded){ 0 };
}

void phx_loaded_list_done(struct phx_loaded_list *list) {
        for (size_t i = 0; i < list->count; i++)
                phx_loaded_done(&list->items[i]);
        free(list->items);
        *list = (struct phx_loaded_list){ 0 };
}

const char *phx_kernel_match_to_string(enum phx_kernel_match match) {
        switch (match) {
        case PHX_KERNEL_SAME:
                return "same";
        case PHX_KERNEL_UNKNOWN:
                return "unknown";
        case PHX_KERNEL_HASH_DIFFERS:
                return "hash differs";
        case PHX_KERNEL_MODE_DIFFERS:
                return "mode differs";
        case PHX_KERNEL_ABSENT:
                return "absent";
        }
        return "unknown";
}

/* The expected hash of the kind that the kernel shows. */
static const char *expected_hash(
                const struct phx_policy_entry *expected,
                const struct phx_loaded *found) {
        return found && found->hash_kind == PHX_HASH_SHA1 ? expected->sha1 : expected->sha256;
}

static enum phx_kernel_match judge(
                const struct phx_policy_entry *expected,
                const struct phx_loaded *found,
                bool is_complete) {
        if (!found)
                return is_complete ? PHX_KERNEL_ABSENT : PHX_KERNEL_UNKNOWN;
        if (found->mode != PHX_POLICY_UNKNOWN && found->mode != expected->mode)
                return PHX_KERNEL_MODE_DIFFERS;
        if (found->hash_kind == PHX_HASH_NONE)
                return PHX_KERNEL_UNKNOWN;
        /* The hashed bytes hold the mode, so that equal hashes answer for a mode not seen. */
        return strcmp(found->hash, expected_hash(expected, found)) == 0 ? PHX_KERNEL_SAME
                                                                        : PHX_KERNEL_HASH_DIFFERS;
}

static const char *kind_name(enum phx_hash_kind kind) {
        return kind == PHX_HASH_SHA1 ? "sha1" : "sha256";
}

static char *describe(enum phx_policy_mode mode, enum phx_hash_kind kind, const char *hash) {
        const char *mode_name = phx_policy_mode_to_string(mode);
        char *text = NULL;
        int r;

        if (kind == PHX_HASH_NONE)
                r = phx_printf(&text, "%s, no hash", mode_name);
        else
                r = phx_printf(&text, "%s, %s %s", mode_name, kind_name(kind), hash);
        return r < 0 ? NULL : text;
}

static void finding_done(struct phx_kernel_finding *finding) {
        free(finding->name);
        free(finding->expected);
        free(finding->found);
        *finding = (struct phx_kernel_finding){ 0 };
}

static int find_one(
                const struct phx_loaded_list *loaded,
                const struct phx_policy_entry *expected,
                struct phx_kernel_finding *ret_finding) {
        phx_cleanup(finding_done) struct phx_kernel_finding finding = { 0 };
        const struct phx_loaded *found = phx_loaded_find(loaded, expected->name);
        enum phx_hash_kind kind = PHX_HASH_SHA256;

        if (found && found->hash_kind != PHX_HASH_NONE)
                kind = found->hash_kind;
        finding.match = judge(expected, found, loaded->complete);
        finding.name = strdup(expected->name);
        finding.expected = describe(expected->mode, kind, expected_hash(expected, found));
        if (found)
                finding.found = describe(found->mode, found->hash_kind, found->hash);
        else
                finding.found = strdup(loaded->complete ? "not loaded" : "cannot be read");
        if (!finding.name || !finding.expected || !finding.found)
                return -ENOMEM;

        *ret_finding = PHX_TAKE_STRUCT(finding);
        return 0;
}

/* Whether NAME is below a profile of the policy, and is not in it. */
static bool is_leftover(const struct phx_policy *expected, const char *name) {
        phx_autofree char *parent = NULL;
        const char *separator = strstr(name, "//");

        if (!separator || strstr(name, LEARNED) || phx_policy_find(expected, name))
                return false;
        parent = strndup(name, (size_t) (separator - name));
        return parent && phx_policy_find(expected, parent);
}

static int find_leftovers(
                const struct phx_loaded_list *loaded,
                const struct phx_policy *expected,
                struct phx_strings *leftovers) {
        for (size_t i = 0; i < loaded->count; i++) {
                int r;

                if (!is_leftover(expected, loaded->items[i].name))
                        continue;
                r = phx_strings_add(leftovers, loaded->items[i].name);
                if (r < 0)
                        return r;
        }
        return 0;
}

int phx_kernel_compare(
                const struct phx_loaded_list *loaded,
                const struct phx_policy *expected,
                struct phx_kernel_comparison *ret_comparison) {
        phx_cleanup(phx_kernel_comparison_done) struct phx_kernel_comparison comparison = { 0 };
        int r;

        comparison.findings = calloc(expected->count + 1, sizeof(*comparison.findings));
        if (!comparison.findings)
                return -ENOMEM;
        for (size_t i = 0; i < expected->count; i++) {
                struct phx_kernel_finding *finding = &comparison.findings[i];

                r = find_one(loaded, &expected->entries[i], finding);
                if (r < 0)
                        return r;
                comparison.count++;
                if (finding->match > comparison.match)
                        comparison.match = finding->match;
        }
        r = find_leftovers(loaded, expected, &comparison.leftovers);
        if (r < 0)
                return r;

        *ret_comparison = PHX_TAKE_STRUCT(comparison);
        return 0;
}

void phx_kernel_comparison_done(struct phx_kernel_comparison *comparison) {
        for (size_t i = 0; i < comparison->count; i++)
                finding_done(&comparison->findings[i]);
        free(comparison->findings);
        phx_strings_done(&comparison->leftovers);
        *comparison = (struct phx_kernel_comparison){ 0 };
}
