#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/package/sbom has every file of the sources once, with its checksum and licence, in SPDX's form, and makes the
same bytes in any language and time zone: sbom.py SOURCE_ROOT [DOCUMENT]

DOCUMENT is judged instead of what the program makes."""

import hashlib
import os
import re
import shutil
import subprocess
import sys

HEAD = [
    r"SPDXVersion: SPDX-2\.1",
    r"DataLicense: CC0-1\.0",
    r"SPDXID: SPDXRef-DOCUMENT",
    r"DocumentName: phoenixd-[0-9.]+",
    r"DocumentNamespace: urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    r"Creator: Organization: [^(]+ \([^ ]+@[^ ]+\)",
    r"Creator: Tool: reuse-[0-9.]+",
    r"Created: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    r"CreatorComment: <text>.*</text>",
]
FILE = [
    r"FileName: \./(?P<name>.+)",
    r"SPDXID: (?P<id>SPDXRef-[0-9a-f]+)",
    r"FileChecksum: SHA1: (?P<sum>[0-9a-f]{40})",
    r"LicenseConcluded: NOASSERTION",
    r"LicenseInfoInFile: GPL-2\.0-or-later",
    r"FileCopyrightText: <text>(?s:.+)</text>",
]


def make(root, **environment):
    done = subprocess.run(
        [os.path.join(root, "tests/package/sbom")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )
    if done.returncode != 0 or "ERROR" in done.stderr:
        sys.exit(f"tests/package/sbom: {done.stderr}")
    return done.stdout


def sources(root):
    """Those that are licences or documents of this kind have none, and empty ones need none."""
    if os.path.exists(os.path.join(root, ".git")):
        names = subprocess.run(["git", "-C", root, "ls-files", "-z"], check=True, capture_output=True, text=True)
        names = names.stdout.split("\0")[:-1]
    else:
        names = [
            os.path.relpath(os.path.join(place, name), root)
            for place, _, files in os.walk(root)
            for name in files
            if not re.match(r"\./build", "./" + os.path.relpath(place, root))
        ]
    return {
        name
        for name in names
        if not re.match(r"(LICENSE$|LICENSES/|\.reuse/|.*\.spdx$)", name) and os.path.getsize(os.path.join(root, name)) > 0
    }


def match(lines, patterns):
    text, pattern = "\n".join(lines), "\n".join(patterns)
    found = re.fullmatch(pattern, text)
    if not found:
        sys.exit(f"expected {pattern}\nfound {text}")
    return found


def judge(root, document):
    head, *blocks = document.rstrip("\n").split("\n\n")
    head = head.splitlines()
    match(head[: len(HEAD)], HEAD)
    described = [match([line], [r"Relationship: SPDXRef-DOCUMENT describes (\S+)"])[1] for line in head[len(HEAD) :]]
    files = [match(block.splitlines(), FILE) for block in blocks]
    names = [found["name"] for found in files]
    if sorted(described) != sorted(found["id"] for found in files) or len(set(described)) != len(described):
        sys.exit("not every file is described once")
    for name in sorted(sources(root) ^ set(names)):
        sys.exit(f"{name}: is only in the {'document' if name in names else 'sources'}")
    for found in files:
        with open(os.path.join(root, found["name"]), "rb") as file:
            if hashlib.sha1(file.read()).hexdigest() != found["sum"]:
                sys.exit(f"{found['name']}: has another checksum")


def main(root, document=None):
    if document:
        with open(document, encoding="utf-8") as file:
            return judge(root, file.read())
    if not shutil.which("reuse"):
        print("there is no reuse here")
        sys.exit(77)
    document = make(root, TZ="Pacific/Kiritimati", LC_ALL="C")
    judge(root, document)
    if document != make(root, TZ="UTC", LC_ALL="C.UTF-8"):
        sys.exit("a second document has other bytes")
    return None


if __name__ == "__main__":
    main(*sys.argv[1:])
