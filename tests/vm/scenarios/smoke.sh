# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# snapshot: booted
# The machine itself: a kernel with AppArmor, containers that start, labels that can be read. Needs
# nothing of phoenixd.

hash_name() {
    if [[ $(uname -r) == 6.1.* ]]; then echo sha1; else echo sha256; fi
}

# Debian 13 no longer enables the audit socket: denials come by way of the kernel's log alone, and
# that is rate-limited. The kernel has no part in it.
audit_socket() {
    if [[ $(. /etc/os-release && echo "$VERSION_ID") == 12 ]]; then echo active; else echo inactive; fi
}

deny_profile() {
    cat <<'PROFILE'
profile lxc-smoke flags=(attach_disconnected,mediate_deleted) {
  capability,
  file,
  mount,
  umount,
  pivot_root,
  network,
  signal,
  ptrace,
  unix,
  dbus,
  change_profile,
  audit deny /srv/secret rw,
}
PROFILE
}

check "AppArmor is enabled" prints Y cat /sys/module/apparmor/parameters/enabled
check "the system runs, nothing failed" prints running systemctl is-system-running
check "lxc-monitord listens" grep -q '@lxc/.*//var/lib/lxc$' /proc/net/unix
check "journald's audit socket is as this release has it" \
    prints "$(audit_socket)" systemctl is-active systemd-journald-audit.socket
check "Debian's profile of containers is loaded" prints enforce loaded_mode lxc-container-default-cgns
check "the kernel shows the hash of this release" \
    test -e "$(profile_dir lxc-container-default-cgns)/$(hash_name)"
check "the hash has the right length" prints_like "^[0-9a-f]{40,64}\$" loaded_hash lxc-container-default-cgns

before=$(revision)
deny_profile | apparmor_parser -r -T -K
check "a load moves the revision" test "$(revision)" -gt "$before"
check "the new profile is enforced" prints enforce loaded_mode lxc-smoke
check "a profile that is not there has no mode" not loaded_mode lxc-no-such-thing

check "a container starts as the old system left it" start_container web
check "it is unconfined" all_labelled web unconfined

sed -i 's/^lxc.apparmor.profile = .*/lxc.apparmor.profile = lxc-smoke/' /var/lib/lxc/db/config
cursor=$(journal_cursor)
sample_labels db 60 5 /run/sample & sampler=$!
check "a container starts in a profile" start_container db
check "all its tasks carry the label" all_labelled db 'lxc-smoke (enforce)'
check "the profile denies inside" not inside db 'echo x >/srv/secret'
check "and allows the rest" inside db 'echo x >/srv/public'
check "the denial is in the journal" wait_until 5 journal_has 'apparmor="DENIED".*lxc-smoke' "$cursor"
kill -TERM "$sampler"
wait "$sampler" || true
check "the sampler saw the label" grep -q 'lxc-smoke (enforce)' /run/sample
check "a container can be stopped" stop_container db
