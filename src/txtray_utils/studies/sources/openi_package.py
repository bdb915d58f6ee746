"""The Open-i reports, codes and DICOM headers that torchxrayvision packages; no film.

Explained in book/03_linking_images_to_the_record.
"""

import ast
import functools
import importlib.util
import re
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path

import pandas as pd

from txtray_utils.errors import InputError

LICENCE = "CC BY-NC-ND 4.0"
SECTIONS = ("comparison", "indication", "findings", "impression")
HEADER_FIELDS = {  # keyword: the column in the package
    "PhotometricInterpretation": "Photometric Interpretation",
    "BitsStored": "Bits Stored",
    "BitsAllocated": "Bits Allocated",
    "HighBit": "High Bit",
    "KVP": "KVP",
    "Exposure": "Exposure",
    "ExposureTime": "Exposure Time",
    "XRayTubeCurrent": "X-Ray Tube Current",
    "DistanceSourceToDetector": "Distance Source to Detector",
    "WindowCenter": "Window Center",
    "WindowWidth": "Window Width",
    "RescaleSlope": "Rescale Slope",
    "RescaleIntercept": "Rescale Intercept",
    "RescaleType": "Rescale Type",
    "PresentationLUTShape": "Presentation LUT Shape",
    "ViewPosition": "View Position",
    "Modality": "Modality",
    "ImagerPixelSpacing": "Imager Pixel Spacing",
    "PixelSpacing": "Pixel Spacing",
    "Rows": "Rows",
    "Columns": "Columns",
}
ZERO_IS_MISSING = {"KVP", "Exposure", "ExposureTime", "XRayTubeCurrent", "DistanceSourceToDetector"}
_WHOLE_NUMBERS = ("BitsStored", "BitsAllocated", "HighBit", "Rows", "Columns")
_FEMALE = r"(?i:\bfemale|\bwoman|\blady\b|\bgirl\b|pregnan|\bshe\b|ovarian|hysterectom)|\bF\b(?!/)"
_MALE = r"(?i:\bmale|\bman\b|gentleman|\bboy\b|\bhe\b|prostat)|\bM\b"


def packaged(name: str) -> Path:
    """Return a data file of torchxrayvision, found without importing it (that would import torch).

    Raises:
        InputError: torchxrayvision is not installed, or does not hold the file.
    """
    spec = importlib.util.find_spec("torchxrayvision")
    package = Path(spec.submodule_search_locations[0] if spec else "torchxrayvision")
    path = package / "data" / name
    if not path.is_file():
        remedy = "pip install torchxrayvision==1.5.7"
        raise InputError(path, "the package torchxrayvision does not hold it", remedy)
    return path


def read_reports() -> pd.DataFrame:
    """All Open-i reports, in the order of their numbers.

    Columns: uid (such as CXR1), comparison, indication, findings, impression ("" where absent),
    mesh (list of codes) and text (findings and impression joined). Raises InputError if
    torchxrayvision is not installed.
    """
    return _reports().copy()


def read_headers() -> pd.DataFrame:
    """All Open-i DICOM headers: image, uid of the report, age (years) and `HEADER_FIELDS`.

    None is missing. Raises InputError if torchxrayvision is not installed.
    """
    return _headers().copy()


def sex_of(indication: str) -> str | None:
    """F or M where the INDICATION says so and does not say both, else None."""
    female = re.search(_FEMALE, indication)
    male = re.search(_MALE, indication)
    if female and not male:
        return "F"
    return "M" if male and not female else None


@functools.cache
def _reports() -> pd.DataFrame:
    rows = []
    with tarfile.open(packaged("NLMCXR_reports.tgz")) as archive:
        for member in archive:
            if member.isfile():
                tree = ET.parse(archive.extractfile(member))
                rows.append(_report(tree.getroot()))
    reports = pd.DataFrame(rows)
    return reports.sort_values("uid", key=_number, ignore_index=True)


def _number(uids: pd.Series) -> pd.Series:
    return uids.str[3:].astype(int)


def _report(root: ET.Element) -> dict:
    texts = {}
    for element in root.iter("AbstractText"):
        label = element.get("Label", "").lower()
        texts[label] = _one_line(element.text)
    row = {"uid": root.find("uId").get("id")}
    for section in SECTIONS:
        row[section] = texts.get(section, "")
    codes = [_one_line(major.text) for major in root.iter("major")]
    row["mesh"] = list(filter(None, codes))
    body = [row["findings"], row["impression"]]
    row["text"] = " ".join(filter(None, body))
    return row


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


@functools.cache
def _headers() -> pd.DataFrame:
    path = packaged("nlmcxr_dicom_metadata.csv.gz")
    wanted = ["imageid", "Patient's Birth Date", "Study Date", *HEADER_FIELDS.values()]
    table = pd.read_csv(path, usecols=wanted, dtype=str)
    image = table["imageid"]
    headers = pd.DataFrame({"image": image, "uid": image.str.split("_").str[0]})
    born = pd.to_datetime(table["Patient's Birth Date"], format="%Y%m%d")
    taken = pd.to_datetime(table["Study Date"], format="%Y%m%d")
    headers["age"] = (taken - born).dt.days / 365.25
    for keyword, column in HEADER_FIELDS.items():
        values = [_value(keyword, text) for text in table[column]]
        headers[keyword] = pd.Series(values, dtype=object)
    return headers


def _value(keyword: str, text: str | float) -> str | float | int | list[float] | None:
    """A header value in its type; None where it is absent, or is a zero that no tube gives."""
    if not isinstance(text, str):
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    if isinstance(value, list):
        numbers = list(map(float, value))
        return numbers if keyword.endswith("Spacing") else numbers[0]
    if keyword in _WHOLE_NUMBERS:
        return int(value)
    if keyword in ZERO_IS_MISSING and float(value) == 0:
        return None
    return float(value)
