"""Execute the book's notebooks once, under nbmake, into the cache that Jupyter Book builds from.

Jupyter Book's own cache looks at the code cells alone: after a change in `src/` it would show the
old outputs. Here a notebook is fresh only when its code cells, the package, the pins, the settings,
the cohort and the committed results that it reads are all as they were. What is not fresh is copied
to `.executed`, executed there by `pytest --nbmake`, and put into the cache only when every cell
ran.

A credentialed source is refused, for the cache and the pages lie in the checkout. With `--private`
its notebooks are executed into `executed` of the data folder instead, and no page is built."""

import argparse
import hashlib
import json
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract

from txtray_utils.errors import InputError
from txtray_utils.guard import check_publication, credentialed, keep_in
from txtray_utils.settings import data_dir, settings
from txtray_utils.studies.sources.folder import INDEX

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "_build" / ".jupyter_cache"
STAGE = ROOT / ".executed"  # nbmake passes over anything below a folder named _build
KEYS = STAGE / "keys.json"
# Seconds a cell: a hung cell ends. Time is recorded in build.json and not tested, for machines are
# noisy.
PATIENCE = 1200
# files of the package that decide an output
DECIDING = (".py", ".toml", ".sql", ".css", ".js", ".html")


def chapters(toc: dict) -> list[Path]:
    """Return the notebooks of the table of contents, in reading order, relative to the root."""
    files = [toc["root"], *re.findall(r"'file': '([^']+)'", str(toc))]
    return [Path(f"{name}.ipynb") for name in files if (ROOT / f"{name}.ipynb").is_file()]


def shared_key() -> str:
    """Hash everything but the notebooks that can change an output."""
    digest = hashlib.sha256(platform.python_version().encode())
    files = sorted((ROOT / "src").rglob("*"))
    code = [path for path in files if path.suffix in DECIDING]
    inputs = [*code, ROOT / "requirements.txt", ROOT / "constraints.txt"]
    cohort = data_dir("demo", "truth", "cohort.json")
    for path in [*inputs, *([cohort] if cohort.exists() else [])]:
        digest.update(path.read_bytes())
    now = settings()
    asked = [now.source, now.quick, str(now.data)]
    for place in (now.covid, now.nih):
        asked += [str(place), place.exists()]
    digest.update(repr(asked).encode())
    own = now.folder and now.folder / INDEX
    if "folder" in now.sources and own and own.is_file():
        digest.update(str(own).encode() + own.read_bytes())
    return digest.hexdigest()


def notebook_key(shared: str, text: str) -> str:
    """Add to `shared` the committed results and tables that the notebook reads."""
    digest = hashlib.sha256(shared.encode())
    read = [
        f"book/results/{name}.json"
        for name in sorted(set(re.findall(r"read_results\(\W+(\w+)", text)))
    ]
    tables = sorted([*ROOT.glob("book/results/*.csv"), *ROOT.glob("tests/data/*.csv")])
    for path in [*map(ROOT.joinpath, read), *(table for table in tables if table.name in text)]:
        digest.update(path.read_bytes() if path.exists() else b"none")
    return digest.hexdigest()


def ran(notebook: nbformat.NotebookNode) -> bool:
    """Return whether every code cell ran, and ran without an error that it does not announce."""
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or not cell.source.strip() or "skip-execution" in tags:
            continue
        failed = any(output.output_type == "error" for output in cell.outputs)
        if cell.execution_count is None or failed and "raises-exception" not in tags:
            return False
    return True


def without_alt(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the ids of the cells that made a picture and have no alt text for it."""
    return [
        cell.id
        for cell in notebook.cells
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        and not cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
    ]


def main() -> int:
    """Execute for the book, or for the reader alone; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--private", action="store_true", help="keep all of it in the data folder")
    try:
        if parser.parse_args().private:
            return execute_in_private()
        check_publication("the book")
    except InputError as error:
        print(error)
        return 1
    return execute_for_the_book()


def execute_in_private() -> int:
    """Execute every notebook in the data folder, where the outputs stay; return pytest's code."""
    place = data_dir("executed")
    if credentialed() is None:
        remedy = "Leave --private out, or set TXTRAY_SOURCE to mimic or folder."
        raise InputError("--private", "is for a credentialed source", remedy)
    keep_in(place / "any")
    book = place / "book"
    shutil.copytree(ROOT / "book", book, copy_function=shutil.copyfile, dirs_exist_ok=True)
    keep_in(book / "any")
    names = chapters(yaml.safe_load((ROOT / "_toc.yml").read_text()))
    print(f"{len(names)} notebooks, kept in {place}", flush=True)
    return execute([str(place / name) for name in names])


def execute(staged: list[str]) -> int:
    """Run notebooks in place, under nbmake."""
    pytest = [sys.executable, "-m", "pytest", "--nbmake", f"--nbmake-timeout={PATIENCE}"]
    command = [*pytest, "--overwrite", "--durations=0", *staged]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def execute_for_the_book() -> int:
    """Execute what is not fresh; return pytest's exit code (0 when nothing had to be done)."""
    cache = get_cache(CACHE)
    keys = json.loads(KEYS.read_text()) if KEYS.exists() else {}
    names = chapters(yaml.safe_load((ROOT / "_toc.yml").read_text()))
    stale = stale_of(names, cache, keys)
    unchanged = len(names) - len(stale)
    print(f"{len(names)} notebooks, {unchanged} unchanged since they were executed", flush=True)
    if not stale:
        return 0
    KEYS.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(ROOT / "book", STAGE / "book", dirs_exist_ok=True)
    code = execute([str(STAGE / name) for name in stale])
    for name, key in stale.items():
        notebook = nbformat.read(STAGE / name, 4)
        if blind := without_alt(notebook):
            pictures = ", ".join(blind)
            print(
                f"{name}: no alt text for the pictures of {pictures}: metadata mystnb, image, alt"
            )
            code = code or 1
        elif ran(notebook):
            keep(cache, name, notebook)
            keys[str(name)] = key
    KEYS.write_text(json.dumps(keys, indent=2, sort_keys=True))
    return code


def stale_of(
    names: list[Path], cache: JupyterCacheAbstract, keys: dict[str, str]
) -> dict[Path, str]:
    """Return the notebooks that have to be executed, with the key of each; forget old runs."""
    shared, stale = shared_key(), {}
    for name in names:
        notebook = nbformat.read(ROOT / name, 4)
        key = notebook_key(shared, (ROOT / name).read_text("utf-8"))
        try:
            record = cache.match_cache_notebook(notebook)
        except KeyError:
            stale[name] = key
            continue
        if keys.get(str(name)) != key:
            cache.remove_cache(record.pk)
            stale[name] = key
    return stale


def keep(cache: JupyterCacheAbstract, name: Path, notebook: nbformat.NotebookNode) -> None:
    """Put an executed notebook into the cache that the book is built from."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # nbmake's times; the cache matches metadata too
    bundle = CacheBundleIn(notebook, str(ROOT / name))
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


if __name__ == "__main__":
    sys.exit(main())
