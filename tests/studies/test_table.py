"""The study table keeps what it is given, and names what breaks its contract."""

import datetime

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from txtray_utils.errors import InputError, Rejects
from txtray_utils.studies.checks import validate
from txtray_utils.studies.columns import features
from txtray_utils.studies.pixels import encode_png, pack_mask, unpack_mask
from txtray_utils.studies.table import make_table, read_table
from txtray_utils.vocabulary import FINDINGS, LABELS

PICTURE = np.arange(600, dtype=np.uint8).reshape(20, 30)


def study(number, **changes):
    mask = np.zeros(PICTURE.shape, bool)
    mask[3:7, number % 20] = True
    evidence = {
        "finding": "effusion",
        "side": "left",
        "zone": "",
        "severity": "mild",
        "said": "side:code",
    }
    return {
        "study_id": f"s{number}",
        "subject_id": f"p{number // 2}",
        "image_id": f"i{number}",
        "image": encode_png(PICTURE),
        "view": "PA",
        "study_time": datetime.datetime(2150, 3, 1, 4, 5, 6),
        "labels": {"Edema": -1},
        "drawn": {"effusion": 1},
        "age": 61.0,
        "sex": "F",
        "labs": [{"name": "crp", "value": 12.5, "unit": "mg/L", "hours_before": 3.0}],
        "evidence": [evidence | {"mask": pack_mask(mask)}],
        "split": "train",
        "source": "made up",
        "licence": "none",
    } | changes


def test_a_table_comes_back_as_it_went_in(tmp_path):
    made = make_table((study(number) for number in range(150)), tmp_path / "new" / "t.arrow")
    back = read_table(tmp_path / "new" / "t.arrow")
    assert len(made) == len(back) == 150 and back.features == features()
    row = back[77]
    assert np.array_equal(np.asarray(row["image"]), PICTURE)
    assert row["study_time"] == datetime.datetime(2150, 3, 1, 4, 5, 6)
    assert row["labels"] == dict.fromkeys(LABELS) | {"Edema": -1}
    assert row["mesh_labels"] == dict.fromkeys(LABELS)
    assert row["drawn"] == dict.fromkeys(FINDINGS) | {"effusion": 1}
    assert row["regions"] is None and row["vitals"] is None
    assert np.argwhere(unpack_mask(row["evidence"][0]["mask"])).tolist() == [
        [r, 17] for r in range(3, 7)
    ]
    left = sorted(p.name for p in (tmp_path / "new").iterdir())
    assert left == ["t.arrow", "t.arrow.note"], "nothing half-made is left"


def test_what_pandas_calls_missing_is_null(tmp_path):
    missing = {
        "age": np.nan,
        "sex": np.nan,
        "study_time": pd.NaT,
        "composed": None,
        "prior_study_id": pd.NA,
    }
    row = make_table([study(0, **missing)], tmp_path / "t")[0]
    assert [row[name] for name in missing] == [None] * 5


def test_the_same_rows_make_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        make_table((study(number) for number in range(3)), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"age": 300.0}, "age is 300.0 in study s3"),
        ({"view": "L"}, "view is 'L' in study s3"),
        ({"split": "dev"}, "split is 'dev' in study s3"),
        ({"sex": "f"}, "sex is 'f' in study s3"),
        ({"sex_source": "guess"}, "sex_source is 'guess'"),
        ({"labels": {"Edema": 2}}, "labels.Edema is 2 in study s3"),
        ({"drawn": {"effusion": -1}}, "drawn.effusion is -1 in study s3"),
        ({"licence": None}, "licence is .* in study s3"),
        ({"source": ""}, "source is '' in study s3"),
        ({"image_id": "i1"}, "image_id is 'i1' in study s3"),
        ({"subject_id": "p0", "split": "test"}, "patient p0 is in 2 splits"),
        ({"prior_study_id": "s3"}, "prior of study s3 is itself"),
        ({"prior_study_id": "s1"}, "prior of study s3 is itself or another patient's"),
        (
            {"labs": [{"name": "crp", "value": 1, "unit": "", "hours_before": -0.1}]},
            "labs measured after .* s3",
        ),
        (
            {"vitals": [{"name": "hr", "value": 1, "unit": "", "hours_before": -0.1}]},
            "vitals measured after .* s3",
        ),
        ({"image": b"not a picture"}, "image of study s3 is not a grey PNG"),
        ({"image": None}, "image of study s3 is not a grey PNG"),
        (
            {"image": encode_png(np.zeros((20, 30, 3), np.uint8))},
            "image of study s3 is not a grey PNG",
        ),
        (
            {"regions": [{"name": "heart", "mask": pack_mask(np.ones((30, 20)))}]},
            "mask of study s3",
        ),
        ({"age": "old"}, "wrong type in studies s0 to s4"),
        ({"aeg": 3.0}, "study s3 has unknown columns"),
        ({"study_id": "s2"}, "study s2 comes twice"),
    ],
)
def test_a_planted_fault_is_named_and_no_file_appears(tmp_path, fault, message):
    rows = [study(number, **(fault if number == 3 else {})) for number in range(5)]
    with pytest.raises(InputError, match=message) as caught:
        make_table(rows, tmp_path / "t.arrow")
    assert caught.value.path == str(tmp_path / "t.arrow") and caught.value.remedy
    assert not list(tmp_path.iterdir())


def test_a_prior_of_the_same_patient_or_outside_the_table_is_right(tmp_path):
    rows = [study(0), study(1, prior_study_id="s0"), study(2, prior_study_id="elsewhere")]
    assert len(make_table(rows, tmp_path / "t.arrow")) == 3


def test_a_repeated_study_goes_to_the_rejects_and_the_rest_goes_on(tmp_path):
    rejects = Rejects()
    table = make_table([study(0), study(1), study(0), study(2)], tmp_path / "t", rejects)
    assert table["study_id"][:] == ["s0", "s1", "s2"]
    assert rejects.frame()[["row", "fault"]].values.tolist() == [["s0", "the study comes twice"]]


def test_no_study_an_unwritable_folder_and_a_damaged_file_are_named(tmp_path):
    with pytest.raises(InputError, match="no study to write"):
        make_table([], tmp_path / "t")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        make_table([study(0)], tmp_path / "file" / "t")
    with pytest.raises(InputError, match="no such table"):
        read_table(tmp_path / "none")
    make_table([study(0)], tmp_path / "t")
    (tmp_path / "t").write_bytes((tmp_path / "t").read_bytes()[:300])
    with pytest.raises(InputError, match="not a whole Arrow file"):
        read_table(tmp_path / "t")


def test_a_full_disk_stops_with_the_remedy(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pa, "OSFile", full)
    with pytest.raises(InputError, match="disk is full"):
        make_table([study(0)], tmp_path / "t")


def test_a_table_of_another_version_is_refused(tmp_path):
    table = make_table([study(0)], tmp_path / "t")
    with pytest.raises(InputError, match=r"missing columns \['age'\].*another version"):
        validate(table.remove_columns("age"))
    with pytest.raises(InputError, match="types differ"):
        validate(table.cast_column("age", datasets.Value("float64")))


def test_validate_sees_the_rows_that_were_selected_not_those_on_disk(tmp_path):
    table = make_table((study(number) for number in range(6)), tmp_path / "t")
    assert validate(table.select([4, 1])) is not None
    with pytest.raises(InputError, match="study_id is 's4'"):
        validate(table.select([4, 1, 4]))
