"""Painters of what was put into the patient: central lines, pacemakers, wires of the sternum.

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
