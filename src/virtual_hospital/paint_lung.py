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
    usual = (44, 58, 74)[grade]
    radius = usual * chest.rng.uniform(0.9, 1.1)
    centre = chest.spot(drawing.side, zone, 18)
    box = chest.near(centre, 2 * radius)
    away = chest.distance(centre, (radius, 0.9 * radius, radius))
    coarse = 0.3 * chest.noise(22)
    fine = 0.12 * chest.noise(10)
    ragged = step((1.08 - away + coarse + fine) / 0.12)
    patchy = 0.8 + 0.2 * chest.noise(13)
    filled = ragged * np.clip(patchy, 0.3, 1)
    soft = ndimage.gaussian_filter(lobe[box].astype(np.float32), (1.5, 0.6, 0.8))
    aired = _bronchi(chest, drawing.side, centre, box)
    solid = np.zeros_like(chest.added)
    solid[box] = filled[box] * soft * (1 - aired)
    solid *= chest.anatomy.lung(drawing.side)
    return Evidence(drawing, chest.fill(solid, 1.0), least=12)


def _bronchi(
    chest: Chest,
    side: str,
    centre: Point,
    box: Box,
) -> np.ndarray:
    """Return the branches that fan from the root of a lung towards and past a place."""
    root = HILUM[side]
    straight = np.subtract(centre, root)
    right, front, up = chest.offsets(root, box)
    squared = right**2 + front**2 + up**2
    branches = np.zeros_like(squared)
    for _ in range(5):
        towards = straight + chest.rng.normal(0, 16, 3)
        towards = towards / np.linalg.norm(towards)
        a, b, c = towards.astype(np.float32)
        along = a * right + b * front + c * up
        aside = np.maximum(0, squared - along**2)
        width = np.clip(5 - along / 40, 2.2, 4.5)
        branch = np.exp(-aside / width**2)
        branch *= along > 0
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
    for across, up in chest.rng.normal(0, spread, (6 + grade, 2)):
        usual = (18, 22, 27)[grade]
        radius = usual * chest.rng.uniform(0.8, 1.2)
        centre = (x + across, y, z + up)
        box = chest.near(centre, 4 * radius)
        right, front, height = chest.offsets(centre, box)
        deep = front / 3
        away = right**2 + deep**2 + height**2
        patch = np.exp(-away / radius**2)
        np.maximum(patches[box], patch, out=patches[box])
    grain = 0.8 + 0.25 * chest.noise(10)
    cloud = chest.anatomy.lung(drawing.side) * patches
    thick = (0.75, 0.85, 0.95)[grade]
    haze = cloud * np.clip(grain, 0.2, 1)
    chest.fill(haze, 1.0, thick)
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
    zone = drawing.zone or "lower"
    chance = (0.25, 0.5, 0.8)[grade]
    fallen = chest.rng.random() < chance
    if fallen and zone != "middle":
        airless = _wedge(chest, drawing.side, zone, grade)
        drawn_up = (6, 13, 22)[grade]
    else:
        airless = _plates(chest, drawing.side, zone, grade)
        drawn_up = (3, 7, 12)[grade]
    chest.body.raised[drawing.side] += drawn_up
    return Evidence(drawing, chest.fill(airless, 1.05, 0.95), least=7)


def _plates(
    chest: Chest,
    side: str,
    zone: str,
    grade: int,
) -> np.ndarray:
    """Return one to three plates, a few mm thick and bent, seen on their edges."""
    plates = np.zeros_like(chest.added)
    thick = (2.8, 3.7, 4.7)[grade]
    usual = (28, 35, 42)[grade]
    for _ in range(1 + grade):
        centre = chest.spot(side, zone, 6)
        box = chest.near(centre, 75)
        right, front, up = chest.offsets(centre, box)
        slope = chest.rng.normal(0, 0.25)
        bend = chest.rng.normal(0, 0.004)
        long = usual * chest.rng.uniform(0.85, 1.15)
        middle = slope * right + bend * right**2
        height = (up - middle) / thick
        ends = bell(right / long) * bell(front / 48)
        plate = bell(height) * ends
        np.maximum(plates[box], plate, out=plates[box])
    return plates * chest.anatomy.lung(side)


def _wedge(
    chest: Chest,
    side: str,
    zone: str,
    grade: int,
) -> np.ndarray:
    """Return a wedge of a lobe fallen in against the middle, its point at the root of the lung."""
    lobe = chest.anatomy.mask(LOBES[side, zone])
    _, _, root = HILUM[side]
    away = chest.z - root
    if zone == "lower":
        away = -away
    usual = (0.3, 0.4, 0.5)[grade]
    wide = usual * chest.rng.uniform(0.85, 1.15)
    limit = 34 + wide * away
    beside = step((limit - np.abs(chest.x)) / 3)
    airless = 0.75 + 0.2 * chest.noise(12)
    return lobe * beside * np.clip(airless, 0.3, 1)
