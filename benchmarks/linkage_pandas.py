"""The linkage of chapter 3 in pandas, written with care: ours is held against it.

Each step lets go of the table that it was given, so that pandas holds no more than it must.
Explained in book/03_linking_images_to_the_record."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd
from linkage_stays import ADMISSIONS, ED, ICU, link_types, nearest, table
from linkage_tables import TESTS

from txtray_utils.read.record_items import VITALS

TYPES = {
    "subject_id": "int32",
    "itemid": "int32",
    "value": "str",
    "valuenum": "float64",
    "valueuom": "category",
}
TIMES = ("charttime", "storetime")
NUMBER = r"^\s*[<>]?\s*(\d+(?:\.\d+)?)\s*$"


class Reading(NamedTuple):
    """How labevents are read: from Parquet or csv.gz, which columns (None is all), which engine."""

    parquet: bool
    columns: list[str] | None = None
    engine: str = "c"


Linked = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]  # studies, laboratory values, vital signs


def with_pandas(where: Path, reading: Reading) -> Linked:
    """Return studies, their laboratory values and their vital signs, linked with pandas."""
    films = read_films(where)
    items = read_items(where)
    labs = last_values(
        blood_events(where, reading, items, films),
        items,
        films,
    )
    ed = nearest(where, films, ED)
    icu = nearest(where, films, ICU)
    stay = nearest(where, films, ADMISSIONS)
    studies = films.set_index("study_id")
    studies["age"] = ages(where, studies)
    studies["link_type"] = link_types(studies.index, ed, icu, stay)
    studies["hadm_id"] = stay["hadm_id"]
    studies["ed_stay_id"] = ed["stay_id"]
    vitals = triage_vitals(where, studies, ed)
    return studies.reset_index().rename(columns={"t": "study_time"}), labs, vitals


def read_films(where: Path) -> pd.DataFrame:
    """Return one row a study: study_id, subject_id, and its time `t`."""
    films = table(where, "metadata")
    days = films["StudyDate"].astype(str)
    hours = films["StudyTime"].astype(int).astype(str).str.zfill(6)
    films["t"] = pd.to_datetime(days + hours, format="%Y%m%d%H%M%S")
    return films.groupby("study_id", as_index=False).agg(
        subject_id=("subject_id", "first"),
        t=("t", "min"),
    )


def read_items(where: Path) -> pd.DataFrame:
    """Return the itemid of every laboratory test that is wanted, with our name of it."""
    rows = []
    for lab in TESTS:
        for label in lab.labels:
            rows.append((lab.name, label, lab.category))
    wanted = pd.DataFrame(rows, columns=["name", "label", "category"])
    items = table(where, "mimic-iv/hosp/d_labitems")
    items = items[items["fluid"] == "Blood"]
    return items.merge(wanted, on=["label", "category"])[["itemid", "name"]]


def blood_events(
    where: Path,
    reading: Reading,
    items: pd.DataFrame,
    films: pd.DataFrame,
) -> pd.DataFrame:
    """Read labevents and return the wanted tests of patients with films, with their times."""
    path = where / "mimic-iv/hosp/labevents"
    if reading.parquet:
        events = _from_parquet(path.with_suffix(".parquet"), reading, items)
    elif reading.columns:
        events = pd.read_csv(
            f"{path}.csv.gz",
            usecols=reading.columns,
            dtype=TYPES,
            engine=reading.engine,
        )
    else:
        events = pd.read_csv(f"{path}.csv.gz", low_memory=False)
    wanted = events["itemid"].isin(items["itemid"])
    events = events[wanted & events["subject_id"].isin(films["subject_id"])]
    return events.assign(**{name: pd.to_datetime(events[name]) for name in TIMES})


def _from_parquet(
    path: Path,
    reading: Reading,
    items: pd.DataFrame,
) -> pd.DataFrame:
    wanted = None
    if reading.columns:
        numbers = items["itemid"].astype(str).tolist()
        wanted = [("itemid", "in", numbers)]
    events = pd.read_parquet(
        path,
        columns=reading.columns,
        filters=wanted,
    )
    names = ("subject_id", "itemid")
    return events.assign(**{name: pd.to_numeric(events[name]) for name in names})


def last_values(
    events: pd.DataFrame,
    items: pd.DataFrame,
    films: pd.DataFrame,
) -> pd.DataFrame:
    """Return the last value of each test that was known in the 24 hours before each film."""
    events = events.reset_index(names="row").merge(items, on="itemid")
    events = events.merge(films, on="subject_id")
    recent = events["charttime"] >= events["t"] - pd.Timedelta("24h")
    recent &= events["charttime"] <= events["t"]
    recent &= events["storetime"] <= events["t"]
    events = events[recent]
    said = pd.to_numeric(events["value"].str.extract(NUMBER)[0])
    events["number"] = pd.to_numeric(events["valuenum"]).fillna(said)
    events = events.astype({"valueuom": "str"})
    events = events.merge(unit_factors(), on=["name", "valueuom"])
    events["value"] = events["number"] * events["factor"]
    before = events["t"] - events["charttime"]
    events["hours_before"] = before.dt.total_seconds() / 3600
    events = events.sort_values([*TIMES, "row"], kind="stable")
    return events.drop_duplicates(["study_id", "name"], keep="last")


def unit_factors() -> pd.DataFrame:
    """Return what a value in each unit of each test is multiplied by."""
    rows = []
    for lab in TESTS:
        for unit, factor in lab.factors.items():
            rows.append((lab.name, unit, factor))
    return pd.DataFrame(rows, columns=["name", "valueuom", "factor"])


def ages(where: Path, studies: pd.DataFrame) -> pd.Series:
    """Return the age of each study's patient on its day, at most 90."""
    people = table(where, "mimic-iv/hosp/patients").set_index("subject_id")
    person = people.loc[studies["subject_id"]].set_index(studies.index)
    then = person["anchor_age"].clip(upper=90)
    return (then + studies["t"].dt.year - person["anchor_year"]).clip(upper=90)


def triage_vitals(
    where: Path,
    studies: pd.DataFrame,
    ed: pd.DataFrame,
) -> pd.DataFrame:
    """Return the vital signs at triage of studies taken after the patient came, one a row."""
    vitals = table(where, "mimic-iv-ed/ed/triage")
    vitals = vitals.merge(
        studies.reset_index(),
        left_on="stay_id",
        right_on="ed_stay_id",
    )
    begun = ed["start"].reindex(vitals["study_id"])
    arrived = vitals[vitals["t"] >= begun.to_numpy()]
    return arrived.melt("study_id", list(VITALS), var_name="name")
