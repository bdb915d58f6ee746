"""What an Open-i MeSH code says: its parts, and the findings and labels that it states.

The codes are those of Demner-Fushman et al. 2016 (doi 10.1093/jamia/ocv080):
`Heading/qualifier/qualifier`. What each means stands in `read.mesh_rules`. Explained in
book/02_reading_a_report.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from txtray_utils.read.mesh_rules import STERNOTOMY, Rule, mesh_rules
from txtray_utils.vocabulary import FINDINGS, LABELS, SEVERITIES, ZONES

_SIDES = {"right": "right", "left": "left", "bilateral": "both"}
_ZONES = {
    "apex": "upper",
    "upper lobe": "upper",
    "middle lobe": "middle",
    "lingula": "middle",
    "hilum": "middle",
    "lower lobe": "lower",
    "base": "lower",
    "retrocardiac": "lower",
    "costophrenic angle": "lower",
}
_SEVERITIES = {
    "mild": "mild",
    "small": "mild",
    "moderate": "moderate",
    "severe": "severe",
    "large": "severe",
}
_IMPLIED_SIDE = {"lingula": "left", "retrocardiac": "left", "middle lobe": "right"}
_IMPLIED_SEVERITY = {"Pulmonary Congestion": "mild", "Mass": "severe"}
_DENIED = r"\bno\b|\bnot\b|without|clear of|free of|negative|resolved|resolution"


@dataclass(frozen=True)
class Code:
    """A MeSH code taken apart: `side`, `zone` and `severity` are "" where the code is silent."""

    heading: str
    qualifiers: frozenset[str]
    side: str
    zone: str
    severity: str


@cache
def parse_mesh(code: str) -> Code:
    """Take a code such as `Opacity/lung/base/left` apart.

    Of several zones the lowest counts, of several sides both.
    """
    heading, *qualifiers = (" ".join(part.split()) for part in code.split("/"))
    sides = _meant(qualifiers, _SIDES) or _meant(qualifiers, _IMPLIED_SIDE)[:1]
    side = ""
    if sides:
        side = sides[0] if len(set(sides)) == 1 else "both"
    zone = max(_meant(qualifiers, _ZONES), key=ZONES.index, default="")
    implied = _IMPLIED_SEVERITY.get(heading, "")
    severities = _meant(qualifiers, _SEVERITIES)
    severity = max(severities, key=SEVERITIES.index, default=implied)
    return Code(heading, frozenset(qualifiers), side, zone, severity)


def _meant(qualifiers: list[str], words: dict[str, str]) -> list[str]:
    return [words[one] for one in qualifiers if one in words]


def rule_of(code: str, text: str = "") -> Rule | None:
    """The first rule that fits a code of a report with this text; None if none does."""
    parsed = parse_mesh(code)
    for rule in mesh_rules():
        if _fits(rule, parsed, text):
            return rule
    return None


def _fits(rule: Rule, code: Code, text: str) -> bool:
    if code.heading not in rule.headings.split("|"):
        return False
    if rule.needs and not code.qualifiers & set(rule.needs.split("|")):
        return False
    if code.qualifiers & set(rule.bars.split("|")):
        return False
    return not rule.text or bool(asserted(rule.text, text))


def asserted(words: str, text: str) -> list[str]:
    """The clauses of a text that speak of `words` and do not deny it."""
    clauses = []
    for sentence in re.split(r"(?<=[.;:])\s+", text):
        if _has(words, sentence) and not _has(_DENIED, sentence):
            clauses += sentence.split(",")
    return [clause for clause in clauses if _has(words, clause)]


def _has(words: str, text: str) -> bool:
    return bool(re.search(words, text, re.IGNORECASE))


def mesh_findings(codes: Iterable[str], text: str = "") -> dict[str, int | None]:
    """What MeSH codes say of each of `FINDINGS`: 1 is coded, None could be meant, 0 not coded.

    No codes: every finding is None. Sternal wires have no code of their own, so they are None where
    the text states them and no code does.
    """
    codes = tuple(codes)
    if not codes or "No Indexing" in codes:
        return dict.fromkeys(FINDINGS)
    found: dict[str, int | None] = dict.fromkeys(FINDINGS, 0)
    rules = _rules(codes, text)
    for rule in rules:
        found.update(dict.fromkeys(_names(rule.maybe)))
    if asserted(STERNOTOMY, text):
        found["sternal_wires"] = None
    for rule in rules:
        found.update(dict.fromkeys(_names(rule.draws), 1))
    return found


def _rules(codes: Iterable[str], text: str) -> list[Rule]:
    found = (rule_of(code, text) for code in codes)
    return list(filter(None, found))


def mesh_labels(codes: Iterable[str], text: str = "") -> dict[str, int | None]:
    """The 14 CheXpert labels that MeSH codes state.

    1 is stated, -1 borderline, None unsure, 0 not coded. The coders read whole reports, so a label
    without a code is 0. `normal` gives No Finding; a report whose only codes lie outside the labels
    (a worn spine, say) is neither, so its No Finding is None. No codes: every label is None.
    """
    codes = tuple(codes)
    if not codes or "No Indexing" in codes:
        return dict.fromkeys(LABELS)
    labels: dict[str, int | None] = dict.fromkeys(LABELS, 0)
    rules = _rules(codes, text)
    for rule in rules:
        labels.update(dict.fromkeys(_names(rule.unsure)))
    for code in codes:
        if _borderline_heart(code, text):
            labels["Cardiomegaly"] = -1
    for rule in rules:
        labels.update(dict.fromkeys(_names(rule.labels), 1))
    labels["No Finding"] = _no_finding(codes, labels)
    return labels


def _names(listed: str) -> Iterator[str]:
    return filter(None, listed.split("|"))


def _borderline_heart(code: str, text: str) -> bool:
    rule = rule_of(code, text)
    if rule is None or rule.maybe != "cardiomegaly":
        return False
    return "borderline" in parse_mesh(code).qualifiers


def _no_finding(codes: tuple[str, ...], labels: dict[str, int | None]) -> int | None:
    if "normal" in codes:
        return 1
    for name, state in labels.items():
        if state in (1, -1) and name not in ("No Finding", "Support Devices"):
            return 0
    return None
