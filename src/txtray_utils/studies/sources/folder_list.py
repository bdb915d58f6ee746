"""The list of your own studies: studies.csv -> a table of text, one row a film.

Written by hand or by a spreadsheet program, so the separator may be a comma, a semicolon or a tab,
and capitals and spaces in the header do not count. Explained in book/your_own_data.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pandas as pd

from txtray_utils.errors import InputError, Rejects
from txtray_utils.read.text import decoded
from txtray_utils.studies.sources.listing import KINDS
from txtray_utils.studies.sources.texts import SECTIONS
from txtray_utils.studies.splits import SPLITS

COLUMNS = {  # in the file: in the table
    "image": "image_id",
    "patient": "subject_id",
    "study": "study_id",
    "report": "report",
    "indication": "indication",
    "comparison": "comparison",
    "findings": "findings",
    "impression": "impression",
    "date": "date",
    "view": "view",
    "age": "age",
    "sex": "sex",
    "split": "split",
    "licence": "licence",
}
_TEXTS = {"report", "findings", "impression"}  # one of them at least
_SIDES = {"val": "validate", "valid": "validate", "validation": "validate"}
_PAGE = "See book/your_own_data.md."
_QUOTES = "Put quotation marks round a text that holds a separator or a new line."


def read_list(path: Path, rejects: Rejects) -> pd.DataFrame:
    """Return the rows of studies.csv that name a film and a patient, as text, None where empty.

    Columns: the values of `COLUMNS`. A study without a name gets that of its film. To `rejects` go
    rows of the wrong length, rows without film or patient, unknown splits and unknown columns.

    Raises:
        InputError: the file cannot be opened, is not UTF-8, is empty, is no csv, or lacks a column
            or has one twice.
    """
    lines = list(_lines(path))
    if len(lines) < 2:
        fault = "has a header and no row" if lines else "is empty"
        raise InputError(path, fault, f"Write a header and one row a film. {_PAGE}")
    _, header = lines[0]
    names = _names(header, path, rejects)
    found = []
    for number, cells in lines[1:]:
        try:
            found.append(_row(names, cells, path))
        except InputError as error:
            rejects.add_error(error, f"line {number}")
    return pd.DataFrame(found, columns=list(COLUMNS.values()), dtype=object)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of every line that is not blank, white space stripped."""
    text = _text(path)
    first = text.lstrip().partition("\n")[0]
    separator = max(",;\t", key=first.count)
    with io.StringIO(text, newline="") as file:
        reader = csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
        try:
            for line in reader:
                cells = [cell.strip() for cell in line]
                if any(cells):
                    yield reader.line_num, cells
        except csv.Error as error:
            fault = f"cannot be read as csv (line {reader.line_num}: {error})"
            raise InputError(path, fault, _QUOTES) from error


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        fault = f"cannot be read ({error.strerror})"
        raise InputError(path, fault, "Check the folder and its permissions.") from error
    remedy = 'Save it as UTF-8; a spreadsheet program calls that "CSV UTF-8".'
    text = decoded(data, path, remedy)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _names(header: list[str], path: Path, rejects: Rejects) -> list[str]:
    """Return the names of the columns, in small letters."""
    names = [name.lower() for name in header]
    known = set(names) & set(COLUMNS)
    repeated = sorted(name for name in known if names.count(name) > 1)
    if repeated:
        raise InputError(path, f"has the columns {repeated} twice", "Keep one of each.")
    missing = sorted({"image", "patient"} - known)
    if not known & _TEXTS:
        missing.append("report (or findings, impression)")
    if missing:
        fault = f"lacks the columns {missing}"
        raise InputError(path, fault, f"Add them, or rename yours. {_PAGE}")
    sections = sorted(known & set(SECTIONS))
    if "report" in known and sections:
        fault = f"has a report and also the sections {sections}"
        raise InputError(path, fault, "Keep the report or its sections, not both.")
    remedy = f"Nothing to do, or rename it to one of {', '.join(COLUMNS)}."
    for name in names:
        if name not in COLUMNS:
            rejects.add(path, f"column {name}", "the column is not known and is left out", remedy)
    return names


def _row(names: list[str], cells: list[str], path: Path) -> dict[str, str | None]:
    if len(cells) != len(names):
        fault = f"has {len(cells)} cells, and the header has {len(names)}"
        raise InputError(path, fault, _QUOTES)
    named = dict(zip(names, cells, strict=True))
    row = {}
    for name, inner in COLUMNS.items():
        row[inner] = named.get(name) or None
    for name in ("image_id", "subject_id"):
        if row[name] is None:
            what = "image" if name == "image_id" else "patient"
            raise InputError(path, f"names no {what}", "Fill the cell, or drop the row.")
    row["image_id"] = PurePosixPath(row["image_id"].replace("\\", "/")).as_posix()
    row["study_id"] = row["study_id"] or _bare(row["image_id"])
    if row["split"]:
        row["split"] = _side(row["split"], path)
    return row


def _bare(image: str) -> str:
    """Return the path of an image without its ending; a DICOM file may have none."""
    for kind in KINDS:
        if image.lower().endswith(kind):
            return image[: -len(kind)]
    return image


def _side(said: str, path: Path) -> str:
    side = said.lower()
    side = _SIDES.get(side, side)
    if side not in SPLITS:
        fault = f"its split is {said!r}"
        raise InputError(path, fault, f"Write one of {', '.join(SPLITS)}, or leave it empty.")
    return side
