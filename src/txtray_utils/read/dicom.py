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
from pydicom.filereader import read_dataset, read_preamble
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing
from pydicom.uid import DeflatedExplicitVRLittleEndian

from txtray_utils.errors import InputError
from txtray_utils.read.film_file import begin, check_unfolds
from txtray_utils.read.film_header import check_header
from txtray_utils.read.greyscale import FETCH_AGAIN, Grey, between_percentiles
from txtray_utils.read.stored import decoded, padding, used_bits

_SLOPES = (1e-6, 1e6)  # what a Rescale Slope may be, without its sign
_INTERCEPT = 1e9  # the most, without its sign
Notes = tuple[str, ...]


def open_dicom(path: str | Path, header_only: bool = False) -> Dataset:
    """Open a DICOM file, without decoding its pixels; with `header_only` not reading them either.

    Raises:
        InputError: it is no DICOM file, cut short, or beyond the limits of `film_file`.
    """
    begin(path, 0)
    try:
        with open(path, "rb") as file:
            read_preamble(file, force=False)
            meta = read_dataset(file, False, True, stop_when=_after_meta)
            if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
                check_unfolds(file, path)
            file.seek(0)
            return pydicom.dcmread(file, stop_before_pixels=header_only)
    except InputError:
        raise
    except InvalidDicomError as error:
        fault = "is not a DICOM, PNG or JPEG file"
        remedy = (
            "Leave it out; DICOM without a preamble can be saved again after dcmread(force=True)."
        )
        raise InputError(path, fault, remedy) from error
    except Exception as error:  # a damaged file can fail anywhere in the parser
        fault = f"cannot be parsed ({type(error).__name__}: {error})"
        raise InputError(path, fault, FETCH_AGAIN) from error


def _after_meta(tag: int, vr: str | None, length: int) -> bool:
    """Tell whether an element stands behind the file meta information, which is group 2."""
    return tag >> 16 != 2


def view_position(path: str | Path) -> str:
    """Return the View Position (0018,5101) of a DICOM file, "" where there is none to be read."""
    try:
        header = open_dicom(path, header_only=True)
        return str(header.get("ViewPosition") or "").strip()
    except Exception:  # noqa: BLE001 - no DICOM file, or one that `read_image` refuses with a reason
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
    check_header(dataset, where)
    stored, bits_notes = used_bits(decoded(dataset, where), dataset, where)
    padded, padding_notes = padding(stored, dataset)
    some_padded = padded.any()
    used = ~padded if some_padded else slice(None)
    if padded.all() or np.ptp(stored[used]) == 0:
        remedy = "Leave it out: there is no picture in it."
        raise InputError(where, "all pixels have the same value", remedy)
    values, steps, notes = _modality(stored, dataset, where)
    shown, shown_by, voi_notes = _voi(values, dataset, used)
    steps.append(shown_by)
    inverse, inverse_notes = _inverse(dataset)
    if inverse:
        shown = 1 - shown
        steps.append("inverted")
    pixels = shown.astype(np.float32)
    if some_padded:
        steps.append("padding made black")
        pixels[padded] = 0
    view = str(dataset.get("ViewPosition") or "")
    photometric = dataset.PhotometricInterpretation
    notes = bits_notes + padding_notes + notes + voi_notes + inverse_notes
    return Grey(pixels, view, photometric, int(dataset.BitsStored), tuple(steps), notes)


def _modality(
    stored: np.ndarray, dataset: Dataset, where: str | Path
) -> tuple[np.ndarray, list[str], Notes]:
    """Return the values of the modality, the steps taken and notes."""
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    if dataset.get("ModalityLUTSequence"):
        table = _wide(dataset, "ModalityLUTSequence")
        values = apply_modality_lut(stored, table)
        if values.min() == values.max():
            fault = "its Modality LUT leaves one value in all pixels"
            raise InputError(where, fault, "Correct or delete the table.")
        return values, ["modality LUT"], ()
    if slope is None and intercept is None:
        return stored, [], ()
    if slope is None or intercept is None:
        return stored, [], ("Rescale Slope and Intercept are not both given, and were ignored",)
    if not _SLOPES[0] <= abs(slope) <= _SLOPES[1] or not abs(intercept) <= _INTERCEPT:
        fault = f"Rescale Slope is {slope} and Intercept {intercept}, which cannot be true"
        raise InputError(where, fault, "Correct both or delete both.")
    return apply_modality_lut(stored, dataset), ["rescale"], ()


def _voi(
    values: np.ndarray, dataset: Dataset, used: np.ndarray | slice
) -> tuple[np.ndarray, str, Notes]:
    """Return the values in [0, 1], the step taken, and notes on what could not be used."""
    notes: Notes = ()
    if dataset.get("VOILUTSequence"):
        shown = _by_lut(values, dataset)
        if np.ptp(shown[used]) > 0:
            return shown, "VOI LUT", ()
        notes = ("its VOI LUT leaves one grey value, and was ignored",)
    centre, width = dataset.get("WindowCenter"), dataset.get("WindowWidth")
    if centre is not None and width is not None:
        try:
            shown = _by_window(values, dataset)
            if np.ptp(shown[used]) > 0:
                kind = dataset.get("VOILUTFunction") or "LINEAR"
                return np.clip(shown, 0, 1), f"window {kind}", notes
            notes += ("its window leaves one grey value, so percentiles were used instead",)
        except ValueError as error:
            notes += (f"its window cannot be used ({error}), so percentiles were used instead",)
    elif centre is not None or width is not None:
        notes += ("Window Center and Width are not both given, and were ignored",)
    return between_percentiles(values, values[used]), "percentiles", notes


def _by_lut(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    entries, first, _ = dataset.VOILUTSequence[0].LUTDescriptor
    last = first + (entries or 2**16) - 1
    table = _wide(dataset, "VOILUTSequence")
    inside = np.clip(np.rint(values), first, last).astype(np.int64)
    every = np.arange(first, last + 1)
    white = apply_voi(every, table).max()  # some makers misstate the depth of the table
    return apply_voi(inside, table) / max(white, 1)


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


def _inverse(dataset: Dataset) -> tuple[bool, Notes]:
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
