"""Check a downloaded tree: python -m txtray_utils.check_tree openi|covid|mimic|mimic-demo [--dest DIR].

It counts, looks for missing files, rows without a partner and files that differ from the published SHA-256, and says
what each chapter can do with what is there. The exit status is 1 if something is wrong, 0 if the tree is sound, even if
parts are not downloaded. Explained in book/03_linking_images_to_the_record.
"""

import argparse
import hashlib
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from txtray_utils.errors import InputError
from txtray_utils.settings import data_dir, settings
from txtray_utils.sources.mimic import INDEX, SPLIT, films_in, read_csv, report_of

SOURCES = ("openi", "covid", "mimic", "mimic-demo")
CHAPTERS = {  # chapter: what it must have, and what it can use
    "01 Reading a radiograph": ({"films"}, {"masks"}),
    "02 Reading a report": ({"reports"}, {"codes"}),
    "03 Linking images to the record": ({"films", "record"}, {"emergency"}),
    "chapters that align films and reports": ({"films", "reports"}, {"record", "masks"}),
}
RECORD = ("hosp/patients", "hosp/admissions", "hosp/labevents", "hosp/d_labitems", "icu/icustays")
EMERGENCY = ("ed/edstays", "ed/triage")
LISTED = {"films": 377_110, "studies": 227_835}  # MIMIC-CXR 2.0.0 and 2.1.0
SHOWN = 3  # examples named of each fault


@dataclass
class Findings:
    """What a check found: `counts` by name, `faults` (wrong), `gaps` (not downloaded), and what it `has`."""

    counts: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    has: set[str] = field(default_factory=set)

    def compare(self, fault: str, names: set[str], gap: bool = False) -> None:
        """Note the `names` that have this fault, if any, with a few examples."""
        if names:
            some = ", ".join(sorted(names)[:SHOWN]) + (" ..." if len(names) > SHOWN else "")
            (self.gaps if gap else self.faults).append(f"{len(names):,} {fault}: {some}")

    def lines(self) -> list[str]:
        """Return the findings as text: counts, gaps, faults, then each chapter."""
        said = [f"{name:28} {count:>9,}" for name, count in self.counts.items()]
        said += [f"not here: {gap}" for gap in self.gaps] + [f"WRONG: {fault}" for fault in self.faults]
        for chapter, (must, can) in CHAPTERS.items():
            lacks, less = sorted(must - self.has), sorted(can - self.has)
            able = f"no, {' and '.join(lacks)} missing" if lacks else "yes"
            said.append(f"{chapter}: {able}" + (f", without {' and '.join(less)}" if less and not lacks else ""))
        return said


def check(source: str, folder: Path) -> Findings:
    """Check the tree of `source` in `folder`, hashes included; nothing is changed.

    Raises:
        InputError: the folder, or the table that lists its films, is missing or cannot be read.
    """
    if not folder.is_dir():
        raise InputError(folder, "is not a folder", f"Run data/download.sh {source}, or give --dest.")
    found = Findings()
    if source == "openi":
        _check_openi(folder, found)
    elif source == "covid":
        _check_covid(folder, found)
    else:
        if source == "mimic":
            _check_films(folder, found)
        _check_record(folder, found, films=source == "mimic")
    for sums in sorted(folder.glob("*/SHA256SUMS.txt")):
        _check_hashes(sums, found)
    for partial in sorted(folder.rglob("*.partial")):
        found.gaps.append(f"the rest of {partial.relative_to(folder)}: run data/download.sh {source} again")
    return found


def _check_films(folder: Path, found: Findings) -> None:
    films = read_csv(folder / INDEX, ("dicom_id", "subject_id", "study_id"))
    films["study"] = [report_of(row.subject_id, row.study_id) for row in films.itertuples()]
    studies = set(films["study"])
    found.counts |= {"film rows": len(films), "study rows": len(studies), "patient rows": films["subject_id"].nunique()}
    twice = set(films.loc[films["dicom_id"].duplicated(), "dicom_id"])
    found.compare("films have two rows in the metadata", twice)
    split = read_csv(folder / SPLIT, ("dicom_id", "subject_id", "split"))
    found.compare("films have no row in the split table", set(films["dicom_id"]) - set(split["dicom_id"]))
    sides = split.groupby("subject_id")["split"].nunique()
    found.compare("patients are in two splits", set(sides.index[sides > 1]))
    listed = folder / "mimic-cxr/cxr-record-list.csv.gz"
    if listed.is_file():
        others = set(read_csv(listed, ("dicom_id",))["dicom_id"]) ^ set(films["dicom_id"])
        found.compare("films are only in one of metadata and cxr-record-list", others)
    try:
        layout, kind = films_in(folder)
        rows = set((films["study"] + "/" + films["dicom_id"] + kind).tolist())
        there = {path.relative_to(folder / layout).as_posix() for path in (folder / layout / "files").rglob(f"*{kind}")}
        found.counts[f"films ({kind})"] = len(there)
        found.has |= {"films"} if there & rows else set()
        found.compare("films have no row", there - rows)
        found.compare("rows have no film", rows - there, gap=True)
    except InputError as error:
        found.gaps.append(f"films: {error.fault}")
    texts = {
        path.relative_to(folder / "mimic-cxr").as_posix()[:-4]
        for path in (folder / "mimic-cxr").rglob("files/*/*/s*.txt")
    }
    found.counts["reports"] = len(texts)
    found.has |= {"reports"} if texts & studies else set()
    found.compare("reports have no film row", texts - studies)
    found.compare("studies have no report", studies - texts, gap=True)
    for name, rows in (("films", len(films)), ("studies", len(studies))):
        if rows != LISTED[name]:
            found.gaps.append(
                f"MIMIC-CXR lists {LISTED[name]:,} {name}, this tree {rows:,} (a part, or a simulated hospital)"
            )


def _check_record(folder: Path, found: Findings, films: bool) -> None:
    for name, project, tables in (("record", "mimic-iv", RECORD), ("emergency", "mimic-iv-ed", EMERGENCY)):
        lost = {f"{project}/{table}" for table in tables if not list((folder / project).glob(f"{table}.csv*"))}
        found.compare(f"tables of the {name}", lost, gap=True)
        found.has |= set() if lost else {name}
    if "record" in found.has:
        path = next((folder / "mimic-iv/hosp").glob("patients.csv*"))
        patients = read_csv(path, ("subject_id",))["subject_id"]
        found.counts["patients in MIMIC-IV"] = len(patients)
        found.compare("patients have two rows in MIMIC-IV", set(patients[patients.duplicated()]))
        if films:
            owners = set(read_csv(folder / INDEX, ("subject_id",))["subject_id"])
            lost = owners - set(patients)
            found.compare(
                "patients with films are not in MIMIC-IV (about 100 are usual)",
                lost,
                gap=len(lost) <= max(2, 0.1 * len(owners)),
            )


def _check_openi(folder: Path, found: Findings) -> None:
    from txtray_utils.virtual.cases import read_headers, read_reports  # reads torchxrayvision's packaged files

    headers = set(read_headers()["image"])
    there = {"CXR" + path.stem.removeprefix("CXR") for kind in ("*.png", "*.dcm") for path in folder.rglob(kind)}
    found.counts |= {"films": len(there), "films with a header": len(headers), "reports": len(read_reports())}
    found.has |= {"reports", "codes"} | ({"films"} if there & headers else set())
    found.compare("headers have no film", headers - there, gap=True)
    found.compare("films have no header", there - headers)


def _check_covid(folder: Path, found: Findings) -> None:
    try:
        table = pd.read_csv(folder / "metadata.csv", dtype=str)
    except (OSError, ValueError) as error:
        raise InputError(folder / "metadata.csv", f"cannot be read ({error})", "Run data/download.sh covid.") from error
    listed = set(table.loc[table["folder"] == "images", "filename"])
    there = {path.name for path in (folder / "images").glob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg")}
    masks = len(list((folder / "annotations/lungVAE-masks").glob("*.png")))
    found.counts |= {"image rows": len(listed), "images": len(there), "lung masks": masks}
    found.has |= ({"films", "reports"} if there & listed else set()) | ({"masks"} if masks else set())
    found.compare("rows have no image", listed - there, gap=True)
    found.compare("images have no row", there - listed)


def _check_hashes(sums: Path, found: Findings) -> None:
    pairs = [line.split(maxsplit=1) for line in sums.read_text("utf-8").splitlines() if line.strip()]
    here = [
        (wanted, sums.parent / name.lstrip("*")) for wanted, name in pairs if (sums.parent / name.lstrip("*")).is_file()
    ]
    wrong = {path.relative_to(sums.parent.parent).as_posix() for wanted, path in here if _sha256(path) != wanted}
    found.counts[f"hashes ({sums.parent.name})"] = len(here)
    found.compare("files differ from the published SHA-256; run data/download.sh again", wrong)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Check the tree that the command line names, print the findings, return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m txtray_utils.check_tree", description=__doc__.split("\n\n")[1])
    parser.add_argument("source", choices=SOURCES)
    parser.add_argument("--dest", type=Path, help="the folder, if it is not where data/download.sh puts it")
    given = parser.parse_args(arguments)
    folder = given.dest or (settings().covid if given.source == "covid" else data_dir(given.source))
    try:
        found = check(given.source, folder)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join([f"{given.source} in {folder}", *found.lines()]))
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
