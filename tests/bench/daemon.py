# SPDX-License-Identifier: GPL-2.0-or-later
"""The unmodified daemon on a made-up hypervisor (hypervisor.py): what systemd, the journal and the
bus are to it, and when it is at rest."""

import array
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time

from hypervisor import APPARMORFS, RUN

NOTIFY = RUN + "/notify"
JOURNAL = "/run/systemd/journal/socket"
KERNEL = RUN + "/kernel"
LOADS = RUN + "/loads"
# What happens is answered within a fifth of a second, and its own changes are seen as late again.
QUIET_SECONDS = 0.7
STEP_SECONDS = 0.01


class Failure(Exception):
    """The daemon does not do what it is measured for."""


def process_state(pid):
    """("S", nanoseconds of CPU), or None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            state = file.read().rpartition(")")[2].split()[0]
        total = 0
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        return state, total
    except (FileNotFoundError, ProcessLookupError):
        return None


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def descendants_of(pid):
    found = []
    for child in children_of(pid):
        found += [child] + descendants_of(child)
    return found


class Ears(threading.Thread):
    """Takes what the daemon sends to systemd and to the journal."""

    def __init__(self):
        super().__init__(daemon=True)
        self.notify = self.listen(NOTIFY)
        self.journal = self.listen(JOURNAL)
        self.ready_at = None
        self.status = ""
        self.records = []  # (time, bytes, fields)
        self.stopped = False

    @staticmethod
    def listen(path):
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        ear.bind(path)
        ear.settimeout(0.2)
        return ear

    def take_notify(self, data):
        for line in data.decode(errors="replace").split("\n"):
            key, _, value = line.partition("=")
            if key == "READY":
                self.ready_at = time.monotonic()
            elif key == "STATUS":
                self.status = value

    def take_record(self, data, ancillary):
        # What is too long for a datagram comes as a file.
        for _, _, rights in ancillary:
            for fd in array.array("i", rights[:len(rights) - len(rights) % 4]):
                data = os.pread(fd, os.fstat(fd).st_size, 0)
                os.close(fd)
        fields = {}
        for line in data.split(b"\n"):
            key, separator, value = line.partition(b"=")
            if separator:
                fields.setdefault(key.decode(errors="replace"), value.decode(errors="replace"))
        self.records.append((time.monotonic(), len(data), fields))

    def run(self):
        threading.Thread(target=self.hear_notify, daemon=True).start()
        while not self.stopped:
            try:
                data, ancillary, _, _ = self.journal.recvmsg(1 << 20, 4096)
            except socket.timeout:
                continue
            self.take_record(data, ancillary)

    def hear_notify(self):
        while not self.stopped:
            try:
                self.take_notify(self.notify.recv(65536))
            except socket.timeout:
                continue


class Daemon:
    """BUILD is the build directory whose phoenixd runs."""

    def __init__(self, hypervisor, build):
        self.hypervisor = hypervisor
        self.build = os.path.realpath(build)
        self.libraries = self.build + "/tests/bench/bench-preload.so"
        self.process = None
        self.kernel = None
        self.bus = None
        self.ears = None
        self.group = None
        self.log = None
        self.started_at = None

    # --- what is around it ---

    def prepare(self):
        self.kernel = subprocess.Popen(
            [self.build + "/tests/bench/bench-kernel", APPARMORFS, KERNEL, LOADS],
            stdout=subprocess.PIPE)
        self.kernel.stdout.readline()
        self.bus = subprocess.Popen(
            ["dbus-daemon", "--nofork", "--nopidfile", "--nosyslog", "--config-file=" + RUN + "/bus.conf",
             "--print-address"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if not self.bus.stdout.readline():
            raise Failure("no bus")
        self.ears = Ears()
        self.ears.start()

    def make_group(self, name):
        """A control group in which CPU time is counted; None where there is none."""
        if not self.hypervisor.cgroup_file:
            return None
        group = os.path.join(self.hypervisor.directory, "cgroup", f"phoenixd-bench-{os.getpid()}-{name}")
        os.makedirs(group, exist_ok=True)
        return group if os.path.exists(os.path.join(group, self.hypervisor.cgroup_file)) else None

    def group_usec(self, group):
        with open(os.path.join(group, self.hypervisor.cgroup_file), encoding="ascii") as file:
            text = file.read()
        found = re.search(r"usage_usec (\d+)", text)
        return float(found[1]) if found else int(text) / 1000

    @staticmethod
    def enter_group(group):
        if group:
            with open(os.path.join(group, "cgroup.procs"), "w", encoding="ascii") as file:
                file.write(str(os.getpid()))

    def preload(self):
        return {"LD_PRELOAD": self.libraries}

    # --- the daemon ---

    def start(self, prefix=(), patience=600):
        """Until READY; PREFIX is a command that runs it, such as valgrind."""
        self.group = self.group or self.make_group("daemon")
        self.ears.ready_at = None
        self.log = open(self.hypervisor.directory + "/log", "ab")
        status = os.fstat(self.log.fileno())
        environment = {
            "PATH": os.environ["PATH"],
            "NOTIFY_SOCKET": NOTIFY,
            "WATCHDOG_USEC": "60000000",
            "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}",
            "STATE_DIRECTORY": "/var/lib/phoenixd",
            "RUNTIME_DIRECTORY": "/run/phoenixd",
            **self.preload(),
        }

        def prepare():
            self.enter_group(self.group)
            resource.setrlimit(resource.RLIMIT_NOFILE, (16384, 16384))
            os.umask(0o077)

        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [*prefix, self.build + "/daemon/phoenixd", "--settings=/etc/phoenixd/phoenixd.json"],
            env=environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            preexec_fn=prepare)
        while self.ears.ready_at is None:
            if self.process.poll() is not None or time.monotonic() > self.started_at + patience:
                raise Failure("phoenixd is not ready: " + self.last_words())
            time.sleep(STEP_SECONDS)
        return self.ears.ready_at - self.started_at

    def last_words(self):
        with open(self.hypervisor.directory + "/log", encoding="utf-8", errors="replace") as file:
            return self.ears.status + " | " + file.read()[-2000:]

    def pids(self):
        """Of the loop and the engine. The loop's other children answer for it and are short."""
        loop = self.process.pid
        children = children_of(loop)
        return loop, children[0] if children else None

    def processes(self, with_loop=True):
        """State and CPU time of all, which are the same for as long as it is at rest."""
        loop = self.process.pid
        return {pid: process_state(pid) for pid in [loop] * with_loop + descendants_of(loop)}

    def wait_until_quiet(self, seconds=QUIET_SECONDS, patience=600, until=None, with_loop=True):
        """Both sleep, and did nothing for SECONDS; with UNTIL, which must be true as well. Without the
        loop, which may have to answer somebody, it is the engine that is at rest."""
        end = time.monotonic() + patience
        before, since = None, time.monotonic()
        while True:
            if self.process.poll() is not None:
                raise Failure("phoenixd has ended: " + self.last_words())
            now = self.processes(with_loop)
            rests = all(state and state[0] == "S" for state in now.values())
            if now != before or not rests or (until and not until()):
                before, since = now, time.monotonic()
            elif time.monotonic() - since >= seconds:
                return since
            if time.monotonic() > end:
                raise Failure("phoenixd is not at rest: " + self.last_words())
            time.sleep(STEP_SECONDS)

    def loads(self):
        """[(time, size, names)] of all that was loaded."""
        with open(LOADS, encoding="utf-8") as file:
            lines = [line.split() for line in file]
        return [(int(line[0]) / 1e6, int(line[1]), line[2:]) for line in lines]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None
        if self.log:
            self.log.close()
            self.log = None

    def close(self):
        self.stop()
        if self.ears:
            self.ears.stopped = True
        for process in (self.kernel, self.bus):
            if process:
                process.terminate()
                process.wait()
        if self.group:
            os.rmdir(self.group)
