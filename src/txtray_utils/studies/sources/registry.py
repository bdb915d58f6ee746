"""Every source of studies behind one function: `load_studies` returns the study table of any.

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
from txtray_utils.guard import meet
from txtray_utils.keep import entry_path, kept
from txtray_utils.read.mesh_rules import MESH_FILE
from txtray_utils.read.patterns import PATTERN_FILE
from txtray_utils.read.record_tables import SQL_FILE
from txtray_utils.settings import settings
from txtray_utils.studies.columns import features
from txtray_utils.studies.table import make_table, read_table

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

    It is kept in `data_dir("tables")` and made again when the source's index, its folder or the
    code that reads it changes.

    Raises:
        InputError: the source is not there, or nothing of it can be used.
        ValueError: there is no such source.
    """
    source = source or settings().source
    return read_folder(source, _module(source).folder())


def load_rejects(source: str | None = None) -> pd.DataFrame:
    """Return what `load_studies` left out: file, row, fault, remedy. Raises as `load_studies`."""
    source = source or settings().source
    place = _module(source).folder()
    read_folder(source, place)
    rejects = _rejects(_entry(source, place))
    return pd.read_csv(rejects, dtype=str, keep_default_na=False)


def read_folder(source: str, place: Path) -> Dataset:
    """Return the study table of any folder that is laid out as those of `source` are.

    It is kept, and raises, as `load_studies` says.
    """
    rows = _module(source).rows
    meet(source)
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


def _module(source: str) -> ModuleType:
    if source not in SOURCES:
        names = ", ".join(SOURCES)
        raise ValueError(f"there is no source {source!r}; choose one of {names}")
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
