"""Painters of what was put into the patient: lines, pacemakers, sternal wires, chest drains.

Each takes the chest, what to draw and a grade (0 mild to 2 severe), and returns its evidence.
Explained in book/01_reading_a_radiograph.
"""

import numpy as np

from virtual_hospital.chest import Chest, Evidence, Point
from virtual_hospital.drawings import Drawing
from virtual_hospital.shapes import smooth_route, step

LINES = {  # routes of a central venous line, mm x y z
    "right": [
        (-125, 5, 150), (-75, 35, 128), (-38, 32, 108),
        (-26, 20, 75), (-24, 15, 40), (-23, 12, 8),
    ],
    "left": [
        (125, 5, 150), (70, 35, 128), (20, 38, 110),
        (-18, 28, 88), (-25, 16, 50), (-23, 12, 12),
    ],
}  # fmt: skip
TIPS = (  # where the two leads of a pacemaker end, mm x y z
    [(0, 45, 0), (38, 55, -28)],
    [(-20, 45, 5), (-14, 52, 25)],
)
DRAIN = (  # across a chest drain: mm from its middle, density times cross-section in mm2
    (-4.0, 14.0),
    (-2.0, 6.0),
    (0.0, 120.0),
    (2.0, 6.0),
    (4.0, 14.0),
)
SKIN = -300  # Hounsfield units; what is denser is inside the body


def central_line(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A line from a shoulder to the heart."""
    route = smooth_route(LINES[drawing.side or "right"], chest.rng, 2.5)
    return Evidence(drawing, chest.thread(route, 170.0), least=0.02)


def pacemaker(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A can below the skin of the chest, and one or two leads to the heart."""
    sign = -1 if drawing.side == "right" else 1
    place = _below_skin(chest, sign)
    away = chest.distance(place, (26, 6, 22))
    can = step((1 - away) * 15)
    chest.added += 12 * can
    vein = [
        place,
        (sign * 70, 40, 130),
        (sign * 30, 38, 112),
        (-20, 26, 85),
        (-22, 20, 40),
    ]
    for tip in TIPS[: 1 + grade]:
        route = smooth_route(vein + tip, chest.rng, 1.0)
        lead = chest.thread(route, 55.0)
        can = np.maximum(can, 8 * lead)
    shown = np.minimum(can, 1).astype(np.float32)
    return Evidence(drawing, shown, least=0.15)


def _below_skin(chest: Chest, sign: int) -> Point:
    """Choose a place 10 mm below the skin, under a collarbone."""
    x = sign * chest.rng.uniform(80, 100)
    z = chest.rng.uniform(85, 105)
    at = np.array([x, 0, z])
    i, _, k = chest.voxels(at)
    inside = np.flatnonzero(chest.anatomy.hu[i, :, k] > SKIN)
    at[1] = chest.y[0, inside.max(), 0] - 10
    return tuple(at)


def sternal_wires(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A column of wire loops in front of the heart."""
    turns = np.linspace(0, 2 * np.pi, 30)
    cos = np.cos(turns)
    sin = np.sin(turns)
    wires = np.zeros_like(chest.added)
    number = 5 + grade
    heights = np.linspace(-5, 105, number)
    heights += chest.rng.normal(0, 2, number)
    for z in heights:
        middle = -9 + chest.rng.normal(0, 1.5)
        width = chest.rng.uniform(8, 11)
        tall = chest.rng.uniform(4, 6)
        ring = [
            middle + width * cos,
            66 + 4 * sin,
            z + tall * sin,
        ]
        loop = chest.thread(np.stack(ring, 1), 160.0)
        wires = np.maximum(wires, loop)
    return Evidence(drawing, wires, least=0.02)


def chest_drain(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A tube from the side of the chest to the top of the lung, with a stripe that rays see."""
    sign = -1 if drawing.side == "right" else 1
    lung = chest.anatomy.lung(drawing.side)
    low, high = chest.ends(lung)
    entry = low + 0.42 * (high - low)
    way = [(_edge(chest, lung, entry) + 55, entry - 25)]
    for share in (0.42, 0.5, 0.65, 0.78):
        z = low + share * (high - low)
        way.append((_edge(chest, lung, z) - 13, z))
    top = low + 0.88 * (high - low)
    way.append((_edge(chest, lung, top) - 22, top))
    points = [(sign * out, 0, z) for out, z in way]
    route = smooth_route(points, chest.rng, 2.0)
    tube = np.zeros_like(chest.added)
    for beside, mass in DRAIN:
        wall = chest.thread(route + np.array([beside, 0, 0]), mass)
        tube = np.maximum(tube, wall)
    return Evidence(drawing, tube, least=0.02)


def _edge(chest: Chest, lung: np.ndarray, z: float) -> float:
    """Return how far a lung reaches from the middle (mm, positive) at a height."""
    level = np.abs(chest.z[0, 0] - z).argmin()
    columns = lung[:, :, level].any(1)
    return float(np.abs(chest.x[columns]).max())
