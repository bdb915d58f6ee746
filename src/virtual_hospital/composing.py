"""Which real reports make up a patient who has several films.

An Open-i report is the only one of its patient, so such patients are composed of reports that could
be one person's. Explained in book/01_reading_a_radiograph.
"""

from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pandas as pd

from txtray_utils.studies.splits import SPLITS
from txtray_utils.vocabulary import FINDINGS, SIDES

LASTING = (  # findings that do not go away
    "tortuous_aorta", "granuloma", "scar", "hyperinflation", "scoliosis", "pacemaker",
    "sternal_wires",
)  # fmt: skip
PRIOR = (  # words of a report that refer to a film before it
    r"unchanged|stable|again|interval|compar|previous|\bprior|improv|persist|worsen|increas|"
    r"decreas|redemonstrat|remain"
)


def compose_by_split(
    plan: pd.DataFrame, rows: np.ndarray, rng: np.random.Generator
) -> list[list[int]]:
    """Join rows into patients, as `compose` does, each of reports of one split."""
    split = plan["split"].to_numpy()[rows]
    chains = []
    for name in SPLITS:
        chains += compose(plan, rows[split == name], rng)
    return chains


def compose(plan: pd.DataFrame, rows: np.ndarray, rng: np.random.Generator) -> list[list[int]]:
    """Join rows into patients: an eighth of them end a pair of studies, three in 64 a triple.

    The last study of a chain refers to a prior film where one can be had; the study before it is
    the one that shares most findings, does not conflict in sex or in lasting findings, and is near
    in age. Only reports whose words no other report has are joined, so that nobody has the same
    report twice. Returns chains of rows, in order of time.
    """
    pairs = len(rows) // 8
    triples = len(rows) * 3 // 64
    group = plan["group"]
    size = group.map(group.value_counts()).to_numpy()
    alone = size[rows] == 1
    pool = rng.permutation(rows[alone])
    match = Match.of(plan.loc[pool])
    chains = []
    for last in match.order:
        if len(chains) == pairs + triples:
            break
        if match.free[last]:
            length = 3 if len(chains) < triples else 2
            chains.append(match.chain(last, length))
    joined = [pool[chain].tolist() for chain in chains]
    used = set().union(*joined)
    for row in rows.tolist():
        if row not in used:
            joined.append([row])
    return joined


@dataclass
class Match:
    """How well reports fit together as one patient's.

    Attributes:
        score: (N, N), the fit of each report (row) with one that comes before it (column).
        sex: (N,) 1 female, -1 male, 0 silent.
        order: (N,) the reports by how well they end a chain.
        free: (N,) bool, those in no chain yet.
    """

    score: np.ndarray
    sex: np.ndarray
    order: np.ndarray
    free: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        """Start with every report free."""
        self.free = np.ones(len(self.sex), bool)

    @classmethod
    def of(cls, table: pd.DataFrame) -> "Match":
        """Score all pairs of reports."""
        has = _sides_drawn(table)
        name = has.reshape(len(table), len(FINDINGS), 1 + len(SIDES)).max(2)
        columns = [FINDINGS.index(finding) for finding in LASTING]
        lasting = name[:, columns]
        text = table["text"]
        refers = text.str.contains(PRIOR, case=False, regex=True).to_numpy()
        sex = table["sex_said"].map({"F": 1, "M": -1, "": 0}).to_numpy()
        age = table["age"].to_numpy()
        differ = (lasting[:, None] != lasting).sum(2)
        shared = name @ name.T + 0.5 * (has @ has.T)
        gone = (1 - lasting) @ lasting.T  # of the earlier report, not in the later one
        score = shared - differ - 100 * gone
        apart = np.abs(age[:, None] - age) / 10
        score -= apart + 0.3 * refers
        conflict = sex[:, None] * sex < 0
        score[conflict] = -np.inf
        np.fill_diagonal(score, -np.inf)
        ends_well = refers * (1 + (name.sum(1) > 0))  # it refers to a prior, and has findings
        return cls(score, sex, np.argsort(-ends_well, kind="stable"))

    def chain(self, last: int, length: int) -> list[int]:
        """Take a chain of this length that ends with `last` out of the free, in order of time."""
        self.free[last] = False
        chain = [int(last)]
        sexes = {self.sex[last]}
        while len(chain) < length:
            known = list(sexes - {0})
            conflict = np.isin(-self.sex, known) & (self.sex != 0)
            allowed = self.free & ~conflict
            fit = np.where(allowed, self.score[chain[0]], -np.inf)
            best = int(np.argmax(fit))
            self.free[best] = False
            sexes.add(self.sex[best])
            chain.insert(0, best)
        return chain


def _sides_drawn(table: pd.DataFrame) -> np.ndarray:
    """Return (N, findings x sides) float, 1 where a report draws a finding on a side."""
    places = list(product(FINDINGS, ("", *SIDES)))
    has = np.zeros((len(table), len(places)))
    for row, drawings in enumerate(table["drawings"]):
        for drawing in drawings:
            has[row, places.index((drawing.name, drawing.side))] = 1
    return has
