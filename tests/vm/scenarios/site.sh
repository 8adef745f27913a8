# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# snapshot: booted
# machines: 2
# archive: site.d
# timeout: 1200
# A fleet of two hosts and one archive of Debian packages: a site package brings configuration and profiles to both, a
# new version of it brings a changed profile to one after the other, and one question names the host that lags behind.

SITE=/usr/share/phoenixd/site
PROM=/var/lib/prometheus/node-exporter/phoenixd.prom
OTHER=$((3 - MACHINE))
SECRET='deny /etc/secret'

# The archive alone: these machines have no network.
apt_site() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Languages=none -o Dir::Etc::SourceList=/run/site.list \
        -o Dir::Etc::SourceParts=- "$@" >/run/apt.log 2>&1 || {
        cat /run/apt.log
        return 1
    }
}
# The archive as it is on that day.
archive_has() {
    ln -sfn "/srv/disk/$1" /srv/archive
    apt_site update
}
installed_site() { dpkg-query -W -f '${Version}' example-phoenixd-site; }
profiles_digest() { sed -n 's/^phoenixd_profiles_info{digest="\(.*\)"} 1$/\1/p' "$PROM"; }
digest_is_not() { [[ -n $(profiles_digest) && $(profiles_digest) != "$1" ]]; }
loaded_is_not() { [[ $(loaded_hash "$1") != "$2" ]]; }
secret_is_denied() { not inside web 'cat /etc/secret'; }
# A status of 2 is a degraded one's.
shown() { { phoenixctl --no-pager status || [[ $? -eq 2 ]]; } | grep -E -- "$1"; }
explained() { phoenixctl --no-pager explain web | grep -E -- "$1"; }
confined() { all_labelled web 'lxc-site (enforce)'; }
# The question of phoenixd-fleet(7): the hosts whose profiles have another digest than that.
lagging() { (cd /run/fleet && grep -L "phoenixd_profiles_info{digest=\"$1\"}" -- *.prom) || true; }
# collect NAME: as a collector of all hosts has them.
collect() {
    mkdir -p /run/fleet
    cp "$PROM" "/run/fleet/host-$MACHINE.prom"
    cp "/run/post/$OTHER/$1" "/run/fleet/host-$OTHER.prom"
}
tell() { post "$1" "$PROM"; }
hear() { wait_until 120 posted "$OTHER" "$1"; }

wait_until 20 disk_named archive
wait_until 20 disk_named post
mkdir -p /srv/disk "$(dirname "$PROM")"
mount -o ro "$(disk_named archive)" /srv/disk
echo 'deb [trusted=yes] file:/srv/archive ./' >/run/site.list
archive_has 1

say "the first version"
check "one package brings all" apt_site install example-phoenixd-site
check "it is the archive's" prints 1.1 installed_site
check "/etc/phoenixd is empty" prints '' ls -A "$ETC"
check "the files are a host's to use" phoenixctl validate
set_setting metrics_file "\"$PROM\""
set_setting mode '"enforce"'
check "the site's profile is in force" wait_until 40 prints enforce loaded_mode lxc-site
check "the site's configuration as well" wait_until 40 prints lxc-site effective_profile web
check "a container starts" start_container web
check "in its profile" wait_until 20 confined
check "in sync" settled 40
check "explain names its configuration" explained "$SITE/phoenix_lxc_configs.json:"
check "and its profile" explained "$SITE/apparmor.d/lxc-site"
check "so does the status" shown "Config: +$SITE/phoenix_lxc_configs.json, the site's"
check "of all profiles" shown 'Sources: +2 site$'
check "advise reads the site's configuration" prints_like "^$SITE/phoenix_lxc_configs.json: " phoenixctl --no-pager advise
check "the metrics have a digest of the profiles" wait_until 20 digest_is_not none
inside web 'echo secret >/etc/secret'
first=$(profiles_digest)
kept=$(loaded_hash lxc-kept)
tell first
check "the other host has come as far" hear first
collect first
check "both have the same profiles" prints '' lagging "$first"

upgrade() {
    local old pid sampler
    old=$(loaded_hash lxc-site)
    pid=$(lxc-info -n web -pH)
    sample_labels web 600 5 /run/sample & sampler=$!
    check "apt upgrades it" apt_site upgrade
    check "to the new version" prints 1.2 installed_site
    check "the kernel has the new policy" wait_until 40 loaded_is_not lxc-site "$old"
    check "in sync" settled 40
    check "the rule is in force" secret_is_denied
    check "the metrics have the new digest" wait_until 20 digest_is_not "$first"
    check "what has not changed was not loaded" prints "$kept" loaded_hash lxc-kept
    check "the container went on" prints "$pid" lxc-info -n web -pH
    kill -TERM "$sampler"
    wait "$sampler" || true
    check "no task was outside of the profile" \
        prints_like '^[0-9]+[[:space:]]lxc-site \(enforce\)$' grep -v '^#' /run/sample
}

say "the second version"
archive_has 2
if [[ $MACHINE -eq 1 ]]; then
    check "before, the file may be read" inside web 'cat /etc/secret'
    upgrade
    collect first
    check "one question names the host that lags behind" prints host-2.prom lagging "$(profiles_digest)"
    check "another one those of the old version" prints host-1.prom lagging "$first"
    tell second
    check "the other host follows" hear second
else
    check "the other host goes first" hear second
    check "here the file may be read" inside web 'cat /etc/secret'
    upgrade
    tell second
fi
collect second
check "none lags behind" prints '' lagging "$(profiles_digest)"

hosts_own_files() {
    local own
    say "a host's own file before the site's"
    put_profile lxc-site "$SECRET rwklx," 'deny /etc/more rwklx,'
    check "it is in force" wait_until 40 loaded_is_not lxc-site "$second"
    check "in sync" settled 40
    check "the status counts it" shown 'Sources: +1 site, 1 override$'
    check "explain names it" explained "$SOURCES/lxc-site"
    check "and the site's, which is not in force" explained "the site's profile of this name, not in force"
    own=$(loaded_hash lxc-site)
    : >"$SOURCES/.lxc-site.new"
    mv "$SOURCES/.lxc-site.new" "$SOURCES/lxc-site"
    check "an empty one is refused" wait_until 40 status_like 'lxc-site: is empty'
    check "and the last good one stays" prints "$own" loaded_hash lxc-site
    rm "$SOURCES/lxc-site"
    check "without it the site's is in force" wait_until 40 prints "$second" loaded_hash lxc-site
    check "in sync" settled 40
    ln -s /dev/null "$SOURCES/lxc-site"
    check "a link to /dev/null masks the site's" wait_until 40 explained "masks the site's profile"
    check "which the status counts" shown 'Sources: +1 site, 1 masked$'
    check "what runs stays in its profile" confined
    check "which stays in the kernel" prints "$second" loaded_hash lxc-site
    check "and on the disk" same_file "$SITE/apparmor.d/lxc-site" "$DEPLOYED/lxc-site"
    rm "$SOURCES/lxc-site"
    check "in sync" settled 40
    configure web=lxc-site
    check "a configuration of its own is in place of the site's" \
        wait_until 40 shown "Config: +$CONFIG, in place of the site's $SITE/"
    check "explain names both" explained "the site's configuration, not in force"
    rm "$CONFIG"
    check "without it the site's is in force" wait_until 40 shown "Config: +$SITE/phoenix_lxc_configs.json, the site's"
    check "in sync" settled 40
}

without_the_package() {
    say "without the package"
    check "it can be removed" apt_site remove example-phoenixd-site
    check "which is reported" wait_until 40 status_like 'configuration: .*: No such file'
    check "and loosens nothing" confined
    check "neither the policy" prints "$second" loaded_hash lxc-site
    check "nor the config" prints lxc-site effective_profile web
}

# Each would take the other's time.
second=$(loaded_hash lxc-site)
if [[ $MACHINE -eq 1 ]]; then hosts_own_files; else without_the_package; fi
