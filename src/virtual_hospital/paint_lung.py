"""Painters of what fills the lungs or empties them: consolidation, oedema, collapse.

Each takes the chest, what to draw and a grade (0 mild to 2 severe), and returns its evidence.
Explained in book/01_reading_a_radiograph.
"""

import numpy as np
from scipy import ndimage

from virtual_hospital.chest import Box, Chest, Evidence, Point
from virtual_hospital.drawings import Drawing
from virtual_hospital.shapes import bell, step

HILUM = {  # mm
    "right": (-38.0, 5.0, 28.0),
    "left": (42.0, 5.0, 32.0),
}

MIDDLES = {"lower": 0.42, "middle": 0.6, "upper": 0.8}  # of a lung's height
LOBES = {
    ("right", "upper"): "right_upper_lobe",
    ("right", "middle"): "right_middle_lobe",
    ("right", "lower"): "right_lower_lobe",
    ("left", "upper"): "left_upper_lobe",
    ("left", "middle"): "left_upper_lobe",
    ("left", "lower"): "left_lower_lobe",
}


def consolidation(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """Water in one lobe, patchy and soft-edged; its bronchi keep their air."""
    zones = ["upper", "middle", "lower"]
    zone = drawing.zone or str(chest.rng.choice(zones, p=[0.25, 0.25, 0.5]))
    lobe = chest.anatomy.mask(LOBES[drawing.side, zone])
    usual = (38, 50, 66)[grade]
    radius = usual * chest.rng.uniform(0.9, 1.1)
    centre = chest.spot(drawing.side, zone, 18)
    away = chest.distance(centre, (radius, 0.9 * radius, radius))
    ragged = 1.08 - away + 0.3 * chest.noise(22) + 0.12 * chest.noise(10)
    patchy = np.clip(0.8 + 0.2 * chest.noise(13), 0.3, 1)
    solid = np.zeros_like(chest.added)
    box = chest.near(centre, 2 * radius)
    inside = ndimage.gaussian_filter(lobe[box].astype(np.float32), (1.5, 0.6, 0.8))
    solid[box] = inside * (step(ragged / 0.12) * patchy)[box]
    solid[box] *= 1 - _bronchi(chest, drawing.side, centre, box)
    solid *= chest.anatomy.lung(drawing.side)
    return Evidence(drawing, chest.fill(solid, 1.0), least=12)


def _bronchi(chest: Chest, side: str, centre: Point, box: Box) -> np.ndarray:
    """Return the branches that fan from the root of a lung towards and past a place."""
    root = np.array(HILUM[side])
    right, front, up = chest.offsets(HILUM[side], box)
    squared = right**2 + front**2 + up**2
    branches = np.zeros_like(squared)
    for _ in range(5):
        towards = np.array(centre) - root + chest.rng.normal(0, 16, 3)
        towards /= np.linalg.norm(towards)
        along = right * towards[0] + front * towards[1] + up * towards[2]
        aside = np.sqrt(np.maximum(0, squared - along**2))
        width = np.clip(5 - along / 40, 2.2, 4.5)
        branch = bell(aside / width) * (along > 0)
        branches = np.maximum(branches, branch)
    return branches


def opacity(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A haze in patches round a place in a lung, through which vessels show."""
    patches = np.zeros_like(chest.added)
    x, y, z = chest.spot(drawing.side, drawing.zone, 12)
    spread = (16, 20, 24)[grade]
    for across, up in chest.rng.normal(0, spread, (4 + grade, 2)):
        usual = (18, 22, 27)[grade]
        radius = usual * chest.rng.uniform(0.8, 1.2)
        centre = (x + across, y, z + up)
        box = chest.near(centre, 4 * radius)
        right, front, height = chest.offsets(centre, box)
        away = right**2 + (front / 2) ** 2 + height**2
        patch = np.exp(-away / radius**2)
        np.maximum(patches[box], patch, out=patches[box])
    grain = np.clip(0.8 + 0.25 * chest.noise(10), 0.2, 1.2)
    cloud = chest.anatomy.lung(drawing.side) * patches
    thick = (0.6, 0.7, 0.8)[grade]
    chest.fill(cloud * grain, 1.0, thick)
    return Evidence(drawing, cloud.astype(np.float32), least=25)


def interstitial(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A net of fine lines, densest in one zone or throughout."""
    lung = chest.anatomy.lung(drawing.side)
    coarse = bell(chest.noise(12) / 0.28)
    fine = bell(chest.noise(9) / 0.25)
    net = coarse + 0.6 * fine
    low, high = chest.ends(lung)
    middle = MIDDLES.get(drawing.zone, 0.5)
    spread = 0.25 if drawing.zone else 0.6
    height = (chest.z - low) / (high - low)
    weight = lung * bell((height - middle) / spread)
    dense = (0.45, 0.6, 0.75)[grade]
    chest.added += dense * weight * np.minimum(net, 1)
    return Evidence(drawing, weight.astype(np.float32), least=45)


def oedema(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """Clouded wings round both roots of the lungs, and a heart a little larger."""
    wings = np.zeros_like(chest.added)
    for side, hilum in HILUM.items():
        away = chest.distance(hilum, (62, 80, 75))
        wings += chest.anatomy.lung(side) * bell(away)
    grain = np.clip(1 + 0.35 * chest.noise(8), 0.2, 2)
    dense = (0.2, 0.3, 0.44)[grade]
    chest.added += dense * wings * grain
    chest.body.heart += 0.02
    return Evidence(drawing, wings, least=25)


def atelectasis(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """Thin plates, or a part of a lobe that has lost its air; the diaphragm is drawn up."""
    lung = chest.anatomy.lung(drawing.side)
    zone = drawing.zone or "lower"
    lobar = zone != "middle" and chest.rng.random() < (0.25, 0.5, 0.8)[grade]
    if lobar:
        airless = _wedge(chest, drawing.side, zone, grade)
    else:
        airless = np.zeros_like(chest.added)
        for _ in range((1, 2, 3)[grade]):
            centre = chest.spot(drawing.side, zone, 6)
            plate, box = _plate(chest, centre, grade)
            np.maximum(airless[box], plate, out=airless[box])
    airless = lung * airless
    chest.body.raised[drawing.side] += (6, 13, 22)[grade] if lobar else (3, 7, 12)[grade]
    return Evidence(drawing, chest.fill(airless, 1.05, 0.9), least=7)


def _plate(chest: Chest, centre: Point, grade: int) -> tuple[np.ndarray, Box]:
    """Return one plate, a few mm thick and bent, seen on its edge, and the part it lies in."""
    box = chest.near(centre, 75)
    right, front, up = chest.offsets(centre, box)
    slope = chest.rng.normal(0, 0.25)
    bend = chest.rng.normal(0, 0.004)
    thick = (1.9, 2.5, 3.2)[grade]
    long = (24, 30, 36)[grade] * chest.rng.uniform(0.85, 1.15)
    height = up - slope * right - bend * right**2
    ends = bell(right / long) * bell(front / 32)
    return bell(height / thick) * ends, box


def _wedge(chest: Chest, side: str, zone: str, grade: int) -> np.ndarray:
    """Return a wedge of a lobe fallen in against the middle, its point at the root of the lung."""
    lobe = chest.anatomy.mask(LOBES[side, zone])
    _, _, root = HILUM[side]
    away = chest.z - root if zone == "upper" else root - chest.z
    wide = (0.3, 0.4, 0.5)[grade] * chest.rng.uniform(0.85, 1.15)
    limit = 34 + wide * away
    beside = step((limit - np.abs(chest.x)) / 3)
    airless = np.clip(0.75 + 0.2 * chest.noise(12), 0.3, 1)
    return lobe * beside * airless
