"""What a leak looks like in a file: identifiers, report texts, films, and kinds of data file.

Each rule is a function of a file's name and bytes that yields (kind, what was found). Patterns are
those of MIMIC; what is found is judged by tools/check_leaks.py. Explained in
book/credentialed_data.md.
"""

import base64
import binascii
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import nbformat
from PIL import Image

Found = tuple[str, str]  # the kind of leak, and what was found

SIDE = 200  # pixels: a picture as long as this on both sides may be a film
KEYS = "subject|study|hadm|stay|patient|specimen|labevent"
PATH_ID = re.compile(r"(?<![A-Za-z0-9])(p1\d{7}|s5\d{7})(?!\d)")
NAMED_ID = re.compile(rf"(?i)(?:{KEYS})[ _]?(?:id)?\W{{1,8}}(?:\w\()?([1235]\d{{7}})(?!\d)")
HEADER = re.compile(rf"(?i)\b(?:{KEYS})_id\b")
BARE_ID = re.compile(r"(?<![\w.])([1235]\d{7})(?![\w.])")
DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
MADE_UP = re.compile(r"[ps]?[1235]0{6}\d")  # lower than any of MIMIC: for tests and examples
DICOM_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{8}){4}(?![0-9a-f])")
WORDS = (
    "final report|wet read|findings?|impression|indication|history|technique|comparison|"
    "examination|conclusion|recommendations?|addendum|reason for exam"
)
HEADING = re.compile(rf"(?im)(?:^|[\"'>.\\n ])({WORDS})\s*:\s*([^\n\"<\\]{{12,}})")
HEADWORD = re.compile(rf"\b(?=[A-Z])((?i:{WORDS}))\s*:")
LOUD = re.compile(r"(?m)^[ \t]*(?:FINDINGS|IMPRESSION):\s*\w")
TITLE = re.compile(r"(?m)^[ \t]*(FINAL REPORT|WET READ)\s+([A-Z(][^\n]{11,})")
BLANKED = re.compile(r"_{3}")
GAP = re.compile(
    r"(?i)_{3}[ -](?:year|[mf]\b|was |by |at |pm|am|on |compared)[^\n\"<\\]{0,60}"
    r"|(?:dr\.?|compared? (?:to|with)|dated?|on|since|phone|study of|radiograph (?:of|from)) _{3}"
    r"[^\n\"<\\]{0,60}"
)
INLINE = re.compile(rb"data:[\w/+.-]*;base64,([A-Za-z0-9+/=\s]{64,})")
BARE_DICOM = (b"\x08\x00\x05\x00", b"\x08\x00\x08\x00", b"\x02\x00\x00\x00")
DATA = """
.dcm .nii .npy .npz .parquet .arrow .feather .h5 .hdf5 .pkl .pickle .pt .pth .ckpt
.onnx .safetensors .sqlite .db .duckdb .faiss .zip .gz .tgz .tar .bz2 .xz .zst .7z
.rar .tif .tiff .xlsx .xls .docx .pdf .partial .broken .rejects.csv .log .hea .dat
"""


def leaks(name: str, content: bytes) -> Iterator[Found]:
    """Yield every (kind, what) of one file, by its name and its bytes."""
    yield from _data_file(name, content)
    yield from _films(content)
    text = _text(content)
    yield from identifiers(name)
    if text is None:
        return
    yield from identifiers(text)
    yield from reports(text)
    if name.endswith(".ipynb"):
        yield from _outputs(text)
    for match in INLINE.finditer(content):
        yield from _inside(match[1])


def identifiers(text: str) -> Iterator[Found]:
    """Yield identifiers of MIMIC's shape: in a path, beside a name, below a header, of a film."""
    found = {}
    for match in PATH_ID.finditer(text):
        found[match[1]] = None
    for match in NAMED_ID.finditer(text):
        found[match[1]] = None
    for match in DICOM_ID.finditer(text):
        found[match[0]] = None
    if HEADER.search(text):
        for match in BARE_ID.finditer(text):
            if not DATE.fullmatch(match[1]):
                found[match[1]] = None
    for one in found:
        if not MADE_UP.fullmatch(one):
            yield "identifier", one


def reports(text: str) -> Iterator[Found]:
    """Yield the headings of a report that have a text behind them.

    Two different headings make a report, and so does one that begins a line in capitals or stands
    beside a gap of de-identification.
    """
    found = {}
    for match in HEADWORD.finditer(text):
        found[match[1].lower()] = None
    alone = LOUD.search(text) or BLANKED.search(text)
    if len(found) > 1 or found and alone:
        for match in HEADING.finditer(text):
            yield "report", f"{match[1].upper()}: {_short(match[2])}"
    for match in TITLE.finditer(text):
        yield "report", f"{match[1]} {_short(match[2])}"
    for match in GAP.finditer(text):
        yield "de-identified text", _short(match[0])


def _short(text: str) -> str:
    return " ".join(text.split())[:60]


def _text(content: bytes) -> str | None:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    if b"\0" in content[:4096]:
        return None
    return content.decode("utf-8", "replace")


def _data_file(name: str, content: bytes) -> Iterator[Found]:
    """Yield a file of a kind that holds data, told by its name or its first bytes."""
    file = PurePosixPath(name)
    endings = {file.suffix.lower(), "".join(file.suffixes[-2:]).lower()}
    if content[128:132] == b"DICM" or content.startswith(BARE_DICOM):
        yield "DICOM", file.name
    elif (
        endings & set(DATA.split()) or content[:2] in (b"PK", b"\x1f\x8b") or content[:4] == b"PAR1"
    ):
        yield "data file", file.name


def _films(content: bytes) -> Iterator[Found]:
    """Yield a picture that is as large as a film may be, whatever its name says."""
    try:
        picture = Image.open(io.BytesIO(content))
    except (OSError, ValueError, Image.DecompressionBombError):
        return
    width, height = picture.size
    if min(width, height) >= SIDE:
        digest = hashlib.sha256(content).hexdigest()[:16]
        yield "film", f"{width} x {height}, {digest}"


def _outputs(text: str) -> Iterator[Found]:
    """Yield a notebook whose cells have outputs, or one that cannot be read."""
    try:
        notebook = nbformat.reads(text, 4)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is not a clean notebook
        yield "output", f"the notebook cannot be read: {type(error).__name__}"
        return
    for cell in notebook.cells:
        if cell.get("outputs"):
            yield "output", f"cell {cell.get('id', '?')}"
        for attached in cell.get("attachments", {}):
            yield "film", f"attachment {attached}"


def _inside(code: bytes) -> Iterator[Found]:
    """Yield what a picture written into a text would give as a file."""
    try:
        content = base64.b64decode(b"".join(code.split()) + b"==")
    except binascii.Error:
        return
    yield from _films(content)
    if content[128:132] == b"DICM":
        yield "DICOM", "inline"
