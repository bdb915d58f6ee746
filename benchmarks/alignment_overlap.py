"""How well the labels of the sentences that are found overlap with those of the film's report:
F1@2 and flat-hit@2, with intervals over patients.

Explained in book/05_retrieval_and_zero_shot."""

from collections.abc import Callable

import numpy as np
from common import Patients

from txtray_utils.judge.bootstrap import bootstrap
from txtray_utils.judge.retrieval import (
    Overlap,
    ill_f1,
    is_ill,
    overlap_as_report,
    overlap_coded,
    overlap_of_findings,
    overlap_published,
)
from txtray_utils.results import Result

READINGS = {
    "": "findings as published, {sick} studies with one",
    "_with_no_finding": "the same with No Finding",
    "_as_report": "the two read as one report",
    "_as_coded": "as coded",
}
SCORES = ("f1", "flat_hit")
FEWER = 200  # draws of patients, where one takes long
RIVALS = ("txtrayalign", "txtrayalign_by_f1", "clip", "parrot")  # that the best is held against

Statistic = Callable[[np.ndarray], float]  # of the rows of some patients
Found = dict[str, list[dict[str, Overlap]]]  # by name, one a seed, by reading


def overlaps(asked: Patients, said: np.ndarray) -> dict[str, Overlap]:
    """Return the overlap in its four readings: findings as published, with No Finding, as one
    report, and as coded."""
    return {
        "": overlap_of_findings(asked.labels, said),
        "_with_no_finding": overlap_published(asked.labels, said),
        "_as_report": overlap_as_report(asked.labels, said),
        "_as_coded": overlap_coded(asked.labels, said),
    }


def over_seeds(found: list[Overlap], name: str) -> Statistic:
    """Return the statistic of rows: one score, averaged over the seeds."""

    def statistic(rows: np.ndarray) -> float:
        scores = []
        for one in found:
            scores.append(one.scores(rows)[name])
        return float(np.mean(scores))

    return statistic


def retrieval(
    asked: Patients,
    said: dict[str, list[np.ndarray]],
    prefix: str = "",
) -> dict[str, Result]:
    """Return F1@2 and flat-hit@2 of every recipe and baseline, and what the best has over its
    rivals."""
    found: Found = {}
    for name, several in said.items():
        found[name] = [overlaps(asked, one) for one in several]
    results = {}
    for reading in READINGS:
        for score in SCORES:
            results |= _compared(asked, found, reading, score, prefix)
    results |= _among_ill(asked, said, prefix)
    for name, several in found.items():
        if len(several) > 1:
            results[f"{prefix}f1_at_2_spread.{name}"] = _spread(several, name)
    return results


def _compared(
    asked: Patients,
    found: Found,
    reading: str,
    score: str,
    prefix: str,
) -> dict[str, Result]:
    """Return one score in one reading of every name, and the best less each rival."""
    sick = is_ill(asked.labels)
    about = READINGS[reading].format(sick=int(sick.sum()))
    title = f"{score.replace('_', '-')}@2"
    start = f"{prefix}{score}_at_2{reading}"
    statistics, results = {}, {}
    for name, several in found.items():
        statistics[name] = over_seeds([one[reading] for one in several], score)
        what = f"{title} of {name}, {about}, mean of {len(several)} seeds"
        results[f"{start}.{name}"] = _share(statistics[name], asked, what)
    for rival in _rivals(statistics):
        more = _less(statistics["best"], statistics[rival])
        what = f"{title}, best less {rival}, same patients, {about}"
        results[f"{start}.best_over_{rival}"] = _share(more, asked, what)
    return results


def _among_ill(
    asked: Patients,
    said: dict[str, list[np.ndarray]],
    prefix: str,
) -> dict[str, Result]:
    """Return the F1 among studies with a finding of every name, and the best less each rival."""
    statistics, results = {}, {}
    for name, several in said.items():
        statistics[name] = _ill(asked, several)
        what = f"macro F1 of findings among studies with one, {name}, mean of {len(several)} seeds"
        results[f"{prefix}ill_f1.{name}"] = _share(statistics[name], asked, what, FEWER)
    for rival in _rivals(statistics):
        more = _less(statistics["best"], statistics[rival])
        what = f"macro F1 among studies with a finding, best less {rival}, same patients"
        results[f"{prefix}ill_f1.best_over_{rival}"] = _share(more, asked, what, FEWER)
    return results


def _rivals(statistics: dict[str, Statistic]) -> list[str]:
    """Return the rivals that are there, if the best is."""
    there = [rival for rival in RIVALS if rival in statistics]
    return there if "best" in statistics else []


def _ill(asked: Patients, several: list[np.ndarray]) -> Statistic:
    def statistic(rows: np.ndarray) -> float:
        truth = asked.labels[rows]
        return float(np.mean([ill_f1(truth, one[rows]) for one in several]))

    return statistic


def _less(ours: Statistic, theirs: Statistic) -> Statistic:
    return lambda rows: ours(rows) - theirs(rows)


def _share(
    statistic: Statistic,
    asked: Patients,
    what: str,
    times: int = 1000,
) -> Result:
    value, ci = bootstrap(statistic, asked.patients, times)
    return Result(value, len(asked.labels), "share", what, ci, 0.05)


def _spread(several: list[dict[str, Overlap]], name: str) -> Result:
    """Return the standard deviation over seeds of F1@2."""
    f1 = []
    for one in several:
        f1.append(one[""].scores()["f1"])
    seeds = len(several)
    value = float(np.std(f1, ddof=1))
    what = f"standard deviation over {seeds} seeds of F1@2 of {name}"
    return Result(value, seeds, "share", what, None, 0.05)
