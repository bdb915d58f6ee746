"""Stored values of a DICOM film: decoded, without spare bits, and which of them are padding.

PS3.3 C.7.6.3.1 and C.7.5.1.1.2; PS3.5 section 8.1.1. Explained in book/01_reading_a_radiograph.
"""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array

from txtray_utils.errors import InputError
from txtray_utils.read.greyscale import FETCH_AGAIN

_OVERLAYS = range(0x6000, 0x6020, 2)
Notes = tuple[str, ...]


def decoded(dataset: Dataset, where: str | Path) -> np.ndarray:
    """Return the pixels of a DICOM film, (H, W), as they lie in the file, spare bits included.

    Raises:
        InputError: they cannot be decoded, or are several frames.
    """
    try:
        stored = pixel_array(dataset, correct_unused_bits=False)
    except Exception as error:  # each decoder has exceptions of its own
        meta = getattr(dataset, "file_meta", None)
        syntax = getattr(meta, "TransferSyntaxUID", None)
        name = getattr(syntax, "name", "unknown transfer syntax")
        first, *_ = str(error).strip().splitlines() or [""]
        fault = f"its pixels cannot be decoded from {name} ({type(error).__name__}: {first})"
        remedy = (
            f"{FETCH_AGAIN} For a compressed syntax install a decoder (pylibjpeg or gdcm), "
            "or decompress it elsewhere."
        )
        raise InputError(where, fault, remedy) from error
    if stored.ndim != 2:
        fault = f"holds {len(stored)} frames, and its header does not say so"
        raise InputError(where, fault, "Export the one frame that is the radiograph.")
    return stored


def used_bits(stored: np.ndarray, dataset: Dataset, where: str | Path) -> tuple[np.ndarray, Notes]:
    """Return pixels (H, W) without what lies in the bits above Bits Stored, and a note on it.

    An overlay may lie there, or one value in all pixels.

    Raises:
        InputError: what lies there belongs to the picture, or High Bit is at odds with Bits Stored.
    """
    high = dataset.get("HighBit")
    if isinstance(high, int) and high != dataset.BitsStored - 1:
        fault = f"High Bit is {high} and Bits Stored {dataset.BitsStored}: which bits count?"
        raise InputError(where, fault, "Set High Bit to Bits Stored less one, or export it again.")
    spare = 8 * stored.itemsize - dataset.BitsStored
    unsigned = stored.dtype.kind == "u"
    if spare <= 0 or (unsigned and not int(stored.max()) >> dataset.BitsStored):
        return stored, ()
    used = (stored << spare) >> spare
    if np.array_equal(used, stored):
        return stored, ()
    above = stored ^ used
    overlay = any((group, 0x0102) in dataset for group in _OVERLAYS)
    if not overlay and above.min() != above.max():
        short_sign = dataset.PixelRepresentation == 1 and stored.min() >= 0
        if not short_sign or stored.max() >> dataset.BitsStored or _rough(stored) < _rough(used):
            fault = f"its pixels go beyond Bits Stored ({dataset.BitsStored}), or their sign does"
            remedy = "Correct Bits Stored, High Bit or Pixel Representation, or export it again."
            raise InputError(where, fault, remedy)
    return used, (f"bits above Bits Stored ({dataset.BitsStored}) were left out",)


def _rough(pixels: np.ndarray) -> float:
    """Return the mean step between neighbours in a row: large where values wrap."""
    steps = np.diff(pixels.astype(np.float32))
    return float(np.abs(steps).mean())


def padding(stored: np.ndarray, dataset: Dataset) -> tuple[np.ndarray, Notes]:
    """Return which pixels are padding, bool (H, W), and notes on what is wrong about it."""
    value = dataset.get("PixelPaddingValue")
    limit = dataset.get("PixelPaddingRangeLimit")
    ignored = "{} is {}, and was ignored"
    none = np.zeros(stored.shape, bool)
    if not isinstance(value, int):
        said = value if value is not None else limit
        notes = (ignored.format("Pixel Padding Value", value),) if said is not None else ()
        return none, notes
    notes = ()
    if limit is None:
        limit = value
    elif not isinstance(limit, int):
        notes = (ignored.format("Pixel Padding Range Limit", limit),)
        limit = value
    least, most = np.iinfo(stored.dtype).min, np.iinfo(stored.dtype).max
    ends = []
    for end in (value, limit):
        if not least <= end <= most:
            end += (most - least + 1) * (1 if end < least else -1)
            notes += ("Pixel Padding Value has the wrong sign, which was mended",)
        ends.append(end)
    low, high = sorted(ends)
    return (stored >= low) & (stored <= high), notes
