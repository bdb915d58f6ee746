"""Any file of a radiograph -> a correct grey image: float32 in [0, 1], bright is dense.

DICOM PS3.3 says in which order stored values become grey (C.7.6.3, C.11.1, C.11.2, C.11.6): take
the bits stored, apply the Modality LUT or rescale, then the VOI LUT or the first window, then
invert if the lowest value is to be white. pydicom does the single steps, because it follows the
standard through LUTs and sign; this module puts them in order, brings every route to [0, 1], and
turns each way in which a file can be bad into an `InputError`. Explained in
book/01_reading_a_radiograph."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing

from txtray_utils.errors import InputError

SIDE = 512  # pixels, longest side of an image in the study table


PERCENTILES = (0.5, 99.5)  # black and white where a file says nothing about how it is to be shown


_GREY = ("MONOCHROME1", "MONOCHROME2")


_WHOLE = "Fetch the file again and compare its size or checksum with the source."


@dataclass(frozen=True)
class Grey:
    """A grey image and how it came to be.

    `pixels` is float32 (H, W) in [0, 1]. `view` and `photometric` are as the header says ("" where
    it is silent or there is none), `bits` is the depth stored. `steps` lists what was applied, in
    order; `notes` what looked wrong but did not stop the reading."""

    pixels: np.ndarray
    view: str
    photometric: str
    bits: int
    steps: tuple[str, ...]
    notes: tuple[str, ...]


def read_image(path: str | Path) -> Grey:
    """Read a DICOM, PNG or JPEG file, told apart by content, not by name.

    An 8-bit PNG or JPEG holds display values already: it is divided by 255, colour made grey,
    transparency made black. One of 16 bits rarely fills its range: it is scaled between
    `PERCENTILES`.

    Raises:
        InputError: no such file, none of the three kinds, cut short, several frames, or as for
    `grey`."""
    try:
        with open(path, "rb") as file:
            start = file.read(8)
    except OSError as error:
        raise InputError(
            path, f"cannot be opened ({error.strerror})", "Check the path and its permissions."
        ) from error
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = (
            _read_picture(path)
            if start.startswith((b"\x89PNG", b"\xff\xd8\xff"))
            else _read_dicom(path)
        )
    notes = dict.fromkeys((*image.notes, *(str(warning.message) for warning in caught)))
    return Grey(image.pixels, image.view, image.photometric, image.bits, image.steps, tuple(notes))


def grey(dataset: Dataset, where: str | Path = "dataset") -> Grey:
    """Turn a DICOM data set into a grey image; `where` names it in errors.

    Pixels of the Pixel Padding Value (or up to its Range Limit) are black and do not count. Where
    there is no usable VOI LUT or window, values are scaled between `PERCENTILES` of the rest.
    Presentation LUT Shape, where it is given, decides about inversion; else Photometric
    Interpretation does. They say the same thing and are never both applied.

    Raises:
        InputError: no pixel data, a wrong or missing Photometric Interpretation, colour, several
            frames, a transfer syntax that cannot be decoded, pixel data that does not fit the
            header, or one value in all pixels."""
    try:
        return _grey(dataset, where)
    except InputError:
        raise
    except Exception as error:  # a malformed element can fail in pydicom in many ways
        fault = f"its header cannot be followed ({type(error).__name__}: {error})"
        raise InputError(
            where, fault, "Correct or delete the element (C.7.6.3, C.11.1, C.11.2)."
        ) from error


def shrunk(pixels: np.ndarray) -> np.ndarray:
    """Return `pixels` (float, (H, W), in [0, 1]) as uint8 with the longest side at most `SIDE`, as
    the study table has it."""
    image = Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def polarity(pixels: np.ndarray) -> float:
    """Return how far a frontal film (H, W) in [0, 1] is the right way round: above 0 likely, below
    0 likely inverted.

    No header tells whether its Photometric Interpretation is true, so this looks: the middle of the
    chest (spine, heart) against the middle of either lung and the upper corners (air), whose mean
    grey it should exceed. A film that is turned on its side, or shows no chest, makes it
    meaningless."""
    height, width = pixels.shape

    def box(top: float, bottom: float, left: float, right: float) -> float:
        first, start = int(top * height), int(left * width)
        rows = slice(first, max(int(bottom * height), first + 1))
        return float(pixels[rows, start : max(int(right * width), start + 1)].mean())

    middle = box(0.3, 0.95, 0.44, 0.56)
    lungs = (box(0.22, 0.62, 0.16, 0.38) + box(0.22, 0.62, 0.62, 0.84)) / 2
    corners = (box(0, 0.125, 0, 0.125) + box(0, 0.125, 0.875, 1)) / 2
    return middle - (lungs + corners) / 2


def polarity_suspect(pixels: np.ndarray) -> bool:
    """Tell whether a frontal film looks inverted: the header may be wrong, so a person should look
    at it."""
    return polarity(pixels) < 0


def _read_picture(path: str | Path) -> Grey:
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            if getattr(image, "n_frames", 1) > 1:
                raise InputError(
                    path,
                    f"has {image.n_frames} frames",
                    "Save the one frame that is the radiograph.",
                )
            if image.mode.startswith("I"):
                values, bits, steps = np.asarray(image).astype(np.float64), 16, ("percentiles",)
            else:
                colour = image.convert("RGBA")
                black = Image.new("RGBA", image.size, "black")
                values, bits, steps = (
                    np.asarray(Image.alpha_composite(black, colour).convert("L")),
                    8,
                    (),
                )
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(path, f"cannot be decoded ({error})", _WHOLE) from error
    if values.min() == values.max():
        raise InputError(
            path, "all pixels have the same value", "Leave it out: there is no picture in it."
        )
    pixels = _between_percentiles(values, values) if bits == 16 else values / 255
    return Grey(pixels.astype(np.float32), "", "", bits, steps, ())


def _read_dicom(path: str | Path) -> Grey:
    try:
        dataset = pydicom.dcmread(path)
    except InvalidDicomError as error:
        remedy = (
            "Leave it out; DICOM without a preamble can be saved again after dcmread(force=True)."
        )
        raise InputError(path, "is not a DICOM, PNG or JPEG file", remedy) from error
    except Exception as error:  # a damaged file can fail anywhere in the parser
        raise InputError(
            path, f"cannot be parsed ({type(error).__name__}: {error})", _WHOLE
        ) from error
    return grey(dataset, path)


def _grey(dataset: Dataset, where: str | Path) -> Grey:
    _check_header(dataset, where)
    stored = _stored(dataset, where)
    used = ~_padding(stored, dataset)
    if not used.any() or stored[used].min() == stored[used].max():
        raise InputError(
            where, "all pixels have the same value", "Leave it out: there is no picture in it."
        )
    values, steps = _modality(stored, dataset)
    shown, shown_by, notes = _voi(values, dataset, used)
    inverse, inverse_notes = _inverse(dataset)
    pixels = np.where(used, 1 - shown if inverse else shown, 0).astype(np.float32)
    steps += (
        shown_by,
        *(["inverted"] if inverse else []),
        *([] if used.all() else ["padding made black"]),
    )
    view, photometric = str(dataset.get("ViewPosition") or ""), dataset.PhotometricInterpretation
    return Grey(pixels, view, photometric, int(dataset.BitsStored), steps, notes + inverse_notes)


def _check_header(dataset: Dataset, where: str | Path) -> None:
    if "PixelData" not in dataset:
        kind = dataset.get("Modality") or "unknown"
        raise InputError(
            where, f"has no pixel data (modality {kind})", "It is no image, or was cut short."
        )
    frames, samples = dataset.get("NumberOfFrames") or 1, dataset.get("SamplesPerPixel", 1)
    photometric = dataset.get("PhotometricInterpretation")
    if frames != 1:
        raise InputError(
            where, f"has {frames} frames", "Export the one frame that is the radiograph."
        )
    if samples != 1 or photometric == "PALETTE COLOR":
        raise InputError(
            where,
            f"is a colour image ({photometric})",
            "Export it as MONOCHROME2, or leave it out.",
        )
    if photometric not in _GREY:
        fault = f"Photometric Interpretation is {photometric or 'missing'}, so black and white are not known"
        raise InputError(
            where, fault, f"Set it to {' or '.join(_GREY)} after looking at the picture."
        )


def _stored(dataset: Dataset, where: str | Path) -> np.ndarray:
    try:
        return dataset.pixel_array
    except Exception as error:  # each decoder has exceptions of its own
        syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
        name = getattr(syntax, "name", "unknown transfer syntax")
        first = str(error).strip().splitlines()[0] if str(error).strip() else ""
        fault = f"its pixels cannot be decoded from {name} ({type(error).__name__}: {first})"
        remedy = f"{_WHOLE} For a compressed syntax install a decoder (pylibjpeg or gdcm), or decompress it elsewhere."
        raise InputError(where, fault, remedy) from error


def _padding(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    value = dataset.get("PixelPaddingValue")
    if not isinstance(value, int):
        return np.zeros(stored.shape, bool)
    limit = dataset.get("PixelPaddingRangeLimit", value)
    low, high = sorted((value, limit if isinstance(limit, int) else value))
    return (stored >= low) & (stored <= high)


def _modality(stored: np.ndarray, dataset: Dataset) -> tuple[np.ndarray, tuple[str, ...]]:
    if dataset.get("ModalityLUTSequence"):
        return apply_modality_lut(stored, _wide(dataset, "ModalityLUTSequence")), ("modality LUT",)
    if dataset.get("RescaleSlope") is None or dataset.get("RescaleIntercept") is None:
        return stored, ()
    return apply_modality_lut(stored, dataset), ("rescale",)


def _voi(
    values: np.ndarray, dataset: Dataset, used: np.ndarray
) -> tuple[np.ndarray, str, tuple[str, ...]]:
    """Return the values in [0, 1], the step taken and a note where the header's window could not be
    used."""
    notes: tuple[str, ...] = ()
    if luts := dataset.get("VOILUTSequence"):
        entries, first, _ = luts[0].LUTDescriptor
        last, wide = first + (entries or 2**16) - 1, _wide(dataset, "VOILUTSequence")
        shown = apply_voi(np.clip(np.rint(values), first, last).astype(np.int64), wide)
        white = apply_voi(
            np.arange(first, last + 1), wide
        ).max()  # some makers misstate the depth of the table
        return shown / white, "VOI LUT", notes
    if dataset.get("WindowCenter") is not None and dataset.get("WindowWidth") is not None:
        try:
            with np.errstate(over="ignore"):  # the foot of a sigmoid
                black, white = apply_windowing(np.array([-1e12, 1e12]), dataset)
                shown = (apply_windowing(values, dataset) - black) / (white - black)
            if np.ptp(shown[used]) > 0:
                return (
                    np.clip(shown, 0, 1),
                    f"window {dataset.get('VOILUTFunction') or 'LINEAR'}",
                    notes,
                )
            notes = ("its window leaves one grey value, so percentiles were used instead",)
        except ValueError as error:
            notes = (f"its window cannot be used ({error}), so percentiles were used instead",)
    return _between_percentiles(values, values[used]), "percentiles", notes


def _wide(dataset: Dataset, keyword: str) -> Dataset:
    """Return a data set with the first LUT of `keyword` declared 16 bits deep, which leaves its
    entries as they are.

    pydicom 3.0 indexes an 8-bit LUT with 8-bit numbers, so entry 256 reads entry 0, and knows no 10
    to 15 bit Modality LUT."""
    source = dataset[keyword].value[0]
    table = Dataset()
    table.add(source["LUTData"])
    table.add_new("LUTDescriptor", source["LUTDescriptor"].VR, [*source.LUTDescriptor[:2], 16])
    wide = Dataset()
    wide.file_meta = dataset.file_meta  # pydicom looks here for the byte order
    setattr(wide, keyword, [table])
    return wide


def _between_percentiles(values: np.ndarray, used: np.ndarray) -> np.ndarray:
    black, white = np.percentile(used, PERCENTILES)
    if black == white:
        black, white = used.min(), used.max()
    return np.clip((values.astype(np.float64) - black) / (white - black), 0, 1)


def _inverse(dataset: Dataset) -> tuple[bool, tuple[str, ...]]:
    by_photometric = dataset.PhotometricInterpretation == "MONOCHROME1"
    shape = str(dataset.get("PresentationLUTShape") or "").strip().upper()
    if shape not in ("IDENTITY", "INVERSE"):
        return by_photometric, () if not shape else (
            f"unknown Presentation LUT Shape {shape} was ignored",
        )
    if (shape == "INVERSE") == by_photometric:
        return by_photometric, ()
    return not by_photometric, (
        f"{dataset.PhotometricInterpretation} contradicts Presentation LUT Shape {shape}",
    )
