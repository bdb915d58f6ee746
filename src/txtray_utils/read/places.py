"""Where and how severe a finding is, by the words of its clause.

Explained in book/02_reading_a_report.
"""

import re

UNSIDED = ("Cardiomegaly", "Enlarged Cardiomediastinum")
_NOT_A_SIDE = r"(?! (?:atri|ventric|heart|lateral\b))"  # "right atrium", "left lateral view"
_SIDES = {
    "right": r"\bright\b" + _NOT_A_SIDE,
    "left": r"\bleft\b" + _NOT_A_SIDE + r"|\blingula",
    "both": r"\b(?:both|bilateral\w*|bi(?:basilar|basal|apical))\b",
}
_ZONES = {
    "upper": r"\bupper (?:lobe|zone|lung)|\bbi?apic|\bapex|\bapic",
    "middle": r"\bmid(?:dle)?\b|\bmidlung|\blingula|hilar\b",
    "lower": r"\blower (?:lobe|zone|lung)|\b(?:bi)?bas(?:e|es|al|ilar)\b"
    r"|costophrenic|retrocardiac",
}
_SEVERITIES = {
    "mild": r"\b(?:mild|slight|minimal|small|tiny|trace|minor|subtle|thin)(?:ly)?\b",
    "moderate": r"\bmoderate(?:ly)?\b",
    "severe": r"\b(?:severe|large|marked|massive|extensive|gross|dense)(?:ly)?\b",
}
_CLAUSE = re.compile(r"[;,:]|\b(?:but|however|with|while)\b", re.IGNORECASE)


def place_of(sentence: str, label: str, span: tuple[int, int]) -> tuple[str, str, str]:
    """Return side, zone and severity named in a finding's clause, the nearest; "" where none is."""
    clause = _clause(sentence, span)
    side = zone = ""
    if label not in UNSIDED:
        sides = _near(_SIDES, sentence, clause, span)
        words = {word for _, word in sides}
        side = "both" if {"right", "left"} <= words else _nearest(sides)
        zone = _nearest(_near(_ZONES, sentence, clause, span))
    severity = _nearest(_near(_SEVERITIES, sentence, clause, span))
    return side, zone, severity


def _clause(sentence: str, span: tuple[int, int]) -> tuple[int, int]:
    """Return where the clause that holds `span` starts and ends."""
    start, stop = 0, len(sentence)
    for match in _CLAUSE.finditer(sentence):
        for end in match.span():
            if end <= span[0]:
                start = max(start, end)
            if end >= span[1]:
                stop = min(stop, end)
    return start, stop


def _near(
    cues: dict[str, str], sentence: str, clause: tuple[int, int], span: tuple[int, int]
) -> list[tuple[int, str]]:
    """Return the words whose cue is in the clause, with its distance from `span`."""
    near = []
    for word, cue in cues.items():
        for match in re.compile(cue, re.IGNORECASE).finditer(sentence, *clause):
            gap = max(span[0] - match.end(), match.start() - span[1])
            near.append((gap, word))
    return near


def _nearest(near: list[tuple[int, str]]) -> str:
    _, word = min(near, default=(0, ""))
    return word
