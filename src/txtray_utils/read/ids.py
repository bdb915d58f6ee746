"""One person, one identifier: how ids are written before they are compared, split or joined.

"5", " 5", "05" and "5.0" are what spreadsheets make of one id; DOI:X and doi:x are one source.
Explained in book/03_linking_images_to_the_record.
"""

import re
from collections.abc import Iterable

from txtray_utils.errors import InputError
from txtray_utils.read.text import normalised

_WHOLE = re.compile(r"([0-9]+)\.0+")
_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:\s*)(?=10\.)", re.IGNORECASE)
_NOTHING = ("", "nan", "none", "null", "nat", "<na>")


def plain_id(given: object) -> str:
    """Return an id as it is compared: no white space around, no hidden character, "5" for "05",
    "5.0" and 5, small letters, a DOI without what stands before it; "" where it says nothing."""
    text = " ".join(normalised(str(given)).split()).casefold()
    text = _DOI.sub("", text)
    whole = _WHOLE.fullmatch(text)
    if whole:
        text = whole[1]
    if text.isdecimal():
        text = text.lstrip("0") or "0"
    return "" if text in _NOTHING else text


def one_spelling(ids: Iterable[object]) -> dict[object, str]:
    """Return for each id the spelling in which the same id came first.

    Raises:
        InputError: an id says nothing.
    """
    first: dict[str, str] = {}
    spelling = {}
    for given in ids:
        key = plain_id(given)
        if not key:
            remedy = "Give every row the id of its patient, or drop it."
            raise InputError("identifiers", f"one is {given!r}, which names nobody", remedy)
        spelling[given] = first.setdefault(key, str(given))
    return spelling
