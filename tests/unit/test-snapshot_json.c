/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "codec/snapshot_json.h"
#include "codec/snapshot_shapes.h"

/* Each key of the shape, each with a value that is not the zero one, and once with nothing. */
static const char whole[] =
                "{\"version\":1,"
                "\"daemon\":{\"version\":\"0.1.0\",\"started_at\":11,\"mode\":\"observe\"},"
                "\"health\":\"degraded\",\"status\":\"Degraded: \\\"lxc-web\\\"\","
                "\"doing\":\"compiling lxc-web (2 of 5)\","
                "\"pass\":{\"number\":3,\"began_at\":12,\"ended_at\":13,\"changes\":2},"
                "\"last_converged_at\":14,\"labels_at\":16,\"next_look_at\":15,"
                "\"counters\":{\"passes\":3,\"changes\":4,\"failures\":5,\"compiles\":6,"
                "\"compile_usec\":9223372036854775807},"
                "\"generation\":\"ab\",\"boot_gate\":\"off\",\"observed_generation\":\"cd\","
                "\"cache\":{\"compiler\":\"0c\",\"hits\":7,\"shared_hits\":8,\"misses\":9},"
                "\"paths\":{\"settings\":\"/s\",\"configuration\":\"/a\",\"site_configuration\":\"/s/a\",\"profile_dir\":\"/b\",\"site_profile_dir\":\"/s/p\",\"deployed_dir\":\"/c\","
                "\"lxc_path\":\"/d\"},"
                "\"profiles\":[{\"name\":\"abstractions/x\",\"kind\":\"piece\","
                "\"state\":\"quarantined\",\"source\":\"refused\",\"tier\":\"site\",\"compiling_since\":7,\"refusal\":\"line 3\","
                "\"digest\":\"01\",\"deployed\":\"differs\",\"loaded\":true,\"mode\":\"enforce\","
                "\"hash\":\"02\",\"loaded_hash\":\"03\",\"containers\":[\"101\",\"102\"],"
                "\"lints\":[{\"rule\":\"may-leave\",\"text\":\"it may\",\"line\":3,"
                "\"column\":null,\"key\":null,\"source\":\"file\",\"included_file\":\"/i\","
                "\"included_line\":4,\"accepted\":\"so be it\"}],"
                "\"suspended\":{\"object\":\"*\",\"reason\":\"moving\",\"since\":1,\"until\":2,"
                "\"by_uid\":1000}}],"
                "\"containers\":[{\"id\":\"101\",\"name\":\"web\",\"directory\":\"c1\",\"backend\":\"pve\","
                "\"state\":\"requires-restart\",\"posture\":\"unconfined\",\"boot_gate\":\"not-asked\",\"escape\":\"may-leave\",\"restart\":\"locked\",\"lock\":\"backup\",\"restart_policy\":\"window\",\"wanted_state\":\"running\",\"restart_due\":\"chain\",\"restart_action\":\"start\",\"restart_at\":21,\"restart_why\":\"db\",\"profile\":\"lxc-web\","
                "\"profile_is_default\":true,\"namespace\":\"lxc-101\","
                "\"namespace_profiles\":[\"docker-default\"],\"assigned\":\"lxc-old\","
                "\"running\":true,\"init\":4194304,\"label\":\"unconfined\",\"tasks\":9,"
                "\"tasks_wrong\":8,\"tasks_unknown\":7,\"suggestion\":\"lxc-docker\","
                "\"suggestion_why\":\"it runs Docker\",\"notes\":[\"a note\"],"
                "\"lints\":[{\"rule\":\"all-devices\",\"text\":\"all\",\"line\":9,"
                "\"column\":8,\"key\":\"lxc_options\",\"source\":null,\"included_file\":null,"
                "\"included_line\":null,\"accepted\":null}],"
                "\"decided_by\":[{\"layer\":\"config\",\"file\":\"/a\",\"line\":7,"
                "\"key\":\"apparmor_profile\",\"value\":\"lxc-web\",\"why\":\"it says so\"},"
                "{\"layer\":\"running\",\"file\":null,\"line\":null,\"key\":null,\"value\":null,"
                "\"why\":\"nobody says\"}],"
                "\"suspended\":{\"object\":\"101\",\"reason\":\"\",\"since\":1,\"until\":null,"
                "\"by_uid\":0}}],"
                "\"unmanaged\":[{\"directory\":\"c9\",\"assigned\":\"generated\",\"running\":true,"
                "\"posture\":\"confined\",\"label\":\"l (enforce)\"}],"
                "\"drifts\":[{\"layer\":\"kernel\",\"kind\":\"differs\",\"object\":\"lxc-web\","
                "\"expected\":\"02\",\"found\":\"03\",\"action\":\"load\",\"cause\":\"profile-outdated\",\"why\":\"w\","
                "\"sentence\":\"s\",\"failure\":\"f\",\"retry_at\":16,\"tolerable\":true,"
                "\"suspended\":true,\"old_digest\":\"o\",\"new_digest\":\"n\"}],"
                "\"changes\":[{\"at\":17,\"action\":\"assign\",\"object\":\"101\","
                "\"sentence\":\"s\",\"result\":\"failed\"}],"
                "\"suspensions\":[{\"object\":\"*\",\"reason\":\"moving\",\"since\":1,\"until\":2,"
                "\"by_uid\":4294967295}],\"notes\":[\"of all\"]}";

static struct phx_description parsed(const char *text) {
        struct phx_description description = { 0 };
        struct phx_error error = { 0 };

        if (phx_description_parse(text, strlen(text), &description, &error) < 0)
                fail_msg("%s", error.text);
        return description;
}

static char *rendered(const struct phx_description *description) {
        char *text = NULL;

        assert_int_equal(
                        phx_description_render(&description->daemon, description->snapshot, &text),
                        0);
        return text;
}

static void what_is_parsed_is_rendered_the_same(void **state) {
        phx_cleanup(phx_description_done) struct phx_description description = parsed(whole);
        phx_autofree char *text = rendered(&description);

        assert_string_equal(text, whole);
}

/* As it travels between the processes: the half of the engine, and nothing of the loop's. */
static void a_snapshot_travels_without_the_daemons_half(void **state) {
        phx_cleanup(phx_description_done) struct phx_description description = parsed(whole);
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *back = NULL;
        phx_autofree char *text = NULL, *again = NULL, *joined = NULL;

        assert_int_equal(phx_snapshot_render(description.snapshot, &text), 0);
        assert_null(strstr(text, "\"health\""));
        assert_null(strstr(text, "\"passes\""));
        assert_null(strstr(text, "\"started_at\""));
        assert_int_equal(phx_snapshot_parse(text, strlen(text), &back, NULL), 0);
        assert_int_equal(phx_snapshot_render(back, &again), 0);
        assert_string_equal(again, text);
        assert_int_equal(phx_description_render(&description.daemon, back, &joined), 0);
        assert_string_equal(joined, whole);
}

static void each_value_arrives_in_its_member(void **state) {
        phx_cleanup(phx_description_done) struct phx_description description = parsed(whole);
        const struct phx_snapshot *snapshot = description.snapshot;
        const struct phx_snapshot_container *container = &snapshot->containers[0];
        const struct phx_snapshot_profile *profile = &snapshot->profiles[0];
        const struct phx_snapshot_drift *drift = &snapshot->drifts[0];

        assert_true(snapshot->is_observing);
        assert_true(description.daemon.health == PHX_HEALTH_DEGRADED);
        assert_int_equal(description.daemon.pass.ended_at, 13);
        assert_true(snapshot->counters.compile_usec == INT64_MAX);
        assert_string_equal(snapshot->cache.compiler, "0c");
        assert_true(snapshot->cache.counts.hits == 7 && snapshot->cache.counts.shared_hits == 8 &&
                    snapshot->cache.counts.misses == 9);
        assert_string_equal(snapshot->paths.settings, "/s");
        assert_string_equal(snapshot->paths.deployed_dir, "/c");

        assert_true(profile->is_piece && profile->is_loaded);
        assert_true(profile->state == PHX_PROFILE_QUARANTINED);
        assert_true(profile->source == PHX_SOURCE_REFUSED);
        assert_string_equal(profile->containers.items[1], "102");
        assert_int_equal(profile->suspended.by_uid, 1000);

        assert_true(container->posture == PHX_POSTURE_UNCONFINED);
        assert_int_equal(container->init, 4194304);
        assert_true(container->restart == PHX_RESTART_LOCKED);
        assert_string_equal(container->lock, "backup");
        assert_int_equal(container->restart_policy, PHX_RESTART_WINDOW);
        assert_int_equal(container->due, PHX_RESTART_DUE_CHAIN);
        assert_int_equal(container->due_at, 21);
        assert_int_equal(container->wanted_state, PHX_RUN_RUNNING);
        assert_int_equal(container->due_action, PHX_ACTION_START);
        assert_string_equal(container->due_why, "db");
        assert_true(container->suspended.until == PHX_NEVER);
        assert_int_equal(container->decided_by_count, 2);
        assert_int_equal(container->decided_by[1].line, 0);

        assert_true(drift->layer == PHX_LAYER_KERNEL && drift->kind == PHX_DRIFT_DIFFERS);
        assert_true(drift->action == PHX_ACTION_LOAD && drift->is_suspended);
        assert_true(snapshot->changes[0].has_failed);
        assert_true(snapshot->suspensions.items[0].by_uid == UINT32_MAX);
}

static void an_empty_one_survives_too(void **state) {
        phx_cleanup(phx_description_done) struct phx_description description = {
                .snapshot = phx_snapshot_new(),
        };
        phx_cleanup(phx_description_done) struct phx_description back = { 0 };
        phx_autofree char *text = NULL, *again = NULL;

        phx_daemon_init(&description.daemon);
        text = rendered(&description);
        assert_non_null(strstr(text, "\"doing\":null"));
        assert_non_null(strstr(text, "\"next_look_at\":null"));
        assert_non_null(strstr(text, "\"profiles\":[]"));
        back = parsed(text);
        assert_true(back.daemon.next_look_at == PHX_NEVER);
        assert_null(back.daemon.status);
        again = rendered(&back);
        assert_string_equal(again, text);
}

/* An earlier phoenixd does not know it yet. */
static void what_may_be_null_may_be_missing(void **state) {
        static const char *const keys[] = { "settings", "init", "until", "suspended" };

        for (size_t i = 0; i < PHX_ELEMENTS(keys); i++) {
                phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;
                phx_autofree char *back = NULL;
                char text[sizeof(whole)], key[32], none[32];
                char *place;

                memcpy(text, whole, sizeof(text));
                (void) snprintf(key, sizeof(key), "\"%s\":", keys[i]);
                (void) snprintf(none, sizeof(none), "\"%s\":null", keys[i]);
                place = strstr(text, key);
                assert_non_null(place);
                place[1] = '_';
                assert_int_equal(phx_snapshot_parse(text, strlen(text), &snapshot, NULL), 0);
                assert_int_equal(phx_snapshot_render(snapshot, &back), 0);
                assert_non_null(strstr(back, none));
        }
}

static void texts_may_be_missing(void **state) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;
        char text[sizeof(whole)];

        memcpy(text, whole, sizeof(text));
        *strstr(text, "namespace_profiles") = '_';
        assert_int_equal(phx_snapshot_parse(text, strlen(text), &snapshot, NULL), 0);
        assert_int_equal(snapshot->containers[0].namespace_profiles.count, 0);
}

static void every_other_key_must_be_there(void **state) {
        unsigned refused = 0;

        for (const char *key = strstr(whole, "\":"); key; key = strstr(key + 2, "\":")) {
                phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = NULL;
                struct phx_error error = { 0 };
                char text[sizeof(whole)];

                memcpy(text, whole, sizeof(text));
                text[key - whole - 1] = '_';
                if (phx_snapshot_parse(text, strlen(text), &snapshot, &error) == 0)
                        continue;
                refused++;
                assert_true(phx_has_prefix(error.text, "snapshot: "));
        }
        assert_true(refused > 60);
}

static void what_is_wrong_is_named_by_its_path(void **state) {
        static const struct {
                const char *from;
                const char *to;
                const char *text;
        } cases[] = {
                { "\"version\":1", "\"version\":2", "snapshot: expected version 1; " },
                { "\"mode\":\"obs", "\"mode\":\"x", "snapshot: daemon: mode: missing or invalid" },
                { "\"tasks\":9",
                  "\"tasks\":-9",
                  "snapshot: containers: tasks: missing or invalid" },
                { "\"tasks\":9", "\"tasks\":4294967296", "snapshot: containers: tasks: missing" },
                { "\"line\":7", "\"line\":\"7\"", "snapshot: containers: decided_by: line: " },
                { "\"loaded\":true",
                  "\"loaded\":1",
                  "snapshot: profiles: loaded: missing or invalid" },
                { "\"id\":\"101\"", "\"id\":null", "snapshot: containers: id: missing or invalid" },
                { "\"notes\":[",
                  "\"notes\":[null,",
                  "snapshot: containers: notes: missing or invalid" },
                { "\"drifts\":[", "\"drifts\":[1,", "snapshot: drifts: missing or invalid" },
                { "\"next_look_at\":15", "\"next_look_at\":-1", "snapshot: next_look_at: " },
                { "{", "{\"version\":1,", "snapshot: duplicate object key" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                const char *place = strstr(whole, cases[i].from);
                struct phx_description description = { 0 };
                struct phx_error error = { 0 };
                char bad[sizeof(whole) + 64];

                assert_non_null(place);
                (void) snprintf(bad,
                                sizeof(bad),
                                "%.*s%s%s",
                                (int) (place - whole),
                                whole,
                                cases[i].to,
                                place + strlen(cases[i].from));
                assert_int_equal(
                                phx_description_parse(bad, strlen(bad), &description, &error),
                                -EINVAL);
                assert_null(description.snapshot);
                if (!phx_has_prefix(error.text, cases[i].text))
                        fail_msg("%s, not %s", error.text, cases[i].text);
        }
}

static void a_key_of_a_later_version_is_passed_over(void **state) {
        phx_cleanup(phx_description_done) struct phx_description description = { 0 };
        phx_autofree char *text = NULL, *back = NULL;

        assert_true(asprintf(&text, "{\"news\":[1],%s", whole + 1) > 0);
        description = parsed(text);
        back = rendered(&description);
        assert_string_equal(back, whole);
}

/* The text in which KEY has another word than WORD. */
static char *with_later_word(const char *key, const char *word) {
        phx_autofree char *from = NULL;
        char *text = NULL;
        const char *place;

        assert_true(asprintf(&from, "\"%s\":\"%s\"", key, word) > 0);
        place = strstr(whole, from);
        assert_non_null(place);
        assert_true(asprintf(&text,
                             "%.*s\"%s\":\"of-a-later-version\"%s",
                             (int) (place - whole),
                             whole,
                             key,
                             place + strlen(from)) > 0);
        return text;
}

/* phoenixctl of this version, and a daemon of the next: what it does not know is unknown, and all
 * the rest is shown. */
static void a_word_of_a_later_version_is_no_error(void **state) {
        static const struct {
                const char *key, *word;
        } words[] = {
                { "posture", "unconfined" },   { "cause", "profile-outdated" },
                { "mode", "enforce" },         { "state", "requires-restart" },
                { "restart", "locked" },       { "kind", "differs" },
                { "state", "quarantined" },    { "source", "refused" },
                { "restart_due", "chain" },    { "restart_policy", "window" },
                { "wanted_state", "running" }, { "restart_action", "start" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(words); i++) {
                phx_cleanup(phx_description_done) struct phx_description description = { 0 };
                phx_autofree char *text = with_later_word(words[i].key, words[i].word);
                phx_autofree char *back = NULL;
                const struct phx_snapshot *snapshot;

                description = parsed(text);
                snapshot = description.snapshot;
                assert_int_equal(
                                snapshot->containers[0].posture,
                                i == 0 ? PHX_POSTURE_UNKNOWN : PHX_POSTURE_UNCONFINED);
                assert_int_equal(
                                snapshot->drifts[0].cause,
                                i == 1 ? PHX_CAUSE_NONE : PHX_CAUSE_PROFILE_OUTDATED);
                assert_int_equal(
                                snapshot->profiles[0].mode,
                                i == 2 ? PHX_POLICY_UNKNOWN : PHX_POLICY_ENFORCE);
                assert_int_equal(
                                snapshot->containers[0].state,
                                i == 3 ? PHX_CONTAINER_UNKNOWN : PHX_CONTAINER_REQUIRES_RESTART);
                assert_int_equal(
                                snapshot->containers[0].restart,
                                i == 4 ? PHX_RESTART_UNKNOWN : PHX_RESTART_LOCKED);
                assert_int_equal(
                                snapshot->drifts[0].kind,
                                i == 5 ? PHX_DRIFT_UNKNOWN : PHX_DRIFT_DIFFERS);
                /* No value of these is unknown: one is taken that does not say that all is well. */
                assert_int_equal(
                                snapshot->profiles[0].state,
                                i == 6 ? PHX_PROFILE_DRIFT : PHX_PROFILE_QUARANTINED);
                assert_int_equal(
                                snapshot->profiles[0].source,
                                i == 7 ? PHX_SOURCE_WRITING : PHX_SOURCE_REFUSED);
                /* It is shown as it came. */
                back = rendered(&description);
                if (i == 5)
                        assert_string_equal(back, text);
                /* What it means was said in words by whoever knows it. */
                assert_string_equal(snapshot->drifts[0].why, "w");
        }
}

static void a_profile_that_is_not_loaded_has_no_mode(void **state) {
        phx_cleanup(phx_description_done) struct phx_description description = parsed(whole);
        phx_cleanup(phx_description_done) struct phx_description back = { 0 };
        phx_autofree char *text = NULL;

        description.snapshot->profiles[0].mode = PHX_POLICY_ABSENT;
        text = rendered(&description);
        assert_non_null(strstr(text, "\"loaded\":true,\"mode\":null,"));
        back = parsed(text);
        assert_int_equal(back.snapshot->profiles[0].mode, PHX_POLICY_ABSENT);
}

static void what_is_not_utf8_becomes_a_question_mark(void **state) {
        static const struct {
                const char *text;
                const char *json;
        } cases[] = {
                { "caf\xe9", "\"caf?\"" },
                { "\xe2\x82\xac\xff\xc3\xa9", "\"\xe2\x82\xac?\xc3\xa9\"" },
                { "\xc0\x80\xed\xa0\x80", "\"?????\"" },
                { "\xe2\x82", "\"??\"" },
        };

        for (size_t i = 0; i < PHX_ELEMENTS(cases); i++) {
                phx_cleanup(phx_description_done) struct phx_description description = {
                        .snapshot = phx_snapshot_new(),
                };
                phx_autofree char *text = NULL, *wanted = NULL;

                assert_int_equal(phx_replace(&description.daemon.status, cases[i].text), 0);
                text = rendered(&description);
                assert_true(asprintf(&wanted, "\"status\":%s,", cases[i].json) > 0);
                assert_non_null(strstr(text, wanted));
        }
}

static void a_number_beyond_json_is_refused(void **state) {
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *snapshot = phx_snapshot_new();
        char *text = NULL;

        snapshot->counters.changes = (uint64_t) INT64_MAX + 1;
        assert_int_equal(phx_snapshot_render(snapshot, &text), -ERANGE);
        assert_null(text);
}

static void one_object_has_the_shape_that_it_has_in_the_whole(void **state) {
        phx_cleanup(phx_description_done) struct phx_description description = parsed(whole);
        struct phx_snapshot *snapshot = description.snapshot;
        phx_autofree char *profile = NULL, *container = NULL;

        assert_int_equal(
                        phx_object_render(PHX_OBJECT_PROFILE, &snapshot->profiles[0], &profile),
                        0);
        assert_non_null(strstr(whole, profile));

        assert_int_equal(phx_replace(&snapshot->drifts[0].object, "101"), 0);
        assert_int_equal(
                        phx_snapshot_container_render(
                                        snapshot,
                                        &snapshot->containers[0],
                                        &container),
                        0);
        assert_true(phx_has_prefix(container, "{\"version\":1,\"id\":\"101\","));
        assert_non_null(strstr(container, "\"drifts\":[{\"layer\":\"kernel\","));
}

/* Written directly and made of a tree, it is the same text. */
static void assert_written_alike(const struct phx_shape *shape, const void *object) {
        phx_cleanup(phx_buffer_done) struct phx_buffer text = { 0 };
        phx_autofree char *other = NULL;
        json_t *tree = NULL;

        assert_int_equal(phx_fields_write(shape, object, &text), 0);
        assert_int_equal(phx_fields_render(shape, object, &tree), 0);
        other = json_dumps(tree, JSON_COMPACT);
        json_decref(tree);
        assert_string_equal(text.data, other);
}

static void an_object_is_written_as_jansson_does(void **state) {
        static const char *const texts[] = { "plain", "",         "\"\\/\b\f\n\r\t\x01\x7f",
                                             "é€𝄞",   "\xff\xc3", "a\xed\xa0\x80z" };
        phx_cleanup(phx_snapshot_freep) struct phx_snapshot *empty = phx_snapshot_new();
        struct phx_description description = parsed(whole);
        struct phx_snapshot *snapshot = description.snapshot;

        assert_written_alike(&phx_snapshot_shape, empty);
        assert_written_alike(&phx_snapshot_shape, snapshot);
        for (size_t i = 0; i < PHX_ELEMENTS(texts); i++) {
                struct phx_snapshot_container *container = &snapshot->containers[0];

                assert_int_equal(phx_replace(&container->name, texts[i]), 0);
                assert_int_equal(phx_strings_add(&container->notes, texts[i]), 0);
                assert_int_equal(phx_replace(&snapshot->paths.settings, texts[i]), 0);
                assert_written_alike(&phx_snapshot_shape, snapshot);
        }
        snapshot->profiles[0].compiling_since = PHX_NEVER;
        snapshot->counters.compiles = INT64_MAX;
        assert_written_alike(&phx_snapshot_shape, snapshot);
        phx_description_done(&description);
}

static struct phx_snapshot_container scanned(const char *text, int expected) {
        const struct phx_json_text json = { .data = text, .size = strlen(text) };
        struct phx_snapshot_container container = { 0 };

        assert_int_equal(
                        phx_fields_scan(&phx_snapshot_container_shape, &json, 0, &container),
                        expected);
        return container;
}

/* What is rendered is read without a tree of its values, and says the same; of everything else the
 * tree decides. */
static void an_object_is_read_straight_from_its_text(void **state) {
        phx_cleanup(phx_description_done) struct phx_description description = parsed(whole);
        const struct phx_snapshot *snapshot = description.snapshot;
        phx_autofree char *text = NULL, *again = NULL, *word = NULL, *twice = NULL, *short_ = NULL;
        struct phx_snapshot_container container;

        assert_int_equal(
                        phx_object_render(PHX_OBJECT_CONTAINER, &snapshot->containers[0], &text),
                        0);
        container = scanned(text, 1);
        assert_int_equal(phx_object_render(PHX_OBJECT_CONTAINER, &container, &again), 0);
        assert_string_equal(again, text);
        phx_snapshot_container_done(&container);

        assert_true(asprintf(&twice, "%.*s,\"id\":\"x\"}", (int) strlen(text) - 1, text) > 0);
        container = scanned(twice, 0);
        phx_snapshot_container_done(&container);
        word = strdup(text);
        memcpy(strstr(word, "requires-restart"), "requires-nothing", 16);
        container = scanned(word, 0);
        phx_snapshot_container_done(&container);
        short_ = strndup(text, strlen(text) / 2);
        container = scanned(short_, 0);
        phx_snapshot_container_done(&container);
}

/* A later phoenixd may say more, and where the text ends is no object. */
static void a_later_member_is_passed_over_and_a_part_is_refused(void **state) {
        static const char later[] = "{ \"later\" : {\"a\":[1,{\"b\":\"]}\\\"\"},[]],\"c\":null} ,";
        phx_cleanup(phx_description_done) struct phx_description description = parsed(whole);
        phx_autofree char *text = NULL, *again = NULL, *longer = NULL;
        struct phx_snapshot_container container;

        assert_int_equal(
                        phx_object_render(
                                        PHX_OBJECT_CONTAINER,
                                        &description.snapshot->containers[0],
                                        &text),
                        0);
        assert_true(asprintf(&longer, "%s%s", later, text + 1) > 0);
        container = scanned(longer, 1);
        assert_int_equal(phx_object_render(PHX_OBJECT_CONTAINER, &container, &again), 0);
        assert_string_equal(again, text);
        phx_snapshot_container_done(&container);
        for (size_t i = 0; i < strlen(longer); i++) {
                phx_autofree char *part = strndup(longer, i);

                container = scanned(part, 0);
                phx_snapshot_container_done(&container);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_parsed_is_rendered_the_same),
                cmocka_unit_test(a_snapshot_travels_without_the_daemons_half),
                cmocka_unit_test(each_value_arrives_in_its_member),
                cmocka_unit_test(an_empty_one_survives_too),
                cmocka_unit_test(what_may_be_null_may_be_missing),
                cmocka_unit_test(texts_may_be_missing),
                cmocka_unit_test(every_other_key_must_be_there),
                cmocka_unit_test(what_is_wrong_is_named_by_its_path),
                cmocka_unit_test(a_key_of_a_later_version_is_passed_over),
                cmocka_unit_test(a_word_of_a_later_version_is_no_error),
                cmocka_unit_test(a_profile_that_is_not_loaded_has_no_mode),
                cmocka_unit_test(what_is_not_utf8_becomes_a_question_mark),
                cmocka_unit_test(a_number_beyond_json_is_refused),
                cmocka_unit_test(one_object_has_the_shape_that_it_has_in_the_whole),
                cmocka_unit_test(an_object_is_written_as_jansson_does),
                cmocka_unit_test(an_object_is_read_straight_from_its_text),
                cmocka_unit_test(a_later_member_is_passed_over_and_a_part_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
