"""Any file of a radiograph -> a correct grey image: float32 in [0, 1], bright is dense.

DICOM is read by `read.dicom`, PNG and JPEG here; each way in which a file can be bad becomes an
`InputError`. Explained in book/01_reading_a_radiograph.
"""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from txtray_utils.errors import InputError
from txtray_utils.read.dicom import read_dicom
from txtray_utils.read.greyscale import FETCH_AGAIN, Grey, between_percentiles

SIDE = 512  # pixels, longest side of an image in the study table
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff")  # how a PNG and a JPEG begin


def read_image(path: str | Path) -> Grey:
    """Read a DICOM, PNG or JPEG file, told apart by content, not by name.

    An 8-bit PNG or JPEG holds display values already: it is divided by 255, colour made grey,
    transparency made black. One of 16 bits rarely fills its range: it is scaled between
    `greyscale.PERCENTILES`.

    Raises:
        InputError: no such file, none of the three kinds, cut short, several frames, or as for
            `dicom.grey`.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(8)
    except OSError as error:
        fault = f"cannot be opened ({error.strerror})"
        raise InputError(path, fault, "Check the path and its permissions.") from error
    is_picture = start.startswith(_PICTURES)
    read = _read_picture if is_picture else read_dicom
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = read(path)
    notes = list(image.notes)
    for warning in caught:
        notes.append(str(warning.message))
    each_once = tuple(dict.fromkeys(notes))
    return replace(image, notes=each_once)


def shrunk(pixels: np.ndarray) -> np.ndarray:
    """Return a film as the study table has it: uint8, longest side at most `SIDE`.

    `pixels` are float (H, W) in [0, 1].
    """
    levels = np.rint(pixels * 255)
    image = Image.fromarray(levels.astype(np.uint8))
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def polarity(pixels: np.ndarray) -> float:
    """Return how far a frontal film (H, W) in [0, 1] is the right way round.

    Above 0 it likely is, below 0 it is likely inverted. No header tells whether its Photometric
    Interpretation is true, so this looks: the middle of the chest (spine, heart) against the middle
    of either lung and the upper corners (air), whose mean grey it should exceed. A film that is
    turned on its side, or shows no chest, makes it meaningless.
    """
    middle = _mean(pixels, (0.3, 0.95), (0.44, 0.56))
    right_lung = _mean(pixels, (0.22, 0.62), (0.16, 0.38))
    left_lung = _mean(pixels, (0.22, 0.62), (0.62, 0.84))
    one_corner = _mean(pixels, (0, 0.125), (0, 0.125))
    other_corner = _mean(pixels, (0, 0.125), (0.875, 1))
    lungs = (right_lung + left_lung) / 2
    corners = (one_corner + other_corner) / 2
    air = (lungs + corners) / 2
    return middle - air


def polarity_suspect(pixels: np.ndarray) -> bool:
    """Tell whether a frontal film looks inverted, so that a person should look at it."""
    return polarity(pixels) < 0


def _mean(pixels: np.ndarray, rows: tuple[float, float], columns: tuple[float, float]) -> float:
    """Return the mean of a box, given in fractions of the height and the width."""
    height, width = pixels.shape
    down = _between(rows, height)
    across = _between(columns, width)
    return float(pixels[down, across].mean())


def _between(ends: tuple[float, float], size: int) -> slice:
    first = int(ends[0] * size)
    last = int(ends[1] * size)
    return slice(first, max(last, first + 1))


def _read_picture(path: str | Path) -> Grey:
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            frames = getattr(image, "n_frames", 1)
            if frames > 1:
                remedy = "Save the one frame that is the radiograph."
                raise InputError(path, f"has {frames} frames", remedy)
            deep = image.mode.startswith("I")
            values = _deep(image) if deep else _shallow(image)
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(path, f"cannot be decoded ({error})", FETCH_AGAIN) from error
    if values.min() == values.max():
        remedy = "Leave it out: there is no picture in it."
        raise InputError(path, "all pixels have the same value", remedy)
    if deep:
        pixels = between_percentiles(values, values)
        pixels = pixels.astype(np.float32)
        return Grey(pixels, "", "", 16, ("percentiles",), ())
    pixels = values / 255
    return Grey(pixels.astype(np.float32), "", "", 8, (), ())


def _deep(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(np.float64)


def _shallow(image: Image.Image) -> np.ndarray:
    colour = image.convert("RGBA")
    black = Image.new("RGBA", image.size, "black")
    opaque = Image.alpha_composite(black, colour)
    return np.asarray(opaque.convert("L"))
