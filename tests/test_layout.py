"""Where modules stand, and in which direction they import (CONTRIBUTING, "Code")."""

import ast
import re
from pathlib import Path

import pytest

from txtray_utils.code import PACKAGES, definitions

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {  # room: the rooms that it may import from, besides itself
    "ground": set(),
    "read": {"ground"},
    "studies": {"ground", "read"},
    "align": {"ground", "read", "studies"},
    "write": {"ground", "read", "studies", "align"},
    "judge": {"ground", "read", "studies", "align"},
    "show": {"ground", "studies"},
    "virtual_hospital": {"ground", "read", "studies"},
    "public_films": {"ground", "read", "studies"},
}
BESIDE = PACKAGES[1:]  # plugged in by their names
MODULES = sorted((ROOT / "src").rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "src").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def room_of(module: str) -> str:
    package, *inner = module.split(".")
    if package in BESIDE:
        return package
    return inner[0] if inner and inner[0] in ROOMS else "ground"


def imports_of(path: Path) -> list[tuple[str, str]]:
    """Return what a file imports of the packages, as (module, name)."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
    return [(module, name) for module, name in found if module.split(".")[0] in PACKAGES]


def target(module: str, name: str) -> str:
    """Return the module that is imported: `from a import b` may mean the module a.b."""
    inner = ROOT / "src" / Path(*module.split("."), f"{name}.py")
    return f"{module}.{name}" if inner.is_file() else module


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_run_one_way(path):
    here = room_of(name_of(path))
    for module, name in imports_of(path):
        there = room_of(target(module, name))
        allowed = ROOMS[here] | {here}
        assert there in allowed, f"{name_of(path)} ({here}) imports {module}.{name} ({there})"


def test_no_circle_of_imports():
    arrows = {}
    for path in MODULES:
        arrows[name_of(path)] = {target(*one) for one in imports_of(path)} - {name_of(path)}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail[trail.index(module) :], module))
        if module not in done:
            for after in sorted(arrows.get(module, ())):
                visit(after, (*trail, module))
            done.add(module)

    for module in sorted(arrows):
        visit(module, ())


FILES = [
    *MODULES,
    *sorted((ROOT / "benchmarks").glob("*.py")),
    *sorted((ROOT / "tools").glob("*.py")),
]
BORROWED = {  # tests that look inside on purpose: module and private name
    ("test_covid.py", "_COLUMNS"),
    ("test_openi.py", "_films"),
    ("test_reports.py", "_read"),
    ("test_reports.py", "_patterns"),
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_module_takes_a_private_name_of_another(path):
    taken = [(module, name) for module, name in imports_of(path) if name.startswith("_")]
    assert taken == []


def test_only_named_tests_take_private_names():
    taken = set()
    for path in (ROOT / "tests").rglob("*.py"):
        taken |= {(path.name, name) for _, name in imports_of(path) if name.startswith("_")}
    assert taken <= BORROWED


def test_the_packages_beside_are_met_only_through_the_registry():
    for path in MODULES:
        here = room_of(name_of(path))
        for module, _ in imports_of(path):
            package = module.split(".")[0]
            assert package == here or package not in BESIDE, name_of(path)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is(path):
    doc = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    assert doc and "NEW MODULE" not in doc


def test_the_picture_of_the_rooms_is_that_of_the_code():
    import layout_picture

    assert layout_picture.PICTURE.read_text("utf-8") == layout_picture.picture()


def test_the_page_lists_every_module_with_what_it_is_for():
    import layout_modules

    assert layout_modules.PAGE.read_text("utf-8") == layout_modules.page()


def test_the_page_names_only_what_is_there():
    """Every module or name that book/layout.md gives in backticks exists."""
    page = (ROOT / "book/layout.md").read_text("utf-8")
    packages = "|".join(PACKAGES)
    for dotted in re.findall(rf"`((?:{packages})\.[a-zA-Z_.]+)`", page):
        module = dotted
        while not (path_of(module)).exists():
            module = module.rpartition(".")[0]
        rest = dotted.removeprefix(module).lstrip(".")
        assert not rest or rest in definitions(module), dotted


def path_of(module: str) -> Path:
    place = ROOT / "src" / Path(*module.split("."))
    return place if place.is_dir() else place.with_suffix(".py")
