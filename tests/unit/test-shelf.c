/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/macros.h"
#include "bus/shelf.h"

#define KIND PHX_OBJECT_CONTAINER
#define KEYS 24

static void put(struct shelves *shelves, const char *key, const char *json) {
        assert_int_equal(shelves_put(shelves, KIND, key, json, json ? strlen(json) : 0), 0);
}

/* The first byte of its JSON; a NUL for no object. */
static char first_of(const struct shelves *shelves, const struct shelf_object *object) {
        phx_cleanup(phx_buffer_done) struct phx_buffer json = { 0 };

        if (!object)
                return '\0';
        assert_int_equal(shelf_add(shelves, object, &json), 0);
        return json.data[0];
}

/* "a=1 b=2 ". */
static const char *shown(const struct shelves *shelves) {
        const struct shelf *shelf = &shelves->kinds[KIND];
        static char text[4096];
        size_t used = 0;

        text[0] = '\0';
        for (size_t i = 0; i < shelf->count; i++) {
                phx_cleanup(phx_buffer_done) struct phx_buffer json = { 0 };

                assert_int_equal(shelf_add(shelves, shelf->items[i], &json), 0);
                used += (size_t) snprintf(
                                text + used,
                                sizeof(text) - used,
                                "%s=%s ",
                                shelf_key(shelf->items[i]),
                                json.data);
        }
        return text;
}

/* "+a *b -c ". */
static const char *news(struct shelves *shelves) {
        const struct shelf_change *change;
        static char text[4096];
        size_t used = 0;

        text[0] = '\0';
        while ((change = shelves_take_news(shelves)))
                used += (size_t) snprintf(
                                text + used,
                                sizeof(text) - used,
                                "%s%s ",
                                !change->before ? "+"
                                : !change->now  ? "-"
                                                : "*",
                                shelf_key(change->now ? change->now : change->before));
        return text;
}

static void what_was_put_is_shown_at_once(void **state) {
        phx_cleanup(shelves_done) struct shelves shelves = { 0 };

        assert_int_equal(shelves_put_all(&shelves), 0);
        put(&shelves, "a", "1");
        put(&shelves, "c", "3");
        assert_string_equal(shown(&shelves), "");
        assert_int_equal(shelves_show(&shelves), 1U << KIND);
        assert_string_equal(shown(&shelves), "a=1 c=3 ");
        assert_string_equal(news(&shelves), "+a +c ");

        put(&shelves, "b", "2");
        put(&shelves, "c", NULL);
        put(&shelves, "d", "4");
        assert_string_equal(shown(&shelves), "a=1 c=3 ");
        (void) shelves_show(&shelves);
        assert_string_equal(shown(&shelves), "a=1 b=2 d=4 ");
        assert_string_equal(news(&shelves), "+b -c +d ");

        put(&shelves, "b", "5");
        (void) shelves_show(&shelves);
        assert_string_equal(shown(&shelves), "a=1 b=5 d=4 ");
        assert_string_equal(news(&shelves), "*b ");
}

static void what_is_dropped_was_never_there(void **state) {
        phx_cleanup(shelves_done) struct shelves shelves = { 0 };

        put(&shelves, "a", "1");
        (void) shelves_show(&shelves);
        (void) news(&shelves);
        put(&shelves, "a", "2");
        put(&shelves, "b", "2");
        shelves_drop(&shelves);
        assert_int_equal(shelves_show(&shelves), 0);
        assert_string_equal(shown(&shelves), "a=1 ");
        assert_int_equal(shelves_put_all(&shelves), 0);
        shelves_drop(&shelves);
        assert_int_equal(shelves_show(&shelves), 0);
        assert_string_equal(shown(&shelves), "a=1 ");
        assert_string_equal(news(&shelves), "");
}

/* A new engine tells everything: only what differs is news. */
static void what_is_not_told_with_all_goes(void **state) {
        phx_cleanup(shelves_done) struct shelves shelves = { 0 };

        put(&shelves, "a", "1");
        put(&shelves, "b", "2");
        put(&shelves, "c", "3");
        (void) shelves_show(&shelves);
        (void) news(&shelves);
        assert_int_equal(shelves_put_all(&shelves), 0);
        put(&shelves, "b", "2");
        put(&shelves, "d", "4");
        (void) shelves_show(&shelves);
        assert_string_equal(shown(&shelves), "b=2 d=4 ");
        assert_string_equal(news(&shelves), "-a -c +d ");
        assert_int_equal(shelves_put_all(&shelves), 0);
        (void) shelves_show(&shelves);
        assert_string_equal(shown(&shelves), "");
        assert_string_equal(news(&shelves), "-b -d ");
}

static void what_is_out_of_order_is_refused(void **state) {
        phx_cleanup(shelves_done) struct shelves shelves = { 0 };

        put(&shelves, "b", "1");
        assert_int_equal(shelves_put(&shelves, KIND, "a", "1", 1), -EBADMSG);
        assert_int_equal(shelves_put(&shelves, KIND, "b", "1", 1), -EBADMSG);
        assert_int_equal(shelves_put(&shelves, PHX_OBJECT_PROFILE, "c", "1", 1), -EBADMSG);
        assert_int_equal(shelves_put_all(&shelves), -EBADMSG);
        assert_int_equal(shelves_put(&shelves, PHX_OBJECT_DRIFT, "a", "1", 1), 0);
        (void) shelves_show(&shelves);
        put(&shelves, "b", NULL);
        assert_int_equal(shelves_put(&shelves, KIND, "b", "1", 1), -EBADMSG);
        /* A new look begins from the front. */
        shelves_drop(&shelves);
        put(&shelves, "a", "1");
}

static void what_came_and_went_meanwhile_is_no_news(void **state) {
        phx_cleanup(shelves_done) struct shelves shelves = { 0 };

        put(&shelves, "a", "1");
        put(&shelves, "b", "1");
        (void) shelves_show(&shelves);
        assert_string_equal(shelf_key(shelves_take_news(&shelves)->now), "a");
        put(&shelves, "a", "2");
        put(&shelves, "b", NULL);
        put(&shelves, "c", "1");
        (void) shelves_show(&shelves);
        put(&shelves, "a", NULL);
        (void) shelves_show(&shelves);
        assert_string_equal(news(&shelves), "-a +c ");
}

/* --- random --- */

struct model {
        char values[KEYS];    /* 0: not there */
        char announced[KEYS]; /* as the news say it */
};

static unsigned seed = 1;

static unsigned pick(unsigned count) {
        seed = seed * 1103515245 + 12345;
        return (seed >> 16) % count;
}

static void put_random(struct shelves *shelves, struct model *next, bool is_whole) {
        for (unsigned i = 0; i < KEYS; i++) {
                const char key[] = { (char) ('a' + i), '\0' };
                char value[] = { next->values[i], '\0' };

                if (pick(3) == 0)
                        value[0] = (char) ('1' + pick(3));
                else if (pick(4) == 0)
                        value[0] = '\0';
                else if (!is_whole)
                        continue;
                if (value[0] || !is_whole)
                        put(shelves, key, value[0] ? value : NULL);
                next->values[i] = value[0];
        }
}

static void take_random(struct shelves *shelves, struct model *model, unsigned limit) {
        for (unsigned i = 0; i < limit; i++) {
                const struct shelf_change *change = shelves_take_news(shelves);
                unsigned at;

                if (!change)
                        return;
                at = (unsigned) (shelf_key(change->now ? change->now : change->before)[0] - 'a');
                assert_int_equal(model->announced[at], first_of(shelves, change->before));
                model->announced[at] = first_of(shelves, change->now);
        }
}

static void expect_model(const struct shelves *shelves, const struct model *model) {
        size_t count = 0;

        for (unsigned i = 0; i < KEYS; i++) {
                const char key[] = { (char) ('a' + i), '\0' };
                const struct shelf_object *object = shelves_find(shelves, KIND, key);

                count += model->values[i] != '\0';
                assert_int_equal(first_of(shelves, object), model->values[i]);
        }
        assert_int_equal(shelves->kinds[KIND].count, count);
}

/* Whatever is told, dropped and announced in which order: what is shown is what was told, and what
 * was announced comes to the same. */
static void random_looks_come_to_the_same(void **state) {
        phx_cleanup(shelves_done) struct shelves shelves = { 0 };
        struct model model = { 0 };

        for (unsigned i = 0; i < 5000; i++) {
                struct model next = model;
                const bool is_whole = pick(5) == 0;

                if (is_whole)
                        assert_int_equal(shelves_put_all(&shelves), 0);
                put_random(&shelves, &next, is_whole);
                if (pick(4) == 0)
                        shelves_drop(&shelves);
                else {
                        (void) shelves_show(&shelves);
                        memcpy(model.values, next.values, sizeof(model.values));
                }
                expect_model(&shelves, &model);
                take_random(&shelves, &model, pick(10));
                assert_true(shelves.news.count - shelves.news.at <= KEYS);
        }
        take_random(&shelves, &model, UINT32_MAX);
        assert_memory_equal(model.announced, model.values, sizeof(model.values));
}

static void the_drifts_of_an_object_are_found(void **state) {
        phx_cleanup(shelves_done) struct shelves shelves = { 0 };
        static const struct {
                enum phx_layer layer;
                const char *object, *json;
        } drifts[] = {
                { PHX_LAYER_DISK, "lxc-a", "1" },   { PHX_LAYER_DISK, "lxc-a-b", "2" },
                { PHX_LAYER_KERNEL, "lxc-a", "3" }, { PHX_LAYER_KERNEL, "lxc-a", "4" },
                { PHX_LAYER_RUNNING, "lxc-", "5" }, { PHX_LAYER_RUNNING, "lxc-a", "6" },
        };
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 }, none = { 0 };

        for (size_t i = 0; i < PHX_ELEMENTS(drifts); i++) {
                phx_autofree char *key = phx_drift_key(
                                drifts[i].layer,
                                drifts[i].object,
                                PHX_DRIFT_ABSENT,
                                i);

                assert_int_equal(
                                shelves_put(&shelves, PHX_OBJECT_DRIFT, key, drifts[i].json, 1),
                                0);
        }
        (void) shelves_show(&shelves);
        assert_int_equal(shelves_join_drifts(&shelves, "lxc-a", &buffer), 0);
        assert_string_equal(buffer.data, "1,3,4,6");
        assert_int_equal(shelves_join_drifts(&shelves, "lxc", &none), 0);
        assert_int_equal(none.size, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_put_is_shown_at_once),
                cmocka_unit_test(what_is_dropped_was_never_there),
                cmocka_unit_test(what_is_not_told_with_all_goes),
                cmocka_unit_test(what_is_out_of_order_is_refused),
                cmocka_unit_test(what_came_and_went_meanwhile_is_no_news),
                cmocka_unit_test(random_looks_come_to_the_same),
                cmocka_unit_test(the_drifts_of_an_object_are_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
