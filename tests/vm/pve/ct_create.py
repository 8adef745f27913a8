# SPDX-License-Identifier: GPL-2.0-or-later
"""How Proxmox creates, clones, grows and destroys a container, as far as its file and the order of its writes go.

Read in Proxmox's source, and not measured. A volume is the directory LXC_PATH/ID/rootfs, whatever its storage is called.
"""

import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import time

import ct_config

DISK = re.compile(r"rootfs|mp\d+")


class Failed(Exception):
    """The text goes to standard error, and the exit code is 255."""


def is_true(value):
    return value not in (None, "", "0")


# --- parts

def check_unused(host, number):
    """In all of the cluster."""
    if not host.is_quorate():
        raise Failed("cluster not ready - no quorum?")
    guests = json.loads((host.etc / ".vmlist").read_text(encoding="utf-8")).get("ids", {})
    if str(number) in guests:
        found = guests[str(number)]
        kind = "CT" if found["type"] == "lxc" else "VM"
        raise Failed(f"{kind} {number} already exists on node '{found['node']}'")


def create_and_lock(host, number):
    with host.locked(number):
        check_unused(host, number)
        config = ct_config.Config()
        config.main.keys["lock"] = "create"
        host.save(number, config)


def check_unlocked(config):
    if is_true(config.main.keys.get("lock")):
        raise Failed(f"CT is locked ({config.main.keys['lock']})")


def set_lock(host, number, word):
    """Sets it, or takes it away where WORD is None."""
    with host.locked(number):
        config = host.load(number)
        if word:
            check_unlocked(config)
            config.main.keys["lock"] = word
        else:
            config.main.keys.pop("lock", None)
        host.save(number, config)
        return config


def remove(host, number):
    shutil.rmtree(host.lxc / str(number), ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(host.etc / host.name(number))


def wait(host):
    """What takes its time in a storage."""
    time.sleep(host.settings["copy_wait"] / 2)


def rootfs(host, number):
    return host.lxc / str(number) / "rootfs"


def disk(number, index, text, default):
    """As a storage names it: "STORAGE:GIGABYTES" or "GIGABYTES", and more."""
    volume, comma, rest = text.partition(",")
    storage, _, size = volume.rpartition(":")
    return f"{storage or default}:{number}/vm-{number}-disk-{index}.raw{comma}{rest},size={size}G"


def network(text):
    parts = dict(part.split("=", 1) for part in text.split(","))
    parts.setdefault("hwaddr", "BC:24:11:" + ":".join(f"{random.randrange(256):02X}" for _ in range(3)))
    parts.setdefault("type", "veth")
    order = ["name"] + sorted(set(parts) - {"name"})
    return ",".join(f"{key}={parts[key]}" for key in order)


# --- verbs

def make_config(number, options):
    config = ct_config.Config()
    keys = config.main.keys
    config.main.description = options.pop("description", "")
    storage = options.pop("storage", "local")
    keys["arch"] = "amd64"
    options.setdefault("rootfs", "4")
    for index, key in enumerate(sorted(key for key in options if DISK.fullmatch(key)), 1):
        keys[key] = disk(number, 0 if key == "rootfs" else index, options.pop(key), storage)
    if options.pop("unprivileged", "1") == "1":
        keys["unprivileged"] = "1"
    for key, value in options.items():
        keys[key] = network(value) if re.fullmatch(r"net\d+", key) else value
    return config


def unpack(host, number, archive):
    target = rootfs(host, number)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    wait(host)
    found = subprocess.run(["tar", "xpf", archive, "--numeric-owner", "-C", target], capture_output=True, check=False)
    if found.returncode != 0:
        raise Failed(f"unable to create CT {number} - {found.stderr.decode(errors='replace').splitlines()[0]}")


def find_template(host, name):
    storage, found, template = name.partition(":vztmpl/")
    path = pathlib.Path(host.settings["template_path"]) / storage / template if found else pathlib.Path(name)
    if not path.is_file():
        raise Failed(f"volume '{name}' does not exist")
    return path


def create(host, number, words, options):
    """Its worker holds the lock all the time; what it writes at last it has in its memory from the beginning."""
    (template,) = words
    archive = find_template(host, template)
    config = make_config(number, options)
    create_and_lock(host, number)
    with host.locked(number):
        try:
            unpack(host, number, archive)
            config.main.keys["ostype"] = "debian"
            host.save(number, config)
            wait(host)
            for key, value in (("hostname", f"CT{number}"), ("memory", "512"), ("swap", "512")):
                config.main.keys.setdefault(key, value)
            host.save(number, config)
        except Failed:
            remove(host, number)
            raise


def update(host, number, change):
    with host.locked(number):
        config = host.load(number)
        if config.main.keys.get("lock") != "create":
            raise Failed("Lost 'create' config lock, aborting.")
        change(config.main.keys)
        host.save(number, config)


def copy_config(source, number, options):
    config = ct_config.Config(main=source.main)
    keys = config.main.keys
    for key in [key for key in keys if key in ("lock", "template", "parent") or key.startswith("unused")]:
        del keys[key]
    volumes = {key: keys.pop(key) for key in list(keys) if DISK.fullmatch(key)}
    for value in volumes.values():
        if value.startswith("/"):
            raise Failed("unable to clone mountpoint (type bind)")
    for key in [key for key in keys if re.fullmatch(r"net\d+", key)]:
        keys[key] = network(re.sub(r",hwaddr=[^,]*", "", keys[key]))
    keys["lock"] = "create"
    if "hostname" in options:
        keys["hostname"] = options["hostname"]
    config.main.description = options.get("description", config.main.description)
    return config, {key: re.sub(r"^[^:]*:[^,]*", lambda found, key=key: name_volume(found[0], number, key, options), value)
                    for key, value in volumes.items()}


def name_volume(volume, number, key, options):
    storage = options.get("storage", volume.partition(":")[0])
    return f"{storage}:{number}/vm-{number}-disk-{0 if key == 'rootfs' else key[2:]}.raw"


def copy_volumes(host, number, new, volumes):
    for key, value in volumes.items():
        wait(host)
        if key == "rootfs":
            shutil.rmtree(rootfs(host, new), ignore_errors=True)
            rootfs(host, new).parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", rootfs(host, number), rootfs(host, new)], check=False)
        update(host, new, lambda keys, key=key, value=value: keys.update({key: value}))
    wait(host)


def clone(host, number, words, options):
    """The lock of the new one is held for each write alone, and each begins with reading."""
    new = int(words[0])
    source = set_lock(host, number, "disk")
    try:
        create_and_lock(host, new)
        try:
            if host.is_running(number):
                raise Failed("Cannot do full clones on a running container without snapshots")
            config, volumes = copy_config(source, new, options)
            with host.locked(new):
                host.save(new, config)
            copy_volumes(host, number, new, volumes)
        except Failed:
            remove(host, new)
            raise
    finally:
        set_lock(host, number, None)
    set_lock(host, new, None)


def destroy(host, number, words, options):
    with host.locked(number):
        config = host.load(number)
        if is_true(config.main.keys.get("protection")):
            raise Failed(f"can't remove CT {number} - protection mode enabled")
        check_unlocked(config)
        if host.is_running(number):
            raise Failed(f"unable to destroy CT {number} - container is running")
        zombie = ct_config.Config()
        zombie.main.keys["lock"] = "destroyed"
        host.save(number, zombie)
        wait(host)
        remove(host, number)


def unlock(host, number, words, options):
    set_lock(host, number, None)


def resize(host, number, words, options):
    key, size = words
    with host.locked(number):
        config = host.load(number)
        check_unlocked(config)
        config.main.keys[key] = re.sub(r",size=[^,]*", f",size={size}", config.main.keys[key])
        host.save(number, config)


# Each with the type of its task; what is quick has none of a worker of its own.
VERBS = {
    "create": (create, "vzcreate"),
    "clone": (clone, "vzclone"),
    "destroy": (destroy, "vzdestroy"),
    "unlock": (unlock, None),
    "resize": (resize, "resize"),
}


def split(words):
    """ID, the words behind it, and options with a value each."""
    plain = [word for index, word in enumerate(words) if not word.startswith("--") and
             (index == 0 or not words[index - 1].startswith("--"))]
    options = {word[2:]: words[index + 1] for index, word in enumerate(words[:-1]) if word.startswith("--")}
    return int(plain[0]), plain[1:], options
