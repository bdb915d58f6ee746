"""Check a downloaded tree: python tools/check_tree.py openi|covid|mimic|mimic-demo [--dest DIR].

It counts, looks for missing files, rows without a partner and files that differ from the published
SHA-256, and says what each chapter can do with what is there. The exit status is 1 if something is
wrong, 0 if the tree is sound, even if parts are not downloaded. What cannot be read is named as
wrong, and the rest is checked. Every film, report and table is opened, which takes hours for all of
MIMIC-CXR. Explained in book/03_linking_images_to_the_record.
"""

import argparse
import hashlib
import re
import sys
import tarfile
from pathlib import Path

import pandas as pd
from tree_contents import films_that_open
from tree_findings import PAIRS, Findings, printable
from tree_mimic import check_films, check_record

from txtray_utils.errors import InputError
from txtray_utils.settings import data_dir, settings
from txtray_utils.studies.columns import FRONTAL
from txtray_utils.studies.sources.openi_package import packaged, read_headers, read_reports

SOURCES = ("openi", "covid", "mimic", "mimic-demo")
PROJECTS = {"mimic": "mimic-*", "mimic-demo": "mimic-iv*"}  # folders that have checksums


def check(source: str, folder: Path) -> Findings:
    """Check the tree of `source` in `folder`, hashes included; nothing is changed.

    Raises:
        InputError: the folder, or the table that lists its films, is missing, or (`covid`) cannot
            be read.
    """
    if not folder.is_dir():
        place = ", set TXTRAY_COVID to where that puts it," if source == "covid" else ""
        remedy = f"Run data/download.sh {source}{place} or give --dest."
        raise InputError(folder, "is not a folder", remedy)
    found = Findings()
    if source == "openi":
        _check_openi(folder, found)
    if source == "covid":
        _check_covid(folder, found)
    if source == "mimic":
        check_films(folder, found)
    if source in PROJECTS:
        check_record(folder, found, films=source == "mimic")
        for project in sorted(folder.glob(PROJECTS[source])):
            _check_hashes(project / "SHA256SUMS.txt", found)
    for partial in sorted(folder.rglob("*.partial")):
        rest = f"the rest of {partial.relative_to(folder)}"
        found.gaps.append(f"{rest}: run data/download.sh {source} again")
    return found


def _check_openi(folder: Path, found: Findings) -> None:
    headers, reports = read_headers(), read_reports()
    named = _named_films()
    known = set(headers["image"])
    files = {}
    for kind in ("*.png", "*.dcm"):
        for path in sorted(folder.rglob(kind)):
            files["CXR" + path.stem.removeprefix("CXR")] = path
    there = films_that_open(files, found)
    found.counts["films"] = len(files)
    found.counts["films with a header"] = len(known)
    found.counts["reports"] = len(reports)
    found.has |= {"reports", "codes"}
    found.holds("films", there & known)
    frontal = headers["ViewPosition"].isin(FRONTAL) & headers["uid"].isin(reports["uid"])
    found.holds(PAIRS, there & set(headers.loc[frontal, "image"]))
    found.compare("headers have no film", known - set(files), gap=True)
    unknown = set(files) - known
    left_out = "films have no header and are left out"  # 3 of a whole tree
    found.compare(left_out, unknown & named, gap=True)
    found.compare("films have neither header nor report", unknown - named)


def _named_films() -> set[str]:
    """Return the films that the reports name."""
    named = set()
    with tarfile.open(packaged("NLMCXR_reports.tgz")) as archive:
        for one in archive:
            if one.name.endswith(".xml"):
                text = archive.extractfile(one).read()
                for name in re.findall(rb'parentImage id="([^"]+)"', text):
                    named.add(name.decode())
    return named


def _check_covid(folder: Path, found: Findings) -> None:
    names = ["filename", "folder", "modality", "view", "finding", "clinical_notes"]
    path = folder / "metadata.csv"
    try:
        table = pd.read_csv(path, dtype=str, usecols=names)
    except (OSError, ValueError) as error:
        fault = f"cannot be read ({error})"
        raise InputError(path, fault, "Run data/download.sh covid.") from error
    table = table[(table["folder"] == "images") & table["filename"].notna()]
    listed = set(table["filename"])
    stems = {Path(name).stem for name in listed}
    images, masks = _covid_files(folder)
    there = films_that_open(images, found)
    drawn = films_that_open(masks, found, "masks")
    found.counts["image rows"] = len(listed)
    found.counts["images"] = len(images)
    found.counts["lung masks"] = len(masks)
    here = table[table["filename"].isin(there)]
    spoken = here[["clinical_notes", "finding"]].notna().any(axis=1)
    view = here["view"].str.split().str[0]
    frontal = (here["modality"] == "X-ray") & view.isin(FRONTAL)
    found.holds("films", len(here))
    found.holds("masks", drawn)
    found.holds("reports", spoken.any())
    found.holds(PAIRS, (spoken & frontal).any())
    found.compare("rows have no image", listed - set(images), gap=True)
    found.compare("images have no row", set(images) - listed)
    found.compare("masks have no image row", set(masks) - stems)


def _covid_files(folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Return the images by name, and the masks by the name of their image."""
    images, masks = {}, {}
    for image in sorted((folder / "images").glob("*")):
        if image.suffix.lower() in (".png", ".jpg", ".jpeg"):
            images[printable(image.name)] = image
    for mask in sorted((folder / "annotations/lungVAE-masks").glob("*.png")):
        name = mask.stem.removesuffix("_mask")
        masks[printable(name)] = mask
    return images, masks


def _check_hashes(sums: Path, found: Findings) -> None:
    name = sums.parent.name
    if not sums.is_file():
        gap = f"{name}/{sums.name}: the files of {name} are not compared with it"
        found.gaps.append(gap)
        return
    wanted = _wanted_hashes(sums, found)
    wrong, unread, outside, checked = set(), set(), set(), 0
    for digest, file in wanted:
        path = sums.parent / file.strip().removeprefix("*")
        if not path.resolve().is_relative_to(sums.parent.resolve()) or ".." in path.parts:
            outside.add(file)
            continue
        if not path.is_file():
            continue
        checked += 1
        short = path.relative_to(sums.parents[1]).as_posix()
        try:
            if _sha256(path) != digest.lower():
                wrong.add(short)
        except OSError:
            unread.add(short)
    found.counts[f"hashes ({name})"] = checked
    fault = "files differ from the published SHA-256; run data/download.sh again"
    found.compare(fault, wrong)
    found.compare("files cannot be read", unread)
    found.compare(f"lines of {name}/{sums.name} lie outside {name}", outside)
    if not wanted:
        found.faults.append(f"{name}/{sums.name} lists no file: fetch it again")


def _wanted_hashes(sums: Path, found: Findings) -> list[list[str]]:
    """Return the lines of a list of checksums; those that are none are a fault."""
    wanted, others = [], 0
    for line in sums.read_text("utf-8", "replace").splitlines():
        parts = line.split(maxsplit=1)
        if len(parts) == 2 and re.fullmatch("[0-9a-fA-F]{64}", parts[0]):
            wanted.append(parts)
        elif parts:
            others += 1
    if others:
        where = f"{sums.parent.name}/{sums.name}"
        found.faults.append(f"{others:,} lines of {where} are no checksums: fetch it again")
    return wanted


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Check the tree that the command line names, print the findings, return the exit status."""
    about = __doc__.split("\n\n")[1]
    parser = argparse.ArgumentParser(prog="python tools/check_tree.py", description=about)
    parser.add_argument("source", choices=SOURCES)
    where = "the folder, if it is not where data/download.sh puts it"
    parser.add_argument("--dest", type=Path, help=where)
    given = parser.parse_args(arguments)
    usual = settings().covid if given.source == "covid" else data_dir(given.source)
    folder = given.dest or usual
    try:
        found = check(given.source, folder)
    except InputError as error:
        print(printable(error), file=sys.stderr)
        return 1
    print(printable(f"{given.source} in {folder}"), *found.lines(), sep="\n")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
