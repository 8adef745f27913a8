# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 7200
# with: create.d creations.d
# Creation killed at a hundred random points: each container is complete or absent, and complete after the next start.

# shellcheck source=tests/vm/scenarios/create.d/lib.sh
. "$PWD/create.d/lib.sh"

put_profile lxc-web
entries '{}'
start_daemon
check "in sync" settled 60
check "a hundred times it is whole or absent, and whole after the next start" kill_creations 100
check "in sync at the end" settled 60
