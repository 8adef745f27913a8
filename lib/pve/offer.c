/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve/offer.h"

#include <errno.h>
#include <string.h>

#include "base/grow.h"
#include "base/strings.h"
#include "pve/remarks.h"

/* What is done with the line, and why. Of a line that Proxmox drops the reason follows. */
static const char *offer_words(enum phx_leftover kind) {
        switch (kind) {
        case PHX_LEFTOVER_OVERRULED:
                return "remove this line: a later line names the profile";
        case PHX_LEFTOVER_NOT_READ:
                return "remove this line, which Proxmox ignores";
        case PHX_LEFTOVER_CORRECTED:
                return "correct this line, which Proxmox ignores, so that it takes effect at the "
                       "next start";
        case PHX_LEFTOVER_OLD_KEY:
                return "remove this line: liblxc no longer knows lxc.aa_profile, and the container "
                       "does not start";
        case PHX_LEFTOVER_RENAMED:
                return "write lxc.apparmor.profile in place of lxc.aa_profile, which liblxc no "
                       "longer knows";
        case PHX_LEFTOVER_ALLOW_NESTING:
                return "remove this line: in its place, Proxmox expects features: nesting=1 where "
                       "no profile is named";
        case PHX_LEFTOVER_INCLUDE:
                return "remove this include, which names LXC's profile for nesting";
        case PHX_LEFTOVER_UNCOVERED:
                return "remove this line, which takes effect when the include of nesting.conf is "
                       "removed, and confines less";
        case PHX_LEFTOVER_PENDING:
                return "remove this line: the lxc lines of [pve:pending] replace all lxc lines of "
                       "the container at its next start";
        case PHX_LEFTOVER_MOVED:
                return "move this line to the main section: below [pve:pending] it replaces all "
                       "lxc lines of the container at its next start";
        case PHX_LEFTOVER_WEAKER:
                return "remove this line: the profile that is moved here confines more";
        case PHX_LEFTOVER_SNAPSHOT:
                return "remove this line, so that a rollback to this snapshot does not bring a "
                       "weaker profile";
        case PHX_LEFTOVER_ROLLBACK:
                return "name the container's profile in this snapshot, so that a rollback does not "
                       "bring a weaker one";
        }
        return NULL;
}

static int offer_add(
                struct phx_offer *offer,
                const char *path,
                const struct phx_pve_change *change) {
        struct phx_offer_change *shown =
                        phx_grow(&offer->changes, &offer->count, sizeof(*offer->changes));
        bool is_dropped = change->line->kind == PHX_PVE_DROPPED;

        if (!shown)
                return -ENOMEM;
        shown->kind = change->kind;
        shown->line = change->line->number;
        return phx_printf(
                        &shown->sentence,
                        "%s:%u: %s%s%s",
                        path,
                        shown->line,
                        offer_words(change->kind),
                        is_dropped ? ": " : "",
                        is_dropped ? phx_pve_remark_on_drop(change->line->drop) : "");
}

static int offer_fill(
                const struct phx_pve_known *known,
                const char *path,
                const struct phx_pve_leftovers *leftovers,
                struct phx_offer *offer) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < leftovers->count; i++)
                r = offer_add(offer, path, &leftovers->changes[i]);
        if (r < 0 || phx_replace(&offer->file, path) < 0 ||
            phx_replace(&offer->before, known->config.data) < 0 ||
            phx_replace(&offer->after, leftovers->text.data) < 0)
                return -ENOMEM;
        return 1;
}

int phx_pve_offer(
                const struct phx_pve_known *known,
                const char *path,
                const struct phx_pve_wanted *wanted,
                struct phx_offer *ret_offer) {
        phx_cleanup(phx_pve_leftovers_done) struct phx_pve_leftovers leftovers = { 0 };
        phx_cleanup(phx_pve_meaning_done) struct phx_pve_meaning meaning = { 0 };
        phx_cleanup(phx_pve_text_done) struct phx_pve_text text = { 0 };
        phx_cleanup(phx_offer_done) struct phx_offer offer = { 0 };
        int r;

        /* A NUL anywhere, as in a note, cannot be shown. */
        if (known->trouble || !known->config.data ||
            strlen(known->config.data) != known->config.size)
                return 0;
        r = phx_pve_text_parse(known->config.data, known->config.size, &text);
        if (r >= 0)
                r = phx_pve_meaning_of(&text, &meaning);
        if (r >= 0)
                r = phx_pve_leftovers_of(&text, &meaning, wanted, &leftovers);
        if (r > 0)
                r = offer_fill(known, path, &leftovers, &offer);
        if (r > 0)
                *ret_offer = PHX_TAKE_STRUCT(offer);
        return r;
}
