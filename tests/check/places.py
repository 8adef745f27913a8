#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""places.py PHOENIXCTL TABLE [ABI]

Whatever apparmor_parser refuses, phoenixctl validate names the place where its author must change
it, and in words that say what. TABLE has profiles, each with the place and a part of the words:

    @@ lxc-name                     a profile; a piece (abstractions/x) belongs to the one above it
    ! lxc-name:3: some words        expected; without any it is good, and must not be refused
    <4 lxc-name:3: some words       likewise, where the compiler is older than AppArmor 4.0; the
                                    newer ones take it

The compiler is asked itself as well, so that the table stays honest.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PARSER = "/usr/sbin/apparmor_parser"


class Case:
    def __init__(self, name):
        self.name = name
        self.expected = []
        self.needs_old = False
        self.files = []


def read_table(path):
    cases = []
    for chunk in re.split(r"^@@ ", path.read_text(), flags=re.M)[1:]:
        name, _, text = chunk.partition("\n")
        if name.startswith("lxc-"):
            cases.append(Case(name))
        case = cases[-1]
        while text.startswith(("! ", "<4 ")):
            mark, _, text = text.partition("\n")
            case.needs_old |= mark.startswith("<4")
            case.expected.append(mark.split(" ", 1)[1])
        case.files.append((name, text))
    return cases


def is_old():
    said = subprocess.run([PARSER, "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"version (\d+)", said).group(1)) < 4


def is_refused(tree, name, features):
    command = [PARSER, "--config-file=/dev/null", "-K", "-Q", "-j0", "-S", "-M", features, "-I", "."]
    return subprocess.run([*command, name], cwd=tree, capture_output=True, check=False).returncode != 0


def check_case(case, findings, refused):
    """What is wrong with it, if anything."""
    by = re.compile(rf"\(included by {re.escape(case.name)}:\d+\)$")
    own = [f for f in findings if f["file"] == case.name or by.search(f["text"])]
    if not case.expected:
        if refused:
            yield "the compiler refuses it"
        for finding in own:
            yield f"is good, but: {finding['text']}"
        return
    if not refused:
        yield "the compiler accepts it"
    if not own:
        yield "nothing is said"
    for finding in own:
        if "line" not in finding:
            yield f"without a place: {finding['text']}"
    for expected in case.expected:
        file, line, words = expected.split(":", 2)
        if not any(
            f["file"] == file and f.get("line") == int(line) and words.strip() in f["text"]
            for f in own
        ):
            said = [f"{f['file']}:{f.get('line')}: {f['text']}" for f in own]
            yield f"expected {expected!r}, found {said}"


def main():
    phoenixctl, table = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    features = Path(sys.argv[3] if len(sys.argv) > 3 else "/etc/apparmor.d/abi/3.0")
    if not Path(PARSER).exists() or not features.exists():
        print("skipped: no apparmor_parser", file=sys.stderr)
        return 77
    old = is_old()
    cases = [case for case in read_table(table) if old or not case.needs_old]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="places-") as directory:
        tree = Path(directory).resolve()
        tree.chmod(0o755)
        for case in cases:
            for name, text in case.files:
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).write_text(text)
        answer = subprocess.run(
            [phoenixctl, "validate", "--json", "--no-cache", tree], capture_output=True, text=True, check=False
        )
        findings = [f for f in json.loads(answer.stdout)["findings"] if f["severity"] == "error"]
        for finding in findings:
            finding["file"] = finding["file"].removeprefix(f"{tree}/")
            if "TOK_" in finding["text"] or "/stage" in finding["text"]:
                print(f"{finding['file']}: not in our words: {finding['text']}", file=sys.stderr)
                failed += 1
        for case in cases:
            for wrong in check_case(case, findings, is_refused(tree, case.name, features)):
                print(f"{case.name}: {wrong}", file=sys.stderr)
                failed += 1
    bad = sum(bool(case.expected) for case in cases)
    print(f"{bad} bad profiles, {len(cases) - bad} good ones, {failed} failures")
    return failed > 0 or bad < 80


sys.exit(main())
