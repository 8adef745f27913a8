# SPDX-License-Identifier: GPL-2.0-or-later
"""What is there: modes, owners, times, numbers, names."""

import fcntl
import os
import stat
import time

from host import WWW_DATA, equal, expire, file_system_type, outcome, test


@test
def the_mount_has_these_options(host):
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        lines = [line for line in mounts if line.split()[1] == host.path()]
    equal(lines, [f"/dev/fuse {host.path()} fuse rw,nosuid,nodev,relatime,user_id=0,group_id=0,default_permissions,allow_other 0 0\n"])


@test
def statfs_gives_fixed_sizes(host):
    sizes = os.statvfs(host.path())
    equal(file_system_type(host.path()), 0x65735546, "type")
    equal((sizes.f_fsid, sizes.f_namemax, sizes.f_blocks, sizes.f_bsize, sizes.f_files), (0, 256, 32768, 4096, 262144))


@test
def the_top_directory_is_always_the_same(host):
    for quorum in ("on", "off"):
        host.ask(f"quorum {quorum}")
        expire()
        top = os.lstat(host.path())
        equal((stat.S_IMODE(top.st_mode), top.st_uid, top.st_gid, top.st_mtime_ns), (0o755, 0, WWW_DATA, 0), quorum)


@test
def modes_are_made_of_the_path_and_of_the_quorum(host):
    os.mkdir(host.path("nodes/pve1/priv/keys"), 0o777)
    host.create("priv/secret", mode=0o666)
    host.create("lxc/notes", mode=0o777)
    host.create("nodes/pve1/priv/key", mode=0o644)
    names = ("lxc/notes", "priv/secret", "nodes/pve1/priv/key", "nodes", "priv", "nodes/pve1/priv", "nodes/pve1/priv/keys", "lxc", "local")
    equal([host.mode(name) for name in names], [0o640, 0o600, 0o600, 0o755, 0o700, 0o700, 0o700, 0o755, 0o755], "quorate")
    host.ask("quorum off")
    expire()
    equal([host.mode(name) for name in names], [0o440, 0o400, 0o400, 0o555, 0o500, 0o500, 0o500, 0o555, 0o555], "without quorum")


@test
def owners_links_and_sizes(host):
    host.create("lxc/notes", b"12345")
    for name, links, size in (("lxc/notes", 1, 5), ("nodes", 2, 0), ("ha", 2, 0)):
        found = os.lstat(host.path(name))
        equal((found.st_uid, found.st_gid, found.st_nlink, found.st_size), (0, WWW_DATA, links, size), name)


@test
def links_lead_to_this_node(host):
    targets = {"local": "nodes/pve1", "lxc": "nodes/pve1/lxc", "qemu-server": "nodes/pve1/qemu-server", "openvz": "nodes/pve1/openvz"}
    equal({name: os.readlink(host.path(name)) for name in targets}, targets)
    equal([os.lstat(host.path(name)).st_mtime_ns for name in targets], [0] * 4)
    os.rmdir(host.path("nodes/pve1/openvz"))
    equal(os.readlink(host.path("openvz")), "nodes/pve1/openvz", "without its target")


@test
def files_of_the_server(host):
    for name in (".version", ".vmlist", ".members", ".clusterlog", ".rrd"):
        found = os.lstat(host.path(name))
        equal((stat.S_IMODE(found.st_mode), found.st_mtime_ns), (0o440, 0), name)
    equal(host.mode(".debug"), 0o640)
    equal(outcome(host.put, ".vmlist"), "EACCES", "written")


@test
def times_are_whole_seconds_and_a_rename_sets_them(host):
    host.create("lxc/a", b"x")
    os.utime(host.path("lxc/a"), (1000, 1000))
    found = os.lstat(host.path("lxc/a"))
    equal((found.st_mtime_ns, found.st_atime_ns, found.st_ctime_ns), (1000 * 10**9,) * 3)
    os.utime(host.path("lxc/a"), ns=(5, 2000 * 10**9 + 7))
    equal(os.lstat(host.path("lxc/a")).st_mtime_ns, 2000 * 10**9, "a fraction")
    before = int(time.time())
    os.rename(host.path("lxc/a"), host.path("lxc/b"))
    expire()
    found = os.lstat(host.path("lxc/b")).st_mtime_ns
    equal((found >= before * 10**9, found % 10**9), (True, 0), "renamed")


@test
def inodes_are_handed_out_as_they_come(host):
    host.save("lxc/101.conf")
    with os.scandir(host.path("lxc")) as entries:
        equal([entry.inode() for entry in entries], [0xffffffff], "d_ino")
    host.create("lxc/t", b"x")
    temporary = os.stat(host.path("lxc/t")).st_ino
    os.rename(host.path("lxc/t"), host.path("lxc/101.conf"))
    equal(os.stat(host.path("lxc/101.conf")).st_ino, temporary, "a save carries the number over")
    host.ask("write nodes/pve1/lxc/101.conf", b"another\n")
    expire()
    equal(os.stat(host.path("lxc/101.conf")).st_ino, temporary, "another node's save keeps it")
    equal(host.get("lxc/101.conf"), b"another\n")


@test
def inodes_change_when_the_kernel_forgets(host):
    if not host.own_machine:
        return "it would drop the caches of this machine"
    host.save("lxc/101.conf")
    host.save("lxc/102.conf")
    before = os.stat(host.path("lxc/101.conf")).st_ino
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("2\n")
    os.stat(host.path("lxc/102.conf"))
    equal(os.stat(host.path("lxc/101.conf")).st_ino != before, True)


@test
def names_may_be_almost_anything(host):
    for name in ("x" * 257, 'q"u\'o`te', "b la nk", "l\nf", "ü€", ".dot", "-dash"):
        host.create(f"lxc/{name}", b"x")
        equal(host.get(f"lxc/{name}"), b"x", name)
        equal(name in os.listdir(host.path("lxc")), True, name)


@test
def guests_have_exact_names(host):
    for name in ("0.conf", "01.conf", "104.CONF", "104.conf~", ".104.conf.x", "104.conf.tmp.9", "4294967296.conf"):
        host.create(f"lxc/{name}")
    os.mkdir(host.path("nodes/pve1/lxc/sub"))
    host.create("lxc/sub/105.conf")
    equal(host.vmlist(), {"version": 1})
    host.create("lxc/4294967295.conf")
    host.create("nodes/pve1/openvz/7.conf")
    host.create("qemu-server/103.conf")
    found = {key: (guest["node"], guest["type"]) for key, guest in host.vmlist()["ids"].items()}
    equal(found, {"4294967295": ("pve1", "lxc"), "7": ("pve1", "openvz"), "103": ("pve1", "qemu")})


@test
def leases_know_this_host(host):
    host.create("lxc/a", b"x")
    fd = os.open(host.path("lxc/a"), os.O_RDONLY)
    equal(outcome(fcntl.fcntl, fd, fcntl.F_SETLEASE, fcntl.F_RDLCK), "ok")
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    writer = os.open(host.path("lxc/a"), os.O_WRONLY)
    equal(outcome(fcntl.fcntl, fd, fcntl.F_SETLEASE, fcntl.F_RDLCK), "EAGAIN", "open for writing")
    os.close(writer)
    os.close(fd)
