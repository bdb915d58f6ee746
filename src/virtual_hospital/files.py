"""Write one study as MIMIC-CXR writes it: a DICOM file, a JPG and a report.

The DICOM carries the photometric interpretation, bits and window of a real header and says that it
is simulated. Reports are the real Open-i text under MIMIC's headings, for the reader's own disk
only (CC BY-NC-ND 4.0). Explained in book/01_reading_a_radiograph."""

import io
import textwrap
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from txtray_utils.errors import writing
from txtray_utils.studies.sources.openi_package import SECTIONS
from virtual_hospital.cohort import Case

CR_IMAGE = "1.2.840.10008.5.1.4.1.1.1"


COPIED = (
    "PhotometricInterpretation",
    "BitsStored",
    "BitsAllocated",
    "HighBit",
    "KVP",
    "Exposure",
    "ExposureTime",
    "XRayTubeCurrent",
    "DistanceSourceToDetector",
    "WindowCenter",
    "WindowWidth",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "ViewPosition",
    "Modality",
)


def study_folder(case: Case) -> str:
    """Return the folder of a study, as in MIMIC-CXR: files/p10/p10000032/s50414267."""
    return f"files/p{case.subject_id[:2]}/p{case.subject_id}/s{case.study_id}"


def stored_pixels(tone: np.ndarray, header: dict) -> np.ndarray:
    """Turn a film (H, W) in [0, 1] into the uint16 values that a machine with this header stores.

    The header's window, where it has one, shows the film as it is meant to look; MONOCHROME1 stores
    it upside down."""
    top = 2 ** int(header["BitsStored"]) - 1
    centre, width = header.get("WindowCenter"), header.get("WindowWidth")
    if header["PhotometricInterpretation"] == "MONOCHROME1":
        tone = 1 - tone
    if centre is None or width is None:
        low, high = 0.03 * top, 0.97 * top
    else:
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    return np.clip(np.rint(low + tone * (high - low)), 0, top).astype(np.uint16)


def dicom(case: Case, tone: np.ndarray) -> bytes:
    """Return the DICOM file of a study as bytes, the same for the same case."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CR_IMAGE
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[case.dicom_id])
    data = FileDataset("", Dataset(), preamble=b"\0" * 128, file_meta=meta)
    data.SOPClassUID, data.SOPInstanceUID = CR_IMAGE, meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID = generate_uid(entropy_srcs=[case.study_id])
    data.SeriesInstanceUID = generate_uid(entropy_srcs=[case.study_id, "series"])
    data.StudyDate, data.StudyTime = (
        case.study_time.strftime("%Y%m%d"),
        case.study_time.strftime("%H%M%S.%f"),
    )
    data.PatientID, data.PatientName, data.PatientSex = case.subject_id, "", ""
    data.StudyID, data.AccessionNumber, data.BodyPartExamined = case.study_id, "", "CHEST"
    data.ImageType, data.DerivationDescription = (
        ["DERIVED", "PRIMARY"],
        "Simulated radiograph; no person was exposed",
    )
    for name in COPIED:
        if (value := case.header.get(name)) is not None:
            setattr(
                data,
                name,
                int(value) if name in ("Exposure", "ExposureTime", "XRayTubeCurrent") else value,
            )
    if case.header.get("PresentationLUTShape"):
        data.PresentationLUTShape = (
            "INVERSE" if data.PhotometricInterpretation == "MONOCHROME1" else "IDENTITY"
        )
    data.SamplesPerPixel, data.PixelRepresentation = 1, 0
    data.Rows, data.Columns = tone.shape
    data.PixelData = stored_pixels(tone, case.header).tobytes()
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def jpg(tone: np.ndarray) -> bytes:
    """Return a film as MIMIC-CXR-JPG has it: 8 bits, histogram-equalised, quality 95."""
    buffer = io.BytesIO()
    ImageOps.equalize(Image.fromarray(np.rint(tone * 255).astype(np.uint8))).save(
        buffer, "JPEG", quality=95
    )
    return buffer.getvalue()


def report(case: Case, sections: dict[str, str]) -> str:
    """Return the report under MIMIC's headings; an empty section is left out."""
    parts = ["                                 FINAL REPORT", f" EXAMINATION:  CHEST ({case.view})"]
    for name in ("indication", "comparison", *SECTIONS[2:]):
        if sections.get(name):
            text = textwrap.fill(f"{name.upper()}:  {sections[name]}", 78, break_on_hyphens=False)
            parts.append(textwrap.indent(text, " "))
    return "\n \n".join(parts) + "\n"


def write_study(root: Path, case: Case, tone: np.ndarray, sections: dict[str, str]) -> None:
    """Write DICOM, JPG and report below ``root``; InputError if the folder cannot be written or is
    full."""
    folder = study_folder(case)
    for name, content in (
        (f"mimic-cxr/{folder}/{case.dicom_id}.dcm", dicom(case, tone)),
        (f"mimic-cxr-jpg/{folder}/{case.dicom_id}.jpg", jpg(tone)),
        (f"mimic-cxr/{folder}.txt", report(case, sections).encode()),
    ):
        with writing(root / name):
            (root / name).write_bytes(content)
