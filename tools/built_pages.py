"""What the built pages may show: what the committed book and its executed notebooks hold.

tools/execute.py makes the cache of executed notebooks and refuses credentialed data, so a picture
or a text that is not in there came from elsewhere. An identifier must be one of the virtual
hospital's. Explained in book/credentialed_data.md.
"""

import base64
import gzip
import hashlib
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import nbformat
from leak_shapes import INLINE, leaks

from txtray_utils.settings import data_dir

PAGES = Path("_build") / "html"
CACHE = Path("_build") / ".jupyter_cache"
NUMBER = re.compile(r"\d{8}")
FILM = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{8}){4}")
TAG = re.compile(r"<[^>]*>")

Finding = tuple[str, str, str]


def findings(root: Path) -> Iterator[Finding]:
    """Yield (file, kind, what) of the pages in `root` that the book does not account for."""
    pages = root / PAGES
    if not pages.is_dir():
        return
    text, pictures = known(root)
    ours = hospital()
    for path in sorted(pages.rglob("*")):
        name = path.relative_to(root).as_posix()
        if not path.is_file() or path.name == "searchindex.js":  # made of the pages' words
            continue
        code = "_static" in path.parts and path.suffix in (".js", ".css", ".map")
        if code or path.suffix in (".inv", ".woff2", ".ttf"):
            continue
        for kind, what in leaks(name, path.read_bytes()):
            if kind == "film":
                told = what.rpartition(" ")[2] in pictures
            elif kind == "identifier":
                told = what.lstrip("ps") in ours
            elif kind in ("report", "de-identified text"):
                told = letters(what) in text
            else:
                told = kind == "output"  # the sources of notebooks are shown as they were run
            if not told:
                yield name, kind, what


def known(root: Path) -> tuple[str, set[str]]:
    """Return the letters of all texts, and the digests of all pictures, that the book accounts
    for."""
    texts = []
    pictures = set()
    for path in [*root.glob("book/*.md"), *root.glob("book/*.ipynb"), *root.glob("*.md")]:
        texts.append(path.read_text("utf-8").replace("\\n", "\n"))
    for path in root.glob("book/_static/*"):
        pictures.add(digest(path.read_bytes()))
    for path in (root / CACHE).rglob("*.ipynb"):
        notebook = nbformat.read(path, 4)
        for cell in notebook.cells:
            texts.append(cell.source)
            for output in cell.get("outputs", []):
                _note(output, texts, pictures)
    return letters("\n".join(texts)), pictures


def _note(output: nbformat.NotebookNode, texts: list[str], pictures: set[str]) -> None:
    """Add the texts and pictures of one output."""
    texts.append(output.get("text", ""))
    for kind, data in output.get("data", {}).items():
        if kind.startswith("image/") and "svg" not in kind:
            pictures.add(digest(base64.b64decode(data)))
            continue
        texts.append(str(data))
        for match in INLINE.finditer(str(data).encode()):
            pictures.add(digest(base64.b64decode(b"".join(match[1].split()))))


def hospital() -> set[str]:
    """Return every number of eight digits, and every film's name, in the virtual hospital."""
    found = set()
    for path in data_dir("demo").rglob("*.csv.gz"):
        text = gzip.decompress(path.read_bytes()).decode()
        found |= set(NUMBER.findall(text))
        found |= set(FILM.findall(text))
    return found


def letters(text: str) -> str:
    """Return the letters and digits alone, so that quotation marks and tags do not matter."""
    return re.sub(r"[\W_]+", "", unescape(TAG.sub("", text))).lower()


def digest(content: bytes) -> str:
    """Return 16 hexadecimal digits of a file, as `leak_shapes` gives a film's."""
    return hashlib.sha256(content).hexdigest()[:16]
