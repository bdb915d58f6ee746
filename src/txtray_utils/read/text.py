"""The characters of a text: decoded or refused, and written in one way, so that a word is itself.

A soft hyphen, a ligature or a hyphen at the end of a line within "pneumothorax" hides it from every
pattern. Plain ASCII in whole words comes out as it went in. Explained in book/02_reading_a_report.
"""

import re
import unicodedata
from pathlib import Path

from txtray_utils.errors import InputError

_MARKS = (b"\xff\xfe", b"\xfe\xff")  # of UTF-16
_HIDDEN = re.compile(  # shown by nobody: control characters, joiners, marks of direction
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_SOFT = re.compile("\xad(?:[ \t]*\r?\n[ \t]*)?")
_LOST = re.compile("[\ud800-\udfff]")  # half a character
_SIGNS = str.maketrans("‐‒−’‘“”\u2028\u2029\x85", "---''\"\"\n\n\n")
_BROKEN = re.compile(r"(?<=[A-Za-z])-[ \t]*\n[ \t]*(?=[a-z])")
_HEADS = re.compile(  # what keeps its hyphen: right-sided, follow-up
    r"\b(?:right|left|upper|lower|mid|well|ill|non|follow|post|pre|x|air|high|low|large|small|mild"
    r"|long|short|thin|thick|old|new|self|one|two|three|four|six|year|ground|soft|single|double"
    r"|multi|semi|sub|peri|anti|chest|end|gas|cardio|pleuro|broncho|reticulo)$",
    re.IGNORECASE,
)
_TAILS = re.compile(
    r"(?:sided|up|old|to|of|in|on|and|or|like|shaped|defined|ray|rays|line|level|levels|related"
    r"|based|free|sized|standing|appearing|looking|seated|term|lying|dependent|year|view)\b"
)
_NEAR = 20  # characters of a word that are looked at


def decoded(data: bytes, path: str | Path, remedy: str) -> str:
    """Return the text of a file's bytes, which must be UTF-8.

    Raises:
        InputError: they are not, or hold zeros, as UTF-16 without a mark does.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fault = f"byte 0x{data[error.start]:02x} at {error.start} is not UTF-8"
        if data.startswith(_MARKS):
            remedy = "It is UTF-16. Convert it: iconv -f utf-16 -t utf-8"
        raise InputError(path, fault, remedy) from error
    if "\0" in text:
        fault = f"holds a zero at character {text.index(chr(0))}, as UTF-16 without a mark does"
        remedy = "Convert it: iconv -f utf-16le -t utf-8 (or utf-16be), or fetch it again."
        raise InputError(path, fault, remedy)
    return text


def normalised(text: str) -> str:
    """Return a text with each character written in one way (NFKC), and each word whole.

    Hidden characters and soft hyphens go; a word parted by a hyphen at the end of a line is joined
    ("right-sided" keeps its hyphen); half a character (a lone surrogate) becomes U+FFFD.
    """
    if not text.isascii():
        text = _SOFT.sub("", text)
        text = _LOST.sub("\ufffd", _HIDDEN.sub("", text))
        text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    text = _HIDDEN.sub("", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _BROKEN.sub(_joint, text)


def _joint(hyphen: re.Match) -> str:
    text, start, end = hyphen.string, hyphen.start(), hyphen.end()
    head = text[max(start - _NEAR, 0) : start]
    tail = text[end : end + _NEAR]
    compound = _HEADS.search(head) or _TAILS.match(tail)
    return "-" if compound else ""
