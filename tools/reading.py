"""Measure how much a reader must take in: tokens a line, lengths, and what a chapter opens.

    python tools/reading.py

prints the table that CONTRIBUTING speaks of; tests/test_reading.py holds its budgets. A face, an
`__init__.py` that only hands names on, counts as one module with what it hands on.
"""

import ast
import io
import json
import sys
import textwrap
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from txtray_utils import code

CHECKOUT = Path(__file__).resolve().parents[1]
LAYOUT = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
SKIPPED = LAYOUT | {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
ROOMS = ("src/txtray_utils", "src/virtual_hospital", "src/public_films", "benchmarks", "tools")
DOORS = (  # modules that guard, check or keep: a chapter goes through them, and opens none
    "code",
    "errors",
    "guard",
    "keep",
    "align.checkpoint",
    "read.english",
    "read.film_file",
    "read.film_header",
    "read.text",
    "studies.checks",
    "studies.sources.stamp",
)


@dataclass(frozen=True)
class Size:
    """Tokens and code lines of some code, without comments, blank lines and docstrings."""

    tokens: int
    lines: int

    @property
    def density(self) -> float:
        """Tokens a code line."""
        return self.tokens / max(self.lines, 1)


def size_of(text: str) -> Size:
    """Return the size of Python code; a string that stands alone is a docstring."""
    kept: list[tokenize.TokenInfo] = []
    fresh = True  # at the start of a statement
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in SKIPPED:
            fresh = fresh or token.type in LAYOUT
            continue
        if not (token.type == tokenize.STRING and fresh):
            kept.append(token)
        fresh = False
    lines: set[int] = set()
    for token in kept:
        lines.update(range(token.start[0], token.end[0] + 1))
    return Size(len(kept), len(lines))


@dataclass
class File:
    """What is measured of one file of code."""

    name: str
    size: Size
    lines: int
    comprehensions: int
    functions: dict[str, int] = field(default_factory=dict)  # name: code lines
    positional: dict[str, int] = field(default_factory=dict)  # name: parameters


def measured(path: Path) -> File:
    """Measure a file."""
    text = path.read_text("utf-8")
    found = File(path.relative_to(CHECKOUT).as_posix(), size_of(text), text.count("\n"), 0)
    for node in ast.walk(ast.parse(text)):
        found.comprehensions += isinstance(node, COMPREHENSIONS)
        if isinstance(node, FUNCTIONS):
            source = textwrap.dedent(ast.get_source_segment(text, node) or "")
            found.functions[node.name] = size_of(source).lines
            names = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
            found.positional[node.name] = len([one for one in names if one not in ("self", "cls")])
    return found


def files_of(room: str) -> list[File]:
    """Measure every file of a folder."""
    return [measured(path) for path in sorted((CHECKOUT / room).rglob("*.py"))]


# ---- chapters


@dataclass
class Chapter:
    """What is measured of one chapter; `reach` are tokens of the package code that it uses, without
    `DOORS`."""

    name: str
    size: Size
    cells: dict[str, Size]
    modules: set[str]
    names: set[str]
    reach: int


def chapters() -> list[Chapter]:
    """Measure every chapter."""
    return [_chapter(path) for path in sorted((CHECKOUT / "book").glob("*.ipynb"))]


def _chapter(path: Path) -> Chapter:
    cells = {}
    text = ""
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code" and cell["id"] != "colab":
            source = "".join(line for line in cell["source"] if not line.startswith(("!", "%")))
            cells[cell["id"]] = size_of(source)
            text += source + "\n"
    used = set(_used(ast.parse(text)))
    return Chapter(
        path.stem,
        size_of(text),
        cells,
        {module for module, _ in used},
        {name for _, name in used if not name.isupper()},
        reach_of(used),
    )


def _used(tree: ast.Module) -> Iterator[code.Place]:
    """Give the package names that a chapter uses: imported, or asked of a module or face."""
    rooms: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module.split(".")[0] not in code.PACKAGES:
                continue
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if code.source(whole):
                    rooms[alias.asname or alias.name] = whole
                else:
                    yield node.module, alias.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            room = rooms.get(node.value.id)
            if room:
                yield room, node.attr


def reach_of(used: set[code.Place]) -> int:
    """Return the tokens of `txtray_utils` that these names need, without `DOORS`."""
    seen: set[tuple[str, int]] = set()
    total = 0
    for place in code.reached(list(used)):
        module, name = place
        statement = code.definitions(module)[name]
        package, _, inner = module.partition(".")
        if package != "txtray_utils" or inner in DOORS:
            continue
        if (module, statement.lineno) not in seen:
            seen.add((module, statement.lineno))
            total += size_of(code.source_of(place)).tokens
    return total


def main() -> int:
    """Print the tables."""
    for room in ROOMS:
        files = files_of(room)
        whole = Size(sum(f.size.tokens for f in files), sum(f.size.lines for f in files))
        largest = max(files, key=lambda file: file.lines)
        functions = {f"{f.name}:{name}": n for f in files for name, n in f.functions.items()}
        longest = max(functions, key=functions.__getitem__)
        print(f"{room}: {whole.tokens:,} tokens, {whole.density:.1f} a line, {len(files)} files")
        print(f"  largest file {largest.name}, {largest.lines} lines")
        print(f"  longest function {longest}, {functions[longest]} code lines")
    for one in chapters():
        print(
            f"{one.name}: {one.size.density:.1f} tokens a line, {len(one.modules)} modules, "
            f"{len(one.names)} names, reach {one.reach:,}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
