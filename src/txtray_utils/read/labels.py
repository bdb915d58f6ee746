"""Read a radiology report: sections, sentences, 14 CheXpert labels with four states, sides,
references to priors.

Findings are found by the patterns of `report_patterns.toml`. What is said of them (absent,
uncertain, resolved, of the past, only looked for) is decided by ConText (Harkema et al. 2009, doi
10.1016/j.jbi.2009.05.002) as kept in medspaCy, because it scopes cues before and behind a finding
and knows what ends them; negspacy knows negation only. Labels and their order of precedence follow
CheXpert (Irvin et al. 2019, doi 10.1609/aaai.v33i01.3301590).

Any text is accepted: an empty report has no section, no sentence and no label; a report without
headings is one section named ""; gaps left by de-identification ("XXXX", "___") are ordinary words.
Only a file can be bad input (`read_report`). Explained in book/02_reading_a_report."""

import re
import tomllib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from txtray_utils.read.report import sentences
from txtray_utils.vocabulary import LABELS, NAMED, TERMS, label_matrix

_STATES = {"NEGATED": 0, "RESOLVED": 0, "LOOKED_FOR": None, "PAST": None, "UNCERTAIN": -1}


_PRECEDENCE = (1, -1, 0)


_CLAUSE = re.compile(r"[;,:]|\b(?:but|however|with|while)\b", re.IGNORECASE)


_NOT_A_SIDE = r"(?! (?:atri|ventric|heart|lateral\b))"  # "right atrium", "left lateral view"


_UNSIDED = ("Cardiomegaly", "Enlarged Cardiomediastinum")


_PLACES = {
    "side": {
        "right": r"\bright\b" + _NOT_A_SIDE,
        "left": r"\bleft\b" + _NOT_A_SIDE + r"|\blingula",
        "both": r"\b(?:both|bilateral\w*|bi(?:basilar|basal|apical))\b",
    },
    "zone": {
        "upper": r"\bupper (?:lobe|zone|lung)|\bbi?apic|\bapex|\bapic",
        "middle": r"\bmid(?:dle)?\b|\bmidlung|\blingula|hilar\b",
        "lower": r"\blower (?:lobe|zone|lung)|\b(?:bi)?bas(?:e|es|al|ilar)\b|costophrenic|retrocardiac",
    },
    "severity": {
        "mild": r"\b(?:mild|slight|minimal|small|tiny|trace|minor|subtle|thin)(?:ly)?\b",
        "moderate": r"\bmoderate(?:ly)?\b",
        "severe": r"\b(?:severe|large|marked|massive|extensive|gross|dense)(?:ly)?\b",
    },
}


_PLACES = {
    kind: {word: re.compile(cue, re.IGNORECASE) for word, cue in cues.items()}
    for kind, cues in _PLACES.items()
}


@dataclass(frozen=True)
class Mention:
    """One finding named in one sentence.

    `state` is 1 present, 0 absent (or resolved), -1 uncertain, None where the sentence speaks of
    the past or of what is looked for. `side` is right, left, both or ""; `zone` upper, middle,
    lower or ""; `severity` mild, moderate, severe or "". `sentence` is the index in
    `sentences(text)`, `span` the first and last (exclusive) character in that sentence."""

    label: str
    state: int | None
    side: str
    zone: str
    severity: str
    sentence: int
    span: tuple[int, int]


def mentions(text: str) -> list[Mention]:
    """Return every finding that a text names, in reading order, with what is said of it."""
    return _mentions(text, "labels")


def label_report(findings: str | None, impression: str | None) -> dict[str, int | None]:
    """Return the 14 labels of `studies.LABELS`: 1, 0, -1 (uncertain) or None (not mentioned).

    CheXpert's rule over the mentions of a study: positive before uncertain before negative. No
    Finding is 1 where a text says of no label but Support Devices that it is present or uncertain,
    else None. A report without a word has no label."""
    texts = [text for text in (findings, impression) if text]
    return study_labels(mention for text in texts for mention in mentions(text)) | (
        {} if any(map(_says_something, texts)) else {"No Finding": None}
    )


def label_terms(text: str) -> dict[str, int | None]:
    """Return the states of `TERMS` in a text, by the rule of `label_report`: findings that the 14
    labels leave out."""
    said = {(mention.label, mention.state) for mention in _mentions(text, "terms")}
    return {
        term: next((state for state in _PRECEDENCE if (term, state) in said), None)
        for term in TERMS
    }


def label_texts(texts: Iterable[str]) -> np.ndarray:
    """Return the states of `NAMED` in each text, (N, 25) float32: 1, 0, -1, and NaN where it is not
    mentioned."""
    return label_matrix([label_report(text, None) | label_terms(text) for text in texts], NAMED)


def study_labels(found: Iterable[Mention]) -> dict[str, int | None]:
    """Return the 14 labels of one study from its mentions, by the rule of `label_report`."""
    said = {(mention.label, mention.state) for mention in found}
    labels = {label: next((s for s in _PRECEDENCE if (label, s) in said), None) for label in LABELS}
    normal = all(
        labels[label] in (0, None)
        for label in LABELS
        if label not in ("No Finding", "Support Devices")
    )
    return labels | {"No Finding": 1 if normal else None}


def _mentions(text: str, group: str) -> list[Mention]:
    return [
        Mention(label, state, side, zone, severity, index, span)
        for index, sentence in enumerate(sentences(text))
        for label, state, side, zone, severity, span in _read(sentence, group)
    ]


def _says_something(text: str) -> bool:
    """Whether anything but gaps and punctuation is left."""
    return bool(re.search(r"[^\W\d_]", re.sub(r"X{2,}", "", text)))


@cache
def _patterns(group: str) -> dict[str, dict[str, list[re.Pattern]]]:
    """The compiled patterns of each label, or of each term: found, normal and skip."""
    words, labels = _file()["words"], _file()[group]
    return {
        label: {
            kind: [re.compile(_fill(p, words), re.IGNORECASE) for p in kinds.get(kind, [])]
            for kind in ("found", "normal", "skip")
        }
        for label, kinds in labels.items()
    }


@cache
def _file() -> dict[str, dict]:
    with Path(__file__).with_name("report_patterns.toml").open("rb") as file:
        return tomllib.load(file)


def _fill(pattern: str, words: dict[str, str]) -> str:
    return re.sub(r"(?<!\(\?P)<(\w+)>", lambda name: words[name[1]], pattern)


@cache
def _context() -> tuple:
    """A blank English tokenizer and ConText with the rules of the file (no trained model is
    needed)."""
    with (
        warnings.catch_warnings()
    ):  # medspaCy silences every warning of the process when it is imported
        import spacy
        from medspacy.context import ConText, ConTextRule

    nlp = spacy.blank("en")
    context = ConText(
        nlp, rules=None, input_span_type="group", span_group_name="findings", span_attrs=None
    )
    directions = {
        "before": "FORWARD",
        "after": "BACKWARD",
        "either": "BIDIRECTIONAL",
        "pseudo": "PSEUDO",
        "stop": "TERMINATE",
    }
    words, cues = _file()["words"], _file()["context"]
    for category, kinds in cues.items():
        for kind, patterns in kinds.items():
            most = 2 if kind == "either" else None  # "versus" stands between two findings
            for rule in (_fill(pattern, words) for pattern in patterns):
                context.add(ConTextRule(rule, category, rule, directions[kind], max_targets=most))
    return nlp, context


@lru_cache(maxsize=50_000)
def _read(sentence: str, group: str = "labels") -> tuple[tuple, ...]:
    """The mentions of one sentence, as tuples in the order of `Mention` but without the index."""
    found, normal = [], []
    for label, patterns in _patterns(group).items():
        taken = [m.span() for pattern in patterns["skip"] for m in pattern.finditer(sentence)]
        for kind, spans in (("normal", normal), ("found", found)):
            for pattern in patterns[kind]:
                for m in pattern.finditer(sentence):
                    span = m.span("t") if "t" in pattern.groupindex and m["t"] else m.span()
                    if all(span[1] <= a or b <= span[0] for a, b in taken):
                        taken.append(span)
                        spans.append((label, span))
    states = [0] * len(normal) + _states(sentence, found)
    said = [
        (label, state, *_place(sentence, label, span), span)
        for (label, span), state in zip(normal + found, states, strict=True)
    ]
    return tuple(sorted(said, key=lambda mention: mention[-1]))


def _states(sentence: str, found: list[tuple[str, tuple[int, int]]]) -> list[int | None]:
    """What ConText says of each finding; of several cues the nearest decides."""
    if not found:
        return []
    nlp, context = _context()
    doc = nlp.make_doc(sentence)
    for token in doc:
        token.is_sent_start = token.i == 0
    targets = [doc.char_span(*span, label=label, alignment_mode="expand") for label, span in found]
    doc.spans["findings"] = targets
    with (
        warnings.catch_warnings()
    ):  # spaCy warns that ConText has no rules of another kind than ours
        warnings.simplefilter("ignore")
        edges = context(doc)._.context_graph.edges
    return [
        _nearest(target, [cue for other, cue in edges if other == target]) for target in targets
    ]


def _nearest(target, cues: list) -> int | None:
    """The state that the nearest cue gives a target; at the same distance, the first of `_STATES`;
    no cue: present."""
    states = list(_STATES)
    gaps = [
        (
            max(target.start - cue.modifier_span[1], cue.modifier_span[0] - target.end),
            states.index(cue.category),
        )
        for cue in cues
    ]
    return _STATES[states[min(gaps)[1]]] if gaps else 1


def _place(sentence: str, label: str, span: tuple[int, int]) -> tuple[str, str, str]:
    """Side, zone and severity named in the clause of a finding, the nearest to it; "" where none
    is."""
    ends = [0, *(end for m in _CLAUSE.finditer(sentence) for end in m.span()), len(sentence)]
    start = max(end for end in ends if end <= span[0])
    stop = min(end for end in ends if end >= span[1])
    said = []
    for kind, cues in _PLACES.items():
        if kind != "severity" and label in _UNSIDED:
            said.append("")
            continue
        near = [
            (max(span[0] - m.end(), m.start() - span[1]), word)
            for word, cue in cues.items()
            for m in cue.finditer(sentence, start, stop)
        ]
        both = kind == "side" and {"right", "left"} <= {word for _, word in near}
        said.append("both" if both else min(near, default=(0, ""))[1])
    return tuple(said)
