"""Draw the rooms of the package and the imports between them, as book/_static/layout.svg.

    python tools/layout_picture.py

Rooms and arrows are read from the code; `tests/test_layout.py` holds the picture to it.
"""

import ast
import sys
from collections import Counter
from html import escape
from pathlib import Path

from txtray_utils.code import PACKAGES

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "book" / "_static" / "layout.svg"
WIDE, TALL = 170, 56  # of a room
BESIDE = PACKAGES[1:]  # packages beside the rooms
PLACES = {  # room: middle of its box
    "ground": (120, 330),
    "read": (320, 330),
    "studies": (520, 330),
    "align": (520, 190),
    "write": (320, 60),
    "judge": (520, 60),
    "show": (720, 190),
    "virtual_hospital": (420, 440),
    "public_films": (620, 440),
}
SAYS = {
    "ground": "settings, vocabulary, keep ...",
    "read": "a file in, plain values out",
    "studies": "the one table and its sources",
    "align": "encoders, objectives, one loop",
    "write": "reports",
    "judge": "scores with intervals",
    "show": "figures and pages",
    "virtual_hospital": "simulated films and records",
    "public_films": "collections of real films",
}


def room_of(module: str) -> str:
    """Return the room of a module: a folder, a package beside it, or the ground."""
    package, *inner = module.split(".")
    if package in BESIDE:
        return package
    return inner[0] if inner and inner[0] in PLACES else "ground"


def arrows() -> Counter:
    """Return how many imports run from one room to another."""
    found: Counter = Counter()
    for path in sorted((ROOT / "src").rglob("*.py")):
        here = room_of(".".join(path.relative_to(ROOT / "src").with_suffix("").parts))
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            if node.module.split(".")[0] not in PACKAGES:
                continue
            there = room_of(node.module)
            if there not in (here, "ground"):
                found[here, there] += 1
    return found


def picture() -> str:
    """Return the picture as SVG."""
    lines = []
    for (here, there), count in sorted(arrows().items()):
        lines.append(_arrow(PLACES[here], PLACES[there], count))
    boxes = [_box(room, *place) for room, place in PLACES.items()]
    title = "Rooms of the package; an arrow runs from a room to one that it imports from"
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 830 490" role="img">'
    head += f"<title>{title}</title>"
    style = (
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 10 5 0 10z" fill="#0072B2"/></marker></defs>'
        '<rect width="830" height="490" fill="white"/><g font-family="sans-serif">'
    )
    return "\n".join([head, style, *lines, *boxes, "</g></svg>", ""])


def _box(room: str, x: int, y: int) -> str:
    left, top = x - WIDE / 2, y - TALL / 2
    return (
        f'<rect x="{left}" y="{top}" width="{WIDE}" height="{TALL}" rx="6" fill="#F5F5F5" '
        f'stroke="#333"/><text x="{x}" y="{y - 5}" text-anchor="middle" font-size="15" '
        f'font-weight="bold">{room}</text><text x="{x}" y="{y + 14}" text-anchor="middle" '
        f'font-size="9.5">{escape(SAYS[room])}</text>'
    )


def _arrow(start: tuple[int, int], end: tuple[int, int], count: int) -> str:
    """Return a line from the edge of one box to that of another, wider for more imports."""
    first, last = _edge(start, end), _edge(end, start)
    return (
        f'<line x1="{first[0]:.0f}" y1="{first[1]:.0f}" x2="{last[0]:.0f}" y2="{last[1]:.0f}" '
        f'stroke="#0072B2" stroke-width="{1 + count**0.5 / 3:.1f}" marker-end="url(#tip)"/>'
    )


def _edge(start: tuple[int, int], end: tuple[int, int]) -> tuple[float, float]:
    across, down = end[0] - start[0], end[1] - start[1]
    share = min(
        WIDE / 2 / abs(across) if across else 9,
        TALL / 2 / abs(down) if down else 9,
    )
    return start[0] + share * across, start[1] + share * down


def main() -> int:
    """Write the picture."""
    PICTURE.write_text(picture(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
