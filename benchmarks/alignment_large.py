"""The best recipe and the supervised reference on more virtual films, with four times the steps.

Explained in book/05_retrieval_and_zero_shot."""

from dataclasses import replace

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
from txtray_utils.studies.sources.registry import read_folder
from txtray_utils.studies.table import part
from txtray_utils.write.index import SentenceCorpus
from virtual_hospital.hospital import make_hospital

LARGE_STUDIES = 3300  # of the 3,361 reports that can be drawn
STEPS, SEEDS = 1600, 3


def more_films(split: str) -> Dataset:
    """Return the studies of one split of a hospital of nearly every drawable report.

    The words of a report decide its split, so none of them is in another split of the usual
    hospital.
    """
    folder = make_hospital(data_dir("demo-large"), LARGE_STUDIES)
    return part(read_folder("demo", folder), split)


def test_large(asked: Patients, bank: SentenceCorpus) -> dict[str, Result]:
    """Train the best recipe and the reference on the larger part with four times the steps; the
    bank stays the same."""
    studies = more_films("train")
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
