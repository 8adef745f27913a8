#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""counts.py GOLDEN PRINT-COUNTS PHOENIXCTL CASES

In every golden case the status line, the table of `phoenixctl status`, the bus, the metrics and
`phoenixctl posture` show the same counts, and those are what the list of containers holds. A
container of which nothing runs is never among the confined ones.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

golden, print_counts, phoenixctl, cases = sys.argv[1:]
failures = 0
seen = collections.Counter()


def run(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode not in (0, 2):
        sys.exit(f"{' '.join(command)}: exit status {result.returncode}")
    return result.stdout


def expect(case, where, what, found, expected):
    global failures
    if found != expected:
        failures += 1
        print(f"{case}: {where}: {what}: found {found}, expected {expected}")


def counts_in(text):
    """"2 confined, 1 may leave" as a dictionary with the names of postures."""
    return {
        words.replace(" ", "-"): int(number)
        for number, words in re.findall(r"(\d+) ([a-z -]+?)(?:,|$)", text)
    }


def status_line(status):
    found = re.search(r"(\d+) of (\d+) containers? confined((?:, \d+ [a-z -]+)*)", status)
    if not found:
        return {}, 0 if "no containers" in status else None
    line = counts_in(found.group(3).lstrip(", ")) if found.group(3) else {}
    line = {name: number for name, number in line.items() if name in NAMES}
    if int(found.group(1)):
        line["confined"] = int(found.group(1))
    return line, int(found.group(2))


NAMES = (
    "unknown confined may-leave not-enforced partly-unconfined unconfined stopped missing".split()
)


def running(state):
    """Directories of which a line of the case says that something runs."""
    return {
        line.split()[1]
        for line in state.splitlines()
        if line.split(" ")[0] in ("running", "label", "unread")
    }


def check(case, directory):
    snapshot = run(golden, "--snapshot", cases, case)
    described = json.loads(snapshot)
    containers = described["containers"]
    expected = collections.Counter(c["posture"] for c in containers)
    state = (directory / "state.txt").read_text()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(snapshot)
        file.flush()
        table = run(phoenixctl, "status", f"--from={file.name}")
        postures = run(phoenixctl, "posture", f"--from={file.name}")
        numbers = run(print_counts, file.name)

    line, total = status_line(described["status"])
    expect(case, "status line", "postures", line, dict(expected))
    expect(case, "status line", "containers", total, len(containers))
    found = re.search(r"Containers: +(.*)", table)
    found = {} if found.group(1) == "none" else counts_in(found.group(1))
    expect(case, "phoenixctl status", "postures", found, dict(expected))
    ids = {c["id"] for c in containers}
    rows = collections.Counter(
        row.split()[2]
        for row in postures.split("\n\n")[0].splitlines()[1:]
        if row.split()[0] in ids
    )
    expect(case, "phoenixctl posture", "rows", dict(rows), dict(expected))
    metrics = {
        name: int(number)
        for name, number in re.findall(
            r'^phoenixd_container_postures\{posture="([a-z-]+)"\} (\d+)$', numbers, re.M
        )
    }
    expect(case, "metrics", "names", sorted(metrics), sorted(NAMES))
    expect(case, "metrics", "postures", {n: k for n, k in metrics.items() if k}, dict(expected))
    bus = dict(re.findall(r"^(N[A-Za-z]+) (\d+)$", numbers, re.M))
    for name, posture in (("NConfined", "confined"), ("NUnconfined", "unconfined"), ("NStopped", "stopped")):
        expect(case, "bus", name, int(bus[name]), expected[posture])
    expect(case, "bus", "NContainers", int(bus["NContainers"]), len(containers))
    profiles = [p for p in described["profiles"] if p["kind"] == "profile"]
    expect(case, "bus", "NProfiles", int(bus["NProfiles"]), len(profiles))
    in_states = re.findall(r'^phoenixd_profiles\{state="[a-z-]+"\} (\d+)$', numbers, re.M)
    expect(case, "metrics", "profiles", sum(map(int, in_states)), len(profiles))
    legend = re.search(r"(\d+) of (\d+) containers?", postures)
    expect(case, "phoenixctl posture", "exposed", int(legend.group(1)), int(bus["NExposed"]))
    for container in containers:
        seen[container["posture"]] += 1
        if container["posture"] in ("stopped", "missing"):
            continue
        expect(case, "containers", container["id"] + " runs", container["directory"] in running(state), True)


names = sorted(path.name for path in pathlib.Path(cases).iterdir())
for name in names:
    check(name, pathlib.Path(cases) / name)
print(f"{len(names)} cases, {failures} differences; postures: {dict(seen)}")
if not names or len(seen) < 4:
    sys.exit("too few cases to say anything")
sys.exit(failures > 0)
