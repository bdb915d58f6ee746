"""The check of a tree of MIMIC-CXR and its record, or of the demo of MIMIC-IV.

Explained in book/03_linking_images_to_the_record.
"""

from pathlib import Path

import pandas as pd
from tree_contents import films_that_open, reports_with_text, table_fault
from tree_findings import PAIRS, Findings, printable

from txtray_utils.errors import InputError
from txtray_utils.read.record_small import SMALL
from txtray_utils.read.record_tables import AGAIN, EVENTS, ITEMS
from txtray_utils.studies.columns import FRONTAL
from txtray_utils.studies.sources.mimic import INDEX, SPLIT, films_in, read_csv, report_of

RECORD = ("hosp/patients", "hosp/admissions", "hosp/labevents", "hosp/d_labitems", "icu/icustays")
EMERGENCY = ("ed/edstays", "ed/triage")
MAY_BE_EMPTY = ("admissions", "icustays", "edstays", "triage")  # of a part of the tree
KINDS = (".csv.gz", ".csv")
LISTED = {"films": 377_110, "studies": 227_835}  # MIMIC-CXR 2.0.0 and 2.1.0
_IDS = ["dicom_id", "subject_id", "study_id"]


def check_films(folder: Path, found: Findings) -> None:
    """Check films, reports and their tables.

    Raises:
        InputError: the table that lists the films is missing.
    """
    if not (folder / INDEX).is_file():
        remedy = "Run data/download.sh mimic again, or give another --dest."
        raise InputError(folder / INDEX, "is missing", remedy)
    films = _film_rows(folder, found)
    studies = set(films["study"])
    _check_split(folder, films, found)
    _check_list(folder, films, found)
    there = _check_images(folder, films, found)

    reports = _reports(folder / "mimic-cxr")
    found.counts["reports"] = len(reports)
    texts = reports_with_text(reports, found)
    found.holds("reports", texts & studies)
    if studies:
        found.compare("reports have no film row", set(reports) - studies)
    found.compare("studies have no report", studies - set(reports), gap=True)
    if there:
        frontal = films["ViewPosition"].isin(FRONTAL)
        told = films["study"].isin(texts)
        seen = films["file"].isin(there)
        found.holds(PAIRS, (frontal & told & seen).any())
    here = {"films": len(films), "studies": len(studies)}
    for name, rows in here.items():
        if rows != LISTED[name]:
            lists = f"MIMIC-CXR lists {LISTED[name]:,} {name}"
            found.gaps.append(f"{lists}, this tree {rows:,} (a part, or a simulated hospital)")


def _film_rows(folder: Path, found: Findings) -> pd.DataFrame:
    """Return the rows of the metadata with `study`, the path of a study below a project."""
    films = _read(folder / INDEX, (*_IDS, "ViewPosition"), found)
    named = films[_IDS].notna().all(axis=1)
    found.compare("film rows lack an identifier (rows)", set(films.index[~named] + 2))
    films = films[named].copy()
    studies = [report_of(row.subject_id, row.study_id) for row in films.itertuples()]
    films["study"] = pd.Series(studies, films.index, str)
    found.counts["film rows"] = len(films)
    found.counts["study rows"] = films["study"].nunique()
    found.counts["patient rows"] = films["subject_id"].nunique()
    names = films["dicom_id"]
    twice = names[names.duplicated()]
    found.compare("films have two rows in the metadata", set(twice))
    return films


def _check_split(folder: Path, films: pd.DataFrame, found: Findings) -> None:
    split = _read(folder / SPLIT, ("dicom_id", "subject_id", "split"), found)
    if split.empty:
        found.lacks.add("the split table")
    listed = set(films["dicom_id"])
    sided = set(split["dicom_id"])
    if len(films) and len(split):
        found.compare("films have no row in the split table", listed - sided)
        found.compare("rows of the split table have no film row", sided - listed)
    sides = split.groupby("subject_id")["split"].nunique()
    found.compare("patients are in two splits", set(sides.index[sides > 1]))


def _check_list(folder: Path, films: pd.DataFrame, found: Findings) -> None:
    path = folder / "mimic-cxr/cxr-record-list.csv.gz"
    if not path.is_file():
        return
    others = _read(path, ("dicom_id",), found)["dicom_id"]
    if len(films) and len(others):
        listed = set(films["dicom_id"])
        lone = set(others) ^ listed
        found.compare("films are only in one of metadata and cxr-record-list", lone)


def _check_images(folder: Path, films: pd.DataFrame, found: Findings) -> set[str]:
    """Compare the rows with the image files; return these, and put `file` into the rows."""
    try:
        layout, kind = films_in(folder)
    except InputError as error:
        found.gaps.append(f"films: {error.fault}")
        return set()
    films["file"] = films["study"] + "/" + films["dicom_id"] + kind
    rows = set(films["file"])
    files = {}
    project = folder / layout
    for path in sorted((project / "files").rglob(f"*{kind}")):
        name = path.relative_to(project)
        files[printable(name.as_posix())] = path
    found.counts[f"films ({kind})"] = len(files)
    there = films_that_open(files, found)
    found.holds("films", there & rows)
    if rows:
        found.compare("films have no row", set(files) - rows)
    found.compare("rows have no film", rows - set(files), gap=True)
    return there


def _reports(project: Path) -> dict[str, Path]:
    texts = {}
    for path in project.rglob("files/*/*/s*.txt"):
        name = path.relative_to(project).with_suffix("")
        texts[printable(name.as_posix())] = path
    return texts


def check_record(folder: Path, found: Findings, films: bool) -> None:
    """Check the tables of the record, and its patients against those of the films, if there are."""
    parts = (("record", "mimic-iv", RECORD), ("emergency", "mimic-iv-ed", EMERGENCY))
    for name, project, tables in parts:
        lost, wrong = set(), False
        for table in tables:
            files = _tables(folder / project, table)
            if files:
                wrong = _is_wrong(files[0], found) or wrong
            else:
                lost.add(f"{project}/{table}")
        found.compare(f"tables of the {name}", lost, gap=True)
        found.holds(name, not lost and not wrong)
    people = _tables(folder / "mimic-iv", "hosp/patients")
    if not people or table_fault(people[0], ("subject_id",)):
        return
    patients = _patients(people[0], found)
    found.counts["patients in MIMIC-IV"] = len(patients)
    twice = patients[patients.duplicated()]
    found.compare("patients have two rows in MIMIC-IV", set(twice))
    if patients.empty:
        return
    known = set(patients)
    for table in ("hosp/admissions", "icu/icustays"):
        for path in _tables(folder / "mimic-iv", table)[:1]:
            if table_fault(path, ("subject_id",)):
                continue
            orphans = set(_patients(path, found)) - known
            found.compare(f"patients of {table} are not in hosp/patients", orphans)
    if films:
        subjects = _patients(folder / INDEX, Findings())
        owners = set(subjects.dropna())
        lost = owners - known
        few = max(2, 0.1 * len(owners))
        usual = len(lost) <= few
        fault = "patients with films are not in MIMIC-IV (about 100 are usual)"
        found.compare(fault, lost, gap=usual)


def _is_wrong(path: Path, found: Findings) -> bool:
    """Read a table of the record to its end; what is wrong with it is a fault."""
    name = path.name.partition(".")[0]
    if name in SMALL:
        small = SMALL[name]
        needed = ("subject_id", small.key, *small.columns)
    else:
        needed = EVENTS if name == "labevents" else ITEMS
    fault = table_fault(path, needed, may_be_empty=name in MAY_BE_EMPTY)
    if fault:
        found.faults.append(f"{path.parent.name}/{path.name} {fault}. {AGAIN}")
    return bool(fault)


def _patients(path: Path, found: Findings) -> pd.Series:
    return _read(path, ("subject_id",), found)["subject_id"]


def _tables(project: Path, name: str) -> list[Path]:
    files = [project / f"{name}{kind}" for kind in KINDS]
    return [file for file in files if file.is_file()]


def _read(path: Path, names: tuple[str, ...], found: Findings) -> pd.DataFrame:
    """Return the columns `names` as text.

    There are no rows of a table that is not there (a gap) or cannot be read (a fault).
    """
    short = f"{path.parent.name}/{path.name}"
    if path.is_file():
        try:
            return read_csv(path, names)
        except InputError as error:
            found.faults.append(f"{short} {error.fault}. {error.remedy}")
    else:
        found.gaps.append(f"the table {short}")
    return pd.DataFrame(columns=list(names), dtype=str)
