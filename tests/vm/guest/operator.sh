# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What an operator does, for scenarios: writing profiles and the configuration, starting the daemon, reading its word.

ETC=/etc/phoenixd
SOURCES=$ETC/apparmor.d
CONFIG=$ETC/phoenix_lxc_configs.json
SETTINGS=$ETC/phoenixd.json
DEPLOYED=/etc/apparmor.d

# A profile in which anything goes but what RULE says: small, so that it compiles in a moment even under emulation.
profile_text() {
    local name=$1
    shift
    printf 'abi <abi/3.0>,\n\nprofile %s flags=(attach_disconnected,mediate_deleted) {\n' "$name"
    printf '    %s\n' 'capability,' 'deny capability mac_admin,' 'network,' 'file,' 'mount,' 'umount,' 'pivot_root,' 'signal,' 'ptrace,' 'unix,' 'dbus,'
    [[ $# -eq 0 ]] || printf '    %s\n' "$@"
    printf '}\n'
}

# put_profile NAME [RULE...]: saved as an editor saves, by a rename.
put_profile() {
    mkdir -p "$SOURCES"
    profile_text "$@" >"$SOURCES/.$1.new"
    mv "$SOURCES/.$1.new" "$SOURCES/$1"
}

# configure_with JSON ID=PROFILE...: the whole configuration, each entry with these members too, saved by one rename: after
# two, "In sync" can be of the first.
configure_with() {
    local members=$1
    shift
    mkdir -p "$ETC"
    # shellcheck disable=SC2016 # jq's own variables
    jq -n --argjson members "$members" '{"$schema": "x", lxc_configs: ($ARGS.positional | map(index("=") as $at | {
        key: .[:$at],
        value: ({name: ("container-" + .[:$at]), unprivileged: false, apparmor_profile: .[$at + 1:], apparmor_manages_nesting: false} + $members)
    }) | from_entries)}' --args "$@" >"$ETC/.configs.new"
    mv "$ETC/.configs.new" "$CONFIG"
}

# configure ID=PROFILE...
configure() { configure_with '{}' "$@"; }

# set_setting KEY JSON-VALUE
set_setting() {
    local old='{}'
    mkdir -p "$ETC"
    [[ ! -s $SETTINGS ]] || old=$(cat "$SETTINGS")
    jq --arg key "$1" --argjson value "$2" '.[$key] = $value' <<<"$old" >"$ETC/.settings.new"
    mv "$ETC/.settings.new" "$SETTINGS"
}

start_daemon() {
    systemctl start phoenixd
}

status_like() {
    prints_like "$1" status_text
}

in_sync() {
    status_like '^In sync'
}

# settled SECONDS: in sync within that time.
settled() {
    wait_until "$1" in_sync
}

effective_profile() {
    lxc-info -n "$1" -c lxc.apparmor.profile 2>/dev/null | sed 's/^[^=]*= *//'
}

file_hash() {
    sha256sum <"$1" | cut -d' ' -f1
}

same_file() {
    cmp "$1" "$2"
}

# A picture of all that phoenixd may change, to compare before and after.
machine_picture() {
    (cd "$APPARMOR/policy/profiles" && grep -r . --include=name --include=mode --include='sha*' . | sort)
    find "$DEPLOYED" /var/lib/lxc/*/config -type f -printf '%p %T@ %i\n' | sort
    find "$DEPLOYED" /var/lib/lxc/*/config -type f -print0 | sort -z | xargs -0 sha256sum
}

# leftovers: temporary files of ours anywhere that we write.
leftovers() {
    find /etc /var/lib/lxc -maxdepth 4 -name '.*.phoenixd~' 2>/dev/null
    find /var/lib/phoenixd /run/phoenixd -name '.*.phoenixd~' 2>/dev/null
}

no_leftovers() {
    equals "$(leftovers)" ""
}
