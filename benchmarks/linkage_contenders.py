"""The contenders of `linkage_bench.py`, each run in a process of its own that imports this.

Seconds exclude imports; memory is the peak resident set of the process, imports and all. Explained
in book/03_linking_images_to_the_record."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from linkage_pandas import Linked, Reading, with_pandas
from linkage_tables import folder
from measuring import peak_bytes

from txtray_utils.errors import Rejects
from txtray_utils.read.record import link

NEEDED = [
    "subject_id",
    "itemid",
    "charttime",
    "storetime",
    "value",
    "valuenum",
    "valueuom",
]
IDS = ["study_id", "ed_stay_id", "hadm_id"]


def ours(where: Path) -> Linked:
    """Link with the package; a labevents.parquet beside the csv.gz is taken by itself."""
    rejects = Rejects()
    linked = link(pd.read_csv(where / "metadata.csv.gz"), where, rejects)
    assert not len(rejects), rejects.rows[:3]
    return linked.studies, linked.labs, linked.vitals


def work_of(
    contender: str,
    millions: int,
    parquet: bool,
) -> Callable[[], Linked]:
    """Return what a contender does."""
    where = folder(millions)
    readings = {
        "pandas": Reading(parquet),
        "pandas_usecols": Reading(parquet, NEEDED),
        "pandas_arrow": Reading(parquet, NEEDED, "pyarrow"),
    }
    if contender == "ours":
        return lambda: ours(where)
    return lambda: with_pandas(where, readings[contender])


def run(
    contender: str,
    millions: int,
    kind: str,
    answer: Path,
) -> None:
    """Run one contender here, write its answer, and print its seconds and peak megabytes as
    JSON."""
    work = work_of(contender, millions, kind == "parquet")
    begun = time.perf_counter()
    studies, labs, vitals = work()
    seconds = time.perf_counter() - begun
    peak = peak_bytes() / 2**20
    keep(studies, labs, answer)
    counts = {"studies": len(studies), "labs": len(labs), "vitals": len(vitals)}
    print(json.dumps({"seconds": seconds, "mb": peak} | counts))


def keep(
    studies: pd.DataFrame,
    labs: pd.DataFrame,
    answer: Path,
) -> None:
    """Write what a contender found, in one order and with one type of number."""
    answer.mkdir(parents=True, exist_ok=True)
    studies = studies.assign(**{name: pd.to_numeric(studies[name]) for name in IDS})
    studies = studies[[*IDS, "study_time", "age", "link_type"]].sort_values("study_id")
    studies.to_parquet(answer / "studies.parquet")
    labs = labs.assign(study_id=pd.to_numeric(labs["study_id"]))
    labs = labs[["study_id", "name", "value", "hours_before"]]
    labs.sort_values(["study_id", "name"]).to_parquet(answer / "labs.parquet")


def check(contenders: list[str], answers: Path) -> None:
    """Stop unless every contender gave the answer that `ours` gave."""
    for name in ("studies", "labs"):
        first = read_answer(answers, "ours", name)
        for contender in contenders:
            other = read_answer(answers, contender, name)
            pd.testing.assert_frame_equal(first, other, check_dtype=False)


def read_answer(answers: Path, contender: str, name: str) -> pd.DataFrame:
    """Return a table that a contender wrote."""
    return pd.read_parquet(answers / contender / f"{name}.parquet").reset_index(drop=True)
