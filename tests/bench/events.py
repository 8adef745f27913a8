# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens on the made-up hypervisor, each measured from the event until the daemon is at rest."""

import os
import subprocess
import time

import callgrind
from daemon import process_state
from hypervisor import CONFIGURATION, LXC, RUN, read, write
from meter import Meter, call_counts, count_calls, tracer_of


def start(daemon):
    """The start, until READY and until rest."""
    before = daemon.group_usec(daemon.group) if daemon.group else 0
    loads, records = len_loads(daemon), len(daemon.ears.records)
    wall = daemon.start()
    ready_cpu = daemon.group_usec(daemon.group) - before if daemon.group else None
    daemon.wait_until_quiet()
    all_loads = daemon.loads()[loads:]
    result = {
        "ready_ms": wall * 1e3,
        "ready_cpu_ms": ready_cpu and ready_cpu / 1e3,
        "cpu_ms": (daemon.group_usec(daemon.group) - before) / 1e3 if daemon.group else None,
        "loads": len(all_loads),
        "first_load_ms": (all_loads[0][0] - daemon.started_at) * 1e3 if all_loads else None,
        "records": len(daemon.ears.records) - records,
        "status": daemon.ears.status,
    }
    memory = Meter(daemon).memory()
    result.update({"loop_pss_kib": memory[0], "engine_pss_kib": memory[1]})
    return result


def start_traced(daemon):
    """The start under strace: the counts, until rest."""
    loads, records = len_loads(daemon), len(daemon.ears.records)
    path = RUN + "/strace-start"
    # -D: strace is not the parent of what it traces.
    daemon.start(prefix=("strace", "-D", "-f", "-qq", "-s", "0", "-e", "signal=none", "-o", path))
    daemon.wait_until_quiet()
    loop, engine = daemon.pids()
    tracer = tracer_of(loop)
    daemon.stop()
    # strace ends with what it traces, and has written all lines then.
    while process_state(tracer):
        time.sleep(0.01)
    loads = daemon.loads()[loads:]
    result = {"loads": len(loads), "records": len(daemon.ears.records) - records}
    result.update(call_counts(count_calls(path, loop, engine), len(loads)))
    return result


def len_loads(daemon):
    try:
        return len(daemon.loads())
    except FileNotFoundError:
        return 0


def measure(daemon, trace, act, **options):
    """TRACE: CPU time (False), or system calls (True), or "instructions", or those with the "functions"."""
    if trace in ("instructions", "functions"):
        return callgrind.measure(daemon, act, trace == "functions")
    with Meter(daemon, trace, **options) as meter:
        act()
    return meter.result


def same_profile(daemon, trace):
    """one profile is saved, the same text"""
    name = daemon.hypervisor.names[0]
    return measure(daemon, trace, lambda: daemon.hypervisor.save_profile(name))


def same_json(daemon, trace):
    """the configuration is saved, the same text"""
    return measure(daemon, trace, lambda: write(CONFIGURATION, read(CONFIGURATION)))


def one_profile(daemon, trace):
    """one profile gets a rule that it never had"""
    return measure(daemon, trace, daemon.hypervisor.change_profile)


def back(daemon, trace):
    """one profile gets its text before the last change (make one-profile first)"""
    return measure(daemon, trace, daemon.hypervisor.restore_profile)


def all_profiles(daemon, trace):
    """all profiles get rules that they never had, at once"""
    def act():
        for i in range(len(daemon.hypervisor.names)):
            daemon.hypervisor.change_profile(i)
    return measure(daemon, trace, act)


def one_container(daemon, trace):
    """one container gets another profile in the configuration"""
    return measure(daemon, trace, lambda: daemon.hypervisor.move(["c0"]))


def all_containers(daemon, trace):
    """all containers get another profile in the configuration"""
    return measure(daemon, trace, lambda: daemon.hypervisor.move(list(daemon.hypervisor.assigned)))


def config(daemon, trace):
    """a line that is not phoenixd's is added to the config of one container"""
    path = LXC + "/c0/config"
    return measure(daemon, trace, lambda: write(path, read(path) + "# another line\n"))


def new_container(daemon, trace):
    """a container appears that no entry names"""
    hypervisor = daemon.hypervisor
    number = len(os.listdir(LXC))
    return measure(daemon, trace, lambda: write(f"{LXC}/n{number}/config",
                                                hypervisor.config_text(f"n{number}", "unconfined")))


def stranger(daemon, trace):
    """another program makes a file in /etc"""
    return measure(daemon, trace, lambda: write("/etc/stranger", str(time.time())))


def full_pass(daemon, trace):
    """the full pass that is due from time to time, nothing changed"""
    daemon.hypervisor.set_settings(resync_s=10)
    daemon.wait_until_quiet()
    _, engine = daemon.pids()
    before = []
    # Once strace is there, which wakes it up, too.
    result = measure(daemon, trace, lambda: before.append(process_state(engine)[1]),
                     until=lambda: process_state(engine)[1] > before[0])
    daemon.hypervisor.set_settings()
    daemon.wait_until_quiet()
    return result


def reconcile(daemon, trace):
    """an operator asks for a pass: nothing that is remembered is trusted"""
    def act():
        subprocess.run(["busctl", "--address=unix:path=/run/dbus/system_bus_socket", "call", "org.phoenixd1",
                        "/org/phoenixd1", "org.phoenixd1.Manager", "Reconcile", "s", ""],
                       check=True, stdout=subprocess.DEVNULL)
    return measure(daemon, trace, act)


def idle(daemon, trace):
    """nothing, for 30 s"""
    return measure(daemon, trace, lambda: time.sleep(30))


EVENTS = {
    "same-profile": same_profile,
    "same-json": same_json,
    "one-profile": one_profile,
    "back": back,
    "all-profiles": all_profiles,
    "one-container": one_container,
    "all-containers": all_containers,
    "config": config,
    "new-container": new_container,
    "stranger": stranger,
    "full-pass": full_pass,
    "reconcile": reconcile,
    "idle": idle,
}
