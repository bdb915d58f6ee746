"""Real films with boxes that a radiologist drew: NIH ChestX-ray14 (Wang et al. 2017).

(doi 10.1109/CVPR.2017.369.) The folder is laid out as published: `BBox_List_2017.csv`, the list of
boxes; `Data_Entry_2017_v2020.csv`, a row a film; `images`, the films. Decisions:

- The studies are the films that have a box (880 of 112,120). The others have neither box nor
  report: they are left out in silence, and their archives need not be fetched.
- Each box is an item of `evidence`. Its mask is the filled rectangle, so it holds more than the
  finding, and its `said` begins `finding:box`. A finding is as `FINDINGS` names it; where that has
  no word, as `LABELS` does (`nih_boxes.WORDS`). A mass is a `nodule`, and an infiltrate an
  `opacity`, as in Open-i's codes.
- A box that lies in one half of the film gives its side (`side:box`), the film's left half being
  the patient's right; across the middle the side is null. Zone and severity are null.
- Boxes are not exhaustive: a place without a box may show a finding all the same.
- There is no report: `findings`, `impression` and `sentences` are null. `labels` are NIH's own,
  mined by a program from reports that were not published: like all `labels` they say what the text
  says, and what it does not name as present is null. Emphysema, fibrosis and hernia have no label.
- `prior_study_id` is the film of the patient's follow-up before, which may have no box.

Explained in book/01_reading_a_radiograph.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from public_films.nih_boxes import BOX_COLUMNS, WORDS, evidence, usable_boxes
from txtray_utils.errors import InputError, Rejects
from txtray_utils.read.radiograph import polarity_suspect, read_image, shrunk
from txtray_utils.settings import settings
from txtray_utils.studies.pixels import encode_png
from txtray_utils.studies.sources.listing import frontal_images, listed_once, read_columns
from txtray_utils.studies.splits import patient_split
from txtray_utils.vocabulary import LABELS

INDEX = "BBox_List_2017.csv"
ENTRIES = "Data_Entry_2017_v2020.csv"
LICENCE = (
    "CC0 1.0; provided by the NIH Clinical Center, https://nihcc.app.box.com/v/ChestXray-NIHCC; "
    "cite Wang et al. 2017, doi 10.1109/CVPR.2017.369"
)
_ENTRY_COLUMNS = {
    "Image Index": "image_id",
    "Finding Labels": "words",
    "Follow-up #": "follow_up",
    "Patient ID": "subject_id",
    "Patient Age": "age",
    "Patient Gender": "sex",
    "View Position": "view",
}
_KEPT = "Correct the list, or leave it: the study is kept without this value."


def folder() -> Path:
    """Return the folder that `TXTRAY_NIH` names.

    Raises:
        InputError: the list of boxes or of films is not in it.
    """
    place = settings().nih
    for name in (INDEX, ENTRIES):
        if not (place / name).is_file():
            remedy = "Fetch what data/README.md lists, and set TXTRAY_NIH to its folder."
            raise InputError(place, f"holds no {name}", remedy)
    return place


def rows(place: Path, rejects: Rejects) -> Iterator[dict]:
    """Yield one study a film that has a box.

    To `rejects` go boxes of no film, with an unknown finding or without a place on the film, and
    films that are missing, unreadable or listed twice.

    Raises:
        InputError: a list cannot be read or lacks a column.
    """
    listed = read_columns(place / INDEX, BOX_COLUMNS)
    entries = _entries(place / ENTRIES, rejects)
    boxes = usable_boxes(listed, set(entries["image_id"]), place / INDEX, rejects)
    films = entries[entries["image_id"].isin(listed["image_id"])]
    films = frontal_images(films, place / ENTRIES, rejects)
    split = patient_split(films["subject_id"], seed=0)
    for film in films.to_dict("records"):
        try:
            pixels = _pixels(place / "images" / film["image_id"])
        except InputError as error:
            rejects.add_error(error, film["study_id"])
            continue
        known = _entry(film, place / ENTRIES, rejects)
        yield known | {
            "image": encode_png(pixels),
            "evidence": evidence(boxes.get(film["image_id"], []), pixels.shape),
            "split": split[film["subject_id"]],
        }


def _entries(path: Path, rejects: Rejects) -> pd.DataFrame:
    """Return one row a film, with its study and the one before."""
    table = read_columns(path, _ENTRY_COLUMNS)
    nobody = table["image_id"].isna() | table["subject_id"].isna()
    for image in table["image_id"][nobody]:
        rejects.add(path, image, "has no image or no patient", "Correct this row.")
    table = listed_once(table[~nobody], path, rejects)
    study = table["image_id"].map(lambda name: Path(name).stem)
    number = pd.to_numeric(table["follow_up"], errors="coerce")
    table = table.assign(study_id=study, number=number)
    in_time = table.dropna(subset="number").sort_values("number", kind="stable")
    prior = in_time.groupby("subject_id")["study_id"].shift()
    return table.assign(prior_study_id=prior)


def _pixels(file: Path) -> np.ndarray:
    grey = read_image(file)
    height, width = grey.pixels.shape
    if height != width:
        fault = f"is {width} x {height}, and boxes are given for square films"
        raise InputError(file, fault, "Fetch the film as it is published.")
    if polarity_suspect(grey.pixels):
        fault = "looks inverted (air brighter than the chest)"
        raise InputError(file, fault, "Look at it; invert or drop it.")
    return shrunk(grey.pixels)


def _entry(film: dict, where: Path, rejects: Rejects) -> dict:
    """Return what the list of films says of one."""
    sex = film["sex"]
    if sex not in ("F", "M", None):
        rejects.add(where, film["study_id"], f"sex is {sex!r}, not F or M", _KEPT)
        sex = None
    return {
        "study_id": film["study_id"],
        "subject_id": film["subject_id"],
        "image_id": film["image_id"],
        "view": film["view"],
        "labels": _labels(film, where, rejects),
        "age": _age(film, where, rejects),
        "sex": sex,
        "sex_source": sex and "record",
        "composed": False,
        "prior_study_id": film["prior_study_id"],
        "source": "nih",
        "licence": LICENCE,
    }


def _labels(film: dict, where: Path, rejects: Rejects) -> dict[str, int | None]:
    states = dict.fromkeys(LABELS)
    for word in (film["words"] or "").split("|"):
        if word and word not in WORDS:
            rejects.add(where, film["study_id"], f"the label {word!r} is not known", _KEPT)
        _, label = WORDS.get(word, (None, None))
        if label:
            states[label] = 1
    return states


def _age(film: dict, where: Path, rejects: Rejects) -> float | None:
    if film["age"] is None:
        return None
    try:
        age = float(film["age"])
    except ValueError:
        age = np.nan
    if 0 <= age <= 120:
        return age
    fault = f"age is {film['age']!r}, not a number of years from 0 to 120"
    rejects.add(where, film["study_id"], fault, _KEPT)
    return None
