"""How well the findings of a film are ranked, as AUC, and how well a film finds its own report;
with intervals over patients, averaged over seeds.

Explained in book/05_retrieval_and_zero_shot."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from common import Patients

from txtray_utils.judge.bootstrap import bootstrap
from txtray_utils.judge.prompts import aucs, average_precisions
from txtray_utils.judge.retrieval import mean_reciprocal_rank, recall_at
from txtray_utils.results import Result
from txtray_utils.vocabulary import FINDINGS

# Findings that enough notes on real films name.
REAL = ("consolidation", "opacity", "nodule", "central_line")
TIMES = 200  # draws of patients, where one takes long

Scores = dict[str, np.ndarray]  # of each finding, one a film
Several = list[Scores]  # one a seed
Statistic = Callable[[np.ndarray], float]  # of the rows of some patients


def drawn_aucs(
    asked: Patients,
    scores: Scores,
    least: int = 5,
) -> dict[str, float]:
    """Return the AUC of each finding as drawn."""
    truth = dict(zip(FINDINGS, asked.drawn.T, strict=True))
    return aucs(truth, scores, least)


def mean_auc(
    asked: Patients,
    several: Several,
    names: list[str],
    rows: np.ndarray,
) -> float:
    """Return the AUC of some rows, averaged over the findings `names` that can be scored there,
    then over the seeds."""
    some = replace(asked, drawn=asked.drawn[rows])
    means = []
    for one in several:
        chosen = {name: one[name][rows] for name in names}
        found = drawn_aucs(some, chosen, 1)
        mean = np.nan
        if found:
            mean = np.mean(list(found.values()))
        means.append(mean)
    return float(np.mean(means))


def macro(
    asked: Patients,
    several: Several,
    what: str,
) -> dict[str, Result]:
    """Return the AUC of each finding and their mean, averaged over seeds, with intervals over
    patients."""
    names = list(drawn_aucs(asked, several[0]))
    about = f"{len(several)} seeds"
    results = {}
    for name in names:
        text = f"{what}, {name}, {about}"
        results[name] = _auc(asked, several, [name], text)
    text = f"{what}, macro over {len(names)} findings, {about}"
    results["macro"] = _auc(asked, several, names, text)
    return results


def _auc(
    asked: Patients,
    several: Several,
    names: list[str],
    what: str,
) -> Result:
    def statistic(rows: np.ndarray) -> float:
        return mean_auc(asked, several, names, rows)

    value, ci = bootstrap(statistic, asked.patients, TIMES)
    return Result(value, len(asked.drawn), "AUC", what, ci, 0.05)


def macro_gap(
    asked: Patients,
    told: Several,
    ours: Several,
) -> Result:
    """Return how far zero-shot stays below the supervised reference in macro AUC, on the same
    patients."""
    names = list(drawn_aucs(asked, ours[0]))

    def statistic(rows: np.ndarray) -> float:
        above = mean_auc(asked, told, names, rows)
        return above - mean_auc(asked, ours, names, rows)

    value, ci = bootstrap(statistic, asked.patients, TIMES)
    what = "supervised less best zero-shot, macro, same patients"
    return Result(value, len(asked.drawn), "AUC", what, ci, 0.05)


def pair_scores(
    asked: Patients,
    ranks: list[np.ndarray],
    name: str,
) -> dict[str, Result]:
    """Return how well a recipe finds each film's own report: recall at ten and the mean reciprocal
    rank, over seeds."""
    films = len(asked.films)
    what = f"each film's own report among {films}, {name}, {len(ranks)} seeds"

    def over_seeds(score: Callable[[np.ndarray], float], title: str) -> Result:
        def statistic(rows: np.ndarray) -> float:
            return float(np.mean([score(one[rows]) for one in ranks]))

        value, ci = bootstrap(statistic, asked.patients)
        return Result(value, films, "share", f"{title}, {what}", ci, 0.05)

    def recall(some: np.ndarray) -> float:
        return recall_at(some, 10)

    return {
        f"pair_recall_at_10.{name}": over_seeds(recall, "recall at 10"),
        f"pair_mrr.{name}": over_seeds(mean_reciprocal_rank, "mrr"),
    }


def film_search(
    asked: Patients,
    several: Several,
    name: str,
) -> dict[str, Result]:
    """Return the average precision with which sentences of other films' reports find the films with
    a finding, of each finding and their mean, over seeds."""
    truth = dict(zip(FINDINGS, asked.drawn.T, strict=True))
    names = list(average_precisions(truth, several[0]))
    about = f"average precision of sentence to film, {name}, {len(several)} seeds"
    results = {}
    for one in names:
        key = f"map.{name}.{one}"
        results[key] = _precision(asked, several, [one], f"{about}, {one}")
    what = f"{about}, macro over {len(names)} findings"
    results[f"map.{name}"] = _precision(asked, several, names, what)
    chance = float(np.nanmean([np.nanmean(truth[one]) for one in names]))
    what = f"average precision by chance, mean prevalence of {len(names)} findings"
    results["map.chance"] = Result(chance, len(asked.drawn), "share", what, None, 0.05)
    return results


def _precision(
    asked: Patients,
    several: Several,
    names: list[str],
    what: str,
) -> Result:
    def statistic(rows: np.ndarray) -> float:
        return mean_precision(asked, several, names, rows)

    return measured(statistic, asked, what)


def mean_precision(
    asked: Patients,
    several: Several,
    names: list[str],
    rows: np.ndarray,
) -> float:
    """Return the average precision of some rows, averaged over those of the findings `names` that
    have a score, then over the seeds."""
    means = []
    for one in several:
        truth, scores = {}, {}
        for name in names:
            if name in one:
                truth[name] = asked.drawn[rows, FINDINGS.index(name)]
                scores[name] = one[name][rows]
        found = average_precisions(truth, scores, 1)
        means.append(np.mean(list(found.values())))
    return float(np.mean(means))


def measured(statistic: Statistic, asked: Patients, what: str) -> Result:
    """Return a statistic with its interval over patients, which holds the value: in a draw, a
    finding that cannot be scored leaves the mean."""
    value, ci = bootstrap(statistic, asked.patients, TIMES)
    low, high = min(ci[0], value), max(ci[1], value)
    return Result(value, len(asked.drawn), "share", what, (low, high), 0.05)


def real_aucs(
    asked: Patients,
    several: Several,
    name: str,
) -> dict[str, Result]:
    """Return zero-shot AUC on real films for the findings that their notes give often enough."""
    results = {}
    for finding in REAL:
        key = f"real_films.zero_shot_auc.{name}.{finding}"
        about = f"{name}, real films, zero-shot {finding}"
        results[key] = _real_auc(asked, several, finding, about)
    return results


def _real_auc(
    asked: Patients,
    several: Several,
    finding: str,
    about: str,
) -> Result:
    def statistic(rows: np.ndarray) -> float:
        return mean_auc(asked, several, [finding], rows)

    value, ci = bootstrap(statistic, asked.patients, 500)
    has = asked.drawn[:, FINDINGS.index(finding)]
    known = np.isfinite(has).sum()
    with_it = int((has == 1).sum())
    what = f"{about} as the notes say, {with_it} with it"
    return Result(value, known, "AUC", what, ci, 0.05)
