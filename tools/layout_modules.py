"""List every module of the package, a line each, room by room, in book/layout.md.

    python tools/layout_modules.py

What a module is for is the first paragraph of its docstring; `tests/test_layout.py` holds the list
to the code.
"""

import ast
import sys

from layout_picture import PLACES, ROOT, room_of

PAGE = ROOT / "book" / "layout.md"
BEGIN, END = "<!-- modules: made by tools/layout_modules.py -->\n", "<!-- /modules -->\n"


def modules() -> dict[str, list[tuple[str, str]]]:
    """Return for each room its files, each with what it is for."""
    rooms: dict[str, list[tuple[str, str]]] = {room: [] for room in PLACES}
    for path in sorted((ROOT / "src").rglob("*.py")):
        if path.name.startswith("__"):
            continue
        name = path.relative_to(ROOT / "src")
        room = room_of(".".join(name.with_suffix("").parts))
        tree = ast.parse(path.read_text("utf-8"))
        first = (ast.get_docstring(tree) or "").split("\n\n")[0]
        rooms[room].append((name.as_posix(), " ".join(first.split())))
    return rooms


def listed() -> str:
    """Return the list as Markdown, a folded table a room."""
    parts = []
    for room, files in modules().items():
        parts.append(f"```{{dropdown}} {room}\n| File | What it is |\n| --- | --- |")
        for name, about in files:
            parts.append(f"| `{name}` | {about} |")
        parts.append("```\n")
    return "\n".join(parts)


def page() -> str:
    """Return the page with the list of today in it."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{listed()}\n{END}{after}"


def main() -> int:
    """Write the list into the page."""
    PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
