#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What a user reads keeps to plain words: the documents, the comments and texts of the files that are
# installed, and the string literals of the programs. usage: words.sh SOURCE_ROOT
set -u

root=${1:?usage: words.sh SOURCE_ROOT}
cd "$root" || exit 1

# "PATTERN|what to say instead", the pattern an extended regular expression over whole words in small
# letters with one blank between them.
words='mend(s|ed|ing)?|fix
(tell|tells|told|telling)|report, show, or determine
nobody|no user, no program, or a passive
somebody|another program, another user
whom|users that
died over|crashed while processing
(whoever|whosoever)|the user who, the program that
anew|again
behind|after
for want of|because there is no
look(s|ed|ing)?|pass (of reconciliation), check, or read
hardly|probably not, rarely
what who|containers that
as (it is|they are)|unchanged
of (its|their) own|separate, or leave it out
by (itself|themselves)|automatically
no longer true|resolved
needs? a restart|requires restart
needing a restart|requires restart
what is (ours|theirs)|files that phoenixd manages
take(s|n)? (it|them) up|pick up
for who|for users who
sees? to it|keep, ensure
last good|last known good
cannot be told|cannot be determined'

# Phrases in which one of these words is right.
allowed='as (far|long|many|much|often|old|soon) as (it is|they are)
of (its|their) own (network|user)
(li|user|as) nobody
looks? like
look up'
# The account; what an older version said, as NEWS has it.
names=' nobody '
quoted='[(]was: [^()]*[)]'

# The text of each C file's string literals, with neighbours joined as the compiler does, and each line
# of any other file without what marks a comment or a macro; a phrase may go on in the next line.
find_words() {
        awk -v words="$words" -v allowed="$allowed" -v names="$names" -v quoted="$quoted" '
                BEGIN {
                        n = split(words, line, "\n")
                        for (i = 1; i <= n; i++) {
                                # The last bar: patterns have some, too.
                                match(line[i], /[|][^|]*$/)
                                pattern[i] = " (" substr(line[i], 1, RSTART - 1) ") "
                                better[i] = substr(line[i], RSTART + 1)
                        }
                        n_allowed = split(allowed, phrase, "\n")
                }

                # TEXT as words in small letters with one blank around each, without what is allowed.
                function plain(text,   i) {
                        text = tolower(text)
                        gsub(quoted, " ", text)
                        gsub(/\\f[a-z]|\\[(]..|\\[a-z"]/, " ", text)
                        gsub(/[^a-z0-9_]+/, " ", text)
                        text = " " text " "
                        for (i = 1; i <= n_allowed; i++)
                                gsub(" " phrase[i] " ", " ", text)
                        return text
                }

                function refuse(number, i, text) {
                        match(text, pattern[i])
                        printf "%s:%d: \"%s\": say: %s\n", file, number,
                                substr(text, RSTART + 1, RLENGTH - 2), better[i]
                }

                # The same word twice, with one blank between: columns have more.
                function refuse_twice(number, text,   i, n_words, word) {
                        gsub(/\\[nt]/, " ", text)
                        n_words = split(tolower(text), word, / /)
                        for (i = 2; i <= n_words; i++)
                                if (word[i] == word[i - 1] && word[i] ~ /^[a-z][a-z]+:?$/)
                                        printf "%s:%d: \"%s %s\": say it once\n", file, number,
                                                word[i], word[i]
                }

                function end_literal(   i, text) {
                        if (literal == "")
                                return
                        refuse_twice(began, literal)
                        text = plain(literal)
                        for (i = 1; i <= n; i++)
                                if (text != names && text ~ pattern[i])
                                        refuse(began, i, text)
                        literal = ""
                }

                function read_c(rest) {
                        while (rest != "") {
                                if (in_comment) {
                                        if (!match(rest, /\*\//))
                                                return
                                        in_comment = 0
                                        rest = substr(rest, RSTART + 2)
                                } else if (match(rest, /^[ \t]+/)) {
                                        rest = substr(rest, RLENGTH + 1)
                                } else if (match(rest, /^"([^"\\]|\\.)*"/)) {
                                        if (literal == "")
                                                began = FNR
                                        literal = literal substr(rest, 2, RLENGTH - 2)
                                        rest = substr(rest, RLENGTH + 1)
                                } else if (rest ~ /^\/\*/) {
                                        in_comment = 1
                                        rest = substr(rest, 3)
                                } else if (rest ~ /^\/\//) {
                                        return
                                } else {
                                        end_literal()
                                        if (!match(rest, /^\047([^\047\\]|\\.)+\047/) &&
                                            !match(rest, /^[^"\047\/ \t]+/))
                                                RLENGTH = 1
                                        rest = substr(rest, RLENGTH + 1)
                                }
                        }
                }

                function read_text(text,   i, both) {
                        if (text !~ /^\.Li /)
                                sub(/^[ \t]*(#+|\.[A-Za-z]+|[*-])[ \t]+/, "", text)
                        refuse_twice(FNR, text)
                        text = plain(text)
                        both = before substr(text, 2)
                        for (i = 1; i <= n; i++)
                                if (text ~ pattern[i])
                                        refuse(FNR, i, text)
                                else if (both ~ pattern[i] && before !~ pattern[i])
                                        refuse(FNR - 1, i, both)
                        before = text ~ /[a-z]/ ? text : " "
                }

                FNR == 1 {
                        end_literal()
                        file = FILENAME
                        in_comment = 0
                        before = " "
                }
                FILENAME ~ /\.[ch]$/ {
                        if ($0 !~ /^#[ \t]*include/)
                                read_c($0)
                        next
                }
                { read_text($0) }
                END { end_literal() }
        ' "$@"
}

files=$({
        find README.md NEWS.md HACKING.md meson_options.txt tests/vm/README.md -type f
        find man systemd config -type f
        find lib daemon -name '*.[ch]' -type f
} 2>/dev/null | LC_ALL=C sort)
if [ -z "$files" ]; then
        echo "$root: no files found"
        exit 1
fi
# shellcheck disable=SC2086 # No name in the tree has a blank.
found=$(find_words $files) || exit 1
[ -z "$found" ] || printf '%s\n' "$found"
[ -z "$found" ]
