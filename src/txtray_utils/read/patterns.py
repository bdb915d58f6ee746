"""The pattern file `report_patterns.toml`, compiled: how findings are named, and the cues.

Explained in book/02_reading_a_report.
"""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PATTERN_FILE = Path(__file__).with_name("report_patterns.toml")
KINDS = ("found", "normal", "skip")


@cache
def label_patterns(group: str) -> dict[str, dict[str, list[re.Pattern]]]:
    """Return the compiled patterns, found, normal and skip, of each of "labels" or "terms"."""
    compiled = {}
    labels = _file()[group]
    for label, kinds in labels.items():
        compiled[label] = {}
        for kind in KINDS:
            patterns = kinds.get(kind, [])
            compiled[label][kind] = _compiled(patterns)
    return compiled


def context_rules() -> Iterator[tuple[str, str, str]]:
    """Give the cues of ConText: category (NEGATED, ...), kind (before, ...) and the words."""
    for category, kinds in _file()["context"].items():
        for kind, patterns in kinds.items():
            for pattern in patterns:
                yield category, kind, _filled(pattern)


def _compiled(patterns: list[str]) -> list[re.Pattern]:
    return [re.compile(_filled(pattern), re.IGNORECASE) for pattern in patterns]


@cache
def _file() -> dict[str, dict]:
    with PATTERN_FILE.open("rb") as file:
        return tomllib.load(file)


def _filled(pattern: str) -> str:
    """Return a pattern with the words of the file's `words` in place of their <name>."""
    words = _file()["words"]
    name_of_word = r"(?<!\(\?P)<(\w+)>"
    return re.sub(name_of_word, lambda name: words[name[1]], pattern)
