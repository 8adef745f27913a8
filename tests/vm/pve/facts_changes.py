# SPDX-License-Identifier: GPL-2.0-or-later
"""How a change is learnt of: events, the list of guests, the database's log."""

import json
import os
import time

from host import Watch, equal, expire, in_time, test, until


# --- inotify

@test
def events_of_a_save(host):
    host.save("lxc/101.conf")
    host.settle()
    directory, file = Watch(host.path("lxc")), Watch(host.path("lxc/101.conf"))
    host.save("lxc/101.conf")
    temporary = f"101.conf.tmp.{os.getpid()}"
    expected = [f"{event} {temporary}" for event in ("CREATE", "OPEN", "MODIFY", "CLOSE_WRITE", "MOVED_FROM")] + ["MOVED_TO 101.conf"]
    equal(directory.events(5), expected)
    equal(file.events(5), ["ATTRIB", "DELETE_SELF", "IGNORED"])
    directory.close()
    file.close()


@test
def events_of_an_edit_in_place(host):
    host.save("lxc/101.conf")
    watch = Watch(host.path("lxc"))
    with open(host.path("lxc/101.conf"), "ab", buffering=0) as file:
        file.write(b"# x\n")
    equal(watch.events(5), ["OPEN 101.conf", "MODIFY 101.conf", "CLOSE_WRITE 101.conf"])
    host.ask("quorum off")
    os.close(os.open(host.path("lxc/101.conf"), os.O_WRONLY))
    equal(watch.events(5), ["OPEN 101.conf", "CLOSE_WRITE 101.conf"], "nothing was written")
    watch.close()


@test
def events_of_moves_and_attributes(host):
    host.ask("node pve2 add")
    host.save("lxc/101.conf")
    watch = Watch(host.path("lxc"))
    os.rename(host.path("lxc/101.conf"), host.path("nodes/pve2/lxc/101.conf"))
    os.rename(host.path("nodes/pve2/lxc/101.conf"), host.path("lxc/101.conf"))
    os.chmod(host.path("lxc/101.conf"), 0o640)
    equal(watch.events(5), ["MOVED_FROM 101.conf", "MOVED_TO 101.conf", "ATTRIB 101.conf"])
    os.utime(host.path("lxc/101.conf"))
    equal(watch.events(5), ["ATTRIB 101.conf"])
    watch.close()


@test
def another_node_makes_no_events(host):
    host.ask("node pve2 add")
    host.save("lxc/101.conf", b"old\n")
    watches = [Watch(host.path(name)) for name in ("", "lxc", "lxc/101.conf", ".vmlist", "nodes/pve2/lxc")]
    host.ask("write nodes/pve1/lxc/101.conf", b"new\n")
    host.ask("write nodes/pve1/lxc/102.conf", b"arrives\n")
    host.ask("rename nodes/pve1/lxc/102.conf nodes/pve2/lxc/102.conf")
    equal(host.get("lxc/101.conf"), b"new\n")
    equal(os.listdir(host.path("nodes/pve2/lxc")), ["102.conf"])
    expire()
    equal(json.loads(host.get(".vmlist"))["ids"]["102"]["node"], "pve2")
    seen = [event for watch in watches for event in watch.events(1)]
    equal([event for event in seen if "OPEN" not in event], [])
    for watch in watches:
        watch.close()


@test
def a_hidden_file_makes_no_event(host):
    host.save("lxc/101.conf")
    fd = os.open(host.path("lxc/101.conf"), os.O_RDONLY)
    watch = Watch(host.path("lxc"))
    host.save("lxc/101.conf")
    equal(any(name.startswith(".fuse_hidden") for name in os.listdir(host.path("lxc"))), True)
    os.close(fd)
    equal([event for event in watch.events(1) if "fuse_hidden" in event], [])
    watch.close()


@test
def the_log_of_the_database_grows_with_each_change(host):
    """Which is how another node's change can be seen, a moment before its content."""
    watch = Watch(host.database)
    host.save("lxc/101.conf")
    equal("MODIFY config.db-wal" in watch.events(5), True, "this node's")
    host.ask("write nodes/pve1/lxc/101.conf", b"new\n")
    equal(set(watch.events(5)), {"MODIFY config.db-wal"}, "another node's")
    watch.close()


@test
def the_log_can_be_ahead_of_the_content(host):
    host.save("lxc/101.conf", b"old\n")
    host.ask("lag 3000")
    watch = Watch(host.database)
    pid = os.fork()
    if pid == 0:
        host.ask("write nodes/pve1/lxc/101.conf", b"new\n")
        os._exit(0)
    equal(watch.events(10), ["MODIFY config.db-wal"])
    equal(host.get("lxc/101.conf"), b"old\n")
    os.waitpid(pid, 0)
    equal(host.get("lxc/101.conf"), b"new\n")
    watch.close()


# --- .vmlist, .version, .members

@test
def the_list_of_guests_counts(host):
    equal(host.vmlist(), {"version": 1})
    steps = (
        ("temp and rename", 1, lambda: host.save("lxc/101.conf")),
        ("the same again", 1, lambda: host.save("lxc/101.conf")),
        ("O_TRUNC and write", 2, lambda: host.put("lxc/101.conf")),
        ("create and write", 2, lambda: host.create("lxc/102.conf", b"x")),
        ("200,000 bytes", 3, lambda: host.create("lxc/103.conf", b"x" * 200000)),
        ("removed", 1, lambda: os.unlink(host.path("lxc/103.conf"))),
        ("chmod", 0, lambda: os.chmod(host.path("lxc/101.conf"), 0o640)),
        ("utime", 0, lambda: os.utime(host.path("lxc/101.conf"))),
        ("another file", 0, lambda: host.save("ha/resources.cfg")),
        ("another node's", 1, lambda: host.ask("write nodes/pve1/lxc/101.conf", b"y")),
    )
    for what, expected, step in steps:
        before = host.vmlist()["version"]
        step()
        host.settle()
        equal(host.vmlist()["version"] - before, expected, what)


@test
def each_guests_number_is_unique(host):
    for _ in range(3):
        for guest in (101, 102, 103):
            host.save(f"lxc/{guest}.conf")
            host.settle()
    numbers = [guest["version"] for guest in host.vmlist()["ids"].values()]
    equal(len(set(numbers)), 3)
    equal(max(numbers), 9)


@test
def numbers_begin_again_at_a_start(host):
    for guest in (101, 102):
        for _ in range(5):
            host.save(f"lxc/{guest}.conf")
    started = json.loads(host.get(".version"))["starttime"]
    until(lambda: int(time.time()) > started, "another second")
    host.stop()
    host.start()
    listed = host.vmlist()
    equal(listed["version"], 1)
    equal(sorted(guest["version"] for guest in listed["ids"].values()), [1, 2])
    equal(json.loads(host.get(".version"))["starttime"] > started, True)


@test
def without_fstat_the_list_is_old(host):
    def attempt():
        before = host.get(".vmlist")
        # That read made the kernel doubt the attributes, so the next fstat asks; open alone does not.
        host.ask("write nodes/pve1/lxc/101.conf", b"y")
        fd = os.open(host.path(".vmlist"), os.O_RDONLY)
        old = os.pread(fd, 1 << 20, 0)
        os.fstat(fd)
        new = os.pread(fd, 1 << 20, 0)
        os.close(fd)
        return before, old, new

    host.save("lxc/101.conf")
    before, old, new = in_time(0.9, attempt, lambda: os.stat(host.path(".vmlist")))
    equal((old, new), (before, host.ask("read .vmlist")))


@test
def a_directory_with_a_configs_name_takes_the_guest_away(host):
    host.ask("node pve2 add")
    host.save("lxc/102.conf")
    os.mkdir(host.path("nodes/pve2/lxc/102.conf"))
    equal("102" in host.vmlist()["ids"], True)
    os.rmdir(host.path("nodes/pve2/lxc/102.conf"))
    equal("102" in host.vmlist().get("ids", {}), False)
    equal(os.listdir(host.path("lxc")), ["102.conf"])


@test
def members_name_a_cluster_only_in_one(host):
    equal("cluster" in json.loads(host.get(".members")), False)
    host.ask("cluster farm")
    host.ask("node pve2 add")
    host.ask("node pve2 offline")
    host.ask("quorum off")
    expire()
    members = json.loads(host.get(".members"))
    equal((members["cluster"]["name"], members["cluster"]["quorate"]), ("farm", 0))
    equal({name: node["online"] for name, node in members["nodelist"].items()}, {"pve1": 1, "pve2": 0})
