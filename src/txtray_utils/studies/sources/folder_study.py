"""One row of the list of your own studies -> what the study table holds of it, but for the film.

A value that cannot be read is null and goes to the rejects; the study is kept. Explained in
book/your_own_data.
"""

from datetime import datetime
from pathlib import Path

from txtray_utils.errors import Rejects
from txtray_utils.read.report import report_sections
from txtray_utils.studies.sources.texts import text_columns

LICENCE = "your own data: stays in your folder"
OLDEST = 89  # years; whoever is older is 90
_OLD = ("90+", ">89", "> 89")
_SEXES = {"f": "F", "female": "F", "m": "M", "male": "M"}
_KEPT = "Correct the cell, or leave it: the study is kept without this value."


def time_of(film: dict, index: Path, rejects: Rejects) -> datetime | None:
    """Return the date of a row by the clock of the hospital; midnight where it gives no time."""
    if film["date"] is None:
        return None
    try:
        time = datetime.fromisoformat(film["date"])
    except ValueError:
        fault = f"date is {film['date']!r}, which is not YYYY-MM-DD or YYYY-MM-DD hh:mm"
        rejects.add(index, film["study_id"], fault, _KEPT)
        return None
    return time.replace(tzinfo=None)


def study_of(film: dict, index: Path, rejects: Rejects) -> dict:
    """Return the columns of a row's study; `film` has those of `read_list`, a time and a prior."""
    sex = _SEXES.get((film["sex"] or "").lower())
    if film["sex"] and not sex:
        fault = f"sex is {film['sex']!r}, not F or M"
        rejects.add(index, film["study_id"], fault, _KEPT)
    return {
        **_text(film, index, rejects),
        "study_id": film["study_id"],
        "subject_id": film["subject_id"],
        "image_id": film["image_id"],
        "view": film["view"],
        "study_time": film["study_time"],
        "age": _age(film, index, rejects),
        "sex": sex,
        "sex_source": sex and "record",
        "composed": False,
        "prior_study_id": film["prior_study_id"],
        "source": "folder",
        "licence": film["licence"] or LICENCE,
    }


def _text(film: dict, index: Path, rejects: Rejects) -> dict:
    """Return the sections, sentences and labels of a report."""
    sections = report_sections(film["report"]) if film["report"] else film
    return text_columns(sections, index, film["study_id"], rejects)


def _age(film: dict, index: Path, rejects: Rejects) -> float | None:
    said = film["age"]
    if said is None:
        return None
    try:
        age = float(OLDEST + 1 if said in _OLD else said)
    except ValueError:
        age = -1.0
    if 0 <= age <= 120:
        return float(OLDEST + 1) if age > OLDEST else age
    fault = f"age is {said!r}, not a number of years from 0 to 120"
    rejects.add(index, film["study_id"], fault, _KEPT)
    return None
