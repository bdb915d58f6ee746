"""What predicts a finding without being it: classifiers that see only a part of the film.

Explained in book/01_reading_a_radiograph."""

import numpy as np
import pandas as pd
from radiograph_classifier import auc
from radiograph_films import SIZE, labels
from scipy import ndimage
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from txtray_utils.results import Result
from txtray_utils.vocabulary import FINDINGS
from virtual_hospital.cohort import Case, plan_cohort

WORDS = [
    "PhotometricInterpretation",
    "ViewPosition",
    "Modality",
    "RescaleType",
    "PresentationLUTShape",
]
NUMBERS = [
    "BitsStored",
    "KVP",
    "Exposure",
    "ExposureTime",
    "XRayTubeCurrent",
    "DistanceSourceToDetector",
    "WindowCenter",
    "WindowWidth",
]
AIR = 25  # the brightest grey of air
STUDENT = 2.776  # Student's t, four degrees of freedom

# ---- partial views


def partial_views(x: np.ndarray) -> dict[str, np.ndarray]:
    """Return what each blinkered classifier sees of the films."""
    return {
        "marker": marker_features(x),
        "outline": outline_features(x),
        "grey": x.mean((1, 2))[:, None],
    }


def marker_features(x: np.ndarray) -> np.ndarray:
    """Return the two upper corners, where markers lie: (N, features)."""
    rows, columns = int(0.24 * SIZE), int(0.12 * SIZE)
    left, right = x[:, :rows, :columns], x[:, :rows, -columns:]
    corners = np.concatenate([left, right], 2).astype(np.float32)
    bright = corners - np.median(corners, (1, 2), keepdims=True)
    smooth = ndimage.uniform_filter(bright, (0, 3, 3))
    return smooth[:, ::3, ::3].reshape(len(x), -1)


def outline_features(x: np.ndarray) -> np.ndarray:
    """Return the body's outline: air at the film's edge, at an eighth of the resolution."""
    masks = []
    for film in x:
        air, _ = ndimage.label(film < AIR)
        sides = [air[0], air[:, 0], air[:, -1]]
        edge = np.unique(np.concatenate(sides))
        masks.append(np.isin(air, edge[edge > 0]))
    outlines = np.array(masks, np.float32)
    smooth = ndimage.uniform_filter(outlines, (0, 8, 8))
    return smooth[:, 4::8, 4::8].reshape(len(x), -1)


def header_features(cases: list[Case]) -> np.ndarray:
    """Return what a DICOM header says, as numbers (-1 where it is silent)."""
    table = pd.DataFrame([case.header for case in cases])
    coded = table[WORDS].apply(lambda column: column.astype("category").cat.codes)
    numbers = table[NUMBERS].apply(pd.to_numeric, errors="coerce").fillna(-1)
    return np.hstack([coded, numbers]).astype(np.float32)


# ---- how well they predict


def linear(strength: float) -> Pipeline:
    """Return a logistic regression on standardised features; `strength` is its C."""
    regression = LogisticRegression(C=strength, max_iter=300)
    return make_pipeline(StandardScaler(), regression)


def blinkered(
    features: np.ndarray,
    truth: np.ndarray,
    model: BaseEstimator,
    what: str,
) -> Result:
    """Return the mean AUC of one finding over five folds, with the interval that the folds' spread
    gives."""
    folds = cross_val_score(model, features, truth, cv=5, scoring="roc_auc")
    reach = STUDENT * folds.std(ddof=1) / 5**0.5
    mean = folds.mean()
    ci = (mean - reach, mean + reach)
    return Result(mean, len(truth), "AUC", what, ci, 0.05)


def audit(
    views: dict[str, np.ndarray],
    truth: np.ndarray,
    what: str,
) -> dict[str, list[Result]]:
    """Return the AUC of each finding from each partial view of the films."""
    model, found = linear(0.003), {}
    for view, features in views.items():
        found[view] = []
        for column, name in enumerate(FINDINGS):
            about = f"{name} from the {view} only, {what}"
            one = blinkered(features, truth[:, column], model, about)
            found[view].append(one)
    return found


def header_audit(seeds: int) -> list[Result]:
    """Return the AUC of each finding from the header alone: learnt on some cohorts' plans, tested
    on others'."""
    learnt, held = plans(100, seeds), plans(200, seeds)
    seen, asked = header_features(learnt), header_features(held)
    known, truth = labels(learnt), labels(held)
    found = []
    for column, name in enumerate(FINDINGS):
        here = ~np.isnan(known[:, column])
        there = ~np.isnan(truth[:, column])
        boosted = HistGradientBoostingClassifier(max_iter=40, random_state=0)
        boosted.fit(seen[here], known[here, column])
        score = boosted.predict_proba(asked[there])[:, 1]
        what = f"{name} from the DICOM header only, plans of {seeds} cohorts"
        found.append(auc(truth[there, column], score, what))
    return found


def plans(start: int, seeds: int) -> list[Case]:
    """Return the studies of some cohorts, planned with seeds from `start`."""
    cases = []
    for seed in range(start, start + seeds):
        cases += plan_cohort(1600, seed)
    return cases


def worst(found: list[Result]) -> Result:
    """Return the finding whose AUC lies farthest from chance."""
    return max(found, key=lambda result: abs(result.value - 0.5))
