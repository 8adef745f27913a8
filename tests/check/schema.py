#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The JSON Schemas against what the parsers take: schema.py SOURCE_ROOT SHIPPED_SETTINGS

good-*.json, the example and the shipped settings pass the schema, the latter with its defaults; bad-*.json fail it (or are no
JSON); beyond-*.json pass it, since what is wrong with them is beyond a schema.
"""

import json
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)

root, shipped = (pathlib.Path(argument) for argument in sys.argv[1:3])
failures = []


def validator(name):
    schema = json.loads((root / "config" / name).read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def is_valid(schema, path):
    try:
        return schema.is_valid(json.loads(path.read_bytes().decode("utf-8")))
    except ValueError:
        return False


def expect_defaults(schema, path):
    settings = json.loads(path.read_bytes())
    for key, rules in schema.schema["properties"].items():
        if key not in settings:
            failures.append(f"{path}: {key} is missing")
        elif settings[key] != rules.get("default", settings[key]):
            failures.append(f"{path}: {key} is not the schema's default")


def expect(schema, path, valid):
    if is_valid(schema, path) != valid:
        failures.append(f"{path}: the schema {'refuses' if valid else 'accepts'} it")


for kind, name, others in (
    ("settings", "phoenixd.schema.json", [shipped]),
    (
        "configuration",
        "phoenix_lxc_configs.schema.json",
        [root / "config/phoenix_lxc_configs.example.json"],
    ),
):
    schema = validator(name)
    for path in others:
        expect(schema, path, True)
    if kind == "settings":
        expect_defaults(schema, shipped)
    fixtures = sorted((root / "tests/unit/fixtures" / kind).glob("*.json"))
    if not fixtures:
        failures.append(f"{kind}: no fixtures")
    for path in fixtures:
        expect(schema, path, not path.name.startswith("bad-"))

print("\n".join(failures))
sys.exit(1 if failures else 0)
