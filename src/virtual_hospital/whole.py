"""What is on disk is checked, not believed: the note of a hospital, its parts and all its files.

A hospital that is complete has a list of its files and their sizes, `truth/files.csv`; one of an
earlier version has none, and is held against the names in its truth alone. Explained in
book/01_reading_a_radiograph.
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from txtray_utils.errors import InputError, replacing
from virtual_hospital.cohort import Case
from virtual_hospital.tables import COLUMNS

NOTE = "truth/cohort.json"
FILES = "truth/files.csv"
PARTS = "truth/parts"
TREES = ("mimic-cxr", "mimic-cxr-jpg", "mimic-iv", "mimic-iv-ed", "truth")
ANSWERS = ("truth/studies.parquet", "truth/record.csv", "truth/labs.csv", "truth/pitfalls.csv")
KEY = ["subject_id", "study_id", "image_id"]
UNREADABLE = (OSError, ValueError, KeyError, pa.ArrowException)


def is_complete(folder: Path, config: Mapping) -> bool:
    """Tell whether this very hospital is complete; False if none is begun, or it is half made.

    Raises:
        InputError: its note cannot be read, it is another one, files of it are lost or torn, or
            the folder holds files of the same names that are not of a virtual hospital.
    """
    note = folder / NOTE
    if not note.exists():
        _refuse_other(folder)
        return False
    there = read_note(note)
    if there | config != there:
        wrong = f"the folder holds another cohort ({there}), not {dict(config)}"
        remedy = "Delete the folder, or make the cohort in another one (TXTRAY_DATA, or --out)."
        raise InputError(note, wrong, remedy)
    if not there.get("complete"):
        return False
    shutil.rmtree(folder / PARTS, ignore_errors=True)  # left by one killed at its last step
    _check_files(folder)
    return True


def write_note(folder: Path, config: Mapping) -> None:
    """Say in the folder what it holds, or will hold; raises InputError as `replacing`."""
    with replacing(folder / NOTE) as partial:
        partial.write_text(json.dumps(config, indent=1) + "\n")


def finish(folder: Path, config: Mapping) -> None:
    """List the files of a hospital and call it complete; its parts are no longer needed.

    Raises:
        InputError: the folder cannot be written or is full.
    """
    rows = []
    for tree in TREES:
        for path in sorted((folder / tree).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and name not in (NOTE, FILES) and not name.startswith(PARTS):
                rows.append((name, path.stat().st_size))
    with replacing(folder / FILES) as partial:
        pd.DataFrame(rows, columns=["file", "size"]).to_csv(partial, index=False)
    write_note(folder, {**config, "complete": True})
    shutil.rmtree(folder / PARTS, ignore_errors=True)


def is_part(file: Path, folder: Path, cases: Sequence[Case]) -> bool:
    """Tell whether a part is whole: its truth can be read and is of these studies, whose files
    are there."""
    try:
        truth = pd.read_parquet(file)
        found = truth["study_id"].tolist()
        missing, torn = _wanting(folder, study_files(truth))
    except UNREADABLE:
        return False
    return found == [case.study_id for case in cases] and not missing and not torn


def read_note(note: Path) -> dict:
    """Return what a note says; raises InputError where it is torn."""
    try:
        there = json.loads(note.read_bytes())
    except (OSError, ValueError):
        there = None
    if not isinstance(there, dict):
        fault = "is empty or torn, as after a full disk, so what the folder holds is not known"
        remedy = f"Delete {note.parent.parent} and run this again; the hospital is made anew."
        raise InputError(note, fault, remedy)
    return there


def _refuse_other(folder: Path) -> None:
    """Refuse to write among files that no maker of hospitals has begun."""
    for tree in TREES:
        for path in (folder / tree).rglob("*"):
            if path.is_file() and path.suffix != ".partial":
                fault = f"holds {tree}, but no {NOTE}, so it is no virtual hospital"
                remedy = "Choose another folder, or delete it if it was one."
                raise InputError(folder, fault, remedy)


def _check_files(folder: Path) -> None:
    """Compare a complete hospital with the list of its files.

    Raises:
        InputError: files are lost or torn, with the names of the first few.
    """
    try:
        sizes = _listed(folder)
    except UNREADABLE as error:
        fault = f"its list of files cannot be read ({error})"
        raise InputError(folder, fault, _anew(folder)) from error
    missing, torn = _wanting(folder, sizes)
    faults = []
    for what, names in (("lost", missing), ("torn", torn)):
        if names:
            faults.append(f"{len(names)} of its {len(sizes)} files {what}: {_few(names)}")
    if faults:
        raise InputError(folder, "; ".join(faults), _anew(folder))


def _listed(folder: Path) -> dict[str, int | None]:
    """Return the size in bytes of every file of a hospital by its name, None where not known."""
    if (folder / FILES).exists():
        files = pd.read_csv(folder / FILES)
        return dict(zip(files["file"], files["size"], strict=True))
    truth = pd.read_parquet(folder / ANSWERS[0], columns=KEY)
    tables = [f"{name}.csv.gz" for name in COLUMNS]
    return study_files(truth) | dict.fromkeys([*tables, *ANSWERS])


def study_files(truth: pd.DataFrame) -> dict[str, int | None]:
    """Return the names of the films and reports of studies, with no sizes."""
    names = []
    for row in truth[KEY].itertuples():
        study = f"files/p{row.subject_id[:2]}/p{row.subject_id}/s{row.study_id}"
        names.append(f"mimic-cxr/{study}/{row.image_id}.dcm")
        names.append(f"mimic-cxr-jpg/{study}/{row.image_id}.jpg")
        names.append(f"mimic-cxr/{study}.txt")
    return dict.fromkeys(names)


def _wanting(folder: Path, sizes: Mapping[str, int | None]) -> tuple[list[str], list[str]]:
    """Return the files that are not there, and those that are empty or of another size."""
    missing, torn = [], []
    for name, size in sizes.items():
        try:
            found = os.path.getsize(f"{folder}/{name}")  # faster than a Path for each of thousands
        except OSError:
            missing.append(name)
            continue
        if found == 0 or size not in (None, found):
            torn.append(name)
    return missing, torn


def _few(names: Sequence[str]) -> str:
    """Return the first three names, in words."""
    more = ", ..." if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _anew(folder: Path) -> str:
    return f"Delete {folder} and run this again; the hospital is made anew, the same to the byte."
