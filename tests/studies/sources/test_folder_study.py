"""What becomes of one row of the list of your own studies."""

from datetime import datetime
from pathlib import Path

import pytest

from txtray_utils.errors import Rejects
from txtray_utils.studies.sources.folder_list import COLUMNS
from txtray_utils.studies.sources.folder_study import LICENCE, study_of, time_of

REPORT = """INDICATION: Cough for a week.
COMPARISON: None.
FINDINGS: The heart is large. No pleural effusion.
IMPRESSION: Cardiomegaly. Possible pneumonia."""
INDEX = Path("studies.csv")


def read(**values):
    """Return the study of a row that has these values, and what was told of them."""
    rejects = Rejects()
    film = dict.fromkeys(COLUMNS.values())
    film |= {"study_id": "s", "prior_study_id": None} | values
    if "report" not in values:
        film |= {"findings": "Clear lungs."} | values
    film["study_time"] = time_of(film, INDEX, rejects)
    study = study_of(film, INDEX, rejects)
    assert all(one.remedy for one in rejects.rows)
    return study, [f"{one.row}: {one.fault}" for one in rejects.rows]


def test_a_report_is_parted_by_its_headings_and_read():
    study, said = read(report=REPORT)
    assert not said
    assert study["indication"] == "Cough for a week."
    assert study["comparison"] == "None."
    assert study["findings"] == "The heart is large. No pleural effusion."
    assert study["sentences"][2:] == ["Cardiomegaly.", "Possible pneumonia."]
    labels = study["labels"]
    assert labels["Cardiomegaly"] == 1
    assert labels["Pleural Effusion"] == 0
    assert labels["Pneumonia"] == -1
    assert study["licence"] == LICENCE
    assert LICENCE == "your own data: stays in your folder"


def test_a_report_without_headings_is_findings():
    study, _ = read(report="The lungs are\nclear. No effusion.")
    assert study["findings"] == "The lungs are\nclear. No effusion."
    assert study["impression"] is None
    assert study["sentences"] == ["The lungs are clear.", "No effusion."]


def test_without_a_report_nothing_is_said():
    study, said = read(report=None)
    assert study["findings"] is None
    assert study["sentences"] is None
    assert said == ["s: the report has no word of text"]
    assert set(study["labels"].values()) == {None}


def test_sections_of_their_own_are_taken_as_they_are():
    study, _ = read(findings="IMPRESSION: large heart.", indication="Cough.", licence="CC BY 4.0")
    assert study["findings"] == "IMPRESSION: large heart."
    assert study["indication"] == "Cough."
    assert study["impression"] is None
    assert study["licence"] == "CC BY 4.0"


AGES = {"50": 50, "0.5": 0.5, "89": 89, "90": 90, "104": 90, "90+": 90, ">89": 90}


@pytest.mark.parametrize("age", AGES)
def test_an_age_over_89_is_90(age):
    study, said = read(age=age)
    assert study["age"] == AGES[age]
    assert not said


BAD = {
    "age": ("fifty", "-1", "121", "nan", "inf"),
    "sex": ("X", "0", "unknown"),
    "date": ("03/04/2021", "2021-02-30", "yesterday"),
}


@pytest.mark.parametrize(("column", "value"), [(one, bad) for one in BAD for bad in BAD[one]])
def test_a_value_that_cannot_be_read_is_null_and_told(column, value):
    study, said = read(**{column: value})
    for name in ("study_time", "age", "sex", "sex_source"):
        assert study[name] is None
    (fault,) = said
    assert fault.startswith(f"s: {column} is {value!r}")


@pytest.mark.parametrize("sex", ["F", "m", "Female", "male"])
def test_a_sex_is_read_as_it_is_written(sex):
    study, said = read(sex=sex)
    assert study["sex"] == sex[0].upper()
    assert study["sex_source"] == "record"
    assert not said


@pytest.mark.parametrize("date", ["2021-03-04 12:30", "20210304T1230", "2021-03-04T12:30+05:00"])
def test_a_date_is_that_of_the_clock_of_the_hospital(date):
    study, said = read(date=date)
    assert study["study_time"] == datetime(2021, 3, 4, 12, 30)
    assert not said
