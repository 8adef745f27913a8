#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The seccomp policies deny at least what the host's own would: LXC's list, and Proxmox's for
# unprivileged containers, as they were in 2026. seccomp.sh CONTAINER PROXMOX
set -euo pipefail

failed=0

complain() {
    echo "$*" >&2
    failed=1
}

# has FILE RULE...
has() {
    local file=$1 rule
    shift
    for rule; do
        grep -q -x -F -- "$rule" "$file" || complain "$file: no line '$rule'"
    done
}

lxc=(reject_force_umount '[all]' 'kexec_load errno 1' 'open_by_handle_at errno 1' 'init_module errno 1'
    'finit_module errno 1' 'delete_module errno 1')
proxmox=('keyctl errno 38' 'ioctl errno 1 [1,0x9400,SCMP_CMP_MASKED_EQ,0xff00]')
alg='socket errno 97 [0,38,SCMP_CMP_MASKED_EQ,0xffffffff]'

has "$1" "${lxc[@]}" "$alg"
has "$2" "${lxc[@]}" "$alg" "${proxmox[@]}"

# The kernel reads an int: a comparison of all 64 bits is passed by whoever sets one above it.
if grep -n -E '^(socket|socketcall) .*(SCMP_CMP_[^M]|SCMP_CMP_MASKED_EQ,0x[0-9a-f]{0,7}\])' "$1"; then
    complain "$1: a family is compared in other than 32 bits"
fi
# LXC takes what it cannot read for no arguments, and the call is denied altogether.
if grep -v -n -x -E '2|denylist|#.*|\[all\]|reject_force_umount|[a-z_]+ errno [0-9]+( \[[0-5],(0x[0-9a-f]+|[0-9]+),SCMP_CMP_(NE|MASKED_EQ,0x[0-9a-f]+)\])?' "$2"; then
    complain "$2: lines that LXC cannot read"
fi
exit "$failed"
