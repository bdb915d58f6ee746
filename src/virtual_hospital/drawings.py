"""What is drawn for a report: each code or sentence becomes a finding, a side, a zone, a severity.

`drawings_of` says what is put into a film: a finding that is not drawn is 0, and a finding that a
code could mean but that was not drawn, or that the text denies, is None (null, not negative).
Explained in book/01_reading_a_radiograph.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from txtray_utils.read.labels import denies
from txtray_utils.read.mesh import Code, asserted, mesh_findings, parse_mesh, rule_of
from txtray_utils.vocabulary import FINDINGS, READ_AS, SEVERITIES, SIDES, ZONES
from virtual_hospital.catalogue import BY_NAME, Finding

WORDS = {
    "side": {
        "right": r"\bright\b",
        "left": r"\bleft\b",
        "both": r"\bboth\b|bilateral|bibasilar|biapical",
    },
    "zone": {
        "upper": r"upper|\bapex|apic",
        "middle": r"\bmid|lingula|hilar",
        "lower": r"lower|\bbas[ei]|basal|bibasi",
    },
    "severity": {
        "mild": r"\bmild|minimal|\bsmall|tiny|trace|slight|subtle",
        "moderate": r"\bmoderate",
        "severe": r"severe|large\b|marked|extensive",
    },
}
NOT_A_SIDE = r"\b(?:right|left)\s+(?:atri|ventric|heart|lateral|coronary|XXXX)\w*"
KINDS = {"side": SIDES, "zone": ZONES, "severity": SEVERITIES}


@dataclass(frozen=True)
class Drawing:
    """One finding to draw in one film.

    `side` is right, left, both or "" (unsided), of the patient; `zone` upper, middle, lower or ""
    (throughout, or it has none); `severity` mild, moderate or severe. `said` tells where each came
    from, as in `finding:code side:sentence zone:code severity:random`.
    """

    name: str
    side: str
    zone: str
    severity: str
    said: str


def drawings_of(
    codes: Iterable[str], text: str, rng: np.random.Generator
) -> tuple[tuple[Drawing, ...], tuple[str, ...], dict[str, int | None]]:
    """Return what to draw for a report: drawings, codes that are not drawn, and the truth.

    The truth of each of `FINDINGS` is 1 where drawn, None where a code that is not drawn could mean
    it (no codes at all: every finding), else 0. Sternal wires have no code of their own, so a
    sentence that states them suffices, but where the code is `normal` nothing is drawn. A coded
    finding that the text denies is not drawn: its truth is None.
    """
    codes = tuple(codes) or ("No Indexing",)
    drawings: list[Drawing] = []
    undrawn = []
    drawn = mesh_findings(codes, text)
    for code in codes:
        names = _coded(code, text)
        stated = [name for name in names if not denies(text, READ_AS[name])]
        for name in stated:
            drawings.append(_fill(BY_NAME[name], parse_mesh(code), text, rng))
        if code != "normal" and (stated != names or not names):
            undrawn.append(code)
            drawn |= dict.fromkeys(set(names) - set(stated))
    wires = BY_NAME["sternal_wires"]
    coded = any(drawing.name == wires.name for drawing in drawings)
    silent = "No Indexing" in codes or "normal" in codes
    if not silent and not coded and asserted(wires.words, text):
        drawings.append(_fill(wires, None, text, rng))
    for drawing in drawings:
        drawn[drawing.name] = 1
    return _merge(drawings), tuple(undrawn), drawn


def _coded(code: str, text: str) -> list[str]:
    """Return the findings that a code draws."""
    rule = rule_of(code, text)
    return rule.draws.split("|") if rule and rule.draws else []


def _fill(finding: Finding, code: Code | None, text: str, rng: np.random.Generator) -> Drawing:
    """Fill in side, zone and severity from the code, else from the sentence, else at random."""
    clauses = asserted(finding.words, text)
    values = dict.fromkeys(KINDS, "")
    said = ["finding:code" if code else "finding:sentence"]
    for kind, names in KINDS.items():
        odds = getattr(finding, f"{kind}_odds")
        if not odds:
            continue
        shares = np.divide(odds, sum(odds))
        at_random = names[rng.choice(len(names), p=shares)]  # drawn even if it is not used
        possible = dict(zip(names, odds, strict=True))
        stated = getattr(code, kind, "")
        sentence = _sentence_says(kind, clauses)
        if stated:
            values[kind], origin = stated, "code"
        elif sentence and possible.get(sentence):
            values[kind], origin = sentence, "sentence"
        else:
            values[kind], origin = at_random, "random"
        said.append(f"{kind}:{origin}")
    return Drawing(finding.name, **values, said=" ".join(said))


def _sentence_says(kind: str, clauses: list[str]) -> str:
    """Return the one side, zone or severity that clauses name; "" for none or several."""
    text = re.sub(NOT_A_SIDE, " ", " ".join(clauses), flags=re.IGNORECASE)
    named = []
    for value, words in WORDS[kind].items():
        if re.search(words, text, re.IGNORECASE):
            named.append(value)
    if "both" in named:
        return "both"
    return named[0] if len(named) == 1 else ""


def _merge(drawings: Iterable[Drawing]) -> tuple[Drawing, ...]:
    """Keep one drawing for each finding, side and zone, the gravest.

    One that lies on both sides covers its zone, and a spine bends one way. A finding whose side
    nobody says is kept only where no other code says where it is.
    """
    kept: dict[tuple[str, str, str], Drawing] = {}
    names = set()
    for drawing in sorted(drawings, key=_rank):
        guessed = "side:random" in drawing.said and drawing.name in names
        covered = (drawing.name, "both", drawing.zone) in kept
        covered |= drawing.name == "scoliosis" and drawing.name in names
        if not guessed and not covered:
            kept.setdefault((drawing.name, drawing.side, drawing.zone), drawing)
            names.add(drawing.name)
    return tuple(kept.values())


def _rank(drawing: Drawing) -> tuple[int, bool, bool, int]:
    """Sort by finding; first what is said, what lies on both sides, what is grave."""
    return (
        FINDINGS.index(drawing.name),
        "side:random" in drawing.said,
        drawing.side != "both",
        -SEVERITIES.index(drawing.severity),
    )
