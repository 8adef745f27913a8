#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# org.phoenixd1(5) heads every method, signal, property and error that the code has, with the same
# types, and no other, and so do the installed descriptions of the interfaces, with the same names of
# parameters: bus.sh SOURCE_ROOT MAN_PAGE INTERFACES
set -eu

root=${1:?usage: bus.sh SOURCE_ROOT MAN_PAGE INTERFACES}
page=${2:?usage: bus.sh SOURCE_ROOT MAN_PAGE INTERFACES}
interfaces=${3:?usage: bus.sh SOURCE_ROOT MAN_PAGE INTERFACES}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# "INTERFACE NAME in=TYPES out=TYPES" and "INTERFACE NAME type=TYPE" from the tables, whatever lines
# they are broken into.
cat "$root/daemon/bus/manager.c" "$root/daemon/bus/objects.c" | tr -d ' \n\t' |
        sed 's/staticconstsd_bus_vtable/\n@/g' | grep '^@' |
        sed 's/SD_BUS_VTABLE_END.*//; s/SD_BUS_METHOD_WITH_NAMES(/\n&/g; s/SD_BUS_METHOD(/\n&/g
            s/METHOD("/\nMETHOD("/g; s/SD_BUS_SIGNAL_WITH_NAMES(/\n&/g; s/PROPERTY("/\nPROPERTY("/g' |
        sed -n 's/^@\(.*\)vtable\[\].*/interface \1/p
            s/^SD_BUS_METHOD_WITH_NAMES("\([A-Za-z]*\)","\([^"]*\)",[^"]*,"\([^"]*\)".*/\1 in=\2 out=\3/p
            s/^METHOD("\([A-Za-z]*\)","\([^"]*\)",[^"]*"\([^"]*\)".*/\1 in=\2 out=\3/p
            s/^SD_BUS_SIGNAL_WITH_NAMES("\([A-Za-z]*\)","\([^"]*\)".*/\1 in=\2 out=/p
            s/^PROPERTY("\([A-Za-z]*\)","\{0,1\}\([a-z]*\).*/\1 type=\2/p' |
        sed 's/interface profile_/interface Profile/; s/interface container_/interface Container/
            s/^interface $/interface Manager/' |
        awk '/^interface / { interface = $2; next } { print interface, $0 }' |
        LC_ALL=C sort >"$scratch/code"

# The types of the parameters are the words before their names.
awk '
        function types(list,   words, n, i, all, part) {
                n = split(list, words, /, */)
                for (i = 1; i <= n; i++) {
                        split(words[i], part, " ")
                        all = all part[1]
                }
                return all
        }
        /^Interface$/ { getline; gsub(/^.*org\.phoenixd1\./, ""); gsub(/ .*/, ""); interface = $0 }
        /^\.B "[A-Z][A-Za-z]*\(/ {
                line = $0
                gsub(/^\.B "|"$/, "", line)
                name = line; sub(/\(.*/, "", name)
                in_ = line; sub(/^[^(]*\(/, "", in_); sub(/\) \\->.*|\)$/, "", in_)
                out = ""
                if (line ~ / \\-> /) { out = line; sub(/.* \\-> /, "", out); sub(/ .*/, "", out) }
                print interface, name, "in=" types(in_), "out=" out
        }
        /^\.B "[A-Z][A-Za-z]* [a-z]*"$/ {
                gsub(/"/, "")
                print interface, $2, "type=" $3
        }
' "$page" | LC_ALL=C sort >"$scratch/page"

sed -n 's/^#define BUS_ERROR_[A-Z_]* "\(.*\)"$/error \1/p' "$root/daemon/bus/private.h" |
        LC_ALL=C sort >>"$scratch/code"
sed -n 's/^\.B \(org\.phoenixd1\.Error\.[A-Za-z]*\)$/error \1/p' "$page" |
        LC_ALL=C sort >>"$scratch/page"

[ "$(wc -l <"$scratch/code")" -ge 40 ] || { echo "the tables were not found"; exit 1; }
diff -u --label "what the code has" --label "org.phoenixd1(5)" "$scratch/code" "$scratch/page"

# The same lines, with "TYPE NAME" of each parameter, from the page and from the descriptions.
awk '
        function named(list) { gsub(/, */, ",", list); return list }
        /^Interface$/ { getline; gsub(/^.*org\.phoenixd1\./, ""); gsub(/ .*/, ""); interface = $0 }
        /^\.B "[A-Z][A-Za-z]*\(/ {
                line = $0
                gsub(/^\.B "|"$/, "", line)
                name = line; sub(/\(.*/, "", name)
                in_ = line; sub(/^[^(]*\(/, "", in_); sub(/\) \\->.*|\)$/, "", in_)
                out = ""
                if (line ~ / \\-> /) { out = line; sub(/.* \\-> /, "", out) }
                print interface, name, "in=" named(in_), "out=" named(out)
        }
        /^\.B "[A-Z][A-Za-z]* [a-z]*"$/ { gsub(/"/, ""); print interface, $2, "type=" $3 }
' "$page" | LC_ALL=C sort >"$scratch/named"
cat "$interfaces"/org.phoenixd1.*.xml | sed 's/"/ /g' | awk '
        $1 == "<interface" { interface = $3; sub(/^org\.phoenixd1\./, "", interface) }
        $1 == "<method" || $1 == "<signal" { name = $3; in_ = out = "" }
        $1 == "<arg" && $7 == "out" { out = out (out ? "," : "") $3 " " $5 }
        $1 == "<arg" && $7 != "out" { in_ = in_ (in_ ? "," : "") $3 " " $5 }
        $1 == "</method>" || $1 == "</signal>" { print interface, name, "in=" in_, "out=" out }
        $1 == "<property" { print interface, $3, "type=" $5 }
' | LC_ALL=C sort >"$scratch/described"
diff -u --label "org.phoenixd1(5)" --label "the installed descriptions" "$scratch/named" "$scratch/described"
