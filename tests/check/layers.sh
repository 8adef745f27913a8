#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The arrows that the sources may not cross, from README's table of folders, and what must not be
# called where. usage: layers.sh SOURCE_ROOT
set -u

root=${1:?usage: layers.sh SOURCE_ROOT}
readme=$(readlink -f "$(dirname "$0")/../../README.md")
cd "$root" || exit 1

# Prints what it read under a sentence that says why it is wrong. That anything was printed is what
# fails the check: a variable that was set at the end of a pipe would be lost with its shell.
refuse() {
        found=$(cat)
        [ -z "$found" ] || printf '%s:\n%s\n' "$1" "$found"
}

sources() {
        find "$@" -name '*.[ch]' -type f 2>/dev/null | LC_ALL=C sort
}

# The lines of FILES... that match PATTERN, with file and number, but for comments and for what
# stands in string literals.
search() {
        pattern=$1
        shift
        [ $# -eq 0 ] && return
        awk -v pattern="$pattern" '
                FNR == 1 { inside = 0 }
                {
                        text = $0
                        if (text !~ /^#[ \t]*include/)
                                gsub(/"([^"\\]|\\.)*"/, "\"\"", text)
                        gsub(/\/\*([^*]|\*[^\/])*\*\//, "", text)
                        if (inside) {
                                if (!match(text, /\*\//))
                                        next
                                text = substr(text, RSTART + 2)
                                inside = 0
                        }
                        if (match(text, /\/\*/)) {
                                text = substr(text, 1, RSTART - 1)
                                inside = 1
                        }
                        if (text ~ pattern)
                                print FILENAME ":" FNR ": " $0
                }' "$@"
}

# The rows of README's table, as "FOLDER ROOM...".
table() {
        sed -n 's/^| `\([a-z/]*\)` |[^|]*|\([^|]*\)|$/\1 \2/p' "$readme"
}

# FOLDER may include "ROOM/..." of itself and of the rooms that follow, and nothing else that is ours
# but the build's config.h.
may_include() {
        folder=$1
        shift
        allowed=$(printf '%s|' "${folder##*/}" "$@")
        # shellcheck disable=SC2046 # none of our file names has blanks
        search '^#[ \t]*include[ \t]*"' $(sources "$folder" -maxdepth 1) |
                grep -Ev "include[ 	]*\"(config\.h|(${allowed%|})/[a-z0-9_-]+\.h)\"" |
                refuse "$folder may include only: $*"
}

# <HEADER...> belongs to the files and folders that follow.
belongs_to() {
        header=$1
        shift
        others=$(sources lib daemon)
        for place in "$@"; do
                others=$(printf '%s\n' "$others" | grep -Ev "^$place(/|\$)")
        done
        # shellcheck disable=SC2086 # none of our file names has blanks
        search "^#[ \t]*include[ \t]*<$header" $others |
                refuse "<$header> may be included only in: $*"
}

check_all() {
        [ -n "$(table)" ] || echo "$readme" | refuse "no table of folders"
        table | while read -r folder rooms; do
                # shellcheck disable=SC2086 # words
                may_include "$folder" $rooms
        done
        sources lib daemon | sed 's|/[^/]*$||' | sort -u |
                grep -vxF "$(table | cut -d' ' -f1)" | refuse "a folder without a row in README's table"

        belongs_to jansson lib/codec
        belongs_to lxc/ lib/lxc/ask.c lib/lxc/child.c
        belongs_to sys/apparmor lib/kernel lib/policy
        belongs_to systemd/ daemon/shared daemon/bus daemon/loop daemon/phoenixctl daemon/engine/audit_log.c
        belongs_to inotifytools/ daemon/loop

        # Whoever waits in the loop keeps every container and every caller waiting.
        # shellcheck disable=SC2046
        search '(^|[^a-z0-9_])(sd_bus_call|fsync|fdatasync|sync|system|popen|wait|waitpid|waitid|usleep|sleep|nanosleep)[ ]*\(' \
                $(sources daemon/loop daemon/bus) | grep -v WNOHANG | refuse "the loop never blocks"

        # A call below /etc/pve may block for ever: only the worker's process makes one, and the program that asks
        # Proxmox to create a container, for which systemd alone waits.
        # shellcheck disable=SC2046
        search '(^|[^a-z0-9_])phx_pve_(get_[a-z_]+|ha_read|list_files|list_guests|open_config|ours_watches_[a-z]+|read_config|read_file|read_fd|replace|serve|watch_[a-z]+)[ ]*\(' \
                $(sources lib daemon | grep -Ev '^(lib/pve/(cluster|guests|ha|ours|ours_watches|replace|serve|watch|worker)|daemon/create/guest)\.[ch]$') |
                refuse "only the worker names what is below /etc/pve"

        # shellcheck disable=SC2046
        search '(^|[^a-z0-9_])(printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|perror|syslog|vsyslog|err|errx|warn|warnx|sd_[a-z_]+)[ ]*\(' \
                $(sources lib) | refuse "lib never logs or prints"

        # A static or a global at the left margin that is data (ends with ";" or "= ...") and is not const.
        # shellcheck disable=SC2046
        search '^(static |extern |_Thread_local )*(unsigned |signed |struct |enum |union )?[a-z_][a-z0-9_]*( \*+ ?| )[a-z_][a-z0-9_]*(\[[^]]*\])*( =.*|;)$' \
                $(sources lib) | grep -Ev ':[0-9]+: .*(const |typedef |(struct|enum|union) [a-z0-9_]+;$)' |
                refuse "lib has no variables at file level"
        # shellcheck disable=SC2046
        search '^[ \t]+static [^(]*(=|;)' $(sources lib) | grep -Ev 'const ' |
                refuse "lib has no variables that outlive a call"

        # Removing a profile unconfines whoever runs in it. Here string literals count, comments do not.
        # shellcheck disable=SC2046
        grep -nE '"[^"]*\.remove"|aa_kernel_interface_remove|apparmor_parser[^"]* (-R|--remove)|"(-R|--remove)"' \
                $(sources lib daemon) /dev/null | refuse "nothing may remove a profile from the kernel"
}

said=$(check_all 2>&1)
[ -z "$said" ] && exit 0
printf '%s\n' "$said" >&2
exit 1
