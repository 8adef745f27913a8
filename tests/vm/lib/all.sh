# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For the entry points: all parts, in the order in which they build upon each other.

VM_LIB=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=common.sh
. "$VM_LIB/common.sh"
# shellcheck source=packages.sh
. "$VM_LIB/packages.sh"
# shellcheck source=kernel.sh
. "$VM_LIB/kernel.sh"
# shellcheck source=image.sh
. "$VM_LIB/image.sh"
# shellcheck source=disk.sh
. "$VM_LIB/disk.sh"
# shellcheck source=machine.sh
. "$VM_LIB/machine.sh"
# shellcheck source=snapshot.sh
. "$VM_LIB/snapshot.sh"
# shellcheck source=program.sh
. "$VM_LIB/program.sh"
# shellcheck source=scenario.sh
. "$VM_LIB/scenario.sh"
# shellcheck source=debs.sh
. "$VM_LIB/debs.sh"
# shellcheck source=before.sh
. "$VM_LIB/before.sh"
