import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from txtray_utils import settings as module
from txtray_utils.errors import InputError
from txtray_utils.results import Result, compare_results, read_results, result_names, write_results
from txtray_utils.settings import PRIVATE

AUC = Result(
    0.91, 300, "AUC", "supervised tower, test split, drawn truth", ci=(0.88, 0.93), tolerance=0.02
)
TIME = Result(12.5, 1, "s", "wall time")


def test_the_file_has_the_form_that_the_book_promises(tmp_path):
    path = write_results("radiograph", {"b.time": TIME, "a.auc": AUC}, tmp_path)
    assert json.loads(path.read_text()) == {
        "a.auc": {
            "value": 0.91,
            "ci": [0.88, 0.93],
            "n": 300,
            "unit": "AUC",
            "what": "supervised tower, test split, drawn truth",
            "tolerance": 0.02,
        },
        "b.time": {"value": 12.5, "ci": None, "n": 1, "unit": "s", "what": "wall time"},
        "source": "demo",
    }
    assert list(json.loads(path.read_text())) == ["a.auc", "b.time", "source"]
    assert result_names(tmp_path) == ["radiograph"]


def test_writing_merges_and_is_stable(tmp_path):
    write_results("x", {"a": AUC, "b": TIME}, tmp_path)
    first = write_results("x", {"b": replace(TIME, value=2)}, tmp_path).read_bytes()
    assert (
        write_results("x", {"b": replace(TIME, value=2), "a": AUC}, tmp_path).read_bytes() == first
    )
    assert read_results("x", tmp_path) == {"a": AUC, "b": replace(TIME, value=2)}


finite = st.floats(-1e6, 1e6)


@given(value=finite, below=st.floats(0, 10), above=st.floats(0, 10), n=st.integers(0, 10**9))
def test_what_is_written_is_read_back(tmp_path_factory, value, below, above, n):
    result = Result(value, n, "mm", "anything", ci=(value - below, value + above), tolerance=below)
    folder = tmp_path_factory.mktemp("results")
    write_results("x", {"k": result}, folder)
    assert read_results("x", folder) == {"k": result}


def test_numpy_numbers_become_plain_ones(tmp_path):
    result = Result(
        np.float32(0.5), np.int64(3), "AUC", "x", ci=(np.float64(0.25), np.float64(0.75))
    )
    count = Result(np.int64(1600), 1600, "studies", "x")
    assert (type(result.value), type(result.n), type(count.value)) == (float, int, int)
    write_results("x", {"a": result, "b": count}, tmp_path)
    assert read_results("x", tmp_path)["b"].value == 1600


@pytest.mark.parametrize(
    "fault",
    [
        {"value": float("nan")},
        {"value": float("inf")},
        {"ci": (0.92, 0.95)},
        {"ci": (0.93, 0.88)},
        {"ci": (0.9, float("nan"))},
        {"n": -1},
        {"tolerance": -0.1},
        {"unit": " "},
        {"what": ""},
        {"what": "two\nlines"},
    ],
)
def test_what_is_no_result_is_refused(fault):
    with pytest.raises(ValueError):
        replace(AUC, **fault)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"a": {"value": 1}}',
        '{"a": 1}',
        '{"a": {"value": 1, "n": 1, "unit": "s", "what": "x", "extra": 2}}',
    ],
)
def test_a_file_of_another_form_is_named(tmp_path, text):
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(ValueError, match="odd.json"):
        read_results("odd", tmp_path)


def test_a_figure_may_move_within_its_tolerance_and_no_further():
    assert compare_results({"a": replace(AUC, value=0.92)}, {"a": AUC}) == []
    (fault,) = compare_results({"a": replace(AUC, value=0.885)}, {"a": AUC})
    assert fault.startswith("a: 0.885 was 0.91")


def test_the_committed_tolerance_counts_not_the_new_one():
    loose = replace(AUC, value=0.88, tolerance=0.5)
    assert compare_results({"a": loose}, {"a": AUC}) != []


def test_without_a_tolerance_a_figure_must_come_out_the_same():
    count = Result(1600, 1600, "studies", "x")
    assert compare_results({"a": count}, {"a": count}) == []
    assert compare_results({"a": replace(count, value=1601)}, {"a": count}) != []


def test_seconds_megabytes_and_rates_are_exempt():
    for unit in ("s", "min", "MB", "1/s"):
        old = replace(TIME, unit=unit)
        assert compare_results({"t": replace(old, value=900.0)}, {"t": old}) == []


def test_other_faults_are_found_and_keys_made_elsewhere_are_not_a_fault():
    old = {"a": AUC, "elsewhere": TIME}
    assert compare_results({"a": AUC}, old) == []
    assert "is new" in compare_results({"b": AUC}, old)[0]
    assert "unit" in compare_results({"a": replace(AUC, unit="s")}, old)[0]
    assert "n is 299" in compare_results({"a": replace(AUC, n=299)}, old)[0]


@pytest.mark.parametrize("source", (*PRIVATE, "demo+folder"))
def test_results_of_private_films_never_reach_the_published_folder(
    monkeypatch, tmp_path, tmp_path_factory, source
):
    (tmp_path / "_toc.yml").touch()
    (tmp_path / "src" / "txtray_utils").mkdir(parents=True)
    monkeypatch.setattr(module, "__file__", str(tmp_path / "site-packages" / "settings.py"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TXTRAY_RESULTS", raising=False)
    monkeypatch.delenv("TXTRAY_DATA", raising=False)
    published = tmp_path / "book" / "results"
    write_results("x", {"a": AUC}, published)
    monkeypatch.setenv("TXTRAY_SOURCE", source)
    (tmp_path / "link").symlink_to(published)
    for place in (published, published / "below", tmp_path / "link"):
        with pytest.raises(InputError, match=f"source '{re.escape(source)}' must not be pub"):
            write_results("x", {"b": AUC}, place)
    monkeypatch.setenv("TXTRAY_RESULTS", "book/results")
    with pytest.raises(InputError, match="Unset TXTRAY_RESULTS"):
        write_results("x", {"b": AUC})
    assert read_results("x", published) == {"a": AUC}
    monkeypatch.delenv("TXTRAY_RESULTS")
    with pytest.raises(InputError, match="checkout.*Set TXTRAY_RESULTS"):
        write_results("x", {"b": AUC})
    outside = tmp_path_factory.mktemp("outside")
    monkeypatch.setenv("TXTRAY_DATA", str(outside))
    own = write_results("x", {"b": AUC})
    assert own == outside / f"results-{source}" / "x.json"
    assert own.stat().st_mode & 0o777 == 0o600
