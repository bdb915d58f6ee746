"""Painters of what lies between the lung and the chest wall: fluid and air.

Each takes the chest, what to draw and a grade (0 mild to 2 severe), and returns its evidence. On
an upright film fluid fills the lowest part of the pleural space, and air the highest. Explained in
book/01_reading_a_radiograph.
"""

import numpy as np
from scipy import ndimage

from virtual_hospital.chest import Chest, Evidence
from virtual_hospital.drawings import Drawing
from virtual_hospital.grid import SPACING
from virtual_hospital.shapes import bell, step

SHARES = (0.09, 0.33, 0.66)  # of a lung's volume that fluid takes
MENISCUS = 50.0  # mm that fluid rises beside the lung
FILM = 5.0  # mm from the wall over which that rise falls to a third
ROOTS = 80.0  # mm z, below which a fallen lung hangs on the mediastinum
SPINE = 22.0  # mm, half the width of what hides the air beside the middle
ROUND = 55.0  # mm, radius of a fallen lung's outer face, front to back


def effusion(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """Fluid in all of the space below a level, which rises at the side of the chest.

    The lung that floats on it is a little denser than before.
    """
    lung = chest.anatomy.lung(drawing.side)
    share = SHARES[grade]
    usual = share * chest.rng.uniform(0.8, 1.15)
    nearness = np.exp(-chest.anatomy.wall_distance / FILM)
    outward = (np.abs(chest.x) - 60) / 50
    beside = np.clip(outward, 0.1, 1)
    rise = MENISCUS * nearness * beside
    level = _filled_to(chest, lung, usual) + rise
    above = chest.z - level
    fluid = lung * step(-above / 2)
    height = np.maximum(0, above)
    floating = lung * np.exp(-height / 40)
    chest.fill(floating, 0.5, 0.2 * share)
    return Evidence(drawing, chest.fill(fluid, 1.02), least=10)


def _filled_to(
    chest: Chest,
    lung: np.ndarray,
    share: float,
) -> float:
    """Return the height z (mm) below which a share of a lung's volume lies."""
    slices = lung.sum((0, 1))
    below = np.cumsum(slices)
    whole = below[-1]
    height = np.interp(share * whole, below, chest.z.ravel())
    return float(height)


def pneumothorax(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """Air with nothing in it over a lung that is fallen in, whose edge is a fine line.

    The lung's face is rounded from front to back, so that a ray grazes it in one thin line. The
    evidence is where no lung and no spine lies before or behind the air.
    """
    lung = chest.anatomy.lung(drawing.side)
    usual = (32, 46, 64)[grade]
    most = usual * chest.rng.uniform(0.85, 1.15)
    seen = _from_outline(chest, lung) - most * _widening(chest, lung)
    middle = chest.rng.normal(0, 12)
    aside = chest.y - middle
    rounding = aside**2 / (2 * ROUND)
    inside = seen - rounding
    air = lung * step(-inside / 0.5)
    fallen = lung * step(inside / 0.5)
    edge = lung * bell(inside - 0.8)
    amount = (0.2, 0.27, 0.32)[grade]
    chest.fill(fallen, 0.6, amount)
    chest.fill(air, 0.0)
    chest.fill(edge, 0.7, 0.6)
    visible = (seen < 0) & (np.abs(chest.x) > SPINE)
    beyond = air * visible
    return Evidence(drawing, beyond.astype(np.float32), least=12)


def _widening(chest: Chest, lung: np.ndarray) -> np.ndarray:
    """Return the (1, 1, Z) depth of the air, from a tenth at the base to 1 at the top."""
    low, high = chest.ends(lung)
    height = (chest.z - low) / (high - low)
    bounded = np.clip(height, 0, 1)
    return 0.1 + 0.9 * bounded


def _from_outline(chest: Chest, lung: np.ndarray) -> np.ndarray:
    """Return the (X, 1, Z) distance in mm from a lung's outline, as seen from the front.

    Below the roots of the lungs the mediastinum counts as lung, since the lung hangs on it; the
    abdomen counts too, since no air comes from below.
    """
    inside = chest.anatomy.wall_distance > 0
    low = chest.z[0] < ROOTS
    hung = inside.any(1) & low
    outline = lung.any(1) | hung
    from_top = np.cumsum(outline[:, ::-1], 1)
    outline = from_top[:, ::-1] > 0
    away = ndimage.distance_transform_edt(outline, sampling=SPACING[::2])
    smooth = ndimage.gaussian_filter(away, (5, 3))
    smooth = smooth.astype(np.float32)
    return smooth[:, None, :]
