"""Calibrate the findings and audit the films for shortcuts; writes book/results/radiograph.json.

    python benchmarks/radiograph.py            about 20 minutes on 2 quiet cores, the default cohort
    made (make data) python benchmarks/radiograph.py --quick    two minutes, to see that it runs;
    writes to another folder

Films are drawn for it: each finding is there in 14 % of them, independently of everything else, so
that a classifier that does not see the findings must score 0.5. Three sets: to train, to test, and
the last films drawn again with no finding at all (`bare`): what still predicts a finding there is a
shortcut, what does not was the finding itself. The findings' strengths were set on films of seed 1;
the films of SEED here are others, and were looked at once."""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pandas as pd
import timm
import torch
from scipy import ndimage
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import binary_cross_entropy_with_logits

from txtray_utils.align.encoders import scaled
from txtray_utils.align.pairs import load_images
from txtray_utils.results import Result, write_results
from txtray_utils.settings import data_dir, settings
from txtray_utils.studies.sources import covid
from txtray_utils.studies.sources.registry import load_studies
from txtray_utils.vocabulary import FINDINGS, SEVERITIES, ZONES
from virtual_hospital import anatomy
from virtual_hospital.cohort import Case, plan_cohort
from virtual_hospital.drawings import BY_NAME, Drawing
from virtual_hospital.film import picture

SIZE = 128
SEED = 2
SHARE = 0.14
CHUNK = 20
STEPS = 480  # about 150 s on 2 quiet cores


def random_drawing(name: str, rng: np.random.Generator) -> Drawing:
    """Draw a finding with the catalogue's odds of side, zone and severity."""
    finding = BY_NAME[name]

    def pick(words: tuple[str, ...], odds: tuple[float, ...]) -> str:
        return str(rng.choice(words, p=np.array(odds) / sum(odds))) if odds else ""

    side = pick(("right", "left", "both"), finding.side_odds)
    return Drawing(
        name,
        side,
        pick(ZONES, finding.zone_odds),
        pick(SEVERITIES, finding.severity_odds),
        "random",
    )


def random_case(case: Case, rng: np.random.Generator) -> Case:
    """Put random findings and a new person into a study, keeping its header and view."""
    drawings = tuple(random_drawing(name, rng) for name in FINDINGS if rng.random() < SHARE)
    drawn = {name: int(name in {d.name for d in drawings}) for name in FINDINGS}
    person, sex = str(rng.integers(10_000_000, 20_000_000)), str(rng.choice(["F", "M"]))
    return replace(
        case,
        drawings=drawings,
        drawn=drawn,
        seed=int(rng.integers(2**31)),
        subject_id=person,
        sex=sex,
    )


def images_of(cases: list[Case]) -> np.ndarray:
    """Return the films of studies as (N, 128, 128) uint8."""
    torch.set_num_threads(1)
    chest = anatomy.load(data_dir("bench"))
    return np.stack([np.rint(255 * picture(case, chest, SIZE).tone) for case in cases]).astype(
        np.uint8
    )


def render(cases: list[Case]) -> np.ndarray:
    """Return the films of many studies, made by two processes."""
    chunks = [cases[i : i + CHUNK] for i in range(0, len(cases), CHUNK)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return np.concatenate(list(pool.map(images_of, chunks)))


def labels(cases: list[Case]) -> np.ndarray:
    """Return what was drawn as (N, findings) float32, NaN where null."""
    return np.array([[case.drawn[name] for name in FINDINGS] for case in cases], dtype=np.float32)


def train(x: np.ndarray, y: np.ndarray, steps: int, seed: int = 0) -> torch.nn.Module:
    """Train mobilenetv3_small_100 from scratch on (N, 128, 128) uint8 films, 64 a step."""
    torch.manual_seed(seed)
    model = timm.create_model("mobilenetv3_small_100", in_chans=1, num_classes=y.shape[1])
    torch.nn.init.constant_(model.classifier.bias, -2.0)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, steps, pct_start=0.15)
    films_, truth = torch.from_numpy(x)[:, None], torch.from_numpy(y)
    order = torch.cat([torch.randperm(len(x)) for _ in range(64 * steps // len(x) + 1)])
    for step in range(steps):
        batch = order[64 * step : 64 * (step + 1)]
        moved = torch.roll(films_[batch].float() / 255, torch.randint(-6, 7, (2,)).tolist(), (2, 3))
        moved = moved * (0.8 + 0.4 * torch.rand(64, 1, 1, 1)) + 0.1 * torch.randn(64, 1, 1, 1)
        loss = binary_cross_entropy_with_logits(model((moved - 0.5) / 0.25), truth[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def predict(model: torch.nn.Module, x: np.ndarray) -> np.ndarray:
    """Return logits (N, findings)."""
    batches = torch.from_numpy(x)[:, None].split(256)
    return torch.cat([model(scaled(batch)) for batch in batches]).numpy()


def auc(truth: np.ndarray, score: np.ndarray, what: str, tolerance: float = 0.03) -> Result:
    """Return an AUC with its 95 % bootstrap interval over films (each is another person)."""
    rng, values = np.random.default_rng(0), []
    for _ in range(500):
        i = rng.integers(len(truth), size=len(truth))
        if 0 < truth[i].sum() < len(i):
            values.append(roc_auc_score(truth[i], score[i]))
    low, high = np.percentile(values, [2.5, 97.5])
    return Result(
        float(roc_auc_score(truth, score)),
        len(truth),
        "AUC",
        what,
        (float(low), float(high)),
        tolerance,
    )


def header_features(cases: list[Case]) -> np.ndarray:
    """Return what a DICOM header says, as numbers (-1 where it is silent)."""
    table = pd.DataFrame([case.header for case in cases])
    words = [
        "PhotometricInterpretation",
        "ViewPosition",
        "Modality",
        "RescaleType",
        "PresentationLUTShape",
    ]
    coded = table[words].apply(lambda column: column.astype("category").cat.codes)
    numbers = table[["BitsStored", "KVP", "Exposure", "ExposureTime", "XRayTubeCurrent", "DistanceSourceToDetector",
                     "WindowCenter", "WindowWidth"]]  # fmt: skip
    return np.hstack([coded, numbers.apply(pd.to_numeric, errors="coerce").fillna(-1)]).astype(
        np.float32
    )


def marker_features(x: np.ndarray) -> np.ndarray:
    """Return the two upper corners, where markers lie: (N, features)."""
    rows, columns = int(0.24 * SIZE), int(0.12 * SIZE)
    corners = np.concatenate([x[:, :rows, :columns], x[:, :rows, -columns:]], 2).astype(np.float32)
    bright = corners - np.median(corners, (1, 2), keepdims=True)
    return ndimage.uniform_filter(bright, (0, 3, 3))[:, ::3, ::3].reshape(len(x), -1)


def outline_features(x: np.ndarray) -> np.ndarray:
    """Return the body's outline: air at the film's edge, at an eighth of the resolution."""
    masks = []
    for film in x:
        air, _ = ndimage.label(film < 25)
        edge = np.unique(np.concatenate([air[0], air[:, 0], air[:, -1]]))
        masks.append(np.isin(air, edge[edge > 0]))
    return ndimage.uniform_filter(np.array(masks, np.float32), (0, 8, 8))[:, 4::8, 4::8].reshape(
        len(x), -1
    )


def blinkered(features: np.ndarray, truth: np.ndarray, model, what: str) -> Result:
    """Return the mean AUC of one finding over five folds, with the interval that the folds' spread
    gives."""
    folds = cross_val_score(model, features, truth, cv=5, scoring="roc_auc")
    reach = 2.776 * folds.std(ddof=1) / 5**0.5  # Student's t, four degrees of freedom
    return Result(
        folds.mean(), len(truth), "AUC", what, (folds.mean() - reach, folds.mean() + reach), 0.05
    )


def audit(
    views: dict[str, np.ndarray], truth: np.ndarray, what: str
) -> dict[str, dict[str, Result]]:
    """Return the AUC of each finding from each partial view of the films."""
    linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.003, max_iter=300))
    return {
        view: {
            name: blinkered(features, truth[:, k], linear, f"{name} from the {view} only, {what}")
            for k, name in enumerate(FINDINGS)
        }
        for view, features in views.items()
    }


def partial_views(x: np.ndarray) -> dict[str, np.ndarray]:
    """Return what each blinkered classifier sees of the films."""
    return {
        "marker": marker_features(x),
        "outline": outline_features(x),
        "grey": x.mean((1, 2))[:, None],
    }


def header_audit(seeds: int) -> dict[str, Result]:
    """Return the AUC of each finding from the header alone: learnt on some cohorts' plans, tested
    on others'."""
    halves = [
        [case for k in range(seeds) for case in plan_cohort(1600, start + k)]
        for start in (100, 200)
    ]
    (seen, asked), (known, truth), found = map(header_features, halves), map(labels, halves), {}
    for k, name in enumerate(FINDINGS):
        here, there = ~np.isnan(known[:, k]), ~np.isnan(truth[:, k])
        boosted = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(
            seen[here], known[here, k]
        )
        score = boosted.predict_proba(asked[there])[:, 1]
        found[name] = auc(
            truth[there, k], score, f"{name} from the DICOM header only, plans of {seeds} cohorts"
        )
    return found


def worst(found: dict[str, Result]) -> Result:
    """Return the finding whose AUC lies farthest from chance."""
    return max(found.values(), key=lambda result: abs(result.value - 0.5))


def same_patient() -> Result:
    """Return how well the likeness of two films of the default cohort tells that they are of one
    patient (AUC).

    Likeness is the correlation of the films at 32 x 32 pixels. Far above 0.5, a split by study
    would leak."""
    rows = (
        load_studies("demo")
        .select_columns(["image", "subject_id", "composed"])
        .filter(lambda row: row["composed"])
    )
    likeness, who = np.corrcoef(load_images(rows, 32).flatten(1)), np.array(rows["subject_id"])
    pair = np.triu_indices(len(who), 1)
    same = who[pair[0]] == who[pair[1]]
    what = f"one patient or two, from the correlation of two films; {int(same.sum())} pairs of one patient"
    return Result(float(roc_auc_score(same, likeness[pair])), len(who), "AUC", what, None, 0.03)


def real_films() -> np.ndarray:
    """Return the development set of real films as (N, 128, 128) uint8, or none where it is not
    there."""
    if not covid.folder().exists():
        return np.zeros((0, SIZE, SIZE), np.uint8)
    return load_images(load_studies("covid"), SIZE)[:, 0].numpy()


def main() -> None:
    """Run it all and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small sets and ten steps of training")
    quick = parser.parse_args().quick or settings().quick
    n_train, n_test, n_bare, steps = (200, 120, 120, 10) if quick else (3600, 700, 2800, STEPS)
    anatomy.load(data_dir("bench"))
    rng, plan = np.random.default_rng(SEED), plan_cohort(800, SEED)
    cases = [random_case(plan[i % len(plan)], rng) for i in range(n_train + n_test)]
    x, y = render(cases), labels(cases)
    np.savez(data_dir("bench", "radiograph.npz"), x=x, y=y)
    results: dict[str, Result] = {}
    bare = render([replace(case, drawings=()) for case in cases[-n_bare:]])
    start = time.monotonic()
    score = predict(train(x[:n_train], y[:n_train], steps), x[n_train:])
    results["supervised_seconds"] = Result(
        time.monotonic() - start, n_train, "s", f"to train {steps} steps and predict"
    )
    truth = y[n_train:]
    for k, name in enumerate(FINDINGS):
        results[f"supervised_auc.{name}"] = auc(
            truth[:, k], score[:, k], f"{name}, {int(truth[:, k].sum())} with it", 0.05
        )
    macro = np.mean([results[f"supervised_auc.{name}"].value for name in FINDINGS])
    results["supervised_auc.macro"] = Result(
        float(macro), len(truth), "AUC", "mean over the findings", None, 0.03
    )
    seen = audit(partial_views(x[-n_bare:]), y[-n_bare:], "findings drawn")
    seen_bare = audit(partial_views(bare), y[-n_bare:], "the same films drawn without findings")
    for view, found in seen.items():
        results[f"shortcut_auc.{view}"] = worst(seen_bare[view])
        results[f"shortcut_auc.{view}.with_findings"] = worst(found)
    header = header_audit(1 if quick else 10)
    results["shortcut_auc.header"] = worst(header)
    results["same_patient_auc"] = same_patient()
    real = real_films()
    if len(real):
        virtual = x[n_train : n_train + len(real)]
        both = (
            np.concatenate([real, virtual])[:, ::4, ::4]
            .reshape(2 * len(real), -1)
            .astype(np.float32)
        )
        is_real = np.repeat([1, 0], len(real))
        linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.001, max_iter=300))
        what = "real or virtual, logistic regression on 32 x 32 pixels, five folds"
        results["real_versus_virtual_auc"] = blinkered(both, is_real, linear, what)
    write_results("radiograph", results)
    for key, result in results.items():
        print(f"{key:44s} {result.value:.3f}  {result.ci}  {result.what}")


if __name__ == "__main__":
    main()
