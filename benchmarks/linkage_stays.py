"""To which stay a study belongs, in pandas: the part of `linkage_pandas.py` about stays.

Explained in book/03_linking_images_to_the_record."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd


class Stays(NamedTuple):
    """A table of stays: its name, the columns of its key, begin and end, and how many hours before
    and after it a film may be."""

    name: str
    key: str
    start: str
    end: str
    before: int
    after: int


ED = Stays(
    "mimic-iv-ed/ed/edstays",
    key="stay_id",
    start="intime",
    end="outtime",
    before=1,
    after=1,
)
ICU = Stays(
    "mimic-iv/icu/icustays",
    key="stay_id",
    start="intime",
    end="outtime",
    before=0,
    after=0,
)
ADMISSIONS = Stays(
    "mimic-iv/hosp/admissions",
    key="hadm_id",
    start="admittime",
    end="dischtime",
    before=24,
    after=0,
)


def table(where: Path, name: str) -> pd.DataFrame:
    """Return one of the small tables."""
    return pd.read_csv(where / f"{name}.csv.gz")


def nearest(
    where: Path,
    films: pd.DataFrame,
    kind: Stays,
) -> pd.DataFrame:
    """Return the nearest stay of each study: its key, the gap in seconds, and its begin."""
    stays = table(where, kind.name)
    stays["start"] = pd.to_datetime(stays[kind.start]).astype("datetime64[us]")
    if "edregtime" in stays:
        arrival = pd.to_datetime(stays["edregtime"])
        stays["start"] = np.fmin(stays["start"], arrival.fillna(stays["start"]))
    stays["stop"] = pd.to_datetime(stays[kind.end])
    stays = stays[["subject_id", kind.key, "start", "stop"]]
    near = films.merge(stays, on="subject_id")
    early = near["start"] - near["t"]
    late = near["t"] - near["stop"]
    soon = early <= pd.Timedelta(kind.before, "h")
    near = near[soon & (late <= pd.Timedelta(kind.after, "h"))]
    gap = np.maximum(np.maximum(early, late), pd.Timedelta(0))
    near["gap"] = gap[near.index].dt.total_seconds()
    near = near.sort_values(["gap", "start"], ascending=[True, False])
    near = near.drop_duplicates("study_id")
    return near.set_index("study_id")[[kind.key, "gap", "start"]]


def link_types(
    index: pd.Index,
    ed: pd.DataFrame,
    icu: pd.DataFrame,
    stay: pd.DataFrame,
) -> np.ndarray:
    """Return where each study was taken, as chapter 3 names it."""
    e = ed["gap"].reindex(index)
    i = icu["gap"].reindex(index)
    a = stay["gap"].reindex(index)
    cases = [e == 0, i == 0, a == 0, e > 0, a > 0]
    kinds = ["ed", "icu", "admission", "ed", "pre-admission"]
    return np.select(cases, kinds, "none")
