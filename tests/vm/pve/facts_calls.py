# SPDX-License-Identifier: GPL-2.0-or-later
"""What each call returns, and what becomes of a file that is open while it is replaced."""

import contextlib
import fcntl
import mmap
import os
import tempfile
import threading

from host import (FILE_MAX, O_PATH, O_TMPFILE, PIECE, RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, WWW_DATA, Refused, equal,
                  expire, fallocate, in_time, outcome, renameat2, syncfs, test, until)


@test
def an_id_has_one_place(host):
    host.ask("node pve2 add")
    host.ask("write nodes/pve2/lxc/102.conf", b"x")
    host.create("qemu-server/103.conf")
    equal(outcome(host.create, "lxc/a"), "ok")
    equal(outcome(host.create, "lxc/a"), "EEXIST", "O_EXCL")
    for name in ("lxc/102.conf", "lxc/103.conf"):
        equal(outcome(host.create, name), "EEXIST", f"create {name}")
        equal(outcome(os.rename, host.path("lxc/a"), host.path(name)), "EEXIST", f"rename to {name}")
    equal("a" in os.listdir(host.path("lxc")), True, "what was to be renamed stays")
    equal(outcome(os.rename, host.path("nodes/pve2/lxc/102.conf"), host.path("lxc/102.conf")), "ok", "migration")
    equal(host.vmlist()["ids"]["102"]["node"], "pve1")


@test
def renames_and_what_they_refuse(host):
    host.create("lxc/a", b"a")
    host.create("lxc/b", b"b")
    os.mkdir(host.path("ha/full"))
    host.create("ha/full/file")
    os.mkdir(host.path("ha/empty"))
    outside = tempfile.mkdtemp()
    cases = (
        (("lxc/a", "lxc/new", RENAME_NOREPLACE), "EINVAL"), (("lxc/a", "lxc/b", RENAME_NOREPLACE), "EEXIST"),
        (("lxc/a", "lxc/b", RENAME_EXCHANGE), "EINVAL"), (("lxc/a", "lxc/b", RENAME_WHITEOUT), "EINVAL"),
        (("lxc/a", "local", 0), "EACCES"), (("lxc/a", ".vmlist", 0), "EACCES"), (("lxc", "lxc/x", 0), "EACCES"),
        (("ha/full", "ha/other", 0), "ENOTEMPTY"), (("ha/empty", "ha/full", 0), "ENOTEMPTY"), (("lxc/none", "lxc/x", 0), "ENOENT"),
        (("lxc/a", "lxc/b", 0), "ok"), (("ha/empty", "ha/moved", 0), "ok"),
    )
    for (old, new, flags), expected in cases:
        equal(outcome(renameat2, host.path(old), host.path(new), flags), expected, f"{old} {new} {flags}")
    equal(host.get("lxc/b"), b"a")
    equal(outcome(os.rename, host.path("lxc/b"), os.path.join(outside, "b")), "EXDEV")
    os.rmdir(outside)


@test
def modes_and_owners_are_refused_unless_they_are_so(host):
    host.create("lxc/a")
    host.create("priv/a")
    equal([outcome(os.chmod, host.path("lxc/a"), bits) for bits in (0o640, 0o600, 0o644, 0o440)], ["ok", "EPERM", "EPERM", "EPERM"])
    equal([outcome(os.chmod, host.path("priv/a"), bits) for bits in (0o640, 0o600)], ["EPERM", "ok"], "priv")
    owners = ((0, WWW_DATA), (-1, WWW_DATA), (0, -1), (-1, -1), (0, 0), (1, -1), (WWW_DATA, WWW_DATA))
    equal([outcome(os.chown, host.path("lxc/a"), *owner) for owner in owners], ["ok"] * 4 + ["EPERM"] * 3)
    host.ask("quorum off")
    expire()
    equal([outcome(os.chmod, host.path("lxc/a"), bits) for bits in (0o640, 0o440)], ["ok", "EPERM"], "without quorum")


@test
def flushing_does_nothing(host):
    host.create("lxc/a", b"x")
    fd, directory = os.open(host.path("lxc/a"), os.O_RDWR), os.open(host.path("lxc"), os.O_RDONLY)
    equal([outcome(call, fd) for call in (os.fsync, os.fdatasync, syncfs)] + [outcome(os.fsync, directory)], ["ok"] * 4)
    os.close(fd)
    os.close(directory)


def write_new(host, name, size):
    """How much was written, and what the next write of one byte said."""
    fd = os.open(host.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        return os.write(fd, b"x" * size), outcome(os.write, fd, b"x")
    finally:
        os.close(fd)


@test
def sizes_end_at_a_mebibyte(host):
    host.create("lxc/a", b"abc")
    os.truncate(host.path("lxc/a"), 5)
    equal(host.get("lxc/a"), b"abc\0\0")
    equal(outcome(os.truncate, host.path("lxc/a"), FILE_MAX + 1), "EFBIG")
    equal(write_new(host, "lxc/b", FILE_MAX + 1), (FILE_MAX, "EFBIG"))
    equal(write_new(host, "lxc/c", 10), (10, "ok"))


@test
def a_large_write_comes_in_pieces(host):
    sizes, done = set(), threading.Event()

    def look():
        while not done.is_set():
            with contextlib.suppress(Refused):
                sizes.add(len(host.ask("read nodes/pve1/lxc/a")))

    looker = threading.Thread(target=look)
    looker.start()
    for _ in range(500):
        write_new(host, "lxc/a", 999999)
        os.unlink(host.path("lxc/a"))
        if len(sizes) > 4:
            break
    done.set()
    looker.join()
    equal(sizes <= {PIECE * n for n in range(8)} | {999999, 1000000}, True, sizes)
    equal(len(sizes) > 4, True, sizes)


@test
def flags_of_open(host):
    host.create("lxc/a", b"x")
    for flags in (os.O_APPEND, os.O_TRUNC, os.O_DIRECT, os.O_SYNC, os.O_NOATIME, O_PATH, os.O_NOFOLLOW):
        fd = os.open(host.path("lxc/a"), os.O_RDWR | flags)
        os.close(fd)
    equal(host.get("lxc/a"), b"", "O_TRUNC")
    host.put("lxc/a", b"x")
    fd = os.open(host.path("lxc/a"), os.O_WRONLY | os.O_APPEND)
    os.write(fd, b"y")
    os.close(fd)
    equal(host.get("lxc/a"), b"xy")
    equal(outcome(os.open, host.path("lxc"), O_TMPFILE | os.O_RDWR), "EOPNOTSUPP", "O_TMPFILE")


@test
def other_kinds_of_files_are_refused(host):
    host.create("lxc/a", b"x")
    fd = os.open(host.path("lxc/a"), O_PATH)
    equal(outcome(os.link, host.path("lxc/a"), host.path("lxc/b")) in ("EPERM", "ENOSYS"), True, "link")
    equal(outcome(os.symlink, "a", host.path("lxc/b")), "ENOSYS")
    equal(outcome(os.mkfifo, host.path("lxc/b")), "ENOSYS")
    equal(outcome(os.link, f"/proc/self/fd/{fd}", host.path("lxc/b"), follow_symlinks=True), "EXDEV")
    os.close(fd)


@test
def attributes_beyond_the_mode_are_refused(host):
    host.create("lxc/a", b"x")
    equal(outcome(os.setxattr, host.path("lxc/a"), "user.x", b"y"), "EOPNOTSUPP")
    equal(outcome(os.getxattr, host.path("lxc/a"), "user.x"), "EOPNOTSUPP")
    equal(outcome(os.listxattr, host.path("lxc/a")), "EOPNOTSUPP")
    # The latter from older kernels.
    equal(outcome(os.getxattr, host.path("lxc/a"), "system.posix_acl_access") in ("ENODATA", "EOPNOTSUPP"), True)
    fd = os.open(host.path("lxc/a"), os.O_RDWR)
    equal(outcome(fallocate, fd, 100), "EOPNOTSUPP")
    os.close(fd)


@test
def mapping_is_private(host):
    host.create("lxc/a", b"xyz")
    fd = os.open(host.path("lxc/a"), os.O_RDWR)
    equal(outcome(mmap.mmap, fd, 3, mmap.MAP_SHARED), "ENODEV")
    mapped = mmap.mmap(fd, 3, mmap.MAP_PRIVATE)
    equal(mapped[:], b"xyz")
    mapped.close()
    os.close(fd)


@test
def locks_are_this_hosts(host):
    host.create("lxc/a", b"x")
    fd, other = os.open(host.path("lxc/a"), os.O_RDWR), os.open(host.path("lxc/a"), os.O_RDWR)
    equal(outcome(fcntl.flock, fd, fcntl.LOCK_EX), "ok")
    equal(outcome(fcntl.flock, other, fcntl.LOCK_EX | fcntl.LOCK_NB), "EAGAIN")
    equal(outcome(fcntl.lockf, fd, fcntl.LOCK_EX), "ok")
    os.close(other)
    os.close(fd)


@test
def what_is_the_servers_stays(host):
    for name in ("local", "lxc", ".vmlist", ".members"):
        equal(outcome(os.unlink, host.path(name)), "EACCES", name)
    equal(outcome(os.rmdir, host.path("nodes/pve1")), "ENOTEMPTY")
    equal(outcome(os.unlink, host.path("lxc/none")), "ENOENT")


def hidden(host):
    return [name for name in os.listdir(host.path("lxc")) if name.startswith(".fuse_hidden")]


@test
def an_open_file_is_hidden_when_it_is_replaced(host):
    host.save("lxc/101.conf", b"old\n")
    host.settle()
    fd = os.open(host.path("lxc/101.conf"), os.O_RDONLY)
    before = host.vmlist()
    host.save("lxc/101.conf", b"new\n")
    after = host.vmlist()
    equal(len(hidden(host)), 1, "hidden")
    equal(len(hidden(host)[0]), len(".fuse_hidden") + 16)
    equal(after["version"] - before["version"], 2, "gone, and there again")
    equal((os.read(fd, 100), os.fstat(fd).st_nlink), (b"old\n", 0), "the descriptor")
    os.close(fd)
    until(lambda: not hidden(host), "it goes with the descriptor")
    equal(host.get("lxc/101.conf"), b"new\n")


@test
def a_reader_makes_a_config_vanish(host):
    """Somebody who reads the file while it is replaced; the server's own answer counts."""
    host.save("lxc/101.conf", b"x")
    done, absences = threading.Event(), []

    def read():
        while not done.is_set():
            outcome(host.get, "lxc/101.conf")

    def look():
        while not done.is_set():
            try:
                host.ask("read nodes/pve1/lxc/101.conf")
            except Refused as refusal:
                absences.append(str(refusal))

    threads = [threading.Thread(target=work) for work in (read, read, look)]
    for thread in threads:
        thread.start()
    for _ in range(20000):
        host.save("lxc/101.conf", b"x")
        if absences:
            break
    done.set()
    for thread in threads:
        thread.join()
    equal(set(absences), {"ENOENT"})


@test
def a_path_descriptor_is_worth_nothing_after_a_replace(host):
    host.save("lxc/101.conf", b"old\n")
    host.settle()
    fd = os.open(host.path("lxc/101.conf"), O_PATH)
    host.save("lxc/101.conf", b"new\n")
    # libfuse 2 says ENOENT.
    found = outcome(os.open, f"/proc/self/fd/{fd}", os.O_RDONLY)
    equal(found in ("ENOENT", "ESTALE"), True, found)
    os.close(fd)


@test
def a_descriptor_reads_what_another_node_wrote(host):
    host.save("lxc/101.conf", b"old\n")
    fd = os.open(host.path("lxc/101.conf"), os.O_RDONLY)
    host.ask("write nodes/pve1/lxc/101.conf", b"newer\n")
    equal(os.pread(fd, 100, 0), b"newer\n")
    equal(hidden(host), [])
    os.close(fd)


@test
def sizes_and_names_may_be_a_second_old(host):
    def attempt():
        before = os.stat(host.path("lxc/101.conf")).st_size
        host.ask("write nodes/pve1/lxc/101.conf", b"longer than it was\n")
        after = os.stat(host.path("lxc/101.conf")).st_size
        return before, after

    def renew():
        host.ask("write nodes/pve1/lxc/101.conf", b"old\n")
        expire()

    host.save("lxc/101.conf", b"old\n")
    before, after = in_time(0.9, attempt, renew)
    equal((before, after), (4, 4), "the size of before")
    equal(host.get("lxc/101.conf"), b"longer than it was\n", "and the content of now")
    expire()
    equal(os.stat(host.path("lxc/101.conf")).st_size, 19)
