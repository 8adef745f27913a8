#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ctl-validate.sh PHOENIXCTL DIR SHIPPED
#
# Everything that is wrong in the tree DIR is found by phoenixctl validate, as DIR/expected.txt has
# it, by root and by anybody, and nothing in the profiles of the directory SHIPPED. With PHX_UPDATE
# set the former is written.
set -euo pipefail

phoenixctl=$(realpath "$1")
dir=$2
shipped=$3
failed=0

if [[ ! -x /sbin/apparmor_parser ]]; then
    echo "skipped: no apparmor_parser" >&2
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cp -r "$dir" "$work/tree"
rm -f "$work/tree/expected.txt"
mkdir "$work/shipped"
cp -r "$shipped"/{lxc-*,abstractions,tunables} "$work/shipped"
chmod -R a+rX "$work"
# What a run compiles is there for the next; another user cannot use it.
export XDG_CACHE_HOME=$work/cache

fail() {
    echo "$1" >&2
    failed=1
}

# Of a syntax error the parsers of different releases say different things.
without_parsers_words() {
    sed 's/\(: error: syntax error\).*/\1/'
}

# validate USER ARGUMENT...: what is said, then the exit status.
validate() {
    local user=$1 status=0
    shift
    if [[ $user = root ]]; then
        (cd "$work/tree" && "$phoenixctl" validate "$@") || status=$?
    else
        (cd "$work/tree" && setpriv --reuid=65534 --regid=65534 --clear-groups \
            "$work/phoenixctl" validate "$@") || status=$?
    fi
    echo "exit status $status"
}

if [[ -n ${PHX_UPDATE:-} ]]; then
    validate root . | without_parsers_words >"$dir/expected.txt"
fi
validate root . | without_parsers_words | diff -u "$dir/expected.txt" - || fail "told otherwise than expected"
validate root . | without_parsers_words | diff -u "$dir/expected.txt" - || fail "told otherwise the second time"
if [[ $(id -u) -eq 0 ]]; then
    cp "$phoenixctl" "$work/phoenixctl"
    validate nobody . | without_parsers_words | diff -u "$dir/expected.txt" - ||
        fail "told otherwise to anybody"
fi

# One file of it: what is wrong with that, and nothing else.
said=$(validate root apparmor.d/lxc-files.test)
[[ $(grep -c '^apparmor.d/lxc-files.test:[0-9]*: error: ' <<<"$said") = 3 && $said = *'3 errors, 0 warnings.'* ]] ||
    fail "lxc-files.test alone: $said"
# A piece: the profiles that include it.
said=$(validate root apparmor.d/abstractions/broken)
[[ $said = *'apparmor.d/abstractions/broken:2: error: '* ]] || fail "the piece alone: $said"
# A configuration alone: its profiles are not at hand.
said=$(validate root phoenix_lxc_configs.json)
[[ $said != *apparmor.d* && $said = *'lxc_configs.206.apparmor_profile'* ]] || fail "the file alone: $said"

said=$(validate root "$work/shipped")
[[ $said = $'No errors found.\nexit status 0' ]] || fail "the shipped profiles: $said"
cached=("$XDG_CACHE_HOME"/phoenixd/*.policy)
[[ ${#cached[@]} -ge 4 ]] || fail "the cache has ${cached[*]}"
rm -r "$XDG_CACHE_HOME"
said=$(validate root --no-cache "$work/shipped")
[[ $said = $'No errors found.\nexit status 0' && ! -e $XDG_CACHE_HOME ]] || fail "--no-cache: $said"
said=$(validate root --quiet .)
[[ $said = 'exit status 1' ]] || fail "--quiet: $said"
said=$(validate root apparmor.d/lxc-idle)
[[ $said = *'0 errors, 3 warnings.'*'exit status 0' ]] || fail "warnings: $said"
said=$(validate root --strict apparmor.d/lxc-idle)
[[ $said = *'exit status 1' ]] || fail "--strict: $said"
said=$(validate root nobody-has-it 2>&1)
[[ $said = *'nobody-has-it: No such file or directory'*'exit status 1' ]] || fail "no such file: $said"

# What does not fit together, and what LXC refuses, is named by the entry's key, where that stands.
mkdir "$work/entries"
cp -r "$work/shipped" "$work/entries/apparmor.d"
cat >"$work/entries/phoenix_lxc_configs.json" <<'JSON'
{ "lxc_configs": {
  "1": { "apparmor_profile": "lxc-baseline", "gpu_assignment": "0" },
  "2": { "apparmor_profile": "lxc-phoenix-v2",
         "lxc_options": [ "lxc.mount.entry=/ host none rbind", "lxc.aa_profile=x" ] },
  "3": { "apparmor_profile": "lxc-baseline", "lxc_options": [ "lxc.aa_profile=x" ] } } }
JSON
said=$(validate root "$work/entries")
for wanted in ':2:64: warning: lxc_configs.1.gpu_assignment: ' ':3:30: warning: lxc_configs.2.apparmor_profile: ' \
    ':4:27: warning: lxc_configs.2.lxc_options[0]: mounts debugfs writable' \
    ':4:64: error: lxc_configs.2.lxc_options[1]: liblxc does not know lxc.aa_profile' \
    ':5:63: error: lxc_configs.3.lxc_options[0]: liblxc does not know lxc.aa_profile'; do
    [[ $said = *"/phoenix_lxc_configs.json$wanted"* ]] || fail "entries: no '$wanted' in: $said"
done

# Settings from the working directory, as every other file.
echo '{ "profile_dir": 1 }' >"$work/tree/mine.json"
said=$(validate root --settings=mine.json apparmor.d/lxc-idle)
[[ $said = *'mine.json:1:18: error: profile_dir: '*'1 error, 3 warnings.'* ]] || fail "--settings: $said"
said=$(validate root --root=apparmor.d --settings=mine.json 2>&1)
[[ $said = *'mine.json is not in the tree '*'exit status 1' ]] || fail "--settings of another tree: $said"
rm "$work/tree/mine.json"

# Windows are systemd's to judge: one that is none is an error, and without systemd none is checked.
if [[ -x /usr/bin/systemd-analyze ]]; then
    printf '%s\n' '{ "restart_windows": [ "Sat 03:00",' '  "Sax 03:00", "25:00", "daily" ] }' >"$work/tree/mine.json"
    said=$(validate root --settings=mine.json apparmor.d/lxc-idle)
    [[ $said = *'mine.json:2:3: error: restart_windows[1]: '"found 'Sax 03:00', expected a calendar expression"* &&
        $said = *'mine.json:2:16: error: restart_windows[2]: '*'2 errors, 3 warnings.'* ]] || fail "windows: $said"
    if [[ $(id -u) -eq 0 ]] && unshare -m true 2>/dev/null; then
        # shellcheck disable=SC2016 # the inner shell's to expand
        said=$(cd "$work/tree" && unshare -m sh -c '
            mount --bind /dev/null /usr/bin/systemd-analyze
            "$1" validate --settings=mine.json apparmor.d/lxc-idle && echo "exit status $?"
        ' - "$phoenixctl" 2>&1)
        [[ $said = *'mine.json:1:24: warning: restart_windows[0]: not checked: '*'0 errors, 4 warnings.'*'exit status 0' ]] ||
            fail "windows without systemd: $said"
    fi
    rm "$work/tree/mine.json"
fi

# What a file was taken for.
echo '{ "lxc_config": { "1": { "boot_order": 1 } } }' >"$work/tree/lxc.json"
said=$(validate root lxc.json)
[[ $said = *"unknown key 'lxc_config'; did you mean 'lxc_configs'?"* ]] || fail "a misspelt key: $said"
echo '{ "1": { "apparmor_profile": "lxc-web" } }' >"$work/tree/lxc.json"
said=$(validate root lxc.json)
[[ $said = *'lxc_configs: not found'* ]] || fail "a configuration without its key: $said"
echo '{ "containers": { "1": { "boot_order": 1 } } }' >"$work/tree/lxc.json"
said=$(validate root lxc.json)
[[ $said = *"lxc.json: warning: checked as settings, because it has no key 'lxc_configs'"* ]] ||
    fail "neither: $said"

# Advice about a file that is refused names what lists everything.
said=$("$phoenixctl" advise --file="$work/tree/lxc.json" 2>&1) && fail "advise: exit status 0"
[[ $said = *"'phoenixctl validate $work/tree/lxc.json' lists all errors in it" ]] || fail "advise: $said"
echo '{ "lxc_configs": { "1": {} } }' >"$work/tree/lxc.json"
said=$("$phoenixctl" advise --file="$work/tree/lxc.json" --write)
[[ $said = *': 1 edit; phoenixd picks it up automatically.' ]] || fail "advise --write: $said"
rm "$work/tree/lxc.json"

# A stray file, and one whose name has more in it than is seen.
mkdir "$work/stray"
touch "$work/stray/meson.build" "$work/stray/"$'lxc-\u2060web'
said=$(validate root "$work/stray")
[[ $said = *'meson.build: error: '*'move a file that is not a profile to another directory'* ]] || fail "a stray file: $said"
[[ $said = *'/lxc-\u2060web: error: '* && $said != *$'\u2060'* ]] || fail "an invisible character: $said"

said=$(validate root --root="$work/shipped" apparmor.d 2>&1)
[[ $said = *'--root: expected no files'*'exit status 1' ]] || fail "--root with files: $said"

# The same as JSON.
count=$(grep -c ': error: ' "$dir/expected.txt")
"$phoenixctl" validate --json "$work/tree" >"$work/json" && fail "--json: exit status 0"
python3 - "$work/json" "$count" <<'PYTHON' || fail "--json: not what the text says"
import json, sys
answer = json.load(open(sys.argv[1]))
findings = answer["findings"]
errors = [f for f in findings if f["severity"] == "error"]
assert answer["version"] == 1
assert answer["errors"] == len(errors) == int(sys.argv[2]), len(errors)
assert answer["warnings"] == len(findings) - len(errors)
assert all(f["file"].startswith("/") and f["text"] for f in findings)
PYTHON

# Without a compiler the texts are looked at all the same, and it is said that this is not all.
if [[ $(id -u) -eq 0 ]] && unshare -m true 2>/dev/null; then
    touch "$work/nothing"
    # shellcheck disable=SC2016 # the inner shell's to expand
    said=$(cd "$work/tree" && unshare -m sh -c '
        mount --bind "$1/nothing" "$2" && "$3" validate . 2>&1 || echo "exit status $?"
    ' - "$work" "$(realpath /usr/sbin/apparmor_parser)" "$phoenixctl")
    for wanted in 'therefore no profile was compiled' 'lxc-mail:2: error: flag' 'lxc-files.test:4: error' \
        'lxc_configs.206.apparmor_profile' 'exit status 1'; do
        [[ $said = *"$wanted"* ]] || fail "without a compiler: no '$wanted' in: $said"
    done
fi

# A tree such as an image of a machine: everything is below its root.
confdir=$({ "$phoenixctl" validate || true; } 2>/dev/null | sed -n 's|^\(/.*\)/apparmor.d: error.*|\1|p')
if [[ -n $confdir ]]; then
    mkdir -p "$work/image$confdir" "$work/image/etc/apparmor.d"
    cp -r "$work/shipped" "$work/image$confdir/apparmor.d"
    cp -r /etc/apparmor.d/{abi,abstractions,tunables} "$work/image/etc/apparmor.d/"
    echo '{ "lxc_configs": { "1": { "apparmor_profile": "lxc-gone" } } }' \
        >"$work/image$confdir/phoenix_lxc_configs.json"
    said=$(validate root --root="$work/image")
    [[ $said = "$work/image$confdir/phoenix_lxc_configs.json:1:47: error: "*'1 error, 0 warnings.'*'exit status 1' ]] ||
        fail "--root: $said"
fi
exit "$failed"
