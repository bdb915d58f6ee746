"""Write reports by every route with three seeds, judge them on the test patients, and write
book/results/generation.json.

    python benchmarks/generation.py          about 25 minutes on 2 cores once the recipes of
    alignment.py are trained python benchmarks/generation.py --speed  reports a second of every
    system; wants a quiet machine python benchmarks/generation.py --quick  one seed and a tenth of
    the steps; writes to another folder

What is trained is kept, so a run that was cut short goes on. Thresholds, margins, how many
sentences, and which system is `chosen` are picked on the validation patients; the test patients are
judged once. Every report is made of training reports or by a decoder that saw nothing else."""

import argparse
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from common import REFERENCE, Patients, fastest, patients, told_by
from datasets import Dataset
from transformers import PreTrainedTokenizerFast

from txtray_utils.align.encoders import ImageTextModel, text_features
from txtray_utils.align.pairs import image_text_pairs
from txtray_utils.align.recipes import RECIPES
from txtray_utils.align.supervised import SupervisedModel
from txtray_utils.align.trained import trained
from txtray_utils.judge.bootstrap import bootstrap
from txtray_utils.judge.reports import ReportScores, evaluate_reports, report_labels
from txtray_utils.read.report import report_text
from txtray_utils.results import Result, read_results, write_results
from txtray_utils.settings import settings
from txtray_utils.studies.sources import covid
from txtray_utils.studies.sources.registry import load_studies
from txtray_utils.studies.table import part
from txtray_utils.vocabulary import FINDINGS, LABELS, SIDED
from txtray_utils.write.copying import (
    common_normal,
    nearest_report,
    nearest_sentences,
    sayable,
    select_sentences,
)
from txtray_utils.write.decoder import Writer, WriterRecipe
from txtray_utils.write.decoder_training import (
    NextTokenOfFilms,
    train_writer,
    train_writer_with_encoder,
    trained_writer,
)
from txtray_utils.write.index import SentenceCorpus, VectorIndex, sentence_corpus
from txtray_utils.write.sides import halves, said_sides, sides, train_side_classifier
from txtray_utils.write.structured import Structured, thresholds
from txtray_utils.write.tokeniser import learnable, tokeniser

SEEDS = 3
TOLERANCE = 0.05
SHARES, MARGINS, ABOVE = (
    (0.4, 0.6, 0.8, 1.0, 1.2),
    (0.0, 0.25, 0.5, 1.0, 1.5, 2.0),
    (0.98, 0.99, 0.995, 0.998),
)
OURS = (
    "nearest_report",
    "retrieval_variable",
    "decoder",
    "decoder_guided",
    "structured",
)  # `chosen` is one of these
ABOUT = {
    "label_f1_example": "example-based label F1", "label_f1_micro": "micro label F1", "label_f1_macro": "macro label F1",
    "label_f1_micro_5": "micro label F1 of the usual five", "label_precision_micro": "micro label precision",
    "label_recall_micro": "micro label recall", "bleu4": "corpus BLEU-4", "rouge_l": "ROUGE-L", "bertscore": "BERTScore F1",
    "css": "automatic clinical score", "prior_rate": "sentences that refer to a prior, of studies without one",
    "side_accuracy": "sided findings, mentioned and drawn, whose side is right", "copied_rate": "sentences copied whole",
    "repeated_rate": "sentences that repeat another of their report",
}  # fmt: skip


@dataclass(frozen=True)
class Shelf:
    """What the training part gives every writer: its studies, reports, sentences, and how often a
    label is named."""

    studies: Dataset
    reports: list[str]
    bank: SentenceCorpus
    known: set[str]
    may: torch.Tensor
    rates: np.ndarray


def shelf(studies: Dataset, priors: bool = False) -> Shelf:
    """Return the shelf of the training studies; with `priors`, comparisons with earlier films may
    be said."""
    bank = sentence_corpus(studies)
    reports = [report_text(said) for said in studies["sentences"]]
    known = {report_text([text]) for text in bank.texts}
    rates = (report_labels(reports) == 1).mean(0)
    return Shelf(studies, reports, bank, known, sayable(bank, priors), rates)


@dataclass(frozen=True)
class Hand:
    """The models of one seed."""

    best: ImageTextModel
    txtrayalign: ImageTextModel
    told: SupervisedModel
    plain: Writer
    guided: Writer
    words: PreTrainedTokenizerFast
    shelf: torch.Tensor
    sides: np.ndarray


def hand(known: Patients, stock: Shelf, seed: int, quick: bool) -> Hand:
    """Train, or read, the models of one seed."""
    less = 10 if quick else 1
    train = image_text_pairs(stock.studies)
    models = [
        trained(replace(RECIPES[name], steps=RECIPES[name].steps // less), train, seed)
        for name in ("best", "txtrayalign")
    ]
    told = told_by(known, replace(REFERENCE, steps=REFERENCE.steps // less), seed)
    rows, texts = learnable(stock.studies)
    maps, labels = models[0].feature_maps(known.films)[rows], torch.from_numpy(report_labels(texts))
    recipe = WriterRecipe()
    recipe = replace(recipe, steps=recipe.steps // less)
    words = tokeniser(texts, recipe.words)
    writers = [
        trained_writer(replace(recipe, guided=guided), maps, labels, texts, words, seed=seed)
        for guided in (False, True)
    ]
    shelf_images = models[0].embed_images(known.films)
    sides = train_side_classifier(halves(models[0], known.films), said_sides(stock.reports))
    return Hand(*models, told, *writers, words, shelf_images, sides)


@dataclass(frozen=True)
class View:
    """What the models of one seed see in some films; unit vectors (Q, W), similarities (Q, N),
    chances and logits."""

    studies: Dataset
    images: torch.Tensor
    near: torch.Tensor
    near_txtrayalign: torch.Tensor
    chance: np.ndarray
    told: np.ndarray
    halves: np.ndarray
    maps: torch.Tensor


def view(models: Hand, stock: Shelf, asked: Patients, studies: Dataset) -> View:
    """Look at some films once for all systems."""
    features, count = stock.bank.features, len(LABELS)
    images, chance = (
        models.best.embed_images(asked.films),
        models.best.label_probabilities(asked.films),
    )
    others = models.txtrayalign.embed_images(asked.films)
    return View(
        studies,
        images,
        images @ models.best.embed_texts(features).T,
        others @ models.txtrayalign.embed_texts(features).T,
        chance.numpy()[:, :count],
        models.told.probabilities(asked.films)[:, len(FINDINGS) :],
        halves(models.best, asked.films),
        models.best.feature_maps(asked.films),
    )


@dataclass(frozen=True)
class Knobs:
    """What is set on the validation patients: shares of the rates, the margin between sides, the
    quantile of similarity."""

    share: float = 0.8
    told_share: float = 0.8
    margin: float = 1.0
    above: float = 0.99


def write(
    models: Hand, stock: Shelf, seen: View, tuned: View, knobs: Knobs, only: Sequence[str] = ()
) -> dict[str, list[str]]:
    """Return the reports of every system (or of `only` these); thresholds lie on the scores of the
    validation films `tuned`."""
    asked = seen.studies["indication"]
    near = seen.near.masked_fill(~stock.may, -2)
    present = seen.chance >= thresholds(tuned.chance, stock.rates, knobs.share)
    told = seen.told >= thresholds(tuned.told, stock.rates, knobs.told_share)
    side = sides(seen.halves, models.sides, knobs.margin)
    above = float(np.quantile(tuned.near[:, stock.may].numpy(), knobs.above))
    own = [report_text(said) for said in seen.studies["sentences"]]
    structured = Structured(stock.bank, stock.may)
    systems: dict[str, Callable[[], list[str]]] = {
        "always_normal": lambda: [common_normal(stock.studies)] * len(asked),
        "nearest_report": lambda: nearest_report(
            seen.images, VectorIndex(models.shelf), stock.reports
        ),
        "txtrayalign_k2": lambda: nearest_sentences(seen.near_txtrayalign, stock.bank),
        "retrieval_variable": lambda: select_sentences(near, stock.bank, above),
        "decoder": lambda: models.plain.write(seen.maps, models.words),
        "decoder_guided": lambda: models.guided.write(
            seen.maps, models.words, torch.from_numpy(present)
        ),
        "structured": lambda: structured.write(near, present, side, asked),
        "supervised_structured": lambda: structured.write(near, told, side, asked),
        "oracle": lambda: structured.write(near, report_labels(own) == 1, said_sides(own), asked),
    }
    return {name: system() for name, system in systems.items() if not only or name in only}


def tune(models: list[Hand], stock: Shelf, tuned: list[View]) -> Knobs:
    """Set the knobs on the validation patients, mean over seeds: labels by example-based plus macro
    F1, sides by the text."""

    def worth(name: str, **change: float) -> float:
        found = []
        for one, seen in zip(models, tuned, strict=True):
            reports = write(one, stock, seen, seen, replace(Knobs(), **change), [name])[name]
            scores = evaluate_reports(seen.studies, reports, meaning=False).scores()
            found.append(scores["label_f1_example"] + scores["label_f1_macro"])
        return float(np.mean(found))

    share = max(SHARES, key=lambda one: worth("structured", share=one))

    def agreement(margin: float) -> float:
        right = named = 0
        for one, seen in zip(models, tuned, strict=True):
            guess, said = (
                sides(seen.halves, one.sides, margin),
                said_sides([report_text(said) for said in seen.studies["sentences"]]),
            )
            stated = seen.chance >= thresholds(seen.chance, stock.rates, share)
            known = (
                stated & np.isin(said, ("right", "left")) & (guess != "") & np.isin(LABELS, SIDED)
            )
            right, named = right + (guess == said)[known].sum(), named + known.sum()
        print(f"margin {margin}: {right} of {named} sides that would be said are as the text says")
        return right / max(named, 1)

    return Knobs(
        share,
        max(SHARES, key=lambda one: worth("supervised_structured", told_share=one)),
        next((one for one in MARGINS if agreement(one) >= 0.9), MARGINS[-1]),
        max(ABOVE, key=lambda one: worth("retrieval_variable", above=one)),
    )


# ---- results


def results_of(
    judged: dict[str, list[ReportScores]], asked: Sequence[str], prefix: str = ""
) -> dict[str, Result]:
    """Return every score of every system, mean over seeds, with its interval over patients; one
    without a value is left out."""
    results = {}
    for name, several in judged.items():
        for key, about in ABOUT.items():
            value, ci = bootstrap(lambda rows, k=key, many=several: mean(many, k, rows), asked, 200)
            if np.isfinite([value, *ci]).all():
                what = f"{about}, {name}, {len(several)} seeds"
                ci = (min(ci[0], value), max(ci[1], value))
                results[f"{prefix}{name}.{key}"] = Result(
                    value, len(several[0].truth), "share", what, ci, TOLERANCE
                )
    return results


def mean(several: list[ReportScores], key: str, rows: np.ndarray) -> float:
    """Return one score of the rows, averaged over seeds."""
    return float(np.mean([one.scores(rows)[key] for one in several]))


def gain(judged: dict[str, list[ReportScores]], rival: str, asked: Sequence[str]) -> Result:
    """Return what the chosen system has over a rival in example-based label F1, on the same
    patients."""
    key = "label_f1_example"
    value, ci = bootstrap(
        lambda rows: mean(judged["chosen"], key, rows) - mean(judged[rival], key, rows), asked
    )
    what = f"example-based label F1, chosen less {rival}, same patients"
    return Result(value, len(judged[rival][0].truth), "share", what, ci, TOLERANCE)


def nearest_distance(reports: Sequence[str], stock: Shelf) -> float:
    """Return the median distance (1 - cosine of text features) of written reports to the nearest
    training report."""
    written, known = text_features(list(reports)), text_features(stock.reports)
    return float((1 - (written @ known.T).max(1).values).median())


def scratch(
    known: Patients, stock: Shelf, seen: Patients, studies: Dataset, seed: int, steps: int
) -> list[str]:
    """Return the reports of a plain decoder whose image tower starts at random and is trained with
    it, not aligned before."""
    rows, texts = learnable(stock.studies)
    recipe = replace(WriterRecipe(), steps=steps)
    words = tokeniser(texts, recipe.words)
    torch.manual_seed(seed)
    tower = ImageTextModel()
    labels = torch.from_numpy(report_labels(texts))
    objective = NextTokenOfFilms(known.films[rows], labels, texts, words, recipe)
    writer = train_writer_with_encoder(recipe, tower, objective, seed)
    return writer.write(tower.feature_maps(seen.films), words)


def evaluate() -> dict[str, Result]:
    """Train, tune on validation, judge on test, and on the real films where they are."""
    studies, quick = load_studies(), settings().quick
    parts = {name: part(studies, name) for name in ("train", "validate", "test")}
    people = {name: patients(part) for name, part in parts.items()}
    stock, seeds = shelf(parts["train"]), range(1 if quick else SEEDS)
    models = [hand(people["train"], stock, seed, quick) for seed in seeds]
    tuned = [view(one, stock, people["validate"], parts["validate"]) for one in models]
    seen = [view(one, stock, people["test"], parts["test"]) for one in models]
    knobs = tune(models, stock, tuned)
    validation = [
        write(one, stock, part, part, knobs, OURS) for one, part in zip(models, tuned, strict=True)
    ]
    scores = {
        name: np.mean([worth(parts["validate"], said[name]) for said in validation])
        for name in OURS
    }
    chosen = max(scores, key=scores.get)
    print(
        "knobs",
        knobs,
        "validation",
        {name: round(float(value), 3) for name, value in scores.items()},
        "chosen",
        chosen,
    )
    results = {f"knobs.{key}": Result(value, len(parts["validate"]), "setting", f"{key}, set on the validation patients")
               for key, value in vars(knobs).items()}  # fmt: skip
    results |= {f"validation.{name}": Result(value, len(parts["validate"]), "share", f"example-based plus macro label F1, {name}, validation patients", None, 2 * TOLERANCE)
                for name, value in scores.items()}  # fmt: skip

    said = [
        write(one, stock, part, valid, knobs)
        for one, part, valid in zip(models, seen, tuned, strict=True)
    ]
    reports = {name: [one[name] for one in said] for name in said[0]}
    rng = np.random.default_rng(0)
    reports["random_report"] = [
        [stock.reports[k] for k in rng.integers(len(stock.reports), size=len(parts["test"]))]
        for _ in seeds
    ]
    for mode in ("beam", "nucleus"):
        reports[f"decoder_{mode}"] = [
            one.plain.write(part.maps, one.words, mode=mode)
            for one, part in zip(models, seen, strict=True)
        ]
    steps = WriterRecipe().steps // (10 if quick else 1)
    reports["decoder_from_scratch"] = [
        scratch(people["train"], stock, people["test"], parts["test"], 0, steps)
    ]
    free = shelf(parts["train"], priors=True)
    reports["chosen_with_priors"] = [
        write(one, free, part, valid, knobs, [chosen])[chosen]
        for one, part, valid in zip(models, seen, tuned, strict=True)
    ]
    fixed = ("always_normal",)
    judged = {name: [evaluate_reports(parts["test"], one, stock.known) for one in (several[:1] if name in fixed else several)]
              for name, several in reports.items()}  # fmt: skip
    judged["chosen"] = judged[chosen]
    who = list(parts["test"]["subject_id"])
    results |= results_of(judged, who)
    results |= {
        f"best_over_{rival}": gain(judged, rival, who)
        for rival in ("txtrayalign_k2", "always_normal", "nearest_report", "retrieval_variable")
    }
    results["chosen.is"] = Result(
        OURS.index(chosen),
        len(OURS),
        "index",
        f"the system chosen on the validation patients: {chosen}",
    )
    for name in ("decoder", "decoder_guided"):
        value = float(np.mean([nearest_distance(one, stock) for one in reports[name]]))
        what = f"median distance of a report of {name} to the nearest training report, 1 - cosine of text features"
        results[f"{name}.nearest_distance"] = Result(
            value, len(who), "distance", what, None, TOLERANCE
        )
    return results | (
        real_films(models, stock, tuned, knobs, chosen) if covid.folder().exists() else {}
    )


def worth(studies: Dataset, reports: Sequence[str]) -> float:
    """Return what a system is chosen by: example-based plus macro label F1, or nothing where it
    invents priors."""
    scores = evaluate_reports(studies, reports, meaning=False).scores()
    return (
        scores["label_f1_example"] + scores["label_f1_macro"]
        if scores["prior_rate"] < 0.02
        else 0.0
    )


def real_films(
    models: list[Hand], stock: Shelf, tuned: list[View], knobs: Knobs, chosen: str
) -> dict[str, Result]:
    """Judge some systems on real films against their clinical notes, which are no radiologist's
    reports."""
    studies = load_studies("covid")
    studies = studies.select([row for row, said in enumerate(studies["sentences"]) if said])
    names = list(dict.fromkeys(["always_normal", "txtrayalign_k2", "decoder_guided", chosen]))
    said = []
    for one, valid in zip(models, tuned, strict=True):
        said.append(
            write(one, stock, view(one, stock, patients(studies), studies), valid, knobs, names)
        )
    judged = {
        name: [evaluate_reports(studies, one[name], stock.known, meaning=False) for one in said]
        for name in names
    }
    judged["chosen"] = judged[chosen]
    kept = ("label_f1_example", "label_f1_micro", "label_f1_macro", "css")
    found = results_of(judged, list(studies["subject_id"]), "real_films.")
    return {key: one for key, one in found.items() if key.rsplit(".", 1)[1] in kept}


def speed() -> dict[str, Result]:
    """Return reports a second of every system from films in memory to text, everything trained and
    the bank encoded."""
    studies = load_studies()
    parts = {name: part(studies, name) for name in ("train", "validate", "test")}
    people = {name: patients(part) for name, part in parts.items()}
    stock = shelf(parts["train"])
    models = hand(people["train"], stock, 0, settings().quick)
    tuned, results = view(models, stock, people["validate"], parts["validate"]), {}
    names = ("always_normal", "nearest_report", "txtrayalign_k2", "retrieval_variable", "decoder", "decoder_guided", "structured",
             "supervised_structured", "oracle")  # fmt: skip
    count = len(parts["test"])

    looking = fastest(lambda: view(models, stock, people["test"], parts["test"]))
    seen = view(models, stock, people["test"], parts["test"])
    for name in names:
        seconds = fastest(lambda one=name: write(models, stock, seen, tuned, Knobs(), [one])) + (
            0 if name == "always_normal" else looking
        )
        results[f"{name}.reports_per_second"] = Result(
            count / seconds, count, "1/s", f"reports of {name}, from films to text"
        )
    rng = np.random.default_rng(0)
    seconds = fastest(
        lambda: [stock.reports[k] for k in rng.integers(len(stock.reports), size=count)]
    )
    results["random_report.reports_per_second"] = Result(
        count / seconds, count, "1/s", "reports of random_report"
    )
    chosen = OURS[int(read_results("generation")["chosen.is"].value)]
    results["chosen.reports_per_second"] = results[f"{chosen}.reports_per_second"]
    for mode in ("greedy", "beam"):
        seconds = fastest(lambda how=mode: models.plain.write(seen.maps, models.words, mode=how))
        results[f"decoder.{mode}_per_second"] = Result(
            count / seconds,
            count,
            "1/s",
            f"reports decoded, {mode}, 64 at a time, from feature maps",
        )
    rows, texts = learnable(stock.studies)
    maps, labels = (
        models.best.feature_maps(people["train"].films)[rows],
        torch.from_numpy(report_labels(texts)),
    )
    for guided, name in ((False, "decoder"), (True, "decoder_guided")):
        start = time.monotonic()
        train_writer(WriterRecipe(guided=guided), maps, labels, texts, models.words)
        results[f"{name}.train_seconds"] = Result(
            time.monotonic() - start,
            len(texts),
            "s",
            f"to train {name} from a cached tower, 2 cores",
        )
    return results


def main() -> None:
    """Run what was asked for and write the results."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one seed and a tenth of the steps")
    parser.add_argument("--speed", action="store_true", help="measure reports a second instead")
    asked = parser.parse_args()
    if asked.quick:
        os.environ["TXTRAY_QUICK"] = "1"
    results = speed() if asked.speed else evaluate()
    write_results("generation", results)
    for key, one in results.items():
        print(f"{key:50s} {one.value:.3f}  {one.ci}  {one.what}")


if __name__ == "__main__":
    main()
