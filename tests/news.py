#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes results of tests/release into the newest version's section of a NEWS file: news.py FILE STEP... <RESULTS

RESULTS has lines "DATE COMMIT STEP: COUNT"; the last result of each step stays, in the order of STEP."""

import os
import re
import sys

HEAD = "## Tested\n\nThe last result of each step of `tests/release`:\n\n"
LINE = re.compile(r"- (\S+): (.*) \((\S+), (\S+)\)")


def update(text, steps, results):
    parts = re.split(r"(?m)^(?=# )", text)
    if len(parts) < 2:
        sys.exit("there is no version in it")
    newest, _, tested = parts[1].partition("\n## Tested\n")
    last = {found[1]: found[0] for found in LINE.finditer(tested)}
    for date, commit, step, count in results:
        last[step] = f"- {step}: {count} ({date}, {commit})"
    lines = "".join(last[step] + "\n" for step in steps if step in last)
    parts[1] = newest.rstrip("\n") + "\n\n" + HEAD + lines + ("\n" if len(parts) > 2 else "")
    return "".join(parts)


def main(file, *steps):
    results = [re.fullmatch(r"(\S+) (\S+) (\S+): (.*)", line.rstrip("\n")) for line in sys.stdin]
    if None in results:
        sys.exit("a line is no result")
    with open(file, encoding="utf-8") as old:
        text = update(old.read(), steps, [found.groups() for found in results])
    with open(file + "~", "w", encoding="utf-8") as new:
        new.write(text)
    os.rename(file + "~", file)


if __name__ == "__main__":
    main(*sys.argv[1:])
