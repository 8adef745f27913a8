# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest command does, and what it does to the file of a container: run by battery.py as the group "pct"."""

import errno
import fcntl
import json
import os
import pathlib
import subprocess
import threading

from host import equal, expire, test, until

PCT = pathlib.Path(__file__).with_name("pct")
CONFIG = b"arch: amd64\nhostname: web\nmemory: 128\nostype: debian\nswap: 0\n"
CONFINED = CONFIG + b"lxc.apparmor.profile: ct-web\n"


class Pct:
    """The command on a stand-in, with pretended guests."""

    def __init__(self, host, **settings):
        self.host, self.work = host, pathlib.Path(host.database).parent
        self.settings = {
            "node": "pve1", "etc_pve": host.path(), "control": host.control, "lxc_path": str(self.work / "lxc"),
            "lock_path": str(self.work / "lock"), "run_path": str(self.work / "run"), "task_path": str(self.work / "tasks"), **settings,
        }
        self.file = self.work / "settings.json"
        self.file.write_text(json.dumps(self.settings), encoding="utf-8")

    def popen(self, verb, *words):
        return subprocess.Popen([PCT, "--settings", self.file, verb, *map(str, words)], stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, verb, *words):
        """The exit code, and all that was said."""
        process = self.popen(verb, *words)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output + errors

    def ok(self, verb, *words):
        equal(self.run(verb, *words)[0], 0, f"{verb} {words}")

    def is_running(self, number=101):
        return self.run("status", number)[1] == "status: running\n"

    def generated(self, number=101):
        return (self.work / "lxc" / str(number) / "config").read_text(encoding="latin-1")

    def conf(self, number=101):
        return self.host.ask(f"read nodes/pve1/lxc/{number}.conf")

    def lock(self, number=101):
        """Held until it is closed."""
        (self.work / "lock").mkdir(exist_ok=True)
        file = open(self.work / "lock" / f"pve-config-{number}.lock", "ab")
        fcntl.flock(file, fcntl.LOCK_EX)
        return file

    def wait_for_hook(self, number=101):
        """It has read, and not yet written."""
        until((self.work / "run" / f"{number}.hook").exists, "the hook waits")

    def done(self):
        for pid in self.work.glob("run/*.pid"):
            subprocess.run(["kill", pid.read_text(encoding="ascii")], check=False, stderr=subprocess.DEVNULL)


def guest_test(function):
    """With a file for guest 101. The pretended guests end with the test."""
    def run(host):
        pct = Pct(host)
        host.save("lxc/101.conf", CONFINED)
        host.settle()
        try:
            return function(host, pct)
        finally:
            pct.done()
    run.__name__, run.__module__ = function.__name__, function.__module__
    return test(run)


@guest_test
def verbs_and_exit_codes(host, pct):
    missing = "Configuration file 'nodes/pve1/lxc/102.conf' does not exist\n"
    host.ask("node pve2 add")
    host.ask("write nodes/pve2/lxc/102.conf", CONFIG)
    for verb in ("status", "start", "stop", "reboot"):
        equal(pct.run(verb, 102), (255, missing), verb)
    equal(pct.run("status", 101), (0, "status: stopped\n"))
    equal(pct.run("stop", 101), (255, "CT 101 not running\n"))
    equal(pct.run("reboot", 101), (255, "VM 101 not running\n"))
    equal(pct.run("start", 101), (0, ""))
    equal(pct.run("status", 101), (0, "status: running\n"))
    equal(pct.run("start", 101), (255, "CT 101 already running\n"))
    equal(pct.run("reboot", 101, "--timeout", 5), (0, ""))
    equal(pct.is_running(), True)
    equal(pct.run("stop", 101), (0, ""))
    equal(pct.is_running(), False)
    equal(pct.run("fly", 101)[0], 255, "a wrong verb")


@guest_test
def a_start_generates_and_does_not_write(host, pct):
    host.put("lxc/101.conf", CONFIG + b"lxc.apparmor.profile = ct-web\n")
    before = pct.conf()
    pct.ok("start", 101)
    equal(pct.conf(), before)
    equal("lxc.apparmor.profile = ct-web\n" in pct.generated(), True)
    equal("lxc.apparmor.profile = generated\n" in pct.generated(), False)


@guest_test
def a_stop_always_writes_in_proxmoxs_form(host, pct):
    pct.ok("start", 101)
    host.put("lxc/101.conf", b"swap: 0\nlxc.apparmor.profile = ct-web\n#note: x\n lxc.apparmor.profile: lost\nhostname: web\n")
    pct.ok("stop", 101)
    equal(pct.conf(), b"#note%3A x\nhostname: web\nswap: 0\nlxc.apparmor.profile: ct-web\n")
    equal("lxc.apparmor.profile = ct-web\n" in pct.generated(), True, "and generates")


@guest_test
def the_hook_overwrites_who_holds_the_lock(host, pct):
    pct.ok("start", 101)
    slow = Pct(host, hook_wait=4)
    with slow.lock():
        off = slow.popen("powers-off", 101)
        slow.wait_for_hook()
        host.save("lxc/101.conf", CONFIG + b"lxc.apparmor.profile: edited\n")
        equal(off.wait(20), 0)
    equal(pct.conf(), CONFINED, "the edit is lost")


@guest_test
def the_command_reads_past_the_mount(host, pct):
    opens = host.count("opens")
    for verb in ("start", "reboot", "stop"):
        pct.ok(verb, 101)
    equal(host.count("opens"), opens)


@guest_test
def verbs_wait_for_the_lock(host, pct):
    impatient = Pct(host, lock_timeout=1)
    with impatient.lock():
        path = f"{impatient.work}/lock/pve-config-101.lock"
        equal(impatient.run("start", 101), (255, f"can't lock file '{path}' - got timeout\n"))
        waiting = Pct(host).popen("start", 101)
        equal(pct.is_running(), False)
    equal(waiting.wait(20), 0)
    equal(os.stat(path).st_mode & 0o777, 0o644)


@guest_test
def a_reboot_holds_the_lock_from_stop_to_start(host, pct):
    pct.ok("start", 101)
    slow = Pct(host, hook_wait=1.5)
    reboot = slow.popen("reboot", 101)
    slow.wait_for_hook()
    with slow.lock():
        equal(slow.is_running(), True, "when the lock is free it runs")
    equal(reboot.wait(20), 0)


@guest_test
def a_start_is_refused_before_it_begins(host, pct):
    cases = ((b"lock: backup\n", "CT is locked (backup)\n"), (b"lock: no such word\n", "CT is locked (no such word)\n"),
             (b"template: Yes\n", "you can't start a CT if it's a template\n"))
    for line, message in cases:
        host.save("lxc/101.conf", CONFIG + line)
        equal(pct.run("start", 101), (255, message), line)
    host.save("lxc/101.conf", CONFIG + b"lock: mounted\n")
    host.ask("quorum off")
    expire()
    equal(pct.run("start", 101), (255, "cluster not ready - no quorum?\n"))
    host.ask("quorum on")
    expire()
    equal(pct.run("start", 101), (0, ""), "mounted is no lock")


@guest_test
def a_reboot_can_end_as_a_stop(host, pct):
    pct.ok("start", 101)
    host.save("lxc/101.conf", CONFIG + b"lock: backup\n")
    equal(pct.run("reboot", 101), (255, "CT is locked (backup)\n"))
    equal(pct.is_running(), False)


@guest_test
def without_quorum_a_stop_stops_and_fails(host, pct):
    pct.ok("start", 101)
    host.ask("quorum off")
    code, said = pct.run("reboot", 101)
    equal((code, "unable to write" in said, pct.is_running()), (255, True, False), said)


@guest_test
def pending_lines_replace_the_list(host, pct):
    pending = b"\n[pve:pending]\ndelete: hostname\nlxc.apparmor.profile: unconfined\nmemory: 256\n"
    host.save("lxc/101.conf", CONFINED + b"lxc.cap.drop: sys_nice\n" + pending)
    pct.ok("start", 101)
    wanted = b"arch: amd64\nmemory: 256\nostype: debian\nswap: 0\nlxc.apparmor.profile: unconfined\n"
    equal(pct.conf(), wanted, "at a start")
    host.save("lxc/101.conf", CONFINED + pending)
    pct.ok("stop", 101)
    equal(pct.conf(), wanted, "at a stop")


@guest_test
def pending_lines_of_the_runtime_replace_their_like(host, pct):
    runtime = b"lxc.environment.runtime: "
    host.save("lxc/101.conf", CONFINED + runtime + b"A=b\n\n[pve:pending]\n" + runtime + b"C=d\n")
    pct.ok("start", 101)
    equal(pct.conf(), CONFIG + runtime + b"C=d\nlxc.apparmor.profile: ct-web\n")
    host.save("lxc/101.conf", pct.conf() + b"\n[pve:pending]\ndelete: swap,lxc;!env\n")
    pct.ok("stop", 101)
    equal(pct.conf(), CONFIG.replace(b"swap: 0\n", b""))


@guest_test
def a_bad_feature_stops_the_generation(host, pct):
    host.save("lxc/101.conf", CONFIG + b"features: nesting=maybe\n")
    equal(pct.run("start", 101)[0], 255)
    equal(pct.is_running(), False)


@guest_test
def guests_of_ha_are_its_managers(host, pct):
    host.save("ha/resources.cfg", b"ct: 101\n\tgroup all\n\tstate started\n\nct: 102\n\tstate ignored\n")
    host.save("lxc/102.conf", CONFIG)
    equal(pct.run("start", 101), (0, "Requesting HA start for CT 101\n"))
    equal(pct.is_running(), False)
    equal((pct.work / "run" / "ha-manager").read_text(encoding="utf-8"), "set ct:101 --state started\n")
    equal(pct.run("start", 102), (0, ""), "ignored by HA")
    host.save("ha/resources.cfg", b"")
    pct.ok("start", 101)
    host.save("ha/resources.cfg", b"ct: 101\n\tstate started\n")
    equal(pct.run("reboot", 101), (0, ""), "a reboot acts")
    equal(pct.run("stop", 101), (0, "Requesting HA stop for CT 101\n"))
    equal(pct.is_running(), True)


@guest_test
def tasks_say_who_and_how_it_ended(host, pct):
    pct.ok("start", 101)
    equal(pct.run("start", 101)[0], 255)
    index = (pct.work / "tasks" / "index").read_text(encoding="utf-8").splitlines()
    names = [line.split()[0] for line in index]
    equal([name.split(":")[5:] for name in names], [["vzstart", "101", "root@pam", ""]] * 2)
    ends = [(pct.work / "tasks" / name.split(":")[4][-1] / name).read_text(encoding="utf-8") for name in names]
    equal(ends, ["TASK OK\n", "TASK ERROR: CT 101 already running\n"])
    active = (pct.work / "tasks" / "active").read_text(encoding="utf-8").splitlines()
    equal(sorted(active), sorted(line.replace(" ", " 1 ", 1) for line in index))


@guest_test
def a_task_that_runs_is_among_the_active_ones(host, pct):
    pct.ok("start", 101)
    slow = Pct(host, hook_wait=2)
    reboot = slow.popen("reboot", 101)
    slow.wait_for_hook()
    active = (slow.work / "tasks" / "active").read_text(encoding="utf-8").splitlines()
    equal([line.split(":")[5:] for line in active if line.endswith(" 0")], [["vzreboot", "101", "root@pam", " 0"]])
    equal(reboot.wait(), 0)
    active = (slow.work / "tasks" / "active").read_text(encoding="utf-8").splitlines()
    equal([line for line in active if line.endswith(" 0")], [])


@guest_test
def a_request_to_ha_is_another_task(host, pct):
    pct.ok("start", 101)
    host.save("ha/resources.cfg", b"ct: 101\n")
    pct.ok("stop", 101)
    index = (pct.work / "tasks" / "index").read_text(encoding="utf-8").splitlines()
    equal([line.split(":")[5] for line in index], ["vzstart", "hastop"])


@guest_test
def a_killed_command_leaves_the_guest_stopped(host, pct):
    """A signal goes on to the worker, wherever that is."""
    pct.ok("start", 101)
    slow = Pct(host, hook_wait=15)
    reboot = slow.popen("reboot", 101)
    slow.wait_for_hook()
    reboot.terminate()
    equal(reboot.wait(20), 255)
    equal(pct.conf(), CONFINED)
    equal(pct.is_running(), False)


@guest_test
def savers_and_readers_meet(host, pct):
    """A reader of the file while the hook writes: what finding a config absent for a moment means."""
    pct.ok("start", 101)
    done, seen = threading.Event(), set()

    def read():
        while not done.is_set():
            try:
                seen.add(host.get("lxc/101.conf"))
            except OSError as error:
                seen.add(errno.errorcode[error.errno])

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(5):
        pct.ok("reboot", 101)
    done.set()
    reader.join()
    equal(seen <= {CONFINED, "ENOENT", "ESTALE"}, True, seen)
