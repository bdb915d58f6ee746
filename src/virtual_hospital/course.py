"""How ill findings make a patient, and the rows that a patient's stays and results become.

Explained in book/03_linking_images_to_the_record.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from virtual_hospital.cohort import Case
from virtual_hospital.mechanism import ACUTE, SEVERITY
from virtual_hospital.streams import random_ids, stream

HOUR = timedelta(hours=1)

Span = tuple[datetime, datetime]


@dataclass
class Patient:
    """One patient's rows of each table, as dicts.

    Keys that begin with _ hold the truth and are not written.
    """

    cases: list[Case]
    rng: np.random.Generator
    person: dict
    race: str
    in_record: bool = True
    admissions: list[dict] = field(default_factory=list)
    edstays: list[dict] = field(default_factory=list)
    triage: list[dict] = field(default_factory=list)
    icustays: list[dict] = field(default_factory=list)
    labevents: list[dict] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The subject_id."""
        return self.person["subject_id"]


@dataclass
class Ids:
    """Numbers for stays and specimens: unlike any other of their kind, and in no order."""

    hadm: Iterator[str]
    stay: Iterator[str]
    specimen: Iterator[str]

    @classmethod
    def draw(cls, seed: int, studies: int) -> "Ids":
        """Draw enough numbers for this many studies."""
        ids = {}
        for kind, each, first in (("hadm", 5, "2"), ("stay", 5, "3"), ("specimen", 80, "4")):
            number = each * studies + 100
            ids[kind] = iter(random_ids(stream(seed, kind), number, first))
        return cls(**ids)


def hours(rng: np.random.Generator, low: float, high: float) -> timedelta:
    """Return a span between `low` and `high` hours."""
    return timedelta(hours=float(rng.uniform(low, high)))


def weights(case: Case) -> dict[str, float]:
    """Return the weight of each finding that is drawn; the gravest of a name counts."""
    found: dict[str, float] = {}
    for drawing in case.drawings:
        known = found.get(drawing.name, 0.0)
        found[drawing.name] = max(known, SEVERITY[drawing.severity])
    return found


def burden(case: Case) -> float:
    """Return how ill the acute findings make a patient: 0 well, 1 one moderate finding."""
    total = 0.0
    for drawing in case.drawings:
        if drawing.name in ACUTE:
            total += SEVERITY[drawing.severity]
    return total
