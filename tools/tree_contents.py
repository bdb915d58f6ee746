"""What is inside the files of a downloaded tree: each film, report and table is opened.

A file that is there but empty, cut short or of another kind is a fault, and does not count as
there. Explained in book/03_linking_images_to_the_record.
"""

import csv
import gzip
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from tree_findings import Findings

from txtray_utils.errors import InputError
from txtray_utils.read.radiograph import read_image
from txtray_utils.read.report import read_report

_BLOCK = 1 << 20  # bytes read at a time
_HEADER = 1 << 16  # bytes that a header may have


def films_that_open(files: Mapping[str, Path], found: Findings, what: str = "films") -> set[str]:
    """Return the names of the films that the book can read; the others are faults."""
    good, bad = set(), set()
    for name, path in files.items():
        fault = _film_fault(path)
        if fault:
            bad.add(f"{name} ({fault})")
        else:
            good.add(name)
    found.compare(f"{what} cannot be read", bad)
    return good


def reports_with_text(files: Mapping[str, Path], found: Findings) -> set[str]:
    """Return the names of the reports that have a word; the others are faults."""
    good, bad = set(), set()
    for name, path in files.items():
        try:
            text = read_report(path) if path.is_file() else ""
            fault = "" if any(map(str.isalpha, text)) else "no word in it"
        except InputError as error:
            fault = error.fault
        if fault:
            bad.add(f"{name} ({fault})")
        else:
            good.add(name)
    found.compare("reports cannot be read", bad)
    return good


def table_fault(path: Path, needed: Sequence[str], may_be_empty: bool = False) -> str:
    """Read a csv or csv.gz table to its end; return what is wrong with it, or ""."""
    opened = gzip.open if path.suffix == ".gz" else open
    rows, end = 0, b""
    try:
        with opened(path, "rb") as file:
            header = file.readline(_HEADER)
            while block := file.read(_BLOCK):
                rows += block.count(b"\n")
                end = block[-1:]
    except (OSError, EOFError, zlib.error) as error:
        return f"cannot be read ({error})"
    columns = next(csv.reader([header.decode("utf-8-sig", "replace")]), [])
    missing = sorted(set(needed) - set(columns))
    if missing:
        return f"cannot be read (it has no column {', '.join(missing)})"
    if end not in (b"", b"\n"):
        return f"is cut short: it ends in the middle of line {rows + 2:,}"
    if not rows and not may_be_empty:
        return "is cut short: it has a header and no row"
    return ""


def _film_fault(path: Path) -> str:
    if not path.is_file():
        return "it is no regular file"
    if not path.stat().st_size:
        return "it is empty"
    try:
        read_image(path)
    except (InputError, OSError, ValueError, MemoryError) as error:
        return getattr(error, "fault", str(error))
    return ""
