"""A PNG or JPEG file -> a grey image: its values as they are, with notes on what was ignored.

Explained in book/01_reading_a_radiograph.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from txtray_utils.errors import InputError
from txtray_utils.read.film_file import begin, check_pixels
from txtray_utils.read.greyscale import FETCH_AGAIN, Grey, between_percentiles

BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff")  # how a PNG and a JPEG begin
_ORIENTATION = 0x0112  # of EXIF
_GREY_STEP = 16  # how far colours of a grey picture may lie apart, for JPEG's rounding


def read_picture(path: str | Path) -> Grey:
    """Read a PNG or JPEG file.

    Raises:
        InputError: cut short, too large, several frames, or one value in all pixels.
    """
    start = begin(path, 26)
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            check_pixels(image.height, image.width, path)
            frames = getattr(image, "n_frames", 1)
            if frames > 1:
                remedy = "Save the one frame that is the radiograph."
                raise InputError(path, f"has {frames} frames", remedy)
            notes = _noted(image, start)
            upright = ImageOps.exif_transpose(image)
            deep = image.mode.startswith("I")
            values, more = _deep(upright) if deep else _shallow(upright)
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        fault = f"has more pixels than a film may have ({error})"
        raise InputError(path, fault, "Export it smaller.") from error
    except Exception as error:  # a damaged file can fail anywhere in its decoder
        raise InputError(path, f"cannot be decoded ({error})", FETCH_AGAIN) from error
    if values.min() == values.max():
        remedy = "Leave it out: there is no picture in it."
        raise InputError(path, "all pixels have the same value", remedy)
    notes += more
    if deep:
        pixels = between_percentiles(values, values)
        pixels = pixels.astype(np.float32)
        return Grey(pixels, "", "", 16, ("percentiles",), notes)
    pixels = values / 255
    pixels = pixels.astype(np.float32)
    return Grey(pixels, "", "", 8, (), notes)


def _noted(image: Image.Image, start: bytes) -> tuple[str, ...]:
    """Return notes on what a picture says that is ignored or followed; `start` of its file."""
    notes = []
    orientation = image.getexif().get(_ORIENTATION, 1)
    if orientation in range(2, 9):
        notes.append(f"EXIF orientation {orientation} was applied: turned or mirrored")
    elif orientation != 1:
        notes.append(f"EXIF orientation {orientation} is unknown and was ignored")
    if image.format == "PNG" and start[24:25] == b"\x10" and not image.mode.startswith("I"):
        notes.append("colour or transparency of 16 bits was cut to 8 bits")
    across, down = image.info.get("dpi") or image.info.get("aspect") or (1, 1)
    if across and down and abs(across / down - 1) > 0.01:
        notes.append(f"its pixels are not square ({across:g} x {down:g}), which was ignored")
    gamma = image.info.get("gamma", 1 / 2.2)
    if abs(gamma * 2.2 - 1) > 0.02:
        notes.append(f"its gamma of {gamma:g} was ignored")
    return tuple(notes)


def _deep(image: Image.Image) -> tuple[np.ndarray, tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    if "transparency" in image.info:
        notes = ("its transparent value was ignored",)
    return np.asarray(image).astype(np.float64), notes


def _shallow(image: Image.Image) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return 8-bit greys (H, W) and notes on colour and transparency."""
    if image.mode == "L" and "transparency" not in image.info:
        return np.asarray(image), ()
    if image.mode == "CMYK":
        image = image.convert("RGB")
    colour = image.convert("RGBA")
    black = Image.new("RGBA", image.size, "black")
    opaque = Image.alpha_composite(black, colour)
    notes = []
    if colour.getchannel("A").getextrema()[0] < 255:
        notes.append("transparent parts were made black")
    some = np.asarray(colour.reduce(8))[..., :3].astype(int)
    if np.ptp(some, axis=2).max() > _GREY_STEP:
        notes.append("it has colours, which were made grey")
    return np.asarray(opaque.convert("L")), tuple(notes)
