# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# main.sh SCENARIO: how a scenario is run in the guest.

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=operator.sh
. "$(dirname "$0")/operator.sh"
# shellcheck source=debian.sh
. "$(dirname "$0")/debian.sh"
set -eEuo pipefail
trap 'scenario_stumbled "$?" "$BASH_COMMAND" "${BASH_SOURCE[0]}" "$LINENO"' ERR
trap 'scenario_over $?' EXIT
cd "$(dirname "$0")"
# shellcheck disable=SC1090 # whichever was asked for
. "./$1"
