# SPDX-License-Identifier: GPL-2.0-or-later
"""The bars: what is measured, how far it may go, and what sets the bound below which it cannot go. All in
one table.

A value is a median of samples (parts.py); "A / B" is the median of the ratios of samples that were taken
beside each other, "A - B" that of their differences;
{most} is the largest number of containers. A bar that a run has no samples for is not shown."""

import re
import statistics
from typing import NamedTuple, Optional


class Bar(NamedTuple):
    name: str
    what: str
    value: str
    unit: str
    goal: float
    bound: Optional[str]  # a value, or a number, in the same unit
    why: str              # what sets the bound


BARS = (
    Bar("B1", "at rest for 30 s, system calls of both processes", "few.idle_calls", "calls", 16, "14",
        "the watchdog's message to systemd"),
    Bar("B2", "the same profile saved, P = 4", "few.same_calls", "calls", 60, "12",
        "wake up, read the event, read the file, wait"),
    Bar("B2", "the same profile saved, P = 200", "small200.same_calls", "calls", 60, "12", "as above"),
    Bar("B2", "the same profile saved, N = {most}", "n{most}.same_calls", "calls", 60, "12", "as above"),
    Bar("B2", "the same JSON saved, N = {most}", "n{most}.json_cpu", "ms", 120, "n{most}.hash_json_cpu",
        "reading and hashing the file (sha256sum)"),
    Bar("B3", "one of 4 profiles changed, CPU against the bare parser", "few.change_cpu / few.bare_cpu", "x", 1.15,
        "few.compile_cpu / few.bare_cpu", "the compile alone (apparmor_parser -S -K)"),
    Bar("B3", "one of 10 profiles changed", "p10.change_cpu / p10.bare_cpu", "x", 1.15,
        "p10.compile_cpu / p10.bare_cpu", "as above"),
    Bar("B3", "one of 50 profiles changed", "p50.change_cpu / p50.bare_cpu", "x", 1.15,
        "p50.compile_cpu / p50.bare_cpu", "as above"),
    Bar("B3", "one of 200 profiles changed", "p200.change_cpu / p200.bare_cpu", "x", 1.15,
        "p200.compile_cpu / p200.bare_cpu", "as above"),
    Bar("B3", "one of 200 small profiles changed, more than the compile", "small200.change_cpu - small200.compile_cpu",
        "ms", 10, "small200.bare_cpu - small200.compile_cpu", "what the bare parser needs for the load"),
    Bar("B4", "back to a known text, CPU, P = 4", "few.back_cpu", "ms", 10, "1.5",
        "read the text and the policy, write both, load"),
    Bar("B4", "back to a known text, CPU, P = 50", "p50.back_cpu", "ms", 10, "1.5", "as above"),
    Bar("B4", "back to a known text, processes started", "few.back_forks", "forks", 0, "0", "nothing to compile"),
    Bar("B5", "first start, P = 10, CPU against the parser, cache empty", "p10.cold_cpu / p10.parser_cold_cpu", "x", 1.05,
        "p10.compile_all_cpu / p10.parser_cold_cpu", "the compiles alone"),
    Bar("B5", "first start, P = 50", "p50.cold_cpu / p50.parser_cold_cpu", "x", 1.05,
        "p50.compile_all_cpu / p50.parser_cold_cpu", "as above"),
    Bar("B5", "first start, 200 small profiles", "small200.cold_cpu / small200.parser_cold_cpu", "x", 2.0,
        "small200.compile_all_cpu / small200.parser_cold_cpu", "as above"),
    Bar("B6", "restart, all in place, P = 10, CPU against the parser, cache warm", "p10.warm_cpu / p10.parser_warm_cpu",
        "x", 0.5, "p10.hash_all_cpu / p10.parser_warm_cpu", "reading and hashing the sources (sha256sum)"),
    Bar("B6", "restart, all in place, P = 50, CPU against the parser, cache warm", "p50.warm_cpu / p50.parser_warm_cpu",
        "x", 0.5, "p50.hash_all_cpu / p50.parser_warm_cpu", "reading and hashing the sources (sha256sum)"),
    Bar("B6", "restart, all in place, 200 small profiles", "small200.warm_cpu / small200.parser_warm_cpu", "x", 0.5,
        "small200.hash_all_cpu / small200.parser_warm_cpu", "as above"),
    Bar("B6", "restart, all in place, calls a profile", "small200.warm_calls_each", "calls", 10, "8",
        "stat, source, deployed file, policy, and the kernel's name, mode and hash"),
    Bar("B6", "restart, all in place, processes started", "small200.warm_forks", "forks", 2, "2",
        "the engine, and one for liblxc"),
    Bar("B7", "full pass, N = {most}, nothing changed", "n{most}.full_cpu", "ms", 80, "n{most}.stat_cpu",
        "one stat() a container"),
    Bar("B7", "full pass, N = {most}, calls a container", "n{most}.full_calls_each", "calls", 3, "1", "as above"),
    Bar("B7", "full pass, growth from N = 2000 to 10000 (5 is linear)", "n10000.full_cpu / n2000.full_cpu", "x", 5.5, "5",
        "the number of containers"),
    Bar("B7", "full pass, growth from N = 500 to 2000 (4 is linear)", "n2000.full_cpu / n500.full_cpu", "x", 4.4, "4",
        "the number of containers"),
    Bar("B8", "old scripts' loop, P = 10, in CPU of ours", "p10.old_loop_cpu / p10.change_cpu", "x less", 50,
        "p10.old_loop_cpu / p10.compile_cpu", "the compile alone, which both need"),
    Bar("B8", "old scripts' loop, P = 50, in CPU of ours", "p50.old_loop_cpu / p50.change_cpu", "x less", 50,
        "p50.old_loop_cpu / p50.compile_cpu", "as above"),
    Bar("B8", "-r -W DIRECTORY, one of 50 new, in CPU of ours", "p50.warm_one_new_cpu / p50.change_cpu", "x less", 2,
        "p50.warm_one_new_cpu / p50.compile_cpu", "as above"),
    Bar("B8", "30 s poller, an hour of it at P = 50, in changes of ours", "p50.poll_cpu / p50.change_cpu * 120", "x less", 1,
        None, ""),
    Bar("B10", "memory of both processes (PSS), P = 4", "few.pss_mib", "MiB", 4, None, ""),
    Bar("B10", "memory of both processes (PSS), N = {most}", "n{most}.pss_mib", "MiB", 40, None, ""),
    Bar("B11", "answer about one container in a mass change, N = {most}, median", "answer{most}.median_ms", "ms", 5,
        "answer{most}.rest_median_ms", "the same question at rest"),
    Bar("B11", "the same, 99th percentile", "answer{most}.p99_ms", "ms", 50, "answer{most}.bus_p99_ms",
        "a question that the bus answers by itself"),
    Bar("B12", "one change, 100 containers in the profile, records", "hundred.records", "records", 4, "2",
        "one before a change, one after it"),
    Bar("B12", "the same, size of all", "hundred.record_bytes", "bytes", 4096, None, ""),
    Bar("B13", "50 profiles saved at once, first in force against one compile", "all.first_ms / all.one_compile_wall", "x",
        1.3, "1", "one compile"),
    Bar("B13", "50 profiles saved at once, CPU of all against the parser", "all.cpu / all.parser_cpu", "x", 1.1,
        "all.compile_cpu / all.parser_cpu", "the compiles alone"),
    Bar("B13", "50 profiles saved at once, all in force, time against the parser", "all.last_ms / all.parser_wall", "x", 1.3,
        None, ""),
    Bar("start", "READY, all in place, N = 2000", "n2000.warm_ready_ms", "ms", 3000, None, ""),
    Bar("client", "list, N = {most}", "n{most}.list_wall", "ms", 500, "n{most}.nothing_wall", "the program's start"),
    Bar("client", "posture, N = {most}", "n{most}.posture_wall", "ms", 500, "n{most}.nothing_wall", "as above"),
    Bar("client", "explain, N = {most}", "n{most}.explain_wall", "ms", 10, "n{most}.nothing_wall", "as above"),
    Bar("offline", "validate of 24 profiles, CPU against -Q -K", "validate.cpu / validate.parser_cpu", "x", 1.15, "1",
        "the compiles alone"),
    Bar("offline", "validate, the same files again", "validate.again_cpu", "ms", 1000, None, ""),
    Bar("offline", "validate of a JSON, growth from 1000 to 4000 entries (4 is linear)",
        "validate.json4000_cpu / validate.json1000_cpu", "x", 4.4, "4", "the number of entries"),
    Bar("size", "{most} entries of 1.2 KB are accepted (1: yes)", "long{most}.accepted", "x less", 1, "1", ""),
)

# Not here: what only a real kernel shows.
ELSEWHERE = (("B9", "milliseconds unconfined", "tests/vm: the kernel must confine"),)


def median_of(name, samples):
    if re.fullmatch(r"[\d.]+", name):
        return float(name)
    return statistics.median(samples[name]) if samples.get(name) else None


def combine(a, operator, b):
    if a is None or b is None or (operator == "/" and b == 0):
        return None
    return {"/": lambda: a / b, "*": lambda: a * b, "-": lambda: a - b}[operator]()


def evaluate(text, samples):
    """None when there are no samples of a name in it."""
    words = text.split()
    first, second = samples.get(words[0]), samples.get(words[2]) if len(words) > 2 else None
    # Neighbours were measured beside the same other work.
    if first and second and len(first) == len(second):
        pairs = [combine(a, words[1], b) for a, b in zip(first, second)]
        value = None if None in pairs else statistics.median(pairs)
        words = ["", *words[3:]]
    else:
        value = median_of(words[0], samples)
    for operator, name in zip(words[1::2], words[2::2]):
        value = combine(value, operator, median_of(name, samples))
    return value


class Result(NamedTuple):
    bar: Bar
    value: float
    is_met: bool
    bound: Optional[float]


def judge(samples, most):
    results = []
    for bar in BARS:
        bar = Bar(*(part.replace("{most}", str(most)) if isinstance(part, str) else part for part in bar))
        value = evaluate(bar.value, samples)
        if value is None:
            continue
        is_met = value >= bar.goal if bar.unit == "x less" else value <= bar.goal
        results.append(Result(bar, value, is_met, evaluate(bar.bound, samples) if bar.bound else None))
    return results
