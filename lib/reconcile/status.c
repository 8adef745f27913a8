/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "reconcile/status.h"

#include "base/buffer.h"
#include "base/strings.h"
#include "state/tally.h"

/* "2 of 5 containers confined, 1 unconfined, 2 stopped": each is counted once. */
static int add_postures(struct phx_buffer *buffer, const struct phx_tally *tally) {
        int r;

        if (tally->containers == 0)
                return phx_buffer_add_text(buffer, "no containers");
        r = phx_buffer_addf(
                        buffer,
                        "%u of %u container%s confined",
                        tally->postures[PHX_POSTURE_CONFINED],
                        tally->containers,
                        phx_plural(tally->containers));
        for (unsigned i = 0; r >= 0 && i < PHX_POSTURES; i++)
                if (i != PHX_POSTURE_CONFINED && tally->postures[i] > 0)
                        r = phx_buffer_addf(
                                        buffer,
                                        ", %u %s",
                                        tally->postures[i],
                                        phx_posture_words((enum phx_posture) i));
        return r;
}

static int add_counts(struct phx_buffer *buffer, const struct phx_tally *tally) {
        unsigned restarts = tally->container_states[PHX_CONTAINER_REQUIRES_RESTART];
        unsigned compiling = tally->profile_states[PHX_PROFILE_COMPILING];
        int r;

        r = phx_buffer_addf(
                        buffer,
                        "%u profile%s in force, ",
                        tally->profiles_in_force,
                        phx_plural(tally->profiles_in_force));
        /* Without trouble, the status begins with it. */
        if (r >= 0 && tally->drifts > 0 && compiling > 0)
                r = phx_buffer_addf(buffer, "%u compiling, ", compiling);
        if (r >= 0)
                r = add_postures(buffer, tally);
        if (r >= 0 && restarts > 0)
                r = phx_buffer_addf(
                                buffer,
                                ", %u require%s restart",
                                restarts,
                                restarts == 1 ? "s" : "");
        if (r >= 0 && tally->unmanaged > 0)
                r = phx_buffer_addf(buffer, ", %u unmanaged", tally->unmanaged);
        if (r >= 0 && tally->suspended > 0)
                r = phx_buffer_addf(buffer, ", %u suspended", tally->suspended);
        return r;
}

static const struct phx_snapshot_drift *find_first(const struct phx_snapshot *snapshot) {
        for (size_t i = 0; i < snapshot->drift_count; i++)
                if (!snapshot->drifts[i].is_tolerable)
                        return &snapshot->drifts[i];
        return NULL;
}

static int add_trouble(
                struct phx_buffer *buffer,
                const struct phx_snapshot_drift *first,
                unsigned troubles,
                bool is_observing) {
        int r;

        r = phx_buffer_add_text(buffer, first->sentence);
        if (r >= 0 && first->failure && first->action != PHX_ACTION_NONE && !is_observing)
                r = phx_buffer_addf(
                                buffer,
                                "; %s failed and will be retried: %s",
                                phx_action_kind_to_string(first->action),
                                first->failure);
        if (r >= 0 && troubles > 1)
                r = phx_buffer_addf(buffer, " (and %u more)", troubles - 1);
        return r < 0 ? r : phx_buffer_add_text(buffer, "; ");
}

/* Not in sync yet, and nothing is wrong. */
static int add_compiling(
                struct phx_buffer *buffer,
                const struct phx_tally *tally,
                bool is_observing) {
        return phx_buffer_addf(
                        buffer,
                        "%s %u of %u profile%s: ",
                        is_observing ? "Observing, compiling" : "Compiling",
                        tally->profile_states[PHX_PROFILE_COMPILING],
                        tally->profiles,
                        phx_plural(tally->profiles));
}

/* "Observing, 2 drifts: " and the like. */
static int add_verdict(
                struct phx_buffer *buffer,
                const struct phx_snapshot *snapshot,
                const struct phx_tally *tally) {
        unsigned troubles = tally->drifts;
        bool observing = snapshot->is_observing;
        int r;

        if (troubles == 0 && snapshot->generation &&
            tally->profile_states[PHX_PROFILE_COMPILING] > 0)
                return add_compiling(buffer, tally, observing);
        if (troubles == 0 && snapshot->generation)
                return phx_buffer_add_text(
                                buffer,
                                observing ? "Observing, in sync: " : "In sync: ");
        r = phx_buffer_add_text(buffer, observing ? "Observing" : "Degraded");
        if (r >= 0 && observing && troubles > 0)
                r = phx_buffer_addf(buffer, ", %u drift%s", troubles, phx_plural(troubles));
        if (r >= 0)
                r = phx_buffer_add_text(buffer, ": ");
        if (r >= 0 && troubles == 0)
                r = phx_buffer_add_text(buffer, "no configuration has been accepted yet; ");
        return r;
}

/* Texts may quote what is in somebody's file, and the status is one line of a protocol of lines. */
static void make_one_line(char *text) {
        for (; *text; text++)
                if ((unsigned char) *text < ' ' || *text == 0x7f)
                        *text = ' ';
}

int phx_status_render(const struct phx_snapshot *snapshot, char **ret_status, bool *ret_degraded) {
        phx_cleanup(phx_buffer_done) struct phx_buffer buffer = { 0 };
        const struct phx_snapshot_drift *first = find_first(snapshot);
        struct phx_tally tally;
        int r;

        phx_tally_count(snapshot, &tally);
        r = add_verdict(&buffer, snapshot, &tally);
        if (r >= 0 && first)
                r = add_trouble(&buffer, first, tally.drifts, snapshot->is_observing);
        if (r >= 0)
                r = add_counts(&buffer, &tally);
        if (r < 0)
                return r;

        make_one_line(buffer.data);
        *ret_degraded = first || !snapshot->generation;
        *ret_status = PHX_TAKE(buffer.data);
        return 0;
}
