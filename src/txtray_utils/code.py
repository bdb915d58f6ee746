"""Which package code a function is made of: itself and all that it uses, found in the source.

`keep` puts it into its keys; the tests of reading count its tokens. Explained in
book/04_contrastive_alignment.
"""

import ast
import importlib.util
import inspect
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

PACKAGES = ("txtray_utils", "virtual_hospital", "public_films")
ASIDE = ("txtray_utils.errors", "txtray_utils.align.checkpoint")  # they keep and say; no result
Place = tuple[str, str]  # module, name


@cache
def code_of(function: Callable) -> str:
    """Return the code of a function or class and of the package code that it reaches.

    Docstrings, comments and layout do not count, nor where a definition stands, so moving code
    changes nothing; nor do the modules `ASIDE`, which say what is wrong and keep files whole. A
    function from outside the packages has its own source.
    """
    function = inspect.unwrap(function)
    start = (function.__module__, function.__qualname__.split(".")[0])
    if start[0].split(".")[0] not in PACKAGES:
        return _outside(function)
    found = []
    for place in reached([start]):
        if place[0] not in ASIDE or place == start:
            found.append(_text(place))
    return "\n".join(sorted(found))


def reached(starts: list[Place]) -> set[Place]:
    """Return every package definition, as (module, name), that these use, themselves included."""
    seen: set[Place] = set()
    waiting = list(starts)
    while waiting:
        place = _defined_at(waiting.pop())
        if place is None or place in seen:
            continue
        seen.add(place)
        waiting += _used_by(place)
    return seen


def source_of(place: Place) -> str:
    """Return the source text of one definition."""
    module, name = place
    segment = ast.get_source_segment(source(module), definitions(module)[name])
    return segment or ""


def _outside(function: Callable) -> str:
    """Return the source of a function that is not in the packages, or its name."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return function.__qualname__


def _text(place: Place) -> str:
    """Return a definition as its syntax tree, without docstrings."""
    tree = ast.parse(ast.unparse(definitions(place[0])[place[1]]))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            node.body = body[1:] or [ast.Pass()]
    return ast.dump(tree)


def _defined_at(place: Place) -> Place | None:
    """Follow imports from one package module to the next, to where a name is defined."""
    module, name = place
    for _ in range(10):
        if module.split(".")[0] not in PACKAGES:
            return None
        if name in definitions(module):
            return module, name
        if name not in imports(module):
            return None
        module, name = imports(module)[name]
    return None


def _used_by(place: Place) -> Iterator[Place]:
    """Give the places that the names in a definition may mean."""
    module, name = place
    for node in ast.walk(definitions(module)[name]):
        if isinstance(node, ast.Name):
            yield module, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            came_from = imports(module).get(node.value.id)
            if came_from:
                yield ".".join(came_from), node.attr


@cache
def source(module: str) -> str:
    """Return the text of a module; "" if there is none."""
    file = _file(module)
    return file.read_text("utf-8") if file else ""


def _file(module: str) -> Path | None:
    """Return the file of a module, found without importing it."""
    package, *inner = module.split(".")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    place = Path(spec.origin).parent.joinpath(*inner)
    for file in (place.with_suffix(".py"), place / "__init__.py"):
        if file.is_file():
            return file
    return None


@cache
def definitions(module: str) -> dict[str, ast.stmt]:
    """Return the functions, classes and constants at the top of a module by name."""
    found: dict[str, ast.stmt] = {}
    for node in ast.parse(source(module)).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                for one in ast.walk(target):
                    if isinstance(one, ast.Name):
                        found[one.id] = node
    return found


@cache
def imports(module: str) -> dict[str, Place]:
    """Return what a module imports by name: where it comes from."""
    found: dict[str, Place] = {}
    for node in ast.walk(ast.parse(source(module))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = (node.module, alias.name)
    return found
