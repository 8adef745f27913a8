/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/grow.h"
#include "base/strings.h"
#include "codec/snapshot_json.h"
#include "reconcile/offers.h"

/* A world that offers the same for each container but one, and keeps what it was asked. */
struct asked {
        struct phx_strings questions;
        const char *after;
};

static int on_offer(
                void *data,
                const struct phx_observed_container *have,
                const char *label,
                bool is_edited,
                struct phx_offer *ret_offer) {
        struct asked *asked = data;
        struct phx_offer_change *change;

        assert_int_equal(
                        phx_strings_addf(
                                        &asked->questions,
                                        "%s %s%s",
                                        have->directory,
                                        label,
                                        is_edited ? " edited" : ""),
                        0);
        if (strcmp(have->directory, "102") == 0)
                return 0;
        change = phx_grow(&ret_offer->changes, &ret_offer->count, sizeof(*change));
        if (!change)
                return -ENOMEM;
        change->kind = PHX_LEFTOVER_PENDING;
        change->line = 7;
        assert_int_equal(phx_replace(&change->sentence, "/f:7: remove this line"), 0);
        assert_int_equal(phx_replace(&ret_offer->file, "/f"), 0);
        assert_int_equal(phx_replace(&ret_offer->before, "a\nb\n"), 0);
        assert_int_equal(phx_replace(&ret_offer->after, asked->after), 0);
        return 1;
}

struct given {
        struct phx_desired *desired;
        struct phx_observed *observed;
        struct phx_plan plan;
        struct phx_snapshot *snapshot;
        struct asked asked;
        struct phx_world world;
};

static void there_is(struct given *given, const char *directory, enum phx_backend backend) {
        struct phx_observed_container *have = phx_observed_add_container(
                        given->observed,
                        directory);

        assert_non_null(have);
        have->backend = backend;
}

static void configure(struct given *given, const char *id, const char *profile) {
        struct phx_desired_container *want = phx_desired_add_container(given->desired, id);

        assert_non_null(want);
        assert_int_equal(phx_replace(&want->directory, id), 0);
        assert_int_equal(phx_desired_container_set_profile(want, profile, NULL), 0);
}

static int offers_set_up(void **state) {
        struct given *given = calloc(1, sizeof(*given));

        assert_non_null(given);
        given->desired = calloc(1, sizeof(*given->desired));
        given->observed = calloc(1, sizeof(*given->observed));
        given->snapshot = phx_snapshot_new();
        assert_true(given->desired && given->observed && given->snapshot);
        given->asked.after = "a\n";
        given->world = (struct phx_world){ .offer = on_offer, .data = &given->asked };
        *state = given;
        return 0;
}

static int offers_tear_down(void **state) {
        struct given *given = *state;

        phx_snapshot_free(given->snapshot);
        phx_desired_free(given->desired);
        phx_observed_free(given->observed);
        phx_plan_done(&given->plan);
        phx_strings_done(&given->asked.questions);
        free(given);
        return 0;
}

static void fill(struct given *given, size_t left) {
        assert_int_equal(
                        phx_offers_fill(&given->world,
                                        given->desired,
                                        given->observed,
                                        &given->plan,
                                        left,
                                        given->snapshot),
                        0);
}

static void each_container_of_proxmox_is_asked_about(void **state) {
        struct given *given = *state;
        struct phx_step *step;

        there_is(given, "101", PHX_BACKEND_PVE);
        there_is(given, "102", PHX_BACKEND_PVE);
        there_is(given, "103", PHX_BACKEND_PVE);
        there_is(given, "104", PHX_BACKEND_PVE);
        there_is(given, "web", PHX_BACKEND_LXC);
        configure(given, "103", "lxc-c");
        configure(given, "101", "lxc-a");
        configure(given, "102", "lxc-b");
        configure(given, "web", "lxc-a");
        configure(given, "gone", "lxc-a");
        step = phx_plan_add(&given->plan);
        assert_non_null(step);
        step->kind = PHX_ACTION_ASSIGN;
        step->edit.directory = "101";
        fill(given, 1000);
        assert_int_equal(given->asked.questions.count, 3);
        assert_string_equal(given->asked.questions.items[0], "103 lxc-c");
        assert_string_equal(given->asked.questions.items[1], "101 lxc-a edited");
        assert_string_equal(given->asked.questions.items[2], "102 lxc-b");
        assert_int_equal(given->snapshot->offer_count, 2);
        assert_string_equal(given->snapshot->offers[0].object, "101");
        assert_string_equal(given->snapshot->offers[1].object, "103");
        assert_string_equal(given->snapshot->offers[1].after, "a\n");
}

static void texts_have_a_limit_together(void **state) {
        struct given *given = *state;

        there_is(given, "101", PHX_BACKEND_PVE);
        there_is(given, "103", PHX_BACKEND_PVE);
        configure(given, "101", "lxc-a");
        configure(given, "103", "lxc-a");
        fill(given, 11);
        assert_int_equal(given->snapshot->offer_count, 2);
        assert_non_null(given->snapshot->offers[0].before);
        assert_null(given->snapshot->offers[1].before);
        assert_null(given->snapshot->offers[1].after);
        assert_int_equal(given->snapshot->offers[1].count, 1);
}

static void a_world_may_offer_nothing(void **state) {
        struct given *given = *state;

        given->world.offer = NULL;
        there_is(given, "101", PHX_BACKEND_PVE);
        configure(given, "101", "lxc-a");
        fill(given, 1000);
        assert_int_equal(given->snapshot->offer_count, 0);
}

/* A patch is made of the texts: also bytes that are no UTF-8 come back. And not everybody may see
 * them: the description of the state has none. */
static void they_travel_in_the_plan_alone_and_byte_by_byte(void **state) {
        struct given *given = *state;
        phx_cleanup(phx_snapshot_plan_done) struct phx_snapshot_plan plan = { 0 };
        phx_autofree char *text = NULL, *whole = NULL;
        struct phx_error error = { 0 };

        given->asked.after = "\xff\xfe secret\n";
        there_is(given, "101", PHX_BACKEND_PVE);
        configure(given, "101", "lxc-a");
        fill(given, 1000);
        assert_int_equal(phx_snapshot_plan_render(given->snapshot, &text), 0);
        if (phx_snapshot_plan_parse(text, strlen(text), &plan, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(plan.offer_count, 1);
        assert_string_equal(plan.offers[0].object, "101");
        assert_string_equal(plan.offers[0].file, "/f");
        assert_string_equal(plan.offers[0].before, "a\nb\n");
        assert_string_equal(plan.offers[0].after, "\xff\xfe secret\n");
        assert_int_equal(plan.offers[0].count, 1);
        assert_int_equal(plan.offers[0].changes[0].kind, PHX_LEFTOVER_PENDING);
        assert_int_equal(plan.offers[0].changes[0].line, 7);
        assert_string_equal(plan.offers[0].changes[0].sentence, "/f:7: remove this line");

        assert_int_equal(phx_snapshot_render(given->snapshot, &whole), 0);
        assert_null(strstr(whole, "offers"));
}

/* That of an earlier version. */
static void a_plan_without_offers_has_none(void **state) {
        static const char text[] =
                        "{\"version\":1,\"generation\":null,\"mode\":\"enforce\",\"steps\":[]}";
        phx_cleanup(phx_snapshot_plan_done) struct phx_snapshot_plan plan = { 0 };

        assert_int_equal(phx_snapshot_plan_parse(text, strlen(text), &plan, NULL), 0);
        assert_int_equal(plan.offer_count, 0);
}

static void every_change_has_a_word(void **state) {
        for (unsigned i = 0; i < PHX_LEFTOVERS; i++)
                assert_non_null(phx_leftover_to_string((enum phx_leftover) i));
        assert_null(phx_leftover_to_string((enum phx_leftover) PHX_LEFTOVERS));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, offers_set_up, offers_tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(each_container_of_proxmox_is_asked_about),
                TEST(texts_have_a_limit_together),
                TEST(a_world_may_offer_nothing),
                TEST(they_travel_in_the_plan_alone_and_byte_by_byte),
                TEST(a_plan_without_offers_has_none),
                TEST(every_change_has_a_word),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
