"""Painters of what was put into the patient: lines, pacemakers, sternal wires, chest drains.

Each takes the chest, what to draw and a grade (0 mild to 2 severe), and returns its evidence.
Explained in book/01_reading_a_radiograph.
"""

import numpy as np

from virtual_hospital.chest import Chest, Evidence, Point
from virtual_hospital.drawings import Drawing
from virtual_hospital.routes import lead_routes, line_route, smooth_route
from virtual_hospital.shapes import step

STERNUM = (  # mm, its middle from below to above: z, x, y
    (-5, 10, 25, 40, 55, 70, 85, 100, 115),
    (4, 3, 1, 0, 0, -2, -5, -9, -11),
    (82, 83, 82, 80, 78, 76, 74, 67, 60),
)
DRAIN = (  # across a chest drain: mm from its middle, density times cross-section in mm2
    (-4.0, 14.0),
    (-2.0, 6.0),
    (0.0, 120.0),
    (2.0, 6.0),
    (4.0, 14.0),
)
SEEN = 0.13  # mm of a thread's occupancy in a ray, at half of its height: the width that is seen
CAN = 20.0  # how many mm of can are shown like one of lead
SKIN = -300  # Hounsfield units; what is denser is inside the body


def central_line(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A line through the veins to the lower superior vena cava."""
    way = line_route(drawing.side or "right", chest.rng)
    route = smooth_route(way, chest.rng, 2.0)
    return Evidence(drawing, chest.thread(route, 140.0), least=SEEN)


def pacemaker(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A can below the skin of the chest, and one or two leads to the heart."""
    side = drawing.side or "left"
    sign = -1 if side == "right" else 1
    place = _below_skin(chest, sign)
    can = _can(chest, place)
    chest.added += 12 * can
    shown = can / CAN
    for way in lead_routes(side, place)[: 1 + grade]:
        route = smooth_route(way, chest.rng, 1.0)
        lead = chest.thread(route, 90.0)
        shown = np.maximum(shown, lead)
    return Evidence(drawing, shown.astype(np.float32), least=SEEN)


def _can(chest: Chest, place: Point) -> np.ndarray:
    """Return the share of each voxel in a flat can with round corners, 46 mm by 42 mm by 10 mm."""
    squared = 0
    for axis, middle, half in zip(chest.axes, place, (23, 6, 21), strict=True):
        away = (axis - middle) / half
        squared = squared + np.abs(away) ** 3
    return step((1 - squared) * 8)


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
    """A column of wire loops round the sternum."""
    turns = np.linspace(0, 2 * np.pi, 30)
    cos = np.cos(turns)
    sin = np.sin(turns)
    wires = np.zeros_like(chest.added)
    number = 5 + grade
    heights = np.linspace(0, 110, number)
    heights += chest.rng.normal(0, 2, number)
    for z in heights:
        middle = np.interp(z, STERNUM[0], STERNUM[1]) + chest.rng.normal(0, 1)
        front = np.interp(z, STERNUM[0], STERNUM[2])
        width = chest.rng.uniform(8, 11)
        tall = chest.rng.uniform(4, 6)
        ring = [
            middle + width * cos,
            front + 6 * sin,
            z + tall * sin,
        ]
        loop = chest.thread(np.stack(ring, 1), 190.0)
        wires = np.maximum(wires, loop)
    return Evidence(drawing, wires, least=SEEN)


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
    skin = _edge(chest, lung, entry) + 55
    way = [(skin, entry - 25)]
    for share in (0.42, 0.5, 0.65, 0.78):
        z = low + share * (high - low)
        way.append((_edge(chest, lung, z) - 13, z))
    top = low + 0.88 * (high - low)
    way.append((_edge(chest, lung, top) - 22, top))
    points = [(sign * out, 0, z) for out, z in way]
    route = smooth_route(points, chest.rng, 2.0)
    tube = np.zeros_like(chest.added)
    for beside, mass in DRAIN:
        aside = np.array([beside, 0, 0])
        wall = chest.thread(route + aside, mass)
        tube = np.maximum(tube, wall)
    return Evidence(drawing, tube, least=SEEN)


def _edge(chest: Chest, lung: np.ndarray, z: float) -> float:
    """Return how far a lung reaches from the middle (mm, positive) at a height."""
    level = np.abs(chest.z[0, 0] - z).argmin()
    columns = lung[:, :, level].any(1)
    return float(np.abs(chest.x[columns]).max())
