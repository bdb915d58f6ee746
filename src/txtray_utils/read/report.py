"""A report's text: its file, sections, sentences, and what refers to an earlier film.

Any text is accepted: an empty report has no section and no sentence; a report without headings is
one section named ""; gaps left by de-identification ("XXXX", "___") are ordinary words. Only a file
can be bad input (`read_report`). Explained in book/02_reading_a_report.
"""

import hashlib
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

from txtray_utils.errors import InputError

MAX_REPORT = 100_000  # characters of a file


MAX_SENTENCE = 1_000  # characters; a longer one is cut, so that the time grows with the length of a text and no faster


_SECTIONS = {
    "findings": "findings|finding|findings and impression|findings/impression",
    "impression": "impression|impressions|conclusion|conclusions|interpretation|opinion|summary",
    "indication": "indication|indications|clinical indication|history|clinical history|clinical information"
    "|clinical details|reason for exam|reason for examination|reason for study|reason for the exam|reason",
    "comparison": "comparison|comparisons|comparison study",
    "examination": "examination|exam|study|procedure|type of examination",
    "technique": "technique",
    "wet read": "wet read",
    "recommendation": "recommendation|recommendations|recommendation(s)",
    "notification": "notification|notifications",
    "addendum": "addendum",
}


_NAMES = {alias: name for name, aliases in _SECTIONS.items() for alias in aliases.split("|")}


_ALIASES = "|".join(re.escape(alias) for alias in sorted(_NAMES, key=len, reverse=True))


_HEADING = re.compile(
    rf"^[ \t]*((?i:{_ALIASES}))[ \t]*:"  # a known heading at the start of a line
    rf"|\b({_ALIASES.upper()}):"  # or in capitals anywhere
    r"|^[ \t]*([A-Z][A-Z0-9 ,/&().-]{0,60}\b(?:CHEST|VIEWS?|RADIOGRAPHS?)\b[A-Z0-9 ,/&().-]{0,60}):"  # the film's name
    r"|^[ \t]*(FINAL REPORT|FINDINGS|IMPRESSION|ADDENDUM|WET READ)[ \t]*$",  # alone on a line
    re.MULTILINE,
)


_BREAK = re.compile(r"\n\s*\n|\n(?=[ \t]*(?:\d{1,2}[.)]|[-*•])[ \t])")


_STOP = re.compile(r"(?<=[.!?]) |(?<=[a-z_X]\.)(?=[A-Z][a-z])")


_NUMBER = re.compile(r"\(?\d{1,2}[.)]")


_NO_STOP = frozenset(
    ["dr.", "mr.", "mrs.", "ms.", "st.", "vs.", "e.g.", "i.e.", "cf.", "approx.", "a.m.", "p.m."]
)


_PRIOR = re.compile(
    r"\b(?:unchanged|stable|interval|previous(?:ly)?|prior|earlier|again|since|compar(?:ed|ison)|persist\w*|residual|"
    r"remain(?:s|ed|ing)?|new|newly|worse(?:n\w*)?|improv\w*|progress\w*|resolv\w*|resolution|no longer|similar to|"
    r"clear(?:ed|ing)|re-?demonstrat\w*|continue[sd]?|(?:increas|decreas)(?:ed|ing) (?:in size|since|from)|"
    r"no (?:significant )?change|removed)\b",
    re.IGNORECASE,
)


def read_report(path: Path) -> str:
    """Return the text of a report file.

    Raises:
        InputError: the file cannot be read, is not UTF-8, or has more than `MAX_REPORT` characters
    (no report does)."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as fault:
        raise InputError(
            path, f"cannot be read ({fault.strerror})", "Check the folder and its permissions."
        ) from fault
    except UnicodeDecodeError as fault:
        found = f"byte 0x{fault.object[fault.start]:02x} at {fault.start} is not UTF-8"
        raise InputError(path, found, "Convert it: iconv -f latin1 -t utf-8") from fault
    if len(text) > MAX_REPORT:
        raise InputError(
            path,
            f"{len(text):,} characters are too many for one report",
            "Split it into its reports.",
        )
    return text


def split_sections(text: str) -> dict[str, str]:
    """Return the sections of a report by name (findings, impression, indication, comparison, ...),
    in reading order.

    Headings are those of MIMIC-CXR and their common synonyms; the name of a film in capitals
    ("PORTABLE CHEST:") opens the findings. An unknown heading stays in the text, so nothing is
    lost. What stands before any heading is named "". Empty sections are left out; a heading that
    comes twice is joined by a newline."""
    headings = list(_HEADING.finditer(text))
    starts = [0, *(heading.end() for heading in headings)]
    ends = [*(heading.start() for heading in headings), len(text)]
    names = [""]
    for heading in headings:
        known = (heading[1] or heading[2] or heading[4] or "").lower()
        names.append(_NAMES.get(known, "findings" if heading[3] else ""))
    sections: dict[str, str] = {}
    for name, start, end in zip(names, starts, ends, strict=True):
        if body := text[start:end].strip():
            sections[name] = f"{sections[name]}\n{body}" if name in sections else body
    return sections


def sentences(text: str) -> list[str]:
    """Return the sentences of a section, white space made single; no other character is lost.

    A blank line or a numbered or bulleted line begins a sentence; the number stays with it. An
    abbreviation ends none."""
    found: list[str] = []
    for block in _BREAK.split(text):
        block, start = " ".join(block.split()), 0
        for stop in _STOP.finditer(block):
            before = block[start : stop.start()]
            if before.rpartition(" ")[2].lower() not in _NO_STOP and not _NUMBER.fullmatch(before):
                found.append(before)
                start = stop.end()
        found.append(block[start:])
    return [part for sentence in found if sentence for part in _cut(sentence)]


def report_text(said: Sequence[str]) -> str:
    """Return the sentences of a report as one text; the numbers of a numbered list are left out."""
    return " ".join(re.sub(r"^\(?\d{1,2}[.)]\s+", "", sentence) for sentence in said)


def development_half(text: str) -> bool:
    """Whether a report belongs to the half on which the patterns were developed; the other half
    measures them.

    Decided by a hash of the text without its white space, so that identical reports stand on one
    side."""
    return hashlib.sha256(" ".join(text.split()).encode("utf-8", "replace")).digest()[-1] % 2 == 0


def refers_to_prior(sentence: str) -> bool:
    """Whether a sentence compares with an earlier film ("unchanged", "again seen", "has resolved",
    "new", ...)."""
    return bool(_PRIOR.search(sentence))


def _cut(sentence: str) -> list[str]:
    return (
        [sentence]
        if len(sentence) <= MAX_SENTENCE
        else textwrap.wrap(sentence, MAX_SENTENCE, break_on_hyphens=False)
    )
