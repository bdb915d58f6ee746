"""Painters of findings that change the body: heart, aorta, diaphragm, spine, volume of the lungs.

Each takes the chest, what to draw and a grade (0 mild to 2 severe), and returns its evidence.
Explained in book/01_reading_a_radiograph.
"""

import numpy as np
from scipy import ndimage

from virtual_hospital.anatomy import lobes
from virtual_hospital.chest import Chest, Evidence
from virtual_hospital.drawings import Drawing
from virtual_hospital.grid import SPACING
from virtual_hospital.shapes import step


def cardiomegaly(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A heart that is drawn wider."""
    chest.body.heart += (0.18, 0.28, 0.42)[grade]
    return Evidence(drawing, regions=("heart",))


def tortuous_aorta(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A mantle of blood round the arch, where the aorta meets the lungs."""
    arch = chest.anatomy.mask("aorta") & (chest.z > -60)
    near = ndimage.binary_dilation(arch, iterations=16)
    box = ndimage.find_objects(near.astype(np.uint8))[0]
    away = np.full_like(chest.added, 99)
    away[box] = ndimage.distance_transform_edt(~arch[box], sampling=SPACING)
    taper = 0.7 + 0.3 * np.tanh(chest.z / 40)
    width = (14, 20, 26)[grade] * taper
    mantle = step((width - away) / 1.5)
    wall = chest.anatomy.lungs * mantle
    return Evidence(drawing, chest.fill(wall, 1.05))


def hyperinflation(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """Lungs that hold too much air: less dense, over low domes, beside a narrow heart."""
    chest.body.lung *= (0.82, 0.73, 0.64)[grade]
    _raise_both(chest, -(14, 22, 30)[grade])
    chest.body.heart -= 0.04
    return Evidence(drawing, regions=lobes())


def low_volume(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A poor breath: denser lungs over high domes, beside a wide heart."""
    chest.body.lung *= (1.15, 1.25, 1.4)[grade]
    _raise_both(chest, (16, 24, 34)[grade])
    chest.body.heart += 0.03
    return Evidence(drawing, regions=lobes())


def _raise_both(chest: Chest, height: float) -> None:
    for side in ("right", "left"):
        chest.body.raised[side] += height


def raised_diaphragm(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """One dome of the diaphragm that stands high."""
    chest.body.raised[drawing.side] += (32, 44, 58)[grade]
    return Evidence(drawing, regions=(f"{drawing.side}_lower_lobe",))


def scoliosis(
    chest: Chest,
    drawing: Drawing,
    grade: int,
) -> Evidence:
    """A spine that bends to one side."""
    towards = -1 if drawing.side == "right" else 1
    bend = (15, 23, 32)[grade]
    chest.body.curve += bend * towards
    return Evidence(drawing, regions=("spine",))
