"""A report taken apart: the file, its sections, its sentences, and references to an earlier film.

Explained in book/02_reading_a_report.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from txtray_utils.errors import InputError
from txtray_utils.read.text import decoded, normalised

MAX_REPORT = 100_000  # characters of a file
MAX_BYTES = 4_000_000  # that are read of a file
MAX_SENTENCE = 5_000  # characters; a longer one is not labelled, so that no text takes too long
_SECTIONS = {  # a section's name: its headings
    "findings": "findings|finding|findings and impression|findings/impression",
    "impression": "impression|impressions|conclusion|conclusions|interpretation|opinion|summary",
    "indication": "indication|indications|clinical indication|history|clinical history"
    "|clinical information|clinical details|reason for exam|reason for examination"
    "|reason for study|reason for the exam|reason",
    "comparison": "comparison|comparisons|comparison study",
    "examination": "examination|exam|study|procedure|type of examination",
    "technique": "technique",
    "wet read": "wet read",
    "recommendation": "recommendation|recommendations|recommendation(s)",
    "notification": "notification|notifications",
    "addendum": "addendum",
}
_NAMES = {alias: name for name, aliases in _SECTIONS.items() for alias in aliases.split("|")}
_ALIASES = "|".join(map(re.escape, sorted(_NAMES, key=len, reverse=True)))
_CAPITALS = r"(?:[A-Z0-9 ,/&().-]|(?<=\d):(?=\d\d)|(?<=\d)[ap]m|(?<= )[ap]\.m\.){0,60}"  # 3:40 p.m.
_HEADING = re.compile(
    rf"^[ \t]*((?i:{_ALIASES}))[ \t]*:"  # a known heading at the start of a line
    rf"|\b({_ALIASES.upper()}):"  # or in capitals anywhere
    rf"|^[ \t]*([A-Z]{_CAPITALS}\b(?:CHEST|VIEWS?|RADIOGRAPHS?)\b"  # the film's name
    rf"{_CAPITALS}):(?!\d)"
    r"|^[ \t]*(FINAL REPORT|FINDINGS|IMPRESSION|ADDENDUM|WET READ)[ \t]*$",  # alone on a line
    re.MULTILINE,
)
_ORDER = ("examination", "technique", "indication", "comparison")
_INSTEAD = ("wet read", "addendum", "recommendation")  # of findings and impression
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
_BREAK = re.compile(r"\n\s*\n|\n(?=[ \t]*(?:\d{1,2}[.)]|[-*•])[ \t])")
_STOP = re.compile(r"(?<=[.!?]) |(?<=[a-z_X]\.)(?=[A-Z][a-z])")
_NUMBER = re.compile(r"\(?\d{1,2}[.)]")
_NO_STOP = frozenset(
    ["dr.", "mr.", "mrs.", "ms.", "st.", "vs.", "e.g.", "i.e.", "cf.", "approx.", "a.m.", "p.m."]
)
_PRIOR = re.compile(
    r"\b(?:unchanged|stable|interval|previous(?:ly)?|prior|earlier|again|since|compar(?:ed|ison)|"
    r"persist\w*|residual|remain(?:s|ed|ing)?|new|newly|worse(?:n\w*)?|improv\w*|progress\w*|"
    r"resolv\w*|resolution|no longer|similar to|clear(?:ed|ing)|re-?demonstrat\w*|continue[sd]?|"
    r"(?:increas|decreas)(?:ed|ing) (?:in size|since|from)|no (?:significant )?change|removed)\b",
    re.IGNORECASE,
)


def read_report(path: Path) -> str:
    """Return the text of a report file, which must be UTF-8.

    Raises:
        InputError: the file cannot be read, is no regular file, is of another encoding, or has more
            than `MAX_REPORT` characters (no report does).
    """
    remedy = "Check the folder and its permissions."
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise InputError(path, "is no regular file", remedy)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES)
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", remedy) from error
    if len(data) == MAX_BYTES:
        fault = f"{MAX_BYTES:,} bytes or more are too many for one report"
        raise InputError(path, fault, "Split it into its reports.")
    text = decoded(data, path, "Convert it: iconv -f latin1 -t utf-8")
    if len(text) > MAX_REPORT:
        fault = f"{len(text):,} characters are too many for one report"
        raise InputError(path, fault, "Split it into its reports.")
    return text


def split_sections(text: str) -> dict[str, str]:
    """Return the sections of a report by name, in reading order.

    The names are findings, impression, indication, comparison and so on. Headings are those of
    MIMIC-CXR and their common synonyms; the name of a film in capitals ("PORTABLE CHEST:") opens
    the findings. An unknown heading stays in the text, so nothing is lost. What stands before any
    heading is named "". Empty sections are left out; a heading that comes twice is joined by a
    newline.
    """
    text = normalised(text)
    sections: dict[str, str] = {}
    name, start = "", 0
    for heading in _HEADING.finditer(text):
        _add(sections, name, text[start : heading.start()])
        name, start = _section_of(heading), heading.end()
    _add(sections, name, text[start:])
    return sections


def report_sections(text: str) -> dict[str, str]:
    """Return the sections of a whole report, its body among them where no heading opens it.

    Without FINDINGS, they are what stands before any heading ("FINAL REPORT" and a text) and what
    follows a blank line below the headings of an order (INDICATION, COMPARISON, ...). Without
    IMPRESSION too, a wet read, an addendum and a recommendation are findings.
    """
    sections = split_sections(text)
    if "findings" in sections:
        return sections
    body = []
    for name, said in list(sections.items()):
        if name == "" or (name in _INSTEAD and "impression" not in sections):
            body.append(said)
        elif name in _ORDER:
            sections[name], *below = _PARAGRAPH.split(said)
            body += below
    if body:
        sections["findings"] = "\n\n".join(body)
    return sections


def sentences(text: str) -> list[str]:
    """Return the sentences of a section, white space made single; no other character is lost.

    A blank line or a numbered or bulleted line begins a sentence; the number stays with it. An
    abbreviation ends none.
    """
    found: list[str] = []
    for block in _BREAK.split(normalised(text)):
        block, start = " ".join(block.split()), 0
        for stop in _STOP.finditer(block):
            before = block[start : stop.start()]
            last_word = before.rpartition(" ")[2].lower()
            if last_word not in _NO_STOP and not _NUMBER.fullmatch(before):
                found.append(before)
                start = stop.end()
        found.append(block[start:])
    return list(filter(None, found))


def report_text(said: Sequence[str]) -> str:
    """Return the sentences of a report as one text, without the numbers of a numbered list."""
    return " ".join(re.sub(r"^\(?\d{1,2}[.)]\s+", "", sentence) for sentence in said)


def development_half(text: str) -> bool:
    """Whether a report belongs to the half on which the patterns were developed.

    The other half measures them. Decided by a hash of the text without its white space, so that
    identical reports stand on one side.
    """
    squeezed = " ".join(text.split()).encode("utf-8", "replace")
    return hashlib.sha256(squeezed).digest()[-1] % 2 == 0


def refers_to_prior(sentence: str) -> bool:
    """Whether a sentence compares with an earlier film ("unchanged", "has resolved", "new")."""
    return bool(_PRIOR.search(sentence))


def _section_of(heading: re.Match) -> str:
    known = heading[1] or heading[2] or heading[4] or ""
    otherwise = "findings" if heading[3] else ""
    return _NAMES.get(known.lower(), otherwise)


def _add(sections: dict[str, str], name: str, text: str) -> None:
    body = text.strip()
    if body and name in sections:
        sections[name] += f"\n{body}"
    elif body:
        sections[name] = body
