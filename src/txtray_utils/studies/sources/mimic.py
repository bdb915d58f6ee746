"""MIMIC-CXR with its health record: one folder with the PhysioNet projects side by side, as
data/download.sh lays them.

    mimic-cxr/files/p10/p1XXXXXXX/s5XXXXXXX.txt and .../<dicom_id>.dcm    reports; films, used where
    they are there mimic-cxr-jpg/files/...jpg                                            films,
    equalised mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz and -split.csv.gz       times, views;
    the official split mimic-iv/hosp, mimic-iv/icu, mimic-iv-ed/ed                           the
    record; without it age, results are null

One frontal film a study, PA before AP. A report that cannot be read leaves its study without text,
not out of the table. Explained in book/03_linking_images_to_the_record."""

import logging
import zlib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from txtray_utils.errors import InputError, Rejects
from txtray_utils.read.radiograph import read_image, shrunk
from txtray_utils.read.record import link, study_times
from txtray_utils.read.report import read_report, report_sections
from txtray_utils.settings import data_dir
from txtray_utils.studies.pixels import encode_png
from txtray_utils.studies.sources.listing import frontal_images, listed_once, match_images
from txtray_utils.studies.sources.texts import text_columns

INDEX = "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz"
SPLIT = "mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv.gz"
LICENCE = "PhysioNet Credentialed Health Data License 1.5.0"
_FILM = ("study_id", "subject_id", "image_id", "view", "study_time", "split")
_PATIENT = ("age", "sex", "prior_study_id")
_IDS = {"dicom_id", "subject_id", "study_id"}
_MEASURED = ["name", "value", "unit", "hours_before"]

log = logging.getLogger(__name__)


def folder() -> Path:
    """Return the folder of the downloaded tree.

    Raises:
        InputError: there is none.
    """
    place = data_dir("mimic")
    if not (place / INDEX).is_file():
        remedy = "Run data/download.sh mimic (credentialed), or set TXTRAY_DATA."
        raise InputError(place / INDEX, "is missing", remedy)
    return place


def rows(place: Path, rejects: Rejects) -> Iterator[dict]:
    """Yield one study a frontal film; films and rows that cannot be used go to `rejects`.

    Raises:
        InputError: a table is missing, cut short, lacks a column, or is of another release.
    """
    films = frontal_films(place, rejects)
    films, labs, vitals = _recorded(films, place, rejects)
    in_time = films.sort_values(["study_time", "study_id"])
    films["prior_study_id"] = in_time.groupby("subject_id")["study_id"].shift()
    films = films.astype(object).where(films.notna(), None)
    for row in films.to_dict("records"):
        study = row["study_id"]
        try:
            image = encode_png(shrunk(read_image(place / row["file"]).pixels))
        except InputError as error:
            rejects.add_error(error, study)
            continue
        known = {name: row[name] for name in (*_FILM, *_PATIENT)}
        results = {"labs": None, "vitals": None}
        if row["in_record"]:
            results = {"labs": labs.get(study, []), "vitals": vitals.get(study, [])}
        yield {
            **known,
            **_text(place, row, rejects),
            **results,
            "image": image,
            "sex_source": "record" if row["sex"] else None,
            "composed": False,
            "source": "mimic",
            "licence": LICENCE,
        }


def frontal_films(folder: Path, rejects: Rejects) -> pd.DataFrame:
    """Return one frontal film a study.

    Columns: study_id, subject_id, image_id, view, split, file, StudyDate, StudyTime (text).

    Raises:
        InputError: the metadata or split table is missing, cut short or lacks a column, or there
            are no films.
    """
    names = ("dicom_id", "subject_id", "study_id", "ViewPosition", "StudyDate", "StudyTime")
    films = _with_ids(read_csv(folder / INDEX, names), folder / INDEX, rejects)
    films = films.rename(columns={"dicom_id": "image_id", "ViewPosition": "view"})
    layout, kind = films_in(folder)
    files = []
    for row in films.itertuples():
        study = report_of(row.subject_id, row.study_id)
        files.append(f"{study}/{row.image_id}{kind}")
    films["file"] = files
    films = match_images(films, folder / layout, folder / INDEX, rejects)
    films = films.assign(file=f"{layout}/" + films["file"])
    films = frontal_images(films, folder / INDEX, rejects)
    return _with_split(films, folder / SPLIT, rejects)


def _with_split(films: pd.DataFrame, path: Path, rejects: Rejects) -> pd.DataFrame:
    splits = _with_ids(read_csv(path, ("dicom_id", "split")), path, rejects)
    splits = splits.rename(columns={"dicom_id": "image_id"})
    splits = listed_once(splits, path, rejects)
    split_of = splits.set_index("image_id")["split"]
    films["split"] = films["image_id"].map(split_of)
    remedy = "Use metadata and split of one release."
    for image in films.loc[films["split"].isna(), "image_id"]:
        rejects.add(path, image, "has no row for this film", remedy)
    return films.dropna(subset="split")


def films_in(folder: Path) -> tuple[str, str]:
    """Return the project that holds most films, and their suffix: DICOM where both hold as many.

    The two are never mixed, for their greys differ; those of the other project are counted in the
    log.

    Raises:
        InputError: there is neither.
    """
    counts = {}
    for layout, kind in (("mimic-cxr", ".dcm"), ("mimic-cxr-jpg", ".jpg")):
        films = (folder / layout / "files").rglob(f"*{kind}")
        counts[layout, kind] = sum(1 for _ in films)
    best = max(counts, key=counts.__getitem__)
    if not counts[best]:
        raise InputError(folder, "has no film (.dcm or .jpg)", "Run data/download.sh mimic.")
    for (layout, kind), count in counts.items():
        if 0 < count < counts[best]:
            text = "%s: %d films (%s) are not used, for %s has %d"
            log.warning(text, folder / layout, count, kind, best[0], counts[best])
    return best


def report_of(subject_id: str, study_id: str) -> str:
    """Return the path of a study below a project, without suffix.

    It is its films' folder; its report has ".txt".
    """
    return f"files/p{subject_id[:2]}/p{subject_id}/s{study_id}"


def read_csv(path: Path, names: tuple[str, ...]) -> pd.DataFrame:
    """Return the columns `names` of a csv.gz table, as text.

    Raises:
        InputError: the file is missing, cut short, not csv, or lacks a column.
    """
    remedy = "Download it again (data/download.sh resumes and checks)."
    as_text = {"dtype": str, "index_col": False, "encoding_errors": "replace"}
    try:
        first = pd.read_csv(path, header=None, nrows=1, **as_text)
        table = pd.read_csv(path, usecols=list(names), **as_text)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(path, f"cannot be read ({error})", remedy) from error
    header = list(first.iloc[0])
    for name in names:
        if header.count(name) > 1:
            raise InputError(path, f"has the column {name} twice", remedy)
    return table


def _with_ids(table: pd.DataFrame, path: Path, rejects: Rejects) -> pd.DataFrame:
    """Return the rows that have every id, without the blanks around their values."""
    for name in table:
        column = table[name].str.strip()
        table[name] = column.replace("", None)
    for name in _IDS.intersection(table):
        missing = table[name].isna()
        fault = f"{name} is missing"
        for row in table.index[missing]:
            line = f"line {row + 2}"
            rejects.add(path, line, fault, "Mend the row.")
        table = table[~missing]
    return table.copy()


def _recorded(
    films: pd.DataFrame, folder: Path, rejects: Rejects
) -> tuple[pd.DataFrame, dict, dict]:
    """Join the record to the films.

    Returns the films with time, age and sex; laboratory values and vital signs by study.
    """
    labs: dict[str, list[dict]] = {}
    vitals: dict[str, list[dict]] = {}
    if (folder / "mimic-iv").is_dir():
        linked = link(films, folder, rejects, folder / INDEX)
        known = linked.studies
        labs, vitals = _by_study(linked.labs), _by_study(linked.vitals)
    else:
        log.warning("%s has no mimic-iv: no age, no sex, no results", folder)
        known = study_times(films, rejects, folder / INDEX)
        known = known.assign(age=None, sex=None, in_record=False)
    columns = ["study_id", "study_time", "age", "sex", "in_record"]
    films = films.merge(known[columns], on="study_id", how="left")
    return films, labs, vitals


def _by_study(measured: pd.DataFrame) -> dict[str, list[dict]]:
    found = {}
    for study, rows_of in measured.groupby("study_id"):
        found[study] = rows_of[_MEASURED].to_dict("records")
    return found


def _text(folder: Path, row: dict, rejects: Rejects) -> dict:
    """Return the sections, sentences and labels of a study's report; without one they are null."""
    study = row["study_id"]
    name = report_of(row["subject_id"], study)
    path = folder / "mimic-cxr" / f"{name}.txt"
    try:
        sections = report_sections(read_report(path))
    except InputError as error:
        rejects.add_error(error, study)
        return text_columns({}, path, study, Rejects())
    return text_columns(sections, path, study, rejects)
