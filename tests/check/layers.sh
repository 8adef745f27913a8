#!/bin/sh
# The arrows that the sources may not cross: base <- state <- { codec, system, reconcile } <- daemon.
# usage: layers.sh SOURCE_ROOT
set -u

root=${1:?usage: layers.sh SOURCE_ROOT}
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

# LAYER may include "FOLDER/..." of the folders that follow, and nothing else that is ours but
# the build's config.h.
may_include() {
        layer=$1
        shift
        allowed=$(printf '%s|' "$@")
        # shellcheck disable=SC2046 # none of our file names has blanks
        search '^#[ \t]*include[ \t]*"' $(sources "lib/$layer") |
                grep -Ev "include[ 	]*\"(config\.h|(${allowed%|})/[a-z0-9_]+\.h)\"" |
                refuse "lib/$layer may include only: $*"
}

# <HEADER...> belongs to the folders that follow.
belongs_to() {
        header=$1
        shift
        for folder in lib/* daemon; do
                case " $* " in
                *" $folder "*) continue ;;
                esac
                # shellcheck disable=SC2046
                search "^#[ \t]*include[ \t]*<$header" $(sources "$folder") |
                        refuse "<$header> may be included only in: $*"
        done
}

check_all() {
        may_include base base
        may_include state base state
        may_include codec base state codec
        may_include system base state system
        may_include reconcile base state reconcile

        for folder in lib/*/; do
                case $folder in
                lib/base/ | lib/state/ | lib/codec/ | lib/system/ | lib/reconcile/) ;;
                *) echo "$folder" | refuse "lib has a folder without a place in the layers" ;;
                esac
        done

        belongs_to jansson lib/codec
        belongs_to lxc/ lib/system
        belongs_to sys/apparmor lib/system
        belongs_to systemd/ daemon
        belongs_to inotifytools/ daemon

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
