"""The scores of generation.py: what a system is chosen by, and every score with its interval."""

from collections.abc import Mapping, Sequence

import numpy as np
from datasets import Dataset

from txtray_utils.judge.bootstrap import bootstrap
from txtray_utils.judge.reports import ReportScores, evaluate_reports
from txtray_utils.results import Result

TOLERANCE = 0.05
INVENTED = 0.02  # a system that invents more priors than this is not chosen
ABOUT = {
    "label_f1_example": "example-based label F1",
    "label_f1_micro": "micro label F1",
    "label_f1_macro": "macro label F1",
    "label_f1_micro_5": "micro label F1 of the usual five",
    "label_precision_micro": "micro label precision",
    "label_recall_micro": "micro label recall",
    "bleu4": "corpus BLEU-4",
    "rouge_l": "ROUGE-L",
    "bertscore": "BERTScore F1",
    "css": "automatic clinical score",
    "prior_rate": "sentences that refer to a prior, of studies without one",
    "side_accuracy": "sided findings, mentioned and drawn, whose side is right",
    "copied_rate": "sentences copied whole",
    "repeated_rate": "sentences that repeat another of their report",
}
Judged = dict[str, list[ReportScores]]  # system: its scores, one a seed


def label_score(studies: Dataset, reports: Sequence[str]) -> float:
    """Return example-based plus macro label F1."""
    return _label_score(evaluate_reports(studies, reports, meaning=False).scores())


def _label_score(scores: Mapping[str, float]) -> float:
    return scores["label_f1_example"] + scores["label_f1_macro"]


def validation_score(studies: Dataset, reports: Sequence[str]) -> float:
    """Return what a system is chosen by: its label score, or nothing where it invents priors."""
    scores = evaluate_reports(studies, reports, meaning=False).scores()
    if scores["prior_rate"] >= INVENTED:
        return 0.0
    return _label_score(scores)


def mean(several: list[ReportScores], key: str, rows: np.ndarray) -> float:
    """Return one score of the rows, averaged over seeds."""
    return float(np.mean([one.scores(rows)[key] for one in several]))


def results_of(
    judged: Judged, asked: Sequence[str], prefix: str = "", keys: Sequence[str] = tuple(ABOUT)
) -> dict[str, Result]:
    """Return these scores of every system, mean over seeds, with their intervals over patients;
    one without a value is left out."""
    results = {}
    for name, several in judged.items():
        count = len(several[0].truth)
        for key in keys:

            def score(rows: np.ndarray, key: str = key, several: list = several) -> float:
                return mean(several, key, rows)

            value, (low, high) = bootstrap(score, asked, 200)
            if not np.isfinite([value, low, high]).all():
                continue
            what = f"{ABOUT[key]}, {name}, {len(several)} seeds"
            interval = (min(low, value), max(high, value))
            result = Result(value, count, "share", what, interval, TOLERANCE)
            results[f"{prefix}{name}.{key}"] = result
    return results


def gain(judged: Judged, rival: str, asked: Sequence[str]) -> Result:
    """Return what the chosen system has over a rival in example-based label F1, on the same
    patients."""
    key = "label_f1_example"

    def difference(rows: np.ndarray) -> float:
        return mean(judged["chosen"], key, rows) - mean(judged[rival], key, rows)

    value, interval = bootstrap(difference, asked)
    what = f"{ABOUT[key]}, chosen less {rival}, same patients"
    count = len(judged[rival][0].truth)
    return Result(value, count, "share", what, interval, TOLERANCE)
