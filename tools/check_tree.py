"""Check a downloaded tree: python tools/check_tree.py openi|covid|mimic|mimic-demo [--dest DIR].

It counts, looks for missing files, rows without a partner and files that differ from the published
SHA-256, and says what each chapter can do with what is there. The exit status is 1 if something is
wrong, 0 if the tree is sound, even if parts are not downloaded. What cannot be read is named as
wrong, and the rest is checked. Explained in book/03_linking_images_to_the_record."""

import argparse
import hashlib
import re
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from txtray_utils.errors import InputError
from txtray_utils.settings import data_dir, settings
from txtray_utils.studies.columns import FRONTAL
from txtray_utils.studies.sources.mimic import INDEX, SPLIT, films_in, read_csv, report_of

PAIRS = "frontal films with reports"
SOURCES = ("openi", "covid", "mimic", "mimic-demo")
CHAPTERS = {  # chapter: what it must have, and what it can use
    "01 Reading a radiograph": ({"films"}, {"masks"}),
    "02 Reading a report": ({"reports"}, {"codes"}),
    "03 Linking images to the record": ({"films", "record"}, {"emergency"}),
    "04 Contrastive alignment": (
        {PAIRS},
        {"drawn findings"},
    ),  # which the virtual hospital alone knows
    "05 Retrieval and zero-shot": ({PAIRS}, {"drawn findings"}),
    "06 Writing a report": ({PAIRS}, set()),
    "07 Judging a report": ({PAIRS}, set()),
}
RECORD = ("hosp/patients", "hosp/admissions", "hosp/labevents", "hosp/d_labitems", "icu/icustays")
EMERGENCY = ("ed/edstays", "ed/triage")
KINDS = (".csv.gz", ".csv")
LISTED = {"films": 377_110, "studies": 227_835}  # MIMIC-CXR 2.0.0 and 2.1.0
SHOWN = 3  # examples named of each fault


@dataclass
class Findings:
    """What a check found: `counts` by name, `faults` (wrong), `gaps` (not downloaded), and what it
    `has`."""

    counts: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    has: set[str] = field(default_factory=set)

    def compare(self, fault: str, names: set[str], gap: bool = False) -> None:
        """Note the `names` that have this fault, if any, with a few examples."""
        if names:
            some = ", ".join(sorted(map(str, names))[:SHOWN]) + (
                " ..." if len(names) > SHOWN else ""
            )
            (self.gaps if gap else self.faults).append(f"{len(names):,} {fault}: {some}")

    def lines(self) -> list[str]:
        """Return the findings as text: counts, gaps, faults, then each chapter."""
        said = [f"{name:28} {count:>9,}" for name, count in self.counts.items()]
        said += [f"not here: {gap}" for gap in self.gaps] + [
            f"WRONG: {fault}" for fault in self.faults
        ]
        for chapter, (must, can) in CHAPTERS.items():
            lacks, less = sorted(must - self.has), sorted(can - self.has)
            able = f"no, {' and '.join(lacks)} missing" if lacks else "yes"
            said.append(
                f"{chapter}: {able}"
                + (f", without {' and '.join(less)}" if less and not lacks else "")
            )
        return said


def check(source: str, folder: Path) -> Findings:
    """Check the tree of `source` in `folder`, hashes included; nothing is changed.

    Raises:
        InputError: the folder, or the table that lists its films, is missing, or (`covid`) cannot
    be read."""
    if not folder.is_dir():
        place = ", set TXTRAY_COVID to where that puts it," if source == "covid" else ""
        raise InputError(
            folder, "is not a folder", f"Run data/download.sh {source}{place} or give --dest."
        )
    found = Findings()
    if source == "openi":
        _check_openi(folder, found)
    elif source == "covid":
        _check_covid(folder, found)
    else:
        if source == "mimic":
            _check_films(folder, found)
        _check_record(folder, found, films=source == "mimic")
    for project in sorted(
        folder.glob({"mimic": "mimic-*", "mimic-demo": "mimic-iv*"}.get(source, "no project"))
    ):
        _check_hashes(project / "SHA256SUMS.txt", found)
    for partial in sorted(folder.rglob("*.partial")):
        found.gaps.append(
            f"the rest of {partial.relative_to(folder)}: run data/download.sh {source} again"
        )
    return found


def _read(path: Path, names: tuple[str, ...], found: Findings) -> pd.DataFrame:
    """Return the columns `names` as text; none of a table that is not there (a gap) or cannot be
    read (a fault)."""
    short = f"{path.parent.name}/{path.name}"
    if path.is_file():
        try:
            return read_csv(path, names)
        except InputError as error:
            found.faults.append(f"{short} {error.fault}. {error.remedy}")
    else:
        found.gaps.append(f"the table {short}")
    return pd.DataFrame(columns=list(names), dtype=str)


def _check_films(folder: Path, found: Findings) -> None:
    if not (folder / INDEX).is_file():
        raise InputError(
            folder / INDEX,
            "is missing",
            "Run data/download.sh mimic again, or give another --dest.",
        )
    films = _read(folder / INDEX, ("dicom_id", "subject_id", "study_id", "ViewPosition"), found)
    named = films[["dicom_id", "subject_id", "study_id"]].notna().all(axis=1)
    found.compare("film rows lack an identifier (rows)", set(films.index[~named] + 2))
    films = films[named].copy()
    films["study"] = pd.Series(
        [report_of(row.subject_id, row.study_id) for row in films.itertuples()], films.index, str
    )
    studies = set(films["study"])
    found.counts |= {
        "film rows": len(films),
        "study rows": len(studies),
        "patient rows": films["subject_id"].nunique(),
    }
    twice = set(films.loc[films["dicom_id"].duplicated(), "dicom_id"])
    found.compare("films have two rows in the metadata", twice)
    split = _read(folder / SPLIT, ("dicom_id", "subject_id", "split"), found)
    if len(films) and len(split):
        found.compare(
            "films have no row in the split table", set(films["dicom_id"]) - set(split["dicom_id"])
        )
        found.compare(
            "rows of the split table have no film row",
            set(split["dicom_id"]) - set(films["dicom_id"]),
        )
    sides = split.groupby("subject_id")["split"].nunique()
    found.compare("patients are in two splits", set(sides.index[sides > 1]))
    listed = folder / "mimic-cxr/cxr-record-list.csv.gz"
    others = _read(listed, ("dicom_id",), found)["dicom_id"] if listed.is_file() else ()
    if len(films) and len(others):
        lone = set(others) ^ set(films["dicom_id"])
        found.compare("films are only in one of metadata and cxr-record-list", lone)
    there: set[str] = set()
    try:
        layout, kind = films_in(folder)
        films["file"] = films["study"] + "/" + films["dicom_id"] + kind
        rows = set(films["file"])
        there = {
            path.relative_to(folder / layout).as_posix()
            for path in (folder / layout / "files").rglob(f"*{kind}")
        }
        found.counts[f"films ({kind})"] = len(there)
        found.has |= {"films"} if there & rows else set()
        found.compare("films have no row", there - rows if rows else set())
        found.compare("rows have no film", rows - there, gap=True)
    except InputError as error:
        found.gaps.append(f"films: {error.fault}")
    texts = {
        path.relative_to(folder / "mimic-cxr").as_posix()[:-4]
        for path in (folder / "mimic-cxr").rglob("files/*/*/s*.txt")
    }
    found.counts["reports"] = len(texts)
    found.has |= {"reports"} if texts & studies else set()
    found.compare("reports have no film row", texts - studies if studies else set())
    found.compare("studies have no report", studies - texts, gap=True)
    frontal = films[films["ViewPosition"].isin(FRONTAL) & films["study"].isin(texts)]
    found.has |= {PAIRS} if there and frontal["file"].isin(there).any() else set()
    for name, rows in (("films", len(films)), ("studies", len(studies))):
        if rows != LISTED[name]:
            found.gaps.append(
                f"MIMIC-CXR lists {LISTED[name]:,} {name}, this tree {rows:,} (a part, or a simulated hospital)"
            )


def _check_record(folder: Path, found: Findings, films: bool) -> None:
    for name, project, tables in (
        ("record", "mimic-iv", RECORD),
        ("emergency", "mimic-iv-ed", EMERGENCY),
    ):
        lost = {f"{project}/{table}" for table in tables if not _tables(folder / project, table)}
        found.compare(f"tables of the {name}", lost, gap=True)
        found.has |= set() if lost else {name}
    if not (people := _tables(folder / "mimic-iv", "hosp/patients")):
        return
    patients = _read(people[0], ("subject_id",), found)["subject_id"]
    found.counts["patients in MIMIC-IV"] = len(patients)
    found.compare("patients have two rows in MIMIC-IV", set(patients[patients.duplicated()]))
    if patients.empty:
        return
    for table in ("hosp/admissions", "icu/icustays"):
        for path in _tables(folder / "mimic-iv", table)[:1]:
            orphans = set(_read(path, ("subject_id",), found)["subject_id"]) - set(patients)
            found.compare(f"patients of {table} are not in hosp/patients", orphans)
    if films:
        owners = set(_read(folder / INDEX, ("subject_id",), Findings())["subject_id"].dropna())
        lost = owners - set(patients)
        found.compare(
            "patients with films are not in MIMIC-IV (about 100 are usual)",
            lost,
            gap=len(lost) <= max(2, 0.1 * len(owners)),
        )


def _tables(project: Path, name: str) -> list[Path]:
    return [path for kind in KINDS if (path := project / f"{name}{kind}").is_file()]


def _check_openi(folder: Path, found: Findings) -> None:
    from txtray_utils.studies.sources.openi_package import (  # reads torchxrayvision's packaged files
        packaged,
        read_headers,
        read_reports,
    )

    headers, reports = read_headers(), read_reports()
    with tarfile.open(packaged("NLMCXR_reports.tgz")) as archive:  # the reports name their films
        texts = [archive.extractfile(one).read() for one in archive if one.name.endswith(".xml")]
    named = {
        name.decode() for text in texts for name in re.findall(rb'parentImage id="([^"]+)"', text)
    }
    known = set(headers["image"])
    there = {
        "CXR" + path.stem.removeprefix("CXR")
        for kind in ("*.png", "*.dcm")
        for path in folder.rglob(kind)
    }
    found.counts |= {
        "films": len(there),
        "films with a header": len(known),
        "reports": len(reports),
    }
    found.has |= {"reports", "codes"} | ({"films"} if there & known else set())
    frontal = headers[headers["ViewPosition"].isin(FRONTAL) & headers["uid"].isin(reports["uid"])]
    found.has |= {PAIRS} if there & set(frontal["image"]) else set()
    found.compare("headers have no film", known - there, gap=True)
    found.compare(
        "films have no header and are left out", (there & named) - known, gap=True
    )  # 3 of a whole tree
    found.compare("films have neither header nor report", there - known - named)


def _check_covid(folder: Path, found: Findings) -> None:
    names = ["filename", "folder", "modality", "view", "finding", "clinical_notes"]
    try:
        table = pd.read_csv(folder / "metadata.csv", dtype=str, usecols=names)
    except (OSError, ValueError) as error:
        raise InputError(
            folder / "metadata.csv", f"cannot be read ({error})", "Run data/download.sh covid."
        ) from error
    table = table[(table["folder"] == "images") & table["filename"].notna()]
    listed = set(table["filename"])
    there = {
        path.name
        for path in (folder / "images").glob("*")
        if path.suffix.lower() in (".png", ".jpg", ".jpeg")
    }
    masks = {
        path.stem.removesuffix("_mask")
        for path in (folder / "annotations/lungVAE-masks").glob("*.png")
    }
    found.counts |= {"image rows": len(listed), "images": len(there), "lung masks": len(masks)}
    here = table[table["filename"].isin(there)]
    spoken = here[["clinical_notes", "finding"]].notna().any(axis=1)
    frontal = (here["modality"] == "X-ray") & here["view"].str.split().str[0].isin(FRONTAL)
    kinds = {
        "films": len(here),
        "masks": masks,
        "reports": spoken.any(),
        PAIRS: (spoken & frontal).any(),
    }
    found.has |= {name for name, some in kinds.items() if some}
    found.compare("rows have no image", listed - there, gap=True)
    found.compare("images have no row", there - listed)
    found.compare("masks have no image row", masks - {Path(name).stem for name in listed})


def _check_hashes(sums: Path, found: Findings) -> None:
    project = sums.parent.name
    if not sums.is_file():
        found.gaps.append(f"{project}/{sums.name}: the files of {project} are not compared with it")
        return
    lines = [
        line.split(maxsplit=1)
        for line in sums.read_text("utf-8", "replace").splitlines()
        if line.strip()
    ]
    pairs = [line for line in lines if len(line) == 2 and re.fullmatch("[0-9a-fA-F]{64}", line[0])]
    if len(pairs) < len(lines):
        found.faults.append(
            f"{len(lines) - len(pairs):,} lines of {project}/{sums.name} are no checksums: fetch it again"
        )
    wrong, unread, checked = set(), set(), 0
    for wanted, name in pairs:
        path = sums.parent / name.strip().removeprefix("*")
        if path.is_file():
            checked += 1
            try:
                wrong |= {path} if _sha256(path) != wanted.lower() else set()
            except OSError:
                unread.add(path)
    found.counts[f"hashes ({project})"] = checked
    for fault, paths in (
        ("files differ from the published SHA-256; run data/download.sh again", wrong),
        ("files cannot be read", unread),
    ):
        found.compare(fault, {path.relative_to(sums.parents[1]).as_posix() for path in paths})


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Check the tree that the command line names, print the findings, return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python tools/check_tree.py", description=__doc__.split("\n\n")[1]
    )
    parser.add_argument("source", choices=SOURCES)
    parser.add_argument(
        "--dest", type=Path, help="the folder, if it is not where data/download.sh puts it"
    )
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
