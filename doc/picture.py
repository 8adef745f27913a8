#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws doc/picture.txt, whose head says what may stand in it, as SVG: picture.py SOURCE >SVG

picture.py SOURCE SVG compares instead: 1 and a text when SVG is not what SOURCE gives."""

import sys
from xml.sax.saxutils import escape

# Its own background, so that it can be read on any page; and dark where the reader prefers that.
STYLE = """
  .paper { fill: #fbfbf9; stroke: #d4d4cf }
  .plain { fill: #f0f0ec; stroke: #9a9a94 }
  .process { fill: #e3edf8; stroke: #3b6ea5 }
  .layer { fill: #eaf4e6; stroke: #4c8a3a }
  text { fill: #1c1c1a; font: 13px sans-serif }
  .title { font-size: 15px; font-weight: bold }
  .event { stroke: #55554f } .event-head { fill: #55554f }
  .reads { stroke: #3b6ea5; stroke-dasharray: 5 4 } .reads-head { fill: #3b6ea5 }
  .changes { stroke: #b3541e } .changes-head { fill: #b3541e }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #17191c; stroke: #3a3d42 }
    .plain { fill: #24272b; stroke: #777c84 }
    .process { fill: #1c2d40; stroke: #6ea3dc }
    .layer { fill: #1e3119; stroke: #7fc06a }
    text { fill: #e8e8e4 }
    .event { stroke: #b9bcc2 } .event-head { fill: #b9bcc2 }
    .reads { stroke: #6ea3dc } .reads-head { fill: #6ea3dc }
    .changes { stroke: #f0955c } .changes-head { fill: #f0955c }
  }
"""
KINDS = ("event", "reads", "changes")


def text(x, y, words, title=False, middle=False):
    kind = ' class="title"' if title else ""
    anchor = ' text-anchor="middle"' if middle else ""
    return f'<text x="{x}" y="{y}"{kind}{anchor}>{escape(words)}</text>'


def box(kind, x, y, width, height, lines):
    yield f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>'
    for i, line in enumerate(lines):
        if line != ".":
            yield text(x + 14, y + 24 + i * 20 + (4 if i else 0), line, title=i == 0)


def arrow(kind, x1, y1, x2, y2, words):
    yield (f'<line class="{kind}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke-width="1.8" '
           f'marker-end="url(#{kind})"/>')
    if words:
        yield text((x1 + x2) // 2, min(y1, y2) - 7, words, middle=True)


def parse(path):
    """Yields what stands in the source as (line number, words, indented lines)."""
    items = []
    with open(path, encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            if line.startswith("  ") and items:
                items[-1][2].append(line[2:])
            else:
                items.append((number, line.split(), []))
    return items


def draw(path):
    size, parts = None, []
    for number, words, lines in parse(path):
        try:
            if words[0] == "size":
                size = (int(words[1]), int(words[2]))
            elif words[0] == "box":
                parts += box(words[1], *map(int, words[2:6]), lines)
            elif words[0] == "arrow" and words[1] in KINDS:
                parts += arrow(words[1], *map(int, words[2:6]), " ".join(words[6:]))
            elif words[0] == "note":
                parts.append(text(int(words[1]), int(words[2]), " ".join(words[3:])))
            else:
                raise ValueError("expected size, box, arrow or note")
        except (ValueError, IndexError) as error:
            sys.exit(f"{path}:{number}: {error}")
    if not size:
        sys.exit(f"{path}: no size")
    heads = [f'<marker id="{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
             f'markerHeight="6" orient="auto"><path class="{kind}-head" d="M0 0L8 4L0 8z"/></marker>'
             for kind in KINDS]
    return "\n".join([
        # In pieces, so that reuse does not take it for this file's.
        "<!-- SPDX-License-" "Identifier: GPL-2.0-or-later -->",
        "<!-- Made by doc/picture.py of doc/picture.txt. -->",
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" '
        f'width="{size[0]}" height="{size[1]}" role="img">',
        "<title>phoenixd: two processes manage five layers</title>",
        f"<style>{STYLE}</style>",
        "<defs>" + "".join(heads) + "</defs>",
        f'<rect class="paper" x="1" y="1" width="{size[0] - 2}" height="{size[1] - 2}" rx="12"/>',
        *parts,
        "</svg>",
    ]) + "\n"


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    drawn = draw(sys.argv[1])
    if len(sys.argv) == 2:
        sys.stdout.write(drawn)
        return
    with open(sys.argv[2], encoding="utf-8") as there:
        if there.read() != drawn:
            sys.exit(f"{sys.argv[2]}: is not what {sys.argv[1]} gives: run "
                     f"doc/picture.py {sys.argv[1]} >{sys.argv[2]}")


main()
