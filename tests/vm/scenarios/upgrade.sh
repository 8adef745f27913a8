# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# snapshot: booted
# package: yes
# before: yes
# timeout: 1800
# From version 0.1, installed from its sources, to this version's package while containers run: settings, state and last
# known good profiles are read, no container is touched. And back: to an earlier package, and to 0.1.

DEB=$(echo /run/scenario/packages/phoenixd_*.deb)
VERSION=$(dpkg-deb -f "$DEB" Version)
INITS=/run/inits
SAMPLED=(web db 953)

apt_run() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Languages=none "$@" >/run/apt.log 2>&1 || {
        cat /run/apt.log
        return 1
    }
}
said() { grep -E -- "$1" /run/apt.log; }
# As its README says, by meson install, which writes no settings where some are: install_before [OPTION-OF-TAR...]
install_before() {
    tar -x --touch --no-overwrite-dir --keep-directory-symlink -C / "$@" -f /run/scenario/before.tar
    systemctl daemon-reload
    journalctl --update-catalog
    systemctl reload dbus
}
version_is() { prints_like "^(phoenixctl|phoenixd) $1" phoenixctl version; }
running_version_is() {
    prints_like "^s \"$1\"" busctl get-property org.phoenixd1 /org/phoenixd1 org.phoenixd1.Manager Version
}
inits() {
    local name
    for name in "${SAMPLED[@]}"; do
        lxc-info -n "$name" -pH
    done
}
inits_go_on() { diff "$INITS" <(inits); }
keep_picture() {
    machine_picture >/run/picture
    inits >"$INITS"
}
unchanged() { diff /run/picture <(machine_picture) && inits_go_on; }
suspended() { { phoenixctl --json status || true; } | jq -e --arg id "$1" '.suspensions[] | select(.object == $id)'; }
has_line() { grep -qxF -- "$2" "/var/lib/lxc/$1/config"; }
sampled_only() { prints_like "^[0-9]+[[:space:]]$2\$" grep -v '^#' "/run/sample-$1"; }

start_samplers() {
    local name
    samplers=()
    for name in "${SAMPLED[@]}"; do
        sample_labels "$name" 1000 5 "/run/sample-$name" &
        samplers+=("$!")
    done
}
stop_samplers() {
    kill -TERM "${samplers[@]}"
    wait "${samplers[@]}" || true
    check "no task of web was outside of its profile" sampled_only web 'lxc-web \(enforce\)'
    check "nor of db" sampled_only db 'lxc-db \(enforce\)'
    check "nor of 953" sampled_only 953 'lxc-web//&:lxc-953:unconfined \(enforce\)'
}

# Whose exit status says that something is degraded.
show_status() { { phoenixctl --no-pager status || true; } | sed 's/^/# /'; }

# web has a line besides, which the inventory has; 953 has a policy namespace; db's profile was good, and is broken.
configure_all() {
    # shellcheck disable=SC2016 # jq's own variables
    jq -n --argjson options "$1" 'def entry($name; $profile; $nests): {
            name: $name, unprivileged: false, apparmor_profile: $profile, apparmor_manages_nesting: $nests};
        {lxc_configs: {
            web: (entry("Web"; "lxc-web"; false) + {lxc_options: $options}),
            db: entry("Database"; "lxc-db"; false),
            "953": entry("Nests"; "lxc-web"; true),
            "954": entry("Stopped"; "lxc-web"; false)}}' >"$ETC/.configs.new"
    mv "$ETC/.configs.new" "$CONFIG"
}

say "0.1"
install_before
check "its version" version_is '0\.1\.0'
check "it has made its settings" test -s "$SETTINGS"
for name in web db; do
    put_profile "lxc-$name"
done
configure_all '["lxc.environment=FROM=before"]'
systemctl enable phoenixd
start_daemon
check "in sync" settled 40
for name in "${SAMPLED[@]}"; do
    start_container "$name"
done
check "web is confined" wait_until 20 all_labelled web 'lxc-web (enforce)'
check "db is confined" wait_until 20 all_labelled db 'lxc-db (enforce)'
check "953 is, with a namespace" wait_until 20 all_labelled 953 'lxc-web//&:lxc-953:unconfined (enforce)'
check "the option is in web's config" has_line web 'lxc.environment = FROM=before'
check "a suspension is kept" phoenixctl suspend --for=5h --reason='moving its storage' 954
echo 'profile lxc-db {' >"$SOURCES/lxc-db"
check "a broken profile is refused" wait_until 40 status_like 'lxc-db'
check "the last known good one is in force" prints enforce loaded_mode lxc-db
show_status
keep_picture
start_samplers

say "the package over it"
pid=$(main_pid)
begin=$(now_ms)
check "apt installs the file over what 0.1 has installed" apt_run install "$DEB"
say "installed in $(($(now_ms) - begin)) ms"
sed 's/^/# /' /run/apt.log
check "the settings are kept, and it says so" said "$SETTINGS is kept"
check "its version" version_is "${VERSION%-*}"
check "it runs, and 0.1 does not" wait_until 40 running_version_is "${VERSION%-*}"
check "another process" not prints "$pid" main_pid
check "still enabled" prints enabled systemctl is-enabled phoenixd
check "the same is broken" wait_until 40 status_like 'lxc-db'
show_status
check "nothing else is, and nothing was changed" unchanged
check "the last known good profile is in force" prints enforce loaded_mode lxc-db
check "and known" prints_like 'last known good' phoenixctl --no-pager status lxc-db
check "the suspension is in force" suspended 954
check "nothing of the state was set aside" not journal_has 'rebuilding the inventory|kept no longer'
check "no setting was refused" not journal_has 'unknown key'
check "the same configuration is in force" prints_like 'lxc-web' phoenixctl --no-pager list containers
configure_all '[]'
check "the line that 0.1 has written is known, and removed" wait_until 30 not has_line web 'lxc.environment = FROM=before'
configure_all '["lxc.environment=FROM=before"]'
check "and written again" wait_until 30 has_line web 'lxc.environment = FROM=before'
put_profile lxc-db
check "the profile is fixed" settled 40
keep_picture
check "a restart does nothing more" systemctl restart phoenixd
check "in sync" settled 40
check "nothing was changed" unchanged
check "the container that is new to the gate starts" start_container 954
check "in its profile" wait_until 20 all_labelled 954 'lxc-web (enforce)'
stop_container 954

say "to a later package, and back, with settings and state that only the later version knows"
dpkg-deb -R "$DEB" /run/later
sed -i 's/^Version: .*/Version: 9.0.0-1/' /run/later/DEBIAN/control
dpkg-deb -b /run/later /run/later.deb >/dev/null
keep_picture
check "an upgrade" apt_run install /run/later.deb
check "in sync" settled 40
systemctl stop phoenixd
sed -i 's/"version": 1/"version": 9/' /var/lib/phoenixd/inventory.json
set_setting fly true
check "apt installs an earlier version only when asked to" not apt_run install "$DEB"
check "then it does" apt_run install --allow-downgrades "$DEB"
check "the daemon names the key that it does not know" wait_until 40 status_like "unknown key 'fly'"
check "meanwhile nothing changes" unchanged
jq 'del(.fly)' "$SETTINGS" >"$SETTINGS.new" && mv "$SETTINGS.new" "$SETTINGS"
check "without it, it is in sync" settled 40
check "it said why it has set the inventory aside" journal_has 'another version of phoenixd may have written.*rebuilding'
check "nothing has changed" unchanged

say "and to 0.1"
check "the package is removed" apt_run remove phoenixd
set_setting restart_jobs 1
install_before --exclude=./etc/phoenixd
check "its version" version_is '0\.1\.0'
systemctl enable phoenixd
systemctl start phoenixd || true
check "it names the key that it does not know" wait_until 40 status_like 'restart_jobs'
check "meanwhile nothing changes" unchanged
jq 'del(.restart_jobs)' "$SETTINGS" >"$SETTINGS.new" && mv "$SETTINGS.new" "$SETTINGS"
check "without it, it is in sync" settled 40
check "no container was touched" inits_go_on
stop_samplers
stop_container web
check "a container starts without the package's gate" start_container web
check "in its profile" wait_until 20 all_labelled web 'lxc-web (enforce)'

say "and from 0.1 without a mode in its settings, and with a unit of its own"
check "the state of the package is purged" apt_run purge phoenixd
jq 'del(.mode)' "$SETTINGS" >"$SETTINGS.new" && mv "$SETTINGS.new" "$SETTINGS"
systemctl restart phoenixd
check "0.1 repairs" settled 40
cp "$(systemctl show -P FragmentPath phoenixd)" /etc/systemd/system/phoenixd.service
lxc-info -n web -pH >/run/init
check "the package is installed" apt_run install "$DEB"
check "says that it observes from now on" said 'phoenixd observes: .*"mode": "enforce"'
check "and that 0.1 did not" said 'the installation before, from the sources, repaired'
check "and that a unit is in force instead of its own" said '/etc/systemd/system/phoenixd.service is in force instead'
check "the first line of the status says how to have it repair" wait_until 40 prints_like \
    "^\\* phoenixd [0-9.]+: observing; to repair, set \"mode\": \"enforce\" in $SETTINGS" phoenixctl --no-pager status
check "the container goes on" diff /run/init <(lxc-info -n web -pH)
check "in its profile" all_labelled web 'lxc-web (enforce)'
