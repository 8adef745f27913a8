# SPDX-License-Identifier: GPL-2.0-or-later
"""A container's file as Proxmox reads it, writes it back, and makes LXC's config of it.

Written from measurements: what is read of which line, in which order it is written, what the config has for which key.
Text is Latin-1 throughout, so that each byte comes back as it was.
"""

import dataclasses
import re

PENDING = re.compile(r"\[pve:pending\]\s*$", re.I)
SNAPSHOT = re.compile(r"\[([a-z][a-z0-9_\-]+)\]\s*$", re.I)
# From the first column, in small letters; a blank may stand before "=", not before ":".
LXC_LINE = re.compile(r"(lxc\.[a-z0-9_\-.]+)(?::|\s*=)\s*(.*?)\s*$", re.S)
DESCRIPTION = re.compile(r"description:\s*(.*\S)\s*$", re.S)
KEY_LINE = re.compile(r"([a-z][a-z_]*\d*):\s*(.+?)\s*$", re.S)

BOOLEANS = {"console", "debug", "onboot", "protection", "template", "unprivileged"}
YES, NO = {"1", "on", "yes", "true"}, {"0", "off", "no", "false"}

DISTRIBUTIONS = {"alpine", "archlinux", "centos", "debian", "devuan", "fedora", "gentoo", "nixos", "opensuse", "ubuntu"}

LXC_KEYS = set("""
apparmor.allow_incomplete apparmor.allow_nesting apparmor.profile apparmor.raw arch autodev cap.drop cap.keep console.logfile
console.path environment environment.hooks environment.runtime group hook.autodev hook.clone hook.destroy hook.mount
hook.post-stop hook.pre-mount hook.pre-start hook.start hook.stop hook.version idmap include init.cmd init.cwd log.file
log.level mount.auto mount.entry mount.fstab pty.max rootfs.mount seccomp.notify.cookie seccomp.notify.proxy seccomp.profile
selinux.context signal.halt signal.reboot signal.stop start.auto start.delay start.order sysctl.fs.mqueue
sysctl.kernel.msgmax sysctl.kernel.msgmnb sysctl.kernel.msgmni sysctl.kernel.sem sysctl.kernel.shm_rmid_forced
sysctl.kernel.shmall sysctl.kernel.shmmax sysctl.kernel.shmmni tty.max uts.name
""".split())
# Of LXC 2, and still taken under these names.
OLD_LXC_KEYS = set("""
aa_profile aa_allow_incomplete console devttydir devtty.dir haltsignal id_map init_cmd kmsg logfile loglevel mount
network.flags network.hwaddr network.ipv4 network.ipv4.gateway network.ipv6 network.ipv6.gateway network.link network.mtu
network.name network.script.down network.script.up network.type pts rebootsignal se_context seccomp stopsignal tty utsname
""".split())
LXC_PREFIXES = ("cgroup.", "cgroup2.", "limit.", "net.", "prlimit.")


class Unusable(Exception):
    """Proxmox would make no config of this file."""


@dataclasses.dataclass
class Section:
    description: str = ""
    keys: dict = dataclasses.field(default_factory=dict)
    lxc: list = dataclasses.field(default_factory=list)
    # lxc.environment.runtime, which is written before the other lines.
    environment: list = dataclasses.field(default_factory=list)

    def is_empty(self):
        return not (self.description or self.keys or self.lxc or self.environment)

    def is_explicit(self, key):
        return any(name == key for name, _ in self.lxc)


@dataclasses.dataclass
class Config:
    main: Section = dataclasses.field(default_factory=Section)
    pending: Section = dataclasses.field(default_factory=Section)
    snapshots: dict = dataclasses.field(default_factory=dict)
    # The lines that nothing is read of, and that are gone when it is written.
    dropped: list = dataclasses.field(default_factory=list)


# --- reading

def decode(text):
    return re.sub("%([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text)


def is_lxc_key(key):
    name = key.removeprefix("lxc.")
    return name in LXC_KEYS or name in OLD_LXC_KEYS or name.startswith(LXC_PREFIXES)


def normal_value(key, value):
    if key in BOOLEANS and value.lower() in YES | NO:
        return "1" if value.lower() in YES else "0"
    return value


def read_line(section, line):
    """False if nothing is read of it."""
    if line.startswith("#"):
        section.description += decode(line[1:].removesuffix("\r")) + "\n"
    elif found := LXC_LINE.match(line):
        key, value = found.groups()
        if not is_lxc_key(key):
            return False
        if key == "lxc.environment.runtime":
            section.environment.append(value)
        else:
            section.lxc.append((key, value))
    elif found := DESCRIPTION.match(line):
        section.description += decode(found[1])
    elif found := KEY_LINE.match(line):
        section.keys[found[1]] = normal_value(*found.groups())
    else:
        return False
    return True


def parse(data):
    config = Config()
    section = config.main
    for line in data.decode("latin-1").split("\n"):
        if not line.strip():
            continue
        if PENDING.match(line):
            section = config.pending = Section()
        elif found := SNAPSHOT.match(line):
            section = config.snapshots[found[1]] = Section()
        elif not read_line(section, line):
            config.dropped.append(line)
    return config


# --- writing

def encode(text):
    return re.sub("[\0-\x1f%:\x7f-\xff]", lambda found: f"%{ord(found[0]):02X}", text)


def is_in_use(section, key, value):
    """A disk that is listed as unused, and mounted all the same."""
    if not key.startswith("unused"):
        return False
    mounts = [mount for name, mount in section.keys.items() if name == "rootfs" or re.fullmatch(r"mp\d+", name)]
    return any(mount.split(",")[0] == value for mount in mounts)


def render_section(section):
    description = section.description.rstrip("\n")
    lines = [f"#{encode(line)}" for line in description.split("\n")] if description else []
    lines += [f"{key}: {value}" for key, value in sorted(section.keys.items()) if not is_in_use(section, key, value)]
    lines += [f"lxc.environment.runtime: {value}" for value in section.environment]
    lines += [f"{key}: {value}" for key, value in section.lxc]
    return "".join(f"{line}\n" for line in lines)


def render(config):
    text = render_section(config.main)
    if not config.pending.is_empty():
        text += "\n[pve:pending]\n" + render_section(config.pending)
    for name, section in sorted(config.snapshots.items()):
        text += f"\n[{name}]\n" + render_section(section)
    return text.encode("latin-1")


def apply_pending(config):
    """At a start or a stop. A list of lxc lines there takes the place of all those of the main section, and so do those
    of the runtime, which are a list of their own."""
    main, pending = config.main, config.pending
    for word in re.split(r"[,;\s]+", pending.keys.get("delete", "")):
        key = word.removeprefix("!")
        main.keys.pop(key, None)
        if key == "lxc":
            main.lxc = []
        if key == "env":
            main.environment = []
    main.keys.update({key: value for key, value in pending.keys.items() if key != "delete"})
    if pending.lxc:
        main.lxc = list(pending.lxc)
    if pending.environment:
        main.environment = list(pending.environment)
    config.pending = Section()


# --- LXC's config

def options(text):
    return dict(part.partition("=")[::2] for part in text.split(",") if part)


def features(section):
    found = options(section.keys.get("features", ""))
    for key, value in found.items():
        if key != "mount" and value.lower() not in YES | NO:
            raise Unusable(f"features: {key}: '{value}' is no boolean")
    return {key: value if key == "mount" else value.lower() in YES for key, value in found.items()}


def apparmor_lines(section, feature, version):
    lines = []
    if not section.is_explicit("lxc.apparmor.profile"):
        lines.append("lxc.apparmor.profile = generated")
        if version >= 9:
            lines.append("lxc.apparmor.raw = allow mqueue,")
        if feature.get("nesting"):
            lines.append("lxc.apparmor.allow_nesting = 1")
            lines += ["lxc.apparmor.raw = allow userns,"] if version >= 9 else []
        else:
            lines += [f"lxc.apparmor.raw = deny mount -> {place}," for place in ("/proc/", "/sys/")]
        lines += [f"lxc.apparmor.raw = mount fstype={kind}," for kind in feature.get("mount", "").split(";") if kind]
    if feature.get("fuse"):
        lines += ["lxc.apparmor.raw = mount fstype=fuse,", "lxc.mount.entry = /dev/fuse dev/fuse none bind,create=file 0 0"]
    return lines


def seccomp_lines(section, feature, number, base):
    if section.is_explicit("lxc.seccomp.profile"):
        return []
    notify = ["lxc.seccomp.notify.proxy = unix:/run/pve-lxc-syscalld/socket", f"lxc.seccomp.notify.cookie = {number}"]
    return (notify if feature.get("mknod") else []) + [f"lxc.seccomp.profile = {base}/{number}/rules.seccomp"]


def device_lines(section, device_number):
    lines = []
    for key in sorted((key for key in section.keys if re.fullmatch(r"dev\d+", key)), key=lambda key: int(key[3:])):
        first, _, rest = section.keys[key].partition(",")
        numbers = device_number(first.removeprefix("path="))
        is_read_only = options(rest).get("deny-write") in YES
        lines.append(f"lxc.cgroup2.devices.allow = c {numbers} {'r' if is_read_only else 'rw'}")
        lines += [f"lxc.cgroup2.devices.deny = c {numbers} w"] if is_read_only else []
    return lines


def memory_lines(section):
    memory, swap = (int(section.keys.get(key, "512")) << 20 for key in ("memory", "swap"))
    return [f"lxc.cgroup2.memory.max = {memory}", f"lxc.cgroup2.memory.high = {memory // 128 * 127}",
            f"lxc.cgroup2.memory.swap.max = {swap}"]


def network_lines(section, number):
    lines = []
    for key, value in sorted(section.keys.items()):
        if not re.fullmatch(r"net\d+", key):
            continue
        index, net = key[3:], options(value)
        lines += [f"lxc.net.{index}.{name} = {text}" for name, text in (
            ("type", net["type"]), ("veth.pair", f"veth{number}i{index}"), ("hwaddr", net["hwaddr"]), ("name", net["name"]),
            ("mtu", net.get("mtu", "1500")), ("script.up", "/usr/share/lxc/lxcnetaddbr"))]
    return lines


def generate(config, number, device_number, version=9, base="/var/lib/lxc"):
    """The bytes of BASE/NUMBER/config, without the line of random processors at its end."""
    section = config.main
    keys, feature = section.keys, features(section)
    is_mapped = section.is_explicit("lxc.idmap")
    is_unprivileged = keys.get("unprivileged") == "1" or is_mapped
    prefix = f"{keys['ostype']}." if keys.get("ostype") in DISTRIBUTIONS else ""
    lines = ["lxc.cgroup.relative = 0", f"lxc.cgroup.dir.monitor = lxc.monitor/{number}",
             f"lxc.cgroup.dir.container = lxc/{number}", "lxc.cgroup.dir.container.inner = ns",
             f"lxc.arch = {keys.get('arch', 'amd64')}"]
    lines += [f"lxc.include = /usr/share/lxc/config/{prefix}{name}.conf"
              for name in ["common"] + (["userns"] if is_unprivileged else [])]
    lines += seccomp_lines(section, feature, number, base) if is_unprivileged else []
    lines += apparmor_lines(section, feature, version)
    lines += ["lxc.mount.auto = sys:mixed"] if is_unprivileged and not feature.get("force_rw_sys") else []
    lines += ["lxc.mount.entry = shm dev/shm tmpfs rw,nosuid,nodev,create=dir 0 0"] if "entrypoint" in keys else []
    lines += device_lines(section, device_number)
    lines += ["lxc.monitor.unshare = 1"]
    lines += [f"lxc.idmap = {kind} 0 100000 65536" for kind in "ug"] if is_unprivileged and not is_mapped else []
    lines += ["lxc.console.path = none"] if keys.get("console") == "0" else []
    lines += [f"lxc.tty.max = {keys.get('tty', '2')}", "lxc.environment = TERM=linux",
              f"lxc.uts.name = {keys.get('hostname', f'CT{number}')}"]
    lines += memory_lines(section)
    lines += [f"lxc.rootfs.path = {base}/{number}/rootfs"]
    lines += [f"lxc.init.cmd = {keys['entrypoint']}"] if "entrypoint" in keys else []
    lines += network_lines(section, number)
    lines += [f"lxc.environment.runtime = {value}" for value in section.environment]
    lines += [f"{key} = {value}" for key, value in section.lxc]
    return "".join(f"{line}\n" for line in lines).encode("latin-1")
