"""Every source of studies behind one function: `load_studies` returns the study table of any of
them.

A source is a module of this package with three names, and one line in `SOURCES`:

- `INDEX`: the file, below the source's folder, that lists its studies; the table is made again when
it changes;
- `folder() -> Path`: where the source lies on this machine (made or checked there);
- `rows(folder, rejects) -> Iterator[dict]`: one dict a study with the columns of
  `studies.features`; what cannot be used goes to `rejects`.

Explained in book/01_reading_a_radiograph.
"""

import hashlib
import importlib
import logging
from pathlib import Path

import pandas as pd
from datasets import Dataset

from txtray_utils.errors import Rejects
from txtray_utils.settings import data_dir, settings
from txtray_utils.studies.columns import features
from txtray_utils.studies.table import make_table, read_table

SOURCES = {
    "demo": "virtual_hospital.source",
    "covid": "txtray_utils.studies.sources.covid",
    "mimic": "txtray_utils.studies.sources.mimic",
    "openi": "txtray_utils.studies.sources.openi",
}


_CODE = Path(__file__).parents[3]  # the folder of both packages
_MADE_BY = (
    "txtray_utils/vocabulary.py",
    "txtray_utils/read/*",
    "txtray_utils/studies/**/*.py",
    "virtual_hospital/source.py",
)


log = logging.getLogger(__name__)


def load_studies(source: str | None = None) -> Dataset:
    """Return the study table of `source` (default: `settings().source`), made on first use and then
    kept.

    It is kept in `data_dir("tables")` and made again when the source's index, its folder or the
    code that reads it changes.

    Raises:
        InputError: the source is not there, or nothing of it can be used.
        ValueError: there is no such source.
    """
    return read_table(_table(source))


def load_rejects(source: str | None = None) -> pd.DataFrame:
    """Return what `load_studies` left out: columns file, row, fault, remedy. Raises as
    `load_studies`."""
    return pd.read_csv(_rejects(_table(source)), dtype=str, keep_default_na=False)


def _table(source: str | None) -> Path:
    """Return the file of the source's table, making it and its rejects if they are not there."""
    source = source or settings().source
    if source not in SOURCES:
        raise ValueError(f"there is no source {source!r}; choose one of {', '.join(SOURCES)}")
    module = importlib.import_module(SOURCES[source])
    folder = module.folder()
    index = folder / module.INDEX
    what = str((folder, index.stat().st_mtime_ns, features(), reading_code()))
    key = hashlib.sha256(what.encode() + index.read_bytes())
    path = data_dir("tables") / f"{source}-{key.hexdigest()[:12]}.arrow"
    if not (path.exists() and _rejects(path).exists()):
        rejects = Rejects()
        made = make_table(module.rows(folder, rejects), path, rejects)
        rejects.save(_rejects(path))
        log.info("%s: %d studies, %d rejects, table in %s", source, len(made), len(rejects), path)
    return path


def reading_code() -> str:
    """Return a hash of the code that turns a source into a study table."""
    key = hashlib.sha256()
    for code in sorted(
        file for pattern in _MADE_BY for file in _CODE.glob(pattern) if file.is_file()
    ):
        key.update(code.read_bytes())
    return key.hexdigest()[:12]


def _rejects(table: Path) -> Path:
    return table.with_suffix(".rejects.csv")
