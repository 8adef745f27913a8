#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ct_config.py against what Proxmox itself made of sample configs: samples.py, with PHOENIXD_SAMPLES/pve. Prints TAP.

NNNN.conf is read, written back (NNNN.rewritten, also when that is read), and made LXC's config (NNNN.lxc); NNNN.parsed.json has
what Proxmox read.
"""

import difflib
import json
import os
import pathlib
import sys

import ct_config

# That of the host on which the samples were made.
DEVICES = {"/dev/net/tun": "10:200", "/dev/full": "1:7", "/dev/kvm": "10:232"}


def differences(found, expected):
    found, expected = (data.decode("latin-1").splitlines(keepends=True) for data in (found, expected))
    return [repr(line) for line in difflib.unified_diff(expected, found, "expected", "found", n=0)]


def section_of(read):
    """As parsed.json has it. Bytes that are no UTF-8 stand there as Latin-1."""
    def text(value):
        try:
            return value.encode("latin-1").decode()
        except UnicodeDecodeError:
            return value
    keys = {key: text(value) for key, value in read.keys.items()}
    return {"keys": keys, "lxc": [[key, text(value)] for key, value in read.lxc], "environment": list(map(text, read.environment))}


def parsed_differences(config, expected):
    found = []
    pairs = [("main", config.main, expected["main"]), ("pending", config.pending, expected["pending"])]
    pairs += [(name, config.snapshots.get(name, ct_config.Section()), section) for name, section in expected["snapshots"].items()]
    for name, read, section in pairs:
        want = {key: section.get(key, []) for key in ("keys", "lxc", "environment")}
        if section_of(read) != want:
            found.append(f"{name}: expected {want}, found {section_of(read)}")
    if set(config.snapshots) != set(expected["snapshots"]):
        found.append(f"snapshots: {sorted(config.snapshots)}")
    return found


def sample_differences(conf):
    config = ct_config.parse(conf.read_bytes())
    rewritten = ct_config.render(config)
    found = parsed_differences(config, json.loads(conf.with_suffix(".parsed.json").read_bytes()))
    found += differences(rewritten, conf.with_suffix(".rewritten").read_bytes())
    found += differences(ct_config.render(ct_config.parse(rewritten)), rewritten)
    lxc = conf.with_suffix(".lxc")
    if lxc.exists():
        found += differences(ct_config.generate(config, int(conf.stem), DEVICES.get), lxc.read_bytes())
    return found


def main():
    directory = pathlib.Path(os.environ.get("PHOENIXD_SAMPLES", "/nonexistent")) / "pve"
    samples = sorted(directory.glob("*.conf"))
    if not samples:
        print("1..0 # SKIP PHOENIXD_SAMPLES names no samples of Proxmox")
        return 0
    failed = 0
    print(f"1..{len(samples)}")
    for number, conf in enumerate(samples, 1):
        found = sample_differences(conf)
        failed += bool(found)
        print(f"{'not ok' if found else 'ok'} {number} - {conf.name}")
        print("".join(f"# {line}\n" for line in found), end="")
    return 1 if failed else 0


sys.exit(main())
