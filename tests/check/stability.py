#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each name that phoenixd-stability(7) promises is still there: stability.py PHOENIXCTL PRINT_KEYS ROOT MAN_DIRECTORY PROMISES

PROMISES has one name a line, and comments. New names are printed and do not fail; PHX_UPDATE=1 adds
them. A released promise is taken out by hand, in a new major version."""

import json
import os
import re
import subprocess
import sys


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def bus(page):
    """As tests/check/bus.sh has compared the page with the code."""
    interface = ""
    for line in page.splitlines():
        if line.startswith("Interface"):
            interface = ""
        found = re.search(r"org\.phoenixd1\.(Manager|Profile|Container)", line)
        if found and not interface:
            interface = found[1]
        found = re.match(r'\.B "([A-Z].*)"$', line)
        if found:
            yield f"bus {interface} {found[1]}".replace("\\", "")
        found = re.match(r"\.B (org\.phoenixd1\.Error\.\w+)$", line)
        if found:
            yield f"bus error {found[1]}"


def json_keys(node, path):
    """Keys with their types and words, also in lists."""
    if "$ref" in node:
        yield f"json {path} is {node['$ref'].rsplit('/', 1)[1]}"
    for part in node.get("oneOf", []) + node.get("anyOf", []):
        yield from json_keys(part, path)
    if "items" in node:
        yield from json_keys(node["items"], path + "[]")
    for key, value in node.get("properties", {}).items():
        kind = value.get("type", "")
        kind = "|".join(sorted(kind)) if isinstance(kind, list) else kind
        yield f"json {path}.{key} {kind}".rstrip()
        for word in filter(None, value.get("enum", [])):
            yield f"word {path}.{key} {word}"
        yield from json_keys(value, f"{path}.{key}")


def help_of(phoenixctl):
    text = run(phoenixctl, "--help")
    verbs = re.search(r"^Verbs:\n(.*?)^Options:", text, re.M | re.S)[1]
    for verb in re.findall(r"^  ([a-z]+) ", verbs, re.M):
        yield f"verb {verb}"
        for option in re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", run(phoenixctl, verb, "--help"), re.M):
            yield f"option {verb} {option}"
    for option in re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", text, re.M):
        yield f"option {option}"


def exits(page, name):
    section = re.search(r"^\.Sh EXIT STATUS\n(.*?)^\.Sh", page, re.M | re.S)[1]
    for number in re.findall(r"^\.It (\d+)", section, re.M):
        yield f"exit {name} {number}"


def names(phoenixctl, print_keys, root, pages):
    daemon, schema = read(pages, "phoenixd.8"), json.loads(read(root, "config/phoenixctl.schema.json"))
    yield from bus(read(pages, "org.phoenixd1.5"))
    for name, value in schema["definitions"].items():
        yield from json_keys(value, name)
    yield from help_of(phoenixctl)
    yield from exits(daemon, "phoenixd")
    yield from exits(read(pages, "phoenixctl.1"), "phoenixctl")
    for number in re.findall(r'"([0-9a-f]{32})"', read(root, "daemon/shared/message-id.h")):
        yield f"message-id {number}"
    journal = re.search(r"^\.Sh JOURNAL\n(.*?)^\.El", daemon, re.M | re.S)[1]
    for line in re.findall(r"^\.It Li (.*)$", journal, re.M):
        for field in re.findall(r"[A-Z_]+", line):
            yield f"journal {field}"
    metrics, code = re.search(r"^\.Sh METRICS\n(.*?)^\.El", daemon, re.M | re.S)[1], read(root, "lib/codec/metrics.c")
    for name in re.findall(r"\bphoenixd_([a-z_]+(?:\{\w+\})?)", metrics):
        if f'"{name.split("{")[0]}"' in code:
            yield f"metric phoenixd_{name}"
    for kind in ("settings", "configuration", "rules"):
        for line in run(print_keys, kind).splitlines():
            yield f"{kind} {line.split(':')[0] if kind == 'rules' else line.split()[0]}"


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    found = sorted(set(names(*sys.argv[1:5])))
    for kind in ("bus Manager", "json", "verb", "option", "exit", "message-id", "journal", "metric",
                 "settings", "configuration", "rules"):
        if not any(name.startswith(kind) for name in found):
            sys.exit(f"nothing of the kind '{kind}' was found")
    lines = read(sys.argv[5]).splitlines()
    comments = [line for line in lines if line.startswith("#")]
    promised = [line for line in lines if line and not line.startswith("#")]
    missing = [name for name in promised if name not in found]
    added = [name for name in found if name not in promised]
    for name in added:
        print(f"new: {name}")
    for name in missing:
        print(f"promised, and gone: {name}: keep it; take out the line only if no version had it")
    if added and os.environ.get("PHX_UPDATE"):
        with open(sys.argv[5], "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in comments + sorted(promised + added))
    if missing:
        sys.exit(1)


main()
