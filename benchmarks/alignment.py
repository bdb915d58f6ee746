"""Train every recipe with several seeds, score them on the test patients, and write
book/results/alignment.json.

    python benchmarks/alignment.py               about 50 minutes on 2 cores; `make experiments`
                                                 runs it
    python benchmarks/alignment.py --tune best   (or txtrayalign, supervised) settings tried on
                                                 other virtual patients, 30 minutes
    python benchmarks/alignment.py --cost        time and memory of one training of each recipe;
                                                 wants a quiet machine
    python benchmarks/alignment.py --large       more films and more steps, the same test patients;
                                                 about 50 minutes more
    python benchmarks/alignment.py --quick       two minutes, to see that it runs; writes to another
                                                 folder

A model that is trained is kept (`align.trained`), so a run that was cut short goes on where it
stopped. Nothing is chosen on the test patients; `alignment_tuning.py` says on whom. Explained in
book/05_retrieval_and_zero_shot."""

import logging
import subprocess
import sys
import time
from dataclasses import replace

import alignment_answers as answers
from alignment_answers import each
from alignment_large import more_films, test_large
from alignment_overlap import retrieval
from alignment_scores import film_search, macro, macro_gap, pair_scores, real_aucs
from alignment_setup import ABROAD, ALL, ONCE, SEEDS, WITH_REFERENCE, Training, training_part
from alignment_tuning import GRID, tune
from common import Patients, patients, real_studies, told_by
from datasets import Dataset
from measuring import choose_quick, command_line, peak_bytes, report

from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.align.pairs import image_text_pairs
from txtray_utils.align.recipes import Recipe
from txtray_utils.align.trained import train, trained
from txtray_utils.judge.prompts import held_sentences
from txtray_utils.judge.retrieval import own_ranks
from txtray_utils.results import Result, write_results
from txtray_utils.settings import settings
from txtray_utils.studies.sources.registry import load_studies
from txtray_utils.studies.table import part

DRAWS = 100  # of random sentences


def test(
    taught: Training, held: Dataset, recipes: dict[str, Recipe], seeds: int
) -> dict[str, Result]:
    """Train every recipe with its seeds and score them on the test patients `held`."""
    bank, asked = taught.bank, patients(held)
    said = baselines(taught, asked)
    told = []
    for seed in range(seeds):
        told.append(told_by(taught.known, recipes["supervised"], seed))
    said["supervised"] = each(answers.named_by, told, asked)
    guessed = each(answers.guessed_by, told, asked)
    results = keyed("supervised_auc", macro(asked, guessed, "supervised"))
    real, abroad = real_studies(), {}
    outside = patients(real) if real else None
    for name, recipe in recipes.items():
        if name == "supervised":
            continue
        several = range(1 if name in ONCE else seeds)
        models = [trained(recipe, taught.pairs, seed) for seed in several]
        said[name] = each(answers.said_by, models, bank, asked)
        asked_for = each(answers.prompted, models, asked)
        found = macro(asked, asked_for, f"zero-shot, {name}")
        results[f"zero_shot_auc_{name}.macro"] = found["macro"]
        results |= searches(models, asked, held, name)
        if name == "best":
            results |= keyed("zero_shot_auc", found)
            gap = macro_gap(asked, guessed, asked_for)
            results["zero_shot_auc.below_supervised"] = gap
        if outside is not None and name in ABROAD:
            abroad[name] = each(answers.said_by, models, bank, outside)
            there = each(answers.prompted, models, outside)
            results |= real_aucs(outside, there, name)
        write_results("alignment", results)
    results |= retrieval(asked, said)
    if outside is not None:
        abroad["random"] = drawn_at_random(taught, outside)
        results |= retrieval(outside, abroad, "real_films.")
    return results


def searches(
    models: list[ImageTextModel], asked: Patients, held: Dataset, name: str
) -> dict[str, Result]:
    """Return how well a recipe finds reports by films, and films by other films' sentences."""
    ranks = each(own_ranks, models, image_text_pairs(held))
    results = pair_scores(asked, ranks, name)
    films = each(answers.searched, models, asked, held_sentences(held))
    return results | film_search(asked, films, name)


def baselines(taught: Training, asked: Patients) -> dict[str, list]:
    """Return what every baseline says of the films, one a draw."""
    bank, studies = taught.bank, taught.studies
    return {
        "random": drawn_at_random(taught, asked),
        "most_frequent": [answers.most_frequent(studies, bank, asked)],
        "parrot": [answers.parrot(studies, asked)],
        "oracle": [answers.oracle(bank, asked)],
    }


def drawn_at_random(taught: Training, asked: Patients) -> list:
    """Return what random sentences say of the films, one a draw."""
    return [answers.random_sentences(taught.bank, asked, seed) for seed in range(DRAWS)]


def keyed(start: str, results: dict[str, Result]) -> dict[str, Result]:
    """Return the results under `<start>.<key>`."""
    return {f"{start}.{key}": one for key, one in results.items()}


def cost(name: str) -> dict[str, Result]:
    """Train one recipe in this process and return its seconds and the process's highest memory."""
    pairs = image_text_pairs(part(load_studies(), "train"))
    recipe = ALL[name]
    start = time.monotonic()
    train(recipe, pairs)
    seconds = time.monotonic() - start
    steps = f"{recipe.steps} steps of {recipe.batch}"
    what = f"to train {name}, {steps}, 2 cores, text features cached"
    memory = f"peak memory of the process {what}"
    return {
        f"train_seconds.{name}": Result(seconds, len(pairs), "s", what),
        f"peak_mb.{name}": Result(peak_bytes() / 1e6, len(pairs), "MB", memory),
    }


def costs() -> None:
    """Measure one training of each recipe, each in a process of its own."""
    for name in ALL:
        subprocess.run([sys.executable, __file__, "--cost", name], check=True)


def headline(studies: Dataset, taught: Training) -> dict[str, Result]:
    """Train and test every recipe; in quick mode with one seed and a tenth of the steps."""
    shorter, seeds = 1, SEEDS
    if settings().quick:
        shorter, seeds = 10, 1
    recipes = {}
    for name, one in WITH_REFERENCE.items():
        recipes[name] = replace(one, steps=max(1, one.steps // shorter))
    return test(taught, part(studies, "test"), recipes, seeds)


def main() -> None:
    """Run what was asked for and write the results."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = command_line(__doc__, "one seed and a tenth of the steps")
    tuning = "score settings of a recipe on other virtual patients instead"
    larger = "train on more films with more steps instead"
    cheap = "measure one training of each recipe (or of one) instead"
    parser.add_argument("--tune", choices=list(GRID), help=tuning)
    parser.add_argument("--large", action="store_true", help=larger)
    parser.add_argument("--cost", nargs="?", const="all", help=cheap)
    asked = parser.parse_args()
    if asked.cost == "all":
        costs()
        return
    if asked.cost:
        write_results("alignment", cost(asked.cost))
        return
    if asked.quick:
        choose_quick()
    studies = load_studies()
    taught = training_part(studies)
    if asked.tune:
        results = tune(taught, patients(more_films("validate")), asked.tune)
    elif asked.large:
        results = test_large(patients(part(studies, "test")), taught.bank)
    else:
        results = headline(studies, taught)
    report("alignment", results)


if __name__ == "__main__":
    main()
