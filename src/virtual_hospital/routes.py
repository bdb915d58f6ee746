"""The way of lines and leads through the veins of the scanned chest, mm x y z.

The places are the middles of the veins and of the heart in the CT's labels: the subclavian veins
below the collarbones, the brachiocephalic veins, the superior vena cava (which ends at about z = 5
in the right atrium). Explained in book/01_reading_a_radiograph.
"""

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator

from virtual_hospital.chest import Point, walked

SUBCLAVIAN = {
    "right": [
        (-92, 18, 128),
        (-62, 36, 124),
        (-42, 33, 120),
        (-36, 31, 110),
    ],
    "left": [
        (72, 18, 128),
        (45, 36, 124),
        (22, 33, 121),
        (2, 35, 110),
        (-19, 37, 96),
    ],
}
ARM = {
    "right": [
        (-150, -2, 92),
        (-122, 4, 116),
    ],
    "left": [
        (132, -2, 92),
        (102, 4, 116),
    ],
}
NECK = [
    (-48, 26, 168),
    (-45, 30, 142),
    (-41, 32, 126),
    (-35, 31, 110),
]
CAVA = [
    (-31, 24, 88),
    (-32, 16, 66),
    (-30, 16, 44),
    (-25, 18, 24),
    (-23, 18, 14),
    (-20, 18, 5),
]
ATRIUM = [  # the lead turns up to the front wall of the right atrium
    (-23, 24, -6),
    (-18, 36, -9),
    (-13, 44, 0),
]
APEX = [  # through the tricuspid valve
    (-22, 22, -4),
    (0, 36, -14),
    (28, 50, -22),
    (56, 54, -26),
]
POINTS = 120  # a route has


def smooth_route(
    points: Sequence[Point],
    rng: np.random.Generator,
    spread: float,
) -> np.ndarray:
    """Turn waypoints into a smooth route through each of them, moved by ``spread`` mm.

    Returns:
        (POINTS, 3) mm; it ends at the last waypoint.
    """
    way = np.asarray(points, float)
    way = way + rng.normal(0, spread, way.shape)
    far = walked(way)
    curve = PchipInterpolator(far, way)
    along = np.linspace(0, far[-1], POINTS)
    return curve(along)


def line_route(side: str, rng: np.random.Generator) -> list[Point]:
    """Choose the way of a central venous line: from the arm, below a collarbone or from the neck.

    It ends near the mouth of the superior vena cava, in its lower third or just past it.
    """
    short = rng.random() < 0.5
    cava = CAVA[:-1] if short else CAVA
    way = rng.choice(["arm", "subclavian", "neck"])
    if way == "neck" and side == "right":
        return NECK + cava
    central = SUBCLAVIAN[side] + cava
    if way == "arm":
        return ARM[side] + central
    return central


def lead_routes(side: str, pocket: Point) -> list[list[Point]]:
    """Return the ways of two leads from a pacemaker's pocket: to the apex, to the right atrium."""
    vein = [pocket, *SUBCLAVIAN[side][1:], *CAVA]
    return [vein + APEX, vein + ATRIUM]
