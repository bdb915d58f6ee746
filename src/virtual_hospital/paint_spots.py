"""Painters of small things in the lungs: scars, nodules and granulomas.

Each takes the chest, what to draw and a grade (0 mild to 2 severe), and returns its evidence.
Sizes are those of the person: a nodule is 30 mm at most, more is a mass (Hansell et al. 2008,
doi 10.1148/radiol.2462070712). Explained in book/01_reading_a_radiograph.
"""

import numpy as np

from virtual_hospital.chest import Box, Chest, Evidence, Offsets, Point
from virtual_hospital.drawings import Drawing
from virtual_hospital.shapes import bell, step

NODULE = ((15.0, 19.0), (19.5, 23.5), (23.5, 27.5))  # mm, diameters by grade
GRANULOMA = (5.5, 8.5)  # mm, diameters
SPICULATED = 0.25  # share of nodules with spicules


def scar(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A few thin, crooked strands with soft ends that lie much the same way."""
    rng = chest.rng
    strands = np.zeros_like(chest.added)
    zone = drawing.zone
    if not zone:
        zone = str(rng.choice(["upper", "upper", "lower"]))
    centre = chest.spot(drawing.side, zone, 10)
    box = chest.near(centre, 60)
    offsets = chest.offsets(centre, box)
    steep = rng.uniform(0.2, 1.2)
    lie = steep * rng.choice([-1, 1])
    usual = (22, 28, 34)[grade]
    for _ in range(3 + grade):
        angle = lie + rng.normal(0, 0.22)
        length = usual * rng.uniform(0.6, 1.1)
        strand = _strand(rng, offsets, angle, length)
        np.maximum(strands[box], strand, out=strands[box])
    strands *= chest.anatomy.lung(drawing.side)
    return Evidence(drawing, chest.fill(strands, 2.2), least=7)


def _strand(
    rng: np.random.Generator,
    offsets: Offsets,
    angle: float,
    length: float,
) -> np.ndarray:
    """Return one strand: thin as seen from the front, wavy, and some 30 mm deep."""
    right, front, up = offsets
    cos = float(np.cos(angle))
    sin = float(np.sin(angle))
    along = cos * right + sin * up
    across = cos * up - sin * right
    slow, fast = rng.uniform(0, 2 * np.pi, 2)
    wave = 1.5 * np.sin(along / 9 + slow)
    ripple = 0.8 * np.sin(along / 4 + fast)
    aside = rng.normal(0, 5)
    thin = bell((across - aside - wave - ripple) / 1.4)
    uneven = 0.75 + 0.25 * np.sin(along / 6 + fast)
    ends = bell(along / length)
    return thin * ends * uneven * bell(front / 26)


def nodule(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """One lump of soft tissue with lobes, whose density falls off at its edge; a few have spicules.

    The evidence is the lump without its spicules.
    """
    rng = chest.rng
    radius = rng.uniform(*NODULE[grade]) / 2
    centre = chest.spot(drawing.side, drawing.zone, radius * 0.7)
    box = chest.near(centre, 3 * radius)
    places = _to_person(chest, chest.offsets(centre, box))
    soft = 0.16 * radius
    lump = step((0.75 * radius - _length(places)) / soft)
    for _ in range(5):
        aside = rng.normal(size=3)
        aside = 0.42 * radius * aside / np.linalg.norm(aside)
        share = rng.uniform(0.5, 0.62)
        away = _length(places, aside)
        lobe = step((share * radius - away) / soft)
        lump = np.maximum(lump, lobe)
    if rng.random() < SPICULATED:
        spicules = _spicules(rng, places, radius)
        rays = _in_lung(chest, drawing.side, box, spicules)
        chest.fill(rays, 1.2)
    lump = _in_lung(chest, drawing.side, box, lump)
    return Evidence(drawing, chest.fill(lump, 3.5))


def _in_lung(
    chest: Chest,
    side: str,
    box: Box,
    part: np.ndarray,
) -> np.ndarray:
    """Return (X, Y, Z): a part where it lies in a lung, and 0 elsewhere."""
    whole = np.zeros_like(chest.added)
    whole[box] = part
    return whole * chest.anatomy.lung(side)


def _to_person(chest: Chest, offsets: Offsets) -> Offsets:
    """Turn lengths in the scan into lengths in this person, mm."""
    own = []
    for offset, size in zip(offsets, chest.body.size, strict=True):
        own.append(offset * size)
    return tuple(own)


def _length(
    places: Offsets,
    aside: np.ndarray | Point = (0.0, 0.0, 0.0),
) -> np.ndarray:
    """Return the distance (mm) of places from a point."""
    squared = 0
    for place, middle in zip(places, aside, strict=True):
        away = place - middle
        squared = squared + away**2
    return np.sqrt(squared)


def _spicules(
    rng: np.random.Generator,
    places: Offsets,
    radius: float,
) -> np.ndarray:
    """Return thin rays from the middle of a nodule to about twice its radius."""
    right, _, up = places
    length = _length(places)
    rays = np.zeros_like(length)
    for angle in rng.uniform(0, 2 * np.pi, 9):
        along = np.cos(angle) * right + np.sin(angle) * up
        aside = np.maximum(0, length**2 - along**2)
        reach = radius * rng.uniform(1.3, 1.9)
        ends = step((reach - along) / 1.5)
        ray = np.exp(-aside / 2.5) * ends
        ray *= along > 0
        rays = np.maximum(rays, ray)
    return rays


def granuloma(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A few small, sharp, calcified balls."""
    balls = np.zeros_like(chest.added)
    number = (3, 4, 6)[grade]
    for _ in range(number):
        radius = chest.rng.uniform(*GRANULOMA) / 2
        centre = chest.spot(drawing.side, drawing.zone, 2 * radius)
        box = chest.near(centre, 3 * radius)
        places = _to_person(chest, chest.offsets(centre, box))
        ball = step((radius - _length(places)) / 0.5)
        np.maximum(balls[box], ball, out=balls[box])
    balls *= chest.anatomy.lung(drawing.side)
    return Evidence(drawing, chest.fill(balls, 10.0), least=2)
