"""Any file of a radiograph -> a correct grey image: float32 in [0, 1], bright is dense.

This is the one door: DICOM is read by `read.dicom`, PNG and JPEG by `read.picture`, and each way in
which a file can be bad becomes an `InputError`. Explained in book/01_reading_a_radiograph.
"""

import logging
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from txtray_utils.errors import InputError
from txtray_utils.read.dicom import grey, open_dicom
from txtray_utils.read.film_file import begin, check_film
from txtray_utils.read.film_header import check_header, check_radiograph
from txtray_utils.read.geometry import as_hung
from txtray_utils.read.greyscale import Grey
from txtray_utils.read.picture import BEGINNINGS, read_picture

log = logging.getLogger(__name__)

Span = tuple[float, float]  # fractions of a side
SIDE = 512  # pixels, longest side of an image in the study table


def read_image(path: str | Path) -> Grey:
    """Read a DICOM, PNG or JPEG file, told apart by content, not by name.

    An 8-bit PNG or JPEG holds display values already: it is divided by 255, colour made grey,
    transparency made black, EXIF orientation applied. One of 16 bits rarely fills its range: it is
    scaled between `greyscale.PERCENTILES`. A DICOM file must be of a radiograph; it is turned as it
    is hung, and its pixels are made square.

    Raises:
        InputError: no regular file, none of the three kinds, cut short, several frames, beyond the
            limits of `film_file`, no radiograph, or as for `dicom.grey`.
    """
    start = begin(path, 8)
    is_picture = start.startswith(BEGINNINGS)
    read = read_picture if is_picture else _read_film
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = read(path)
    notes = list(image.notes)
    for warning in caught:
        notes.append(str(warning.message))
    notes += check_film(image.pixels, path)
    each_once = tuple(dict.fromkeys(notes))
    for note in each_once:
        log.info("%s: %s", path, note)
    return replace(image, notes=each_once)


def _read_film(path: str | Path) -> Grey:
    dataset = open_dicom(path)
    try:
        notes = check_radiograph(dataset, path)
    except InputError:
        check_header(dataset, path)  # what is no grey picture at all is said first
        raise
    image = grey(dataset, path)
    pixels, turned = as_hung(image.pixels, dataset, path)
    every = (*image.notes, *notes, *turned)
    return replace(image, pixels=pixels, notes=every)


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


def _mean(pixels: np.ndarray, rows: Span, columns: Span) -> float:
    """Return the mean of a box, given in fractions of the height and the width."""
    height, width = pixels.shape
    down = _between(rows, height)
    across = _between(columns, width)
    return float(pixels[down, across].mean())


def _between(ends: Span, size: int) -> slice:
    first = int(ends[0] * size)
    last = int(ends[1] * size)
    return slice(first, max(last, first + 1))
