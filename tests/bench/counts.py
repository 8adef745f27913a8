#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What events cost on small made-up hypervisors, in counts that do not depend on the machine, is not
above the limits of a table: counts.py BUILD LIMITS [instructions]

With PHX_UPDATE=1 the table gets what was counted, where that is less."""

import os
import re
import sys

sys.dont_write_bytecode = True

import callgrind
import events
import place

HOSTS = {
    "base": (10, 4),
    "containers": (210, 4),
    "profiles": (10, 44),
    "more-containers": (110, 4),
}
# Where a count comes from: one host, or the difference of two for each container or profile more.
PLACES = {
    "base": ("base",),
    "per-container": ("base", "containers"),
    "per-profile": ("base", "profiles"),
    "instructions": ("base",),
    "instructions-per-container": ("base", "more-containers"),
    "instructions-per-profile": ("base", "profiles"),
}
ROW = re.compile(r"^(\S+)\s+(\S+)\s+(\S+)\s+(\d+)\s+(\d+)\s+(.*)$")


def read_rows(path):
    with open(path, encoding="utf-8") as file:
        found = [ROW.match(line) for line in file if line.strip() and not line.startswith("#")]
    if not found or not all(found):
        sys.exit(path + ": expected WHERE EVENT COUNT LIMIT GOAL WHY")
    return [(row[1], row[2], row[3], int(row[4]), int(row[5]), row[6]) for row in found]


def count_on_host(build, host, names, is_instructions):
    """{event: {count: number}}"""
    containers, profiles = HOSTS[host]
    results = {}
    with place.opened(build, "/var/tmp") as daemon:
        daemon.hypervisor.make(containers, profiles, "small")
        if is_instructions:
            callgrind.start(daemon)
            return {name: events.EVENTS[name](daemon, "instructions") for name in names}
        events.start(daemon)
        if "start-warm" in names:
            daemon.stop()
            results["start-warm"] = events.start_traced(daemon)
            daemon.stop()
            events.start(daemon)
        for name in names:
            if name != "start-warm":
                results[name] = events.EVENTS[name](daemon, True)
    return results


def smaller(a, b):
    """Of each count the smaller one."""
    return {event: {count: min(value, b[event].get(count, value)) if isinstance(value, int) else value
                    for count, value in counts.items()}
            for event, counts in a.items()}


def value_of(row, results):
    where, event, count = row[:3]
    if count not in results[PLACES[where][0]][event]:
        sys.exit(f"{event} has no count '{count}'")
    hosts = PLACES[where]
    values = [results[host][event][count] for host in hosts]
    if len(values) == 1:
        return values[0]
    more = [b - a for a, b in zip(HOSTS[hosts[0]], HOSTS[hosts[1]])]
    return (values[1] - values[0]) / max(more)


def update(path, row, value):
    """The limit becomes what was counted; for what depends on the order of events, with a third more, and some calls: a
    wakeup more is no fault."""
    is_exact = row[2] not in ("calls", "instructions")
    room = 0 if is_exact else 1 if row[0].startswith("per-") else 30
    limit = int(max(value, 0) * (1 if is_exact else 4 / 3) + room)
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()
    for i, line in enumerate(lines):
        found = ROW.match(line)
        if found and found.groups()[:3] == row[:3] and limit < int(found[4]):
            width = found.end(4) - found.end(3)
            lines[i] = line[:found.end(3)] + str(limit).rjust(width) + line[found.end(4):]
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)


def main():
    build, limits, *wanted = sys.argv[1:]
    place.check_needs(build, ["strace"])
    place.enter_namespace()
    is_instructions = wanted == ["instructions"]
    if is_instructions:
        place.check_needs(build, ["valgrind", "callgrind_control"])
    rows = [row for row in read_rows(limits) if row[0].startswith("instructions") == is_instructions]
    # In the order in which the events follow each other: "back" goes back from "one-profile".
    names = {host: [] for host in HOSTS}
    for where, event, *_ in rows:
        for host in PLACES[where]:
            if event not in names[host]:
                names[host].append(event)
    results = {host: count_on_host(build, host, names[host], is_instructions) for host in HOSTS if names[host]}
    # An event that comes while another one is answered costs a pass more, which is no fault: once again.
    if any(value_of(row, results) > row[3] for row in rows):
        results = {host: smaller(found, count_on_host(build, host, names[host], is_instructions))
                   for host, found in results.items()}
    status = 0
    for row in rows:
        value = value_of(row, results)
        is_right = value <= row[3]
        print(f"{row[0]:26} {row[1]:14} {row[2]:12} {value:10,.1f}, at most {row[3]}, goal {row[4]}"
              + ("" if is_right else f": REFUSED: {row[5]}"))
        status |= not is_right
        if os.environ.get("PHX_UPDATE"):
            update(limits, row, value)
    sys.exit(status)


main()
