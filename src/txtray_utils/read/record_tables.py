"""The tables of a record as files: which copy is read, by DuckDB with the statements of record.sql.

What is wrong with a file becomes an `InputError`, what is wrong with a row goes to the rejects.
Explained in book/03_linking_images_to_the_record.
"""

import csv
import gzip
import logging
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import duckdb

from txtray_utils.errors import InputError, Rejects, writing
from txtray_utils.read.spill import private_folder

SQL_FILE = Path(__file__).with_name("record.sql")
AGAIN = "Download it again (data/download.sh resumes and checks)."
HOSPITAL = "mimic-iv/hosp"
ITEMS = ("itemid", "label", "fluid", "category")
EVENTS = (
    *("labevent_id", "subject_id", "specimen_id", "itemid", "charttime", "storetime"),
    *("value", "valuenum", "valueuom", "comments"),
)
_KINDS = (".csv.gz", ".csv")
_SETTINGS = {
    "memory_limit": "256MB",
    "preserve_insertion_order": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_HEADER = 1 << 16  # bytes in which the first line must end
_BAD_LINES = 10_000  # more are no csv

log = logging.getLogger(__name__)


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


@contextmanager
def connect() -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection that spills to a private folder on disk rather than to memory.

    Raises:
        InputError: the data folder cannot be written.
    """
    with private_folder() as folder:
        config = _SETTINGS | {"temp_directory": str(folder)}
        with duckdb.connect(config=config) as con:
            con.execute("SET enable_progress_bar = false")
            con.execute(sql("macros"))
            yield con


def to_parquet(record: Path) -> Path:
    """Convert labevents.csv.gz once to Parquet beside it, as text; it is then read instead.

    The copy is private (mode 600) and has the time of its source: it serves until that changes.

    Raises:
        InputError: the file is missing, cut short, lacks a column or has a line that is no row.
    """
    source = _csv_file(record, "labevents", HOSPITAL)
    target = record / HOSPITAL / "labevents.parquet"
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    rejects = Rejects()
    with writing(target):
        time = source.stat().st_mtime_ns
        try:
            os.close(os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
            with connect() as con:
                run_on(con, source, EVENTS, "copy", rejects, values={"target": str(partial)})
            if rejects:
                bad = rejects.rows[0]
                raise InputError(bad.file, f"{bad.row} {bad.fault}", "Mend it, then copy again.")
            os.utime(partial, ns=(time, time))
            return partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def table_file(record: Path, name: str, folder: str) -> Path:
    """Return the table's file: its Parquet copy if there is one of this time, else csv.gz or csv.

    Raises:
        InputError: there is none.
    """
    copy = record / folder / f"{name}.parquet"
    if not copy.is_file():
        return _csv_file(record, name, folder)
    try:
        source = _csv_file(record, name, folder)
    except InputError:
        return copy
    if source.stat().st_mtime_ns == copy.stat().st_mtime_ns:
        return copy
    text = "%s is not a copy of %s as it is now, which is read instead; make it with to_parquet"
    log.warning(text, copy, source.name)
    return source


def _csv_file(record: Path, name: str, folder: str) -> Path:
    for kind in _KINDS:
        path = record / folder / (name + kind)
        if path.is_file():
            return path
    path = record / folder / f"{name}.csv.gz"
    raise InputError(path, "is missing", "Fetch it with data/download.sh mimic.")


def run_on(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    needed: tuple[str, ...],
    name: str,
    rejects: Rejects,
    *,
    names: Mapping[str, str] | None = None,
    values: Mapping[str, object] | None = None,
) -> None:
    """Run the statement `name` on `needed` columns of the table `path`, as text.

    `names` are put into the statement, `values` bound. Everything else is skipped unread. A line
    that is no row goes to `rejects`; what DuckDB says about a broken file becomes an `InputError`.
    """
    try:
        source, bound = _scan(con, path, needed)
        con.execute(sql(name, source=source, **(names or {})), {**bound, **(values or {})})
        if path.suffix != ".parquet":
            _reject_lines(con, path, rejects)
    except duckdb.OutOfMemoryException as error:
        remedy = "Free some space, or set TXTRAY_DATA to a folder that has it."
        raise InputError(path, "needs more space than there is for sorting", remedy) from error
    except duckdb.Error as error:
        said = str(error).strip().splitlines()[0]
        raise InputError(path, f"cannot be read ({said})", AGAIN) from error


def _reject_lines(con: duckdb.DuckDBPyConnection, path: Path, rejects: Rejects) -> None:
    (found,) = con.execute(sql("count_bad_lines")).fetchone()
    if not found:
        return
    lost = reject(con.execute(sql("bad_lines")), rejects, path, f"It is left out. {AGAIN}")
    con.execute(sql("forget_lines"))
    if lost >= _BAD_LINES:
        fault = f"has {lost} or more lines that are no rows"
        raise InputError(path, fault, AGAIN)


def _scan(
    con: duckdb.DuckDBPyConnection, path: Path, needed: tuple[str, ...]
) -> tuple[str, Mapping[str, object]]:
    """Return the SQL that reads a table, and the values to bind."""
    values = {"path": _literal(path), "needed": list(needed)}
    if path.suffix == ".parquet":
        found = con.execute(sql("parquet_columns"), {"path": values["path"]})
        _check_header(path, [name for (name,) in found.fetchall()], needed)
        return sql("parquet"), values
    header = _header(path)
    _check_header(path, header, needed)
    columns = {}
    for place, name in enumerate(header):
        columns[name if name in needed else f"skipped {place}"] = "VARCHAR"
    packed = "gzip" if path.suffix == ".gz" else "none"
    return sql("csv"), {**values, "columns": columns, "compression": packed, "most": _BAD_LINES}


def _literal(path: Path) -> str:
    """Return a path in which DuckDB finds nothing to expand."""
    return re.sub(r"([*?\[])", r"[\1]", str(path.absolute()))


def _check_header(path: Path, header: list[str], needed: tuple[str, ...]) -> None:
    missing = sorted(set(needed) - set(header))
    if missing:
        fault = f"has no column {', '.join(missing)}; it has {', '.join(header)}"
        remedy = "Use MIMIC-IV 2.0 or later, hosp, icu and ed tables."
        raise InputError(path, fault, remedy)
    counts = Counter(header)
    twice = [name for name in needed if counts[name] > 1]
    if twice:
        raise InputError(path, f"has the column {', '.join(twice)} twice", AGAIN)


def _header(path: Path) -> list[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            first = file.readline(_HEADER).decode("utf-8-sig")
        (names,) = csv.reader([first]) if first.strip() else ([],)
    except (OSError, EOFError, ValueError, zlib.error, csv.Error) as error:
        raise InputError(path, f"cannot be read ({error})", AGAIN) from error
    return [name.strip() for name in names]


def reject(
    found: duckdb.DuckDBPyConnection, rejects: Rejects, where: str | Path, remedy: str
) -> int:
    """Add the rows of a query (row, fault) to the rejects; return how many there were."""
    rows = found.fetchall()
    for row, fault in rows:
        rejects.add(where, row, fault, remedy)
    return len(rows)
