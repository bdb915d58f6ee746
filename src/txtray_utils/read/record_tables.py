"""The tables of a record as they were downloaded, read by DuckDB with the statements of record.sql.

What is wrong with a file becomes an `InputError`, what is wrong with a row goes to the rejects.
Explained in book/03_linking_images_to_the_record.
"""

import csv
import gzip
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb

from txtray_utils.errors import InputError, Rejects
from txtray_utils.read.record_items import VITALS

SQL_FILE = Path(__file__).with_name("record.sql")
AGAIN = "Download it again (data/download.sh resumes and checks)."
HOSPITAL, INTENSIVE, EMERGENCY = "mimic-iv/hosp", "mimic-iv/icu", "mimic-iv-ed/ed"
ITEMS = ("itemid", "label", "fluid", "category")
EVENTS = (
    *("labevent_id", "subject_id", "specimen_id", "itemid", "charttime", "storetime"),
    *("value", "valuenum", "valueuom", "comments"),
)
_KINDS = (".parquet", ".csv.gz", ".csv")
_STAY = {"intime": "TIMESTAMP", "outtime": "TIMESTAMP"}
_OPTIONAL = {"edregtime", *VITALS}  # elsewhere a missing value is a fault

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Small:
    """A table that is loaded whole: its folder, its key, and the types of its columns."""

    folder: str
    key: str
    columns: dict[str, str]


SMALL = {
    "patients": Small(
        HOSPITAL,
        "subject_id",
        {"gender": "VARCHAR", "anchor_age": "INT", "anchor_year": "INT"},
    ),
    "admissions": Small(
        HOSPITAL,
        "hadm_id",
        {"admittime": "TIMESTAMP", "dischtime": "TIMESTAMP", "edregtime": "TIMESTAMP"},
    ),
    "icustays": Small(INTENSIVE, "stay_id", _STAY),
    "edstays": Small(EMERGENCY, "stay_id", _STAY),
    "triage": Small(EMERGENCY, "stay_id", dict.fromkeys(VITALS, "DOUBLE")),
}


@cache
def _statements() -> dict[str, str]:
    text = SQL_FILE.read_text("utf-8")
    _, *parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    names, statements = parts[::2], parts[1::2]
    return dict(zip(names, statements, strict=True))


def sql(name: str, /, **names: str) -> str:
    """Return a statement of record.sql, with `names` of tables and columns put in."""
    statement = _statements()[name].strip()
    return statement.format(**names) if names else statement


def connect() -> duckdb.DuckDBPyConnection:
    """Return a connection that spills to disk rather than to memory."""
    con = duckdb.connect()
    con.execute("SET memory_limit = '256MB'; SET preserve_insertion_order = false")
    con.execute("SET enable_progress_bar = false")
    con.execute(sql("macros"))
    return con


def to_parquet(record: Path) -> Path:
    """Convert labevents.csv.gz once to Parquet beside it, as text; it is then read instead.

    Raises:
        InputError: the file is missing, cut short or lacks a column.
    """
    source = table_file(record, "labevents", HOSPITAL, (".csv.gz", ".csv"))
    target = source.with_name("labevents.parquet")
    partial = target.with_suffix(".partial")
    with connect() as con:
        run_on(con, source, EVENTS, "copy", target=str(partial))
    return partial.replace(target)


def load(con: duckdb.DuckDBPyConnection, record: Path, name: str, rejects: Rejects) -> None:
    """Make the table `name` of the studies' patients, typed.

    The ED tables are a project of their own: optional.
    """
    table = SMALL[name]
    if table.folder == EMERGENCY and not (record / EMERGENCY).is_dir():
        lost = "no film is linked to a stay there, and there are no vital signs"
        log.warning("%s is missing: %s", EMERGENCY, lost)
        con.execute(sql(f"no_{name}"))
    else:
        path = table_file(record, name, table.folder)
        needed = dict.fromkeys(("subject_id", table.key, *table.columns))
        run_on(con, path, tuple(needed), "raw")
        _check_cells(con, path, table, rejects)
    con.execute(sql(name))


def _check_cells(
    con: duckdb.DuckDBPyConnection, path: Path, table: Small, rejects: Rejects
) -> None:
    """Refuse a repeated key; reject each cell that is not of its column's type."""
    key = table.key
    twice = con.execute(sql("repeated", key=key)).fetchone()
    if twice:
        remedy = f"Keep one row of it. {AGAIN}"
        raise InputError(path, f"{key} {twice[0]} comes twice", remedy)
    for column, kind in table.columns.items():
        query = sql("bad_cells", key=key, column=column, kind=kind)
        found = con.execute(query, {"optional": column in _OPTIONAL})
        reject(found, rejects, path, "Mend it; the row is used without it.")


def table_file(record: Path, name: str, folder: str, kinds: tuple[str, ...] = _KINDS) -> Path:
    """Return the table's file, of the first kind that is there.

    Raises:
        InputError: there is none.
    """
    for kind in kinds:
        path = record / folder / (name + kind)
        if path.is_file():
            return path
    path = record / folder / f"{name}.csv.gz"
    raise InputError(path, "is missing", "Fetch it with data/download.sh mimic.")


def run_on(
    con: duckdb.DuckDBPyConnection, path: Path, needed: tuple[str, ...], name: str, **values: object
) -> None:
    """Run the statement `name` on `needed` columns of the table `path`, as text.

    Everything else is skipped unread. What DuckDB says about a broken file becomes an `InputError`.
    """
    source, bound = _scan(path, needed)
    try:
        con.execute(sql(name, source=source), {**bound, **values})
    except (
        duckdb.IOException,
        duckdb.InvalidInputException,
        duckdb.ConversionException,
    ) as error:
        said = str(error).strip().splitlines()[0]
        raise InputError(path, f"cannot be read ({said})", AGAIN) from error


def _scan(path: Path, needed: tuple[str, ...]) -> tuple[str, Mapping[str, object]]:
    """Return the SQL that reads a table, and the values to bind."""
    values = {"path": str(path), "needed": list(needed)}
    if path.suffix == ".parquet":
        return sql("parquet"), values
    header = _header(path)
    missing = sorted(set(needed) - set(header))
    if missing:
        fault = f"has no column {', '.join(missing)}; it has {', '.join(header)}"
        remedy = "Use MIMIC-IV 2.0 or later, hosp, icu and ed tables."
        raise InputError(path, fault, remedy)
    return sql("csv"), {**values, "columns": dict.fromkeys(header, "VARCHAR")}


def _header(path: Path) -> list[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file), [])
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(path, f"cannot be read ({error})", AGAIN) from error


def reject(
    found: duckdb.DuckDBPyConnection, rejects: Rejects, where: str | Path, remedy: str
) -> None:
    """Add the rows of a query (row, fault) to the rejects."""
    for row, fault in found.fetchall():
        rejects.add(where, row, fault, remedy)
