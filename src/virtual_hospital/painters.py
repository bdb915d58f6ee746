"""Findings as volumes: what each name in the catalogue does to the chest before the film is taken.

A painter adds density to the lungs (fluid, consolidation, air, metal ...) or bends the body (a
large heart, a raised diaphragm). What it adds is kept as an occupancy, whose projection is the
evidence mask. Densities are relative to water. Explained in book/01_reading_a_radiograph."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from virtual_hospital.anatomy import REGIONS, SPACING, Anatomy, axes
from virtual_hospital.body import Body
from virtual_hospital.chest import Chest, Evidence
from virtual_hospital.drawings import Drawing

GRADE = {"mild": 0, "moderate": 1, "severe": 2}


HILUM = {"right": (-38.0, 5.0, 28.0), "left": (42.0, 5.0, 32.0)}  # mm


LOBES = {
    ("right", "upper"): "right_upper_lobe", ("right", "middle"): "right_middle_lobe",
    ("right", "lower"): "right_lower_lobe", ("left", "upper"): "left_upper_lobe",
    ("left", "middle"): "left_upper_lobe", ("left", "lower"): "left_lower_lobe",
}  # fmt: skip


LINES = {  # routes of a central venous line, mm x y z
    "right": [
        (-125, 5, 150),
        (-75, 35, 128),
        (-38, 32, 108),
        (-26, 20, 75),
        (-24, 15, 40),
        (-23, 12, 8),
    ],
    "left": [
        (125, 5, 150),
        (70, 35, 128),
        (20, 38, 110),
        (-18, 28, 88),
        (-25, 16, 50),
        (-23, 12, 12),
    ],
}


def _sigmoid(value: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(value, -30, 30)))


def _smooth(
    points: list[tuple[float, float, float]], rng: np.random.Generator, spread: float
) -> np.ndarray:
    """Turn a few waypoints into a smooth route: (N, 3) mm, each waypoint moved by ``spread`` mm."""
    way = np.asarray(points, float) + rng.normal(0, spread, (len(points), 3))
    fine = np.stack(
        [
            np.interp(np.linspace(0, len(way) - 1, 80), np.arange(len(way)), way[:, k])
            for k in range(3)
        ],
        1,
    )
    return ndimage.gaussian_filter1d(fine, 5, axis=0, mode="nearest")


def _effusion(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    lung = chest.anatomy.lung(drawing.side)
    lowest = chest.z[0, 0][lung.any((0, 1))][0]
    height = (42, 70, 115)[grade] + chest.rng.normal(0, 6)
    rise = 34 * np.exp(-chest.anatomy.wall_distance / 12)
    fluid = lung * _sigmoid((lowest + height + rise - chest.z) / 2.5)
    return Evidence(drawing, chest.fill(fluid, 1.02))


def _pneumothorax(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    lung = chest.anatomy.lung(drawing.side)
    z = chest.z[0, 0]
    low, high = z[lung.any((0, 1))][[0, -1]]
    outline = (chest.anatomy.wall_distance > 0).any(
        1
    )  # (X, Z), both lungs and what lies between them
    outline = outline | (np.cumsum(outline[:, ::-1], 1)[:, ::-1] > 0)  # nothing comes from below
    inward = ndimage.distance_transform_edt(outline, sampling=SPACING[::2])[:, None, :]
    depth = (
        (28, 40, 56)[grade]
        * chest.rng.uniform(0.85, 1.15)
        * np.clip((chest.z - low) / (high - low), 0.15, 1)
    )
    inside = inward - depth
    air = lung * _sigmoid(-inside / 0.8)
    edge = lung * np.exp(-(((inside - 1.2) / 1.8) ** 2))
    chest.fill(lung * _sigmoid(inside / 0.8), 0.45, (0.2, 0.3, 0.42)[grade])
    chest.fill(air, 0.0)
    chest.fill(edge, 1.1, 0.85)
    return Evidence(drawing, air, least=12)


def _consolidation(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    zone = drawing.zone or str(chest.rng.choice(["upper", "middle", "lower"], p=[0.25, 0.25, 0.5]))
    lobe = chest.anatomy.mask(LOBES[drawing.side, zone])
    radius = (42, 56, 74)[grade] * chest.rng.uniform(0.9, 1.1)
    away = chest.distance(chest.spot(drawing.side, zone, 10), (radius, radius, radius))
    solid = lobe * _sigmoid((1 - away + 0.3 * chest.noise(16)) / 0.1)
    return Evidence(drawing, chest.fill(solid, 1.7), least=8)


def _opacity(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    patches = np.zeros_like(chest.added)
    cx, cy, cz = chest.spot(drawing.side, drawing.zone, 12)
    for dx, dz in chest.rng.normal(0, (20, 24, 28)[grade], (4 + grade, 2)):
        radius = (20, 25, 30)[grade] * chest.rng.uniform(0.8, 1.2)
        away = chest.distance((cx + dx, cy, cz + dz), (radius, 2 * radius, radius))
        patches = np.maximum(patches, np.exp(-(away**2)))
    return Evidence(drawing, chest.fill(chest.anatomy.lung(drawing.side) * patches, 1.7), least=8)


def _interstitial(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    lung = chest.anatomy.lung(drawing.side)
    net = np.exp(-((chest.noise(12) / 0.28) ** 2)) + 0.6 * np.exp(-((chest.noise(9) / 0.25) ** 2))
    low, high = chest.z[0, 0][lung.any((0, 1))][[0, -1]]
    middle = {"lower": 0.42, "middle": 0.6, "upper": 0.8}.get(drawing.zone, 0.5)
    spread = 0.25 if drawing.zone else 0.6
    weight = lung * np.exp(-((((chest.z - low) / (high - low) - middle) / spread) ** 2))
    chest.added += (0.45, 0.6, 0.75)[grade] * weight * np.minimum(net, 1)
    return Evidence(drawing, weight.astype(np.float32), least=45)


def _oedema(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    wings = np.zeros_like(chest.added)
    for side, hilum in HILUM.items():
        wings += chest.anatomy.lung(side) * np.exp(-(chest.distance(hilum, (62, 80, 75)) ** 2))
    chest.added += (0.2, 0.3, 0.44)[grade] * wings * np.clip(1 + 0.35 * chest.noise(8), 0.2, 2)
    chest.body.heart += 0.02
    return Evidence(drawing, wings, least=25)


def _atelectasis(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    lung, band = chest.anatomy.lung(drawing.side), np.zeros_like(chest.added)
    for _ in range(1 + (chest.rng.random() < 0.4)):
        cx, cy, cz = chest.spot(drawing.side, drawing.zone or "lower", 6)
        slope, thick = chest.rng.normal(0, 0.25), (6, 9, 13)[grade]
        height = (chest.z - cz - slope * (chest.x - cx)) / thick
        length = ((chest.x - cx) / (32, 42, 54)[grade]) ** 2 + ((chest.y - cy) / 70) ** 2
        band = np.maximum(band, lung * np.exp(-(height**4) - length**2))
    chest.body.raised[drawing.side] += (2, 6, 14)[grade]
    return Evidence(drawing, chest.fill(band, 1.4))


def _scar(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    lung, strands = chest.anatomy.lung(drawing.side), np.zeros_like(chest.added)
    cx, cy, cz = chest.spot(
        drawing.side, drawing.zone or str(chest.rng.choice(["upper", "upper", "lower"])), 4
    )
    lie = chest.rng.uniform(0.3, 1.4) * chest.rng.choice([-1, 1])
    for _ in range(2 + grade):
        angle = lie + chest.rng.normal(0, 0.2)
        along = np.cos(angle) * (chest.x - cx) + np.sin(angle) * (chest.z - cz)
        across = (
            np.cos(angle) * (chest.z - cz) - np.sin(angle) * (chest.x - cx) - chest.rng.normal(0, 5)
        )
        strand = np.exp(
            -((across / 3.5) ** 2) - (along / (24, 32, 42)[grade]) ** 4 - ((chest.y - cy) / 40) ** 4
        )
        strands = np.maximum(strands, lung * strand)
    return Evidence(drawing, chest.fill(strands, 2.3))


def _balls(chest: Chest, drawing: Drawing, radii: list[float], target: float) -> Evidence:
    lung, balls = chest.anatomy.lung(drawing.side), np.zeros_like(chest.added)
    for radius in radii:
        away = chest.distance(chest.spot(drawing.side, drawing.zone, radius * 0.7), (radius,) * 3)
        balls = np.maximum(balls, lung * _sigmoid((1 - away) * radius / 1.2))
    return Evidence(drawing, chest.fill(balls, target))


def _nodule(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    return _balls(chest, drawing, [(18, 23, 30)[grade] * chest.rng.uniform(0.9, 1.15)], 3.5)


def _granuloma(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    many = [chest.rng.uniform(5.5, 7.5) for _ in range((2, 3, 5)[grade])]
    return _balls(chest, drawing, many, 8.0)


def _tortuous_aorta(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    aorta = chest.anatomy.mask("aorta")
    arch = aorta & (chest.z > -60)
    box = ndimage.find_objects(ndimage.binary_dilation(arch, iterations=16).astype(np.uint8))[0]
    away = np.full_like(chest.added, 99)
    away[box] = ndimage.distance_transform_edt(~arch[box], sampling=SPACING)
    width = (12, 17, 23)[grade] * (0.7 + 0.3 * np.tanh(chest.z / 40))
    wall = chest.anatomy.lungs * _sigmoid((width - away) / 1.5)
    return Evidence(drawing, chest.fill(wall, 1.05))


def _cardiomegaly(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    chest.body.heart += (0.18, 0.28, 0.42)[grade]
    return Evidence(drawing, regions=("heart",))


def _hyperinflation(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    chest.body.lung *= (0.82, 0.73, 0.64)[grade]
    for side in ("right", "left"):
        chest.body.raised[side] -= (14, 22, 30)[grade]
    chest.body.heart -= 0.04
    return Evidence(drawing, regions=tuple(name for name in REGIONS if name.endswith("lobe")))


def _low_volume(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    chest.body.lung *= (1.15, 1.25, 1.4)[grade]
    for side in ("right", "left"):
        chest.body.raised[side] += (16, 24, 34)[grade]
    chest.body.heart += 0.03
    return Evidence(drawing, regions=tuple(name for name in REGIONS if name.endswith("lobe")))


def _raised_diaphragm(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    chest.body.raised[drawing.side] += (32, 44, 58)[grade]
    return Evidence(drawing, regions=(f"{drawing.side}_lower_lobe",))


def _scoliosis(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    chest.body.curve += (12, 19, 28)[grade] * (-1 if drawing.side == "right" else 1)
    return Evidence(drawing, regions=("spine",))


def _central_line(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    route = _smooth(LINES[drawing.side or "right"], chest.rng, 2.5)
    return Evidence(drawing, chest.thread(route, 170.0), least=0.02)


def _pacemaker(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    sign = -1 if drawing.side == "right" else 1
    at = np.array([sign * chest.rng.uniform(80, 100), 0, chest.rng.uniform(85, 105)])
    first = [a[0] for a in axes(chest.anatomy.hu.shape)]
    i, _, k = np.rint((at - first) / SPACING).astype(int)
    at[1] = chest.y[0, np.flatnonzero(chest.anatomy.hu[i, :, k] > -300).max(), 0] - 10
    away = chest.distance(tuple(at), (26, 6, 22))
    can = _sigmoid((1 - away) * 15)
    chest.added += 12 * can
    vein = [tuple(at), (sign * 70, 40, 130), (sign * 30, 38, 112), (-20, 26, 85), (-22, 20, 40)]
    for tip in ([(0, 45, 0), (38, 55, -28)], [(-20, 45, 5), (-14, 52, 25)])[: 1 + grade]:
        can = np.maximum(can, 8 * chest.thread(_smooth(vein + tip, chest.rng, 1.0), 55.0))
    return Evidence(drawing, np.minimum(can, 1).astype(np.float32), least=0.15)


def _sternal_wires(chest: Chest, drawing: Drawing, grade: int) -> Evidence:
    turns = np.linspace(0, 2 * np.pi, 30)
    wires = np.zeros_like(chest.added)
    for z in np.linspace(-5, 105, 5 + grade) + chest.rng.normal(0, 2, 5 + grade):
        cx, width, tall = (
            -9 + chest.rng.normal(0, 1.5),
            chest.rng.uniform(8, 11),
            chest.rng.uniform(4, 6),
        )
        ring = np.stack(
            [cx + width * np.cos(turns), 66 + 4 * np.sin(turns), z + tall * np.sin(turns)], 1
        )
        wires = np.maximum(wires, chest.thread(ring, 160.0))
    return Evidence(drawing, wires, least=0.02)


PAINTERS = {
    "cardiomegaly": _cardiomegaly, "tortuous_aorta": _tortuous_aorta, "effusion": _effusion,
    "pneumothorax": _pneumothorax, "consolidation": _consolidation, "opacity": _opacity,
    "interstitial": _interstitial, "oedema": _oedema, "atelectasis": _atelectasis, "nodule": _nodule,
    "granuloma": _granuloma, "scar": _scar, "hyperinflation": _hyperinflation, "low_volume": _low_volume,
    "raised_diaphragm": _raised_diaphragm, "scoliosis": _scoliosis, "central_line": _central_line,
    "pacemaker": _pacemaker, "sternal_wires": _sternal_wires,
}  # fmt: skip


def draw(anatomy: Anatomy, body: Body, drawings: tuple[Drawing, ...], seed: int) -> Chest:
    """Draw findings into a chest; each finding has its own random stream, so removing one leaves
    the others as they are.

    Args:
        anatomy: the healthy chest.
        body: the person; it is copied, since some findings bend it.
        drawings: what to draw; a finding on both sides is drawn once a side.
        seed: the study's seed.

    Returns:
        The chest with its added density, bent body and evidence.
    """
    chest = Chest(anatomy, replace(body, raised=dict(body.raised)), np.random.default_rng(seed))
    for drawing in drawings:
        for side in ("right", "left") if drawing.side == "both" else (drawing.side,):
            chest.rng = np.random.default_rng([seed, list(PAINTERS).index(drawing.name), len(side)])
            one = replace(drawing, side=side)
            chest.evidence.append(PAINTERS[drawing.name](chest, one, GRADE[drawing.severity]))
    return chest
