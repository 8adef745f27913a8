# SPDX-License-Identifier: GPL-2.0-or-later
"""What does the same work without phoenixd, on the same made-up hypervisor, and what bounds it."""

import contextlib
import os
import shutil
import subprocess
import time

from hypervisor import APPARMORFS, CONFIGURATION, LXC, PROFILES, RUN

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT_CACHE = RUN + "/cache"  # what validate keeps is not to be what an earlier run has kept
PARSER = ["apparmor_parser", "--subdomainfs", APPARMORFS, "-I", PROFILES]


class Cost:
    def __init__(self, cpu_ms, wall_ms, output=b""):
        self.cpu_ms = cpu_ms
        self.wall_ms = wall_ms
        self.output = output


def run(daemon, command, keep=False, expected=(0,)):
    """CPU time of COMMAND and all that it has started."""
    output = subprocess.PIPE if keep else subprocess.DEVNULL
    environment = {**os.environ, **daemon.preload(),
                   "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/run/dbus/system_bus_socket",
                   "XDG_CACHE_HOME": CLIENT_CACHE}
    began = time.monotonic()
    with open(RUN + "/peer.log", "w+b") as log:
        process = subprocess.Popen(command, stdout=output, stderr=log, env=environment)
        said = process.stdout.read() if keep else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        ended = time.monotonic()
        if process.returncode not in expected:
            log.seek(0)
            raise OSError(f"{' '.join(command)}: {process.returncode}: {log.read()[-1000:].decode(errors='replace')}")
    return Cost((usage.ru_utime + usage.ru_stime) * 1e3, (ended - began) * 1e3, said)


def parser(daemon, *arguments):
    return run(daemon, PARSER + list(arguments))


def bare_load(daemon, name):
    """What an operator types after an edit."""
    return parser(daemon, "-r", "-K", PROFILES + "/" + name)


def bare_compile(daemon, name):
    """The compile alone: no load, no cache."""
    return parser(daemon, "-S", "-K", PROFILES + "/" + name)


def load_directory(daemon, cached=True):
    """What apparmor.service does: a text that is in the parser's cache is not compiled."""
    return parser(daemon, "-r", "-W" if cached else "-K", "--", PROFILES)


def compile_directory(daemon):
    return parser(daemon, "-S", "-K", "--", PROFILES)


def forget_parsers_cache():
    shutil.rmtree("/var/cache/apparmor", ignore_errors=True)


def old_loop(daemon):
    # On copies of the configs, which are phoenixd's.
    copies = RUN + "/configs"
    shutil.rmtree(copies, ignore_errors=True)
    shutil.copytree(LXC, copies)
    return run(daemon, [HERE + "/old-loop", PROFILES, CONFIGURATION, copies, *daemon.hypervisor.assigned])


def poll(daemon):
    return run(daemon, [HERE + "/poll", PROFILES, LXC, *daemon.hypervisor.assigned])


def hash_file(daemon, path):
    return run(daemon, ["sha256sum", path])


def stat_configs(daemon):
    """The least that tells that no config has changed."""
    return run(daemon, [daemon.build + "/tests/bench/bench-stats", LXC, "config"])


def forget_clients_cache():
    shutil.rmtree(CLIENT_CACHE, ignore_errors=True)


def control(daemon, *words, expected=(0, 1, 3)):
    return run(daemon, [daemon.build + "/daemon/phoenixctl/phoenixctl", *words], keep=True, expected=expected)


def times_of(said):
    """{who: (median, 99th percentile, longest)} in milliseconds."""
    return {line.split()[0]: tuple(float(word) / 1e3 for word in line.split()[1:])
            for line in said.decode().splitlines()}


def ask(daemon, count, *words):
    asker = daemon.build + "/tests/bench/phoenixd-asker"
    return times_of(run(daemon, [asker, str(count), *words], keep=True).output)


@contextlib.contextmanager
def asking(daemon, *words):
    """Asks all the time; gives a dictionary that is filled at the end."""
    said = {}
    environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/run/dbus/system_bus_socket"}
    with subprocess.Popen([daemon.build + "/tests/bench/phoenixd-asker", "100000", *words], env=environment,
                          stdout=subprocess.PIPE) as process:
        try:
            yield said
        finally:
            process.terminate()
            said.update(times_of(process.stdout.read()))
