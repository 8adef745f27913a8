# SPDX-License-Identifier: GPL-2.0-or-later
"""Growth as a picture: lines over the number of containers, as SVG."""

from xml.sax.saxutils import escape

WIDTH, HEIGHT = 320, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 24, 34, 40
COLOURS = ("#1f5fa8", "#c4601d", "#3a7d44")


def nice(limit):
    """The next of 1, 2, 5, 10 ... above LIMIT."""
    step = 1.0
    while step < 1e9:
        for factor in (1, 2, 5):
            if step * factor >= limit:
                return step * factor
        step *= 10
    return limit


def panel(title, unit, lines, left):
    """LINES: [(name, [(x, y)])]."""
    points = [point for _, line in lines for point in line]
    x_limit, y_limit = max(x for x, _ in points), nice(max(y for _, y in points) or 1)

    def place(x, y):
        return (left + LEFT + x / x_limit * (WIDTH - LEFT - RIGHT),
                TOP + (1 - y / y_limit) * (HEIGHT - TOP - BOTTOM))

    out = [f'<text x="{left + LEFT}" y="18" font-weight="bold">{escape(title)}</text>']
    for part in range(5):
        _, y = place(0, y_limit * part / 4)
        out.append(f'<path d="M{left + LEFT} {y:.1f}H{left + WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(f'<text x="{left + LEFT - 4}" y="{y + 4:.1f}" text-anchor="end">{y_limit * part / 4:g}</text>')
    for part in range(3):
        x, y = place(x_limit * part / 2, 0)
        out.append(f'<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle">{x_limit * part / 2:g}</text>')
    out.append(f'<text x="{left + LEFT}" y="{HEIGHT - 6}">containers; {escape(unit)}</text>')
    for i, (name, line) in enumerate(lines):
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in (place(*point) for point in line))
        out.append(f'<path d="{path}" fill="none" stroke="{COLOURS[i]}" stroke-width="2"/>')
        for point in line:
            x, y = place(*point)
            out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[i]}"/>')
        out.append(f'<text x="{left + LEFT + 8}" y="{TOP + 12 + 14 * i}" fill="{COLOURS[i]}">{escape(name)}</text>')
    return "\n".join(out)


def draw(panels):
    """PANELS: [(title, unit, lines)], beside each other."""
    width = WIDTH * len(panels)
    body = "\n".join(panel(*parts, WIDTH * i) for i, parts in enumerate(panels))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" '
            f'viewBox="0 0 {width} {HEIGHT}" font-family="sans-serif" font-size="11">\n'
            # In pieces, so that reuse does not take it for this file's.
            '<!-- SPDX-License-' 'Identifier: GPL-2.0-or-later -->\n'
            f'<rect width="{width}" height="{HEIGHT}" fill="white"/>\n{body}\n</svg>\n')
