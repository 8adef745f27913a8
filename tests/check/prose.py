#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs compare enums and fields, never sentences: no call that compares or searches text has a
literal with a blank beside a letter, but for the formats of others. prose.py ROOT"""
import pathlib
import re
import sys

COMPARES = re.compile(
    r"\b(?:str(?:n?case)?n?cmp|strstr|strcasestr|sscanf|memcmp|memmem|fnmatch|strptime"
    r"|phx_has_prefix|phx_has_suffix|phx_equal|phx_word_is)\s*\(")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
SENTENCE = re.compile(r"[A-Za-z,.:;] |  *[A-Za-z]")

# Whose words they are.
FOREIGN = {
    "lib/base/calendar.c": "systemd-analyze",
    "lib/compiler/outcome.c": "apparmor_parser and the C library",
    "lib/compiler/explain.c": "apparmor_parser",
    "lib/compiler/message.c": "apparmor_parser",
    "lib/compiler/syntax.c": "apparmor_parser",
    "lib/compiler/words.c": "apparmor_parser",
    "lib/lxc/cgroups.c": "the kernel's cgroup.events",
    "daemon/phoenixctl/verb_can.c": "the class of a query, as its author wrote it",
}


def without_comments(text):
    """The same lines: a string may look like a comment, and a comment like a call."""
    return re.sub(
        r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|/\*.*?\*/|//[^\n]*',
        lambda m: m.group(0) if m.group(0)[0] in "\"'" else "\n" * m.group(0).count("\n"),
        text, flags=re.S)


def arguments(text, at):
    """What stands between the parenthesis before AT and the one that closes it."""
    depth, end = 1, at
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|[()]', text[at:]):
        depth += {"(": 1, ")": -1}.get(match.group(0), 0)
        end = at + match.end()
        if depth == 0:
            break
    return text[at:end]


def main():
    root = pathlib.Path(sys.argv[1])
    failed, used = False, set()
    for path in sorted(p for top in ("lib", "daemon") for p in (root / top).rglob("*.[ch]")):
        name, text = path.relative_to(root).as_posix(), without_comments(path.read_text())
        for call in COMPARES.finditer(text):
            found = [literal for literal in LITERAL.findall(arguments(text, call.end()))
                     if SENTENCE.search(literal)]
            if found and name in FOREIGN:
                used.add(name)
            elif found:
                line = text.count("\n", 0, call.start()) + 1
                print(f'{name}:{line}: compares a sentence: "{found[0]}"; use an enum or a field')
                failed = True
    for name in FOREIGN:
        if (root / name).exists() and name not in used:
            print(f"prose.py: {name} compares no sentence any more: take it out of the list")
            failed = True
    sys.exit(failed)


main()
