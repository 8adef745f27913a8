#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What clients see of the stand-in, call by call: battery.py PROGRAM [--mountpoint DIR] [--own-machine] [GROUP|TEST...]

Each test is a row, or some, of README.md's table. Prints TAP. Without a mount that can be made here all is skipped.
--own-machine also runs what would disturb others on the same kernel. A GROUP is tree, calls, changes or life.
"""

import argparse
import os
import shutil
import sys
import tempfile
import traceback

import facts_calls  # noqa: F401 (their tests are in the list)
import facts_changes  # noqa: F401
import facts_life  # noqa: F401
import facts_pct  # noqa: F401
import facts_tree  # noqa: F401
from host import TESTS, Host

CAP_SYS_ADMIN = 21


def missing(program):
    if not os.access(program, os.X_OK):
        return f"{program} is not there"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse cannot be opened: {error.strerror}"
    with open("/proc/self/status", encoding="utf-8") as status:
        effective = next(line.split()[1] for line in status if line.startswith("CapEff:"))
    return "" if int(effective, 16) >> CAP_SYS_ADMIN & 1 else "no file system may be mounted here (it needs CAP_SYS_ADMIN)"


def group(function):
    return function.__module__.removeprefix("facts_")


def run(function, arguments):
    """One test with a fresh stand-in: why it was skipped, or nothing."""
    work = tempfile.mkdtemp(prefix="pve-battery-")
    host = Host(arguments.program, arguments.mountpoint or os.path.join(work, "etc-pve"), work)
    host.own_machine = arguments.own_machine
    try:
        if host.start() != 0:
            raise AssertionError(f"it does not start: {host.said}")
        skipped = function(host)
    finally:
        code = host.done()
        shutil.rmtree(work, ignore_errors=True)
    if code != 0:
        raise AssertionError(f"it ends with {code}: {host.said}")
    return skipped


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--mountpoint")
    parser.add_argument("--own-machine", action="store_true")
    parser.add_argument("tests", nargs="*")
    arguments = parser.parse_args()
    chosen = [function for function in TESTS if not arguments.tests or {function.__name__, group(function)} & set(arguments.tests)]
    reason = missing(arguments.program)
    if reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    failed = 0
    print(f"1..{len(chosen)}")
    for number, function in enumerate(chosen, 1):
        try:
            skipped = run(function, arguments)
            print(f"ok {number} - {function.__name__}" + (f" # SKIP {skipped}" if skipped else ""), flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {number} - {function.__name__}")
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="", flush=True)
    return 1 if failed else 0


sys.exit(main())
