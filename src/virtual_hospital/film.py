"""One study of the plan becomes a picture: drawn, exposed and developed, with its truth.

Person, stance, findings and machine each have a random stream of their own, so that a
counterfactual differs from the original by the change and by what the change causes. Explained in
book/01_reading_a_radiograph.
"""

from dataclasses import dataclass

import numpy as np

from virtual_hospital.anatomy import Anatomy
from virtual_hospital.body import Body
from virtual_hospital.chest import Evidence
from virtual_hospital.cohort import SIZE, Case
from virtual_hospital.cues import WORD
from virtual_hospital.detector import Window, develop
from virtual_hospital.painters import draw
from virtual_hospital.radiograph import expose

KVP = {"AP": (85, 110), "PA": (105, 130)}  # tube voltages where the header is silent, kV


@dataclass(frozen=True)
class Picture:
    """A simulated film and the truth about it.

    Attributes:
        tone: (H, W) float32 in [0, 1], white is dense.
        path: (H, W) float32, attenuation along each ray before scatter and grain, no unit.
        window: the signals that the machine shows as black and as white.
        regions: (H, W) bool masks by name.
        evidence: what was drawn, each with its (H, W) bool mask.
    """

    tone: np.ndarray
    path: np.ndarray
    window: Window
    regions: dict[str, np.ndarray]
    evidence: list[tuple[Evidence, np.ndarray]]


def picture(
    case: Case,
    anatomy: Anatomy,
    size: int = SIZE,
    window: Window | None = None,
) -> Picture:
    """Draw, expose and develop one study.

    Args:
        case: from ``cohort.plan_cohort``, or changed by ``counterfactual``.
        anatomy: from ``anatomies.load``.
        size: side of the film in pixels.
        window: that of another picture, to be shown alike; None sets one by this film, as
            machines do.
    """
    build = np.random.default_rng(int(case.subject_id))
    stance = np.random.default_rng([case.seed, 1])
    machine = np.random.default_rng([case.seed, 2])
    body = Body.random(build, case.sex).again(stance, case.view)
    kvp, distance = _tube(case, machine)
    zoom = machine.normal(1.0, 0.045)
    usual = -0.3 if case.view == "AP" else 0
    exposure = np.exp(machine.normal(usual, 0.4))
    chest = draw(anatomy, body, case.drawings, case.seed)
    film = expose(chest, case.view, kvp, distance, zoom=zoom, size=size)
    burnt = WORD if case.cue == "marker" else None
    developed = develop(
        film,
        machine,
        case.view,
        exposure,
        burnt=burnt,
        window=window,
    )
    evidence = list(zip(chest.evidence, film.evidence, strict=True))
    return Picture(
        tone=developed.tone,
        path=film.path,
        window=developed.window,
        regions=film.regions,
        evidence=evidence,
    )


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
