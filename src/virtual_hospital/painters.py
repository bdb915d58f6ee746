"""Findings as volumes: each name in the catalogue is painted into the chest before the exposure.

A painter adds density to the lungs (fluid, consolidation, air, metal ...) or bends the body (a
large heart, a raised diaphragm). What it adds is kept as an occupancy, whose projection is the
evidence mask. Explained in book/01_reading_a_radiograph.
"""

from collections import Counter
from dataclasses import replace

import numpy as np

from virtual_hospital.anatomy import Anatomy
from virtual_hospital.body import Body
from virtual_hospital.chest import Chest
from virtual_hospital.drawings import Drawing
from virtual_hospital.paint_body import (
    cardiomegaly,
    hyperinflation,
    low_volume,
    raised_diaphragm,
    scoliosis,
    tortuous_aorta,
)
from virtual_hospital.paint_devices import central_line, chest_drain, pacemaker, sternal_wires
from virtual_hospital.paint_lung import (
    atelectasis,
    consolidation,
    interstitial,
    oedema,
    opacity,
)
from virtual_hospital.paint_pleura import effusion, pneumothorax
from virtual_hospital.paint_spots import granuloma, nodule, scar

GRADE = {"mild": 0, "moderate": 1, "severe": 2}

PAINTERS = {  # in this order: a finding's place decides its random stream
    "cardiomegaly": cardiomegaly,
    "tortuous_aorta": tortuous_aorta,
    "effusion": effusion,
    "pneumothorax": pneumothorax,
    "consolidation": consolidation,
    "opacity": opacity,
    "interstitial": interstitial,
    "oedema": oedema,
    "atelectasis": atelectasis,
    "nodule": nodule,
    "granuloma": granuloma,
    "scar": scar,
    "hyperinflation": hyperinflation,
    "low_volume": low_volume,
    "raised_diaphragm": raised_diaphragm,
    "scoliosis": scoliosis,
    "central_line": central_line,
    "pacemaker": pacemaker,
    "sternal_wires": sternal_wires,
}
BESIDES = {"chest_drain": chest_drain}  # no findings: drawn as planted cues only
ALL = PAINTERS | BESIDES
AIR = "pneumothorax"
DENSE = 0.3  # water is 1; more than this is no air
PLACES = {name: place for place, name in enumerate(ALL)}


def draw(anatomy: Anatomy, body: Body, drawings: tuple[Drawing, ...], seed: int) -> Chest:
    """Draw findings into a chest.

    Each finding has its own random stream, so removing one leaves the others as they are. Air
    beside a lung is drawn first, so that what is drawn later lies in the fallen lung and in the
    air, and no longer counts as air.

    Args:
        anatomy: the healthy chest.
        body: the person; it is copied, since some findings bend it.
        drawings: what to draw; a finding on both sides is drawn once a side.
        seed: the study's seed.

    Returns:
        The chest with its added density, bent body and evidence.
    """
    own_body = replace(body, raised=dict(body.raised))
    chest = Chest(anatomy, own_body, np.random.default_rng(seed))
    times: Counter[tuple[str, str]] = Counter()
    for drawing in sorted(drawings, key=lambda one: one.name != AIR):
        paint = ALL[drawing.name]
        sides = ("right", "left") if drawing.side == "both" else (drawing.side,)
        for side in sides:
            before = times[drawing.name, side]
            stream = [seed, PLACES[drawing.name], len(side), before]
            chest.rng = np.random.default_rng(stream)
            one = replace(drawing, side=side)
            chest.evidence.append(paint(chest, one, GRADE[drawing.severity]))
            times[drawing.name, side] += 1
    _fill_air(chest)
    return chest


def _fill_air(chest: Chest) -> None:
    """Take out of the evidence of air what is filled by other findings."""
    filled = chest.anatomy.density + chest.added > DENSE
    for item in chest.evidence:
        if item.drawing.name == AIR:
            item.occupancy[filled] = 0
