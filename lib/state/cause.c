/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/cause.h"

#include <stddef.h>

#include "base/macros.h"

static const char *const cause_names[] = {
        [PHX_CAUSE_REQUIRES_RESTART] = "requires-restart",
        [PHX_CAUSE_RESTARTING] = "restarting",
        [PHX_CAUSE_RESTART_FAILED] = "restart-failed",
        [PHX_CAUSE_REQUIRES_START] = "requires-start",
        [PHX_CAUSE_STARTING] = "starting",
        [PHX_CAUSE_START_FAILED] = "start-failed",
        [PHX_CAUSE_REQUIRES_STOP] = "requires-stop",
        [PHX_CAUSE_STOPPING] = "stopping",
        [PHX_CAUSE_STOP_FAILED] = "stop-failed",
        [PHX_CAUSE_ROLLED_BACK] = "rolled-back",
        [PHX_CAUSE_NOT_ENFORCED] = "not-enforced",
        [PHX_CAUSE_SUSPENDED] = "suspended",
        [PHX_CAUSE_NO_CONFIGURATION] = "no-configuration",
        [PHX_CAUSE_LAST_GOOD] = "last-known-good",
        [PHX_CAUSE_NO_LAST_GOOD] = "no-last-known-good",
        [PHX_CAUSE_INPUT_REFUSED] = "input-refused",
        [PHX_CAUSE_PATH_REFUSED] = "path-refused",
        [PHX_CAUSE_CANNOT_CONFINE] = "cannot-confine",
        [PHX_CAUSE_NO_APPARMOR] = "no-apparmor",
        [PHX_CAUSE_PROFILE_REFUSED] = "profile-refused",
        [PHX_CAUSE_PROFILE_COMPILING] = "profile-compiling",
        [PHX_CAUSE_PROFILE_ABSENT] = "profile-absent",
        [PHX_CAUSE_PROFILE_NOT_LOADED] = "profile-not-loaded",
        [PHX_CAUSE_PROFILE_OUTDATED] = "profile-outdated",
        [PHX_CAUSE_PROFILE_UNMANAGED] = "profile-unmanaged",
        [PHX_CAUSE_NAMESPACE_ABSENT] = "namespace-absent",
        [PHX_CAUSE_CONFIG_UNKNOWN] = "config-unknown",
        [PHX_CAUSE_UNREADABLE] = "unreadable",
        [PHX_CAUSE_RETRY] = "retry",
        [PHX_CAUSE_REST_IN_FORCE] = "rest-in-force",
        [PHX_CAUSE_NOT_CREATED] = "not-created",
        [PHX_CAUSE_CREATING] = "creating",
        [PHX_CAUSE_CREATE_WAITS] = "create-waits",
        [PHX_CAUSE_CREATE_FAILED] = "create-failed",
        [PHX_CAUSE_CREATE_REFUSED] = "create-refused",
        [PHX_CAUSE_ANOTHER_NODE] = "another-node",
        [PHX_CAUSE_UNMANAGED] = "unmanaged",
        [PHX_CAUSE_IN_USE] = "in-use",
        [PHX_CAUSE_USE_UNKNOWN] = "use-unknown",
        [PHX_CAUSE_OPERATOR] = "operator-decides",
        [PHX_CAUSE_FILE_FOREIGN] = "file-foreign",
        [PHX_CAUSE_FILE_NOT_OURS] = "file-not-ours",
        [PHX_CAUSE_FILE_UNKNOWN] = "file-unknown",
        [PHX_CAUSE_NEXT_BOOT] = "next-boot",
};

const char *phx_cause_to_string(enum phx_cause cause) {
        return (size_t) cause < PHX_ELEMENTS(cause_names) ? cause_names[cause] : NULL;
}
