"""What a film is judged by: what was drawn into it or, where nobody knows that, what its text says.

Only the virtual hospital knows what a film shows. Of a real film there is the report, which names
less than there is and sometimes more; a score against it says how well a model agrees with the
radiologist. Some have human codes or boxes besides: `TRUTHS` has a function for each kind, by the
name to print beside every number. Explained in book/05_retrieval_and_zero_shot.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from datasets import Dataset

from txtray_utils.read.labels import label_texts, mentions
from txtray_utils.read.mesh import mesh_findings
from txtray_utils.read.report import report_text
from txtray_utils.vocabulary import FINDINGS, LABEL_OF, LABELS, NAMED, READ_AS, SIDED, label_matrix

DRAWN, REPORTED = "what was drawn", "what the text says"
CODED, BOXED = "what the human codes say", "what a reader boxed"
Sided = tuple[int, str, str]  # row, finding, side


def truth_source(studies: Dataset) -> str:
    """Return what `finding_truth` goes by: `DRAWN`, `REPORTED`, or both where films are mixed."""
    drawn = _is_drawn(studies)
    if drawn.all():
        return DRAWN
    if drawn.any():
        return f"{DRAWN}; of real films, {REPORTED}"
    return REPORTED


def finding_truth(studies: Dataset) -> np.ndarray:
    """Return which of `FINDINGS` each film has, (N, 19) float32: 1, 0, and NaN where that is not
    sure.

    It is `drawn_truth` of the films into which something was drawn, and `reported_truth` of others.
    """
    found = drawn_truth(studies)
    real = np.flatnonzero(~_is_drawn(studies))
    if len(real):
        films = studies.select(real)
        found[real] = reported_truth(films)
    return found


def drawn_truth(studies: Dataset) -> np.ndarray:
    """Return what the simulator drew, (N, 19) float32: 1, 0, and NaN where it is not sure."""
    return label_matrix(studies["drawn"], FINDINGS)


def coded_truth(studies: Dataset) -> np.ndarray:
    """Return what the human MeSH codes say, (N, 19) float32, by the table that the virtual hospital
    draws from.

    The hospital draws nothing that the report denies; here what is coded counts.

    1 is coded, 0 not coded, NaN where a code could mean it, and where there are no codes.
    """
    rows = []
    for codes, said in zip(studies["mesh_codes"], studies["sentences"], strict=True):
        found = mesh_findings(codes or (), _report(said))
        rows.append(found)
    return label_matrix(rows, FINDINGS)


def reported_truth(studies: Dataset) -> np.ndarray:
    """Return what the labeller reads in the texts, (N, 19) float32.

    1 is present, 0 absent or not mentioned, NaN where it is uncertain or there is no text.
    """
    said = studies["sentences"]
    columns = [NAMED.index(READ_AS[name]) for name in FINDINGS]
    texts = map(_report, said)
    states = label_texts(texts)[:, columns]
    found = (states == 1).astype(np.float32)
    found[states == -1] = np.nan
    silent = [not one for one in said]
    found[silent] = np.nan
    return found


def boxed_truth(studies: Dataset) -> np.ndarray:
    """Return what a reader drew a box round, (N, 19) float32: 1 there, else NaN.

    What has no box may be there all the same, so nothing is 0.
    """
    shape = len(studies), len(FINDINGS)
    found = np.full(shape, np.nan, np.float32)
    for row, items in enumerate(studies["evidence"]):
        for one in items or ():
            if one["said"].startswith("finding:box"):
                column = FINDINGS.index(one["finding"])
                found[row, column] = 1
    return found


TRUTHS = {DRAWN: drawn_truth, CODED: coded_truth, REPORTED: reported_truth, BOXED: boxed_truth}


def truth_by_finding(studies: Dataset) -> dict[str, np.ndarray]:
    """Return `finding_truth` as one column (N,) a finding, by its name."""
    columns = finding_truth(studies).T
    return dict(zip(FINDINGS, columns, strict=True))


def said_labels(studies: Dataset) -> np.ndarray:
    """Return the labels of the reports, (N, 14) float32 in the order of `vocabulary.LABELS`."""
    return label_matrix(studies["labels"])


def _is_drawn(studies: Dataset) -> np.ndarray:
    """Return of which films (N,) it is known what was drawn."""
    unknown = np.isnan(drawn_truth(studies))
    return ~unknown.all(1)


def _report(said: list[str] | None) -> str:
    return report_text(said or ())


def side_truth(studies: Dataset) -> list[Sided]:
    """Return (row, finding, "right" or "left") for each finding that lies on one side, as drawn or
    as the text says.

    One on both sides is left out. A text's findings are those of `FINDINGS` that have a CheXpert
    label of their own."""
    drawn = _is_drawn(studies)
    items = [*_drawn_sides(studies, drawn), *_said_sides(studies, ~drawn)]
    sides_of: dict[tuple[int, str], set[str]] = defaultdict(set)
    for row, name, side in items:
        sides_of[row, name].add(side)
    found = []
    for (row, name), sides in sides_of.items():
        if sides in ({"right"}, {"left"}):
            found.append((row, name, *sides))
    return found


def label_side_truth(studies: Dataset) -> list[tuple[int, int, str]]:
    """Return the same by label: (row, column of `LABELS`, side), of the labels that have sides."""
    found = []
    for row, finding, side in side_truth(studies):
        label = LABEL_OF.get(finding)
        if label in SIDED:
            found.append((row, LABELS.index(label), side))
    return found


def _drawn_sides(studies: Dataset, wanted: np.ndarray) -> Iterator[Sided]:
    """Give row, finding and side of all that was drawn into the films `wanted`."""
    for row, items in enumerate(studies["evidence"]):
        if wanted[row]:
            for one in items or ():
                yield row, one["finding"], one["side"]


def _said_sides(studies: Dataset, wanted: np.ndarray) -> Iterator[Sided]:
    """Give row, finding and side of what is said to be in the films `wanted`, with a side."""
    finding_of = {READ_AS[name]: name for name in FINDINGS}
    for row, said in enumerate(studies["sentences"]):
        text = _report(said) if wanted[row] else ""
        for one in mentions(text):
            finding = finding_of.get(one.label)
            if finding and one.state == 1 and one.side:
                yield row, finding, one.side
