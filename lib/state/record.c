/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "state/record.h"

#include "base/strings.h"

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
        case PHX_RECORD_JUDGED:
                return "judged";
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
        case PHX_RECORD_RESTART_ASKED:
                return "restart-asked";
        case PHX_RECORD_FOREIGN:
                return "foreign";
        case PHX_RECORD_LINT:
                return "lint";
        case PHX_RECORD_ROLLED_BACK:
                return "rolled-back";
        }
        return "unknown";
}

bool phx_record_kind_from_string(const char *text, enum phx_record_kind *ret_kind) {
        for (unsigned i = 0; i < PHX_RECORD_KINDS; i++) {
                if (!phx_equal(phx_record_kind_to_string((enum phx_record_kind) i), text))
                        continue;
                *ret_kind = (enum phx_record_kind) i;
                return true;
        }
        return false;
}

bool phx_record_kind_is_bad(enum phx_record_kind kind) {
        switch (kind) {
        case PHX_RECORD_FAILED:
        case PHX_RECORD_REFUSED:
        case PHX_RECORD_FOREIGN:
        case PHX_RECORD_ROLLED_BACK:
                return true;
        case PHX_RECORD_INTENT:
        case PHX_RECORD_CHANGED:
        case PHX_RECORD_ACCEPTED:
        case PHX_RECORD_JUDGED:
        case PHX_RECORD_DRIFT_FOUND:
        case PHX_RECORD_DRIFT_GONE:
        case PHX_RECORD_POSTURE:
        case PHX_RECORD_REMARK:
        case PHX_RECORD_SUSPENDED:
        case PHX_RECORD_RESUMED:
        case PHX_RECORD_SUSPENSION_ENDED:
        case PHX_RECORD_RESTART_ASKED:
        case PHX_RECORD_LINT:
                break;
        }
        return false;
}
