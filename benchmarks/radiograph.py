"""Calibrate the findings and audit the films for shortcuts; writes book/results/radiograph.json.

    python benchmarks/radiograph.py           about 30 minutes on 2 quiet cores, the default cohort
                                              made (make data)
    python benchmarks/radiograph.py --quick   two minutes, to see that it runs; writes to another
                                              folder

Films are drawn for it: each finding is there in 14 % of them, independently of everything else, so
that a classifier that does not see the findings must score 0.5. Three sets: to train, to test, and
the last films drawn again with no finding at all (`bare`): what still predicts a finding there is a
shortcut, what does not was the finding itself. The findings' strengths were set on films of seed 1;
the films of SEED here are others, and were looked at once. Explained in
book/01_reading_a_radiograph."""

import time
from typing import NamedTuple

import numpy as np
from common import real_studies
from measuring import command_line, report
from radiograph_classifier import auc, predict, train
from radiograph_films import SIZE, labels, random_case, render, without_findings
from radiograph_shortcuts import (
    audit,
    blinkered,
    header_audit,
    linear,
    partial_views,
    worst,
)
from sklearn.metrics import roc_auc_score

from txtray_utils.align.pairs import load_images
from txtray_utils.results import Result, write_results
from txtray_utils.settings import data_dir, settings
from txtray_utils.studies.sources.registry import load_studies
from txtray_utils.vocabulary import FINDINGS
from virtual_hospital.anatomies import ANATOMIES, load
from virtual_hospital.cohort import Case, plan_cohort

SEED = 2


class Sizes(NamedTuple):
    """How many films are trained on, tested on and drawn bare; steps; cohorts of the headers."""

    train: int
    test: int
    bare: int
    steps: int
    cohorts: int


USUAL = Sizes(train=3600, test=700, bare=2800, steps=480, cohorts=10)  # about 150 s of steps
QUICK = Sizes(train=200, test=120, bare=120, steps=10, cohorts=1)


def supervised(
    x: np.ndarray,
    y: np.ndarray,
    sizes: Sizes,
) -> dict[str, Result]:
    """Train on the first films and return the AUC of each finding on the others."""
    n = sizes.train
    start = time.monotonic()
    model = train(x[:n], y[:n], sizes.steps)
    score = predict(model, x[n:])
    seconds = time.monotonic() - start
    what = f"to train {sizes.steps} steps and predict"
    results = {"supervised_seconds": Result(seconds, n, "s", what)}
    truth, found = y[n:], []
    for column, name in enumerate(FINDINGS):
        has = truth[:, column]
        what = f"{name}, {int(has.sum())} with it"
        one = auc(has, score[:, column], what, 0.05)
        results[f"supervised_auc.{name}"] = one
        found.append(one.value)
    macro = float(np.mean(found))
    what = "mean over the findings"
    results["supervised_auc.macro"] = Result(macro, len(truth), "AUC", what, None, 0.03)
    return results


def shortcuts(
    x: np.ndarray,
    bare: np.ndarray,
    y: np.ndarray,
) -> dict[str, Result]:
    """Return the worst shortcut of each partial view, of bare films and of the same with
    findings."""
    drawn = audit(partial_views(x), y, "findings drawn")
    empty = audit(partial_views(bare), y, "the same films drawn without findings")
    results = {}
    for view, found in drawn.items():
        results[f"shortcut_auc.{view}"] = worst(empty[view])
        results[f"shortcut_auc.{view}.with_findings"] = worst(found)
    return results


def same_patient() -> Result:
    """Return how well the likeness of two films of the default cohort tells that they are of one
    patient (AUC).

    Likeness is the correlation of the films at 32 x 32 pixels. Far above 0.5, a split by study
    would leak."""
    studies = load_studies("demo").select_columns(["image", "subject_id", "composed"])
    rows = studies.filter(lambda row: row["composed"])
    likeness = np.corrcoef(load_images(rows, 32).flatten(1))
    who = np.array(rows["subject_id"])
    one, other = np.triu_indices(len(who), 1)
    same = who[one] == who[other]
    pairs = f"{int(same.sum())} pairs of one patient"
    what = f"one patient or two, from the correlation of two films; {pairs}"
    value = float(roc_auc_score(same, likeness[one, other]))
    return Result(value, len(who), "AUC", what, None, 0.03)


def real_or_virtual(real: np.ndarray, virtual: np.ndarray) -> Result:
    """Return how well films (N, H, W) uint8 of either kind are told apart (AUC)."""
    small = np.concatenate([real, virtual])[:, ::4, ::4]
    both = small.reshape(2 * len(real), -1).astype(np.float32)
    is_real = np.repeat([1, 0], len(real))
    what = "real or virtual, logistic regression on 32 x 32 pixels, five folds"
    return blinkered(both, is_real, linear(0.001), what)


def cases_of(count: int) -> list[Case]:
    """Return that many studies with random findings."""
    rng, plan = np.random.default_rng(SEED), plan_cohort(800, SEED)
    cases = []
    for number in range(count):
        cases.append(random_case(plan[number % len(plan)], rng))
    return cases


def main() -> None:
    """Run it all and write the results."""
    parser = command_line(__doc__, "small sets and ten steps of training")
    quick = parser.parse_args().quick or settings().quick
    sizes = QUICK if quick else USUAL
    for name in ANATOMIES:
        load(data_dir("bench"), name)
    cases = cases_of(sizes.train + sizes.test)
    x, y = render(cases), labels(cases)
    np.savez(data_dir("bench", "radiograph.npz"), x=x, y=y)
    results = supervised(x, y, sizes)
    write_results("radiograph", results)
    last = cases[-sizes.bare :]
    bare = render(without_findings(last))
    results |= shortcuts(x[-sizes.bare :], bare, y[-sizes.bare :])
    results["shortcut_auc.header"] = worst(header_audit(sizes.cohorts))
    results["same_patient_auc"] = same_patient()
    studies = real_studies()
    if studies:
        real = load_images(studies, SIZE)[:, 0].numpy()
        virtual = x[sizes.train : sizes.train + len(real)]
        results["real_versus_virtual_auc"] = real_or_virtual(real, virtual)
    report("radiograph", results)


if __name__ == "__main__":
    main()
