"""One study of the plan becomes a picture, and the same study with one finding changed.

Person, stance, findings and machine each have a random stream of their own, so that a
counterfactual differs from the original by the change and by what the change causes. Explained in
book/01_reading_a_radiograph.
"""

from dataclasses import dataclass, replace

import numpy as np

from txtray_utils.settings import data_dir, settings
from virtual_hospital.anatomies import load
from virtual_hospital.anatomy import Anatomy
from virtual_hospital.body import Body
from virtual_hospital.chest import Evidence
from virtual_hospital.cohort import SIZE, Case, plan_cohort
from virtual_hospital.detector import develop
from virtual_hospital.drawings import Drawing
from virtual_hospital.painters import draw
from virtual_hospital.radiograph import expose

KVP = {"AP": (85, 110), "PA": (105, 130)}  # tube voltages where the header is silent, kV


@dataclass(frozen=True)
class Picture:
    """A simulated film and the truth about it.

    Attributes:
        tone: (H, W) float32 in [0, 1], white is dense.
        regions: (H, W) bool masks by name.
        evidence: what was drawn, each with its (H, W) bool mask.
    """

    tone: np.ndarray
    regions: dict[str, np.ndarray]
    evidence: list[tuple[Evidence, np.ndarray]]


def planned(study_id: str) -> tuple[Case, Anatomy]:
    """Return the plan of a study of this run's hospital, and the chest that it is drawn in.

    Raises:
        KeyError: the hospital has no such study.
    """
    now = settings()
    for case in plan_cohort(now.studies, now.seed):
        if case.study_id == study_id:
            return case, load(data_dir("demo"), case.anatomy)
    raise KeyError(study_id)


def picture(case: Case, anatomy: Anatomy, size: int = SIZE, marker: str | None = None) -> Picture:
    """Draw, expose and develop one study.

    Args:
        case: from ``cohort.plan_cohort`` or ``counterfactual``.
        anatomy: from ``anatomies.load``.
        size: side of the film in pixels.
        marker: a text to burn into the corner instead of the side marker (a planted shortcut), or
            None.
    """
    build = np.random.default_rng(int(case.subject_id))
    stance = np.random.default_rng([case.seed, 1])
    machine = np.random.default_rng([case.seed, 2])
    body = Body.random(build, case.sex).again(stance)
    kvp, distance = _tube(case, machine)
    zoom = machine.normal(1.0, 0.045)
    usual = -0.3 if case.view == "AP" else 0
    exposure = np.exp(machine.normal(usual, 0.4))
    chest = draw(anatomy, body, case.drawings, case.seed)
    film = expose(chest, case.view, kvp, distance, zoom=zoom, size=size)
    tone = develop(film, machine, case.view, exposure, marker)
    evidence = list(zip(chest.evidence, film.evidence, strict=True))
    return Picture(tone, film.regions, evidence)


def _tube(case: Case, machine: np.random.Generator) -> tuple[float, float]:
    """Return voltage (kV) and distance (mm) of a study: the header's, or else usual ones."""
    ap = case.view == "AP"
    kvp = case.header.get("KVP")
    if not kvp:
        low, high = KVP["AP" if ap else "PA"]
        kvp = machine.uniform(low, high)
    distance = case.header.get("DistanceSourceToDetector")
    if not distance:
        distance = machine.uniform(1050, 1500) if ap else 1830
    distance = np.clip(distance, 900, 2500)
    return float(kvp), float(distance)


def counterfactual(
    case: Case, remove: str | None = None, add: Drawing | None = None, **change: str
) -> Case:
    """Return the same patient and exposure with one finding removed, added, moved or made worse.

    Args:
        case: the study to start from.
        remove: name of a finding to take away (or to change, with ``change``).
        add: a finding to draw besides.
        change: new side, zone or severity of the finding named in ``remove``, which then stays.

    Raises:
        ValueError: the finding to remove is not drawn in this study.
    """
    names = [drawing.name for drawing in case.drawings]
    if remove is not None and remove not in names:
        has = ", ".join(names) or "no finding"
        raise ValueError(f"study {case.study_id} has no {remove} to remove; it has {has}")
    kept: list[Drawing] = []
    changed: list[Drawing] = []
    for drawing in case.drawings:
        if drawing.name != remove:
            kept.append(drawing)
        elif change:
            changed.append(replace(drawing, **change, said="counterfactual"))
    drawings = kept + changed
    if add:
        drawings.append(add)
    drawn = dict(case.drawn)
    if remove:
        drawn[remove] = 0
    for drawing in drawings:
        drawn[drawing.name] = 1
    return replace(case, drawings=tuple(drawings), drawn=drawn)
