"""The way of lines and leads through the veins of the scanned chest, mm x y z.

The places are the middles of the veins and of the heart in the CT's labels: the subclavian veins
below the collarbones, the brachiocephalic veins, the superior vena cava (which ends at about z = 5
in the right atrium). Explained in book/01_reading_a_radiograph.
"""

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator

from virtual_hospital.chest import Point

SUBCLAVIAN = {
    "right": [(-92, 18, 128), (-62, 36, 124), (-42, 33, 120), (-36, 31, 110)],
    "left": [(72, 18, 128), (45, 36, 124), (22, 33, 121), (2, 35, 110), (-19, 37, 96)],
}
ARM = {
    "right": [(-150, -2, 92), (-122, 4, 116)],
    "left": [(132, -2, 92), (102, 4, 116)],
}
NECK = [(-48, 26, 168), (-45, 30, 142), (-41, 32, 126), (-35, 31, 110)]
CAVA = [(-31, 24, 88), (-32, 16, 66), (-30, 16, 44), (-25, 18, 22), (-21, 18, 8)]
APPENDAGE = [(-24, 26, -2), (-20, 38, 4), (-14, 46, 20)]  # the lead turns up to the right auricle
APEX = [(-22, 22, -4), (0, 36, -14), (28, 50, -22), (56, 54, -26)]  # through the tricuspid valve
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
    moves = np.diff(way, axis=0)
    steps = np.linalg.norm(moves, axis=1)
    walked = np.concatenate([[0], np.cumsum(steps)])
    curve = PchipInterpolator(walked, way)
    return curve(np.linspace(0, walked[-1], POINTS))


def line_route(side: str, rng: np.random.Generator) -> list[Point]:
    """Choose the way of a central venous line: from the arm, below a collarbone or from the neck.

    It ends in the lower third of the superior vena cava or at its mouth.
    """
    tip = CAVA[-1 - int(rng.integers(2))]
    last = CAVA.index(tip) + 1
    way = rng.choice(["arm", "subclavian", "neck"])
    if way == "neck" and side == "right":
        return NECK + CAVA[:last]
    entry = ARM[side] if way == "arm" else []
    return entry + SUBCLAVIAN[side] + CAVA[:last]


def lead_routes(side: str, pocket: Point) -> list[list[Point]]:
    """Return the ways of two leads from a pacemaker's pocket: to the apex, to the auricle."""
    vein = [pocket, *SUBCLAVIAN[side][1:], *CAVA]
    return [vein + APEX, vein + APPENDAGE]
