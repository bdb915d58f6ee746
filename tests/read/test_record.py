"""Linkage: hand-worked films, a slow oracle, planted pitfalls with their truth, and every kind of
bad table."""

import gzip
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from txtray_utils.errors import InputError, Rejects
from txtray_utils.read.record import LINKS, Linked, link, study_times
from txtray_utils.read.record_items import LABS, SPECIMEN_TYPE, VITALS
from txtray_utils.read.record_tables import to_parquet
from virtual_hospital.cohort import plan_cohort
from virtual_hospital.pitfalls import PITFALLS
from virtual_hospital.tables import write_tables

FILM = datetime(2150, 5, 4, 9, 5, 3)
COLUMNS = {
    "mimic-iv/hosp/patients": "subject_id gender anchor_age anchor_year anchor_year_group dod",
    "mimic-iv/hosp/admissions": "subject_id hadm_id admittime dischtime edregtime",
    "mimic-iv/hosp/labevents": "labevent_id subject_id hadm_id specimen_id itemid charttime "
    "storetime value valuenum valueuom comments",
    "mimic-iv/hosp/d_labitems": "itemid label fluid category",
    "mimic-iv/icu/icustays": "subject_id hadm_id stay_id intime outtime",
    "mimic-iv-ed/ed/edstays": "subject_id hadm_id stay_id intime outtime",
    "mimic-iv-ed/ed/triage": "subject_id stay_id temperature heartrate resprate o2sat sbp dbp pain",
}
SPECIMEN = 52033
ITEMS = list(
    {
        lab.known[-1]: {
            "itemid": lab.known[-1],
            "label": lab.labels[0],
            "fluid": "Blood",
            "category": lab.category,
        }
        for lab in LABS
    }.values()
)
ITEMS.append(
    {
        "itemid": SPECIMEN,
        "label": SPECIMEN_TYPE[0],
        "fluid": "Blood",
        "category": SPECIMEN_TYPE[1],
    }
)
PERSON = {"subject_id": 10000001, "gender": "F", "anchor_age": 60, "anchor_year": 2150}
quick = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def at(hours: float) -> datetime:
    """Return the time so many hours before (-) or after the film."""
    return FILM + timedelta(hours=hours)


def film(study: str = "50000001", patient: int = 10000001, time: datetime = FILM) -> dict:
    clock = float(time.strftime("%H%M%S")) + 0.25
    return {
        "study_id": study,
        "subject_id": patient,
        "StudyDate": int(time.strftime("%Y%m%d")),
        "StudyTime": clock,
    }


def event(
    name: str = "creatinine",
    taken: float = -2,
    stored: float | None = -1,
    value: object = 1.0,
    **more,
) -> dict:
    """Return a result in the first unit of the test."""
    lab = next(lab for lab in LABS if lab.name == name)
    number = value if isinstance(value, (int, float)) else None
    row = {
        "labevent_id": 1,
        "subject_id": 10000001,
        "specimen_id": 1,
        "itemid": lab.known[-1],
        "charttime": at(taken),
        "storetime": None if stored is None else at(stored),
        "value": str(value),
        "valuenum": number,
        "valueuom": next(iter(lab.factors)),
    }
    return row | more


def gas(kind: str | None = "ART.", **more) -> dict:
    """Return the row that says whether a blood gas is arterial or venous."""
    row = event("lactate", itemid=SPECIMEN, valueuom=None, valuenum=None, labevent_id=99)
    return row | {"value": kind} | more


def write(root: Path, **rows: list[dict]) -> Path:
    """Write a record: the tables named (patients, labevents ...), the others empty; by default one
    patient, all items."""
    for name, columns in COLUMNS.items():
        table = name.split("/")[-1]
        usual = {"patients": [PERSON], "d_labitems": ITEMS}.get(table, [])
        frame = pd.DataFrame(rows.get(table, usual))
        frame = frame.reindex(columns=list(dict.fromkeys([*columns.split(), *frame.columns])))
        path = root / f"{name}.csv.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_csv(path, index=False, date_format="%Y-%m-%d %H:%M:%S")
    return root


def linked(root: Path, *films: dict, **rows: list[dict]) -> tuple[Linked, Rejects]:
    rejects = Rejects()
    found = link(pd.DataFrame(films or [film()]), write(root, **rows), rejects, "metadata.csv")
    return found, rejects


def values(found: Linked) -> dict[str, float]:
    return dict(zip(found.labs["name"], found.labs["value"], strict=True))


# --- study time and age


@given(st.datetimes(datetime(2100, 1, 1), datetime(2210, 12, 31)), st.integers(0, 999))
@quick
def test_any_time_written_as_a_number_is_read_back_to_the_second(time, thousandths):
    clock = int(time.strftime("%H%M%S")) + thousandths / 1000
    row = {
        "study_id": "s",
        "subject_id": 1,
        "StudyDate": int(time.strftime("%Y%m%d")),
        "StudyTime": clock,
    }
    for kind in (lambda x: x, str):
        images = pd.DataFrame([{name: kind(value) for name, value in row.items()}])
        assert study_times(images, Rejects())["study_time"][0] == time.replace(microsecond=0)


ANY_DATE = st.none() | st.text(max_size=9)
ANY_TIME = st.none() | st.text("0123456789.-+e: ", max_size=9)


@given(st.lists(st.tuples(ANY_DATE, ANY_TIME), min_size=1, max_size=8))
@quick
def test_any_text_as_a_time_is_read_or_rejected_and_never_lost(pairs):
    images = pd.DataFrame(
        [
            {"study_id": f"s{k}", "subject_id": "1", "StudyDate": date, "StudyTime": time}
            for k, (date, time) in enumerate(pairs)
        ],
        dtype=object,
    )
    rejects = Rejects()
    times = study_times(images, rejects)
    assert list(times["study_id"]) == list(images["study_id"])
    assert {row.row for row in rejects.rows} == set(
        times.loc[times["study_time"].isna(), "study_id"]
    )


@pytest.mark.parametrize(
    "clock", ["240000", "126000", "1260", "-1", "", None, "9:05", "1234567", "nan", "1e4"]
)
def test_a_time_that_is_none_is_rejected(clock):
    rejects = Rejects()
    images = pd.DataFrame([film() | {"StudyTime": clock}], dtype=object)
    assert study_times(images, rejects)["study_time"].isna().all()
    assert rejects.rows[0].row == "50000001" and "StudyTime" in rejects.rows[0].fault


def test_images_of_a_study_that_differ_in_time_give_the_earliest_and_say_so(tmp_path):
    found, rejects = linked(tmp_path, film(time=at(1)), film(), film(time=at(2)))
    assert list(found.studies["study_time"]) == [FILM]
    assert "different times" in rejects.rows[0].fault


def test_a_study_of_two_patients_is_kept_without_link(tmp_path):
    found, rejects = linked(tmp_path, film(), film(patient=10000002), film("50000002"))
    assert list(found.studies["link_type"]) == ["none", "none"] and found.studies[
        "subject_id"
    ].isna().tolist() == [
        True,
        False,
    ]
    assert rejects.rows[0].row == "50000001"


@pytest.mark.parametrize(
    "anchor, year, age, capped",
    [
        (60, 2150, 60, False),
        (60, 2148, 62, False),
        (88, 2147, 90, True),
        (91, 2150, 90, True),
        (91, 2160, 80, True),
        (5, 2160, None, False),
    ],
)
def test_age_at_the_film(tmp_path, anchor, year, age, capped):
    found, rejects = linked(
        tmp_path, patients=[PERSON | {"anchor_age": anchor, "anchor_year": year}]
    )
    row = found.studies.iloc[0]
    assert (None if pd.isna(row["age"]) else row["age"]) == age and row["age_capped"] == capped
    assert (len(rejects) == 1) == (age is None)


# --- stays


def stay(start: float, end: float, **ids) -> dict:
    return {"subject_id": 10000001, "intime": at(start), "outtime": at(end)} | ids


def admission(hadm: int, start: float, end: float, arrival: float | None = None) -> dict:
    return {
        "subject_id": 10000001,
        "hadm_id": hadm,
        "admittime": at(start),
        "dischtime": at(end),
        "edregtime": None if arrival is None else at(arrival),
    }


@pytest.mark.parametrize(
    "tables, link_type, ids",
    [
        ({}, "none", (None, None, None)),
        ({"edstays": [stay(-2, 1, stay_id=1)]}, "ed", ("1", None, None)),
        ({"edstays": [stay(-2, -0.5, stay_id=1)]}, "ed", ("1", None, None)),  # the clocks differ
        ({"edstays": [stay(-4, -1.5, stay_id=1)]}, "none", (None, None, None)),
        (
            {"edstays": [stay(-4, -0.5, stay_id=1), stay(-0.2, 3, stay_id=2)]},
            "ed",
            ("2", None, None),
        ),
        (
            {"edstays": [stay(-2, 1, stay_id=1)], "admissions": [admission(7, 0.2, 50, -2)]},
            "ed",
            ("1", None, "7"),
        ),
        ({"admissions": [admission(7, 0.2, 50, -2)]}, "admission", (None, None, "7")),
        ({"admissions": [admission(7, -20, 50)]}, "admission", (None, None, "7")),
        (
            {"admissions": [admission(7, -20, 50)], "icustays": [stay(-10, 5, stay_id=1)]},
            "icu",
            (None, "1", "7"),
        ),
        (
            {
                "edstays": [stay(-3, -0.5, stay_id=9)],
                "icustays": [stay(-0.4, 5, stay_id=1)],
                "admissions": [admission(7, -1, 9)],
            },
            "icu",
            ("9", "1", "7"),
        ),
        ({"admissions": [admission(7, 23, 99)]}, "pre-admission", (None, None, "7")),
        ({"admissions": [admission(7, 25, 99)]}, "none", (None, None, None)),
        ({"admissions": [admission(7, -90, -3)]}, "none", (None, None, None)),
        (
            {"admissions": [admission(7, -90, 3), admission(8, -2, 30)]},
            "admission",
            (None, None, "8"),
        ),
        (
            {"admissions": [admission(7, -90, -3), admission(8, 5, 30)]},
            "pre-admission",
            (None, None, "8"),
        ),
        ({"admissions": [admission(7, -90, -100)]}, "none", (None, None, None)),
    ],
)
def test_hand_worked_links(tmp_path, tables, link_type, ids):
    row = linked(tmp_path, **tables)[0].studies.iloc[0]
    assert link_type in LINKS and row["link_type"] == link_type
    got = (row["ed_stay_id"], row["icu_stay_id"], row["hadm_id"])
    assert tuple(None if pd.isna(value) else value for value in got) == ids


def test_a_stay_of_another_patient_is_never_linked(tmp_path):
    other = [PERSON, PERSON | {"subject_id": 10000002}]
    found, _ = linked(
        tmp_path, patients=other, edstays=[stay(-2, 2, stay_id=1) | {"subject_id": 10000002}]
    )
    assert found.studies["link_type"][0] == "none"


# --- laboratory results


@pytest.mark.parametrize(
    "events, value",
    [
        ([event(value=1.0)], 88.4),
        ([event(value=1.0), event(value=2.0, taken=-1.5, labevent_id=2)], 176.8),
        (
            [event(value=1.0), event(value=2.0, taken=-1, stored=0.1, labevent_id=2)],
            88.4,
        ),  # reported after the film
        (
            [event(value=1.0), event(value=2.0, taken=-1, stored=None, labevent_id=2)],
            88.4,
        ),  # never said to be reported
        ([event(value=1.0, taken=-25)], None),  # too old
        ([event(value=1.0, taken=1, stored=2)], None),
        (
            [event(value=1.0), event(value=3.0, stored=-0.5, labevent_id=2)],
            265.2,
        ),  # one specimen twice: the last stored
        (
            [event(value=1.0), event(value=2.0, labevent_id=10), event(value=3.0, labevent_id=9)],
            176.8,
        ),  # 10 after 9, as numbers
        ([event(value=1.0), event(value="HEMOLYZED", taken=-1.2, labevent_id=2)], 88.4),
        ([event(value=1.0), event(value=-1.0, taken=-1.2, labevent_id=2)], 88.4),
        ([event(value=1.0), event(value=2.0, taken=-1.2, labevent_id=2, valueuom="mmol/L")], 88.4),
        ([event(value="<0.1")], 8.84),
        ([event(value="___", comments="LESS THAN 0.2.")], 17.68),
        ([event(value=1.0, itemid=51081)], None),  # not in the dictionary
    ],
)
def test_hand_worked_last_value(tmp_path, events, value):
    found, _ = linked(tmp_path, labevents=events)
    assert values(found) == ({} if value is None else {"creatinine": pytest.approx(value)})


@pytest.mark.parametrize(
    "text, comment, sign",
    [("<0.1", None, "<"), (">5", None, ">"), ("___", "GREATER THAN 5.", ">"), ("1.0", None, None)],
)
def test_censored_values_say_so(tmp_path, text, comment, sign):
    found, _ = linked(tmp_path, labevents=[event(value=text, comments=comment)])
    assert found.labs["censored"].replace({np.nan: None}).tolist() == [sign]


@pytest.mark.parametrize(
    "name, unit, reported, here",
    [
        ("haemoglobin", "g/dL", 14, 140),
        ("urea", "mg/dL", 28, 10),
        ("lactate", "mg/dL", 18, 2),
        ("po2", "mm Hg", 75, 10),
        ("crp", "mg/dL", 1, 10),
        ("troponin_t", "ng/mL", 0.05, 0.05),
        ("albumin", "g/dL", 3.5, 35),
        ("d_dimer", "ng/mL FEU", 500, 500),
        ("d_dimer", "ng/mL DDU", 250, 500),
        ("white_cells", "#/uL", 8000, 8),
        ("sodium", "mEq/L", 140, 140),
        ("creatinine", "mg/dL", 1, 88.4),
        ("nt_probnp", "pg/mL", 300, 300),
    ],
)
def test_units_against_hand_worked_pairs(tmp_path, name, unit, reported, here):
    rows = [event(name, value=float(reported), valueuom=unit), gas()]
    found, _ = linked(tmp_path, labevents=rows)
    assert values(found)[name] == pytest.approx(here, rel=2e-3)


@given(st.sampled_from(LABS), st.data())
@quick
def test_every_unit_of_a_test_gives_one_value(tmp_path, lab, data):
    amount = data.draw(st.floats(lab.low, lab.high, exclude_min=True, exclude_max=True))
    films, events = [], []
    for k, (unit, factor) in enumerate(lab.factors.items()):
        films.append(film(f"5000000{k}", 10000001 + k))
        events.append(
            event(
                lab.name,
                value=amount / factor,
                valueuom=unit,
                subject_id=10000001 + k,
                labevent_id=k,
            )
        )
        if lab.specimen:
            events.append(gas(lab.specimen, subject_id=10000001 + k))
    people = [PERSON | {"subject_id": row["subject_id"]} for row in films]
    found, rejects = linked(tmp_path, *films, patients=people, labevents=events)
    rounded = (
        abs(amount - lab.low) < 1e-9 * lab.high or abs(amount - lab.high) < 1e-9 * lab.high
    )  # may round out of range
    assert rounded or not len(rejects)
    assert rounded or found.labs["value"].tolist() == pytest.approx([amount] * len(films), rel=1e-9)
    assert set(found.labs["unit"]) <= {lab.unit}


def test_arterial_and_venous_blood_are_never_mixed(tmp_path):
    """The venous gas is the later one: the arterial value stays, and is not overwritten."""
    events = [
        event("po2", value=80.0),
        event("lactate", value=1.0, labevent_id=2),
        gas("ART."),
        event("po2", value=38.0, taken=-1.5, specimen_id=2, labevent_id=3),
        event("lactate", value=3.0, taken=-1.5, specimen_id=2, labevent_id=4),
        gas("VEN.", taken=-1.5, specimen_id=2),
    ]
    found, rejects = linked(tmp_path, labevents=events)
    assert values(found) == {
        "lactate": pytest.approx(1.0),
        "lactate_venous": pytest.approx(3.0),
        "po2": pytest.approx(80 * 0.133322),
    }
    assert not len(rejects)


@pytest.mark.parametrize("rows", [[], [gas("ART.", specimen_id=2)], [gas(None)], [gas("___")]])
def test_a_blood_gas_of_no_stated_vessel_is_rejected(tmp_path, rows):
    found, rejects = linked(tmp_path, labevents=[event("po2", value=80.0), *rows])
    assert values(found) == {}
    assert [row.fault for row in rejects.rows] == [
        "po2: its specimen is not said to be arterial or venous"
    ]


def test_the_vessel_may_be_stated_without_a_time_of_storing(tmp_path):
    events = [event("po2", value=80.0), gas(" art. ", stored=None)]
    assert "po2" in values(linked(tmp_path, labevents=events)[0])


@pytest.mark.parametrize("kind", ["CENTRAL VENOUS.", "MIX."])
def test_blood_of_other_vessels_is_another_test(tmp_path, kind):
    found, rejects = linked(tmp_path, labevents=[event("po2", value=40.0), gas(kind)])
    assert values(found) == {} and not len(rejects)


@pytest.mark.parametrize(
    "name, unit", [("d_dimer", "ng/mL"), ("troponin_t", "ng/L"), ("troponin_t", "pg/mL")]
)
def test_a_unit_that_does_not_say_what_was_measured_is_rejected(tmp_path, name, unit):
    """D-dimer without FEU or DDU; a troponin of another, finer assay."""
    found, rejects = linked(tmp_path, labevents=[event(name, value=14.0, valueuom=unit)])
    assert values(found) == {} and f"unit {unit} does not convert" in rejects.rows[0].fault


def test_a_troponin_is_not_given_a_precision_that_it_has_not(hospital):
    """The fourth generation reads to 0.01 ng/mL: no value in ng/L in steps of ten."""
    _, found, _ = hospital
    troponin = found.labs[found.labs["name"] == "troponin_t"]
    assert set(troponin["unit"]) == {"ng/mL"} and len(troponin) > 5
    assert (troponin["value"] * 100 % 1).round(6).isin([0, 1]).all()
    assert troponin["value"].median() < 0.1


def oracle(films: list[dict], events: list[dict]) -> dict[tuple[str, str], tuple[float, float]]:
    """The last value before each film, one film and one result at a time."""
    known = {}
    for one in films:
        time = datetime.strptime(f"{one['StudyDate']}{int(one['StudyTime']):06d}", "%Y%m%d%H%M%S")
        for lab in LABS:
            best = None
            for row in events:
                if (
                    row["subject_id"] != one["subject_id"]
                    or row["itemid"] not in lab.known
                    or row["storetime"] is None
                ):
                    continue
                if (
                    not time - timedelta(hours=24) <= row["charttime"] <= time
                    or row["storetime"] > time
                ):
                    continue
                if row["valuenum"] is None or row["valueuom"] not in lab.factors:
                    continue
                if not lab.low <= row["valuenum"] * lab.factors[row["valueuom"]] <= lab.high:
                    continue
                key = (row["charttime"], row["storetime"], row["labevent_id"])
                if best is None or key > best[0]:
                    best = (key, row)
            if best:
                row = best[1]
                hours = (time - row["charttime"]).total_seconds() / 3600
                known[one["study_id"], lab.name] = (
                    row["valuenum"] * lab.factors[row["valueuom"]],
                    hours,
                )
    return known


RESULT = st.builds(
    event,
    name=st.sampled_from(["creatinine", "white_cells"]),
    taken=st.sampled_from([-30, -24, -23.5, -3, -2, -1, 0, 0.5, 26]),
    stored=st.sampled_from([None, -24, -2.5, -2, -1, -0.5, 0, 1]),
    value=st.sampled_from([0.8, 1.0, 5.5, -1.0, 1e9, "___", "ERROR"]),
    subject_id=st.sampled_from([10000001, 10000002, 10000003]),
    valueuom=st.sampled_from(["mg/dL", "umol/L", "K/uL", "#/uL", "furlong", None]),
)


FILMS = st.tuples(st.sampled_from([10000001, 10000002]), st.sampled_from([0, 1, 25]))


@given(st.lists(RESULT, max_size=25), st.lists(FILMS, min_size=1, max_size=4))
@quick
def test_last_value_before_the_film_against_the_slow_oracle(tmp_path, events, taken):
    events = [row | {"labevent_id": 9 + k} for k, row in enumerate(events)]
    films = [film(f"5000000{k}", patient, at(hours)) for k, (patient, hours) in enumerate(taken)]
    people = [PERSON | {"subject_id": 10000001 + k} for k in range(3)]
    labs = linked(tmp_path, *films, patients=people, labevents=events)[0].labs
    got = {
        (row.study_id, row.name): (row.value, row.hours_before)
        for row in labs.itertuples(index=False)
    }
    wanted = oracle(films, events)
    assert set(got) == set(wanted)
    assert all(got[key] == pytest.approx(wanted[key]) for key in wanted)


# --- vital signs


@pytest.mark.parametrize(
    "arrival, sign, value, known",
    [
        (-2, "temperature", 98.6, 37.0),
        (-2, "temperature", 37.5, 37.5),
        (-2, "temperature", 9.86, None),
        (-2, "o2sat", 978, None),
        (-2, "heartrate", 80, 80),
        (0.5, "heartrate", 80, None),
        (-25, "heartrate", 80, None),
    ],
)
def test_hand_worked_vital_signs(tmp_path, arrival, sign, value, known):
    triage = [{"subject_id": 10000001, "stay_id": 1, sign: value}]
    found, rejects = linked(tmp_path, edstays=[stay(arrival, 2, stay_id=1)], triage=triage)
    assert dict(zip(found.vitals["name"], found.vitals["value"], strict=True)) == (
        {} if known is None else {sign: pytest.approx(known)}
    )
    assert (found.vitals["hours_before"] >= 0).all()
    assert len(rejects) == (known is None and arrival == -2)
    assert set(found.vitals["name"]) <= set(VITALS)


# --- the simulated hospital: every pitfall has a known answer


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    """A small simulated cohort, its linkage, and the rejects of it."""
    root, rejects = tmp_path_factory.mktemp("hospital"), Rejects()
    write_tables(plan_cohort(300, seed=3), root, seed=3)
    images = pd.read_csv(root / "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz")
    return root, link(images, root, rejects, "metadata"), rejects


def pitfalls(root: Path) -> pd.DataFrame:
    return pd.read_csv(root / "truth/pitfalls.csv", dtype=str).fillna("")


def test_the_links_are_those_of_the_truth_table(hospital):
    root, found, _ = hospital
    truth = pd.read_csv(root / "truth/record.csv", dtype=str).set_index("study_id")
    got = found.studies.set_index("study_id").loc[truth.index]
    assert len(got) == len(found.studies) == 300
    assert (got["study_time"] == pd.to_datetime(truth["study_time"])).all()
    assert (got["in_record"].astype(str) == truth["in_record"]).all()
    for column in ("link_type", "ed_stay_id", "icu_stay_id", "hadm_id", "sex"):
        same = (got[column] == truth[column]) | (got[column].isna() & truth[column].isna())
        assert same.all(), column
    assert np.array_equal(got["age"].astype(float), truth["age"].astype(float), equal_nan=True)


def test_the_results_are_those_of_the_truth_table_and_none_is_later_than_the_film(hospital):
    root, found, _ = hospital
    truth = pd.read_csv(root / "truth/labs.csv", dtype={"study_id": str}).set_index(
        ["study_id", "name"]
    )
    got = found.labs.set_index(["study_id", "name"])
    assert set(got.index) == set(truth.index) and got.index.is_unique
    got = got.loc[truth.index]
    assert got["value"].tolist() == pytest.approx(truth["value"].tolist(), rel=1e-5)
    assert (got["unit"] == truth["unit"]).all() and (
        got["censored"].fillna("") == truth["censored"].fillna("")
    ).all()
    time = found.studies.set_index("study_id")["study_time"].loc[found.labs["study_id"]].to_numpy()
    assert (found.labs["charttime"] <= found.labs["storetime"]).all() and (
        found.labs["storetime"] <= time
    ).all()


def test_every_planted_pitfall_is_found(hospital):
    root, found, _ = hospital
    planted = pitfalls(root)
    assert set(planted["kind"]) == set(PITFALLS)
    labs, vitals = (
        table.set_index(["study_id", "name"])["value"] for table in (found.labs, found.vitals)
    )
    studies = found.studies.set_index("study_id")
    elsewhere = planted["kind"].isin(
        ["race_differs", "leak_column"]
    )  # columns that the linkage does not take up
    for row in planted[~elsewhere].itertuples():
        key = (row.study_id, row.column)
        table = labs if row.table == "labevents" else vitals if row.column in VITALS else None
        got = studies.at[key] if table is None else table.get(key)
        if table is not None or row.column == "age":
            wanted = float(row.answer) if row.answer else None
            assert got == (None if wanted is None else pytest.approx(wanted, rel=1e-4)), row
        else:
            assert ("" if pd.isna(got) else str(got)) == row.answer, row
    assert not set(found.studies) & {
        "race",
        "deathtime",
        "dischtime",
        "dod",
        "hospital_expire_flag",
        "los",
        "disposition",
    }


@pytest.mark.parametrize(
    "kind",
    ["stored_after_film", "other_fluid", "unit_differs", "duplicate_specimen", "two_itemids"],
)
def test_a_naive_join_falls_into_the_pitfalls(hospital, kind):
    """So that finding them says something: last value by time taken, first item number, first
    unit."""
    root, _, _ = hospital
    planted = pitfalls(root)
    planted = planted[planted["kind"] == kind]
    items = pd.read_csv(root / "mimic-iv/hosp/d_labitems.csv.gz")
    events = pd.read_csv(root / "mimic-iv/hosp/labevents.csv.gz", parse_dates=["charttime"])
    times = study_times(
        pd.read_csv(root / "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz"), Rejects()
    ).set_index("study_id")
    wrong = 0
    for row in planted.itertuples():
        lab = next(lab for lab in LABS if lab.name == row.column)
        word = (
            lab.labels[0]
            if kind != "other_fluid"
            else "creat"
            if lab.name == "creatinine"
            else "probnp"
        )
        same = items.loc[items["label"].str.contains(word, case=False), "itemid"]
        mine = events[(events["subject_id"] == int(row.subject_id)) & events["itemid"].isin(same)]
        mine = mine[mine["charttime"] <= times.at[row.study_id, "study_time"]].sort_values(
            "charttime", kind="stable"
        )
        naive = (
            mine["valuenum"].iloc[-1] * next(iter(lab.factors.values())) if len(mine) else np.nan
        )
        if kind == "duplicate_specimen":
            naive = (
                naive
                if not mine.duplicated(["specimen_id", "itemid"], keep=False).any()
                else np.nan
            )
        wrong += not np.isclose(naive, float(row.answer), rtol=1e-4)
    assert wrong > len(planted) / 2


def test_rejects_name_what_was_planted_to_be_rejected(hospital):
    root, _, rejects = hospital
    planted = pitfalls(root)
    rows = " ".join(rejects.frame()["row"])
    for kind in ("absurd_value", "vital_absurd", "missing_subject"):
        named = planted.loc[planted["kind"] == kind, "row"].str.replace("=", " ")
        assert len(named) and all(name in rows for name in named), kind


def test_a_record_of_release_3_reads_as_one_of_2(hospital, tmp_path):
    """3.x: labevents without hadm_id, new columns, a new year group, columns in another order."""
    root, found, _ = hospital
    for path in [*root.glob("mimic-iv*/*/*.csv.gz")]:
        table = pd.read_csv(path, dtype=str)
        if "hadm_id" in table and path.name.startswith("labevents"):
            table["hadm_id"] = None
        if path.name.startswith("patients"):
            table["anchor_year_group"] = "2020 - 2022"
        target = tmp_path / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        table.assign(new_column="x").iloc[:, ::-1].to_csv(target, index=False)
    again = link(
        pd.read_csv(root / "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz"), tmp_path, Rejects()
    )
    for name in ("studies", "labs", "vitals"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(found, name))


def test_parquet_gives_the_same_answer(hospital, tmp_path):
    root, found, _ = hospital
    for path in root.glob("mimic-iv*/*/*.csv.gz"):
        target = tmp_path / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path)
    made = to_parquet(tmp_path)
    assert made == tmp_path / "mimic-iv/hosp/labevents.parquet"
    (tmp_path / "mimic-iv/hosp/labevents.csv.gz").unlink()
    again = link(
        pd.read_csv(root / "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz"), tmp_path, Rejects()
    )
    pd.testing.assert_frame_equal(again.labs, found.labs)


# --- bad input


def test_a_missing_patient_and_a_readable_one(tmp_path, caplog):
    found, rejects = linked(tmp_path, film(), film("50000002", 10000009))
    assert found.studies["in_record"].tolist() == [True, False] and pd.isna(found.studies["age"][1])
    assert rejects.rows[0].row == "subject_id 10000009" and "1 of 2 patients" in caplog.text


def test_patients_of_another_release_are_refused(tmp_path):
    with pytest.raises(InputError, match="none of the 1 patients.*MIMIC-III"):
        linked(tmp_path, patients=[PERSON | {"subject_id": 249}])


def test_an_item_number_of_another_release_is_refused(tmp_path):
    items = [
        item | ({"label": "Alkaline Phosphatase"} if item["itemid"] == 50912 else {})
        for item in ITEMS
    ]
    with pytest.raises(
        InputError, match="d_labitems.*itemid 50912 is 'Alkaline Phosphatase'.*not 'Creatinine'"
    ):
        linked(tmp_path, d_labitems=items)


def test_a_moved_item_number_is_found_by_its_label(tmp_path):
    items = [item | ({"itemid": 59912} if item["itemid"] == 50912 else {}) for item in ITEMS]
    found, _ = linked(tmp_path, d_labitems=items, labevents=[event(itemid=59912)])
    assert values(found) == {"creatinine": pytest.approx(88.4)}


def test_a_dictionary_without_a_test_warns_and_one_without_any_is_refused(tmp_path, caplog):
    found, _ = linked(
        tmp_path,
        d_labitems=ITEMS[:1],
        labevents=[event(), event("white_cells", value=9.0, labevent_id=2)],
    )
    assert values(found) == {"white_cells": 9.0} and "Creatinine (Chemistry)" in caplog.text
    with pytest.raises(InputError, match="d_labitems.*no test that is known"):
        linked(
            tmp_path,
            d_labitems=[
                {"itemid": 1, "label": "Nothing", "fluid": "Blood", "category": "Chemistry"}
            ],
        )


@pytest.mark.parametrize(
    "rows, fault",
    [
        ({"labevents": [event(value="HEMOLYZED")]}, "value HEMOLYZED is not a number"),
        ({"labevents": [event(valueuom="furlong")]}, "unit furlong does not convert to umol/L"),
        ({"labevents": [event(valueuom=None)]}, "unit (none) does not convert"),
        ({"labevents": [event(value=1e6)]}, "not a possible value"),
        ({"labevents": [event(charttime="tomorrow")]}, "charttime is tomorrow"),
        ({"labevents": [event(storetime="2150-13-01")]}, "storetime is 2150-13-01"),
        ({"patients": [PERSON | {"anchor_age": "sixty"}]}, "anchor_age is sixty"),
        ({"patients": [PERSON | {"anchor_year": 2200}]}, "age at the film is 10"),
        ({"patients": [PERSON | {"anchor_year": 2260}]}, "age at the film is -50"),
        ({"admissions": [admission(7, -2, 3) | {"admittime": "soon"}]}, "admittime is soon"),
        ({"edstays": [stay(-2, 3, stay_id=1) | {"outtime": None}]}, "outtime is missing"),
        (
            {
                "edstays": [stay(-2, 3, stay_id=1)],
                "triage": [{"subject_id": 10000001, "stay_id": 1, "sbp": "high"}],
            },
            "sbp is high",
        ),
    ],
)
def test_a_row_that_cannot_be_used_goes_to_the_rejects_and_the_rest_goes_on(tmp_path, rows, fault):
    found, rejects = linked(tmp_path, **rows)
    assert len(found.studies) == 1
    if fault == "age at the film is 10":
        assert not len(rejects) and found.studies["age"][0] == 10
        return
    (row,) = rejects.rows
    assert (
        fault in row.fault and row.remedy and Path(row.file).name.startswith(next(reversed(rows)))
    )


@pytest.mark.parametrize("table", [name for name in COLUMNS])
def test_a_table_that_is_cut_short_lacks_a_column_or_is_missing_is_named(tmp_path, table):
    write(tmp_path, labevents=[event(labevent_id=k, comments=f"{k * 7919}") for k in range(500)])
    path = tmp_path / f"{table}.csv.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 9])
    with pytest.raises(InputError, match=f"{path.name}: cannot be read.*download.sh"):
        link(pd.DataFrame([film()]), tmp_path, Rejects())
    column = COLUMNS[table].split()[0]
    path.write_bytes(gzip.compress(gzip.decompress(whole).replace(column.encode(), b"other", 1)))
    with pytest.raises(InputError, match=f"{path.name}: has no column {column}"):
        link(pd.DataFrame([film()]), tmp_path, Rejects())
    path.unlink()
    with pytest.raises(InputError, match=f"{path.name}: is missing"):
        link(pd.DataFrame([film()]), tmp_path, Rejects())


@pytest.mark.parametrize(
    "table, key", [("patients", "subject_id"), ("admissions", "hadm_id"), ("edstays", "stay_id")]
)
def test_a_repeated_key_is_named_and_one_row_is_used(tmp_path, table, key):
    row = {
        "patients": PERSON,
        "admissions": admission(7, -2, 3),
        "edstays": stay(-2, 3, stay_id=7),
    }[table]
    found, rejects = linked(tmp_path, **{table: [row, row]})
    (one,) = rejects.rows
    assert Path(one.file).name == f"{table}.csv.gz"
    assert (one.row, one.fault) == (f"{key} {row[key]}", "comes twice; one row is used")
    assert found.studies["in_record"].tolist() == [True]


def test_a_file_that_is_not_text_and_metadata_without_time_are_named(tmp_path):
    write(tmp_path)
    (tmp_path / "mimic-iv/hosp/patients.csv.gz").write_bytes(b"\xff\xfe not gzip")
    with pytest.raises(InputError, match="patients.csv.gz: cannot be read"):
        link(pd.DataFrame([film()]), tmp_path, Rejects())
    with pytest.raises(InputError, match="metadata: has no column StudyDate, StudyTime"):
        link(pd.DataFrame([{"study_id": 1, "subject_id": 1}]), tmp_path, Rejects())


def test_without_the_emergency_tables_the_rest_is_linked(tmp_path, caplog):
    write(tmp_path, admissions=[admission(7, -2, 3)], labevents=[event()])
    for path in (tmp_path / "mimic-iv-ed/ed").iterdir():
        path.unlink()
    (tmp_path / "mimic-iv-ed/ed").rmdir()
    found = link(pd.DataFrame([film()]), tmp_path, Rejects())
    assert (
        found.studies["link_type"][0] == "admission"
        and len(found.labs) == 1
        and not len(found.vitals)
    )
    assert "mimic-iv-ed/ed is missing" in caplog.text


def test_no_films_give_empty_tables(tmp_path):
    found = link(pd.DataFrame([film()]).iloc[:0], write(tmp_path), Rejects())
    assert not len(found.studies) and not len(found.labs) and not len(found.vitals)
