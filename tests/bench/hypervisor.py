# SPDX-License-Identifier: GPL-2.0-or-later
"""A made-up hypervisor: directories that a private mount namespace shows in the places of the real
ones, with containers, profiles and a configuration; and the changes that an operator makes there.

All of it is below one directory, on whatever disk that is, except what is no disk on a real host
either: /run, /sys. Nothing outside of the namespace is changed, but one control group is made in
which CPU time is counted."""

import json
import os
import re
import shutil
import subprocess

RUN = "/run/phoenixd-bench"
SECURITYFS = "/sys/kernel/security"
APPARMORFS = SECURITYFS + "/apparmor"
FEATURES = "/usr/share/apparmor-features/features"
CONFIGURATION = "/etc/phoenixd/phoenix_lxc_configs.json"
PROFILES = "/etc/phoenixd/apparmor.d"
DEPLOYED = "/etc/apparmor.d"
LXC = "/var/lib/lxc"
HOOKS = "/usr/share/lxc/config/common.conf.d"
SHIPPED = ("lxc-baseline", "lxc-gpu-docker-storage", "lxc-nesting-v1", "lxc-phoenix-v2")
# Of the real /etc, what the programs need.
ETC = (
    "alternatives", "apparmor", "apparmor.d", "dbus-1", "group", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "localtime", "lxc", "nsswitch.conf", "passwd",
)
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="org.phoenixd1"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""
SMALL = """profile NAME {
  file,
  network inet,
  deny /bench/RULE/** w,
}
"""
CONFIG = """# Container of tests/bench.
lxc.include = /usr/share/lxc/config/common.conf

lxc.arch = linux64
lxc.rootfs.path = dir:/var/lib/lxc/NAME/rootfs
lxc.uts.name = NAME
lxc.net.0.type = veth
lxc.net.0.link = lxcbr0
lxc.net.0.flags = up
lxc.net.0.hwaddr = 00:16:3e:HARDWARE
lxc.cgroup2.memory.max = 512M
lxc.cgroup2.cpu.max = 200000 100000
lxc.mount.entry = /srv/NAME srv none bind,optional,create=dir 0 0
lxc.start.auto = 1
lxc.start.order = 3
lxc.start.delay = 10
lxc.apparmor.profile = PROFILE
"""
# One of a real configuration has about 1.4 KB in such lines.
LONG = {
    "start_at_boot": True, "boot_order": 3, "boot_delay": 10, "storage_pool": "quickOS-lxc-disks",
    "template": "/fastData/shared-iso/template/cache/ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
    "storage_size_gb": 32, "gpu_assignment": "none", "portainer_role": "none", "unprivileged": True,
    "template_snapshot_name": "pre-configured", "clone_from_ctid": "900",
    "network_config": {"name": "eth0", "bridge": "vmbr0", "ip": "10.0.0.200/24", "gw": "10.0.0.1"},
    "application_script": "phoenix_hypervisor_lxc_web.sh",
    "volumes": [{"name": "data", "path": "/srv/data"}, {"name": "logs", "path": "/var/log/web"}],
    "ports": ["8080:80", "8443:443"],
}


def write(path, text):
    """As an editor saves: a new file, renamed."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = os.path.join(os.path.dirname(path), "." + os.path.basename(path) + ".new")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(temporary, 0o644)
    os.rename(temporary, path)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def make_features(text, directory):
    """The flat form of AppArmor's features, NAME {VALUE or more of these}, as the kernel's tree."""
    at = 0
    stack = [directory]
    while at < len(text):
        found = re.compile(r"\s*([^\s{}]+) \{").match(text, at)
        close = re.compile(r"\s*\}").match(text, at)
        if found:
            path = os.path.join(stack[-1], found[1])
            inner = re.compile(r"([^{}]*)\}").match(text, found.end())
            if inner:
                write(path, inner[1].rstrip("\n") + "\n")
                at = inner.end()
            else:
                os.makedirs(path)
                stack.append(path)
                at = found.end()
        elif close:
            stack.pop()
            at = close.end()
        else:
            break


class Hypervisor:
    """DIRECTORY is empty, on a disk; SOURCE is the source tree."""

    def __init__(self, directory, source):
        self.directory = directory
        self.source = source
        self.names = []      # of profiles
        self.assigned = {}   # container: profile, as the configuration says
        self.rules = {}      # profile: its own rule
        self.before = {}     # the same, before its last change
        self.changes = 0
        self.kind = "realistic"
        self.long = False
        self.mounts = []
        self.layout = None   # the text of each shipped profile

    # --- its place ---

    def bind(self, name, path):
        own = os.path.join(self.directory, name)
        os.makedirs(own, exist_ok=True)
        subprocess.run(["mount", "--bind", own, path], check=True)
        self.mounts.append(path)

    def tmpfs(self, path):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "bench", path], check=True)
        self.mounts.append(path)

    def mount(self):
        """In a mount namespace whose mounts are private."""
        etc = os.path.join(self.directory, "etc")
        os.makedirs(etc)
        for name in ETC:
            if os.path.lexists("/etc/" + name):
                subprocess.run(["cp", "-a", "/etc/" + name, etc], check=True)
        with open(os.path.join(etc, "passwd"), "a", encoding="utf-8") as file:
            file.write("phoenixd-compiler:x:64999:64999::/:/usr/sbin/nologin\n")
        self.bind("etc", "/etc")
        for name in ("lib/lxc", "lib/phoenixd", "cache", "cgroup"):
            os.makedirs(os.path.join(self.directory, name), exist_ok=True)
        self.bind("lib", "/var/lib")
        self.bind("cache", "/var/cache")
        if os.path.isdir(HOOKS):
            self.bind("hooks", HOOKS)
            hooks = read(os.path.join(self.source, "config/lxc/phoenixd-gate.conf.in"))
            shutil.copy("/bin/true", HOOKS + "/phoenixd-gate")
            write(HOOKS + "/phoenixd-gate.conf", hooks.replace("@GATE@", HOOKS + "/phoenixd-gate"))
        self.keep_cgroups()
        for path in ("/run", SECURITYFS, "/sys/module", "/sys/fs/cgroup"):
            self.tmpfs(path)
        for name in ("system.slice/ssh.service", "user.slice", "init.scope"):
            os.makedirs("/sys/fs/cgroup/" + name)
        for name in ("", "system.slice/", "system.slice/ssh.service/", "user.slice/", "init.scope/"):
            write("/sys/fs/cgroup/" + name + "cgroup.procs", "")
        for name in ("dbus", "lock", "lxc", "phoenixd", "systemd/journal", "phoenixd-bench"):
            os.makedirs("/run/" + name)
        write("/sys/module/apparmor/parameters/enabled", "Y\n")
        write("/sys/module/apparmor/parameters/mode", "enforce\n")
        write(RUN + "/bus.conf", BUS)
        make_features(read(FEATURES), APPARMORFS + "/features")
        self.empty_kernel()

    def unmount(self):
        for path in reversed(self.mounts):
            subprocess.run(["umount", "--lazy", path], check=True)
        self.mounts = []

    def keep_cgroups(self):
        """Where CPU time is counted to the nanosecond: version 1 or 2; outside of what is shown."""
        self.cgroup_file = None
        for path, name in (("/sys/fs/cgroup/cpuacct", "cpuacct.usage"), ("/sys/fs/cgroup", "cpu.stat")):
            if os.path.exists(os.path.join(path, "cgroup.procs")) and os.path.exists(os.path.join(path, name)):
                subprocess.run(["mount", "--bind", path, os.path.join(self.directory, "cgroup")], check=True)
                self.mounts.append(os.path.join(self.directory, "cgroup"))
                self.cgroup_file = name
                return

    def empty_kernel(self):
        """As after a boot."""
        shutil.rmtree(APPARMORFS + "/policy", ignore_errors=True)
        shutil.rmtree(SECURITYFS + "/names", ignore_errors=True)
        os.makedirs(APPARMORFS + "/policy/profiles")
        os.makedirs(APPARMORFS + "/policy/namespaces")
        os.makedirs(SECURITYFS + "/names")
        os.mkfifo(APPARMORFS + "/policy/revision", 0o644)
        for name in (".replace", ".load", ".remove", ".access", "profiles"):
            write(APPARMORFS + "/" + name, "")

    # --- what is there ---

    def profile_text(self, name):
        rule = self.rules[name]
        if self.kind == "small":
            return SMALL.replace("NAME", name).replace("RULE", rule)
        shipped = SHIPPED[self.names.index(name) % len(SHIPPED)]
        text = self.layout[shipped].replace("profile " + shipped + " ", "profile " + name + " ")
        return text.replace("  include if exists", "  deny /bench/" + rule + "/** w,\n\n  include if exists")

    def save_profile(self, name):
        write(PROFILES + "/" + name, self.profile_text(name))

    def config_text(self, name, profile):
        number = int(name[1:])
        hardware = "%02x:%02x:%02x" % (number >> 16 & 255, number >> 8 & 255, number & 255)
        return (CONFIG.replace("NAME", name).replace("HARDWARE", hardware).replace("PROFILE", profile))

    def entry(self, name, profile):
        entry = {"name": "Web-" + name, "memory_mb": 2048, "cores": 2, "features": ["base_setup"],
                 "lxc_options": [], "apparmor_profile": profile}
        if self.long:
            entry.update(LONG)
        return entry

    def save_configuration(self):
        entries = (json.dumps(name) + ": " + json.dumps(self.entry(name, profile))
                   for name, profile in self.assigned.items())
        write(CONFIGURATION, '{ "lxc_configs": {\n' + ",\n".join(entries) + "\n} }\n")

    def make(self, containers, profiles, kind="realistic", assigned=True, long=False):
        """CONTAINERS, stopped, over PROFILES; ASSIGNED: their configs name their profiles already."""
        self.kind, self.long = kind, long
        shipped = os.path.join(self.source, "config/apparmor")
        self.layout = {name: read(os.path.join(shipped, name)) for name in SHIPPED}
        for name in ("abstractions", "tunables"):
            shutil.copytree(os.path.join(shipped, name), os.path.join(PROFILES, name), dirs_exist_ok=True)
        self.set_settings()
        self.names = ["lxc-bench-%d" % i for i in range(profiles)]
        self.rules = {name: "rule-%d-0" % i for i, name in enumerate(self.names)}
        for name in self.names:
            self.save_profile(name)
        for i in range(containers):
            name = "c%d" % i
            self.assigned[name] = self.names[i % profiles] if profiles else "unconfined"
            write(LXC + "/" + name + "/config",
                  self.config_text(name, self.assigned[name] if assigned else "unconfined"))
        self.save_configuration()

    def set_settings(self, **settings):
        settings = {"configuration": CONFIGURATION, "profile_dir": PROFILES, **settings}
        write("/etc/phoenixd/phoenixd.json", json.dumps(settings) + "\n")

    # --- what an operator does ---

    def change_profile(self, index=0):
        """A rule that was never there, also before an earlier change was taken back."""
        name = self.names[index]
        self.before[name] = self.rules[name]
        self.changes += 1
        stem, _, _ = self.rules[name].rpartition("-")
        self.rules[name] = stem + "-" + str(self.changes)
        self.save_profile(name)

    def restore_profile(self, index=0):
        """The text before the last change."""
        name = self.names[index]
        self.rules[name] = self.before[name]
        self.save_profile(name)

    def move(self, containers):
        """Each of CONTAINERS gets the next profile."""
        for name in containers:
            at = self.names.index(self.assigned[name])
            self.assigned[name] = self.names[(at + 1) % len(self.names)]
        self.save_configuration()
