"""Every source of studies behind one function: `load_studies` returns the study table of any.

Several, such as "demo+openi", give one table; each row keeps its source.

A source is a module with three names, and one line in `SOURCES`:

- `INDEX`: the file, below the source's folder, that lists its studies;
- `folder() -> Path`: where the source lies on this machine (made or checked there);
- `rows(place, rejects) -> Iterator[dict]`: one dict a study with the columns of `studies.columns`;
  what cannot be used goes to `rejects`.

Explained in book/01_reading_a_radiograph.
"""

import importlib
import logging
from pathlib import Path
from types import ModuleType

import pandas as pd
from datasets import Dataset

from txtray_utils.errors import InputError, Rejects
from txtray_utils.guard import meet
from txtray_utils.keep import entry_path, kept, sign, signed
from txtray_utils.read.mesh_rules import MESH_FILE
from txtray_utils.read.patterns import PATTERN_FILE
from txtray_utils.read.record_tables import SQL_FILE
from txtray_utils.settings import settings, source_names
from txtray_utils.studies.columns import features
from txtray_utils.studies.sources.stamp import stamp_of
from txtray_utils.studies.table import joined, open_table, write_table

SOURCES = {
    "demo": "virtual_hospital.source",
    "covid": "public_films.covid",
    "folder": "txtray_utils.studies.sources.folder",
    "lungs": "public_films.lungs",
    "mimic": "txtray_utils.studies.sources.mimic",
    "nih": "public_films.nih",
    "openi": "txtray_utils.studies.sources.openi",
}

log = logging.getLogger(__name__)


def load_studies(source: str | None = None) -> Dataset:
    """Return the study table of `source` (default: `settings().source`), made on first use.

    Of several joined by + it is one table; nothing is copied. Each source's table is kept in
    `data_dir("tables")` and made again when any file in the source's folder or the code that
    reads it changes.

    Raises:
        InputError: a source is not there, nothing of it can be used, or two have an id in common.
        ValueError: there is no such source.
    """
    tables = {}
    for name in _names(source):
        tables[name] = read_folder(name, _module(name).folder())
    return joined(tables)


def load_rejects(source: str | None = None) -> pd.DataFrame:
    """Return what `load_studies` left out: file, row, fault, remedy. Raises as `load_studies`."""
    lists = []
    for name in _names(source):
        place = _module(name).folder()
        meet(name)
        inputs = _inputs(name, place)
        _kept_table(name, place, inputs)
        rejects = _rejects(_entry(name, inputs))
        lists.append(pd.read_csv(rejects, dtype=str, keep_default_na=False))
    return pd.concat(lists, ignore_index=True)


def read_folder(source: str, place: Path) -> Dataset:
    """Return the study table of any folder that is laid out as those of `source` are.

    It is kept, and raises, as `load_studies` says.
    """
    meet(source)
    return _kept_table(source, place, _inputs(source, place))


def _kept_table(source: str, place: Path, inputs: list) -> Dataset:
    path = _entry(source, inputs)

    def write(rejects: Rejects, partial: Path) -> None:
        rows = _module(source).rows(place, rejects)
        try:
            count = write_table(rows, partial, path, rejects)
        except InputError as error:
            raise _with_rejects(error, rejects, path) from error
        _save(rejects, path)
        text = "%s: %d studies, %d rejects, table in %s"
        log.info(text, source, count, len(rejects), path)

    def read(table: Path) -> Dataset:
        if signed(_rejects(table)) is None:
            fault = "is not there, or not whole"
            raise InputError(_rejects(table), fault, "The table is made again.")
        return open_table(table)

    return kept(
        "tables",
        inputs,
        _makers(source),
        make=Rejects,
        write=write,
        read=read,
        ending=".arrow",
    )


def _names(source: str | None) -> tuple[str, ...]:
    return source_names(source or settings().source, SOURCES)


def _with_rejects(error: InputError, rejects: Rejects, path: Path) -> InputError:
    """Keep the rejects though there is no table, and return the error with their file."""
    if not len(rejects):
        return error
    _save(rejects, path)
    remedy = f"{error.remedy} {len(rejects)} rejects say what was left out: {_rejects(path)}."
    return InputError(error.path, error.fault, remedy)


def _save(rejects: Rejects, path: Path) -> None:
    rejects.save(_rejects(path))
    sign(_rejects(path), rows=len(rejects))


def _module(source: str) -> ModuleType:
    return importlib.import_module(SOURCES[source])


def _entry(source: str, inputs: list) -> Path:
    return entry_path("tables", inputs, _makers(source), ".arrow")


def _inputs(source: str, place: Path) -> list:
    """Return what decides a table beside code: the list of its studies, and every file's stamp."""
    index = place / _module(source).INDEX
    stamp = stamp_of(place)
    try:
        listed = index.read_bytes()
    except OSError as error:
        fault = f"cannot be read ({error.strerror or error})"
        raise InputError(index, fault, "Fetch the source again, or make it again.") from error
    return [source, str(place), listed, stamp, str(features())]


def _makers(source: str) -> list:
    """Return what turns a source into a table: code, patterns and SQL."""
    return [_module(source).rows, write_table, PATTERN_FILE, MESH_FILE, SQL_FILE]


def _rejects(table: Path) -> Path:
    return table.with_suffix(".rejects.csv")
