"""The small tables of a record, loaded whole: patients, stays, and what triage measured.

A row that cannot be used goes to the rejects and the rest goes on. Explained in
book/03_linking_images_to_the_record.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import duckdb

from txtray_utils.errors import Rejects
from txtray_utils.read.record_items import VITALS
from txtray_utils.read.record_tables import AGAIN, HOSPITAL, reject, run_on, sql, table_file

INTENSIVE, EMERGENCY = "mimic-iv/icu", "mimic-iv-ed/ed"
_STAY = {"intime": "time_in", "outtime": "time_in"}
_OPTIONAL = {"edregtime", *VITALS}  # elsewhere a missing value is a fault
_CHANCE = 1e-4  # what is less likely than this did not come about by chance

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Small:
    """A table that is loaded whole: its folder, its key, and the macros that read its columns."""

    folder: str
    key: str
    columns: dict[str, str]


SMALL = {
    "patients": Small(
        HOSPITAL,
        "subject_id",
        {"gender": "sex_in", "anchor_age": "age_in", "anchor_year": "year_in"},
    ),
    "admissions": Small(
        HOSPITAL,
        "hadm_id",
        {"admittime": "time_in", "dischtime": "time_in", "edregtime": "time_in"},
    ),
    "icustays": Small(INTENSIVE, "stay_id", _STAY),
    "edstays": Small(EMERGENCY, "stay_id", _STAY),
    "triage": Small(EMERGENCY, "stay_id", dict.fromkeys(VITALS, "amount_in")),
}


def load(con: duckdb.DuckDBPyConnection, record: Path, name: str, rejects: Rejects) -> Path | None:
    """Make the table `name` of the studies' patients, typed; return its file.

    The ED tables are a project of their own: optional. Without them they are empty, of no file.
    """
    table = SMALL[name]
    if table.folder == EMERGENCY and not (record / EMERGENCY).is_dir():
        lost = "no film is linked to a stay there, and there are no vital signs"
        log.warning("%s is missing: %s", EMERGENCY, lost)
        con.execute(sql(f"no_{name}"))
        path = None
    else:
        path = table_file(record, name, table.folder)
        needed = dict.fromkeys(("subject_id", table.key, *table.columns))
        ids = [
            f"id_in({column}) AS {column}" for column in dict.fromkeys(("subject_id", table.key))
        ]
        run_on(con, path, tuple(needed), "raw", rejects, names={"ids": ", ".join(ids)})
        _check_keys(con, path, table.key, rejects)
        _check_cells(con, path, table, rejects)
    con.execute(sql(name))
    return path


def _check_keys(con: duckdb.DuckDBPyConnection, path: Path, key: str, rejects: Rejects) -> None:
    """Leave out rows without a key, and rows of one key that differ."""
    (good,) = con.execute(sql("is_keyed", key=key)).fetchone()
    if good:
        return
    missing = con.execute(sql("no_key", key=key))
    reject(missing, rejects, path, "The row is left out; mend it.")
    twice = con.execute(sql("repeated", key=key))
    reject(twice, rejects, path, f"Keep one row of it. {AGAIN}")
    con.execute(sql("keyed", key=key))


def _check_cells(
    con: duckdb.DuckDBPyConnection, path: Path, table: Small, rejects: Rejects
) -> None:
    """Reject each cell that its macro cannot read."""
    queries = []
    for column, kind in table.columns.items():
        optional = str(column in _OPTIONAL)
        names = {"key": table.key, "column": column, "kind": kind, "optional": optional}
        queries.append(sql("bad_cells", **names))
    found = con.execute(" UNION ALL ".join(queries) + " ORDER BY ALL")
    reject(found, rejects, path, "Mend it; the row is used without it.")


def check_coverage(
    con: duckdb.DuckDBPyConnection, paths: dict[str, Path], rejects: Rejects
) -> None:
    """Say if a table has no row of these patients, or none of those behind some number.

    `paths`: the name of each table here, and its file.

    MIMIC's tables are sorted by patient, so one that is cut at a line end has no rows of the last
    patients: the fault is named where chance would not leave so many out.
    """
    queries = []
    for name in paths:
        queries.append(f"({sql('coverage', name=name)})")
    remedy = f"It may be cut at a line end. {AGAIN}"
    for name, seen, behind, patients in con.execute(" UNION ALL ".join(queries)).fetchall():
        share = (seen + 1) / (patients - behind + 2)
        if not seen:
            log.warning("%s has no row for the %d patients with films", paths[name], patients)
        if (1 - share) ** behind < _CHANCE:
            fault = f"has no row for the last {behind} of {patients} patients with films"
            rejects.add(paths[name], "", fault, remedy)


def check_order(con: duckdb.DuckDBPyConnection, paths: dict[str, Path], rejects: Rejects) -> None:
    """Reject the stays that end before they begin; no film is linked to one."""
    queries = []
    for name in paths:
        table = SMALL[name]
        if table.key == "subject_id" or name == "triage":
            continue
        start, stop = list(table.columns)[:2]
        names = {"name": name, "key": table.key, "start": start, "stop": stop}
        queries.append(sql("backwards", **names))
    found = con.execute(" UNION ALL ".join(queries) + " ORDER BY ALL")
    for name, row, fault in found.fetchall():
        rejects.add(paths[name], row, fault, "No film is linked to it; mend its times.")
