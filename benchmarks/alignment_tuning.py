"""Settings of a recipe tried on other virtual patients, one changed at a time.

The 161 validation patients are too few to choose by, so this scores on more: those of a hospital of
3,300 studies whose reports' words stand in no training or test report. By the sum of its three
scores, over two seeds, a setting is chosen for the baseline and for ours alike, and stands in
`recipes.RECIPES`; a second baseline is chosen by F1@2 alone, the supervised reference by its AUC. A
change that gains less than 0.05 in the sum, as another seed may, is not taken. Explained in
book/05_retrieval_and_zero_shot."""

from dataclasses import replace

import numpy as np
from alignment_answers import guessed_by, named_by, prompted, said_by
from alignment_overlap import overlaps
from alignment_scores import drawn_aucs
from alignment_setup import WITH_REFERENCE, Training
from common import Patients, told_by

from txtray_utils.align.recipes import Recipe
from txtray_utils.align.trained import trained
from txtray_utils.results import Result

SEEDS = 2  # of each setting that is tried
GRID: dict[str, list[dict]] = {  # one setting changed at a time
    "txtrayalign": [
        {},
        {"momentum": 0.9},
        {"momentum": 0.99},
        {"rate": 2e-3},
        {"rate": 8e-3},
        {"temperature": 0.03},
        {"temperature": 0.07},
        {"steps": 550},
        {"batch": 64, "steps": 230},
    ],
    "best": [
        {},
        {"label_weight": 0.0},
        {"label_weight": 2.0},
        {"label_weight": 8.0},
        {"rate": 4e-3},
        {"temperature": 0.03},
        {"batch": 16, "steps": 1100},
    ],
    "supervised": [
        {},
        {"rate": 2e-3},
        {"rate": 8e-3},
        {"rate": 16e-3},
    ],
}


def tune(train: Training, asked: Patients, name: str) -> dict[str, Result]:
    """Score every setting of a recipe in GRID on patients that it will not be trained or tested
    on."""
    results = {}
    for change in GRID[name]:
        recipe = replace(WITH_REFERENCE[name], **change)
        found = []
        for seed in range(SEEDS):
            if name == "supervised":
                found.append(tried_reference(recipe, seed, train, asked))
            else:
                found.append(tried(recipe, seed, train, asked))
        words = words_of(change)
        about = f"on other virtual patients, {name}, {words}, mean of {SEEDS} seeds"
        for key in found[0]:
            value = float(np.mean([one[key] for one in found]))
            what = f"{key} {about}"
            one = Result(value, len(asked.labels), "share", what, None, 0.05)
            results[f"tuning.{name}.{words}.{key}"] = one
            print(f"{name} {words} {key} {value:.3f}", flush=True)
    return results


def words_of(change: dict) -> str:
    """Return a change of settings in words."""
    words = [f"{key}={value}" for key, value in change.items()]
    return ",".join(words) or "start"


def tried(recipe: Recipe, seed: int, train: Training, asked: Patients) -> dict[str, float]:
    """Return the three scores of one training of a recipe."""
    model = trained(recipe, train.pairs, seed)
    said = said_by(model, train.bank, asked)
    return three_scores(asked, said, prompted(model, asked))


def tried_reference(
    recipe: Recipe, seed: int, train: Training, asked: Patients
) -> dict[str, float]:
    """Return the three scores of one training of the supervised reference."""
    model = told_by(train.known, recipe, seed)
    return three_scores(asked, named_by(model, asked), guessed_by(model, asked))


def three_scores(
    asked: Patients, said: np.ndarray, scores: dict[str, np.ndarray]
) -> dict[str, float]:
    """Return F1@2 as published and as one report, and the mean AUC of the findings as drawn."""
    found = overlaps(asked, said)
    areas = drawn_aucs(asked, scores, 3)
    return {
        "f1": found[""].scores()["f1"],
        "f1_as_report": found["_as_report"].scores()["f1"],
        "auc": float(np.mean(list(areas.values()))),
    }
