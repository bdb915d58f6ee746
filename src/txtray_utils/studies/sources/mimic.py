"""MIMIC-CXR with its health record: one folder with the PhysioNet projects side by side, as data/download.sh lays them.

    mimic-cxr/files/p10/p1XXXXXXX/s5XXXXXXX.txt and .../<dicom_id>.dcm    reports; films, used where they are there
    mimic-cxr-jpg/files/...jpg                                            films, equalised
    mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz and -split.csv.gz       times, views; the official split
    mimic-iv/hosp, mimic-iv/icu, mimic-iv-ed/ed                           the record; without it age, results are null

One frontal film a study, PA before AP. A report that cannot be read leaves its study without text, not out of the
table.
Explained in book/03_linking_images_to_the_record.
"""

import logging
import zlib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from txtray_utils.errors import InputError, Rejects
from txtray_utils.read.labels import label_report
from txtray_utils.read.radiograph import read_image, shrunk
from txtray_utils.read.record import link, study_times
from txtray_utils.read.report import read_report, sentences, split_sections
from txtray_utils.settings import data_dir
from txtray_utils.studies.pixels import encode_png
from txtray_utils.studies.sources.listing import frontal_images, listed_once, match_images

INDEX = "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz"


SPLIT = "mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv.gz"


LICENCE = "PhysioNet Credentialed Health Data License 1.5.0"


_SECTIONS = ("indication", "comparison", "findings", "impression")


_MEASURED = ["name", "value", "unit", "hours_before"]


log = logging.getLogger(__name__)


def folder() -> Path:
    """Return the folder of the downloaded tree.

    Raises:
        InputError: there is none.
    """
    place = data_dir("mimic")
    if not (place / INDEX).is_file():
        raise InputError(place / INDEX, "is missing", "Run data/download.sh mimic (credentialed), or set TXTRAY_DATA.")
    return place


def rows(folder: Path, rejects: Rejects) -> Iterator[dict]:
    """Yield one study a frontal film; films and rows that cannot be used go to `rejects`.

    Raises:
        InputError: a table is missing, cut short, lacks a column, or is of another release.
    """
    films = frontal_films(folder, rejects)
    films, labs, vitals = _recorded(films, folder, rejects)
    films["prior_study_id"] = films.sort_values(["study_time", "study_id"]).groupby("subject_id")["study_id"].shift()
    films = films.astype(object).where(films.notna(), None)
    for row in films.to_dict("records"):
        study, known = row["study_id"], row["in_record"]
        try:
            image = encode_png(shrunk(read_image(folder / row["file"]).pixels))
        except InputError as error:
            rejects.add_error(error, study)
            continue
        text = _text(folder, row, rejects)
        yield {
            **{name: row[name] for name in ("study_id", "subject_id", "image_id", "view", "study_time", "split")},
            **{name: row[name] for name in ("age", "sex", "prior_study_id")}, **text, "image": image,
            "sex_source": "record" if row["sex"] else None, "composed": False, "source": "mimic", "licence": LICENCE,
            "labs": labs.get(study, []) if known else None, "vitals": vitals.get(study, []) if known else None,
        }  # fmt: skip


def frontal_films(folder: Path, rejects: Rejects) -> pd.DataFrame:
    """Return one frontal film a study: study_id, subject_id, image_id, view, split, file, StudyDate, StudyTime (text).

    Raises:
        InputError: the metadata or split table is missing, cut short or lacks a column, or there are no films.
    """
    names = ("dicom_id", "subject_id", "study_id", "ViewPosition", "StudyDate", "StudyTime")
    films = read_csv(folder / INDEX, names).rename(columns={"dicom_id": "image_id", "ViewPosition": "view"})
    layout, kind = films_in(folder)
    films["file"] = [f"{report_of(row.subject_id, row.study_id)}/{row.image_id}{kind}" for row in films.itertuples()]
    films = match_images(films, folder / layout, folder / INDEX, rejects)
    films = frontal_images(films.assign(file=f"{layout}/" + films["file"]), folder / INDEX, rejects)
    splits = read_csv(folder / SPLIT, ("dicom_id", "split")).rename(columns={"dicom_id": "image_id"})
    splits = listed_once(splits, folder / SPLIT, rejects).set_index("image_id")["split"]
    films["split"] = films["image_id"].map(splits)
    for image in films.loc[films["split"].isna(), "image_id"]:
        rejects.add(folder / SPLIT, image, "has no row for this film", "Use metadata and split of one release.")
    return films.dropna(subset="split")


def films_in(folder: Path) -> tuple[str, str]:
    """Return the project that holds films, and their suffix: DICOM where there is one, else JPG.

    Raises:
        InputError: there is neither.
    """
    for layout, kind in (("mimic-cxr", ".dcm"), ("mimic-cxr-jpg", ".jpg")):
        if next((folder / layout / "files").rglob(f"*{kind}"), None):
            return layout, kind
    raise InputError(folder, "has no film (.dcm or .jpg)", "Run data/download.sh mimic.")


def report_of(subject_id: str, study_id: str) -> str:
    """Return the path of a study below a project, without suffix: its films' folder, its report with ".txt"."""
    return f"files/p{subject_id[:2]}/p{subject_id}/s{study_id}"


def read_csv(path: Path, names: tuple[str, ...]) -> pd.DataFrame:
    """Return the columns `names` of a csv.gz table, as text.

    Raises:
        InputError: the file is missing, cut short, not csv, or lacks a column.
    """
    try:
        return pd.read_csv(path, usecols=list(names), dtype=str)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        remedy = "Download it again (data/download.sh resumes and checks)."
        raise InputError(path, f"cannot be read ({error})", remedy) from error


def _recorded(films: pd.DataFrame, folder: Path, rejects: Rejects) -> tuple[pd.DataFrame, dict, dict]:
    """Join the record to the films: the films with time, age and sex; laboratory values and vital signs by study."""
    if (folder / "mimic-iv").is_dir():
        linked = link(films, folder, rejects, folder / INDEX)
        known, labs, vitals = linked.studies, _by_study(linked.labs), _by_study(linked.vitals)
    else:
        log.warning("%s has no mimic-iv: no age, no sex, no results", folder)
        known = study_times(films, rejects, folder / INDEX).assign(age=None, sex=None, in_record=False)
        labs, vitals = {}, {}
    columns = ["study_id", "study_time", "age", "sex", "in_record"]
    return films.merge(known[columns], on="study_id", how="left"), labs, vitals


def _by_study(measured: pd.DataFrame) -> dict[str, list[dict]]:
    return {study: part[_MEASURED].to_dict("records") for study, part in measured.groupby("study_id")}


def _text(folder: Path, row: dict, rejects: Rejects) -> dict:
    """Return the sections, sentences and labels of a study's report; without a report they are null."""
    try:
        sections = split_sections(
            read_report(folder / "mimic-cxr" / f"{report_of(row['subject_id'], row['study_id'])}.txt")
        )
    except InputError as error:
        rejects.add_error(error, row["study_id"])
        sections = {}
    found = {name: sections.get(name) for name in _SECTIONS}
    body = [found[name] for name in ("findings", "impression") if found[name]]
    spoken = [sentence for text in body for sentence in sentences(text)]
    return found | {
        "sentences": spoken if body else None,
        "labels": label_report(found["findings"], found["impression"]),
    }
