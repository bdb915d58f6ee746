"""The one split of Open-i's reports by their words, for every source that reads them.

Many normal reports are word for word the same, and the virtual hospital uses the reports that the
source `openi` reads. So reports of the same words form a group, over all 3,955, and a hash of the
group's words says where it stands: whatever is drawn, composed or read of them, of any size, seed
or source, a test report and its twins are in no training data. Explained in
book/03_linking_images_to_the_record.
"""

import hashlib
import re
from collections.abc import Sequence

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
    whole = _whole(reports)
    words = pd.Series(whole).groupby(text_groups(reports)).transform("min")
    side = np.searchsorted(ENDS, [_share(text) for text in words], side="right")
    splits = [SPLITS[number] for number in side]
    return dict(zip(reports["uid"], splits, strict=True))


def text_groups(reports: pd.DataFrame) -> list[int]:
    """Return a group number for each report; reports with the same words share it.

    The same words: the letters of findings and impression are equal, or those of a findings section
    of 40 letters or more, without regard to case, spaces, digits, punctuation and the XXXX of
    de-identification.
    """
    long_findings: list[str | None] = []
    for findings in reports["findings"]:
        letters = _letters(findings)
        long_findings.append(letters if len(letters) >= _LONG else None)
    links = _links(_whole(reports)) + _links(long_findings)
    return group_numbers(links, len(reports)).tolist()


def _whole(reports: pd.DataFrame) -> list[str]:
    """Return the letters of each report."""
    pairs = zip(reports["findings"], reports["impression"], strict=True)
    return [_letters(f"{findings} {impression}") for findings, impression in pairs]


def _share(words: str) -> float:
    """Return the hash of words as a number in [0, 1]."""
    hashed = hashlib.sha256(f"{SALT} {words}".encode()).digest()
    return int.from_bytes(hashed[:8], "big") / 2**64


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower().replace("xxxx", ""))


def _links(keys: Sequence[str | None]) -> list[tuple[int, int]]:
    """Join each row to the first of the same key; None joins nothing."""
    firsts: dict[str, int] = {}
    links = []
    for row, key in enumerate(keys):
        if key is not None:
            links.append((row, firsts.setdefault(key, row)))
    return links
