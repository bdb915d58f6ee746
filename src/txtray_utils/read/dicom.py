"""A DICOM file -> a correct grey image.

DICOM PS3.3 says in which order stored values become grey (C.7.6.3, C.11.1, C.11.2, C.11.6): take
the bits stored, apply the Modality LUT or rescale, then the VOI LUT or the first window, then
invert if the lowest value is to be white. pydicom does the single steps, because it follows the
standard through LUTs and sign; this module puts them in order and brings every route to [0, 1].
Explained in book/01_reading_a_radiograph.
"""

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing

from txtray_utils.errors import InputError
from txtray_utils.read.greyscale import FETCH_AGAIN, Grey, between_percentiles

_GREY = ("MONOCHROME1", "MONOCHROME2")


def read_dicom(path: str | Path) -> Grey:
    """Read a DICOM file.

    Raises:
        InputError: it is no DICOM file, cut short, or as for `grey`.
    """
    try:
        dataset = pydicom.dcmread(path)
    except InvalidDicomError as error:
        fault = "is not a DICOM, PNG or JPEG file"
        remedy = (
            "Leave it out; DICOM without a preamble can be saved again after dcmread(force=True)."
        )
        raise InputError(path, fault, remedy) from error
    except Exception as error:  # a damaged file can fail anywhere in the parser
        fault = f"cannot be parsed ({type(error).__name__}: {error})"
        raise InputError(path, fault, FETCH_AGAIN) from error
    return grey(dataset, path)


def view_position(path: str | Path) -> str:
    """Return the View Position (0018,5101) of a DICOM file, "" where there is none to be read."""
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["ViewPosition"])
        return str(header.get("ViewPosition") or "").strip()
    except Exception:  # noqa: BLE001 - no DICOM file, or one that `read_dicom` refuses with a reason
        return ""


def grey(dataset: Dataset, where: str | Path = "dataset") -> Grey:
    """Turn a DICOM data set into a grey image; `where` names it in errors.

    Pixels of the Pixel Padding Value (or up to its Range Limit) are black and do not count. Where
    there is no usable VOI LUT or window, values are scaled between `greyscale.PERCENTILES` of the
    rest. Presentation LUT Shape, where it is given, decides about inversion; else Photometric
    Interpretation does. They say the same thing and are never both applied.

    Raises:
        InputError: no pixel data, a wrong or missing Photometric Interpretation, colour, several
            frames, a transfer syntax that cannot be decoded, pixel data that does not fit the
            header, or one value in all pixels.
    """
    try:
        return _grey(dataset, where)
    except InputError:
        raise
    except Exception as error:  # a malformed element can fail in pydicom in many ways
        fault = f"its header cannot be followed ({type(error).__name__}: {error})"
        remedy = "Correct or delete the element (C.7.6.3, C.11.1, C.11.2)."
        raise InputError(where, fault, remedy) from error


def _grey(dataset: Dataset, where: str | Path) -> Grey:
    _check_header(dataset, where)
    stored = _stored(dataset, where)
    used = ~_padding(stored, dataset)
    if not used.any() or stored[used].min() == stored[used].max():
        remedy = "Leave it out: there is no picture in it."
        raise InputError(where, "all pixels have the same value", remedy)
    values, steps = _modality(stored, dataset)
    shown, shown_by, notes = _voi(values, dataset, used)
    steps.append(shown_by)
    inverse, inverse_notes = _inverse(dataset)
    if inverse:
        shown = 1 - shown
        steps.append("inverted")
    if not used.all():
        steps.append("padding made black")
    pixels = np.where(used, shown, 0).astype(np.float32)
    view = str(dataset.get("ViewPosition") or "")
    photometric = dataset.PhotometricInterpretation
    bits = int(dataset.BitsStored)
    return Grey(pixels, view, photometric, bits, tuple(steps), notes + inverse_notes)


def _check_header(dataset: Dataset, where: str | Path) -> None:
    if "PixelData" not in dataset:
        fault = f"has no pixel data (modality {dataset.get('Modality') or 'unknown'})"
        raise InputError(where, fault, "It is no image, or was cut short.")
    frames = dataset.get("NumberOfFrames") or 1
    samples = dataset.get("SamplesPerPixel", 1)
    photometric = dataset.get("PhotometricInterpretation")
    if frames != 1:
        remedy = "Export the one frame that is the radiograph."
        raise InputError(where, f"has {frames} frames", remedy)
    if samples != 1 or photometric == "PALETTE COLOR":
        fault = f"is a colour image ({photometric})"
        raise InputError(where, fault, "Export it as MONOCHROME2, or leave it out.")
    if photometric not in _GREY:
        said = photometric or "missing"
        fault = f"Photometric Interpretation is {said}, so black and white are not known"
        remedy = f"Set it to {' or '.join(_GREY)} after looking at the picture."
        raise InputError(where, fault, remedy)


def _stored(dataset: Dataset, where: str | Path) -> np.ndarray:
    try:
        return dataset.pixel_array
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


def _padding(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    value = dataset.get("PixelPaddingValue")
    if not isinstance(value, int):
        return np.zeros(stored.shape, bool)
    limit = dataset.get("PixelPaddingRangeLimit", value)
    if not isinstance(limit, int):
        limit = value
    low, high = sorted((value, limit))
    return (stored >= low) & (stored <= high)


def _modality(stored: np.ndarray, dataset: Dataset) -> tuple[np.ndarray, list[str]]:
    """Return the values of the modality and the steps taken."""
    if dataset.get("ModalityLUTSequence"):
        table = _wide(dataset, "ModalityLUTSequence")
        return apply_modality_lut(stored, table), ["modality LUT"]
    if dataset.get("RescaleSlope") is None or dataset.get("RescaleIntercept") is None:
        return stored, []
    return apply_modality_lut(stored, dataset), ["rescale"]


def _voi(
    values: np.ndarray, dataset: Dataset, used: np.ndarray
) -> tuple[np.ndarray, str, tuple[str, ...]]:
    """Return the values in [0, 1], the step taken, and a note if the window could not be used."""
    if dataset.get("VOILUTSequence"):
        return _by_lut(values, dataset), "VOI LUT", ()
    notes: tuple[str, ...] = ()
    if dataset.get("WindowCenter") is not None and dataset.get("WindowWidth") is not None:
        try:
            shown = _by_window(values, dataset)
            if np.ptp(shown[used]) > 0:
                kind = dataset.get("VOILUTFunction") or "LINEAR"
                return np.clip(shown, 0, 1), f"window {kind}", ()
            notes = ("its window leaves one grey value, so percentiles were used instead",)
        except ValueError as error:
            notes = (f"its window cannot be used ({error}), so percentiles were used instead",)
    return between_percentiles(values, values[used]), "percentiles", notes


def _by_lut(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    entries, first, _ = dataset.VOILUTSequence[0].LUTDescriptor
    last = first + (entries or 2**16) - 1
    table = _wide(dataset, "VOILUTSequence")
    inside = np.clip(np.rint(values), first, last).astype(np.int64)
    every = np.arange(first, last + 1)
    white = apply_voi(every, table).max()  # some makers misstate the depth of the table
    return apply_voi(inside, table) / white


def _by_window(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    with np.errstate(over="ignore"):  # the foot of a sigmoid
        black, white = apply_windowing(np.array([-1e12, 1e12]), dataset)
        return (apply_windowing(values, dataset) - black) / (white - black)


def _wide(dataset: Dataset, keyword: str) -> Dataset:
    """Return a data set with the first LUT of `keyword` declared 16 bits deep.

    That leaves its entries as they are. pydicom 3.0 indexes an 8-bit LUT with 8-bit numbers, so
    entry 256 reads entry 0, and knows no 10 to 15 bit Modality LUT.
    """
    source = dataset[keyword].value[0]
    table = Dataset()
    table.add(source["LUTData"])
    descriptor = [*source.LUTDescriptor[:2], 16]
    table.add_new("LUTDescriptor", source["LUTDescriptor"].VR, descriptor)
    wide = Dataset()
    wide.file_meta = dataset.file_meta  # pydicom looks here for the byte order
    setattr(wide, keyword, [table])
    return wide


def _inverse(dataset: Dataset) -> tuple[bool, tuple[str, ...]]:
    """Tell whether the lowest value is to be white, with a note where the header is at odds."""
    photometric = dataset.PhotometricInterpretation
    by_photometric = photometric == "MONOCHROME1"
    shape = str(dataset.get("PresentationLUTShape") or "").strip().upper()
    if not shape:
        return by_photometric, ()
    if shape not in ("IDENTITY", "INVERSE"):
        return by_photometric, (f"unknown Presentation LUT Shape {shape} was ignored",)
    by_shape = shape == "INVERSE"
    if by_shape == by_photometric:
        return by_photometric, ()
    return by_shape, (f"{photometric} contradicts Presentation LUT Shape {shape}",)
