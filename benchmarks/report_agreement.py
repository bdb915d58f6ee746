"""How far labels read from text agree with coded ones, label by label and under every reading of
"uncertain".

Explained in book/02_reading_a_report."""

import numpy as np
import pandas as pd

from txtray_utils.results import Result

RESAMPLES, SEED = 2_000, 0
LEVELS = {"ignore": np.nan, "zeros": 0.0, "ones": 1.0, "own_class": 0.5}


def agreement(
    said: pd.DataFrame,
    coded: pd.DataFrame,
) -> dict[str, Result]:
    """Return precision, recall and F1 for each label and their means, with intervals, for both
    definitions of the truth."""
    rng = np.random.default_rng(SEED)
    n = len(said)
    weights = rng.multinomial(n, np.full(n, 1 / n), RESAMPLES)  # (resamples, reports)
    results = {}
    for suffix in ("", "_all_pairs"):
        known = np.ones(coded.shape, bool)
        if not suffix:
            known = coded.isin([0, 1]).to_numpy()
        results |= _scored(said, coded, known, weights, suffix)
    return results


def _scored(
    said: pd.DataFrame,
    coded: pd.DataFrame,
    known: np.ndarray,
    weights: np.ndarray,
    suffix: str,
) -> dict[str, Result]:
    """Return the scores of the pairs (reports, labels) that are known."""
    claim = (said == 1).to_numpy() & known
    truth = (coded == 1).to_numpy() & known
    pairs, counts, resampled = known.sum(axis=0), [], []
    for each in (claim & truth, claim, truth):
        number = each.astype(float)
        counts.append(number.sum(axis=0))
        resampled.append(weights @ number)
    values = scores(*counts)  # each (labels,)
    spreads = scores(*resampled)  # each (resamples, labels)
    results = {}
    for name, value in values.items():
        spread = spreads[name]
        start = f"labeller_{name}{suffix}"
        for column, label in enumerate(said.columns):
            coded_ones = int(truth[:, column].sum())
            what = f"{name} of {label} against MeSH codes, {coded_ones} coded"
            one = result(value[column], spread[:, column], pairs[column], what)
            results[f"{start}.{snake(label)}"] = one
        what = f"mean {name} over {len(value)} labels against MeSH codes"
        means = np.nanmean(spread, axis=1)
        results[f"{start}.macro"] = result(value.mean(), means, len(said), what)
    return results


def scores(
    hit: np.ndarray,
    claim: np.ndarray,
    truth: np.ndarray,
) -> dict[str, np.ndarray]:
    """Return precision, recall and F1 from counts; NaN where nothing is there to score."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "precision": hit / claim,
            "recall": hit / truth,
            "f1": 2 * hit / (claim + truth),
        }


def result(
    value: float,
    resampled: np.ndarray,
    n: int,
    what: str,
) -> Result:
    """Return a value with its percentile interval."""
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    ci = (min(low, value), max(high, value))
    return Result(float(value), n, "fraction", what, ci, 0.005)


def policies(
    said: pd.DataFrame,
    coded: pd.DataFrame,
) -> dict[str, Result]:
    """Return mean F1 and mean ROC AUC when uncertain is ignored, absent, present, or a class of its
    own between the two."""
    results = {}
    n = len(said)
    for name, level in LEVELS.items():
        areas, f1s = [], []
        for label in said.columns:
            score = said[label].fillna(0.0).replace(-1.0, level)
            known = coded[label].isin([0, 1]) & score.notna()
            score = score[known]
            truth = coded[label][known] == 1
            high = score[truth].to_numpy()
            low = score[~truth].to_numpy()
            areas.append(area(high, low))
            f1s.append(f1(score == 1, truth))
        key, what = f"uncertain_auc.{name}", f"uncertain {name}: mean AUC"
        results[key] = Result(np.mean(areas), n, "AUC", what, None, 0.005)
        if name != "own_class":  # F1 needs two classes
            key, what = f"uncertain_f1.{name}", f"uncertain {name}: mean F1"
            results[key] = Result(np.mean(f1s), n, "fraction", what, None, 0.005)
    return results | {"uncertain_coded": uncertain_coded(said, coded)}


def uncertain_coded(said: pd.DataFrame, coded: pd.DataFrame) -> Result:
    """Return how many of the uncertain labels were coded."""
    unsure = (said == -1) & coded.isin([0, 1])
    hit = (coded == 1).to_numpy()[unsure.to_numpy()]
    count = int(unsure.sum().sum())
    what = "uncertain labels that were coded"
    return Result(float(hit.mean()), count, "fraction", what, None, 0.005)


def f1(claim: pd.Series, truth: pd.Series) -> float:
    """Return the F1 of claims."""
    hit = (claim & truth).sum()
    return 2 * hit / (claim.sum() + truth.sum())


def area(high: np.ndarray, low: np.ndarray) -> float:
    """Return the chance that a coded report scores above one that is not, ties counted half
    (Mann-Whitney)."""
    above = high[:, None] > low
    level = high[:, None] == low
    return float((above + 0.5 * level).mean())


def snake(label: str) -> str:
    """Return `Lung Opacity` as `lung_opacity`."""
    return label.lower().replace(" ", "_")
