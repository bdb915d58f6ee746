"""Films drawn for the audit of `radiograph.py`: random findings, independent of everything else.

Explained in book/01_reading_a_radiograph."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import torch

from txtray_utils.settings import data_dir
from txtray_utils.vocabulary import FINDINGS, SEVERITIES, ZONES
from virtual_hospital.anatomies import load
from virtual_hospital.cohort import Case
from virtual_hospital.drawings import BY_NAME, Drawing
from virtual_hospital.film import picture

SIZE = 128
SHARE = 0.14  # of the films that show a finding
CHUNK = 20  # films that a process draws at a time


def random_drawing(name: str, rng: np.random.Generator) -> Drawing:
    """Draw a finding with the catalogue's odds of side, zone and severity."""
    finding = BY_NAME[name]

    def pick(words: tuple[str, ...], odds: tuple[float, ...]) -> str:
        if not odds:
            return ""
        chance = np.array(odds) / sum(odds)
        return str(rng.choice(words, p=chance))

    side = pick(("right", "left", "both"), finding.side_odds)
    zone = pick(ZONES, finding.zone_odds)
    severity = pick(SEVERITIES, finding.severity_odds)
    return Drawing(name, side, zone, severity, "random")


def random_case(case: Case, rng: np.random.Generator) -> Case:
    """Put random findings and a new person into a study, keeping its header and view."""
    drawings = []
    for name in FINDINGS:
        if rng.random() < SHARE:
            drawings.append(random_drawing(name, rng))
    shown = dict.fromkeys(FINDINGS, 0)
    for drawing in drawings:
        shown[drawing.name] = 1
    person = str(rng.integers(10_000_000, 20_000_000))
    sex = str(rng.choice(["F", "M"]))
    return replace(
        case,
        drawings=tuple(drawings),
        drawn=shown,
        seed=int(rng.integers(2**31)),
        subject_id=person,
        sex=sex,
    )


def without_findings(cases: list[Case]) -> list[Case]:
    """Return the same studies with nothing drawn into them."""
    bare = []
    for case in cases:
        bare.append(replace(case, drawings=()))
    return bare


def images_of(cases: list[Case]) -> np.ndarray:
    """Return the films of studies as (N, 128, 128) uint8."""
    torch.set_num_threads(1)
    films = []
    for case in cases:
        tone = picture(case, load(data_dir("bench"), case.anatomy), SIZE).tone
        films.append(np.rint(255 * tone))
    return np.stack(films).astype(np.uint8)


def render(cases: list[Case]) -> np.ndarray:
    """Return the films of many studies, made by two processes."""
    chunks = []
    for start in range(0, len(cases), CHUNK):
        chunks.append(cases[start : start + CHUNK])
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return np.concatenate(list(pool.map(images_of, chunks)))


def labels(cases: list[Case]) -> np.ndarray:
    """Return what was drawn as (N, findings) float32, NaN where null."""
    rows = []
    for case in cases:
        rows.append([case.drawn[name] for name in FINDINGS])
    return np.array(rows, dtype=np.float32)
