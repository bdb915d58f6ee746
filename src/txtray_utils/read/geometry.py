"""How a film lies and how its pixels are spaced: turned as it is hung, with square pixels.

The header says to which side of the patient rows and columns run (Patient Orientation, PS3.3
C.7.6.1.1.1), and how far pixels lie apart (C.10.7.1.3). Explained in book/01_reading_a_radiograph.
"""

import math
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset

from txtray_utils.errors import InputError
from txtray_utils.read.film_file import check_pixels

_SPACINGS = (
    "PixelSpacing",
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
    "PixelAspectRatio",
)
_SQUARE = 0.01  # how far a ratio may be from 1 and count as 1
_STRETCH = 3  # the largest ratio that is believed
Turned = tuple[np.ndarray, tuple[str, ...]]  # pixels (H, W), and notes


def as_hung(pixels: np.ndarray, dataset: Dataset, where: str | Path) -> Turned:
    """Return a film with the patient's right on its left, the head up and square pixels, and notes.

    Raises:
        InputError: the ratio of its spacings cannot be true.
    """
    ratio, ratio_notes = _ratio(dataset, where)
    pixels, swapped, notes = _turned(pixels, dataset)
    if swapped:
        ratio = 1 / ratio
    if abs(ratio - 1) < _SQUARE:
        return pixels, notes + ratio_notes
    height, width = pixels.shape
    size = (round(width * max(1, 1 / ratio)), round(height * max(1, ratio)))
    check_pixels(*size, where)
    picture = Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(picture), (*notes, *ratio_notes, "its pixels are not square: made square")


def _ratio(dataset: Dataset, where: str | Path) -> tuple[float, tuple[str, ...]]:
    """Return how many times higher than wide a pixel is, by the first element that is filled."""
    for name in _SPACINGS:
        said = dataset.get(name)
        if not said:
            continue
        try:
            down, across = (float(number) for number in said)
        except (TypeError, ValueError):
            down, across = math.nan, math.nan
        if not (0 < down < math.inf and 0 < across < math.inf):
            return 1.0, (f"{name} is {said}, and was ignored",)
        ratio = down / across
        if not 1 / _STRETCH <= ratio <= _STRETCH:
            fault = f"{name} is {said}, which makes a pixel {ratio:.3g} times as high as wide"
            raise InputError(where, fault, "Correct or delete the element.")
        return ratio, ()
    return 1.0, ()


def _turned(pixels: np.ndarray, dataset: Dataset) -> tuple[np.ndarray, bool, tuple[str, ...]]:
    """Return pixels turned by Patient Orientation, whether rows became columns, and notes."""
    said = dataset.get("PatientOrientation")
    if not said:
        return pixels, False, ()
    along = [str(letters)[:1] for letters in said] if not isinstance(said, str) else []
    if len(along) == 2 and set(along) <= {"A", "P", "H", "F"} and set(along) & {"A", "P"}:
        return pixels, False, ()  # a lateral film
    swapped = along[:1] in (["H"], ["F"])
    if swapped:
        along.reverse()
    if len(along) != 2 or not (along[0] in ("L", "R") and along[1] in ("H", "F")):
        return pixels, False, (f"Patient Orientation {said} is not understood, and was ignored",)
    if swapped:
        pixels = pixels.T
    if along[0] == "R":
        pixels = pixels[:, ::-1]
    if along[1] == "H":
        pixels = pixels[::-1]
    if not swapped and along == ["L", "F"]:
        return pixels, False, ()
    name = "\\".join(said)
    notes = (f"Patient Orientation is {name} (mirrored or turned): turned as it is hung",)
    return np.ascontiguousarray(pixels), swapped, notes
