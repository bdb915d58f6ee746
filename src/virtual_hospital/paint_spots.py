"""Painters of small things in the lungs: scars, nodules and granulomas.

Each takes the chest, what to draw and a grade (0 mild to 2 severe), and returns its evidence.
Explained in book/01_reading_a_radiograph.
"""

import numpy as np

from virtual_hospital.chest import Chest, Evidence
from virtual_hospital.drawings import Drawing
from virtual_hospital.shapes import step


def scar(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A few thin strands that lie much the same way."""
    lung = chest.anatomy.lung(drawing.side)
    strands = np.zeros_like(chest.added)
    zone = drawing.zone
    if not zone:
        zone = str(chest.rng.choice(["upper", "upper", "lower"]))
    x, y, z = chest.spot(drawing.side, zone, 4)
    steep = chest.rng.uniform(0.3, 1.4)
    lie = steep * chest.rng.choice([-1, 1])
    long = (24, 32, 42)[grade]
    right = chest.x - x
    up = chest.z - z
    depth = ((chest.y - y) / 40) ** 4
    for _ in range(2 + grade):
        angle = lie + chest.rng.normal(0, 0.2)
        cos = np.cos(angle)
        sin = np.sin(angle)
        along = cos * right + sin * up
        across = cos * up - sin * right
        across = across - chest.rng.normal(0, 5)
        thin = (across / 3.5) ** 2
        ends = (along / long) ** 4
        strand = np.exp(-thin - ends - depth)
        strands = np.maximum(strands, lung * strand)
    return Evidence(drawing, chest.fill(strands, 2.3))


def nodule(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """One round mass."""
    radius = (18, 23, 30)[grade] * chest.rng.uniform(0.9, 1.15)
    return _balls(chest, drawing, [radius], 3.5)


def granuloma(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A few small calcified balls."""
    radii = [chest.rng.uniform(5.5, 7.5) for _ in range((2, 3, 5)[grade])]
    return _balls(chest, drawing, radii, 8.0)


def _balls(chest: Chest, drawing: Drawing, radii: list[float], target: float) -> Evidence:
    lung = chest.anatomy.lung(drawing.side)
    balls = np.zeros_like(chest.added)
    for radius in radii:
        centre = chest.spot(drawing.side, drawing.zone, radius * 0.7)
        away = chest.ball(centre, radius)
        ball = lung * step((1 - away) * radius / 1.2)
        balls = np.maximum(balls, ball)
    return Evidence(drawing, chest.fill(balls, target))
