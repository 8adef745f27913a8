/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Options that are written into configs, by the real liblxc: no container, no AppArmor and no root
 * are needed for that. */

#include "option-trials-fixture.h"

/* --- at random --- */

static uint32_t random_next(uint32_t *seed) {
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

static const char *const pieces[] = {
        "lxc.cap.drop=sys_time",
        "lxc.cap.drop=sys_module",
        "lxc.cap.drop=sys_time sys_boot",
        "lxc.cap.drop=",
        "lxc.tty.max=2",
        "lxc.tty.max=4",
        "lxc.environment=A=1",
        "lxc.environment=A=2",
        "lxc.environment=B=1",
        "lxc.environment=",
        "lxc.mount.entry=/a x/y none bind",
        "lxc.mount.entry=/b x/y none bind",
        "lxc.mount.entry=/c x none bind",
        "lxc.hook.start=/one",
        "lxc.hook.start=/two",
        "lxc.hook=",
        "lxc.cgroup2.memory.max=1G",
        "lxc.cgroup2.memory.max=2G",
        "lxc.cgroup2.devices.deny=a",
        "lxc.cgroup2.devices.allow=c 1:3 rwm",
        "lxc.mount.auto=proc:rw",
        "lxc.mount.auto=",
        "lxc.include=INCLUDE",
};

static const char *random_piece(uint32_t *seed) {
        static char include[300];
        const char *piece = pieces[random_next(seed) % PHX_ELEMENTS(pieces)];

        if (!strstr(piece, "INCLUDE"))
                return piece;
        (void) snprintf(include, sizeof(include), "lxc.include=%s", tree_path("inc.conf"));
        return include;
}

static void add_random_config(struct host *host, uint32_t *seed) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };

        assert_int_equal(phx_buffer_add_text(&text, "# the operator's\n"), 0);
        for (uint32_t n = random_next(seed) % 10; n > 0; n--) {
                const char *piece = random_piece(seed), *equals = strchr(piece, '=');

                assert_int_equal(
                                phx_buffer_addf(&text,
                                                random_next(seed) % 2 ? "%.*s = %s\n" : "%.*s=%s\n",
                                                (int) (equals - piece),
                                                piece,
                                                equals + 1),
                                0);
                if (random_next(seed) % 8 == 0)
                        assert_int_equal(phx_buffer_add_text(&text, PROFILE), 0);
        }
        add(host, text.data);
}

static void set_random_options(struct host *host, size_t index, uint32_t *seed) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };

        assert_int_equal(phx_buffer_add_text(&text, ""), 0);
        for (uint32_t n = random_next(seed) % 6; n > 0; n--)
                assert_int_equal(phx_buffer_addf(&text, "%s;", random_piece(seed)), 0);
        set_options(host, index, text.data ? text.data : "");
}

/* The lines of a text but the profile's. */
static void split(const char *text, struct phx_strings *lines) {
        phx_autofree char *copy = strdup(text);
        char *rest = copy, *line;

        while ((line = strsep(&rest, "\n")))
                if (!phx_has_prefix(line, "lxc.apparmor.profile") && (line[0] || rest))
                        assert_int_equal(phx_strings_add(lines, line), 0);
}

/* All that the operator has written, byte by byte and in its order, and as many more as are ours.
 */
static void assert_foreign_lines_stay(struct host *host, size_t index) {
        phx_autofree char *text = tree_read(config_of(host, index));
        phx_cleanup(phx_strings_done) struct phx_strings before = { 0 }, after = { 0 };
        const struct phx_inventory_container *record = phx_inventory_container(
                        &host->inventory,
                        host->configs[index].id);
        size_t found = 0;

        split(host->foreign[index], &before);
        split(text, &after);
        for (size_t i = 0; i < after.count && found < before.count; i++)
                found += strcmp(after.items[i], before.items[found]) == 0;
        assert_int_equal(found, before.count);
        assert_int_equal(after.count, before.count + (record ? record->lines.count : 0));
}

/* What the options come to, each include in its place. */
struct asked {
        const char *key;
        struct phx_strings values;
};

static int collect(void *data, const struct phx_lxc_place *place, const struct phx_lxc_line *line) {
        struct asked *asked = data;
        bool empties = phx_lxc_line_is(line, "lxc.hook") && phx_has_prefix(asked->key, "lxc.hook");

        if (!phx_lxc_line_is(line, asked->key) && !empties)
                return 0;
        if (line->value_size == 0) {
                phx_strings_done(&asked->values);
                return phx_strings_add(&asked->values, ""); /* nothing of the config's own */
        }
        return phx_strings_addf(&asked->values, "%.*s", (int) line->value_size, line->value);
}

static void ask(const struct host *host, size_t index, struct asked *asked) {
        const struct phx_lxc_options *options = &host->configs[index].options;
        phx_cleanup(phx_lxc_reader_freep) struct phx_lxc_reader *reader = NULL;
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };

        assert_int_equal(phx_lxc_reader_new(&reader), 0);
        for (size_t i = 0; i < options->count; i++)
                assert_int_equal(
                                phx_buffer_addf(&text,
                                                "%s = %s\n",
                                                options->items[i].key,
                                                options->items[i].value),
                                0);
        assert_int_equal(
                        phx_lxc_walk(reader,
                                     "",
                                     text.data ? text.data : "",
                                     text.size,
                                     collect,
                                     asked),
                        0);
}

static bool ends_with(const struct phx_strings *values, const char *value) {
        return values->count > 0 && strcmp(values->items[values->count - 1], value) == 0;
}

/* Of a single value the last; of a sequence all, in their order and none behind but of others. */
static void assert_last_is(struct host *host, size_t index, const char *key) {
        phx_cleanup(phx_strings_done) struct phx_strings values = { 0 };
        struct asked asked = { .key = key };

        ask(host, index, &asked);
        effective(host, index, key, &values);
        if (asked.values.count > 0 && asked.values.items[asked.values.count - 1][0])
                assert_true(ends_with(&values, asked.values.items[asked.values.count - 1]));
        phx_strings_done(&asked.values);
}

static void assert_set(struct host *host, size_t index, const char *key) {
        phx_cleanup(phx_strings_done) struct phx_strings values = { 0 }, words = { 0 };
        struct asked asked = { .key = key };
        bool emptied;

        ask(host, index, &asked);
        effective(host, index, key, &values);
        emptied = asked.values.count > 0 && asked.values.items[0][0] == '\0';
        for (size_t i = 0; i < asked.values.count; i++) {
                char *rest = asked.values.items[i], *word;

                while ((word = strsep(&rest, " ")))
                        if (word[0])
                                assert_true(phx_strings_add_once(&words, word) >= 0);
        }
        for (size_t i = 0; i < words.count; i++)
                assert_true(phx_strings_has(&values, words.items[i]));
        for (size_t i = 0; emptied && i < values.count; i++)
                assert_true(phx_strings_has(&words, values.items[i]));
        phx_strings_done(&asked.values);
}

static void assert_sequence(struct host *host, size_t index, const char *key) {
        phx_cleanup(phx_strings_done) struct phx_strings values = { 0 };
        struct asked asked = { .key = key };
        bool emptied;
        size_t found;

        ask(host, index, &asked);
        effective(host, index, key, &values);
        emptied = asked.values.count > 0 && asked.values.items[0][0] == '\0';
        found = emptied ? 1 : 0;
        for (size_t i = 0; i < values.count && found < asked.values.count; i++)
                found += strcmp(values.items[i], asked.values.items[found]) == 0;
        assert_int_equal(found, asked.values.count);
        if (emptied)
                assert_int_equal(values.count, asked.values.count - 1);
        phx_strings_done(&asked.values);
}

/* Of the variable that is asked for last, the last value is that. */
static void assert_variable(struct host *host, size_t index) {
        phx_cleanup(phx_strings_done) struct phx_strings values = { 0 };
        struct asked asked = { .key = "lxc.environment" };
        const char *wanted = NULL, *last = NULL;

        ask(host, index, &asked);
        effective(host, index, asked.key, &values);
        for (size_t i = 0; i < asked.values.count; i++)
                if (phx_has_prefix(asked.values.items[i], "A="))
                        wanted = asked.values.items[i];
        for (size_t i = 0; i < values.count; i++)
                if (phx_has_prefix(values.items[i], "A="))
                        last = values.items[i];
        if (wanted) {
                assert_non_null(last);
                assert_string_equal(last, wanted);
        }
        phx_strings_done(&asked.values);
}

static bool covers(const char *later, const char *earlier) {
        bool is_above = strstr(later, " x ");

        return is_above || (strstr(later, " x/y ") && strstr(earlier, " x/y "));
}

/* What is mounted behind the last that is asked for leaves it to be seen. */
static void assert_mount(struct host *host, size_t index) {
        phx_cleanup(phx_strings_done) struct phx_strings values = { 0 };
        struct asked asked = { .key = "lxc.mount.entry" };

        ask(host, index, &asked);
        effective(host, index, asked.key, &values);
        if (asked.values.count > 0)
                for (size_t i = values.count; i-- > 0;) {
                        const char *wanted = asked.values.items[asked.values.count - 1];

                        if (strcmp(values.items[i], wanted) == 0)
                                break;
                        assert_false(covers(values.items[i], wanted));
                }
        phx_strings_done(&asked.values);
}

static void assert_asked(struct host *host, size_t index) {
        assert_set(host, index, "lxc.cap.drop");
        assert_last_is(host, index, "lxc.tty.max");
        assert_last_is(host, index, "lxc.cgroup2.memory.max");
        assert_sequence(host, index, "lxc.environment");
        assert_sequence(host, index, "lxc.mount.entry");
        assert_sequence(host, index, "lxc.hook.start");
        assert_sequence(host, index, "lxc.cgroup2.devices.allow");
        assert_variable(host, index);
        assert_mount(host, index);
}

/* One repair does it, whatever there was and whatever was asked for before. */
static void one_repair_gives_what_is_asked_and_takes_nothing(void **state) {
        struct host *host = *state;
        uint32_t seed = 1;

        tree_write("inc.conf",
                   "lxc.cap.drop = sys_nice\nlxc.tty.max = 7\nlxc.environment = A=7\n"
                   "lxc.hook.start = /inc\n");
        for (size_t i = 0; i < CONTAINERS; i++)
                add_random_config(host, &seed);
        for (int round = 0; round < 4; round++) {
                for (size_t i = 0; i < CONTAINERS; i++)
                        set_random_options(host, i, &seed);
                repair(host);
                assert_converged(host);
                for (size_t i = 0; i < CONTAINERS; i++) {
                        assert_foreign_lines_stay(host, i);
                        assert_asked(host, i);
                }
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                with_host(one_repair_gives_what_is_asked_and_takes_nothing),
        };

        (void) pthread_atfork(count_fork, NULL, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
