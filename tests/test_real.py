"""The experiment on real films: its truth, its rule of choice, its scores and its keys."""

import importlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset, concatenate_datasets
from PIL import Image

from tests.align.small import SMALL
from txtray_utils.judge.retrieval import merge_labels
from txtray_utils.read.labels import label_report
from txtray_utils.vocabulary import FINDINGS, LABELS

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
HEART, FLUID = FINDINGS.index("cardiomegaly"), FINDINGS.index("effusion")
SAID = (  # what is said, coded and drawn
    (["The heart is enlarged.", "No effusion."], ["Cardiomegaly"], {"cardiomegaly": 1}),
    (["There is a left pleural effusion."], ["Pleural Effusion/left"], {"effusion": 1}),
    (["The heart is normal in size.", "The lungs are clear."], ["normal"], {}),
    (["Cardiomegaly is present."], ["Cardiomegaly"], {"cardiomegaly": 1}),
    (["A right pleural effusion is seen."], ["Pleural Effusion/right"], {"effusion": 1}),
    (["The lungs are clear."], ["normal"], {}),
)


@pytest.fixture
def module(monkeypatch):
    """Return a function that imports a benchmark by its name."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


def table(source: str, split: str, count: int) -> Dataset:
    """Return made-up studies; those of `openi` are not drawn."""
    rows = []
    rng = np.random.default_rng(count)
    for number in range(count):
        said, codes, drawn = SAID[number % 6]
        study = f"{source}-{split}-{number}"
        states = dict.fromkeys(FINDINGS, None if source == "openi" else 0)
        if source != "openi":
            states |= drawn
        rows.append({
            "study_id": study,
            "subject_id": study,
            "image": Image.fromarray(rng.integers(0, 255, (16, 16), dtype=np.uint8)),
            "sentences": said,
            "findings": " ".join(said),
            "impression": f"Seen by {source} {split} {'abc'[number % 3]}{'x' * number}.",
            "labels": label_report(" ".join(said), None),
            "mesh_codes": codes,
            "drawn": states,
            "evidence": None,
            "split": split,
        })  # fmt: skip
    return Dataset.from_list(rows)


@pytest.fixture
def tables(module, monkeypatch, tmp_path):
    """Let the experiment read made-up studies and write into a temporary folder."""
    made = {}
    for source in ("demo", "openi"):
        parts = [table(source, "train", 12), table(source, "validate", 18)]
        made[source] = concatenate_datasets([*parts, table(source, "test", 24)])
    made["demo+openi"] = concatenate_datasets([made["demo"], made["openi"]])
    monkeypatch.setattr(module("real_data"), "load_studies", lambda name: made[name])
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path))
    monkeypatch.setenv("TXTRAY_RESULTS", str(tmp_path / "results"))
    return made


def test_the_truth_is_what_was_drawn_and_of_real_films_what_is_coded(module, tables):
    real_data = module("real_data")
    both = real_data.studies_of("both")
    truth = real_data.known_truth(both)
    assert truth.shape == (108, 19)
    np.testing.assert_array_equal(truth[:54], truth[54:])
    assert truth[:3, HEART].tolist() == [1, 0, 0] and truth[:3, FLUID].tolist() == [0, 1, 0]


def test_a_drawn_film_is_not_judged_by_its_codes(module):
    drawn = table("demo", "test", 3).map(lambda row: {"mesh_codes": ["Pneumothorax"]})
    truth = module("real_data").known_truth(drawn)
    assert truth[:, HEART].tolist() == [1, 0, 0]


def test_a_report_without_codes_has_no_truth(module):
    uncoded = table("openi", "test", 3).remove_columns("mesh_codes")
    uncoded = uncoded.add_column("mesh_codes", [None, [], ["normal"]])
    truth = module("real_data").coded_truth(uncoded)
    assert np.isnan(truth[:2]).all() and not truth[2].any()


def test_what_is_asked_is_named_once(module):
    asked = module("real_data").ASKED
    assert len(set(asked)) == len(asked) == 16 and set(asked) < set(FINDINGS)


def test_more_real_films_hold_the_fewer(module, tables):
    real_data = module("real_data")
    taught = real_data.training("real")
    few, more = real_data.some_of(taught, 4, 1), real_data.some_of(taught, 8, 1)
    assert len(few.pairs) == 4 and len(more.pairs) == 8
    assert few.pairs.key() == module("real_data").image_text_pairs(few.studies).key()
    assert set(few.studies["study_id"]) < set(more.studies["study_id"])
    other = real_data.some_of(taught, 4, 2)
    assert set(other.studies["study_id"]) != set(few.studies["study_id"])


def test_the_rule_of_choice_by_hand(module):
    choice = module("real_choice")
    found = {
        "start": {"auc": 0.70, "map": 0.20, "f1": 0.10},
        "a": {"auc": 0.72, "map": 0.10, "f1": 0.10},
        "b": {"auc": 0.71, "map": 0.30, "f1": 0.05},
    }
    ranks = choice.mean_ranks(found)
    expected = {"start": (3 + 2 + 1.5) / 3, "a": (1 + 3 + 1.5) / 3, "b": (2 + 1 + 3) / 3}
    assert ranks == pytest.approx(expected)
    assert choice.chosen(ranks) == "a"
    assert choice.chosen({"start": 1.5, "a": 1.5}) == "start"


def test_the_rule_of_choice_does_not_ask_for_f1_at_2(module):
    assert "f1_at_2" not in module("real_choice").RANKED


def known_answers(module, tables):
    """Return the asked films, an answer that knows everything, and one that knows nothing."""
    films = module("real_data").films("real", "test")
    truth = dict(zip(FINDINGS, films.asked.drawn.T, strict=True))
    right = module("real_answers").Answer(films.asked.labels[:, None], truth, truth)
    silent = np.full_like(right.said, np.nan)
    alike = dict.fromkeys(FINDINGS, np.zeros(24))
    return films, right, module("real_answers").Answer(silent, alike, alike)


def test_who_knows_everything_has_every_score_and_silence_has_chance(module, tables):
    scores = module("real_scores")
    films, right, silent = known_answers(module, tables)
    best = scores.values(films.asked, [right])
    assert best == pytest.approx(dict.fromkeys(scores.SCORES, 1.0))
    least = scores.values(films.asked, [silent])
    assert least["zero_shot_auc"] == 0.5 and least["map"] == pytest.approx(1 / 3)
    assert least["ill_f1"] == least["f1_at_2"] == 0
    assert least["as_report_f1"] == pytest.approx(1 / 3)  # the normal third
    middle = scores.values(films.asked, [right, silent])
    assert middle["ill_f1"] == pytest.approx(0.5)


def test_a_difference_is_paired(module, tables, monkeypatch):
    scores = module("real_scores")
    monkeypatch.setattr(module("alignment_scores"), "TIMES", 20)
    films, right, silent = known_answers(module, tables)
    same = scores.difference("map", films.asked, [right], [right], "nothing")
    assert same.value == 0 and same.ci == (0, 0)
    above = scores.difference("zero_shot_auc", films.asked, [right], [silent], "all")
    assert above.value == 0.5 and above.ci == (0.5, 0.5)


def test_always_normal_says_no_finding_as_one_report(module, tables):
    films = module("real_data").films("real", "test")
    taught = module("real_data").training("real")
    [answer] = module("real_answers").of_baseline("always_normal", taught, films)
    joint = merge_labels(answer.said)[:, 0]
    assert answer.said.shape[:2] == (24, 2)
    assert [LABELS[column] for column in np.flatnonzero(joint[0] == 1)] == ["No Finding"]


def test_every_number_that_must_be_shown_is_written(module, tables, monkeypatch, tmp_path):
    real, curve, scores = module("real"), module("real_curve"), module("real_scores")
    replies = module("real_answers")
    monkeypatch.setattr(module("alignment_scores"), "TIMES", 3)
    asked = ("cardiomegaly", "effusion")
    monkeypatch.setattr(scores, "ASKED", asked)
    auc = scores.zero_shot_auc
    monkeypatch.setitem(scores.SCORES, "zero_shot_auc", lambda one, two: auc(one, two, asked))
    short = {"steps": 1, "batch": 4, "tower": SMALL.tower}
    taught = {name: replace(one, **short) for name, one in replies.RECIPES.items()}
    for one in (replies, curve, module("real_gap")):
        monkeypatch.setattr(one, "RECIPES", taught)
    monkeypatch.setattr(replies, "REFERENCE", replace(SMALL, **short))
    monkeypatch.setattr(curve, "COUNTS", {4: 1, "all": 1})
    monkeypatch.setattr(curve, "read_folder", lambda source, folder: tables[source])
    monkeypatch.setattr(curve, "TOWERS", {"lite0": replace(SMALL, **short, size=64)})
    monkeypatch.setattr(real, "TOWERS", curve.TOWERS)
    monkeypatch.setattr(curve, "load_imagenet", lambda encoder: None)
    real.write_results("real", real.recipes(range(1)))
    real.write_results("real", curve.curve(range(1)))
    real.write_results("real", curve.transfer(tmp_path, range(1)))
    real.anatomies(range(1))
    real.write_results("real", real.style(range(1)))
    real.towers(range(1))
    found = json.loads((tmp_path / "results" / "real.json").read_text())
    for on in ("virtual", "real", "both"):
        for name in real.NAMES:
            for score in ("zero_shot_auc", "as_report_f1", "ill_f1", "map", "f1_at_2"):
                assert f"{score}.{name}.{on}" in found
            assert f"zero_shot_auc.{name}.{on}.effusion" in found
            assert (f"f1_at_2.{name}.{on}.seed_0" in found) == (name not in real.BASELINES)
        assert f"supervised.{on}" in found and f"map.best_over_clip.{on}" in found
    assert {"curve.4.real", "curve.4.after_virtual", "curve.all.real"} <= set(found)
    assert {"transfer.before", "transfer.after", "transfer.after_over_before"} <= set(found)
    left_out = "leave_one_anatomy_out"
    assert {f"{left_out}.first.across", f"{left_out}.second.across_over_within"} <= set(found)
    assert {"style.fixed", "style.varied", "style.varied_over_fixed"} <= set(found)
    assert {"tower.lite0.zero_shot_auc.both", "tower.lite0.map.virtual"} <= set(found)
    assert found["zero_shot_auc.parrot.real"]["value"] == 0.5
    assert found["map.parrot.real"]["value"] == pytest.approx(found["map.chance"]["value"])


def test_no_patient_of_the_chest_that_is_left_out_is_kept(module, tables):
    anatomy = module("real_gap")
    studies = module("real_data").studies_of("virtual")
    name = anatomy.CHESTS["second"]
    own = anatomy.of_chest(studies, name)
    other = anatomy.of_chest(studies, name, wanted=False)
    assert len(own) and len(other) and len(own) + len(other) == len(studies)
    assert {anatomy.anatomy_of(one) for one in own["subject_id"]} == {name}
    assert not set(own["subject_id"]) & set(other["subject_id"])
