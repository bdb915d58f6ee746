"""What the header of a DICOM file says about a film before its pixels are decoded.

It is refused, or noted, where it does not describe one radiograph (PS3.3 C.7.3.1, C.7.6.3).
Explained in book/01_reading_a_radiograph.
"""

from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID

from txtray_utils.errors import InputError
from txtray_utils.read.film_file import check_pixels

_GREY = ("MONOCHROME1", "MONOCHROME2")
_RADIOGRAPHS = ("CR", "DX", "DR", "RG", "RF")
_PERHAPS = ("MG", "XA", "PX", "IO", "OT", "SC")  # projections, or anything
_FILM_CLASSES = ("Radiograph", "X-Ray", "Secondary Capture")  # in the name of a SOP class
_LEAVE = "Leave it out: it is no radiograph."


def check_header(dataset: Dataset, where: str | Path) -> None:
    """Raise InputError if a header does not describe one grey picture."""
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
    check_pixels(dataset.get("Rows") or 0, dataset.get("Columns") or 0, where)


def check_radiograph(dataset: Dataset, where: str | Path) -> tuple[str, ...]:
    """Return notes on what a film is a film of.

    Raises:
        InputError: Modality or SOP Class says that it is no radiograph (a CT slice, a dose).
    """
    modality = str(dataset.get("Modality") or "").strip().upper()
    kind = UID(str(dataset.get("SOPClassUID") or ""))
    name = kind.name
    if modality and modality not in _RADIOGRAPHS + _PERHAPS:
        fault = f"is of modality {modality}, not a radiograph ({', '.join(_RADIOGRAPHS)})"
        raise InputError(where, fault, _LEAVE)
    a_film = any(word in name for word in _FILM_CLASSES) and "3D" not in name
    if name != kind and not a_film:
        raise InputError(where, f"its SOP Class is {name}, not a radiograph", _LEAVE)
    notes = []
    if not modality:
        notes.append("Modality is missing, so it was taken for a radiograph")
    if modality in _PERHAPS:
        notes.append(f"Modality {modality} does not say that it is a radiograph of the chest")
    if "For Processing" in name or dataset.get("PresentationIntentType") == "FOR PROCESSING":
        notes.append("it is stored for processing, not for presentation")
    part = str(dataset.get("BodyPartExamined") or "").upper()
    if part and "CHEST" not in part and "THORAX" not in part:
        notes.append(f"Body Part Examined is {part}")
    return tuple(notes)
