"""The best recipe and the supervised reference on more virtual films, with four times the steps.

Explained in book/05_retrieval_and_zero_shot."""

from dataclasses import replace

import numpy as np
import pandas as pd
from alignment_answers import each, guessed_by, prompted, said_by
from alignment_overlap import retrieval
from alignment_scores import macro, macro_gap
from common import REFERENCE, Patients, patients, told_by
from datasets import Dataset

from txtray_utils.align.pairs import image_text_pairs
from txtray_utils.align.recipes import RECIPES
from txtray_utils.align.trained import trained
from txtray_utils.results import Result
from txtray_utils.settings import data_dir
from txtray_utils.studies.sources.openi_package import text_groups
from txtray_utils.studies.sources.registry import load_studies, read_folder
from txtray_utils.write.index import SentenceCorpus
from virtual_hospital.hospital import make_hospital

LARGE_STUDIES = 3300  # of the 3,363 reports that can be drawn
STEPS, SEEDS = 1600, 3


def more_films(*without: str) -> Dataset:
    """Return studies of a hospital of every drawable report, but for words of the usual hospital's
    splits `without`."""
    folder = make_hospital(data_dir("demo-large"), LARGE_STUDIES)
    large = read_folder("demo", folder)
    held = load_studies().filter(lambda split: split in without, input_columns="split")
    return free_of(large, held)


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


def test_large(asked: Patients, bank: SentenceCorpus) -> dict[str, Result]:
    """Train the best recipe and the reference on the larger part with four times the steps; the
    bank stays the same."""
    studies = more_films("validate", "test")
    known, pairs = patients(studies), image_text_pairs(studies)
    best = replace(RECIPES["best"], steps=STEPS)
    reference = replace(REFERENCE, steps=STEPS)
    told = [told_by(known, reference, seed) for seed in range(SEEDS)]
    models = [trained(best, pairs, seed) for seed in range(SEEDS)]
    guessed = each(guessed_by, told, asked)
    asked_for = each(prompted, models, asked)
    results, films = {}, len(studies)
    about = f"{films} training films, {STEPS} steps"
    compared = {"supervised_auc": guessed, "zero_shot_auc": asked_for}
    for name, several in compared.items():
        found = macro(asked, several, f"{name}, {about}")
        for key, one in found.items():
            results[f"large.{name}.{key}"] = one
    gap = macro_gap(asked, guessed, asked_for)
    results["large.zero_shot_auc.below_supervised"] = gap
    what = "films of the larger training part"
    results["large.training_films"] = Result(films, films, "films", what)
    said = each(said_by, models, bank, asked)
    for key, one in retrieval(asked, {"best": said}, "large.").items():
        if "spread" not in key:
            results[key] = one
    return results
