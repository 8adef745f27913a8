# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions of an event, of the loop and the engine, by valgrind's callgrind.

The loop is asked for what it has done. The engine is its fork, which callgrind_control does not find; it
writes down what it has done after each look."""

import glob
import os
import re
import subprocess

from daemon import Failure
from hypervisor import RUN

OUT = RUN + "/callgrind"
LOOK = "work_look"


def start(daemon):
    # Under bookworm's valgrind there is no pidfd_open(2): tests/growth/pidfd.c.
    libraries = [daemon.build + "/tests/bench/bench-preload.so", daemon.build + "/tests/growth/pidfd.so"]
    daemon.libraries = ":".join(path for path in libraries if os.path.exists(path))
    daemon.start(prefix=("valgrind", "--tool=callgrind", "--dump-after=" + LOOK, f"--callgrind-out-file={OUT}.%p",
                         f"--log-file={RUN}/valgrind.%p"))
    daemon.wait_until_quiet()


def dumps_of(pid):
    return set(glob.glob(f"{OUT}.{pid}.*"))


def total_of(path):
    with open(path, encoding="utf-8") as file:
        found = re.search(r"^totals: (\d+)$", file.read(), re.M)
    return int(found[1]) if found else 0


def control(option, pid):
    done = subprocess.run(["callgrind_control", option, str(pid)], check=False, capture_output=True, text=True)
    if "OK" not in done.stdout:
        raise Failure("callgrind_control: " + done.stdout)


def most_expensive(path):
    """[(instructions with those of all that it calls, name)]"""
    done = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=99", path], check=False,
                          capture_output=True, text=True)
    found = re.findall(r"^ *([\d,]+) \([ \d.]+%\) +\S*?:(\S+)", done.stdout, re.M)
    names = [name for _, name in found]
    # What is above it is the same in each.
    below = names.index(LOOK) if LOOK in names else 0
    return [(int(count.replace(",", "")), name) for count, name in found[below:]]


def measure(daemon, act, with_functions=False):
    loop, engine = daemon.pids()
    before = {pid: dumps_of(pid) for pid in (loop, engine)}
    control("--zero", loop)
    act()
    daemon.wait_until_quiet()
    control("--dump", loop)
    new = {pid: dumps_of(pid) - before[pid] for pid in (loop, engine)}
    if not new[engine]:
        raise Failure(f"the engine has not looked, or '{LOOK}' is no function any more")
    functions = [function for path in new[engine] if with_functions for function in most_expensive(path)]
    by_process = {pid: sum(total_of(path) for path in paths) for pid, paths in new.items()}
    return {"instructions": by_process[loop] + by_process[engine], "loop_instructions": by_process[loop],
            "functions": sorted(functions, reverse=True)[:30]}
