"""The rule by which settings are chosen, written down on 2026-11-27 before any was compared.

A setting is trained on virtual and real films together and scored on the validation patients of
each: zero-shot macro AUC, macro F1 of findings among studies with one, and average precision from
sentence to film. Each of these six numbers ranks the settings; the setting with the lowest mean
rank is chosen, and of equal ones the one that stands first. F1@2 as published has no say, since a
parrot wins it. The baselines are tuned by the same rule.

The strength of randomisation is chosen by real validation patients alone: the highest mean of the
zero-shot macro AUC of the best recipe trained on virtual and on real films. Explained in
book/06_simulated_and_real."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from alignment_tuning import GRID, SEEDS, words_of
from real_answers import of_model, shortened
from real_data import Films, films, training
from real_scores import ABOUT, values
from scipy.stats import rankdata

from txtray_utils.align.recipes import RECIPES, Recipe
from txtray_utils.align.trained import trained
from txtray_utils.results import Result

RANKED = ("zero_shot_auc", "ill_f1", "map")
STRENGTHS = (0.2, 0.4, 0.7, 1.0)
Table = dict[str, dict[str, float]]  # of a setting, each score


def mean_ranks(table: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return the mean rank of each setting, 1 the best; settings that score alike share ranks."""
    names = list(table)
    rows = []
    for found in table.values():
        rows.append(list(found.values()))
    ranks = rankdata(-np.array(rows), axis=0)
    means = ranks.mean(1)
    return dict(zip(names, means.tolist(), strict=True))


def chosen(ranks: Mapping[str, float]) -> str:
    """Return the setting with the lowest mean rank, of equal ones the first."""
    return min(ranks, key=lambda name: ranks[name])


def choose(name: str) -> dict[str, Result]:
    """Score every setting of a recipe by the rule above."""
    asked = {
        "virtual": films("virtual", "validate"),
        "real": films("real", "validate"),
    }
    table: Table = {}
    for change in GRID[name]:
        words = words_of(change)
        recipe = replace(RECIPES[name], **change)
        table[words] = scores_of(recipe, "both", asked)
        print(name, words, table[words], flush=True)
    ranks = mean_ranks(table)
    print("chosen:", chosen(ranks))
    results = {}
    for words, found in table.items():
        start = f"choice.{name}.{words}"
        about = f"{name}, {words}"
        for key, value in found.items():
            score, on = key.split(".")
            count = len(asked[on].asked.labels)
            what = f"{ABOUT[score]}; {about}, {on} validation, {SEEDS} seeds"
            results[f"{start}.{key}"] = Result(value, count, "share", what)
        rank = ranks[words]
        what = f"mean rank of {about}, over {len(found)} scores on validation patients"
        results[f"{start}.mean_rank"] = Result(rank, len(found), "rank", what)
    return results


def choose_strength() -> dict[str, Result]:
    """Score every strength of randomisation by the rule above."""
    asked = {"real": films("real", "validate")}
    results = {}
    for strength in STRENGTHS:
        recipe = replace(RECIPES["best"], strength=strength)
        for on in ("virtual", "real"):
            value = scores_of(recipe, on, asked)["zero_shot_auc.real"]
            what = f"real validation AUC, best trained on {on}, strength {strength}"
            count = len(asked["real"].asked.labels)
            results[f"strength.{strength}.{on}"] = Result(value, count, "AUC", what)
            print(what, value, flush=True)
    return results


def scores_of(recipe: Recipe, on: str, asked: Mapping[str, Films]) -> dict[str, float]:
    """Return the ranked scores of a recipe on some films, as `<score>.<films>`, mean over seeds."""
    taught = training(on)
    models = []
    for seed in range(SEEDS):
        model = trained(shortened(recipe), taught.pairs, seed)
        models.append(model)
    scores = {}
    for name, several in asked.items():
        found = [of_model(model, taught, several) for model in models]
        measured = values(several.asked, found)
        for score in RANKED:
            scores[f"{score}.{name}"] = measured[score]
    return scores
