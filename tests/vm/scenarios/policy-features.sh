# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A profile without `abi` means what the machine's own loader makes of it: the same policy, and nothing weaker in its place. (After a
# boot, too: scenario boot.)

CONF=/etc/apparmor/parser.conf

# What Debian's loader makes of the text: the hash that the kernel shows. phoenixd is away meanwhile.
loader_hash() {
    systemctl stop phoenixd
    apparmor_parser -r -K -T "$DEPLOYED/lxc-noabi"
    loaded_hash lxc-noabi
    systemctl start phoenixd
}

# socket FAMILY TYPE: may a process in the profile make one? (The containers have no program that asks; the profile is the same.)
socket() {
    aa-exec -p lxc-noabi -- perl -e "socket(my \$s, $1, $2, 0) or die \$!"
}

loads() {
    journal_count 'lxc-noabi: the policy was loaded into the kernel' "${1:-}"
}

mkdir -p "$SOURCES"
cat >"$SOURCES/lxc-noabi" <<'PROFILE'
profile lxc-noabi flags=(attach_disconnected,mediate_deleted) {
  capability, file, mount, umount, pivot_root, signal, ptrace,
  network inet stream,
  network unix,
  network netlink,
  deny network raw,
  deny network packet,
}
PROFILE
check "Debian has a file of features" grep -q '^policy-features=' "$CONF"
configure web=lxc-noabi
start_daemon
check "in sync after the first start" settled 60
ours=$(loaded_hash lxc-noabi)
start_container web
check "the container runs in it" all_labelled web 'lxc-noabi (enforce)'
check "a stream socket is allowed in it" socket 2 1
check "a raw one is denied" prints_like '^Permission denied' socket 2 3
check "and a packet socket" prints_like '^Permission denied' socket 17 3
check "the loader makes the same policy of it" prints "$ours" loader_hash

cursor=$(journal_cursor)
systemctl restart apparmor
phoenixctl reconcile --wait
check "after the loader has loaded everything, nothing is loaded again" prints 0 loads "$cursor"
check "and the policy is the same" prints "$ours" loaded_hash lxc-noabi
check "in sync" settled 5
check "validate finds no mistake" prints_like '0 errors|No mistake' phoenixctl validate

say "the loader's configuration changes: as the oldest kernel had it"
cursor=$(journal_cursor)
sed 's|^policy-features=.*|policy-features=/etc/apparmor.d/abi/kernel-5.4-vanilla\nOptimize=no-expr-simplify|' "$CONF" >/etc/apparmor/new
cp "$CONF" /root/parser.conf
mv /etc/apparmor/new "$CONF"
changed() { [[ $(loaded_hash lxc-noabi) != "$ours" ]]; }
check "it is noticed" wait_until 20 changed
check "in sync" settled 10
theirs=$(loaded_hash lxc-noabi)
check "and the loader makes the same of it" prints "$theirs" loader_hash

echo 'policy-features=/nonexistent' >"$CONF"
check "what the loader would refuse is named" wait_until 10 \
    status_like '^Degraded: .*/etc/apparmor/parser.conf: line 1: /nonexistent: No such file'
check "and the last good policy stays in force" prints "$theirs" loaded_hash lxc-noabi
check "validate says the same" prints_like 'parser.conf:1: error: /nonexistent: No such file' phoenixctl validate
mv /root/parser.conf "$CONF"
check "as before when it is as before" wait_until 20 prints "$ours" loaded_hash lxc-noabi
check "in sync" settled 10
