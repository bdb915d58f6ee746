"""The columns that a source fills from a report, and what it tells of one that cannot be read.

Explained in book/03_linking_images_to_the_record.
"""

from collections.abc import Mapping
from pathlib import Path

from txtray_utils.errors import Rejects
from txtray_utils.read.labels import label_report, text_fault
from txtray_utils.read.report import sentences
from txtray_utils.read.text import normalised

SECTIONS = ("indication", "comparison", "findings", "impression")
_EXTRA = ("addendum", "wet read")
_KEPT = "Look at the report; the film is kept, and has no label from it."


def text_columns(
    sections: Mapping[str, str | None], where: Path, study: str, rejects: Rejects
) -> dict:
    """Return the four `SECTIONS`, sentences and labels of a report, null where there is none.

    To `rejects` go, under the study's name, a text that is not labelled (no word in it, not
    English) and an addendum or wet read that stands beside findings and is not read; the study is
    kept.
    """
    found: dict = {}
    for name in SECTIONS:
        said = sections.get(name)
        found[name] = normalised(said) if said else None
    findings, impression = found["findings"], found["impression"]
    found["sentences"] = sentences(findings or "") + sentences(impression or "")
    if not (findings or impression):
        found["sentences"] = None
    found["labels"] = label_report(findings, impression)
    tell_fault(findings, impression, where, study, rejects)
    for name in _EXTRA:
        said = sections.get(name)
        if said and said not in (findings or ""):
            fault = f"its {name} is not read: findings and impression are"
            rejects.add(where, study, fault, "Read it: it may correct them. The study is kept.")
    return found


def tell_fault(
    findings: str | None, impression: str | None, where: Path, study: str, rejects: Rejects
) -> None:
    """Add a row to `rejects` if `label_report` refuses a text."""
    text = "\n\n".join(filter(None, (findings, impression)))
    fault = text_fault(text)
    if fault:
        rejects.add(where, study, fault, _KEPT)
