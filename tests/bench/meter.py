# SPDX-License-Identifier: GPL-2.0-or-later
"""What one event costs: CPU time of the loop, of the engine, and of all that they have started;
system calls by strace; loads, records and memory."""

import collections
import re
import signal
import subprocess
import time

from daemon import process_state
from hypervisor import RUN

# What preload.c does instead of one write to .replace: readlink, socket, connect, shutdown, recvfrom,
# close. One sendto stands for the write.
PRELOAD_CALLS = 6
CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(?:\(| resumed)")
FORKS = {"fork", "vfork", "clone", "clone3"}
SYNCS = {"fsync", "fdatasync", "sync_file_range", "syncfs"}
WRITES = {"write", "pwrite64", "writev", "pwritev2"}


def pss_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(r"^Pss: +(\d+)", file.read(), re.M)[1])


def count_calls(path, loop, engine):
    """Calls of each process by name, from strace's lines; and the bytes written to files."""
    by_process = {"loop": collections.Counter(), "engine": collections.Counter(), "others": collections.Counter()}
    names = {str(loop): "loop", str(engine): "engine"}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            found = CALL.match(line)
            if not found or "resumed>" in line[:60]:
                continue
            by_process[names.get(found[1], "others")][found[2]] += 1
    return by_process


def call_counts(calls, loads):
    """Without what only the stand-in for the kernel adds to LOADS loads."""
    ours = calls["loop"] + calls["engine"]
    return {
        "calls": sum(ours.values()) - PRELOAD_CALLS * loads,
        "loop_calls": sum(calls["loop"].values()),
        "engine_calls": sum(calls["engine"].values()) - PRELOAD_CALLS * loads,
        "child_calls": sum(calls["others"].values()),
        "forks": sum(n for name, n in (ours + calls["others"]).items() if name in FORKS),
        "fsyncs": sum(n for name, n in ours.items() if name in SYNCS),
        "writes": sum(n for name, n in ours.items() if name in WRITES),
        "by_call": dict(ours.most_common()),
    }


def tracer_of(pid):
    """Its number, or 0."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return int(re.search(r"^TracerPid:\t(\d+)$", file.read(), re.M)[1])


class Trace:
    """strace on the loop, the engine and all that they start."""

    def __init__(self, daemon):
        self.loop, self.engine = daemon.pids()
        self.path = RUN + "/strace"
        self.process = subprocess.Popen(
            ["strace", "-f", "-qq", "-s", "0", "-e", "signal=none", "-o", self.path,
             "-p", str(self.loop), "-p", str(self.engine)], stderr=subprocess.DEVNULL)
        while not all(tracer_of(pid) for pid in (self.loop, self.engine)):
            if self.process.poll() is not None:
                raise OSError("strace cannot attach")
            time.sleep(0.01)

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        return count_calls(self.path, self.loop, self.engine)


class Meter:
    """with Meter(daemon) as meter: what happens; then meter.result, a dictionary."""

    def __init__(self, daemon, trace=False, quiet=None, until=None):
        self.daemon = daemon
        self.wants_trace = trace
        self.trace = None
        self.result = {}
        self.quiet = quiet
        self.until = until

    def read(self):
        loop, engine = self.daemon.pids()
        group = self.daemon.group
        return {
            "loop": process_state(loop)[1] / 1e6,
            "engine": process_state(engine)[1] / 1e6,
            "engine_pid": engine,
            "all": self.daemon.group_usec(group) / 1e3 if group else None,
            "records": len(self.daemon.ears.records),
            "loads": len(self.daemon.loads()),
        }

    def __enter__(self):
        self.daemon.wait_until_quiet(0.3)
        if self.wants_trace:
            self.trace = Trace(self.daemon)
        self.before = self.read()
        self.began = time.monotonic()
        return self

    def __exit__(self, kind, error, traceback):
        if kind:
            if self.trace:
                self.trace.end()
            return
        arguments = {} if self.quiet is None else {"seconds": self.quiet}
        ended = self.daemon.wait_until_quiet(until=self.until, **arguments)
        after = self.read()
        calls = self.trace.end() if self.trace else None
        before = self.before
        if after["engine_pid"] != before["engine_pid"]:
            raise OSError("the engine is another one: " + self.daemon.last_words())
        loads = self.daemon.loads()[before["loads"]:]
        records = self.daemon.ears.records[before["records"]:]
        self.result = {
            "wall_ms": (ended - self.began) * 1e3,
            "loads": len(loads),
            "first_load_ms": (loads[0][0] - self.began) * 1e3 if loads else None,
            "last_load_ms": (loads[-1][0] - self.began) * 1e3 if loads else None,
            "records": len(records),
            "record_bytes": sum(size for _, size, _ in records),
        }
        if calls is None:
            self.result["loop_ms"] = after["loop"] - before["loop"]
            self.result["engine_ms"] = after["engine"] - before["engine"]
            if after["all"] is not None:
                self.result["cpu_ms"] = after["all"] - before["all"]
        else:
            # Times are worth nothing beside strace, which makes each call some microseconds longer.
            self.result.update(call_counts(calls, len(loads)))

    def memory(self):
        return [pss_kib(pid) for pid in self.daemon.pids()]
