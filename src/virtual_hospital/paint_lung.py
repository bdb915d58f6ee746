"""Painters of what fills the lungs or empties them: fluid, air, consolidation, oedema, collapse.

Each takes the chest, what to draw and a grade (0 mild to 2 severe), and returns its evidence.
Explained in book/01_reading_a_radiograph.
"""

import numpy as np
from scipy import ndimage

from virtual_hospital.chest import Chest, Evidence
from virtual_hospital.drawings import Drawing
from virtual_hospital.grid import SPACING
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
    """A dense ball with a ragged edge, kept within one lobe."""
    zones = ["upper", "middle", "lower"]
    zone = drawing.zone or str(chest.rng.choice(zones, p=[0.25, 0.25, 0.5]))
    lobe = chest.anatomy.mask(LOBES[drawing.side, zone])
    usual = (42, 56, 74)[grade]
    radius = usual * chest.rng.uniform(0.9, 1.1)
    centre = chest.spot(drawing.side, zone, 10)
    away = chest.ball(centre, radius)
    ragged = 1 - away + 0.3 * chest.noise(16)
    solid = lobe * step(ragged / 0.1)
    return Evidence(drawing, chest.fill(solid, 1.7), least=8)


def opacity(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """Soft patches round a place in a lung."""
    patches = np.zeros_like(chest.added)
    x, y, z = chest.spot(drawing.side, drawing.zone, 12)
    spread = (20, 24, 28)[grade]
    for across, up in chest.rng.normal(0, spread, (4 + grade, 2)):
        usual = (20, 25, 30)[grade]
        radius = usual * chest.rng.uniform(0.8, 1.2)
        centre = (x + across, y, z + up)
        away = chest.distance(centre, (radius, 2 * radius, radius))
        patches = np.maximum(patches, bell(away))
    cloud = chest.anatomy.lung(drawing.side) * patches
    return Evidence(drawing, chest.fill(cloud, 1.7), least=8)


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
    """One or two flat bands, and a diaphragm drawn up."""
    lung = chest.anatomy.lung(drawing.side)
    band = np.zeros_like(chest.added)
    thick = (6, 9, 13)[grade]
    long = (32, 42, 54)[grade]
    for _ in range(1 + (chest.rng.random() < 0.4)):
        x, y, z = chest.spot(drawing.side, drawing.zone or "lower", 6)
        slope = chest.rng.normal(0, 0.25)
        across = chest.x - x
        height = (chest.z - z - slope * across) / thick
        along = (chest.y - y) / 70
        wide = (across / long) ** 2
        length = wide + along**2
        flat = np.exp(-(height**4) - length**2)
        band = np.maximum(band, lung * flat)
    drawn_up = (2, 6, 14)[grade]
    chest.body.raised[drawing.side] += drawn_up
    return Evidence(drawing, chest.fill(band, 1.4))
