#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What phoenixctl answers with --json is what its published schema says: ctl-json.py PROGRAM SOURCE_ROOT

For every verb that needs no phoenixd, or can be shown a snapshot; and by its definition of the schema, with no key that is not in it.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)

program, root = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
pages = root / "tests/check/ctl/pages/snapshot.json"
schema = json.loads((root / "config/phoenixctl.schema.json").read_text())
jsonschema.Draft7Validator.check_schema(schema)
failures = []


def close(part):
    """What the test allows is what is written: nothing else."""
    if isinstance(part, dict):
        if "properties" in part:
            part["additionalProperties"] = False
        for value in part.values():
            close(value)
    elif isinstance(part, list):
        for value in part:
            close(value)


close(schema["definitions"])


def check(definition, status, *line):
    answer = subprocess.run([program, *line], capture_output=True, text=True, check=False)
    if answer.returncode != status:
        failures.append(f"{line}: exit status {answer.returncode}, expected {status}: {answer.stderr}")
        return
    only = {"definitions": schema["definitions"], "$ref": f"#/definitions/{definition}"}
    try:
        document = json.loads(answer.stdout)
    except ValueError as error:
        failures.append(f"{line}: no JSON: {error}: {answer.stdout[:80]!r}")
        return
    for error in jsonschema.Draft7Validator(only).iter_errors(document):
        failures.append(f"{line}: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")
    if not jsonschema.Draft7Validator(schema).is_valid(document):
        failures.append(f"{line}: is none of what the schema has")


frm = ("--from", str(pages))
check("snapshot", 2, "--json", "status", *frm)
check("part", 2, "status", "--json", "910", *frm)
check("part", 2, "--json", "status", "910", "lxc-web", *frm)
check("part", 0, "--json", "list", "profiles", *frm)
check("part", 0, "--json", "list", "containers", "--state=unconfined", *frm)
check("part", 2, "--json", "posture", *frm)
check("explanation", 0, "--json", "explain", "910", *frm)
check("explanation", 0, "--json", "explain", "104", "--from", str(pages.with_name("proxmox.json")))
check("plan", 2, "--json", "plan", *frm)
check("help", 0, "--json", "help")
check("help", 0, "--json", "help", "suspend")
check("help", 0, "--json", "suspend", "--help")
check("version", 0, "--json", "version")
check("version", 0, "--json", "--version")
check("validation", 1, "--json", "validate", str(root / "tests/check/ctl/validate"))
with tempfile.TemporaryDirectory() as work:
    file = pathlib.Path(work) / "configs.json"
    file.write_text('{ "lxc_configs": { "1": { "name": "é", "apparmor_profile": "unconfined" } } }\n')
    check("advice", 2, "--json", "advise", "--file", str(file))
    check("advice", 0, "--json", "advise", "--write", "--file", str(file))
    check("advice", 0, "--json", "advise", "--file", str(file))

# Quiet is quiet.
for line in (
    ("status",),
    ("status", "910"),
    ("list", "containers"),
    ("posture",),
    ("explain", "910"),
    ("plan",),
):
    answer = subprocess.run([program, "--quiet", *line, *frm], capture_output=True, text=True, check=False)
    if answer.stdout or answer.stderr or answer.returncode not in (0, 2):
        failures.append(f"--quiet {line}: {answer.returncode}: {answer.stdout!r} {answer.stderr!r}")

for failure in failures:
    print(failure)
sys.exit(1 if failures else 0)
