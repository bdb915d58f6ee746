"""A film's file before anything of it is decoded: regular, named in UTF-8, and small enough.

The limits bound time and memory, for a small file can unfold into a picture of gigabytes.
Explained in book/01_reading_a_radiograph.
"""

import os
import stat
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from txtray_utils.errors import InputError

PIXELS = 40_000_000  # the most of a film; a mammogram has 24 million
BYTES = 4 * PIXELS  # the most of a file, and of what a deflated one unfolds to
SMALLEST = 64  # pixels, the shorter side of a film
ONE_GREY = 0.99  # the share of pixels that may be alike
ASPECT = 3  # the longer side over the shorter one, at most
_NO_FILM = "Leave it out: it is no radiograph."
_CHUNK = 2**20


def begin(path: str | Path, count: int) -> bytes:
    """Return the first `count` bytes of a regular file.

    Raises:
        InputError: no such file, none that is regular (a folder, pipe or device), larger than
            `BYTES`, or its name is not UTF-8.
    """
    try:
        os.fspath(path).encode()
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            fault = "cannot be opened (it is no regular file)"
            raise InputError(path, fault, "Name the film's own file.")
        with open(path, "rb") as file:
            start = file.read(count)
    except UnicodeEncodeError as error:
        raise InputError(path, "its name is not UTF-8", "Rename the file.") from error
    except InputError:
        raise
    except (OSError, ValueError) as error:  # a path with a zero byte is a ValueError
        reason = getattr(error, "strerror", None) or error
        fault = f"cannot be opened ({reason})"
        raise InputError(path, fault, "Check the path and its permissions.") from error
    if found.st_size > BYTES:
        fault = f"has {found.st_size:,} bytes, more than the {BYTES:,} that a film may have"
        raise InputError(path, fault, _NO_FILM)
    return start


def check_pixels(rows: int, columns: int, where: str | Path) -> None:
    """Raise InputError if a header promises more than `PIXELS`."""
    if rows * columns > PIXELS:
        fault = f"is {columns:,} x {rows:,}, more than the {PIXELS:,} pixels that a film may have"
        raise InputError(where, fault, "Export it smaller.")


def check_unfolds(file: BinaryIO, where: str | Path) -> None:
    """Raise InputError if what is deflated in the rest of a file unfolds to more than `BYTES`."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    unfolded = 0
    left = file.read(_CHUNK)
    while left and not inflater.eof:
        unfolded += len(inflater.decompress(left, _CHUNK))
        if unfolded > BYTES:
            fault = f"unfolds to more than the {BYTES:,} bytes that a film may have"
            raise InputError(where, fault, "Export it without deflation, and smaller.")
        left = inflater.unconsumed_tail or file.read(_CHUNK)


def check_film(pixels: np.ndarray, where: str | Path) -> tuple[str, ...]:
    """Return notes about a picture, (H, W) in [0, 1], that may be a film.

    Raises:
        InputError: it is no film: not 2-D, not finite, a side below `SMALLEST`, one side more than
            `ASPECT` times the other, or one grey of 256 in more than `ONE_GREY` of it.
    """
    if pixels.ndim != 2:
        raise InputError(where, f"has the shape {pixels.shape}, not rows and columns", _NO_FILM)
    height, width = pixels.shape
    short, long = sorted((height, width))
    if short < SMALLEST:
        fault = f"is {width} x {height}, and a film has {SMALLEST} x {SMALLEST} pixels at least"
        raise InputError(where, fault, _NO_FILM)
    if long > ASPECT * short:
        fault = f"is {width} x {height}, a strip; a film's aspect is {ASPECT} to 1 at most"
        raise InputError(where, fault, _NO_FILM)
    black, white = float(pixels.min()), float(pixels.max())
    if not np.isfinite([black, white]).all():
        raise InputError(where, "its greys are not finite numbers", "Leave it out, or mend it.")
    if round(255 * black) == round(255 * white):
        remedy = "Leave it out: there is no picture in it."
        raise InputError(where, "all pixels have the same value of 256 greys", remedy)
    return _contrast(pixels, where)


def _contrast(pixels: np.ndarray, where: str | Path) -> tuple[str, ...]:
    """Return a note where a picture shows little, told from every seventh pixel."""
    some = pixels[::7, ::7]
    levels = np.rint(255 * some).astype(np.uint8)
    counts = np.bincount(levels.ravel(), minlength=256) / levels.size
    often = counts.max()
    if often > ONE_GREY:
        fault = f"{often:.1%} of its pixels have the same value of 256 greys"
        raise InputError(where, fault, "Look at it, and at its window; leave it out.")
    if counts[0] + counts[255] > 0.95:
        return ("it is black and white, almost without grey",)
    if often > 0.95:
        return (f"{often:.1%} of it has one grey",)
    if np.ptp(some) < 0.05:
        return (f"its greys span {np.ptp(some):.1%} of black to white",)
    return ()
