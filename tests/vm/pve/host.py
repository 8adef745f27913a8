# SPDX-License-Identifier: GPL-2.0-or-later
"""The stand-in for scripts: starts and ends one, asks its control socket, and makes the calls that Python has no function for."""

import ctypes
import errno
import json
import os
import select
import signal
import socket
import stat
import struct
import subprocess
import time

libc = ctypes.CDLL(None, use_errno=True)

AT_FDCWD = -100
O_TMPFILE, O_PATH = 0o20200000, 0o10000000
MNT_DETACH = 2
RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4
# What the file system writes in one piece, and at most in all; the group that it gives to everything.
PIECE, FILE_MAX, WWW_DATA = 131072, 1 << 20, 33

EVENTS = {
    0x2: "MODIFY", 0x4: "ATTRIB", 0x8: "CLOSE_WRITE", 0x20: "OPEN", 0x40: "MOVED_FROM", 0x80: "MOVED_TO", 0x100: "CREATE",
    0x200: "DELETE", 0x400: "DELETE_SELF", 0x800: "MOVE_SELF", 0x2000: "UNMOUNT", 0x8000: "IGNORED",
}
WATCHED = 0x2 | 0x4 | 0x8 | 0x20 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800


TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Refused(Exception):
    """The control socket says no; the text is the name of the errno."""


class Host:
    """One stand-in. WORK is an empty directory for its database and its socket."""

    def __init__(self, program, mountpoint, work, options=()):
        self.program, self.mountpoint, self.options = program, mountpoint, list(options)
        self.database, self.control = os.path.join(work, "database"), os.path.join(work, "control")
        self.process, self.said, self.own_machine = None, "", False
        os.makedirs(mountpoint, exist_ok=True)
        os.makedirs(self.database, exist_ok=True)

    def path(self, name=""):
        return os.path.join(self.mountpoint, name) if name else self.mountpoint

    def start(self):
        """What it ended with, if it does not start; else 0."""
        command = [self.program, "--node", "pve1", "--database", self.database, "--control", self.control]
        self.process = subprocess.Popen(command + self.options + [self.mountpoint], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.process.stdout.readline() == b"ready\n":
            return 0
        return self.end()

    def end(self):
        self.said = self.process.communicate()[1].decode()
        code, self.process = self.process.returncode, None
        return code

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.end()

    def kill(self):
        self.process.kill()
        return self.end()

    def done(self):
        """0, or what it ended with."""
        code = self.stop() if self.process else 0
        libc.umount2(os.fsencode(self.mountpoint), MNT_DETACH)
        return code

    def ask(self, request, data=b""):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(self.control)
            client.sendall(request.encode() + b"\n" + data)
            client.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        first, _, rest = answer.partition(b"\n")
        if first != b"ok":
            raise Refused(first.decode().removeprefix("error "))
        return rest

    def vmlist(self):
        return json.loads(self.ask("read .vmlist"))

    def count(self, what):
        return int(self.ask("counts").decode().split(f"{what} ")[1].split()[0])

    def settle(self, expected=0):
        """The kernel says late that a file was closed, and until then it counts as open."""
        until(lambda: self.count("open_now") == expected, "closed")

    def put(self, name, data=b"arch: amd64\n"):
        """Writes in place, as an editor does."""
        with open(self.path(name), "wb", buffering=0) as file:
            file.write(data)

    def create(self, name, data=b"", mode=0o640):
        fd = os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            if data:
                os.write(fd, data)
        finally:
            os.close(fd)

    def save(self, name, data=b"arch: amd64\n"):
        """As Proxmox does."""
        temporary = f"{name}.tmp.{os.getpid()}"
        self.create(temporary, data)
        os.rename(self.path(temporary), self.path(name))

    def get(self, name):
        with open(self.path(name), "rb", buffering=0) as file:
            return file.readall()

    def mode(self, name):
        return stat.S_IMODE(os.lstat(self.path(name)).st_mode)


class Watch:
    """inotify on one path."""

    def __init__(self, path):
        self.fd = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        self.watch = libc.inotify_add_watch(self.fd, os.fsencode(path), WATCHED)
        if self.watch < 0:
            raise OSError(ctypes.get_errno(), path)

    def events(self, wait=0.0):
        """What came, as "EVENT name"; waits so long for a first one."""
        found = []
        while select.select([self.fd], [], [], 0 if found else wait)[0]:
            buffer = os.read(self.fd, 65536)
            while buffer:
                _, mask, _, length = struct.unpack_from("iIII", buffer)
                name = buffer[16:16 + length].rstrip(b"\0").decode()
                found += [f"{word} {name}".strip() for bit, word in EVENTS.items() if mask & bit]
                buffer = buffer[16 + length:]
        return found

    def close(self):
        os.close(self.fd)


def check(result):
    """A libc call's result, or OSError."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def renameat2(old, new, flags):
    return check(libc.renameat2(AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new), flags))


def fallocate(fd, size):
    return check(libc.fallocate(fd, 0, ctypes.c_long(0), ctypes.c_long(size)))


def syncfs(fd):
    return check(libc.syncfs(fd))


def file_system_type(path):
    buffer = ctypes.create_string_buffer(256)
    check(libc.statfs(os.fsencode(path), buffer))
    return struct.unpack_from("l", buffer)[0]


def outcome(call, *arguments, **keywords):
    """ "ok", or the name of the errno."""
    try:
        call(*arguments, **keywords)
    except OSError as error:
        # The same number has two names.
        return "EOPNOTSUPP" if error.errno == errno.EOPNOTSUPP else errno.errorcode[error.errno]
    return "ok"


def equal(found, expected, what=""):
    if found != expected:
        raise AssertionError(f"{what}: expected {expected!r}, found {found!r}")


def in_time(seconds, attempt, prepare):
    """What ATTEMPT returns when it took no longer than that: a busy machine gets more tries, each after PREPARE."""
    for _ in range(50):
        prepare()
        begin = time.monotonic()
        result = attempt()
        if time.monotonic() - begin < seconds:
            return result
    raise AssertionError(f"nothing is done within {seconds} s here")


def until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not so after {seconds} s")
        time.sleep(0.01)


def expire():
    """The kernel keeps attributes and names for a second."""
    time.sleep(1.1)
