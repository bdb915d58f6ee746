"""The simulated tables that `linkage_bench.py` links: MIMIC-IV columns, 2 to 20 million rows of
labevents, made once into the data folder (`bench`).

Explained in book/03_linking_images_to_the_record."""

from pathlib import Path

import duckdb
import pandas as pd

from txtray_utils.read.record_items import LABS
from txtray_utils.read.record_tables import to_parquet
from txtray_utils.settings import data_dir

TESTS = [lab for lab in LABS if not lab.specimen]  # blood gases need a row more: not made here
QUERIES = Path(__file__).with_name("linkage_tables.sql")
PATIENT = "(10000000 + p * 61)"
BEGIN = "(TIMESTAMP '2150-01-01' + INTERVAL 1 HOUR * ((p % 50) * 400 + k * 9600))"


def folder(millions: int) -> Path:
    """Return the folder of the simulated tables with that many million rows of labevents."""
    return data_dir("bench", f"{millions}M")


def queries(rows: int) -> dict[str, str]:
    """Return the query of each table, for that many rows of labevents."""
    text = QUERIES.read_text("utf-8")
    found = {}
    for one in text.split("-- table: ")[1:]:
        name, query = one.split("\n", 1)
        found[name] = query.format(
            patient=PATIENT,
            begin=BEGIN,
            patients=rows // 500,
            studies=rows // 700,
            rows=rows,
            known=len(TESTS),
        )
    return found


def known_tests() -> pd.DataFrame:
    """Return the laboratory tests that the package knows, with a range of usual values each."""
    known = []
    for row, lab in enumerate(TESTS):
        unit, factor = next(iter(lab.factors.items()))
        low, high = lab.low / factor, lab.high / factor
        width = high - low
        known.append(
            {
                "row": row,
                "itemid": lab.known[-1],
                "label": lab.labels[0],
                "category": lab.category,
                "unit": unit,
                "low": low + 0.1 * width,
                "span": 0.2 * width,
            }
        )
    return pd.DataFrame(known)


def make(millions: int) -> None:
    """Write the simulated tables, once; about 4 s a million rows."""
    rows = millions * 1_000_000
    with duckdb.connect(config={"memory_limit": "3GB"}) as con:
        con.execute("SET enable_progress_bar = false")
        con.register("known", known_tests())
        for name, query in queries(rows).items():
            target = folder(millions) / f"{name}.csv.gz"
            if target.exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name("partial.csv.gz")
            form = "(FORMAT csv, HEADER, COMPRESSION gzip)"
            con.execute(f"COPY ({query}) TO '{partial}' {form}")
            partial.replace(target)


def convert(millions: int) -> None:
    """Convert labevents to Parquet, once for every contender."""
    to_parquet(folder(millions))
