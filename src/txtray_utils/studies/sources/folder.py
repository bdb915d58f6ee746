"""Your own hospital: a folder with studies.csv and the films that it lists, DICOM, PNG or JPEG.

The folder is named by `TXTRAY_FOLDER` alone and must lie outside any git work tree: its films count
as credentialed, and nothing of them is to be published. Decisions:

- A report is parted into its sections by its headings; without one, its text is the findings.
- A film without a view has that of its DICOM header, or else is taken as PA (the log counts them).
- Ages over 89 are 90, which means 90 or more, because a great age can name a person.
- What cannot be read of age, sex or date is null, and a row of the rejects says so.
- `prior_study_id` is the patient's last study of an earlier day.
- `drawn`, `regions`, `evidence`, results and human codes are null: nobody knows.

Explained in book/your_own_data.
"""

import logging
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pandas as pd

from txtray_utils.errors import InputError, Rejects
from txtray_utils.guard import work_tree
from txtray_utils.read.dicom import view_position
from txtray_utils.read.ids import one_spelling
from txtray_utils.read.radiograph import read_image, shrunk
from txtray_utils.settings import settings
from txtray_utils.studies.columns import FRONTAL
from txtray_utils.studies.pixels import encode_png
from txtray_utils.studies.sources.folder_list import read_list
from txtray_utils.studies.sources.folder_study import study_of, time_of
from txtray_utils.studies.sources.listing import KINDS, frontal_images, listed_once
from txtray_utils.studies.splits import patient_split

INDEX = "studies.csv"

log = logging.getLogger(__name__)


def folder() -> Path:
    """Return the folder that `TXTRAY_FOLDER` names.

    Raises:
        InputError: the setting is empty, the folder lies in a git work tree or holds no list.
    """
    place = settings().folder
    if place is None:
        remedy = f"Set it to the folder of your films and {INDEX}, outside any git work tree."
        raise InputError("TXTRAY_FOLDER", "is not set", remedy)
    tree = work_tree(place)
    if tree is not None:
        fault = f"lies in the git work tree {tree}, where films could be committed"
        raise InputError(place, fault, "Move it out of there, and set TXTRAY_FOLDER to it.")
    if not (place / INDEX).is_file():
        remedy = "Write one as book/your_own_data.md shows, or set TXTRAY_FOLDER to its folder."
        raise InputError(place, f"holds no {INDEX}", remedy)
    return place


def rows(place: Path, rejects: Rejects) -> Iterator[dict]:
    """Yield one study a frontal film.

    To `rejects` go rows without a film, other views, repeated studies and films that cannot be
    read, and every value that cannot be read of a study that is kept.

    Raises:
        InputError: the list cannot be used (`read_list`), puts a patient on two sides of the split,
            or has no row that can be used.
    """
    index = place / INDEX
    table = _one_spelling(read_list(index, rejects), index, rejects)
    split = _split(table, index)
    films = _films(table, place, rejects)
    used = 0
    for film in films.to_dict("records"):
        try:
            image = encode_png(shrunk(read_image(place / film["image_id"]).pixels))
        except InputError as error:
            rejects.add_error(error, film["study_id"])
            continue
        used += 1
        study = study_of(film, index, rejects)
        yield study | {"image": image, "split": split[film["subject_id"]]}
    if not used:
        last = rejects.rows[-1]
        fault = f"none of its rows can be used; the last, {last.row}: {last.fault}"
        raise InputError(index, fault, last.remedy)


def _one_spelling(table: pd.DataFrame, index: Path, rejects: Rejects) -> pd.DataFrame:
    """Return the table with each patient in the spelling in which it came first."""
    spelling = one_spelling(table["subject_id"])
    for given, first in spelling.items():
        if given != first:
            fault = f"is taken for the patient {first}, who is written in another way"
            rejects.add(index, f"patient {given}", fault, "Write a patient in one way everywhere.")
    return table.assign(subject_id=table["subject_id"].map(spelling))


def _split(table: pd.DataFrame, path: Path) -> dict[str, str]:
    """Return the split of every patient: the one given, else by `patient_split`."""
    split = patient_split(table["subject_id"], seed=0)
    given = table.dropna(subset="split").groupby("subject_id")["split"]
    torn = []
    for patient, sides in given.unique().items():
        split[patient] = sides[0]
        if len(sides) > 1:
            torn.append(patient)
    if torn:
        fault = f"patients on two sides of the split: {', '.join(torn[:5])}"
        if len(torn) > 5:
            fault += f" and {len(torn) - 5} more"
        raise InputError(path, fault, "Give all rows of a patient one split, or none.")
    return split


def _films(table: pd.DataFrame, place: Path, rejects: Rejects) -> pd.DataFrame:
    """Return one frontal film a study that is there, with `study_time` and `prior_study_id`."""
    index = place / INDEX
    there = _files(place)
    _log_unlisted(there - set(table["image_id"]), place)
    films = _of_one_patient(table, index, rejects)
    films = _that_are_there(films, there, place, rejects)
    films = films.assign(view=_views(films, place))
    frontal = films["view"].isin(FRONTAL)
    for film in films[~frontal].itertuples():
        fault = f"its view is {film.view}, and only frontal films ({' or '.join(FRONTAL)}) are used"
        rejects.add(index, film.image_id, fault, "Nothing to do: it is left out.")
    films = listed_once(films[frontal], index, rejects)
    best = frontal_images(films, index, rejects)
    remedy = "Nothing to do, or give the film a study of its own."
    for film in films.drop(best.index).itertuples():
        fault = f"the study {film.study_id} comes twice; its other film is used"
        rejects.add(index, film.image_id, fault, remedy)
    times = [time_of(film, index, rejects) for film in best.to_dict("records")]
    best = best.assign(study_time=pd.Series(times, best.index, dtype=object))
    priors = _priors(best)
    before = [priors.get(study) for study in best["study_id"]]
    return best.assign(prior_study_id=pd.Series(before, best.index, dtype=object))


def _of_one_patient(table: pd.DataFrame, index: Path, rejects: Rejects) -> pd.DataFrame:
    patients = table.groupby("study_id")["subject_id"].transform("nunique")
    fault = "the study is that of several patients"
    for study in table.loc[patients > 1, "study_id"].unique():
        rejects.add(index, study, fault, "Give each patient's study a name of its own.")
    return table[patients <= 1]


def _files(place: Path) -> set[str]:
    """Return the path of every file below the folder."""
    there = set()
    for file in place.rglob("*"):
        there.add(file.relative_to(place).as_posix())
    return there


def _log_unlisted(names: set[str], place: Path) -> None:
    unlisted = 0
    for name in names:
        unlisted += name.lower().endswith(KINDS)
    if unlisted:
        log.warning("%s: %d films without a row in %s are left out", place, unlisted, INDEX)


def _that_are_there(
    table: pd.DataFrame, there: set[str], place: Path, rejects: Rejects
) -> pd.DataFrame:
    """Return the rows whose film is there."""
    missing = ~table["image_id"].isin(there)
    for image in table.loc[missing, "image_id"]:
        path = PurePosixPath(image)
        outside = path.is_absolute() or ".." in path.parts
        fault = "lies outside the folder" if outside else "its image file is missing"
        remedy = f"Put the file into {place} and write its path below it, or drop the row."
        rejects.add(place / INDEX, image, fault, remedy)
    return table[~missing]


def _views(films: pd.DataFrame, place: Path) -> list[str]:
    """Return the view of each film, "AP" for "AP supine": as listed, as in the header, or PA."""
    views, unknown = [], 0
    for film in films.itertuples():
        said = film.view or view_position(place / film.image_id)
        unknown += not said
        first, *_ = said.upper().split() or ["PA"]
        views.append(first)
    if unknown:
        log.warning("%s: %d films have no view and are taken as PA", place, unknown)
    return views


def _priors(films: pd.DataFrame) -> dict[str, str | None]:
    """Return for each study with a time the patient's last study of an earlier day."""
    priors = {}
    dated = films.dropna(subset="study_time").sort_values("study_time", kind="stable")
    for _, patient in dated.groupby("subject_id"):
        prior, last, day = None, None, None
        for film in patient.itertuples():
            if film.study_time.date() != day:
                prior, day = last, film.study_time.date()
            priors[film.study_id] = prior
            last = film.study_id
    return priors
