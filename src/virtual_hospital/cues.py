"""Planted cues: what films with a finding carry besides it, in a share that is known.

A model may read the cue instead of the finding, as real ones have read a hospital's marker (Zech et
al. 2018, doi 10.1371/journal.pmed.1002683), the drain of a treated pneumothorax (Oakden-Rayner et
al. 2020, doi 10.1145/3368555.3384468) and how the sick are filmed (DeGrave et al. 2021,
doi 10.1038/s42256-021-00338-7). Here it is known which films carry it. Explained in
book/01_reading_a_radiograph.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

from txtray_utils.studies.sources.openi_package import read_headers
from txtray_utils.vocabulary import FINDINGS
from virtual_hospital.cohort import Case, Headers
from virtual_hospital.drawings import Drawing
from virtual_hospital.streams import stream

ANY = "any"  # whatever the finding
DRAIN = "chest_drain"  # its name in the evidence
WORD = "ICU"  # the text of the burnt-in marker


@dataclass(frozen=True)
class Cue:
    """A cue and how often it is there.

    Attributes:
        kind: one of `CUES`.
        finding: one of `vocabulary.FINDINGS`, or "any" for all films with a finding.
        share: of the films in which the finding is drawn, how many carry the cue, 0 to 1.
        elsewhere: the same of the films in which it is not drawn.
    """

    kind: str
    finding: str
    share: float = 1.0
    elsewhere: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be planted.

        Raises:
            ValueError: an unknown kind or finding, or a share that is none.
        """
        if self.kind not in CUES:
            raise ValueError(f"there is no cue {self.kind!r}; choose {', '.join(CUES)}")
        if self.finding not in (*FINDINGS, ANY):
            raise ValueError(f"there is no finding {self.finding!r} to tie a cue to")
        for share in (self.share, self.elsewhere):
            if not 0 <= share <= 1:
                raise ValueError(f"a share of films is between 0 and 1, not {share}")


def plant(cases: list[Case], cue: Cue, seed: int) -> list[Case]:
    """Return the same studies with a cue planted; those that carry it name it in `cue`.

    Each study has a number of its own from 0 to 1 and carries the cue if that lies below the share,
    so that a greater share adds films and takes none away.
    """
    kind = CUES[cue.kind]
    planted = []
    for case in cases:
        share = cue.share if _has(case, cue.finding) else cue.elsewhere
        if stream(seed, case.study_id, "cue").random() < share:
            case = replace(kind.given(case, seed), cue=cue.kind)
        elif kind.denied:
            case = kind.denied(case, seed)
        planted.append(case)
    return planted


def _has(case: Case, finding: str) -> bool:
    """Tell whether a finding is drawn in a study."""
    if finding == ANY:
        return bool(case.drawings)
    return case.drawn[finding] == 1


def _marked(case: Case, seed: int) -> Case:
    """The word is burnt in when the film is made, by the study's `cue`."""
    return case


def _drained(case: Case, seed: int) -> Case:
    """Draw a drain, on the side of a pneumothorax where there is one."""
    sides = []
    for drawing in case.drawings:
        if drawing.name == "pneumothorax":
            sides.append(drawing.side)
    side = (
        sides[0] if sides else str(stream(seed, case.study_id, "drain").choice(["right", "left"]))
    )
    drain = Drawing(DRAIN, side, "", "moderate", "cue")
    return replace(case, drawings=(*case.drawings, drain))


def _filmed_ap(case: Case, seed: int) -> Case:
    return _of_view(case, "AP", seed)


def _filmed_pa(case: Case, seed: int) -> Case:
    return _of_view(case, "PA", seed)


def _of_view(case: Case, view: str, seed: int) -> Case:
    """Give a study a view, with the header of a real film of that view."""
    if case.view == view:
        return case
    header = _headers(view, seed).header(case.report_id, case.study_id)
    return replace(case, view=view, header=case.header | header)


@functools.cache
def _headers(view: str, seed: int) -> Headers:
    return Headers.of(read_headers(), seed, own=False).of_view(view)


@dataclass(frozen=True)
class Kind:
    """How a cue is given to a study that carries it, and withheld from one that does not."""

    given: Callable[[Case, int], Case]
    denied: Callable[[Case, int], Case] | None = None


CUES = {
    "marker": Kind(_marked),
    "drain": Kind(_drained),
    "ap": Kind(_filmed_ap, _filmed_pa),
}
