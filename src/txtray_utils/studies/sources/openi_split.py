"""The one split of Open-i's reports by their words, for every source that reads them.

Many normal reports are word for word the same, and the virtual hospital uses the reports that the
source `openi` reads. So reports of the same words form a group, over all 3,955, and a hash of the
group's words says where it stands: whatever is drawn, composed or read of them, of any size, seed
or source, a test report and its twins are in no training data. Explained in
book/03_linking_images_to_the_record.
"""

import hashlib
import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from txtray_utils.studies.splits import SPLITS, group_numbers

ENDS = (0.7, 0.8)  # where the hashes of train and of validate end
# Of 300 salts the one that parts the 19 findings nearest to 70, 10 and 20 % and leaves at least
# five of each in test; chosen by counts alone, before any model was trained on this split.
SALT = 181
_LONG = 40  # letters, from which equal findings sections make two reports twins


def split_of_reports(reports: pd.DataFrame) -> dict[str, str]:
    """Return the split of each report by its uid; give all of `openi_package.read_reports`.

    The SHA-256 of `SALT` and a group's words, as a share of its range, is cut at 70 and 80 %: no
    seed, and nothing else, has a say. The words of a group are the letters of its first report by
    the alphabet.
    """
    groups = text_groups(reports)
    letters = _whole(reports).groupby(groups)
    words = letters.transform("min")
    split = {}
    for uid, text in zip(reports["uid"], words, strict=True):
        side = np.searchsorted(ENDS, _share(text), side="right")
        split[uid] = SPLITS[side]
    return split


def text_groups(reports: pd.DataFrame) -> list[int]:
    """Return a group number for each report; reports with the same words share it.

    The same words: the letters of findings and impression are equal, or those of a findings section
    of 40 letters or more, without regard to case, spaces, digits, punctuation and the XXXX of
    de-identification.
    """
    findings = reports["findings"].map(_letters)
    long = findings.str.len() >= _LONG
    findings = findings.where(long, "")
    links = _links(_whole(reports))
    links += _links(findings)
    return group_numbers(links, len(reports)).tolist()


def _whole(reports: pd.DataFrame) -> pd.Series:
    """Return the letters of each report."""
    texts = reports["findings"] + " " + reports["impression"]
    return texts.map(_letters)


def _share(words: str) -> float:
    """Return the hash of words as a number in [0, 1]."""
    salted = f"{SALT} {words}"
    hashed = hashlib.sha256(salted.encode())
    start = hashed.digest()[:8]
    return int.from_bytes(start, "big") / 2**64


def _letters(text: str) -> str:
    known = text.lower().replace("xxxx", "")
    return re.sub(r"[^a-z]", "", known)


def _links(keys: Iterable[str]) -> list[tuple[int, int]]:
    """Join each row to the first of the same letters; no letters join nothing."""
    firsts: dict[str, int] = {}
    links = []
    for row, key in enumerate(keys):
        if key:
            first = firsts.setdefault(key, row)
            links.append((row, first))
    return links
