/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lxc/effect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t"

/* "A=1" after "A=2". */
static bool hides_variable(const char *later, const char *earlier) {
        size_t length = strcspn(later, "=");

        return strcspn(earlier, "=") == length && memcmp(later, earlier, length) == 0;
}

/* The place of an entry as in fstab: its second word. */
static const char *mount_target(const char *entry, size_t *size) {
        entry += strspn(entry, BLANKS);
        entry += strcspn(entry, BLANKS);
        entry += strspn(entry, BLANKS);
        entry += strspn(entry, "/");
        *size = strcspn(entry, BLANKS);
        while (*size > 0 && entry[*size - 1] == '/')
                (*size)--;
        return entry;
}

static bool hides_mount(const char *later, const char *earlier) {
        size_t size, below;
        const char *target = mount_target(later, &size), *other = mount_target(earlier, &below);

        return size <= below && memcmp(target, other, size) == 0 &&
               (size == below || size == 0 || other[size] == '/');
}

/* One key with one value. */
static bool hides_limit(const char *later, const char *earlier) {
        return true;
}

/* What is allowed after it was denied, and the other way round. */
static bool hides_device(const char *later, const char *earlier) {
        size_t length = strcspn(later, BLANKS);

        return strcspn(earlier, BLANKS) != length || memcmp(later, earlier, length) != 0;
}

static bool hides_nothing(const char *later, const char *earlier) {
        return false;
}

/* Lists in which the order says something, and how a later item undoes an earlier one; the first
 * that fits. */
static const struct sequence {
        const char *prefix;
        bool (*hides)(const char *later, const char *earlier);
} sequences[] = {
        { "lxc.environment", hides_variable },   { "lxc.mount.entry", hides_mount },
        { "lxc.hook.", hides_nothing },          { "lxc.cgroup.devices", hides_device },
        { "lxc.cgroup2.devices", hides_device }, { "lxc.cgroup.dir", NULL },
        { "lxc.cgroup.relative", NULL },         { "lxc.cgroup.", hides_limit },
        { "lxc.cgroup2.", hides_limit },
};

static const struct sequence *find_sequence(const char *list) {
        for (size_t i = 0; i < PHX_ELEMENTS(sequences); i++)
                if (phx_has_prefix(list, sequences[i].prefix))
                        return sequences[i].hides ? &sequences[i] : NULL;
        return NULL;
}

/* liblxc lists these with their keys. */
static bool has_keys(const char *list) {
        return (phx_has_prefix(list, "lxc.cgroup.") || phx_has_prefix(list, "lxc.cgroup2.")) &&
               find_sequence(list);
}

void phx_lxc_list_of(const char *key, char list[PHX_LXC_LIST_SIZE]) {
        static const char *const families[] = { "lxc.cgroup.devices", "lxc.cgroup2.devices" };

        for (size_t i = 0; i < PHX_ELEMENTS(families); i++)
                if (phx_has_prefix(key, families[i]))
                        key = families[i];
        (void) snprintf(list, PHX_LXC_LIST_SIZE, "%s", key);
}

const char *phx_lxc_list_key(const char *list) {
        if (!has_keys(list))
                return list;
        return phx_has_prefix(list, "lxc.cgroup2.") ? "lxc.cgroup2" : "lxc.cgroup";
}

bool phx_lxc_list_is_set(const char *list) {
        return !find_sequence(list);
}

bool phx_lxc_list_rules(const char *key, const char *other) {
        char one[PHX_LXC_LIST_SIZE], two[PHX_LXC_LIST_SIZE];

        phx_lxc_list_of(key, one);
        phx_lxc_list_of(other, two);
        return strcmp(one, two) == 0 || (phx_has_prefix(two, one) && two[strlen(one)] == '.');
}

/* --- what is asked, and what there is, as comparable texts --- */

/* With one blank for several. */
static int add_words(struct phx_strings *texts, const char *value) {
        phx_autofree char *copy = strdup(value), *text = calloc(1, strlen(value) + 1);
        char *rest = copy, *end = text, *word;

        if (!copy || !text)
                return -ENOMEM;
        while ((word = strsep(&rest, BLANKS)))
                if (word[0])
                        end += sprintf(end, "%s%s", end > text ? " " : "", word);
        return phx_strings_add(texts, text);
}

/* Each word is an item of the list. */
static int add_each_word(struct phx_strings *texts, const char *value) {
        phx_autofree char *copy = strdup(value);
        char *rest = copy, *word;
        int r = copy ? 0 : -ENOMEM;

        while (r >= 0 && (word = strsep(&rest, BLANKS)))
                if (word[0])
                        r = phx_strings_add(texts, word);
        return r;
}

static int add_text(
                struct phx_strings *texts,
                const char *list,
                const char *key,
                const char *value) {
        if (has_keys(list))
                return phx_strings_addf(texts, "%s = %s", key, value);
        if (!phx_lxc_list_is_set(list))
                return phx_strings_add(texts, value);
        if (phx_has_prefix(list, "lxc.cap.") || strcmp(list, "lxc.group") == 0)
                return add_each_word(texts, value);
        return add_words(texts, value);
}

/* All that was asked for so far is off; of a list with keys, what has this one. */
static void empty(struct phx_strings *texts, const char *list, const char *key) {
        size_t kept = 0, length = strlen(key);

        for (size_t i = 0; i < texts->count; i++) {
                char *text = texts->items[i];

                if (has_keys(list) && (strncmp(text, key, length) != 0 || text[length] != ' '))
                        texts->items[kept++] = text;
                else
                        free(text);
        }
        texts->count = kept;
}

static int add_asked(
                struct phx_strings *texts,
                const char *list,
                const struct phx_lxc_item *items,
                size_t count,
                bool *ret_emptied) {
        int r = 0;

        *ret_emptied = false;
        for (size_t i = 0; r >= 0 && i < count; i++) {
                if (items[i].value[0]) {
                        r = add_text(texts, list, items[i].key, items[i].value);
                        continue;
                }
                *ret_emptied = true;
                empty(texts, list, items[i].key);
        }
        return r;
}

static bool is_of_list(const char *list, const char *line) {
        char key[PHX_LXC_LIST_SIZE], of[PHX_LXC_LIST_SIZE];
        size_t length = strcspn(line, BLANKS);

        if (!has_keys(list))
                return true;
        (void) snprintf(key, sizeof(key), "%.*s", (int) length, line);
        phx_lxc_list_of(key, of);
        return strcmp(of, list) == 0;
}

static int add_effective(struct phx_strings *texts, const char *list, const char *effective) {
        phx_autofree char *copy = strdup(effective);
        char *rest = copy, *line;
        int r = copy ? 0 : -ENOMEM;

        while (r >= 0 && (line = strsep(&rest, "\n")))
                if (line[0] && is_of_list(list, line))
                        r = phx_strings_add(texts, line);
        return r;
}

/* --- comparing --- */

static bool has_all(const struct phx_strings *texts, const struct phx_strings *asked) {
        for (size_t i = 0; i < asked->count; i++)
                if (!phx_strings_has(texts, asked->items[i]))
                        return false;
        return true;
}

/* From the end: each is the last of its kind, and nothing that follows hides it. */
static bool has_sequence(
                const struct sequence *sequence,
                const struct phx_strings *texts,
                const struct phx_strings *asked) {
        size_t left = asked->count;

        for (size_t i = texts->count; i-- > 0 && left > 0;) {
                if (strcmp(texts->items[i], asked->items[left - 1]) == 0) {
                        left--;
                        continue;
                }
                for (size_t j = 0; j < left; j++)
                        if (sequence->hides(texts->items[i], asked->items[j]))
                                return false;
        }
        return left == 0;
}

bool phx_lxc_items_hold(
                const char *list,
                const struct phx_lxc_item *items,
                size_t count,
                const char *effective) {
        phx_cleanup(phx_strings_done) struct phx_strings asked = { 0 }, texts = { 0 };
        const struct sequence *sequence = find_sequence(list);
        bool emptied;

        if (add_asked(&asked, list, items, count, &emptied) < 0 ||
            add_effective(&texts, list, effective) < 0)
                return false;
        if (emptied && sequence)
                return phx_strings_equal(&texts, &asked);
        if (sequence)
                return has_sequence(sequence, &texts, &asked);
        return has_all(&texts, &asked) && (!emptied || has_all(&asked, &texts));
}
