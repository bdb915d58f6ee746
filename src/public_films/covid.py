"""Real frontal films with clinical notes: the layout of ieee8023/covid-chestxray-dataset.

(arXiv:2006.11988.) One image is one study, because upstream says on which day an image was taken
but not which images belong together. Decisions, for want of a report:
- `findings` holds the clinical notes. They are not a report: history and description of the film
  are mixed. They must not be an input to a model that is asked about the film, which is why they
  are not put into `indication`.
- `impression` holds the diagnosis that upstream gives. It may rest on more than the film. `labels`
  are read from both; only the diagnosis itself can say No Finding.
- `study_time` is null (most dates are a year); `prior_study_id` is the image of the last earlier
  day, where days are known.
- region `lung_field` is the annotators' lung field, both lungs, without what lies behind heart and
  diaphragm. `drawn` and the human codes are null: nobody knows.

Explained in book/01_reading_a_radiograph.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from txtray_utils.errors import InputError, Rejects
from txtray_utils.read.greyscale import Grey
from txtray_utils.read.ids import one_spelling, plain_id
from txtray_utils.read.labels import label_report
from txtray_utils.read.picture import read_picture
from txtray_utils.read.radiograph import polarity_suspect, read_image, shrunk
from txtray_utils.read.report import sentences
from txtray_utils.settings import settings
from txtray_utils.studies.pixels import encode_png, pack_mask
from txtray_utils.studies.sources.listing import frontal_images, match_images
from txtray_utils.studies.sources.texts import tell_fault
from txtray_utils.studies.splits import patient_split

INDEX = "metadata.csv"
SAME_PERSON = ({"97", "178"},)  # one person published twice
_COLUMNS = {
    *("patientid", "offset", "sex", "age", "finding", "view", "modality", "folder", "filename"),
    *("doi", "url", "license", "clinical_notes"),
}
_VITALS = {"temperature": ("temperature", "C"), "pO2_saturation": ("o2sat", "%")}
_LABS = {
    "leukocyte_count": ("white_cells", "10^9/L"),
    "neutrophil_count": ("neutrophils", "10^9/L"),
    "lymphocyte_count": ("lymphocytes", "10^9/L"),
}
_REMEDY = "Correct metadata.csv, or leave it: the study is kept without this value."


def folder() -> Path:
    """Return the folder that `TXTRAY_COVID` names.

    Raises:
        InputError: there is no metadata.csv in it.
    """
    place = settings().covid
    if not (place / INDEX).is_file():
        remedy = (
            "Clone https://github.com/ieee8023/covid-chestxray-dataset and set TXTRAY_COVID to it."
        )
        raise InputError(place, f"holds no {INDEX}", remedy)
    return place


def rows(place: Path, rejects: Rejects) -> Iterator[dict]:
    """Yield one study an image.

    To `rejects` go CT slices, laterals, missing and unlisted images and unreadable ones.

    Raises:
        InputError: metadata.csv cannot be read or lacks a column.
    """
    table = _metadata(place / INDEX, rejects)
    split = patient_split(table["patientid"], seed=0, groups=_linked(table))
    for row in table.to_dict("records"):
        try:
            grey = _image(place / "images" / row["file"])
        except InputError as error:
            rejects.add_error(error, row["study_id"])
            continue
        yield _study(row, grey, split[row["patientid"]], place, rejects)


def _image(file: Path) -> Grey:
    grey = read_image(file)
    if polarity_suspect(grey.pixels):
        fault = "looks inverted (air brighter than the chest)"
        raise InputError(file, fault, "Look at it; invert or drop it.")
    return grey


def _metadata(path: Path, rejects: Rejects) -> pd.DataFrame:
    """Return the table of the frontal films that are there, with `day` and `prior_study_id`."""
    table = _read(path)
    table = table[table["folder"] == "images"]
    table = table.rename(columns={"filename": "file"})
    table["image_id"] = table["file"]
    table = _with_patient(table, path, rejects)
    table["study_id"] = _studies(table["file"])
    table["view"] = table["view"].map(_view)
    table = match_images(table, path.parent / "images", path, rejects)
    slices = table["modality"] != "X-ray"
    for row in table[slices].itertuples():
        fault = f"is {row.modality}, not a radiograph"
        rejects.add(path, row.study_id, fault, "Nothing to do: it is left out.")
    table = frontal_images(table[~slices], path, rejects)
    table["day"] = [_number(row, "offset", path, rejects) for row in table.to_dict("records")]
    return table.assign(prior_study_id=_priors(table))


def _with_patient(table: pd.DataFrame, path: Path, rejects: Rejects) -> pd.DataFrame:
    """Return the rows that name a patient, each patient in one spelling."""
    named = table["patientid"].map(plain_id, na_action="ignore").fillna("") != ""
    for file in table.loc[~named, "file"]:
        rejects.add(path, file, "names no patient", "Fill patientid, or drop the row.")
    patients = table.loc[named, "patientid"]
    return table[named].assign(patientid=patients.map(one_spelling(patients)))


def _studies(files: pd.Series) -> pd.Series:
    """Return the name of each film, without its ending where that is one of its own."""
    stems = files.map(lambda name: Path(name).stem)
    alone = ~stems.duplicated(keep=False) | files.duplicated(keep=False)
    return stems.where(alone, files)


def _read(path: Path) -> pd.DataFrame:
    """Return the metadata as text, None where it is silent."""
    try:
        table = pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:
        remedy = "Fetch it again from the repository."
        raise InputError(path, f"cannot be read as csv ({error})", remedy) from error
    missing = sorted(_COLUMNS - set(table))
    if missing:
        remedy = "Fetch metadata.csv of a later commit."
        raise InputError(path, f"lacks the columns {missing}", remedy)
    return table.astype(object).where(table.notna(), None)


def _view(view: str | None) -> str:
    return (view or "").split(" ")[0]  # "AP Supine" is AP


def _priors(table: pd.DataFrame) -> pd.Series:
    """Return for each row the study of the patient's last earlier day, None where there is none."""
    days = table.dropna(subset="day").sort_values("day", kind="stable")
    days = days.drop_duplicates(["patientid", "day"])
    before = days.groupby("patientid")["study_id"].shift()
    known = dict(zip(_patient_days(days), before, strict=True))
    priors = map(known.get, _patient_days(table))
    return pd.Series(priors, table.index, object).replace({np.nan: None})


def _patient_days(table: pd.DataFrame) -> Iterator[tuple[str, float | None]]:
    return zip(table["patientid"], table["day"], strict=True)


def _linked(table: pd.DataFrame) -> Iterable[set[str]]:
    """Return the sets of patients that may be one person.

    They have the same number, source page or DOI, or are known to be one.
    """
    patients = table["patientid"]
    number = patients.map(lambda patient: re.sub(r"(?<=\d)\D+$", "", patient))
    groups = []
    for key in (number, table["url"], table["doi"]):
        same = key.map(plain_id, na_action="ignore").replace("", None)
        for _, group in patients.groupby(same):
            groups.append(set(group))
    for same in SAME_PERSON:
        if same <= set(patients):
            groups.append(same)
    return groups


def _study(row: dict, grey: Grey, split: str, folder: Path, rejects: Rejects) -> dict:
    where = folder / INDEX
    image = shrunk(grey.pixels)
    size = image.shape[::-1]
    notes, diagnosis = row["clinical_notes"], row["finding"]
    if notes:
        tell_fault(notes, diagnosis, where, row["study_id"], rejects)
    if diagnosis == "todo":
        diagnosis = None
    normal = 1 if diagnosis == "No Finding" else None
    return {
        "study_id": row["study_id"],
        "subject_id": row["patientid"],
        "image_id": row["image_id"],
        "image": encode_png(image),
        "view": row["view"],
        "findings": notes,
        "impression": diagnosis,
        "sentences": sentences(notes) if notes else None,
        "labels": label_report(notes, diagnosis) | {"No Finding": normal},
        "age": _number(row, "age", where, rejects),
        "sex": row["sex"],
        "sex_source": row["sex"] and "record",
        "labs": _measured(row, _LABS, where, rejects),
        "vitals": _measured(row, _VITALS, where, rejects),
        "regions": _lung_field(row["study_id"], grey.pixels.shape, size, folder, rejects),
        "split": split,
        "composed": False,
        "prior_study_id": row["prior_study_id"],
        "source": "covid",
        "licence": row["license"] or "not stated",
    }


def _measured(row: dict, names: dict, where: Path, rejects: Rejects) -> list[dict]:
    found = []
    for column, (name, unit) in names.items():
        value = _number(row, column, where, rejects)
        if value is not None:
            found.append({"name": name, "value": value, "unit": unit, "hours_before": None})
    return found


def _number(row: dict, column: str, where: Path, rejects: Rejects) -> float | None:
    text = row.get(column)
    try:
        return None if text is None else float(text)
    except ValueError:
        fault = f"{column} is {text!r}, not a number"
        rejects.add(where, row["study_id"], fault, _REMEDY)
        return None


def _lung_field(
    study: str, shape: tuple[int, ...], size: tuple[int, int], folder: Path, rejects: Rejects
) -> list[dict] | None:
    file = folder / "annotations" / "lungVAE-masks" / f"{study}_mask.png"
    if not file.is_file():
        return None
    try:
        mask = read_picture(file).pixels
        if mask.shape != shape:
            fault = f"is {mask.shape} and its image {shape}"
            raise InputError(file, fault, "Resize it to its image.")
    except InputError as error:
        rejects.add_error(error, study)
        return None
    picture = Image.fromarray(mask >= 0.5)
    small = np.asarray(picture.resize(size, Image.Resampling.NEAREST))
    return [{"name": "lung_field", "mask": pack_mask(small)}]
