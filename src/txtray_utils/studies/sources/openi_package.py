"""NEW MODULE."""

import ast
import functools
import importlib.util
import re
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from txtray_utils.errors import InputError

LICENCE = "CC BY-NC-ND 4.0"


SECTIONS = ("comparison", "indication", "findings", "impression")


HEADER_FIELDS = {
    "PhotometricInterpretation": "Photometric Interpretation", "BitsStored": "Bits Stored",
    "BitsAllocated": "Bits Allocated", "HighBit": "High Bit", "KVP": "KVP", "Exposure": "Exposure",
    "ExposureTime": "Exposure Time",
    "XRayTubeCurrent": "X-Ray Tube Current", "DistanceSourceToDetector": "Distance Source to Detector",
    "WindowCenter": "Window Center", "WindowWidth": "Window Width", "RescaleSlope": "Rescale Slope",
    "RescaleIntercept": "Rescale Intercept", "RescaleType": "Rescale Type",
    "PresentationLUTShape": "Presentation LUT Shape",
    "ViewPosition": "View Position", "Modality": "Modality", "ImagerPixelSpacing": "Imager Pixel Spacing",
    "PixelSpacing": "Pixel Spacing", "Rows": "Rows", "Columns": "Columns",
}  # fmt: skip


ZERO_IS_MISSING = {"KVP", "Exposure", "ExposureTime", "XRayTubeCurrent", "DistanceSourceToDetector"}


_FEMALE = r"(?i:\bfemale|\bwoman|\blady\b|\bgirl\b|pregnan|\bshe\b|ovarian|hysterectom)|\bF\b(?!/)"


_MALE = r"(?i:\bmale|\bman\b|gentleman|\bboy\b|\bhe\b|prostat)|\bM\b"


def packaged(name: str) -> Path:
    """Return a data file of torchxrayvision, found without importing it (which would import torch).

    Raises:
        InputError: torchxrayvision is not installed, or does not hold the file.
    """
    spec = importlib.util.find_spec("torchxrayvision")
    path = Path(spec.submodule_search_locations[0] if spec else "torchxrayvision") / "data" / name
    if not path.is_file():
        raise InputError(path, "the package torchxrayvision does not hold it", "pip install torchxrayvision==1.5.7")
    return path


@functools.cache
def _reports() -> pd.DataFrame:
    rows = []
    with tarfile.open(packaged("NLMCXR_reports.tgz")) as archive:
        for member in archive:
            if member.isfile():
                rows.append(_report(ET.parse(archive.extractfile(member)).getroot()))
    reports = pd.DataFrame(rows)
    return reports.sort_values("uid", key=lambda s: s.str[3:].astype(int), ignore_index=True)


def _report(root: ET.Element) -> dict:
    texts = {t.get("Label", "").lower(): " ".join((t.text or "").split()) for t in root.iter("AbstractText")}
    row = {"uid": root.find("uId").get("id"), **{s: texts.get(s, "") for s in SECTIONS}}
    row["mesh"] = [" ".join(m.text.split()) for m in root.iter("major") if m.text and m.text.strip()]
    row["text"] = " ".join(row[s] for s in ("findings", "impression") if row[s])
    return row


def read_reports() -> pd.DataFrame:
    """All Open-i reports, in the order of their numbers.

    Columns: uid (such as CXR1), comparison, indication, findings, impression ("" where absent), mesh (list of codes)
    and text (findings and impression joined). Raises InputError if torchxrayvision is not installed.
    """
    return _reports().copy()


@functools.cache
def _headers() -> pd.DataFrame:
    path = packaged("nlmcxr_dicom_metadata.csv.gz")
    wanted = ["imageid", "Patient's Birth Date", "Study Date", *HEADER_FIELDS.values()]
    table = pd.read_csv(path, usecols=wanted, dtype=str)
    headers = pd.DataFrame({"image": table["imageid"], "uid": table["imageid"].str.split("_").str[0]})
    born, taken = (pd.to_datetime(table[c], format="%Y%m%d") for c in ("Patient's Birth Date", "Study Date"))
    headers["age"] = (taken - born).dt.days / 365.25
    for keyword, column in HEADER_FIELDS.items():
        headers[keyword] = pd.Series([_value(keyword, v) for v in table[column]], dtype=object)
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
        value = [float(v) for v in value]
        return value if keyword.endswith("Spacing") else value[0]
    if keyword in ("BitsStored", "BitsAllocated", "HighBit", "Rows", "Columns"):
        return int(value)
    return None if keyword in ZERO_IS_MISSING and float(value) == 0 else float(value)


def read_headers() -> pd.DataFrame:
    """All Open-i DICOM headers: image, uid of the report, age (years) and `HEADER_FIELDS` (None = missing).

    Raises InputError if torchxrayvision is not installed.
    """
    return _headers().copy()


def text_groups(reports: pd.DataFrame) -> list[int]:
    """A group number for each report; reports with the same words share it, so that no text stands in two splits.

    The same words: the letters of findings and impression are equal, or those of a findings section of 40 letters or
    more, without regard to case, spaces, digits, punctuation and the XXXX of de-identification. Many normal reports are
    word for word the same.
    """
    whole = [_letters(f"{f} {i}") for f, i in zip(reports["findings"], reports["impression"], strict=True)]
    findings = [key if len(key := _letters(text)) >= 40 else None for text in reports["findings"]]
    firsts = [pd.Series(keys).groupby(keys, dropna=True).transform("idxmin") for keys in (whole, findings)]
    n, links = len(reports), [(i, int(j)) for first in firsts for i, j in first.dropna().items()]
    graph = coo_array((np.ones(len(links)), tuple(np.array(links, int).reshape(-1, 2).T)), shape=(n, n))
    return connected_components(graph, directed=False)[1].tolist()


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower().replace("xxxx", ""))


def sex_of(indication: str) -> str | None:
    """F or M where the INDICATION says so and does not say both, else None."""
    female, male = (re.search(words, indication) for words in (_FEMALE, _MALE))
    return "F" if female and not male else "M" if male and not female else None
