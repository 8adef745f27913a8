/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/record.h"

const char *phx_record_kind_to_string(enum phx_record_kind kind) {
        switch (kind) {
        case PHX_RECORD_INTENT:
                return "intent";
        case PHX_RECORD_CHANGED:
                return "changed";
        case PHX_RECORD_FAILED:
                return "failed";
        case PHX_RECORD_REFUSED:
                return "refused";
        case PHX_RECORD_ACCEPTED:
                return "accepted";
        case PHX_RECORD_DRIFT_FOUND:
                return "drift-found";
        case PHX_RECORD_DRIFT_GONE:
                return "drift-gone";
        case PHX_RECORD_POSTURE:
                return "posture";
        case PHX_RECORD_REMARK:
                return "remark";
        case PHX_RECORD_SUSPENDED:
                return "suspended";
        case PHX_RECORD_RESUMED:
                return "resumed";
        case PHX_RECORD_SUSPENSION_ENDED:
                return "suspension-ended";
        case PHX_RECORD_FOREIGN:
                return "foreign";
        case PHX_RECORD_LINT:
                return "lint";
        }
        return "unknown";
}
