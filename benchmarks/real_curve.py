"""What carries over to real films: few real films alone and after virtual ones, the old cohort
against the new, and a larger tower that starts from ImageNet.

Explained in book/06_simulated_and_real."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from alignment_setup import Training
from datasets import Dataset
from real_answers import Answer, answers, of_model, shortened
from real_data import Films, films, some_of, studies_of, training, training_of
from real_scores import ABOUT, SCORES, difference, measured

from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.align.imagenet import LITE0, load_imagenet
from txtray_utils.align.imagenet import SIZE as LARGE
from txtray_utils.align.recipes import RECIPES, Recipe
from txtray_utils.align.trained import new_model, trained
from txtray_utils.results import Result, write_results
from txtray_utils.studies.sources.openi_split import text_groups
from txtray_utils.studies.sources.registry import read_folder
from txtray_utils.studies.table import part

# Real films, and how many seeds; the rows that are no headline have one.
COUNTS = {100: 1, 300: 3, 1000: 1, "all": 1}
SLOWER = 0.25  # share of the recipe's rate for what was trained before; not tuned yet
TOWERS = {
    "lite0": replace(
        RECIPES["best"],
        tower=LITE0,
        size=LARGE,
        steps=1200,
        batch=48,
        rate=2e-3,
    ),
}
AUC = "zero_shot_auc"


def curve(seeds: Sequence[int]) -> dict[str, Result]:
    """Train the best recipe on ever more real films, alone and after virtual ones.

    What comes after virtual films has had twice the steps, and has read the reports of the virtual
    films besides those of the real ones.
    """
    asked, taught, virtual = films("real", "test"), training("real"), training("virtual")
    recipe = shortened(RECIPES["best"])
    later = replace(recipe, rate=SLOWER * recipe.rate)
    before = [trained(recipe, virtual.pairs, seed) for seed in seeds]
    results = {}
    for count, several in COUNTS.items():
        alone, after = [], []
        for seed, start in list(zip(seeds, before, strict=True))[:several]:
            some = taught if count == "all" else some_of(taught, count, seed)
            own = trained(recipe, some.pairs, seed)
            alone.append(of_model(own, some, asked))
            own = trained(later, some.pairs, seed, start)
            after.append(of_model(own, some, asked))
        results |= compared(f"curve.{count}", ("real", "after_virtual"), asked, (alone, after))
        write_results("real", results)
    return results


def transfer(old: Path, seeds: Sequence[int]) -> dict[str, Result]:
    """Train the best recipe on the virtual films of a folder made earlier and on those of today.

    Of the old ones, studies whose words stand in a real test report are left out; of the new ones,
    as many are used.
    """
    asked = films("real", "test")
    held = part(studies_of("real"), "test")
    earlier = free_of(part(read_folder("demo", old), "train"), held)
    before = answers("best", training_of(earlier), asked, seeds)
    new = training("virtual")
    after = []
    for seed in seeds:
        as_many = some_of(new, len(earlier), seed)
        after += answers("best", as_many, asked, [seed])
    return compared("transfer", ("before", "after"), asked, (before, after))


def free_of(studies: Dataset, held: Dataset) -> Dataset:
    """Return the studies with sentences whose reports' words stand in no report of `held`."""
    texts = pd.concat([words_of(held), words_of(studies)], ignore_index=True)
    groups = np.array(text_groups(texts))
    free = ~np.isin(groups[len(held) :], groups[: len(held)])
    chosen = []
    for row, said in enumerate(studies["sentences"]):
        if said and free[row]:
            chosen.append(row)
    return studies.select(chosen)


def words_of(studies: Dataset) -> pd.DataFrame:
    """Return the findings and impression of studies, empty where there are none."""
    return studies.select_columns(["findings", "impression"]).to_pandas().fillna("")


def tower(name: str, on: str, seeds: Sequence[int]) -> dict[str, Result]:
    """Train the best recipe with a tower of TOWERS."""
    recipe: Recipe = shortened(TOWERS[name])
    asked, taught = films("real", "test", recipe.size), training(on, recipe.size)
    found = []
    for seed in seeds:
        start = from_imagenet(recipe, taught, seed)
        model = trained(recipe, taught.pairs, seed, start)
        found.append(of_model(model, taught, asked))
    results = {}
    for score, of in SCORES.items():
        what = f"{ABOUT[score]}; {name} trained on {on}, {len(seeds)} seeds"
        statistic = of(asked.asked, found)
        results[f"tower.{name}.{score}.{on}"] = measured(statistic, asked.asked, what)
    return results


def from_imagenet(recipe: Recipe, taught: Training, seed: int) -> ImageTextModel:
    """Return the model of a recipe whose tower starts from ImageNet's weights, the rest at
    random."""
    model = new_model(recipe, taught.pairs.texts[0].shape[1], seed)
    load_imagenet(model.image_encoder)
    return model


def compared(
    start: str,
    names: tuple[str, str],
    asked: Films,
    ways: tuple[Sequence[Answer], Sequence[Answer]],
) -> dict[str, Result]:
    """Return the zero-shot AUC of two ways to train, and the second less the first."""
    results = {}
    for name, several in zip(names, ways, strict=True):
        what = f"{ABOUT[AUC]}; {start} {name}, {len(several)} seeds"
        statistic = SCORES[AUC](asked.asked, several)
        results[f"{start}.{name}"] = measured(statistic, asked.asked, what)
    first, second = ways
    what = f"{start}, {names[1]} less {names[0]}, {len(first)} seeds"
    key = f"{start}.{names[1]}_over_{names[0]}"
    results[key] = difference(AUC, asked.asked, second, first, what)
    return results
