/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "pve_names.h"

#include "base/macros.h"

static const char *const kind_names[] = {
        [PHX_PVE_BLANK] = "blank",     [PHX_PVE_HEADER] = "header",
        [PHX_PVE_NOTE] = "note",       [PHX_PVE_DESCRIPTION] = "description",
        [PHX_PVE_KEY] = "key",         [PHX_PVE_LXC] = "lxc",
        [PHX_PVE_DROPPED] = "dropped",
};

static const char *const drop_names[] = {
        [PHX_PVE_NOT_DROPPED] = "read",
        [PHX_PVE_DROP_MARK] = "utf8-mark",
        [PHX_PVE_DROP_HEADER] = "no-header",
        [PHX_PVE_DROP_NOTE] = "indented-note",
        [PHX_PVE_DROP_WORDS] = "no-key",
        [PHX_PVE_DROP_INDENTED] = "indented",
        [PHX_PVE_DROP_CASE] = "upper-case",
        [PHX_PVE_DROP_COLON] = "blank-before-colon",
        [PHX_PVE_DROP_EQUALS] = "equals-sign",
        [PHX_PVE_DROP_EMPTY] = "no-value",
        [PHX_PVE_DROP_GENERATED] = "generated-key",
        [PHX_PVE_DROP_UNKNOWN] = "unknown-key",
        [PHX_PVE_DROP_MISPLACED] = "misplaced",
        [PHX_PVE_DROP_RESERVED] = "reserved-key",
};

static const char *const strength_names[] = {
        [PHX_PVE_UNCONFINED] = "unconfined",
        [PHX_PVE_UNCHANGED] = "unchanged",
        [PHX_PVE_DEFAULT] = "default",
        [PHX_PVE_NAMED] = "named",
};

static const char *const finding_names[] = {
        [PHX_PVE_PROFILE_NOT_READ] = "profile-not-read",
        [PHX_PVE_PROFILE_OVERRULED] = "profile-overruled",
        [PHX_PVE_PROFILE_OLD_KEY] = "profile-old-key",
        [PHX_PVE_PROFILE_GENERATED] = "profile-generated",
        [PHX_PVE_PROFILE_EMPTY] = "profile-empty",
        [PHX_PVE_PROFILE_COMMENT] = "profile-comment",
        [PHX_PVE_INCLUDE_BEHIND] = "include-after-profile",
        [PHX_PVE_ALLOW_NESTING] = "allow-nesting",
        [PHX_PVE_FEATURES_BAD] = "features-bad",
        [PHX_PVE_FEATURES_OVERRULED] = "features-overruled",
        [PHX_PVE_LXC_NOT_READ] = "lxc-not-read",
        [PHX_PVE_LXC_KEY_GONE] = "lxc-key-gone",
        [PHX_PVE_HEADER_NOT_READ] = "header-not-read",
        [PHX_PVE_CARRIAGE_RETURN] = "carriage-return",
        [PHX_PVE_NUL] = "nul",
        [PHX_PVE_PENDING_REPLACES] = "pending-replaces",
        [PHX_PVE_PENDING_DELETES] = "pending-deletes",
        [PHX_PVE_PENDING_WEAKER] = "pending-weaker",
        [PHX_PVE_SNAPSHOT_WEAKER] = "snapshot-weaker",
        [PHX_PVE_PROFILE_APPENDED] = "profile-appended",
        [PHX_PVE_RESERVED] = "reserved-key",
};

static const char *const fault_names[] = {
        [PHX_PVE_FEATURES_GOOD] = "good",       [PHX_PVE_FEATURES_BOOLEAN] = "not-boolean",
        [PHX_PVE_FEATURES_MOUNT] = "bad-mount", [PHX_PVE_FEATURES_NO_VALUE] = "no-value",
        [PHX_PVE_FEATURES_TWICE] = "twice",     [PHX_PVE_FEATURES_UNKNOWN] = "unknown",
};

static const char *const generation_names[] = {
        [PHX_PVE_GENERATES] = "generates",       [PHX_PVE_TEMPLATE] = "template",
        [PHX_PVE_NO_ARCH] = "no-arch",           [PHX_PVE_NO_OSTYPE] = "no-ostype",
        [PHX_PVE_BAD_FEATURES] = "bad-features", [PHX_PVE_CONTROL] = "control-byte",
        [PHX_PVE_UNREADABLE] = "unreadable",     [PHX_PVE_NO_ROOTFS] = "no-rootfs",
};

const char *pve_kind_word(enum phx_pve_kind kind) {
        return (size_t) kind < PHX_ELEMENTS(kind_names) ? kind_names[kind] : NULL;
}

const char *pve_drop_word(enum phx_pve_drop drop) {
        return (size_t) drop < PHX_ELEMENTS(drop_names) ? drop_names[drop] : NULL;
}

const char *pve_strength_word(enum phx_pve_strength strength) {
        return (size_t) strength < PHX_ELEMENTS(strength_names) ? strength_names[strength] : NULL;
}

const char *pve_finding_word(enum phx_pve_finding_kind kind) {
        return (size_t) kind < PHX_ELEMENTS(finding_names) ? finding_names[kind] : NULL;
}

const char *pve_features_fault_word(enum phx_pve_features_fault fault) {
        return (size_t) fault < PHX_ELEMENTS(fault_names) ? fault_names[fault] : NULL;
}

const char *pve_generation_word(enum phx_pve_generation generation) {
        return (size_t) generation < PHX_ELEMENTS(generation_names) ? generation_names[generation]
                                                                    : NULL;
}
