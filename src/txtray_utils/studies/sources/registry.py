"""Every source of studies behind one function: `load_studies` returns the study table of any.

Several, such as "demo+openi", give one table; each row keeps its source.

A source is a module with three names, and one line in `SOURCES`:

- `INDEX`: the file, below the source's folder, that lists its studies; the table is made again when
  it changes;
- `folder() -> Path`: where the source lies on this machine (made or checked there);
- `rows(place, rejects) -> Iterator[dict]`: one dict a study with the columns of `studies.columns`;
  what cannot be used goes to `rejects`.

Explained in book/01_reading_a_radiograph.
"""

import importlib
import logging
import os
from pathlib import Path
from types import ModuleType

import pandas as pd
from datasets import Dataset

from txtray_utils.errors import Rejects
from txtray_utils.keep import entry_path, kept
from txtray_utils.read.mesh_rules import MESH_FILE
from txtray_utils.read.patterns import PATTERN_FILE
from txtray_utils.read.record_tables import SQL_FILE
from txtray_utils.settings import settings, source_names
from txtray_utils.studies.columns import features
from txtray_utils.studies.table import joined, make_table, read_table

SOURCES = {
    "demo": "virtual_hospital.source",
    "covid": "txtray_utils.studies.sources.covid",
    "folder": "txtray_utils.studies.sources.folder",
    "lungs": "txtray_utils.studies.sources.lungs",
    "mimic": "txtray_utils.studies.sources.mimic",
    "nih": "txtray_utils.studies.sources.nih",
    "openi": "txtray_utils.studies.sources.openi",
}

log = logging.getLogger(__name__)


def load_studies(source: str | None = None) -> Dataset:
    """Return the study table of `source` (default: `settings().source`), made on first use.

    Of several joined by + it is one table; nothing is copied. Each source's table is kept in
    `data_dir("tables")` and made again when the source's index, its folder or the code that reads
    it changes.

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
        read_folder(name, place)
        rejects = _rejects(_entry(name, place))
        lists.append(pd.read_csv(rejects, dtype=str, keep_default_na=False))
    return pd.concat(lists, ignore_index=True)


def read_folder(source: str, place: Path) -> Dataset:
    """Return the study table of any folder that is laid out as those of `source` are.

    It is kept, and raises, as `load_studies` says.
    """
    rows = _module(source).rows
    path = _entry(source, place)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    if not _rejects(path).exists():
        path.unlink(missing_ok=True)

    def make() -> Dataset:
        rejects = Rejects()
        made = make_table(rows(place, rejects), new, rejects)
        rejects.save(_rejects(path))
        text = "%s: %d studies, %d rejects, table in %s"
        log.info(text, source, len(made), len(rejects), path)
        return made

    def write(made: Dataset, partial: Path) -> None:
        os.replace(new, partial)

    return kept(
        "tables",
        _inputs(source, place),
        _makers(source),
        make=make,
        write=write,
        read=read_table,
        ending=".arrow",
    )


def _names(source: str | None) -> tuple[str, ...]:
    return source_names(source or settings().source, SOURCES)


def _module(source: str) -> ModuleType:
    return importlib.import_module(SOURCES[source])


def _entry(source: str, place: Path) -> Path:
    return entry_path("tables", _inputs(source, place), _makers(source), ".arrow")


def _inputs(source: str, place: Path) -> list:
    index = place / _module(source).INDEX
    changed = index.stat().st_mtime_ns
    return [source, str(place), index.read_bytes(), changed, str(features())]


def _makers(source: str) -> list:
    """Return what turns a source into a table: code, patterns and SQL."""
    return [_module(source).rows, make_table, PATTERN_FILE, MESH_FILE, SQL_FILE]


def _rejects(table: Path) -> Path:
    return table.with_suffix(".rejects.csv")
