"""The same study with one thing changed: the same person, stance, exposure and window.

Each function takes a study of the plan and returns another, for `film.picture`; `pair` makes both
pictures. Removing a finding leaves the drawings of the others as they are; one that bends the body
(a large heart, a raised diaphragm ...) moves what lies near, and so their masks. Explained in
book/01_reading_a_radiograph.
"""

import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from txtray_utils.settings import data_dir, settings
from txtray_utils.vocabulary import FINDINGS, SEVERITIES
from virtual_hospital.anatomies import load
from virtual_hospital.anatomy import Anatomy
from virtual_hospital.cohort import SIZE, Case
from virtual_hospital.cues import DRAIN
from virtual_hospital.drawings import Drawing
from virtual_hospital.film import Picture, picture
from virtual_hospital.hospital import cases_of
from virtual_hospital.whole import NOTE, read_note

OTHER = {"right": "left", "left": "right"}
SAID = "counterfactual"  # where a changed side or severity comes from
ONE_SIZE = ("central_line", "pacemaker", "sternal_wires")  # devices are there or not


def planned(study_id: str, folder: Path | None = None) -> tuple[Case, Anatomy]:
    """Return the plan of a study of a hospital, and the chest that it is drawn in.

    The first call plans the cohort (seconds); the plan and the chest then stay in memory.

    Args:
        study_id: as in the study table.
        folder: the hospital's; None is this run's. Its cohort.json says what it holds; where there
            is none, this run's settings do.

    Raises:
        InputError: the hospital's note of what it holds is torn.
        KeyError: the hospital has no such study.
    """
    place = Path(folder or data_dir("demo"))
    now = settings()
    note = place / NOTE
    held = {"studies": now.studies, "seed": now.seed, "anatomy": None, "cue": None}
    if note.exists():
        held = read_note(note)
    case = _plan(json.dumps(held))[study_id]
    return case, load(place, case.anatomy)


@functools.lru_cache(maxsize=2)
def _plan(config: str) -> dict[str, Case]:
    by_id = {}
    for case in cases_of(json.loads(config)):
        by_id[case.study_id] = case
    return by_id


def pair(case: Case, changed: Case, anatomy: Anatomy, size: int = SIZE) -> tuple[Picture, Picture]:
    """Return the pictures of a study and of its change, both in the window of the first.

    A machine sets its window by the film, so a change in one place would change the grey of all
    others; here only scatter and sharpening carry it beyond the rays that it meets. Noise, marker
    and exposure are the same. For several changes of one study pass `window` to `film.picture`.
    """
    original = picture(case, anatomy, size)
    return original, picture(changed, anatomy, size, window=original.window)


def removed(case: Case, finding: str) -> Case:
    """Return the study without a finding, the others as they are.

    Raises:
        ValueError: the finding is not drawn in this study.
    """
    _drawn(case, finding)
    return _with(case, _others(case, finding))


def without_others(case: Case, finding: str) -> Case:
    """Return the study with this finding alone, and its planted cue if it has one.

    Raises:
        ValueError: the finding is not drawn in this study.
    """
    kept = _drawn(case, finding)
    for drawing in case.drawings:
        if drawing.name == DRAIN != finding:
            kept.append(drawing)
    return _with(case, kept)


def moved(case: Case, finding: str) -> Case:
    """Return the study with a finding on the other side, drawn anew there.

    Raises:
        ValueError: the finding is not drawn in this study, has no side, or lies on both.
    """
    sides = set()
    for drawing in _drawn(case, finding):
        sides.add(drawing.side)
    if len(sides) > 1 or not sides <= set(OTHER):
        where = " and ".join(sorted(sides)) or "no side"
        raise ValueError(
            f"{finding} of study {case.study_id} lies on {where}: it has no other side"
        )
    return redrawn(case, finding, side=OTHER[sides.pop()])


def worse(case: Case, finding: str) -> Case:
    """Return the study with a finding one grade more severe.

    Raises:
        ValueError: the finding is not drawn in this study, is severe already, or has no grades.
    """
    grades = set()
    for drawing in _drawn(case, finding):
        grades.add(drawing.severity)
    if finding not in FINDINGS or finding in ONE_SIZE:
        raise ValueError(f"{finding} is there or not; it cannot be worse")
    if grades == {SEVERITIES[-1]}:
        raise ValueError(f"{finding} of study {case.study_id} is severe already")
    return _changed(case, finding, lambda one: {"severity": _graver(one.severity)})


def _graver(severity: str) -> str:
    """Return the next severity, or the same where it is the gravest."""
    grade = SEVERITIES.index(severity)
    return SEVERITIES[min(grade + 1, len(SEVERITIES) - 1)]


def redrawn(case: Case, finding: str, **change: str) -> Case:
    """Return the study with a finding of another side, zone or severity.

    Raises:
        ValueError: the finding is not drawn in this study.
    """
    _drawn(case, finding)
    return _changed(case, finding, lambda _: change)


def _changed(case: Case, finding: str, change: Callable[[Drawing], dict[str, str]]) -> Case:
    """Return the study with each drawing of a finding changed in what `change` says of it."""
    drawings = []
    for drawing in case.drawings:
        if drawing.name == finding:
            drawing = replace(drawing, **change(drawing), said=SAID)
        drawings.append(drawing)
    return _with(case, drawings)


def added(case: Case, drawing: Drawing) -> Case:
    """Return the study with a finding besides."""
    return _with(case, [*case.drawings, drawing])


def _drawn(case: Case, finding: str) -> list[Drawing]:
    """Return the drawings of a finding, which must be there."""
    drawings = [drawing for drawing in case.drawings if drawing.name == finding]
    if not drawings:
        has = ", ".join(sorted(_names(case.drawings))) or "no finding"
        raise ValueError(f"study {case.study_id} has no {finding}; it has {has}")
    return drawings


def _others(case: Case, finding: str) -> list[Drawing]:
    return [drawing for drawing in case.drawings if drawing.name != finding]


def _names(drawings: Iterable[Drawing]) -> set[str]:
    return {drawing.name for drawing in drawings}


def _with(case: Case, drawings: list[Drawing]) -> Case:
    """Return the study with other drawings, and what is drawn told anew."""
    names = _names(drawings)
    before = _names(case.drawings)
    drawn = dict(case.drawn)
    for name in drawn:
        if name in names:
            drawn[name] = 1
        elif name in before:
            drawn[name] = 0
    cue = "" if DRAIN in before - names else case.cue
    return replace(case, drawings=tuple(drawings), drawn=drawn, cue=cue)
