"""What the virtual hospital draws for a report: each code or sentence becomes a finding, a side, a
zone, a severity.

`drawings_of` says what is put into a film: a finding that is not drawn is 0, and a finding that a
code could mean but that was not drawn is None (null, not negative). Explained in
book/01_reading_a_radiograph."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from txtray_utils.read.mesh import Code, asserted, parse_mesh, rule_of
from txtray_utils.read.mesh_rules import STERNOTOMY
from txtray_utils.vocabulary import FINDINGS, SEVERITIES, SIDES, ZONES


@dataclass(frozen=True)
class Finding:
    """One finding: its name, its CheXpert label (None where CheXpert has none) and how a silent
    code is filled in.

    `words` is a regular expression for the sentences of a report that speak of it. `side_odds` are
    the odds of right, left and both, `zone_odds` of upper, middle, lower and throughout (""), used
    where code and sentence are silent; () = it has none."""

    name: str
    chexpert: str | None
    words: str
    side_odds: tuple[float, ...] = ()
    zone_odds: tuple[float, ...] = ()
    severity_odds: tuple[float, float, float] = (0.4, 0.4, 0.2)

    @property
    def sided(self) -> bool:
        """Whether it has a side."""
        return bool(self.side_odds)

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones it may lie in; "" means throughout."""
        return tuple(z for z, odds in zip(ZONES, self.zone_odds, strict=False) if odds)


CATALOGUE = (
    Finding("cardiomegaly", "Cardiomegaly", r"cardiomegaly|heart|cardiac (?:silhouette|shadow|size)"),
    Finding("tortuous_aorta", None, r"aorta|aortic"),
    Finding("effusion", "Pleural Effusion", r"effusion|pleural fluid", (0.35, 0.35, 0.3)),
    Finding("pneumothorax", "Pneumothorax", r"pneumothora", (0.6, 0.4, 0.0), (1.0, 0.0, 0.0, 0.0)),
    Finding("consolidation", "Consolidation", r"consolidat|pneumonia|air\s?-?space|infiltrat", (0.4, 0.4, 0.2),
            (0.15, 0.2, 0.65, 0.0)),
    Finding("opacity", "Lung Opacity", r"opaci|densit|infiltrat", (0.4, 0.35, 0.25), (0.2, 0.2, 0.6, 0.0)),
    Finding("interstitial", "Lung Opacity", r"interstiti|reticul|marking|fibro", (0.05, 0.05, 0.9),
            (0.1, 0.1, 0.3, 0.5)),
    Finding("oedema", "Edema", r"o?edema|congestion|vascular|failure"),
    Finding("atelectasis", "Atelectasis", r"atelecta|collapse", (0.3, 0.4, 0.3), (0.1, 0.1, 0.8, 0.0)),
    Finding("nodule", "Lung Lesion", r"nodul|mass|lesion|densit|opaci", (0.5, 0.4, 0.1), (0.35, 0.25, 0.4, 0.0)),
    Finding("granuloma", None, r"granuloma|calcif", (0.45, 0.4, 0.15), (0.3, 0.3, 0.4, 0.0)),
    Finding("scar", "Lung Opacity", r"scar|cicatri|fibro", (0.3, 0.4, 0.3), (0.4, 0.15, 0.45, 0.0)),
    Finding("hyperinflation", None, r"inflat|expan|distend|emphysem|copd|obstructive|flatten"),
    Finding("low_volume", None, r"volume|inflat|inspirat|expan"),
    Finding("raised_diaphragm", None, r"diaphragm|eventration", (0.6, 0.35, 0.05)),
    Finding("scoliosis", None, r"scolio|curvature", (0.7, 0.3, 0.0)),
    Finding("central_line", "Support Devices", r"cathet|line|picc|port|svc|cava", (0.6, 0.4, 0.0)),
    Finding("pacemaker", "Support Devices", r"pac(?:er|ing|emaker)|defib|icd|generator|\bleads?\b", (0.05, 0.95, 0.0)),
    Finding("sternal_wires", None, STERNOTOMY),
)  # fmt: skip


BY_NAME = {f.name: f for f in CATALOGUE}


@dataclass(frozen=True)
class Drawing:
    """One finding to draw in one film.

    `side` is right, left, both or "" (unsided), of the patient; `zone` upper, middle, lower or ""
    (throughout, or it has none); `severity` mild, moderate or severe. `said` tells where each came
    from, as in `finding:code side:sentence zone:code severity:random`."""

    name: str
    side: str
    zone: str
    severity: str
    said: str


_WORDS = {
    "side": {"right": r"\bright\b", "left": r"\bleft\b", "both": r"\bboth\b|bilateral|bibasilar|biapical"},
    "zone": {"upper": r"upper|\bapex|apic", "middle": r"\bmid|lingula|hilar", "lower": r"lower|\bbas[ei]|basal|bibasi"},
    "severity": {"mild": r"\bmild|minimal|\bsmall|tiny|trace|slight|subtle", "moderate": r"\bmoderate",
                 "severe": r"severe|large\b|marked|extensive"},
}  # fmt: skip


_NOT_A_SIDE = r"\b(?:right|left)\s+(?:atri|ventric|heart|lateral|coronary|XXXX)\w*"


def _sentence_says(kind: str, clauses: list[str]) -> str:
    """The one side, zone or severity that the clauses name; "" where they name none or several."""
    text = re.sub(_NOT_A_SIDE, " ", " ".join(clauses), flags=re.IGNORECASE)
    named = [
        value for value, words in _WORDS[kind].items() if re.search(words, text, re.IGNORECASE)
    ]
    return "both" if "both" in named else named[0] if len(named) == 1 else ""


def _fill(finding: Finding, code: Code | None, text: str, rng: np.random.Generator) -> Drawing:
    """One drawing: side, zone and severity from the code, else from the sentence, else at
    random."""
    clauses = asserted(finding.words, text)
    values, said = {}, ["finding:" + ("code" if code else "sentence")]
    for kind, names in (("side", SIDES), ("zone", ZONES), ("severity", SEVERITIES)):
        odds = getattr(finding, f"{kind}_odds")
        values[kind] = ""
        if odds:
            drawn = rng.choice(
                len(names), p=np.divide(odds, sum(odds))
            )  # even if not used: the next stays as it is
            possible = {name for name, weight in zip(names, odds, strict=True) if weight}
            stated, sentence = getattr(code, kind, ""), _sentence_says(kind, clauses)
            if stated:
                values[kind], origin = stated, "code"
            elif sentence in possible - {""}:
                values[kind], origin = sentence, "sentence"
            else:
                values[kind], origin = names[drawn], "random"
            said.append(f"{kind}:{origin}")
    return Drawing(finding.name, values["side"], values["zone"], values["severity"], " ".join(said))


def _merge(drawings: Iterable[Drawing]) -> tuple[Drawing, ...]:
    """One drawing for each finding, side and zone, the gravest; one that lies on both sides covers
    its zone.

    A finding whose side nobody says is kept only where no other code says where it is.
    """

    def order(d: Drawing) -> tuple:
        return (
            FINDINGS.index(d.name),
            "side:random" in d.said,
            d.side != "both",
            -SEVERITIES.index(d.severity),
        )

    kept: dict[tuple, Drawing] = {}
    for d in sorted(drawings, key=order):
        guessed = "side:random" in d.said and any(name == d.name for name, _, _ in kept)
        if not guessed and (d.name, "both", d.zone) not in kept:
            kept.setdefault((d.name, d.side, d.zone), d)
    return tuple(kept.values())


def drawings_of(
    codes: Iterable[str], text: str, rng: np.random.Generator
) -> tuple[tuple[Drawing, ...], tuple[str, ...], dict[str, int | None]]:
    """What to draw for a report: the drawings, the codes that are not drawn, and the truth for each
    of `FINDINGS`.

    The truth is 1 where drawn, None where a code that is not drawn could mean it (no codes at all:
    every finding), else 0. Sternal wires have no code of their own, so a sentence that states them
    suffices."""
    codes = tuple(codes) or ("No Indexing",)
    drawings, undrawn = [], []
    drawn: dict[str, int | None] = dict.fromkeys(FINDINGS, 0)
    for code in codes:
        rule = rule_of(code, text)
        if rule:
            drawn.update((name, None) for name in rule.maybe.split("|") if name)
        if rule and rule.draws:
            drawings += [
                _fill(BY_NAME[name], parse_mesh(code), text, rng) for name in rule.draws.split("|")
            ]
        elif code != "normal":
            undrawn.append(code)
    wires = BY_NAME["sternal_wires"]
    if (
        "No Indexing" not in codes
        and asserted(wires.words, text)
        and all(d.name != wires.name for d in drawings)
    ):
        drawings.append(_fill(wires, None, text, rng))
    drawn.update((d.name, 1) for d in drawings)
    return _merge(drawings), tuple(undrawn), drawn
