#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# ctl-advise.sh PHOENIXCTL SYSCONFDIR DATADIR
#
# phoenixctl advise finds the configuration that is in force: the host's own, or that of the site's package, which it
# does not write.
set -euo pipefail

phoenixctl=$(realpath "$1")
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
own=$work$2/phoenix_lxc_configs.json
site=$work$3/site/phoenix_lxc_configs.json
mkdir -p "$(dirname "$own")" "$(dirname "$site")"

fail() {
    printf 'FAIL: %s\n' "$*" >&2
    failed=1
}

# advise OPTION...: what it says, and its exit status.
advise() {
    "$phoenixctl" advise --root="$work" "$@" 2>&1 && echo "exit status 0" || echo "exit status $?"
}

echo '{ "lxc_configs": { "1": {} } }' >"$site"
cp "$site" "$work/before"
said=$(advise)
[[ $said = *"+++ b$site"*'exit status 2' ]] || fail "the site's: $said"
said=$(advise --write)
[[ $said = "phoenixctl: $site: belongs to the site's package, and was not written; "*'exit status 1' ]] ||
    fail "the site's, --write: $said"
cmp "$site" "$work/before" || fail "the site's was written"
said=$(advise --file="$site" --write)
[[ $said = "$site: 1 edit; "*'exit status 0' ]] || fail "the source of the package, --write: $said"
cp "$work/before" "$site"

# What a link leads to may not be mounted yet.
ln -s /nowhere "$own"
said=$(advise)
[[ $said = *'No such file'*'exit status 1' ]] || fail "a link that leads nowhere: $said"
rm "$own"
echo '{ "lxc_configs": { "2": {} } }' >"$own"
said=$(advise)
[[ $said = *"+++ b$own"*'exit status 2' ]] || fail "the host's own: $said"
said=$(advise --write)
[[ $said = "$own: 1 edit; "*'exit status 0' ]] || fail "the host's own, --write: $said"
cmp "$site" "$work/before" || fail "the site's was written"

rm "$own" "$site"
said=$(advise)
[[ $said = *"$own: No such file"*'exit status 1' ]] || fail "none: $said"
exit "$failed"
