/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "codec/settings_accept.h"

#include <errno.h>
#include <string.h>

#include "state/configuration.h"

#define MEANT_LIMIT 4
#define REASON_LIMIT 512

static const char *const keys[] = { "rule", "profile", "container", "reason" };

static int refuse_rule(
                const struct phx_json_place *place,
                const char *word,
                struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings known = { 0 };
        size_t count = 0;
        const struct phx_rule_info *table = phx_rules_table(&count);
        const char *meant;

        for (size_t i = 0; i < count; i++)
                if (phx_strings_add(&known, table[i].name) < 0)
                        return phx_json_no_memory(error, place->text);
        meant = phx_json_nearest(word, &known, MEANT_LIMIT);
        if (meant)
                return phx_json_refuse_found(error, place, "did you mean \"%s\"?", meant);
        return phx_json_refuse_found(
                        error,
                        place,
                        "expected the name or the number of a rule, see phoenixd-rules(7)");
}

static int read_rule(
                const struct phx_json_place *element,
                const json_t *object,
                enum phx_rule *ret_rule,
                struct phx_error *error) {
        const struct phx_json_place place = phx_json_member(element, "rule");
        const json_t *value = json_object_get(object, "rule");
        const char *word = NULL;
        int r;

        if (!value)
                return phx_json_refuse(
                                error,
                                element,
                                "expected the key \"rule\", such as \"may-leave\"");
        r = phx_json_string(&place, value, "the name of a rule", &word, error);
        if (r < 0)
                return r;
        return phx_rule_find(word, ret_rule) ? 0 : refuse_rule(&place, word, error);
}

static int read_reason(
                const struct phx_json_place *element,
                const json_t *object,
                const char **ret_reason,
                struct phx_error *error) {
        static const char what[] = "a reason of 1 to 512 bytes";
        const struct phx_json_place place = phx_json_member(element, "reason");
        const json_t *value = json_object_get(object, "reason");
        int r;

        if (!value)
                return phx_json_refuse(error, element, "expected the key \"reason\", %s", what);
        r = phx_json_string(&place, value, what, ret_reason, error);
        if (r < 0)
                return r;
        if (strspn(*ret_reason, " ") == strlen(*ret_reason) || strlen(*ret_reason) > REASON_LIMIT ||
            phx_has_control(*ret_reason))
                return phx_json_refuse_found(error, &place, "expected %s", what);
        return 0;
}

static int accept_read_object(
                const struct phx_json_place *element,
                const json_t *object,
                enum phx_rule rule,
                const char **ret_object,
                struct phx_error *error) {
        bool is_of_profile = phx_rule_info(rule)->subject == PHX_RULE_OF_PROFILE;
        const char *key = is_of_profile ? "profile" : "container",
                   *other = is_of_profile ? "container" : "profile";
        const struct phx_json_place place = phx_json_member(element, key),
                                    wrong = phx_json_member(element, other);
        const json_t *value = json_object_get(object, key);
        int r;

        if (json_object_get(object, other))
                return phx_json_refuse(
                                error,
                                &wrong,
                                "the rule %s applies to a %s, expected the key \"%s\" instead",
                                phx_rule_to_string(rule),
                                key,
                                key);
        if (!value)
                return phx_json_refuse(
                                error,
                                element,
                                "expected the key \"%s\" for the rule %s",
                                key,
                                phx_rule_to_string(rule));
        r = phx_json_string(
                        &place,
                        value,
                        is_of_profile ? "the name of a profile" : "the id of a container",
                        ret_object,
                        error);
        if (r < 0)
                return r;
        if (is_of_profile ? !phx_is_profile_name(*ret_object) : !phx_is_container_id(*ret_object))
                return phx_json_refuse_found(
                                error,
                                &place,
                                "expected the %s",
                                is_of_profile ? "name of a profile, lxc-..." : "id of a container");
        return 0;
}

static int check_keys(
                const struct phx_json_place *element,
                json_t *object,
                struct phx_error *error) {
        phx_cleanup(phx_strings_done) struct phx_strings known = { 0 };
        const char *key;
        json_t *value;

        for (size_t i = 0; i < PHX_ELEMENTS(keys); i++)
                if (phx_strings_add(&known, keys[i]) < 0)
                        return phx_json_no_memory(error, element->text);
        json_object_foreach(object, key, value) {
                const struct phx_json_place place = phx_json_member(element, key);

                if (phx_strings_has(&known, key) ||
                    (phx_json_is_comment(key) && json_is_string(value)))
                        continue;
                return phx_json_refuse_key(
                                error,
                                &place,
                                phx_json_nearest(key, &known, MEANT_LIMIT),
                                &known);
        }
        return 0;
}

static int read_one(
                const struct phx_json_place *element,
                json_t *object,
                struct phx_acceptances *acceptances,
                struct phx_error *error) {
        struct phx_acceptance acceptance = { 0 };
        const char *name = NULL, *reason = NULL;
        struct phx_json_member member;
        int r;

        if (!json_is_object(object))
                return phx_json_refuse_found(
                                error,
                                element,
                                "expected an object with \"rule\", \"profile\" or \"container\", and "
                                "\"reason\"");
        r = check_keys(element, object, error);
        if (r >= 0)
                r = read_rule(element, object, &acceptance.rule, error);
        if (r >= 0)
                r = accept_read_object(element, object, acceptance.rule, &name, error);
        if (r >= 0)
                r = read_reason(element, object, &reason, error);
        if (r < 0)
                return r;
        if (phx_json_find(element, &member))
                acceptance.line = (unsigned) phx_json_line(element->text, member.value.begin);
        acceptance.object = strdupa(name);
        acceptance.reason = strdupa(reason);
        return phx_acceptances_add(acceptances, &acceptance) < 0
                               ? phx_json_no_memory(error, element->text)
                               : 0;
}

int phx_acceptances_read(
                const struct phx_json_place *place,
                const json_t *value,
                struct phx_acceptances *ret,
                struct phx_error *error) {
        bool failed = false;
        json_t *item;
        size_t i;

        if (!json_is_array(value))
                return phx_json_refuse_found(error, place, "expected an array of objects");
        json_array_foreach(value, i, item) {
                const struct phx_json_place element = phx_json_element(place, i);
                int r = read_one(&element, item, ret, error);

                if (r < 0 && !phx_error_goes_on(error, r))
                        return r;
                failed |= r < 0;
        }
        return failed ? -EINVAL : 0;
}
