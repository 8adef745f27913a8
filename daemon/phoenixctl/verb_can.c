/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/strings.h"
#include "codec/answers_json.h"
#include "kernel/probe.h"
#include "phoenixctl/remote.h"
#include "phoenixctl/shown.h"
#include "phoenixctl/verb.h"
#include "policy/test.h"
#include "state/labels.h"

static int can_usage(const char *what) {
        (void) fprintf(stderr,
                       "phoenixctl: can: %s; expected a container, permissions such as rw, and a "
                       "path, or an assertion of phoenixd-test(5) without 'allow'\n",
                       what);
        return CTL_ERROR;
}

/* "rw /x" is "file rw /x": files are what is asked about most. */
static int can_parse(int count, char **words, struct phx_policy_assertion *assertion) {
        phx_cleanup(phx_buffer_done) struct phx_buffer line = { 0 };
        bool is_file = count == 2 && strspn(words[0], "rwaxmkl") == strlen(words[0]);
        struct phx_error error = { 0 };
        int r;

        r = phx_buffer_add_text(&line, is_file ? "allow file" : "allow");
        for (int i = 0; r >= 0 && i < count; i++)
                r = phx_buffer_addf(&line, strchr(words[i], ' ') ? " \"%s\"" : " %s", words[i]);
        if (r >= 0)
                r = phx_policy_assertion_parse(line.data, assertion, &error);
        return r > 0 ? 0 : can_usage(phx_error_text(&error, r < 0 ? r : -EINVAL));
}

/* The label of the running container, without the mode; of a stopped one, that in which it will
 * start. */
static char *can_label_of(const struct phx_snapshot_container *container) {
        phx_cleanup(phx_label_done) struct phx_label label = { 0 };

        if (container->label && phx_label_parse(container->label, &label) >= 0)
                return PHX_TAKE(label.text);
        return strdup(container->assigned && container->assigned[0] ? container->assigned
                                                                    : container->profile);
}

/* CTL_ERROR, or 0: ALLOWED stays only when LABEL, which is no stack, allows all of it. */
static int ask_part(
                const char *label,
                const struct phx_policy_assertion *assertion,
                bool *ret_allowed) {
        if (phx_label_is_unconfined(label))
                return 0; /* nothing that the kernel could be asked of */
        for (size_t i = 0; i < assertion->count; i++) {
                struct phx_error error = { 0 };
                bool allowed = false;
                int r;

                r = phx_policy_ask_label(label, &assertion->queries[i], &allowed, &error);
                if (r < 0) {
                        (void) fprintf(stderr,
                                       "phoenixctl: can: %s: %s; requires root, and AppArmor in the kernel\n",
                                       label,
                                       phx_error_text(&error, r));
                        return CTL_ERROR;
                }
                *ret_allowed = *ret_allowed && allowed;
        }
        return 0;
}

/* What all parts of a stack allow. Each is asked by itself: about a stack the kernel answers for
 * those parts alone that are in the innermost namespace. */
static int ask_all(
                const char *label,
                const struct phx_policy_assertion *assertion,
                bool *ret_allowed) {
        struct phx_label_part part = { 0 };

        *ret_allowed = true;
        while (phx_label_next_part(label, &part)) {
                phx_autofree char *name = strndup(part.at, part.size);
                int r;

                if (!name)
                        return CTL_ERROR;
                r = ask_part(name, assertion, ret_allowed);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int can_answer(const struct ctl *ctl, const struct phx_answer_can *can) {
        phx_autofree char *text = NULL;

        if (ctl->json) {
                if (phx_answer_can(can, &text) < 0)
                        return CTL_ERROR;
                (void) puts(text);
        } else if (!ctl->quiet)
                (void) printf("%s: %s may %s%s\n",
                              can->is_allowed ? "yes" : "no",
                              can->label,
                              can->is_allowed ? "" : "not ",
                              can->asked);
        return can->is_allowed ? 0 : CTL_SOMETHING;
}

static int ask_about(
                const struct ctl *ctl,
                const struct phx_snapshot_container *container,
                const struct phx_policy_assertion *assertion) {
        phx_autofree char *label = can_label_of(container);
        struct phx_answer_can can = { .container = container->id, .label = label };
        int r;

        if (!label)
                return CTL_ERROR;
        can.asked = assertion->text + strlen("allow ");
        if (phx_has_prefix(can.asked, "file "))
                can.asked += strlen("file ");
        r = ask_all(label, assertion, &can.is_allowed);
        return r != 0 ? r : can_answer(ctl, &can);
}

int verb_can(const struct ctl *ctl, int argc, char **argv) {
        phx_cleanup(phx_policy_assertion_done) struct phx_policy_assertion assertion = { 0 };
        phx_cleanup(remote_view_done) struct remote_view view = { 0 };
        const struct phx_snapshot_container *container = NULL;
        const char *from = shown_from(argc, argv);
        int r;

        if (argc - optind < 3)
                return can_usage("too few arguments");
        if (ctl->host)
                return can_usage("works only on the local host");
        r = can_parse(argc - optind - 1, argv + optind + 1, &assertion);
        if (r != 0)
                return r;
        r = shown_find(ctl, "can", from, argv[optind], &view, &container);
        if (r != 0)
                return r;
        return ask_about(ctl, container, &assertion);
}
