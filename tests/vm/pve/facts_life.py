# SPDX-License-Identifier: GPL-2.0-or-later
"""When it cannot be written, waits, dies and comes back."""

import os
import signal
import subprocess
import threading
import time

from host import O_PATH, Watch, equal, expire, outcome, test, until

CANNOT_START = 255


# --- no quorum, busy, stalled

def changes(host):
    """One call of each kind that changes something, as "NAME ERRNO"."""
    return {
        "create": outcome(host.create, "lxc/new"),
        "write": outcome(host.put, "lxc/101.conf"),
        "rename": outcome(os.rename, host.path("lxc/101.conf"), host.path("lxc/201.conf")),
        "unlink": outcome(os.unlink, host.path("lxc/101.conf")),
        "mkdir": outcome(os.mkdir, host.path("ha/x")),
        "rmdir": outcome(os.rmdir, host.path("ha")),
        "truncate": outcome(os.truncate, host.path("lxc/101.conf"), 1),
        "utime": outcome(os.utime, host.path("lxc/101.conf")),
    }


@test
def without_quorum_changes_are_refused(host):
    host.save("lxc/101.conf", b"old\n")
    host.ask("quorum off")
    equal(set(changes(host).values()), {"EACCES"}, changes(host))
    fd = os.open(host.path("lxc/101.conf"), os.O_WRONLY)
    equal(outcome(os.write, fd, b"x"), "EACCES", "root may open, and not write")
    os.close(fd)
    equal(os.access(host.path("lxc/101.conf"), os.W_OK), True)
    equal(host.get("lxc/101.conf"), b"old\n", "it can be read")
    host.ask("quorum on")
    equal(outcome(host.save, "lxc/101.conf"), "ok")


@test
def changes_may_fail_while_the_modes_say_writable(host):
    host.save("lxc/101.conf")
    host.ask("busy on")
    equal(set(changes(host).values()), {"EBUSY"})
    host.ask("busy off")
    host.ask("fail EPERM 300")
    before = time.monotonic()
    equal(outcome(os.truncate, host.path("lxc/101.conf"), 1), "EPERM")
    equal(time.monotonic() - before >= 0.3, True, "it hangs first")
    equal(host.mode("lxc"), 0o755)
    host.ask("fail off 0")
    equal(outcome(host.save, "lxc/101.conf"), "ok")


def state_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(") ")[2][0]


@test
def a_stalled_change_cannot_be_killed(host):
    host.save("lxc/101.conf", b"old\n")
    host.ask("stall on")
    with subprocess.Popen(["/bin/sh", "-c", ': >"$0"', host.path("lxc/new")]) as writer:
        try:
            until(lambda: state_of(writer.pid) == "S" and host.count("changes") == 4, "it waits")
            equal(host.get("lxc/101.conf"), b"old\n", "reads go on")
            writer.send_signal(signal.SIGTERM)
            writer.send_signal(signal.SIGKILL)
            until(lambda: state_of(writer.pid) == "D", "it waits without end")
            time.sleep(0.5)
            equal(writer.poll(), None, "killed, and still there")
        finally:
            host.ask("stall off")
        equal(writer.wait(20) in (-signal.SIGTERM, -signal.SIGKILL), True)


@test
def a_stopped_server_stops_every_look(host):
    host.process.send_signal(signal.SIGSTOP)
    expire()
    with subprocess.Popen(["/usr/bin/stat", host.path("local")], stdout=subprocess.DEVNULL) as reader:
        time.sleep(0.5)
        equal(reader.poll(), None, "lstat waits")
        host.process.send_signal(signal.SIGCONT)
        equal(reader.wait(20), 0)


@test
def many_stalled_changes_keep_no_reader_waiting(host):
    names = [f"lxc/{number}.conf" for number in range(101, 121)]
    for name in names + ["lxc/100.conf"]:
        host.create(name, b"old\n")
    host.ask("stall on")
    threads = [threading.Thread(target=outcome, args=(os.truncate, host.path(name), 0)) for name in names]
    for thread in threads:
        thread.start()
    until(lambda: host.count("changes") == 62, "all of them wait")
    # One that is not being changed: until Linux 6.2 close(2) waits for a change of the same file.
    equal(host.get("lxc/100.conf"), b"old\n")
    host.ask("stall off")
    for thread in threads:
        thread.join()
    equal(host.get("lxc/120.conf"), b"")


# --- ends and starts

@test
def killed_it_answers_no_more(host):
    host.save("lxc/101.conf", b"old\n")
    watch = Watch(host.path("lxc"))
    host.kill()
    equal(outcome(host.get, "lxc/101.conf"), "ENOTCONN")
    equal(watch.events(0.5), [], "nothing is said")
    equal(host.start(), 0)
    equal(watch.events(5), ["UNMOUNT", "IGNORED"], "but at the next start")
    equal(host.get("lxc/101.conf"), b"old\n", "what was written is there")
    host.save("lxc/101.conf")
    equal(watch.events(0.5), [], "an old watch is dead")
    watch.close()


@test
def a_watch_on_a_dead_one_is_worthless(host):
    os.stat(host.path("lxc"))
    host.kill()
    expired = outcome(os.stat, host.path("lxc"))
    watch = None
    if expired == "ok":
        watch = Watch(host.path("lxc"))
    expire()
    equal(outcome(os.stat, host.path("lxc")), "ENOTCONN", "after a second")
    host.start()
    if watch:
        watch.close()


@test
def what_is_kept_open_prevents_a_start(host):
    host.save("lxc/101.conf")
    opened = {
        "directory, O_PATH": lambda: os.open(host.path("nodes"), O_PATH),
        "directory": lambda: os.open(host.path("lxc"), os.O_RDONLY),
        "file": lambda: os.open(host.path("lxc/101.conf"), os.O_RDONLY),
    }
    for what, call in opened.items():
        fd = call()
        host.kill()
        equal(host.start(), CANNOT_START, what)
        equal(host.said, "fuse_mount error: Transport endpoint is not connected\n", what)
        outcome(os.close, fd)
        equal(host.start(), 0, f"{what}, closed")


@test
def a_working_directory_prevents_a_start(host):
    with subprocess.Popen(["/bin/sleep", "100"], cwd=host.path("lxc")) as inside:
        host.kill()
        equal(host.start(), CANNOT_START)
        inside.kill()
    equal(host.start(), 0)


@test
def a_watch_prevents_nothing(host):
    watch = Watch(host.path("lxc"))
    host.kill()
    equal(host.start(), 0)
    watch.close()


@test
def a_clean_end_unmounts(host):
    watch = Watch(host.path("lxc"))
    equal(host.stop(), 0)
    equal(watch.events(5), ["UNMOUNT", "IGNORED"])
    equal(os.listdir(host.path()), [], "an empty directory")
    equal(host.start(), 0)
    watch.close()


@test
def what_is_kept_open_delays_the_unmount(host):
    watch = Watch(host.path("lxc"))
    fd = os.open(host.path("nodes"), O_PATH)
    equal(host.stop(), 0)
    equal(watch.events(0.5), [])
    os.close(fd)
    equal(watch.events(5), ["UNMOUNT", "IGNORED"])
    watch.close()


@test
def a_stalled_one_can_be_ended(host):
    host.ask("stall on")
    thread = threading.Thread(target=outcome, args=(os.mkdir, host.path("ha/x")))
    thread.start()
    until(lambda: host.count("changes") == 1, "it waits")
    equal(host.stop(), 0)
    thread.join()


@test
def a_change_that_returned_survives_a_kill(host):
    for number in range(30):
        host.save("lxc/101.conf", b"%d\n" % number)
        host.settle()
        host.kill()
        equal(host.start(), 0)
        equal(host.get("lxc/101.conf"), b"%d\n" % number)
        equal(os.listdir(host.path("lxc")), ["101.conf"])
