"""Draws soak-real.tsv: a panel for each quantity, a line for each watcher."""

import csv
import sys
from pathlib import Path

WIDTH, PANEL, GAP, LEFT, TOP, STEP = 900, 150, 34, 90, 46, 3
COLORS = ("#1b6ca8", "#c8553d", "#3a7d44", "#7a5195")
PANELS = (("rss_kib", "resident memory, MiB", 1024), ("descriptors", "descriptors", 1),
          ("temporary_files", "temporary files", 1), ("wal_kib", "log of the database, MiB", 1024))


def line(points, color):
    """The highest of what falls into the same few pixels."""
    highest = {}
    for x, y in points:
        at = round(x / STEP) * STEP
        highest[at] = min(y, highest.get(at, y))
    path = " ".join(f"{x},{y:.0f}" for x, y in sorted(highest.items()))
    return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.2"/>'


def text(x, y, words, anchor="start", color="#333"):
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{color}">{words}</text>'


def panel(top, title, names, samples, scale):
    """`samples`: {watcher: [(seconds, value)]}."""
    end = max(seconds for one in samples.values() for seconds, _ in one) or 1
    most = max(value for one in samples.values() for _, value in one) / scale or 1
    right = WIDTH - 20
    out = [f'<rect x="{LEFT}" y="{top}" width="{right - LEFT}" height="{PANEL}" fill="#fafafa" '
           'stroke="#ccc"/>', text(LEFT, top - 6, title), text(LEFT - 6, top + PANEL, "0", "end"),
           text(LEFT - 6, top + 12, f"{most:.3g}", "end")]
    for name in names:
        points = [(LEFT + (right - LEFT) * seconds / end,
                   top + PANEL - (PANEL - 8) * value / scale / most) for seconds, value in
                  samples[name]]
        out.append(line(points, COLORS[names.index(name) % len(COLORS)]))
    return out, end


def draw(path, columns, rows):
    names = list(dict.fromkeys(row[0] for row in rows))
    height = TOP + len(PANELS) * (PANEL + GAP) + 10
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
           'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="#fff"/>']
    for i, name in enumerate(names):
        out.append(text(LEFT + i * 190, 18, name, color=COLORS[i % len(COLORS)]))
    top = TOP
    for column, title, scale in PANELS:
        at = columns.index(column)
        samples = {name: [(float(row[2]), float(row[at])) for row in rows if row[0] == name]
                   for name in names}
        drawn, end = panel(top, title, names, samples, scale)
        out += drawn
        top += PANEL + GAP
    out += [text(WIDTH - 20, top - GAP + 16, f"{end / 60:.0f} minutes", "end"), "</svg>"]
    path.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    with open(sys.argv[1], newline="") as tsv:
        found = list(csv.reader(tsv, delimiter="\t"))
    draw(Path(sys.argv[2]), found[0], found[1:])
