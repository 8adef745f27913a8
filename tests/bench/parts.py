# SPDX-License-Identifier: GPL-2.0-or-later
"""The measurements of tests/bench/run, in parts. Each part has a hypervisor to itself and gives samples
by name, which the table of bars.py refers to. Ours and our peers' take turns, so that a busy machine
is busy for both."""

import statistics
import time

import events
import peers
from hypervisor import CONFIGURATION, PROFILES


class Samples(dict):
    def add(self, name, value):
        if value is not None:
            self.setdefault(name, []).append(value)


def count_same(daemon, out, stem):
    """Three times, as the watchdog's message may come meanwhile: of 15 calls, which are the bar B1's."""
    for _ in range(3):
        out.add(stem + ".same_calls", events.same_profile(daemon, True)["calls"])


def few(daemon, times, out):
    """4 containers, the 4 shipped profiles."""
    hypervisor = daemon.hypervisor
    hypervisor.make(4, 4)
    started = events.start(daemon)
    out.add("few.pss_mib", (started["loop_pss_kib"] + started["engine_pss_kib"]) / 1024)
    count_same(daemon, out, "few")
    out.add("few.idle_calls", events.idle(daemon, True)["calls"])
    change_one(daemon, times, out, "few", directory=False)


def change_one(daemon, times, out, stem, directory):
    """One profile after another is changed, and changed back."""
    hypervisor = daemon.hypervisor
    for i in range(times):
        index = i % len(hypervisor.names)
        name = hypervisor.names[index]
        ours = events.measure(daemon, False, lambda: hypervisor.change_profile(index))
        out.add(stem + ".change_cpu", ours["cpu_ms"])
        out.add(stem + ".change_force_ms", ours["first_load_ms"])
        if directory:
            out.add(stem + ".warm_one_new_cpu", peers.load_directory(daemon).cpu_ms)
        bare = peers.bare_load(daemon, name)
        out.add(stem + ".bare_cpu", bare.cpu_ms)
        out.add(stem + ".bare_wall", bare.wall_ms)
        out.add(stem + ".compile_cpu", peers.bare_compile(daemon, name).cpu_ms)
        daemon.wait_until_quiet()
        ours = events.measure(daemon, False, lambda: hypervisor.restore_profile(index))
        out.add(stem + ".back_cpu", ours["cpu_ms"])
    out.add(stem + ".change_calls", events.one_profile(daemon, True)["calls"])
    out.add(stem + ".back_forks", events.back(daemon, True)["forks"])


def realistic_changes(daemon, times, out, profiles):
    """One of many is changed; to compile all of them again and again would take an hour."""
    daemon.hypervisor.make(50, profiles)
    events.start(daemon)
    change_one(daemon, times, out, f"p{profiles}", directory=False)


def realistic(daemon, times, out, profiles):
    """Shipped profiles under as many names, 50 containers."""
    stem = f"p{profiles}"
    daemon.hypervisor.make(50, profiles)
    started = events.start(daemon)
    out.add(stem + ".cold_cpu", started["cpu_ms"])
    peers.forget_parsers_cache()
    out.add(stem + ".parser_cold_cpu", peers.load_directory(daemon).cpu_ms)
    out.add(stem + ".compile_all_cpu", peers.compile_directory(daemon).cpu_ms)
    daemon.wait_until_quiet()
    warm_starts(daemon, times, out, stem)
    change_one(daemon, times, out, stem, directory=True)
    out.add(stem + ".old_loop_cpu", peers.old_loop(daemon).cpu_ms)
    out.add(stem + ".poll_cpu", peers.poll(daemon).cpu_ms)
    daemon.wait_until_quiet()


def change_all(daemon, times, out):
    """50 shipped profiles are saved at once."""
    hypervisor = daemon.hypervisor
    hypervisor.make(50, 50)
    events.start(daemon)
    debounce_ms = 200
    for _ in range(max(1, times // 3)):
        # On both sides of ours: a shared processor changes its speed by half within seconds.
        alone = [peers.bare_load(daemon, name).wall_ms for name in hypervisor.names[:2]]
        daemon.wait_until_quiet()
        ours = events.all_profiles(daemon, False)
        alone += [peers.bare_load(daemon, name).wall_ms for name in hypervisor.names[:2]]
        out.add("all.one_compile_wall", statistics.mean(alone))
        out.add("all.cpu", ours["cpu_ms"])
        out.add("all.first_ms", ours["first_load_ms"] - debounce_ms)
        out.add("all.last_ms", ours["last_load_ms"] - debounce_ms)
        theirs = peers.load_directory(daemon, cached=False)
        out.add("all.parser_cpu", theirs.cpu_ms)
        out.add("all.parser_wall", theirs.wall_ms)
        out.add("all.compile_cpu", peers.compile_directory(daemon).cpu_ms)
        daemon.wait_until_quiet()


def warm_starts(daemon, times, out, stem):
    """All is in place: in the kernel, on the disk, in the cache."""
    for _ in range(times):
        daemon.stop()
        started = events.start(daemon)
        out.add(stem + ".warm_cpu", started["cpu_ms"])
        out.add(stem + ".warm_ready_ms", started["ready_ms"])
        out.add(stem + ".parser_warm_cpu", peers.load_directory(daemon).cpu_ms)
        out.add(stem + ".hash_all_cpu", peers.run(
            daemon, ["sha256sum", *(f"{PROFILES}/{name}" for name in daemon.hypervisor.names)]).cpu_ms)
        daemon.wait_until_quiet()


def small(daemon, times, out, profiles=200):
    """Profiles that compile in some milliseconds, where all else shows."""
    stem = f"small{profiles}"
    daemon.hypervisor.make(4, profiles, "small")
    started = events.start(daemon)
    out.add(stem + ".cold_cpu", started["cpu_ms"])
    peers.forget_parsers_cache()
    out.add(stem + ".parser_cold_cpu", peers.load_directory(daemon).cpu_ms)
    out.add(stem + ".compile_all_cpu", peers.compile_directory(daemon).cpu_ms)
    daemon.wait_until_quiet()
    warm_starts(daemon, times, out, stem)
    daemon.stop()
    counted = events.start_traced(daemon)
    out.add(stem + ".warm_calls_each", counted["calls"] / profiles)
    out.add(stem + ".warm_forks", counted["forks"])
    events.start(daemon)
    count_same(daemon, out, stem)
    change_one(daemon, times, out, stem, directory=False)


def containers(daemon, times, out, number):
    """As many containers, 4 small profiles: what a look costs, by number."""
    stem = f"n{number}"
    hypervisor = daemon.hypervisor
    hypervisor.make(number, 4, "small")
    events.start(daemon)
    daemon.stop()
    started = events.start(daemon)
    out.add(stem + ".warm_ready_ms", started["ready_ms"])
    out.add(stem + ".warm_cpu", started["cpu_ms"])
    out.add(stem + ".pss_mib", (started["loop_pss_kib"] + started["engine_pss_kib"]) / 1024)
    for _ in range(times):
        out.add(stem + ".json_cpu", events.same_json(daemon, False)["cpu_ms"])
        out.add(stem + ".hash_json_cpu", peers.hash_file(daemon, CONFIGURATION).cpu_ms)
        out.add(stem + ".same_cpu", events.same_profile(daemon, False)["cpu_ms"])
        out.add(stem + ".full_cpu", events.full_pass(daemon, False)["cpu_ms"])
        out.add(stem + ".stat_cpu", peers.stat_configs(daemon).cpu_ms)
    count_same(daemon, out, stem)
    out.add(stem + ".full_calls_each", events.full_pass(daemon, True)["calls"] / number)
    ask_client(daemon, times, out, stem)
    one = events.one_container(daemon, False)
    out.add(stem + ".one_container_cpu", one["cpu_ms"])


def ask_client(daemon, times, out, stem):
    for _ in range(times):
        for verb, *words in (("list", "containers"), ("posture",), ("explain", "c7")):
            cost = peers.control(daemon, verb, *words)
            out.add(f"{stem}.{verb}_wall", cost.wall_ms)
            out.add(f"{stem}.{verb}_cpu", cost.cpu_ms)
        cost = peers.control(daemon, "--version")
        out.add(stem + ".nothing_wall", cost.wall_ms)


def answers(daemon, times, out, number):
    """Questions about one container, while all of them get another profile."""
    stem = f"answer{number}"
    hypervisor = daemon.hypervisor
    hypervisor.make(number, 4, "small")
    events.start(daemon)
    for _ in range(max(1, times // 3)):
        said = peers.ask(daemon, 500, "container", "c7", "1000")
        out.add(stem + ".rest_median_ms", said["phoenixd"][0])
        with peers.asking(daemon, "container", "c7", "2000") as said:
            time.sleep(0.2)
            hypervisor.move(list(hypervisor.assigned))
            # The loop has the last report when the engine has sent it, or soon after.
            daemon.wait_until_quiet(seconds=3, patience=1800, with_loop=False)
        out.add(stem + ".median_ms", said["phoenixd"][0])
        out.add(stem + ".p99_ms", said["phoenixd"][1])
        out.add(stem + ".longest_ms", said["phoenixd"][2])
        out.add(stem + ".bus_p99_ms", said["bus"][1])
        daemon.wait_until_quiet(patience=1800)


def records(daemon, times, out):
    """One profile that 100 containers use is changed."""
    daemon.hypervisor.make(100, 1, "small")
    events.start(daemon)
    result = events.one_profile(daemon, False)
    out.add("hundred.records", result["records"])
    out.add("hundred.record_bytes", result["record_bytes"])
    del times


def offline(daemon, times, out):
    """The check of files before they are deployed."""
    hypervisor = daemon.hypervisor
    hypervisor.make(0, 24)
    for _ in range(max(1, times // 3)):
        peers.forget_clients_cache()
        ours = peers.control(daemon, "validate", "--quiet", PROFILES)
        out.add("validate.cpu", ours.cpu_ms)
        out.add("validate.again_cpu", peers.control(daemon, "validate", "--quiet", PROFILES).cpu_ms)
        out.add("validate.parser_cpu", peers.parser(daemon, "-Q", "-K", "--", PROFILES).cpu_ms)
    for number in (1000, 4000):
        hypervisor.assigned = {f"c{i}": "unconfined" for i in range(number)}
        hypervisor.save_configuration()
        ours = peers.control(daemon, "validate", "--quiet", CONFIGURATION)
        out.add(f"validate.json{number}_cpu", ours.cpu_ms)


def long_entries(daemon, times, out, number):
    """A configuration with entries of a real size: is it accepted at all?"""
    stem = f"long{number}"
    daemon.hypervisor.make(number, 4, "small", long=True)
    events.start(daemon)
    out.add(stem + ".accepted", int(f"of {number} containers confined" in daemon.ears.status))
    for _ in range(times):
        out.add(stem + ".json_cpu", events.same_json(daemon, False)["cpu_ms"])


def parts_of(quick):
    """{name: (part, arguments)}, and the number of containers that is the most."""
    most, middle = (2000, 10) if quick else (10000, 50)
    growth = (500, 1000, 2000) if quick else (500, 1000, 2000, 4000, 10000)
    parts = {
        "few": (few, ()),
        "records": (records, ()),
        "small": (small, ()),
        f"realistic-{middle}": (realistic, (middle,)),
        "all": (change_all, ()),
        "offline": (offline, ()),
    }
    if not quick:
        parts["realistic-200"] = (realistic_changes, (200,))
    for number in growth:
        parts[f"containers-{number}"] = (containers, (number,))
    parts["answers"] = (answers, (most,))
    parts["long"] = (long_entries, (most,))
    return parts, most, growth
