"""The boxes of NIH ChestX-ray14: which finding, where on the film, and as items of `evidence`.

Explained in book/01_reading_a_radiograph.
"""

from collections import defaultdict
from dataclasses import dataclass
from math import ceil, floor, isfinite
from pathlib import Path

import numpy as np
import pandas as pd

from txtray_utils.errors import InputError, Rejects
from txtray_utils.studies.pixels import pack_mask
from txtray_utils.vocabulary import FINDING_TABLE, SIDED

GRID = 1024  # pixels of the published films' sides, in which boxes are given
WORDS = {  # NIH's word: its finding or label in `evidence` (None: never boxed), its label
    "Atelectasis": ("atelectasis", "Atelectasis"),
    "Cardiomegaly": ("cardiomegaly", "Cardiomegaly"),
    "Consolidation": (None, "Consolidation"),
    "Edema": (None, "Edema"),
    "Effusion": ("effusion", "Pleural Effusion"),
    "Emphysema": (None, None),
    "Fibrosis": (None, None),
    "Hernia": (None, None),
    "Infiltrate": ("opacity", "Lung Opacity"),  # so spelt in the list of boxes
    "Infiltration": ("opacity", "Lung Opacity"),
    "Mass": ("nodule", "Lung Lesion"),
    "No Finding": (None, "No Finding"),
    "Nodule": ("nodule", "Lung Lesion"),
    "Pleural_Thickening": (None, "Pleural Other"),
    "Pneumonia": ("Pneumonia", "Pneumonia"),  # a diagnosis, for which we draw nothing
    "Pneumothorax": ("pneumothorax", "Pneumothorax"),
}
BOX_COLUMNS = {  # the header is `Image Index,Finding Label,Bbox [x,y,w,h],,,`
    "Image Index": "image_id",
    "Finding Label": "word",
    "Bbox [x": "x",
    "y": "y",
    "w": "w",
    "h]": "h",
}
_MEND_BOX = "Correct this row, or leave it: the film is kept without this box."
_SIDED = {*SIDED, *(row.name for row in FINDING_TABLE if row.sided)}


@dataclass(frozen=True)
class Box:
    """A finding between two columns and two rows of a film of `GRID` x `GRID` pixels."""

    finding: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def side(self) -> str | None:
        """The patient's side, "" for a finding without one, None across the film's middle."""
        if self.finding not in _SIDED:
            return ""
        if self.right <= GRID / 2:
            return "right"
        if self.left >= GRID / 2:
            return "left"
        return None

    def mask(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return the bool mask (H, W) of every pixel that it touches in a film of that shape."""
        mask = np.zeros(shape, bool)
        down, across = shape[0] / GRID, shape[1] / GRID
        rows = slice(floor(self.top * down), ceil(self.bottom * down))
        columns = slice(floor(self.left * across), ceil(self.right * across))
        mask[rows, columns] = True
        return mask


def usable_boxes(
    table: pd.DataFrame, known: set[str], where: Path, rejects: Rejects
) -> dict[str, list[Box]]:
    """Return the boxes of each film that is `known`; what cannot be used goes to `rejects`.

    `table` has, as text, the columns that `BOX_COLUMNS` names.
    """
    found = defaultdict(list)
    repeated = table.duplicated()
    for row, again in zip(table.to_dict("records"), repeated, strict=True):
        name = f"{row['image_id']} {row['word']}"
        try:
            if row["image_id"] not in known:
                fault = "is a box of a film that the list of films lacks"
                raise InputError(where, fault, "Add its film there, or drop this row.")
            if again:
                raise InputError(where, "the box is listed twice", "Keep one of its rows.")
            box = _box(row, where)
        except InputError as error:
            rejects.add_error(error, name)
            continue
        inside = _clipped(box)
        if inside != box:
            fault = "the box reaches outside the film"
            rejects.add(where, name, fault, "Nothing to do: it is cut at the film's edge.")
        found[row["image_id"]].append(inside)
    return found


def evidence(boxes: list[Box], shape: tuple[int, ...]) -> list[dict] | None:
    """Return the boxes as the `evidence` of an image of that shape (H, W), None without boxes."""
    found = []
    for box in boxes:
        item = {"finding": box.finding, "side": box.side, "zone": None, "severity": None}
        item["said"] = "finding:box side:box" if box.side else "finding:box"
        item["mask"] = pack_mask(box.mask(shape))
        found.append(item)
    return found or None


def _box(row: dict, where: Path) -> Box:
    finding, _ = WORDS.get(row["word"], (None, None))
    if finding is None:
        raise InputError(where, f"{row['word']!r} is not a finding that has boxes", _MEND_BOX)
    try:
        x, y, width, height = [float(row[name]) for name in "xywh"]
    except (TypeError, ValueError):
        raise InputError(where, "a number of the box is missing or is none", _MEND_BOX) from None
    if not all(map(isfinite, (x, y, width, height))):
        raise InputError(where, "a number of the box is not finite", _MEND_BOX)
    if width <= 0 or height <= 0:
        fault = f"the box is {width:g} wide and {height:g} high"
        raise InputError(where, fault, _MEND_BOX)
    box = Box(finding, x, y, x + width, y + height)
    if min(box.right, box.bottom) <= 0 or max(box.left, box.top) >= GRID:
        raise InputError(where, "the box lies outside the film", _MEND_BOX)
    return box


def _clipped(box: Box) -> Box:
    left, top = max(box.left, 0.0), max(box.top, 0.0)
    right, bottom = min(box.right, float(GRID)), min(box.bottom, float(GRID))
    return Box(box.finding, left, top, right, bottom)
