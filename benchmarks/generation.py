"""Write reports by every route with three seeds, judge them on the test patients, and write
book/results/generation.json.

    python benchmarks/generation.py          about 25 minutes on 2 cores once the recipes of
                                             alignment.py are trained
    python benchmarks/generation.py --speed  reports a second of every system; wants a quiet machine
    python benchmarks/generation.py --quick  one seed and a tenth of the steps; writes to another
                                             folder

What is trained is kept, so a run that was cut short goes on. Thresholds, margins, how many
sentences, and which system is `chosen` are picked on the validation patients (generation_tuning);
the test patients are judged once. Every report is made of training reports or by a decoder that saw
nothing else.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from common import patients, real_studies, usual_reference
from datasets import Dataset
from generation_reports import Reports, distances, written_by_all
from generation_scores import TOLERANCE, Judged, gain, results_of, validation_score
from generation_speed import speed
from generation_tuning import tune
from measuring import choose_quick, command_line, report

from txtray_utils.judge.reports import evaluate_reports
from txtray_utils.results import Result
from txtray_utils.settings import settings
from txtray_utils.studies.sources.registry import load_studies
from txtray_utils.studies.table import part
from txtray_utils.write.evidence import Corpus, Evidence, Models, Thresholds, corpus_of
from txtray_utils.write.writers import Request, write

SEEDS = 3
# `chosen` is one of these
OURS = ("nearest_report", "retrieval_variable", "decoder", "decoder_guided", "structured")
RIVALS = ("txtrayalign_k2", "always_normal", "nearest_report", "retrieval_variable")
REAL = ("label_f1_example", "label_f1_micro", "label_f1_macro", "css")  # scores of real films


def all_models(corpus: Corpus) -> list[Models]:
    """Return the models of every seed, with the supervised reference of each."""
    known = patients(corpus.studies)
    models = []
    for seed in range(1 if settings().quick else SEEDS):
        supervised = usual_reference(known, seed)
        models.append(Models(corpus, seed, supervised))
    return models


def requests(
    corpus: Corpus, seen: list[Evidence], tuned: list[Evidence], thresholds: Thresholds
) -> list[Request]:
    """Return what the writers are asked, one request a seed."""
    asked = []
    for one, validation in zip(seen, tuned, strict=True):
        asked.append(Request(corpus, one, validation, thresholds))
    return asked


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


def evaluate() -> dict[str, Result]:
    """Train, tune on validation, judge on test, and on the real films where they are."""
    studies = load_studies()
    train, validate = part(studies, "train"), part(studies, "validate")
    test = part(studies, "test")
    corpus = corpus_of(train)
    models = all_models(corpus)
    tuned = [Evidence(one, validate) for one in models]
    thresholds = tune(corpus, tuned)
    validated = requests(corpus, tuned, tuned, thresholds)
    chosen, scores = choose(validated, validate)
    print("thresholds", thresholds, "validation", scores, "chosen", chosen)
    results = settings_of(thresholds, scores, len(validate))

    seen = [Evidence(one, test) for one in models]
    asked = requests(corpus, seen, tuned, thresholds)
    reports = written_by_all(asked, chosen)
    judged = judged_all(reports, test, corpus)
    judged["chosen"] = judged[chosen]
    who = list(test["subject_id"])
    results |= results_of(judged, who)
    for rival in RIVALS:
        results[f"best_over_{rival}"] = gain(judged, rival, who)
    what = f"the system chosen on the validation patients: {chosen}"
    results["chosen.is"] = Result(OURS.index(chosen), len(OURS), "index", what)
    results |= distances(reports, corpus)
    real = real_studies()
    if real:
        results |= real_films(real, validated, chosen)
    return results


def real_films(studies: Dataset, validated: list[Request], chosen: str) -> dict[str, Result]:
    """Judge some systems on real films against their clinical notes, which are no radiologist's
    reports; the writers work as on the validation films."""
    studies = studies.filter(lambda row: bool(row["sentences"]), load_from_cache_file=False)
    asked = []
    for one in validated:
        asked.append(replace(one, seen=Evidence(one.seen.models, studies)))
    names = dict.fromkeys(["always_normal", "txtrayalign_k2", "decoder_guided", chosen])
    reports = {name: [write(name, one) for one in asked] for name in names}
    judged = judged_all(reports, studies, asked[0].corpus, meaning=False)
    judged["chosen"] = judged[chosen]
    return results_of(judged, list(studies["subject_id"]), "real_films.", REAL)


def main() -> None:
    """Run what was asked for and write the results."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = command_line(__doc__, "one seed and a tenth of the steps")
    parser.add_argument("--speed", action="store_true", help="measure reports a second instead")
    asked = parser.parse_args()
    if asked.quick:
        choose_quick()
    report("generation", speed() if asked.speed else evaluate())


if __name__ == "__main__":
    main()
