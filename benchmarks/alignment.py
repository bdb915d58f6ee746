"""Train every recipe with several seeds, score them on the test patients, and write
book/results/alignment.json.

    python benchmarks/alignment.py           about 50 minutes on 2 cores; `make experiments` runs it
    python benchmarks/alignment.py --tune best   (or txtrayalign, supervised) settings tried on
    other virtual patients, 30 minutes python benchmarks/alignment.py --cost    time and memory of
    one training of each recipe; wants a quiet machine python benchmarks/alignment.py --large   more
    films and more steps, the same test patients; about 50 minutes more python
    benchmarks/alignment.py --quick   two minutes, to see that it runs; writes to another folder

A model that is trained is kept (`align.trained`), so a run that was cut short goes on where it
stopped. Nothing is chosen on the test patients. The 161 validation patients are too few to choose
by, so `--tune` scores on more: those of a hospital of 3,300 studies whose reports' words stand in
no training or test report. By the sum of its three scores, over two seeds, a setting is chosen for
the baseline and for ours alike, and stands in `recipes.RECIPES`; a second baseline is chosen by
F1@2 alone, the supervised reference by its AUC. A change that gains less than 0.05 in the sum, as
another seed may, is not taken."""

import argparse
import logging
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from datasets import Dataset

from txtray_utils.align.encoders import ImageTextModel, text_features
from txtray_utils.align.pairs import ImageTextPairs, image_text_pairs, load_images
from txtray_utils.align.recipes import RECIPES, Recipe
from txtray_utils.align.supervised import SupervisedModel, train_supervised
from txtray_utils.align.trained import train, trained
from txtray_utils.judge.bootstrap import bootstrap
from txtray_utils.judge.prompts import aucs, zero_shot
from txtray_utils.judge.retrieval import (
    Overlap,
    mean_reciprocal_rank,
    merge_labels,
    overlap_coded,
    overlap_published,
    own_ranks,
    recall_at,
)
from txtray_utils.judge.truth import finding_truth
from txtray_utils.results import Result, write_results
from txtray_utils.settings import data_dir, settings
from txtray_utils.studies.sources import covid
from txtray_utils.studies.sources.openi_package import text_groups
from txtray_utils.studies.sources.registry import load_studies, read_folder
from txtray_utils.studies.table import part
from txtray_utils.vocabulary import FINDINGS, LABELS, POSITIVE, label_matrix, without_no_finding
from txtray_utils.write.index import SentenceCorpus, VectorIndex, sentence_corpus
from virtual_hospital.hospital import make_hospital

SEEDS = {
    "best": 5,
    "txtrayalign": 5,
    "txtrayalign_by_f1": 5,
}  # what is compared; the others have three
TUNED = 2  # seeds of each setting that is tried
K = 2
REFERENCE = Recipe()  # how the supervised reference is trained
BY_F1 = replace(
    RECIPES["txtrayalign"], steps=550
)  # the setting of the baseline with the highest F1@2; over the limit of time
BANK = replace(
    RECIPES["best"], label_weight=0.0
)  # best without its second task, to see what that adds
ALL = RECIPES | {"txtrayalign_by_f1": BY_F1, "bank": BANK}
LARGE_STUDIES = 3300  # of the 3,363 reports that can be drawn
REAL = (
    "consolidation",
    "opacity",
    "nodule",
    "central_line",
)  # findings that enough notes on real films name


@dataclass(frozen=True)
class Patients:
    """Films to be described, with what their texts say (N, 14), which findings they have (N, 19),
    and whose they are.

    Which findings they have is what was drawn or, of real films, what the notes say
    (`truth.finding_truth`)."""

    films: torch.Tensor
    labels: np.ndarray
    drawn: np.ndarray
    patients: list[str]


def patients(studies: Dataset) -> Patients:
    """Return the films and truths of studies."""
    return Patients(
        load_images(studies),
        label_matrix(studies["labels"]),
        finding_truth(studies),
        list(studies["subject_id"]),
    )


def said_by(model: ImageTextModel, bank: SentenceCorpus, asked: Patients) -> np.ndarray:
    """Return the labels (Q, k, 14) of the sentences that a model finds for each film."""
    images = model.embed_images(asked.films)
    return bank.labels[VectorIndex(model.embed_texts(bank.features)).search(images, K)[1].numpy()]


def prompted(model: ImageTextModel, asked: Patients) -> dict[str, np.ndarray]:
    """Return the zero-shot score of each finding."""
    images = model.embed_images(asked.films)
    said = {
        name: model.embed_texts(text_features(list(texts))).numpy()
        for name, texts in POSITIVE.items()
    }
    return zero_shot(images.numpy(), said)


def drawn_aucs(asked: Patients, scores: dict[str, np.ndarray], least: int = 5) -> dict[str, float]:
    """Return the AUC of each finding as drawn."""
    return aucs({name: asked.drawn[:, k] for k, name in enumerate(FINDINGS)}, scores, least)


# ---- baselines


def random_sentences(bank: SentenceCorpus, asked: Patients, seed: int) -> np.ndarray:
    """Return the labels of k sentences of the bank, drawn at random for each film."""
    return bank.labels[
        np.random.default_rng(seed).integers(len(bank.texts), size=(len(asked.labels), K))
    ]


def most_frequent(train: Dataset, bank: SentenceCorpus, asked: Patients) -> np.ndarray:
    """Return the labels of the k sentences that the training reports hold most often."""
    known = set(bank.texts)
    counts = Counter(
        sentence for said in train["sentences"] for sentence in said if sentence in known
    )
    rows = [bank.texts.index(sentence) for sentence, _ in counts.most_common(K)]
    return np.repeat(bank.labels[rows][None], len(asked.labels), 0)


def parrot(train: Dataset, asked: Patients) -> np.ndarray:
    """Return k times the finding that the training reports name most often, whatever the film
    shows."""
    named = (label_matrix(train["labels"]) == 1).sum(0)
    named[LABELS.index("No Finding")] = 0
    said = np.full((len(asked.labels), K, len(LABELS)), np.nan, np.float32)
    said[:, :, named.argmax()] = 1
    return said


def oracle(bank: SentenceCorpus, asked: Patients) -> np.ndarray:
    """Return the labels of k sentences picked with the answer in hand: each adds most to the
    overlap of findings."""
    said, truth = without_no_finding(bank.labels) == 1, without_no_finding(asked.labels) == 1
    chosen = []
    for wanted in truth:
        rows, have = [], np.zeros(len(wanted), bool)
        for _ in range(K):
            joint = said | have
            overlap = 2 * (joint & wanted).sum(1) / np.maximum(joint.sum(1) + wanted.sum(), 1)
            overlap[~joint.any(1)] = float(not wanted.any())
            rows.append(int(overlap.argmax()))
            have = joint[rows[-1]]
        chosen.append(rows)
    return bank.labels[np.array(chosen)]


def told_by(known: Patients, recipe: Recipe, seed: int) -> SupervisedModel:
    """Train the supervised reference on these patients."""
    return train_supervised(known.films, known.labels, known.drawn, recipe, seed)


def named_by(model: SupervisedModel, asked: Patients) -> np.ndarray:
    """Return k labels as if each were a sentence: the k findings that the reference thinks most
    likely."""
    chance = model.probabilities(asked.films)[:, len(FINDINGS) :]
    chance[:, LABELS.index("No Finding")] = -1
    said = np.full((len(chance), K, len(LABELS)), np.nan, np.float32)
    top = chance.argsort(1)[:, ::-1][:, :K]
    said[np.arange(len(chance))[:, None], np.arange(K)[None], top] = 1
    return said


# ---- scores


def overlaps(asked: Patients, said: np.ndarray) -> dict[str, Overlap]:
    """Return the overlap in its four readings: findings as published, with No Finding, as one
    report, and as coded."""
    truth = without_no_finding(asked.labels)
    return {
        "": overlap_published(truth, without_no_finding(said)),
        "_with_no_finding": overlap_published(asked.labels, said),
        "_as_report": overlap_published(asked.labels, merge_labels(said)),
        "_as_coded": overlap_coded(asked.labels, said),
    }


def over_seeds(found: list[Overlap], name: str) -> Callable[[np.ndarray], float]:
    """Return the statistic of rows: one score, averaged over the seeds."""
    return lambda rows: float(np.mean([one.scores(rows)[name] for one in found]))


def retrieval(
    asked: Patients, said: dict[str, list[np.ndarray]], prefix: str = ""
) -> dict[str, Result]:
    """Return F1@2 and flat-hit@2 of every recipe and baseline, and what the best has over the tuned
    TxtRayAlign."""
    results, count = {}, len(asked.labels)
    sick = int((without_no_finding(asked.labels) == 1).any(1).sum())
    by_name = {name: [overlaps(asked, one) for one in several] for name, several in said.items()}
    for reading, about in (("", f"findings as published, {sick} studies with one"), ("_with_no_finding", "the same with No Finding"),
                           ("_as_report", "the two read as one report"), ("_as_coded", "as coded")):  # fmt: skip
        for key in ("f1", "flat_hit"):
            statistics = {
                name: over_seeds([one[reading] for one in found], key)
                for name, found in by_name.items()
            }
            for name, statistic in statistics.items():
                value, ci = bootstrap(statistic, asked.patients)
                what = f"{key.replace('_', '-')}@2 of {name}, {about}, mean of {len(by_name[name])} seeds"
                results[f"{prefix}{key}_at_2{reading}.{name}"] = Result(
                    value, count, "share", what, ci, 0.05
                )
            for rival in (
                {"txtrayalign", "txtrayalign_by_f1", "clip", "parrot"} & statistics.keys()
                if "best" in statistics
                else ()
            ):
                ours, theirs = statistics["best"], statistics[rival]
                value, ci = bootstrap(
                    lambda rows, a=ours, b=theirs: a(rows) - b(rows), asked.patients
                )
                what = f"{key.replace('_', '-')}@2, best less {rival}, same patients, {about}"
                results[f"{prefix}{key}_at_2{reading}.best_over_{rival}"] = Result(
                    value, count, "share", what, ci, 0.05
                )
    for name, found in by_name.items():
        spread = float(
            np.std([one[""].scores()["f1"] for one in found], ddof=min(1, len(found) - 1))
        )
        what = f"standard deviation over {len(found)} seeds of F1@2 of {name}"
        results[f"{prefix}f1_at_2_spread.{name}"] = Result(
            spread, len(found), "share", what, None, 0.05
        )
    return results


def mean_auc(
    asked: Patients, several: list[dict[str, np.ndarray]], names: list[str], rows: np.ndarray
) -> float:
    """Return the AUC of some rows, averaged over the findings `names` that can be scored there,
    then over the seeds."""
    some = replace(asked, drawn=asked.drawn[rows])
    found = [drawn_aucs(some, {name: one[name][rows] for name in names}, 1) for one in several]
    return float(np.mean([np.mean(list(one.values())) if one else np.nan for one in found]))


def macro(asked: Patients, several: list[dict[str, np.ndarray]], what: str) -> dict[str, Result]:
    """Return the AUC of each finding and their mean, averaged over seeds, with intervals over
    patients."""
    names, results = list(drawn_aucs(asked, several[0])), {}
    for key, chosen in {**{name: [name] for name in names}, "macro": names}.items():
        value, ci = bootstrap(
            lambda rows, chosen=chosen: mean_auc(asked, several, chosen, rows), asked.patients, 200
        )
        over = f" over {len(names)} findings" if key == "macro" else ""
        about = f"{what}, {key}{over}, {len(several)} seeds"
        results[key] = Result(value, len(asked.drawn), "AUC", about, ci, 0.05)
    return results


# ---- the three commands

GRID: dict[str, list[dict]] = {  # one setting changed at a time
    "txtrayalign": [{}, {"momentum": 0.9}, {"momentum": 0.99}, {"rate": 2e-3}, {"rate": 8e-3}, {"temperature": 0.03},
                    {"temperature": 0.07}, {"steps": 550}, {"batch": 64, "steps": 230}],
    "best": [{}, {"label_weight": 0.0}, {"label_weight": 2.0}, {"label_weight": 8.0}, {"rate": 4e-3}, {"temperature": 0.03},
             {"batch": 16, "steps": 1100}],
    "supervised": [{}, {"rate": 2e-3}, {"rate": 8e-3}, {"rate": 16e-3}],
}  # fmt: skip


def tried(
    recipe: Recipe,
    seed: int,
    train: ImageTextPairs,
    known: Patients,
    bank: SentenceCorpus,
    asked: Patients,
    told: bool,
) -> dict[str, float]:
    """Return the three scores of one training of a recipe, or of the supervised reference if
    `told`."""
    if told:
        model = told_by(known, recipe, seed)
        said, scores = (
            named_by(model, asked),
            dict(zip(FINDINGS, model.probabilities(asked.films).T, strict=False)),
        )
    else:
        model = trained(recipe, train, seed)
        said, scores = said_by(model, bank, asked), prompted(model, asked)
    found = overlaps(asked, said)
    return {
        "f1": found[""].scores()["f1"],
        "f1_as_report": found["_as_report"].scores()["f1"],
        "auc": float(np.mean(list(drawn_aucs(asked, scores, 3).values()))),
    }


def tune(
    train: ImageTextPairs, known: Patients, bank: SentenceCorpus, asked: Patients, name: str
) -> dict[str, Result]:
    """Score every setting of a recipe in GRID on patients that it will not be trained or tested
    on."""
    results = {}
    for change in GRID[name]:
        recipe = replace((ALL | {"supervised": REFERENCE})[name], **change)
        found = [
            tried(recipe, seed, train, known, bank, asked, name == "supervised")
            for seed in range(TUNED)
        ]
        words = ",".join(f"{key}={value}" for key, value in change.items()) or "start"
        for key in found[0]:
            value, what = (
                float(np.mean([one[key] for one in found])),
                f"{key} on other virtual patients, {name}, {words}",
            )
            one = Result(
                value, len(asked.labels), "share", f"{what}, mean of {TUNED} seeds", None, 0.05
            )
            results[f"tuning.{name}.{words}.{key}"] = one
            print(f"{name} {words} {key} {value:.3f}", flush=True)
    return results


def test(train: ImageTextPairs, known: Patients, studies: Dataset, bank: SentenceCorpus, asked: Patients, recipes: dict[str, Recipe],
         seeds: int) -> dict[str, Result]:  # fmt: skip
    """Train every recipe with its seeds and score them on the test patients."""
    said = {
        "random": [random_sentences(bank, asked, seed) for seed in range(100)],
        "most_frequent": [most_frequent(part(studies, "train"), bank, asked)],
        "parrot": [parrot(part(studies, "train"), asked)],
        "oracle": [oracle(bank, asked)],
    }
    told = [told_by(known, recipes["supervised"], seed) for seed in range(min(seeds, 3))]
    said["supervised"] = [named_by(model, asked) for model in told]
    chances = [model.probabilities(asked.films)[:, : len(FINDINGS)] for model in told]
    guessed = [{name: one[:, k] for k, name in enumerate(FINDINGS)} for one in chances]
    results = {
        f"supervised_auc.{key}": one for key, one in macro(asked, guessed, "supervised").items()
    }
    real = load_studies("covid") if covid.folder().exists() else None
    outside = patients(real) if real is not None else None
    described, abroad = image_text_pairs(part(studies, "test")), {}
    for name in [name for name in recipes if name != "supervised"]:
        models = [
            trained(recipes[name], train, seed) for seed in range(min(seeds, SEEDS.get(name, 3)))
        ]
        said[name] = [said_by(model, bank, asked) for model in models]
        asked_for = [prompted(model, asked) for model in models]
        found = macro(asked, asked_for, f"zero-shot, {name}")
        results |= {f"zero_shot_auc_{name}.macro": found["macro"]}
        results |= pair_scores(asked, [own_ranks(model, described) for model in models], name)
        if name == "best":
            results |= {f"zero_shot_auc.{key}": one for key, one in found.items()}
            gaps = macro_gap(asked, guessed, asked_for)
            results["zero_shot_auc.below_supervised"] = gaps
        if outside is not None and name in SEEDS:
            abroad[name] = [said_by(model, bank, outside) for model in models]
            results |= real_aucs(outside, [prompted(model, outside) for model in models], name)
        write_results("alignment", results)
    results |= retrieval(asked, said)
    if outside is not None:
        abroad["random"] = [random_sentences(bank, outside, seed) for seed in range(100)]
        results |= retrieval(outside, abroad, "real_films.")
    return results


def macro_gap(asked: Patients, told: list[dict], ours: list[dict]) -> Result:
    """Return how far zero-shot stays below the supervised reference in macro AUC, on the same
    patients."""
    names = list(drawn_aucs(asked, ours[0]))
    value, ci = bootstrap(
        lambda rows: mean_auc(asked, told, names, rows) - mean_auc(asked, ours, names, rows),
        asked.patients,
        200,
    )
    return Result(
        value,
        len(asked.drawn),
        "AUC",
        "supervised less best zero-shot, macro, same patients",
        ci,
        0.05,
    )


def pair_scores(asked: Patients, ranks: list[np.ndarray], name: str) -> dict[str, Result]:
    """Return how well a recipe finds each film's own report: recall at ten and the mean reciprocal
    rank, over seeds."""
    results, what = (
        {},
        f"each film's own report among {len(asked.films)}, {name}, {len(ranks)} seeds",
    )
    for key, one_score in (
        ("recall_at_10", lambda part: recall_at(part, 10)),
        ("mrr", mean_reciprocal_rank),
    ):
        value, ci = bootstrap(
            lambda rows, of=one_score: float(np.mean([of(one[rows]) for one in ranks])),
            asked.patients,
        )
        results[f"pair_{key}.{name}"] = Result(
            value, len(asked.films), "share", f"{key.replace('_', ' ')}, {what}", ci, 0.05
        )
    return results


def real_aucs(
    asked: Patients, several: list[dict[str, np.ndarray]], name: str
) -> dict[str, Result]:
    """Return zero-shot AUC on real films for the findings that their notes give often enough."""
    results = {}
    for finding in REAL:
        value, ci = bootstrap(
            lambda rows, one=finding: mean_auc(asked, several, [one], rows), asked.patients, 500
        )
        has = asked.drawn[:, FINDINGS.index(finding)]
        what = f"{name}, real films, zero-shot {finding} as the notes say, {int((has == 1).sum())} with it"
        results[f"real_films.zero_shot_auc.{name}.{finding}"] = Result(
            value, int(np.isfinite(has).sum()), "AUC", what, ci, 0.05
        )
    return results


def more_films(*without: str) -> Dataset:
    """Return studies of a hospital of every drawable report, but for words of the usual hospital's
    splits `without`."""
    folder = make_hospital(data_dir("demo-large"), LARGE_STUDIES)
    large = read_folder("demo", folder)
    held = load_studies().filter(lambda split: split in without, input_columns="split")
    texts = [
        part.select_columns(["findings", "impression"]).to_pandas().fillna("")
        for part in (held, large)
    ]
    groups = np.array(text_groups(pd.concat(texts, ignore_index=True)))
    free = ~np.isin(groups[len(held) :], groups[: len(held)])
    return large.select([row for row, said in enumerate(large["sentences"]) if said and free[row]])


def test_large(asked: Patients, bank: SentenceCorpus) -> dict[str, Result]:
    """Train the best recipe and the reference on the larger part with four times the steps; the
    bank stays the same."""
    studies, steps, results = more_films("validate", "test"), 1600, {}
    known, train = patients(studies), image_text_pairs(studies)
    told = [told_by(known, replace(REFERENCE, steps=steps), seed) for seed in range(3)]
    chances = [model.probabilities(asked.films)[:, : len(FINDINGS)] for model in told]
    guessed = [{name: one[:, k] for k, name in enumerate(FINDINGS)} for one in chances]
    models = [trained(replace(RECIPES["best"], steps=steps), train, seed) for seed in range(3)]
    asked_for = [prompted(model, asked) for model in models]
    about = f"{len(studies)} training films, {steps} steps"
    for name, several in (("supervised_auc", guessed), ("zero_shot_auc", asked_for)):
        results |= {
            f"large.{name}.{key}": one
            for key, one in macro(asked, several, f"{name}, {about}").items()
        }
    results["large.zero_shot_auc.below_supervised"] = macro_gap(asked, guessed, asked_for)
    results["large.training_films"] = Result(
        len(studies), len(studies), "films", "films of the larger training part"
    )
    found = retrieval(asked, {"best": [said_by(model, bank, asked) for model in models]}, "large.")
    return results | {key: one for key, one in found.items() if "spread" not in key}


def cost(name: str) -> dict[str, Result]:
    """Train one recipe in this process and return its seconds and the process's highest memory."""
    pairs = image_text_pairs(part(load_studies(), "train"))
    recipe, start = ALL[name], time.monotonic()
    train(recipe, pairs)
    seconds, peak = (
        time.monotonic() - start,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    )
    what = f"to train {name}, {recipe.steps} steps of {recipe.batch}, 2 cores, text features cached"
    return {f"train_seconds.{name}": Result(seconds, len(pairs), "s", what),
            f"peak_mb.{name}": Result(peak, len(pairs), "MB", f"peak memory of the process {what}")}  # fmt: skip


def main() -> None:
    """Run what was asked for and write the results."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one seed and a tenth of the steps")
    parser.add_argument(
        "--tune",
        choices=list(GRID),
        help="score settings of a recipe on other virtual patients instead",
    )
    parser.add_argument(
        "--large", action="store_true", help="train on more films with more steps instead"
    )
    parser.add_argument(
        "--cost",
        nargs="?",
        const="all",
        help="measure one training of each recipe (or of one) instead",
    )
    asked = parser.parse_args()
    if asked.cost == "all":
        for name in ALL:
            subprocess.run([sys.executable, __file__, "--cost", name], check=True)
        return
    if asked.cost:
        write_results("alignment", cost(asked.cost))
        return
    if asked.quick:
        os.environ["TXTRAY_QUICK"] = "1"
    quick = settings().quick
    studies = load_studies()
    known, bank = patients(part(studies, "train")), sentence_corpus(part(studies, "train"))
    train = image_text_pairs(part(studies, "train"))
    if asked.tune:
        results = tune(train, known, bank, patients(more_films("train", "test")), asked.tune)
    elif asked.large:
        results = test_large(patients(part(studies, "test")), bank)
    else:
        recipes = ALL | {"supervised": REFERENCE}
        recipes = {
            name: replace(one, steps=max(1, one.steps // (10 if quick else 1)))
            for name, one in recipes.items()
        }
        where = patients(part(studies, "test"))
        results = test(
            train, known, studies, bank, where, recipes, 1 if quick else max(SEEDS.values())
        )
    write_results("alignment", results)
    for key, one in results.items():
        print(f"{key:60s} {one.value:.3f}  {one.ci}  {one.what}")


if __name__ == "__main__":
    main()
