# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Many small profiles saved at once share runs of Debian 12's compiler, unless the machine is slow. What comes into force is, byte
# for byte, what the machine's own loader makes of each file alone, and one that is broken spoils no other.

COUNT=24
all_profiles() { seq -f 'lxc-many%02.0f' "$COUNT"; }

# save_all RULE [BROKEN]: as a deployment tool does, all of them at once; the profile BROKEN lacks a comma.
save_all() {
    local profile
    mkdir -p "$ETC/.new"
    for profile in $(all_profiles); do
        profile_text "$profile" "deny /srv/$profile/** w," "$1" >"$ETC/.new/$profile"
    done
    [[ $# -lt 2 ]] || sed -i 's/^    file,$/    file/' "$ETC/.new/$2"
    mv "$ETC"/.new/* "$SOURCES/"
}

hashes() {
    local profile
    for profile in $(all_profiles); do
        printf '%s %s\n' "$profile" "$(loaded_hash "$profile")"
    done
}

# The loader works on the same files with the options of the boot's service, and without any cache.
hashes_by_the_loader() {
    all_profiles | sed "s,^,$DEPLOYED/," | xargs apparmor_parser --replace --skip-cache
    hashes
}

each_in_enforce_mode() {
    local profile
    for profile in $(all_profiles); do
        equals "$profile $(loaded_mode "$profile")" "$profile enforce" || return
    done
}

mkdir -p "$SOURCES"
put_profile lxc-db
configure db=lxc-db
start_daemon
check "in sync after the first start" settled 20

say "$COUNT at once"
count_syscalls 15 execve '/apparmor_parser"' >/run/compilers &
counting=$!
wait_until 5 test -e /run/strace.out
save_all 'deny /srv/first r,'
check "all are in force" wait_until 20 is_loaded "$(all_profiles | tail -n 1)"
check "in sync" settled 20
wait "$counting"
# A machine that is too busy for a run of many in a second gives each a run of its own, after that one.
say "$(cat /run/compilers) runs of the compiler"
check "no profile is compiled again and again" test "$(cat /run/compilers)" -le $((COUNT + COUNT / 4))
check "each is enforced" each_in_enforce_mode
ours=$(hashes)
check "no two are alike" equals "$(cut -d' ' -f2 <<<"$ours" | sort -u | wc -l)" "$COUNT"
check "each is what the machine's own loader makes of the file" equals "$ours" "$(hashes_by_the_loader)"
check "still in sync" settled 20

say "all of them changed, and one is broken"
broken=lxc-many07
save_all 'deny /srv/second r,' "$broken"
check "the broken one is named, with the line" wait_until 20 status_like "^Degraded: $broken: line [0-9]+: .*last known good in force"
changed() { comm -13 <(echo "$ours") <(hashes) | cut -d' ' -f1; }
check "all others are in force, and it is as it was" wait_until 20 prints "$(all_profiles | grep -vx "$broken")" changed
check "each is enforced" each_in_enforce_mode

say "and repaired"
save_all 'deny /srv/second r,'
check "in sync" settled 20
check "it is in force, too" prints "$(all_profiles)" changed
