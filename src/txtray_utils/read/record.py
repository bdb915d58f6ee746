"""Linkage: the stay that a film belongs to, and what the record knew *before* it, in MIMIC-IV.

The time of prediction is when the film was taken (StudyTime of its earliest image): a film is read
minutes to days later, and what the record learns in between is left out. A model that answers when
the film is *read* would know more; it needs the time of reading, which MIMIC does not give.

DuckDB does the join: it unzips and reads csv.gz at once, keeps only the rows of the films'
patients, and spills to disk rather than to memory. MIMIC-CXR has no hadm_id or stay_id: the key is
the patient and the time. The rules: one row a study, an unlinked one is kept; a laboratory result
counts only if it was taken *and reported* (storetime) before the film was taken; items are found by
label, fluid and category, since item numbers move between releases; a blood gas is arterial or
venous as its specimen says, or is not used; columns are taken by name, so MIMIC-IV 2.x and 3.x
(which adds columns, and leaves hadm_id of labevents empty) read alike. Explained in
book/03_linking_images_to_the_record.
"""

import logging
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from txtray_utils.errors import InputError, Rejects
from txtray_utils.read.record_items import LABS, SPECIMEN_TYPE, VITALS
from txtray_utils.read.record_small import EMERGENCY, SMALL, check_coverage, check_order, load
from txtray_utils.read.record_tables import (
    AGAIN,
    EVENTS,
    HOSPITAL,
    ITEMS,
    connect,
    reject,
    run_on,
    sql,
    table_file,
)

LINKS = ("ed", "icu", "admission", "pre-admission", "none")
_IMAGE = {"study_id", "subject_id", "StudyDate", "StudyTime"}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Linked:
    """What `link` found, as three tables keyed by `study_id`.

    `studies`: subject_id, study_time, in_record, age (years; at least that if `age_capped`), sex,
    link_type (one of `LINKS`), ed_stay_id, icu_stay_id, hadm_id. `labs` and `vitals`: name, value,
    unit, hours_before, and where it was read (labs: labevent_id, charttime, storetime, `censored`
    "<" or ">"; vitals: stay_id).
    """

    studies: pd.DataFrame
    labs: pd.DataFrame
    vitals: pd.DataFrame


def study_times(
    images: pd.DataFrame, rejects: Rejects, where: str | Path = "metadata"
) -> pd.DataFrame:
    """Return study_id, subject_id and study_time of each study, read as `link` reads them."""
    with connect() as con:
        _studies(con, images, where, rejects)
        return con.execute(sql("study_times")).df()


def link(
    images: pd.DataFrame,
    record: Path,
    rejects: Rejects,
    where: str | Path = "metadata",
    hours: float = 24,
) -> Linked:
    """Return the record of each study of `images`.

    One row an image: study_id, subject_id, StudyDate, StudyTime. `record` holds `mimic-iv/hosp`,
    `mimic-iv/icu` and, if there, `mimic-iv-ed/ed`. A film is linked to the ED stay that it falls
    into (an hour more at each end, since the clocks differ), the ICU stay, and the admission, from
    arrival or up to 24 h before it. Results and vital signs are the last known in the `hours`
    before the film. Rows that cannot be used go to `rejects`; `where` names the file of `images`
    there.

    Raises:
        InputError: a table is missing, cut short, lacks a column or has one twice; an item number
            means another test than the one known; none of the patients is in the record (tables
            of another release); or the data folder cannot be written.
    """
    with connect() as con:
        _studies(con, images, where, rejects)
        paths = {}
        for name in SMALL:
            path = load(con, record, name, rejects)
            if path:
                paths[name] = path
        _check_patients(con, paths.pop("patients"), rejects)
        check_coverage(con, paths, rejects)
        check_order(con, paths, rejects)
        _nearest(con, "edstays", "intime", "outtime", before=1, after=1)
        _nearest(con, "icustays", "intime", "outtime")
        arrival = "least(admittime, coalesce(edregtime, admittime))"
        _nearest(con, "admissions", arrival, "dischtime", before=24)
        _labs(con, record, hours, rejects)
        _vitals(con, record, hours, rejects)
        studies = con.execute(sql("linked_studies")).df()
        labs = con.execute(sql("linked_labs")).df()
        vitals = con.execute(sql("linked_vitals")).df()
    return Linked(studies, labs, vitals)


def _studies(
    con: duckdb.DuckDBPyConnection, images: pd.DataFrame, where: str | Path, rejects: Rejects
) -> None:
    """Make the table `studies`.

    StudyDate is YYYYMMDD, StudyTime HHMMSS.fraction as a number without leading zeros.
    """
    missing = sorted(_IMAGE - set(images.columns))
    if missing:
        raise InputError(where, f"has no column {', '.join(missing)}", AGAIN)
    con.register("images", images)
    con.execute(sql("studies"))
    reject(con.execute(sql("study_faults")), rejects, where, "Mend its rows.")


def _check_patients(con: duckdb.DuckDBPyConnection, path: Path, rejects: Rejects) -> None:
    """Reject what does not fit between films and patients.

    That is another release, a missing patient, an age below 0 or over 120.
    """
    missing, patients = con.execute(sql("count_patients")).fetchone()
    if patients and missing == patients:
        fault = f"holds none of the {patients} patients with films"
        remedy = "Use MIMIC-IV: ids of MIMIC-III and of other hospitals do not match."
        raise InputError(path, fault, remedy)
    if missing > 0.01 * patients:
        text = "%d of %d patients with films are not in %s; 1 %% is usual"
        log.warning(text, missing, patients, path)
    absent = con.execute(sql("missing_patients"))
    reject(absent, rejects, path, "Use films and record of one release.")
    ages = con.execute(sql("impossible_ages"))
    reject(ages, rejects, path, "Check anchor_year and StudyDate.")


def _nearest(
    con: duckdb.DuckDBPyConnection,
    name: str,
    start: str,
    stop: str,
    *,
    before: int = 0,
    after: int = 0,
) -> None:
    """Make `near_<name>`: for a study the stay with the smallest `gap`, then the latest start.

    The gap is 0 inside; `before` and `after` are the hours that a stay is wider than it says.
    """
    query = sql("nearest", name=name, key=SMALL[name].key, start=start, stop=stop)
    con.execute(query, {"before": before, "after": after})


def _labs(con: duckdb.DuckDBPyConnection, record: Path, hours: float, rejects: Rejects) -> None:
    """Make `results`: each result of a known test, taken and reported in time before a film."""
    items = table_file(record, "d_labitems", HOSPITAL)
    events = table_file(record, "labevents", HOSPITAL)
    con.register("known", _known())
    con.register("factors", _factors())
    run_on(con, items, ITEMS, "items", rejects)
    repeated = con.execute(sql("repeated_items"))
    if reject(repeated, rejects, items, f"Keep one row of it. {AGAIN}"):
        con.execute(sql("single_items"))
    _check_items(con, items)
    run_on(con, events, EVENTS, "taken", rejects, values={"hours": hours})
    check_coverage(con, {"taken": events}, rejects)
    con.execute(sql("results"))
    faults = con.execute(sql("result_faults"))
    reject(faults, rejects, events, "The result is left out; check it, or LABS.")


def _known() -> pd.DataFrame:
    """Return the dictionary entries that are read; "specimen" says what kind a blood gas is."""
    rows: list[tuple] = [("specimen", *SPECIMEN_TYPE, "", None, None, "")]
    for lab in LABS:
        for label in lab.labels:
            rows.append((lab.name, label, lab.category, lab.unit, lab.low, lab.high, lab.specimen))
    columns = ["name", "label", "category", "unit", "low", "high", "specimen"]
    return pd.DataFrame(rows, columns=columns)


def _factors() -> pd.DataFrame:
    rows = []
    for lab in LABS:
        for unit, factor in lab.factors.items():
            rows.append((lab.name, unit, factor))
    return pd.DataFrame(rows, columns=["name", "valueuom", "factor"])


def _check_items(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Say which tests the dictionary does not have; refuse one that means something else."""
    query = "SELECT itemid, label, fluid, category, name FROM items"
    entries = defaultdict(list)
    there = set()
    for number, label, fluid, category, name in con.execute(query).fetchall():
        entries[number].append((label, fluid, category, name))
        there.add(name)
    for lab in LABS:
        for number in map(str, lab.known):
            meant = entries.get(number, [])
            if not meant or lab.name in {name for *_, name in meant}:
                continue
            label, fluid, category, _ = meant[0]
            means = f"{label!r} ({fluid}, {category})"
            fault = f"itemid {number} is {means}, not {lab.labels[0]!r}"
            remedy = "It is of another release: use d_labitems and labevents of one MIMIC-IV."
            raise InputError(path, fault, remedy)
    lost = [f"{lab.labels[0]} ({lab.category})" for lab in LABS if lab.name not in there]
    if len(lost) == len(LABS):
        remedy = "Use d_labitems of MIMIC-IV, or extend LABS."
        raise InputError(path, "has no test that is known here", remedy)
    if lost:
        log.warning("%s has no %s: missing for every study", path, ", ".join(lost))


def _vitals(con: duckdb.DuckDBPyConnection, record: Path, hours: float, rejects: Rejects) -> None:
    """Make `signed`, vital signs from triage, if the film came after it.

    Triage has no time of its own: its time is that of arrival.
    """
    rows = [(name, *rest) for name, rest in VITALS.items()]
    con.register("signs", pd.DataFrame(rows, columns=["name", "unit", "low", "high"]))
    con.execute(sql("signed"), {"hours": hours})
    faults = con.execute(sql("sign_faults"))
    path = record / EMERGENCY / "triage.csv.gz"
    reject(faults, rejects, path, "The value is left out; check it.")
