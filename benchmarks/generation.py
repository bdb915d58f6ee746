"""Write reports by every route with three seeds, judge them on the test patients, and write
book/results/generation.json.

    python benchmarks/generation.py          about 25 minutes on 2 cores once the recipes of
                                             alignment.py are trained
    python benchmarks/generation.py --real   the same on real films of Open-i, one seed; wants
                                             the films of data/download.sh openi
    python benchmarks/generation.py --speed  reports a second of every system; wants a quiet machine
    python benchmarks/generation.py --quick  one seed and a tenth of the steps; writes to another
                                             folder

What is trained is kept, so a run that was cut short goes on. Thresholds, margins, how many
sentences, and which system is `chosen` are picked on the validation patients (generation_tuning);
the test patients are judged once. Every report is made of training reports or by a decoder that saw
nothing else.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from common import Patients, patients, real_studies, usual_reference
from datasets import Dataset
from generation_reports import Reports, distances, random_reports, written_by_all
from generation_scores import ABOUT, TOLERANCE, Judged, gain, results_of, validation_score
from generation_speed import speed
from generation_tuning import tune
from measuring import choose_quick, command_line, report
from real_data import studies_of, training_of

from txtray_utils.judge.reports import evaluate_reports
from txtray_utils.results import Result
from txtray_utils.settings import settings
from txtray_utils.studies.sources.registry import load_studies
from txtray_utils.studies.table import part
from txtray_utils.write.evidence import Corpus, Evidence, Models, Thresholds, corpus_of
from txtray_utils.write.writers import WRITERS, Request, write

SEEDS = 3
# `chosen` is one of these
OURS = ("nearest_report", "retrieval_variable", "decoder", "decoder_guided", "structured")
RIVALS = ("txtrayalign_k2", "always_normal", "nearest_report", "retrieval_variable")
REAL = ("label_f1_example", "label_f1_micro", "label_f1_macro", "css")  # scores of real films


def all_models(corpus: Corpus, known: Patients, seeds: int = SEEDS) -> list[Models]:
    """Return the models of every seed, with the supervised reference of each."""
    models = []
    for seed in range(1 if settings().quick else seeds):
        supervised = usual_reference(known, seed)
        models.append(Models(corpus, seed, supervised))
    return models


def choose(asked: list[Request], validate: Dataset) -> tuple[str, dict[str, float]]:
    """Return the best of `OURS` on the validation patients, and the score of each."""
    scores = {}
    for name in OURS:
        found = []
        for one in asked:
            reports = write(name, one)
            found.append(validation_score(validate, reports))
        scores[name] = float(np.mean(found))
    return max(scores, key=scores.get), scores


def judged_all(reports: Reports, studies: Dataset, corpus: Corpus, meaning: bool = True) -> Judged:
    """Return the scores of every system, one a seed."""
    judged: Judged = {}
    for name, several in reports.items():
        judged[name] = []
        for one in several:
            scores = evaluate_reports(studies, one, corpus.known, meaning=meaning)
            judged[name].append(scores)
    return judged


def settings_of(
    thresholds: Thresholds, scores: Mapping[str, float], count: int
) -> dict[str, Result]:
    """Return what was set, and how the systems did, on the `count` validation patients."""
    set_there = {
        "share": thresholds.share,
        "told_share": thresholds.share_supervised,
        "margin": thresholds.margin,
        "above": thresholds.above,
    }
    results = {}
    for key, value in set_there.items():
        what = f"{key}, set on the validation patients"
        results[f"knobs.{key}"] = Result(value, count, "setting", what)
    for name, value in scores.items():
        what = f"example-based plus macro label F1, {name}, validation patients"
        results[f"validation.{name}"] = Result(value, count, "share", what, None, 2 * TOLERANCE)
    return results


@dataclass(frozen=True)
class Prepared:
    """What was picked on the validation patients: what the writers were asked there, the system
    that was `chosen`, and the settings as results."""

    validated: list[Request]
    chosen: str
    settings: dict[str, Result]

    def asked(self, studies: Dataset) -> list[Request]:
        """Return what the writers are asked of other studies."""
        found = []
        for one in self.validated:
            found.append(replace(one, seen=Evidence(one.seen.models, studies)))
        return found


def prepare(corpus: Corpus, models: list[Models], validate: Dataset) -> Prepared:
    """Set the thresholds and choose a system on the validation patients."""
    tuned = [Evidence(one, validate) for one in models]
    thresholds = tune(corpus, tuned)
    validated = [Request(corpus, one, one, thresholds) for one in tuned]
    chosen, scores = choose(validated, validate)
    print("thresholds", thresholds, "validation", scores, "chosen", chosen)
    return Prepared(validated, chosen, settings_of(thresholds, scores, len(validate)))


def evaluate() -> dict[str, Result]:
    """Train, tune on validation, judge on test, and on the real films where they are."""
    studies = load_studies()
    test = part(studies, "test")
    corpus = corpus_of(part(studies, "train"))
    models = all_models(corpus, patients(corpus.studies))
    prepared = prepare(corpus, models, part(studies, "validate"))
    results = prepared.settings

    chosen = prepared.chosen
    reports = written_by_all(prepared.asked(test), chosen)
    judged = judged_all(reports, test, corpus)
    judged["chosen"] = judged[chosen]
    results |= results_of_all(judged, chosen, test)
    results |= distances(reports, corpus)
    covid = real_studies()
    if covid:
        names = ("always_normal", "txtrayalign_k2", "decoder_guided", chosen)
        told = covid.filter(lambda row: bool(row["sentences"]), load_from_cache_file=False)
        judged = judged_some(names, prepared, told)
        results |= results_of(judged, list(told["subject_id"]), "real_films.", REAL)
    return results


def evaluate_real() -> dict[str, Result]:
    """Train on real films with their reports, tune on validation, and judge every writer on test;
    one seed."""
    studies = studies_of("real")
    taught = training_of(studies)
    corpus = corpus_of(taught.studies)
    models = all_models(corpus, taught.known, 1)
    prepared = prepare(corpus, models, part(studies, "validate"))
    test = part(studies, "test")
    judged = judged_some(tuple(WRITERS), prepared, test)
    at_random = {"random_report": random_reports(corpus, len(test), 1)}
    judged |= judged_all(at_random, test, corpus, meaning=False)
    results = prepared.settings | results_of_all(judged, prepared.chosen, test, REAL)
    return {f"openi.{key}": one for key, one in results.items()}


def results_of_all(
    judged: Judged, chosen: str, test: Dataset, keys: Sequence[str] = tuple(ABOUT)
) -> dict[str, Result]:
    """Return the scores of every system on the test patients, and what the chosen one gains."""
    who = list(test["subject_id"])
    results = results_of(judged, who, keys=keys)
    for rival in RIVALS:
        results[f"best_over_{rival}"] = gain(judged, rival, who)
    what = f"the system chosen on the validation patients: {chosen}"
    results["chosen.is"] = Result(OURS.index(chosen), len(OURS), "index", what)
    return results


def judged_some(names: Sequence[str], prepared: Prepared, studies: Dataset) -> Judged:
    """Judge some writers on films; `chosen` is the chosen one. They work as on the validation
    films."""
    asked = prepared.asked(studies)
    reports = {name: [write(name, one) for one in asked] for name in dict.fromkeys(names)}
    judged = judged_all(reports, studies, asked[0].corpus, meaning=False)
    judged["chosen"] = judged[prepared.chosen]
    return judged


def main() -> None:
    """Run what was asked for and write the results."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = command_line(__doc__, "one seed and a tenth of the steps")
    parser.add_argument("--speed", action="store_true", help="measure reports a second instead")
    parser.add_argument("--real", action="store_true", help="on real films of Open-i instead")
    asked = parser.parse_args()
    if asked.quick:
        choose_quick()
    if asked.speed:
        found = speed()
    elif asked.real:
        found = evaluate_real()
    else:
        found = evaluate()
    report("generation", found)


if __name__ == "__main__":
    main()
