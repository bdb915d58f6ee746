"""Indiana University / Open-i films, PNG or DICOM, with the texts that torchxrayvision packages.

`data_dir("openi")` holds what data/download.sh openi unpacks: `png/CXR1000_IM-0003-1001.png`, or
`dcm` with `1000_IM-0003-1001.dcm` in any folder. One report is one study of one patient. Decisions:

- The header's view is often wrong (1,090 studies are "PA" twice, one of them a lateral), so the
  view that torchxrayvision derived from the pixels decides where there is one; a frontal film is AP
  only if the header says so.
- The films and derived views spell the films of the first study `CXR1_1_IM-...`, the headers
  `CXR1_IM-...`: one name here, that of the headers.
- There is no study time and no sex; sex is read from the indication where that says it.
- The split goes by the words of the reports (`openi_split`), as in the virtual hospital, which
  uses these same reports.

Licence CC BY-NC-ND 4.0: read here, never to be stored in a repository.
Explained in book/03_linking_images_to_the_record.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from txtray_utils.errors import InputError, Rejects
from txtray_utils.read.labels import label_report
from txtray_utils.read.mesh import mesh_labels
from txtray_utils.read.radiograph import read_image, shrunk
from txtray_utils.read.report import sentences
from txtray_utils.settings import data_dir
from txtray_utils.studies.pixels import encode_png
from txtray_utils.studies.sources.listing import frontal_images, match_images
from txtray_utils.studies.sources.openi_package import (
    LICENCE,
    packaged,
    read_headers,
    read_reports,
    sex_of,
)
from txtray_utils.studies.sources.openi_split import split_of_reports
from txtray_utils.studies.sources.texts import SECTIONS, tell_fault

INDEX = "images.txt"
DERIVED = "nlmcxr_tsne_pa.csv.gz"


def folder() -> Path:
    """Return the folder of the films, with `images.txt`, the list of them, made if it is not there.

    Raises:
        InputError: there is no film.
    """
    place = data_dir("openi")
    if not (place / INDEX).is_file():
        names = _below(place, "CXR*.png") + _below(place, "*_IM-*.dcm")
        if not names:
            raise InputError(place, "has no Open-i film", "Run data/download.sh openi.")
        (place / INDEX).write_bytes(os.fsencode("\n".join(names) + "\n"))
    return place


def _below(place: Path, pattern: str) -> list[str]:
    return sorted(file.relative_to(place).as_posix() for file in place.rglob(pattern))


def rows(place: Path, rejects: Rejects) -> Iterator[dict]:
    """Yield one study a report with a frontal film.

    Films without a report, and what cannot be read, go to `rejects`.

    Raises:
        InputError: torchxrayvision does not hold the reports, headers or derived views.
    """
    index = place / INDEX
    films = match_images(listed_films(place), place, index, rejects)
    films = frontal_images(films, index, rejects)
    reports = read_reports()
    split = split_of_reports(reports)
    reports = reports.set_index("uid")
    for film in films.to_dict("records"):
        study, file = film["study_id"], place / film["file"]
        if study not in reports.index:
            rejects.add(file, study, "has no report", "Nothing to do: it is left out.")
            continue
        try:
            image = encode_png(shrunk(read_image(file).pixels))
        except InputError as error:
            rejects.add_error(error, study)
            continue
        text = _text(reports.loc[study])
        tell_fault(text["findings"], text["impression"], file, study, rejects)
        yield {**text, **_film(film), "image": image, "split": split[study]}


def _film(film: dict) -> dict:
    return {
        "study_id": film["study_id"],
        "subject_id": film["study_id"],
        "image_id": film["image_id"],
        "view": film["view"],
        "age": film["age"],
        "composed": False,
        "source": "openi",
        "licence": LICENCE,
    }


def _text(report: pd.Series) -> dict:
    """Return what a report and its codes say."""
    found = {}
    for name in SECTIONS:
        found[name] = report[name] or None
    sex = sex_of(report["indication"])
    findings, impression = report["findings"], report["impression"]
    return found | {
        "sex": sex,
        "sex_source": sex and "report",
        "sentences": sentences(findings) + sentences(impression),
        "labels": label_report(found["findings"], found["impression"]),
        "mesh_codes": report["mesh"],
        "mesh_labels": mesh_labels(report["mesh"], report["text"]),
    }


def listed_films(folder: Path) -> pd.DataFrame:
    """Return every film that has a header.

    Columns: study_id, image_id, view (PA, AP or ""), age and file below `folder`.
    """
    films = read_headers()
    films = films.rename(columns={"image": "image_id", "uid": "study_id"})
    derived = pd.read_csv(packaged(DERIVED))
    seen = {}
    for image, view in derived.itertuples(index=False):
        seen[_name(image)] = view
    films["derived"] = films["image_id"].map(seen)
    films["view"] = _views(films)
    files = {}
    for kind in ("*.png", "*.dcm"):
        for file in sorted(folder.rglob(kind)):
            files[_name(file.stem)] = file.relative_to(folder).as_posix()
    films["file"] = [files.get(image, f"png/{image}.png") for image in films["image_id"]]
    return films[["study_id", "image_id", "view", "age", "file"]]


def _views(films: pd.DataFrame) -> pd.Series:
    """Return PA or AP for the frontal films, "" for the others."""
    said = films["ViewPosition"]
    header = said.where(said.isin(("PA", "AP")), "")
    derived = films["derived"]
    frontal = derived == "PA"
    study_has_one = frontal.groupby(films["study_id"]).transform("any")
    views = header.where(derived.isna() & ~study_has_one, "")
    views[frontal] = header.where(header == "AP", "PA")
    return views


def _name(stem: str) -> str:
    """Return a film's name as the headers spell it.

    CXR1_IM-0001-3001 for 1_IM-0001-3001 and CXR1_1_IM-0001-3001.
    """
    bare = stem.removeprefix("CXR")
    return "CXR" + re.sub(r"^(\d+)_\1_IM-", r"\1_IM-", bare)
