# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a measurement runs: a private mount namespace, a directory on a disk, and what must be there."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from daemon import Daemon
from hypervisor import FEATURES, Hypervisor

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED = 77
INSIDE = "PHOENIXD_BENCH_INSIDE"
UNSHARE = ["unshare", "--mount", "--propagation", "private"]
PROGRAMS = ("unshare", "dbus-daemon", "busctl", "apparmor_parser")


def skip(why):
    print("skipped: " + why, file=sys.stderr)
    sys.exit(SKIPPED)


def check_needs(build, programs=()):
    """Ends the process with 77 where nothing can be measured."""
    if os.geteuid() != 0:
        skip("requires root")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for name in PROGRAMS + tuple(programs):
        if not shutil.which(name):
            skip("no " + name)
    for path in (FEATURES, build + "/daemon/phoenixd", build + "/tests/bench/bench-kernel"):
        if not os.path.exists(path):
            skip("no " + path)
    if subprocess.run(UNSHARE + ["true"], check=False, stderr=subprocess.DEVNULL).returncode != 0:
        skip("unshare(1) cannot make a mount namespace")


def enter_namespace():
    """Begins this program again, in a mount namespace that ends with it."""
    if os.environ.get(INSIDE):
        return
    os.environ[INSIDE] = "1"
    os.execvp("unshare", UNSHARE + [sys.executable] + sys.argv)


@contextlib.contextmanager
def opened(build, disk):
    """A daemon that is not started, on a hypervisor that has nothing yet."""
    directory = tempfile.mkdtemp(prefix="phoenixd-bench-", dir=disk)
    os.chmod(directory, 0o755)
    hypervisor = Hypervisor(directory, SOURCE)
    daemon = Daemon(hypervisor, build)
    # What was made is removed then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        hypervisor.mount()
        daemon.prepare()
        yield daemon
    finally:
        daemon.close()
        # Before what is below is removed: one shows the real control groups.
        hypervisor.unmount()
        shutil.rmtree(directory, ignore_errors=True)
