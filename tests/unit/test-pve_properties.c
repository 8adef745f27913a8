/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Random files, and random edits of them, offers for them and starts at boot: what pve_oracle.h and
 * pve_leftovers_oracle.h say holds. PHX_SEED and PHX_CASES
 * choose others; a failure names the seed of its case. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pve/meaning.h"
#include "pve/wish.h"
#include "pve_leftovers_oracle.h"
#include "pve_oracle.h"

#define CASES 4000

struct dice {
        uint64_t state;
};

static uint64_t roll(struct dice *dice, uint64_t sides) {
        dice->state = dice->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (dice->state >> 33) % sides;
}

static const char *pick(struct dice *dice, const char *const *words, size_t count) {
        return words[roll(dice, count)];
}

#define PICK(dice, words) pick(dice, words, PHX_ELEMENTS(words))

static const char *const lxc_keys[] = {
        "lxc.apparmor.profile",
        "lxc.apparmor.profile",
        "lxc.include",
        "lxc.cap.drop",
        "lxc.apparmor.allow_nesting",
        "lxc.environment.runtime",
        "lxc.mount.entry",
        "lxc.aa_profile",
        "lxc.colour",
};
static const char *const ordinary_keys[] = {
        "arch", "features", "hostname", "memory", "net0", "net10", "onboot", "swap", "zz",
};
static const char *const values[] = { "a",     "b",     "1", "0",  "a # b",
                                      "\"a\"", ":ns:a", "",  "  ", "a\rb" };
static const char *const signs[] = { ":", ": ", " = ", "=", " : ", "\t=\t" };
static const char *const ends[] = { "\n", "\n", "\n", "\n", "\r\n", " \n", "\n\n" };
static const char *const others[] = {
        "#note\n",
        " #no note\n",
        "[s]\n",
        "words\n",
        "\n",
        "  \t\n",
        "lxc.cap.drop\n",
        "delete: x\n",
        "\xef\xbb\xbfx: 1\n",
        "[s1] ;\n",
        "\xff\xfe: 2\n",
        "description: x\n",
        "a snapstate: delete\n",
};
static const char *const headers[] = { "[pve:pending]\n", "[s1]\n", "[PVE:pending] \n", "[s2]\n" };

static void add(struct phx_buffer *text, const char *part) {
        assert_int_equal(phx_buffer_add_text(text, part), 0);
}

static void add_line(struct dice *dice, struct phx_buffer *text) {
        uint64_t kind = roll(dice, 8);

        if (kind == 0) {
                add(text, PICK(dice, others));
                return;
        }
        if (roll(dice, 16) == 0)
                add(text, " ");
        add(text, kind < 4 ? PICK(dice, ordinary_keys) : PICK(dice, lxc_keys));
        add(text, kind < 4 && roll(dice, 8) > 0 ? ":" : PICK(dice, signs));
        add(text, PICK(dice, values));
        add(text, PICK(dice, ends));
}

static void make_text(struct dice *dice, struct phx_buffer *text) {
        uint64_t sections = roll(dice, 4);

        assert_int_equal(phx_buffer_add_text(text, ""), 0);
        for (uint64_t i = 0; i <= sections; i++) {
                uint64_t lines = roll(dice, 10);

                if (i > 0)
                        add(text, PICK(dice, headers));
                for (uint64_t k = 0; k < lines; k++)
                        add_line(dice, text);
        }
        if (text->size > 0 && roll(dice, 4) == 0)
                text->size--;
}

static void make_edit(struct dice *dice, struct phx_pve_edit *edit) {
        static const char *const settings[] = {
                "lxc.apparmor.profile",
                "lxc.apparmor.profile",
                "features",
                "lxc.apparmor.allow_nesting",
                "lxc.include",
                "hostname",
                "lxc.environment.runtime",
                "net2",
                "zzz",
        };
        static const char *const wanted[] = { "a", "b", ":ns:a//&c", "1" };
        static const char *const items[] = {
                "lxc.cap.drop=a",    "lxc.cap.drop: b",           "lxc.include=/x",
                "lxc.mount.entry=a", "lxc.environment.runtime=a", "lxc.apparmor.profile=b",
        };

        for (uint64_t n = roll(dice, 4); n > 0; n--)
                assert_int_equal(
                                phx_pve_edit_set(
                                                edit,
                                                PICK(dice, settings),
                                                roll(dice, 4) > 0 ? PICK(dice, wanted) : NULL),
                                0);
        for (uint64_t n = roll(dice, 4); n > 0; n--)
                assert_int_equal(phx_strings_add(&edit->tail, PICK(dice, items)), 0);
        for (uint64_t n = roll(dice, 4); n > 0; n--)
                assert_int_equal(phx_strings_add(&edit->removed, PICK(dice, items)), 0);
}

/* True when the edit could be made. */
static bool try_case(uint64_t seed) {
        struct dice dice = { seed * UINT64_C(0x9e3779b97f4a7c15) + 1 };
        phx_cleanup(phx_pve_edit_done) struct phx_pve_edit edit = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer data = { 0 }, result = { 0 };
        struct phx_error error = { 0 };
        const char *fault;

        make_text(&dice, &data);
        make_edit(&dice, &edit);
        assert_int_equal(phx_pve_text_parse(data.data, data.size, &text), 0);
        if (phx_pve_edit_render(&edit, &text, &result, &error) < 0)
                return false;
        fault = pve_edit_fault(&edit, data.data, data.size, &result);
        if (fault)
                fail_msg("seed %llu: %s\n%.*s\n-----\n%s",
                         (unsigned long long) seed,
                         fault,
                         (int) data.size,
                         data.data,
                         result.data);
        return true;
}

/* --- leftovers --- */

static const char *const left_keys[] = {
        "lxc.apparmor.profile",
        "lxc.apparmor.profile",
        "lxc.apparmor.profile",
        "lxc.include",
        "lxc.include",
        "lxc.apparmor.allow_nesting",
        "lxc.aa_profile",
        "LXC.AppArmor.Profile",
        "lxc.apparmor_profile",
        "lxc.cap.drop",
        "LXC.cap.drop",
        "lxc.rootfs.path",
        "lxc.environment.runtime",
        "delete",
        "features",
};
static const char *const left_values[] = {
        "lxc-a",
        "lxc-b",
        "unconfined",
        "unconfined",
        "unchanged",
        "generated",
        "",
        "0",
        "1",
        "\"unconfined\"",
        "\"lxc-a\"",
        "lxc-a # b",
        "a\rlxc.apparmor.profile = unconfined",
        "nesting=1",
        "lxc",
        "/usr/share/lxc/config/nesting.conf",
        "/usr/share/lxc/config/nesting.conf",
        "/etc/lxc/own.conf",
};
static const char *const left_signs[] = { ": ", ": ", ": ", " = ", " : ", ":" };
static const char *const left_headers[] = {
        "[pve:pending]\n", "[pve:pending]\n", "[s1]\n", "[s2]\n", "[s3]\n", "[a.b]\n",
};

static void add_left_line(struct dice *dice, struct phx_buffer *text) {
        if (roll(dice, 12) == 0) {
                add(text, PICK(dice, others));
                return;
        }
        if (roll(dice, 8) == 0)
                add(text, " ");
        add(text, PICK(dice, left_keys));
        add(text, PICK(dice, left_signs));
        add(text, PICK(dice, left_values));
        add(text, PICK(dice, ends));
}

static void make_left(struct dice *dice, struct phx_buffer *text) {
        uint64_t sections = roll(dice, 4);

        assert_int_equal(phx_buffer_add_text(text, ""), 0);
        for (uint64_t i = 0; i <= sections; i++) {
                uint64_t lines = roll(dice, 6);

                if (i > 0)
                        add(text, PICK(dice, left_headers));
                if (roll(dice, 16) > 0)
                        add(text, "arch: amd64\nostype: debian\nrootfs: x\n");
                for (uint64_t k = 0; k < lines; k++)
                        add_left_line(dice, text);
        }
        if (text->size > 0 && roll(dice, 4) == 0)
                text->size--;
}

/* How many changes were offered. */
static size_t try_left(uint64_t seed) {
        static const struct phx_pve_wanted wishes[] = {
                { NULL, false },         { "lxc-c", false },     { "lxc-c", true },
                { "unconfined", false }, { "unconfined", true }, { "generated", true },
        };
        struct dice dice = { seed * UINT64_C(0x9e3779b97f4a7c15) + 2 };
        phx_cleanup(phx_buffer_done) struct phx_buffer data = { 0 };
        const struct phx_pve_wanted *wanted = &wishes[roll(&dice, PHX_ELEMENTS(wishes))];
        const char *fault;
        size_t count = 0;

        make_left(&dice, &data);
        fault = pve_leftovers_fault(data.data, data.size, wanted, &count);
        if (fault)
                fail_msg("seed %llu, %s%s: %s\n%.*s",
                         (unsigned long long) seed,
                         wanted->label ? wanted->label : "no label",
                         wanted->is_edited ? ", edited" : "",
                         fault,
                         (int) data.size,
                         data.data);
        return count;
}

/* --- starts --- */

static void make_start(struct dice *dice, struct phx_buffer *text) {
        static const char *const parts[] = { "3",    "order=3", "order=03", "order=0",
                                             "up=5", "up=0",    "down=60",  "down=x",
                                             " ",    "",        "0",        "nonsense" };
        static const char *const onboot[] = { "0", "1", "yes", "off", "perhaps" };

        assert_int_equal(phx_buffer_add_text(text, ""), 0);
        for (uint64_t lines = roll(dice, 4); lines > 0; lines--) {
                if (roll(dice, 3) == 0)
                        add_line(dice, text);
                if (text->size > 0 && text->data[text->size - 1] != '\n')
                        add(text, "\n");
                if (roll(dice, 2) == 0) {
                        add(text, "onboot: ");
                        add(text, PICK(dice, onboot));
                } else {
                        add(text, "startup: ");
                        for (uint64_t n = roll(dice, 4) + 1; n > 0; n--) {
                                add(text, PICK(dice, parts));
                                add(text, n > 1 ? "," : "");
                        }
                }
                add(text, "\n");
        }
}

static struct phx_container_config make_wish(struct dice *dice) {
        return (struct phx_container_config){
                .has_start_at_boot = roll(dice, 2),
                .has_boot_order = roll(dice, 2),
                .has_boot_delay = roll(dice, 2),
                .start_at_boot = roll(dice, 2),
                .boot_order = (long) roll(dice, 5),
                .boot_delay = (long) roll(dice, 7),
        };
}

static bool is_kept(struct phx_pve_digits before, struct phx_pve_digits after) {
        return before.size == after.size &&
               (before.size == 0 || memcmp(before.start, after.start, before.size) == 0);
}

static const char *start_fault(
                const struct phx_container_config *config,
                const struct phx_pve_text *before,
                const struct phx_pve_text *after) {
        phx_cleanup(phx_strings_done) struct phx_strings left = { 0 };
        phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning old = { 0 }, new = { 0 };

        assert_int_equal(phx_pve_meaning_of(before, &old), 0);
        assert_int_equal(phx_pve_meaning_of(after, &new), 0);
        assert_int_equal(phx_pve_wish_start(config, after, &left), 0);
        if (left.count > 0)
                return "something is left to be wished for";
        if (new.starts_at_boot !=
            (config->has_start_at_boot ? config->start_at_boot : old.starts_at_boot))
                return "it starts, or not, as nothing asks for";
        if (config->has_boot_order ? !phx_pve_digits_are(&new.startup.order, config->boot_order)
                                   : !is_kept(old.startup.order, new.startup.order))
                return "the order is another one";
        if (config->has_boot_delay ? !phx_pve_digits_are(&new.startup.up, config->boot_delay)
                                   : !is_kept(old.startup.up, new.startup.up))
                return "the delay is another one";
        if (!is_kept(old.startup.down, new.startup.down))
                return "the time for the shutdown is another one";
        if ((config->has_boot_order || config->has_boot_delay) && new.startup.is_refused)
                return "Proxmox cannot read it";
        return NULL;
}

/* How many keys were written. */
static size_t try_start(uint64_t seed) {
        struct dice dice = { seed * UINT64_C(0x9e3779b97f4a7c15) + 3 };
        phx_cleanup(phx_pve_edit_done) struct phx_pve_edit edit = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 }, after = { 0 };
        phx_cleanup(phx_buffer_done) struct phx_buffer data = { 0 }, result = { 0 };
        phx_cleanup(phx_strings_done) struct phx_strings settings = { 0 };
        struct phx_container_config config;
        const char *fault;

        make_start(&dice, &data);
        config = make_wish(&dice);
        assert_int_equal(phx_pve_text_parse(data.data, data.size, &text), 0);
        assert_int_equal(phx_pve_wish_start(&config, &text, &settings), 0);
        for (size_t i = 0; i < settings.count; i++) {
                char *value = strchr(settings.items[i], '=');

                *value++ = '\0';
                assert_int_equal(phx_pve_edit_set(&edit, settings.items[i], value), 0);
        }
        if (phx_pve_edit_render(&edit, &text, &result, NULL) < 0)
                return 0;
        assert_int_equal(phx_pve_text_parse(result.data, result.size, &after), 0);
        fault = start_fault(&config, &text, &after);
        if (!fault)
                fault = pve_edit_fault(&edit, data.data, data.size, &result);
        if (fault)
                fail_msg("seed %llu: %s\n%s-----\n%s",
                         (unsigned long long) seed,
                         fault,
                         data.data,
                         result.data);
        return settings.count;
}

static uint64_t number_of(const char *name, uint64_t otherwise) {
        const char *text = getenv(name);

        return text ? strtoull(text, NULL, 10) : otherwise;
}

static void every_edit_keeps_its_promises(void **state) {
        const uint64_t first = number_of("PHX_SEED", 1), count = number_of("PHX_CASES", CASES);
        uint64_t made = 0;

        for (uint64_t seed = first; seed < first + count; seed++)
                made += try_case(seed);
        assert_true(made > count / 2);
}

static void every_offer_keeps_its_promises(void **state) {
        const uint64_t first = number_of("PHX_SEED", 1), count = number_of("PHX_CASES", CASES);
        uint64_t changes = 0;

        for (uint64_t seed = first; seed < first + count; seed++)
                changes += try_left(seed);
        assert_true(count == 1 || changes > count);
}

static void every_start_keeps_its_promises(void **state) {
        const uint64_t first = number_of("PHX_SEED", 1), count = number_of("PHX_CASES", CASES);
        uint64_t written = 0;

        for (uint64_t seed = first; seed < first + count; seed++)
                written += try_start(seed);
        assert_true(count == 1 || written > count / 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_edit_keeps_its_promises),
                cmocka_unit_test(every_offer_keeps_its_promises),
                cmocka_unit_test(every_start_keeps_its_promises),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
