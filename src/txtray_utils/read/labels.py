"""The findings that a text names, with what it says of them, and the 14 CheXpert labels of a study.

Findings are found by the patterns of `report_patterns.toml` (`read.patterns`); what is said of them
(absent, uncertain, resolved, of the past, only looked for) is decided by ConText (`read.context`).
Labels and their order of precedence follow CheXpert (Irvin et al. 2019, doi
10.1609/aaai.v33i01.3301590).

An empty report has no label, nor has one that `text_fault` refuses, such as one that is not
English; gaps left by de-identification ("XXXX", "___") are ordinary words. Explained in
book/02_reading_a_report.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from txtray_utils.read.context import Named, states_of
from txtray_utils.read.english import has_a_word, is_english
from txtray_utils.read.patterns import label_patterns
from txtray_utils.read.places import place_of
from txtray_utils.read.report import MAX_SENTENCE, sentences
from txtray_utils.read.text import normalised
from txtray_utils.vocabulary import LABELS, NAMED, TERMS, label_matrix

_PRECEDENCE = (1, -1, 0)
_NOT_A_PATHOLOGY = ("No Finding", "Support Devices")


@dataclass(frozen=True)
class Mention:
    """One finding named in one sentence.

    `state` is 1 present, 0 absent (or resolved), -1 uncertain, None where the sentence speaks of
    the past or of what is looked for. `side` is right, left, both or ""; `zone` upper, middle,
    lower or ""; `severity` mild, moderate, severe or "". `sentence` is the index in
    `sentences(text)`, `span` the first and last (exclusive) character in that sentence.
    """

    label: str
    state: int | None
    side: str
    zone: str
    severity: str
    sentence: int
    span: tuple[int, int]


def mentions(text: str) -> list[Mention]:
    """Return every finding that a text names, in reading order, with what is said of it.

    A sentence of more than `MAX_SENTENCE` characters is passed over; `text_fault` tells of it.
    """
    return _mentions(text, "labels")


def label_report(findings: str | None, impression: str | None) -> dict[str, int | None]:
    """Return the 14 `LABELS`: 1, 0, -1 (uncertain) or None (not mentioned).

    CheXpert's rule over the mentions of a study: positive before uncertain before negative. No
    Finding is 1 where a text says of no label but Support Devices that it is present or uncertain,
    else None. What `text_fault` refuses has no label.
    """
    text = "\n\n".join(filter(None, (findings, impression)))
    if text_fault(text):
        return dict.fromkeys(LABELS)
    return study_labels(mentions(text))


@lru_cache(maxsize=50_000)
def text_fault(text: str) -> str | None:
    """Return why a text is not labelled, None where it is: a reject's fault."""
    if not has_a_word(text):
        return "the report has no word of text"
    if "\ufffd" in normalised(text):
        return "the report has lost characters (U+FFFD), so its encoding was not UTF-8"
    said = sentences(text)
    if max(map(len, said)) > MAX_SENTENCE:
        return f"a sentence of more than {MAX_SENTENCE:,} characters, which is not labelled"
    if not is_english(said):
        return "the report is not English, and is not labelled"
    return None


def label_terms(text: str) -> dict[str, int | None]:
    """Return the states of `TERMS` in a text by the rule of `label_report`.

    They are findings that the 14 labels leave out.
    """
    found = [] if text_fault(text) else _mentions(text, "terms")
    return _states(found, TERMS)


def label_texts(texts: Iterable[str]) -> np.ndarray:
    """Return the states of `NAMED` in each text, (N, 25) float32.

    They are 1, 0, -1, and NaN where it is not mentioned.
    """
    rows = [label_report(text, None) | label_terms(text) for text in texts]
    return label_matrix(rows, NAMED)


def denies(text: str, name: str) -> bool:
    """Return whether a text says that one of `NAMED` is absent, and never that it may be there."""
    group = "labels" if name in LABELS else "terms"
    states = set()
    for sentence in sentences(text):
        if _names(sentence, group, name):
            for mention in read_sentence(sentence, group):
                if mention.label == name:
                    states.add(mention.state)
            if states & {1, -1}:
                return False
    return 0 in states


def report_labels(reports: Iterable[str]) -> np.ndarray:
    """Return the `LABELS` (N, 14) of whole reports; an empty report says nothing at all."""
    labels = [label_report(report, None) for report in reports]
    return label_matrix(labels)


def study_labels(found: Iterable[Mention]) -> dict[str, int | None]:
    """Return the 14 labels of one study from its mentions, by the rule of `label_report`."""
    labels = _states(found, LABELS)
    labels["No Finding"] = 1
    for label, state in labels.items():
        if state in (1, -1) and label not in _NOT_A_PATHOLOGY:
            labels["No Finding"] = None
    return labels


@lru_cache(maxsize=50_000)
def read_sentence(sentence: str, group: str = "labels") -> tuple[Mention, ...]:
    """Return the mentions of one sentence, in reading order, each with 0 for its index."""
    found, normal = _named(sentence, group)
    denied = [0] * len(normal)
    states = denied + states_of(sentence, found)
    said = []
    for (label, span), state in zip(normal + found, states, strict=True):
        side, zone, severity = place_of(sentence, label, span)
        said.append(Mention(label, state, side, zone, severity, 0, span))
    said.sort(key=lambda mention: mention.span)
    return tuple(said)


def _mentions(text: str, group: str) -> list[Mention]:
    found = []
    for index, sentence in enumerate(sentences(text)):
        if len(sentence) > MAX_SENTENCE:
            continue
        for mention in read_sentence(sentence, group):
            found.append(replace(mention, sentence=index))
    return found


def _states(found: Iterable[Mention], names: Iterable[str]) -> dict[str, int | None]:
    """Return the state of each name that goes before the others; None where there is none."""
    said = {(mention.label, mention.state) for mention in found}
    states: dict[str, int | None] = dict.fromkeys(names)
    for name in states:
        for state in reversed(_PRECEDENCE):
            if (name, state) in said:
                states[name] = state
    return states


def _named(sentence: str, group: str) -> tuple[list[Named], list[Named]]:
    """Return the findings that a sentence names, and those whose normal state it names."""
    named: dict[str, list[Named]] = {"normal": [], "found": []}
    for label, patterns in label_patterns(group).items():
        taken = []
        for pattern in patterns["skip"]:
            for match in pattern.finditer(sentence):
                taken.append(match.span())
        for kind, spans in named.items():
            for pattern in patterns[kind]:
                for span in _free(pattern, sentence, taken):
                    spans.append((label, span))
    return named["found"], named["normal"]


def _names(sentence: str, group: str, name: str) -> bool:
    patterns = label_patterns(group)[name]
    return any(pattern.search(sentence) for pattern in patterns["found"] + patterns["normal"])


def _free(pattern: re.Pattern, sentence: str, taken: list[tuple[int, int]]) -> list:
    """Return where a pattern meets what is not yet taken, and take it."""
    found = []
    for match in pattern.finditer(sentence):
        target = "t" in pattern.groupindex and match["t"]
        span = match.span("t") if target else match.span()
        if not _meets(span, taken):
            taken.append(span)
            found.append(span)
    return found


def _meets(span: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    start, stop = span
    for first, last in others:
        if first < stop and start < last:
            return True
    return False
