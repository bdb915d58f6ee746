"""Painters of small things in the lungs: scars, nodules and granulomas.

Each takes the chest, what to draw and a grade (0 mild to 2 severe), and returns its evidence.
Sizes are those of the person: a nodule is 30 mm at most, more is a mass (Hansell et al. 2008,
doi 10.1148/radiol.2462070712). Explained in book/01_reading_a_radiograph.
"""

import numpy as np

from virtual_hospital.chest import Chest, Evidence, Point
from virtual_hospital.drawings import Drawing
from virtual_hospital.shapes import bell, step

NODULE = ((13.0, 18.0), (18.0, 23.0), (23.0, 26.5))  # mm, diameters by grade
GRANULOMA = (5.0, 8.0)  # mm, diameters
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
    steep = rng.uniform(0.2, 1.2)
    lie = steep * rng.choice([-1, 1])
    long = (19, 24, 30)[grade]
    for _ in range(2 + grade):
        angle = lie + rng.normal(0, 0.22)
        length = long * rng.uniform(0.6, 1.1)
        strand = _strand(chest, chest.offsets(centre, box), angle, length)
        np.maximum(strands[box], strand, out=strands[box])
    strands *= chest.anatomy.lung(drawing.side)
    return Evidence(drawing, chest.fill(strands, 1.35), least=4)


def _strand(
    chest: Chest,
    offsets: tuple[np.ndarray, np.ndarray, np.ndarray],
    angle: float,
    length: float,
) -> np.ndarray:
    """Return one strand: thin as seen from the front, wavy, and some 25 mm deep."""
    right, front, up = offsets
    cos = np.cos(angle)
    sin = np.sin(angle)
    along = cos * right + sin * up
    across = cos * up - sin * right
    first, second = chest.rng.uniform(0, 2 * np.pi, 2)
    wave = 1.5 * np.sin(along / 9 + first) + 0.8 * np.sin(along / 4 + second)
    aside = chest.rng.normal(0, 5)
    thin = bell((across - aside - wave) / 1.4)
    ends = bell(along / length) * (0.75 + 0.25 * np.sin(along / 6 + second))
    deep = bell(front / 18)
    return thin * ends * deep


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
    lung = chest.anatomy.lung(drawing.side)
    lump = np.zeros_like(chest.added)
    places = _to_person(chest, chest.offsets(centre, box))
    soft = 0.16 * radius
    for _ in range(5):
        aside = rng.normal(size=3)
        aside *= 0.42 * radius / np.linalg.norm(aside)
        share = rng.uniform(0.5, 0.62)
        lobe = step((share * radius - _length(places, aside)) / soft)
        np.maximum(lump[box], lobe, out=lump[box])
    core = step((0.75 * radius - _length(places, (0, 0, 0))) / soft)
    np.maximum(lump[box], core, out=lump[box])
    lump *= lung
    if rng.random() < SPICULATED:
        spread = np.zeros_like(chest.added)
        spread[box] = _spicules(chest, places, radius)
        chest.fill(lung * spread, 0.9)
    return Evidence(drawing, chest.fill(lump, 2.2))


def _to_person(
    chest: Chest, offsets: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> list[np.ndarray]:
    """Turn lengths in the scan into lengths in this person, mm."""
    return [offset * size for offset, size in zip(offsets, chest.body.size, strict=True)]


def _length(places: list[np.ndarray], aside: Point | np.ndarray) -> np.ndarray:
    """Return the distance (mm) from a point, in a part of the grid."""
    x, y, z = places
    right, front, up = aside
    return np.sqrt((x - right) ** 2 + (y - front) ** 2 + (z - up) ** 2)


def _spicules(chest: Chest, places: list[np.ndarray], radius: float) -> np.ndarray:
    """Return thin rays from the middle of a nodule to about twice its radius."""
    x, y, z = places
    rays = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape), np.float32)
    squared = _length(places, (0, 0, 0)) ** 2
    for angle in chest.rng.uniform(0, 2 * np.pi, 9):
        along = np.cos(angle) * x + np.sin(angle) * z + 0 * y
        aside = np.sqrt(np.maximum(0, squared - along**2))
        reach = radius * chest.rng.uniform(1.3, 1.9)
        ray = bell(aside / 1.6) * step((reach - along) / 1.5) * (along > 0)
        rays = np.maximum(rays, ray)
    return rays


def granuloma(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A few small, sharp, calcified balls."""
    balls = np.zeros_like(chest.added)
    for _ in range((2, 3, 5)[grade]):
        radius = chest.rng.uniform(*GRANULOMA) / 2
        centre = chest.spot(drawing.side, drawing.zone, 2 * radius)
        box = chest.near(centre, 3 * radius)
        places = _to_person(chest, chest.offsets(centre, box))
        ball = step((radius - _length(places, (0, 0, 0))) / 0.5)
        np.maximum(balls[box], ball, out=balls[box])
    balls *= chest.anatomy.lung(drawing.side)
    return Evidence(drawing, chest.fill(balls, 5.0), least=2)
