"""Five scores of what is answered to films, with intervals over patients, paired where two are
compared, each the mean over seeds.

Explained in book/06_simulated_and_real."""

from collections.abc import Callable, Sequence

import numpy as np
from alignment_scores import Statistic, mean_auc, mean_precision, measured
from common import Patients
from real_answers import Answer
from real_data import ASKED

from txtray_utils.judge.retrieval import Overlap, ill_f1, overlap_as_report, overlap_of_findings
from txtray_utils.results import Result
from txtray_utils.vocabulary import FINDINGS

Score = Callable[[Patients, Sequence[Answer]], Statistic]


def zero_shot_auc(
    asked: Patients, several: Sequence[Answer], names: Sequence[str] = ASKED
) -> Statistic:
    """Return the AUC by prompts, averaged over findings."""
    prompts = []
    for answer in several:
        prompts.append(answer.prompts)
    return lambda rows: mean_auc(asked, prompts, list(names), rows)


def average_precision(asked: Patients, several: Sequence[Answer]) -> Statistic:
    """Return the average precision by sentences of other films' reports, averaged over findings."""
    sentences = []
    for answer in several:
        sentences.append(answer.sentences)
    return lambda rows: mean_precision(asked, sentences, list(ASKED), rows)


def as_report_f1(asked: Patients, several: Sequence[Answer]) -> Statistic:
    """Return F1 of two sentences read as one report."""
    return overlapping(overlap_as_report, asked, several)


def f1_at_2(asked: Patients, several: Sequence[Answer]) -> Statistic:
    """Return F1@2 of findings as TxtRayAlign published it."""
    return overlapping(overlap_of_findings, asked, several)


def overlapping(
    reading: Callable[..., Overlap],
    asked: Patients,
    several: Sequence[Answer],
) -> Statistic:
    """Return the F1 of one reading of the label overlap."""
    found = []
    for answer in several:
        overlap = reading(asked.labels, answer.said)
        found.append(overlap)
    return over_seeds(found, lambda one, rows: one.scores(rows)["f1"])


def f1_among_ill(asked: Patients, several: Sequence[Answer]) -> Statistic:
    """Return macro F1 of findings among studies with a finding."""
    labels = asked.labels

    def one(answer: Answer, rows: np.ndarray) -> float:
        return ill_f1(labels[rows], answer.said[rows])

    return over_seeds(several, one)


SCORES: dict[str, Score] = {
    "zero_shot_auc": zero_shot_auc,
    "as_report_f1": as_report_f1,
    "ill_f1": f1_among_ill,
    "map": average_precision,
    "f1_at_2": f1_at_2,
}
ABOUT = {
    "zero_shot_auc": f"zero-shot AUC by codes, macro over {len(ASKED)} findings",
    "as_report_f1": "F1 of two sentences read as one report, by the report's labels",
    "ill_f1": "macro F1 of findings among studies with one, by the report's labels",
    "map": f"average precision of sentence to film by codes, macro over {len(ASKED)} findings",
    "f1_at_2": "F1@2 of findings as published, by the report's labels",
}


def over_seeds(several: Sequence, score: Callable[..., float]) -> Statistic:
    """Return the statistic of rows: the score's mean over what several seeds gave."""
    return lambda rows: float(np.mean([score(one, rows) for one in several]))


def values(asked: Patients, several: Sequence[Answer]) -> dict[str, float]:
    """Return every score of all films."""
    rows = np.arange(len(asked.labels))
    return {name: score(asked, several)(rows) for name, score in SCORES.items()}


def scored(asked: Patients, several: Sequence[Answer], end: str) -> dict[str, Result]:
    """Return every score under `<score>.<end>`, and the AUC of each finding below it; `end` is
    `<recipe>.<trained on>`."""
    about = f"{end.replace('.', ' trained on ')}, {len(several)} seeds"
    results = {}
    for name, score in SCORES.items():
        statistic = score(asked, several)
        results[f"{name}.{end}"] = measured(statistic, asked, f"{ABOUT[name]}; {about}")
    for finding in ASKED:
        statistic = zero_shot_auc(asked, several, [finding])
        what = f"zero-shot AUC of {finding} by codes; {about}"
        results[f"zero_shot_auc.{end}.{finding}"] = measured(statistic, asked, what)
    return results


def by_seed(asked: Patients, several: Sequence[Answer], end: str) -> dict[str, Result]:
    """Return every score of each seed alone, under `<score>.<end>.seed_<n>`."""
    count = len(asked.labels)
    about = end.replace(".", " trained on ")
    results = {}
    for seed, one in enumerate(several):
        for name, value in values(asked, [one]).items():
            what = f"{ABOUT[name]}; {about}, seed {seed}"
            results[f"{name}.{end}.seed_{seed}"] = Result(value, count, "share", what)
    return results


def difference(
    score: str, asked: Patients, ours: Sequence[Answer], theirs: Sequence[Answer], what: str
) -> Result:
    """Return how far one score of ours is above theirs, on the same patients."""
    above, below = SCORES[score](asked, ours), SCORES[score](asked, theirs)
    about = f"{ABOUT[score]}; {what}, same patients"
    return measured(lambda rows: above(rows) - below(rows), asked, about)


def chances(asked: Patients) -> dict[str, Result]:
    """Return how many films have each finding that is asked, and the average precision by chance:
    the mean prevalence."""
    results = {}
    shares = []
    for name in ASKED:
        column = FINDINGS.index(name)
        truth = asked.drawn[:, column]
        known = int(np.isfinite(truth).sum())
        count = int((truth == 1).sum())
        what = f"have {name} by codes"
        results[f"positives.{name}"] = Result(count, known, "films", what)
        shares.append(count / known)
    chance = float(np.mean(shares))
    what = f"average precision by chance, mean prevalence of {len(ASKED)} findings"
    results["map.chance"] = Result(chance, len(asked.labels), "share", what)
    return results
