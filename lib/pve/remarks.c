/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve/remarks.h"

const char *phx_pve_remark_on_drop(enum phx_pve_drop drop) {
        switch (drop) {
        case PHX_PVE_DROP_MARK:
                return "a byte order mark stands before it; remove the mark";
        case PHX_PVE_DROP_INDENTED:
                return "it is indented; move it to the first column";
        case PHX_PVE_DROP_CASE:
                return "its key has capital letters; write it in lower case";
        case PHX_PVE_DROP_COLON:
                return "a blank stands before the ':'; remove the blank";
        case PHX_PVE_DROP_EQUALS:
                return "it has '=' where Proxmox expects ':'";
        case PHX_PVE_DROP_GENERATED:
                return "Proxmox derives this key from other settings";
        case PHX_PVE_DROP_UNKNOWN:
                return "Proxmox does not accept this key";
        case PHX_PVE_NOT_DROPPED:
        case PHX_PVE_DROP_HEADER:
        case PHX_PVE_DROP_NOTE:
        case PHX_PVE_DROP_WORDS:
        case PHX_PVE_DROP_EMPTY:
        case PHX_PVE_DROP_MISPLACED:
        case PHX_PVE_DROP_RESERVED:
                break;
        }
        return "it has no form that Proxmox knows";
}

/* The sentence behind "PATH:LINE: "; NULL where it depends on the line. */
static const char *remark_words(enum phx_pve_finding_kind kind) {
        switch (kind) {
        case PHX_PVE_PROFILE_OVERRULED:
                return "a later line names the profile again; this one has no effect";
        case PHX_PVE_PROFILE_OLD_KEY:
                return "liblxc no longer knows lxc.aa_profile, and the container does not start; "
                       "remove the line";
        case PHX_PVE_PROFILE_GENERATED:
                return "names 'generated'; Proxmox then leaves out its own rules, such as those for "
                       "nesting; remove the line to get Proxmox's default";
        case PHX_PVE_PROFILE_EMPTY:
                return "names no profile; Proxmox then leaves out its own rules; remove the line to "
                       "get Proxmox's default";
        case PHX_PVE_PROFILE_COMMENT:
                return "'#' begins no comment here: it and what follows are part of the profile's "
                       "name";
        case PHX_PVE_INCLUDE_BEHIND:
                return "this include stands after the profile's line and may name another profile";
        case PHX_PVE_ALLOW_NESTING:
                return "sets lxc.apparmor.allow_nesting; Proxmox expects features: nesting=1, and "
                       "keeps its rules against nesting";
        case PHX_PVE_FEATURES_BAD:
                return "Proxmox does not accept the features, and the container does not start";
        case PHX_PVE_FEATURES_OVERRULED:
                return "a profile is named, so Proxmox adds no rules for the features nesting, fuse "
                       "and mount";
        case PHX_PVE_LXC_KEY_GONE:
                return "liblxc no longer knows this key, and the container does not start; remove "
                       "the line";
        case PHX_PVE_HEADER_NOT_READ:
                return "looks like a section header but is none to Proxmox: the lines below it "
                       "belong to the section above";
        case PHX_PVE_CARRIAGE_RETURN:
                return "has a carriage return, where liblxc ends the line";
        case PHX_PVE_NUL:
                return "has a NUL byte, where liblxc stops reading";
        case PHX_PVE_PENDING_REPLACES:
                return "the lxc lines of [pve:pending] replace all lxc lines of the container at its "
                       "next start";
        case PHX_PVE_PENDING_DELETES:
                return "[pve:pending] deletes all lxc lines of the container at its next start; "
                       "remove 'lxc' from this line";
        case PHX_PVE_PENDING_WEAKER:
                return "[pve:pending] gives the container a weaker profile at its next start; remove "
                       "the lxc lines below [pve:pending]";
        case PHX_PVE_SNAPSHOT_WEAKER:
                return "a rollback to this snapshot gives the container a weaker profile";
        case PHX_PVE_PROFILE_APPENDED:
                return "this line belongs to a snapshot and has no effect now; lines at the end of the "
                       "file belong to its last section";
        case PHX_PVE_RESERVED:
                return "Proxmox cannot read a file with this key; remove the line";
        case PHX_PVE_PROFILE_NOT_READ:
        case PHX_PVE_LXC_NOT_READ:
                break;
        }
        return NULL;
}

static int remark_add(
                const struct phx_pve_finding *finding,
                const char *path,
                struct phx_strings *remarks) {
        const char *words = remark_words(finding->kind);
        bool is_profile = finding->kind == PHX_PVE_PROFILE_NOT_READ;

        if (words)
                return phx_strings_addf(remarks, "%s:%u: %s", path, finding->line->number, words);
        return phx_strings_addf(
                        remarks,
                        "%s:%u: Proxmox ignores this line%s: %s",
                        path,
                        finding->line->number,
                        is_profile ? ", which names a profile" : "",
                        phx_pve_remark_on_drop(finding->line->drop));
}

int phx_pve_remark(
                const struct phx_pve_meaning *meaning,
                const char *path,
                struct phx_strings *pending,
                struct phx_strings *remarks) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < meaning->n_findings; i++) {
                const struct phx_pve_finding *finding = &meaning->findings[i];
                bool is_pending = finding->kind == PHX_PVE_PENDING_REPLACES ||
                                  finding->kind == PHX_PVE_PENDING_DELETES ||
                                  finding->kind == PHX_PVE_PENDING_WEAKER;

                r = remark_add(finding, path, is_pending ? pending : remarks);
        }
        return r;
}
