# shellcheck shell=bash
# For the entry points: all parts, in the order in which they build upon each other.

VM_LIB=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=tests/vm/lib/common.sh
. "$VM_LIB/common.sh"
# shellcheck source=tests/vm/lib/packages.sh
. "$VM_LIB/packages.sh"
# shellcheck source=tests/vm/lib/image.sh
. "$VM_LIB/image.sh"
# shellcheck source=tests/vm/lib/machine.sh
. "$VM_LIB/machine.sh"
# shellcheck source=tests/vm/lib/snapshot.sh
. "$VM_LIB/snapshot.sh"
# shellcheck source=tests/vm/lib/program.sh
. "$VM_LIB/program.sh"
# shellcheck source=tests/vm/lib/scenario.sh
. "$VM_LIB/scenario.sh"
