"""Time and memory of `txtray_utils.record.link` against pandas, on simulated labevents of 2 to 20
million rows.

    python benchmarks/linkage_bench.py            # about 12 minutes, 12 GB (pandas, all columns);
    writes the results python benchmarks/linkage_bench.py 2          # only 2 million rows; prints,
    writes nothing

The tables are simulated (MIMIC-IV columns, made once into the data folder, `bench`). Every
contender runs in a process of its own, does the whole linkage, and must give the same studies and
the same laboratory values. pandas is written with care: `pandas_usecols` reads 7 of 16 columns with
narrow types and parses only the times that survive the filters; `pandas_arrow` does so with the
parallel pyarrow reader; `pandas` is the same code over `read_csv` of everything. Seconds exclude
imports; memory is the peak resident set of the process, imports and all. Explained in
book/03_linking_images_to_the_record."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from txtray_utils.results import Result, write_results
from txtray_utils.settings import data_dir

MILLIONS = (2, 5, 10, 20)
CSV = ("ours", "pandas_usecols", "pandas_arrow", "pandas")
PARQUET = ("ours", "pandas_usecols", "pandas")
REPEATS = 2  # the faster one counts; pandas over all columns runs once
NEEDED = ["subject_id", "itemid", "charttime", "storetime", "value", "valuenum", "valueuom"]
TYPES = {
    "subject_id": "int32",
    "itemid": "int32",
    "value": "str",
    "valuenum": "float64",
    "valueuom": "category",
}

_PATIENT = "(10000000 + p * 61)"
_BEGIN = "(TIMESTAMP '2150-01-01' + INTERVAL 1 HOUR * ((p % 50) * 400 + k * 9600))"  # of admission k of patient p
TABLES = {
    "mimic-iv/hosp/patients": f"""SELECT {_PATIENT} AS subject_id, CASE WHEN p % 2 = 0 THEN 'F' ELSE 'M' END AS gender,
        20 + p % 72 AS anchor_age, 2150 AS anchor_year, '2011 - 2013' AS anchor_year_group, NULL AS dod
        FROM range({{patients}}) r(p)""",
    "mimic-iv/hosp/admissions": f"""SELECT {_PATIENT} AS subject_id, 20000000 + p * 5 + k AS hadm_id, {_BEGIN} AS admittime,
        admittime + INTERVAL 75 HOUR AS dischtime, CASE WHEN p % 3 > 0 THEN admittime - INTERVAL 5 HOUR END AS edregtime
        FROM range({{patients}}) r(p), range(5) s(k)""",
    "mimic-iv/icu/icustays": f"""SELECT {_PATIENT} AS subject_id, 20000000 + p * 5 + k AS hadm_id, 30000000 + p * 5 + k AS stay_id,
        {_BEGIN} + INTERVAL 20 HOUR AS intime, intime + INTERVAL 30 HOUR AS outtime
        FROM range({{patients}}) r(p), range(5) s(k) WHERE p % 4 = 0""",
    "mimic-iv-ed/ed/edstays": f"""SELECT {_PATIENT} AS subject_id, 20000000 + p * 5 + k AS hadm_id, 30000000 + p * 5 + k AS stay_id,
        {_BEGIN} - INTERVAL 5 HOUR AS intime, {_BEGIN} + INTERVAL 10 MINUTE AS outtime
        FROM range({{patients}}) r(p), range(5) s(k) WHERE p % 3 > 0""",
    "mimic-iv-ed/ed/triage": f"""SELECT {_PATIENT} AS subject_id, 30000000 + p * 5 + k AS stay_id, 98.6 AS temperature,
        80 AS heartrate, 18 AS resprate, 97 AS o2sat, 120 AS sbp, 70 AS dbp
        FROM range({{patients}}) r(p), range(5) s(k) WHERE p % 3 > 0""",
    "mimic-iv/hosp/d_labitems": """SELECT coalesce(k.itemid, 60000 + i) AS itemid, coalesce(k.label, 'Test ' || i) AS label,
        'Blood' AS fluid, coalesce(k.category, 'Chemistry') AS category
        FROM range(900) r(i) LEFT JOIN known k ON k.row = i""",
    "metadata": f"""SELECT 'd' || f AS dicom_id, {_PATIENT} AS subject_id, 50000000 + f AS study_id,
        strftime(t, '%Y%m%d') AS StudyDate, CAST(strftime(t, '%H%M%S') AS INT) + 0.125 AS StudyTime
        FROM (SELECT f, (f * 7 % {{patients}}) // 5 * 5 + f % 2 AS p, hash(f, 'k') % 5 AS k,
            {_BEGIN} + INTERVAL 1 MINUTE * ((hash(f, 't') % 5400)::BIGINT - 600) AS t FROM range({{studies}}) r(f))""",
    "mimic-iv/hosp/labevents": f"""SELECT i AS labevent_id, {_PATIENT} AS subject_id,
        CASE WHEN hash(i, 'h') % 10 < 6 THEN 20000000 + p * 5 + k END AS hadm_id, 10000000 + i // 8 AS specimen_id,
        coalesce(n.itemid, 60000 + item) AS itemid,
        CASE WHEN hash(i, 'o') % 3 = 0 THEN 'P' || (hash(i, 'p') % 90 + 10) || 'XHQ' END AS order_provider_id,
        {_BEGIN} + INTERVAL 1 MINUTE * ((i % 100) // 8 * 360 - 240) AS charttime,
        charttime + INTERVAL 1 MINUTE * (20 + hash(i, 's') % 200)::BIGINT AS storetime,
        CASE WHEN tiny THEN '<' || amount WHEN hash(i, 'v') % 12 = 0 THEN '___' ELSE amount::VARCHAR END AS value,
        CASE WHEN NOT tiny THEN amount END AS valuenum, coalesce(n.unit, 'mg/dL') AS valueuom,
        3.5 AS ref_range_lower, 11.0 AS ref_range_upper, CASE WHEN hash(i, 'f') % 3 = 0 THEN 'abnormal' END AS flag,
        CASE WHEN hash(i, 'r') % 2 = 0 THEN 'STAT' ELSE 'ROUTINE' END AS priority,
        CASE WHEN hash(i, 'c') % 8 = 0 THEN 'IF FASTING, 70-100 NORMAL, >125 PROVISIONAL DIABETES.' END AS comments
        FROM (SELECT *, round(coalesce(low + (hash(i, 'a') % 1000) / 1000.0 * span, 50), 3) AS amount,
                hash(i, 'n') % 50 = 0 AS tiny
            FROM (SELECT i, i // 500 AS p, i % 500 // 100 AS k, CASE WHEN hash(i, 'x') % 100 < 16
                THEN hash(i, 'y') % {{known}} ELSE 100 + hash(i, 'z') % 800 END AS item FROM range({{rows}}) r(i))
            LEFT JOIN known n ON n.row = item) n""",
}


def folder(millions: int) -> Path:
    """Return the folder of the simulated tables with that many million rows of labevents."""
    return data_dir("bench", f"{millions}M")


def make(millions: int) -> None:
    """Write the simulated tables, once; about 4 s a million rows."""
    import duckdb
    import pandas as pd

    from txtray_utils.read.record_items import LABS

    known = []
    for row, lab in enumerate(LABS):
        unit, factor = next(iter(lab.factors.items()))
        low, high = lab.low / factor, lab.high / factor
        known.append(
            (
                row,
                lab.known[-1],
                lab.labels[0],
                lab.category,
                unit,
                low + 0.1 * (high - low),
                0.2 * (high - low),
            )
        )
    with duckdb.connect(config={"memory_limit": "3GB"}) as con:
        con.execute("SET enable_progress_bar = false")
        con.register(
            "known",
            pd.DataFrame(
                known, columns=["row", "itemid", "label", "category", "unit", "low", "span"]
            ),
        )
        rows = millions * 1_000_000
        for name, sql in TABLES.items():
            target = folder(millions) / f"{name}.csv.gz"
            if target.exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name("partial.csv.gz")
            query = sql.format(
                patients=rows // 500, studies=rows // 700, rows=rows, known=len(LABS)
            )
            con.execute(f"COPY ({query}) TO '{partial}' (FORMAT csv, HEADER, COMPRESSION gzip)")
            partial.replace(target)


def ours(where: Path, parquet: bool) -> tuple:
    """Link with the package; a labevents.parquet beside the csv.gz is taken by itself."""
    import pandas as pd

    from txtray_utils.errors import Rejects
    from txtray_utils.read.record import link

    rejects = Rejects()
    linked = link(pd.read_csv(where / "metadata.csv.gz"), where, rejects)
    assert not len(rejects), rejects.rows[:3]
    return linked.studies, linked.labs, linked.vitals


def with_pandas(where: Path, parquet: bool, columns: list[str] | None, engine: str = "c") -> tuple:
    """Link with pandas; `columns` None reads all of them."""
    import numpy as np
    import pandas as pd

    from txtray_utils.read.record_items import LABS, VITALS

    def table(name: str) -> pd.DataFrame:
        return pd.read_csv(where / f"{name}.csv.gz")

    films = table("metadata")
    text = films["StudyDate"].astype(str) + films["StudyTime"].astype(int).astype(str).str.zfill(6)
    films["t"] = pd.to_datetime(text, format="%Y%m%d%H%M%S")
    films = films.groupby("study_id", as_index=False).agg(
        subject_id=("subject_id", "first"), t=("t", "min")
    )
    items = table("mimic-iv/hosp/d_labitems")
    labs = pd.DataFrame([(lab.name, label, lab.category) for lab in LABS for label in lab.labels],
                        columns=["name", "label", "category"])  # fmt: skip
    items = items[items["fluid"] == "Blood"].merge(labs, on=["label", "category"])[
        ["itemid", "name"]
    ]

    path = where / "mimic-iv/hosp/labevents"
    if parquet:
        wanted = [("itemid", "in", items["itemid"].astype(str).tolist())] if columns else None
        events = pd.read_parquet(path.with_suffix(".parquet"), columns=columns, filters=wanted)
        events = events.assign(
            **{name: pd.to_numeric(events[name]) for name in ("subject_id", "itemid")}
        )
    elif columns:
        events = pd.read_csv(f"{path}.csv.gz", usecols=columns, dtype=TYPES, engine=engine)
    else:
        events = pd.read_csv(f"{path}.csv.gz", low_memory=False)
    events = events[
        events["itemid"].isin(items["itemid"]) & events["subject_id"].isin(films["subject_id"])
    ]
    events = events.assign(
        **{name: pd.to_datetime(events[name]) for name in ("charttime", "storetime")}
    )
    events = events.reset_index(names="row").merge(items, on="itemid").merge(films, on="subject_id")
    seen = (events["charttime"] >= events["t"] - pd.Timedelta("24h")) & (
        events["charttime"] <= events["t"]
    )
    events = events[seen & (events["storetime"] <= events["t"])]
    said = pd.to_numeric(events["value"].str.extract(r"^\s*[<>]?\s*(\d+(?:\.\d+)?)\s*$")[0])
    factors = pd.DataFrame([(lab.name, unit, factor) for lab in LABS for unit, factor in lab.factors.items()],
                           columns=["name", "valueuom", "factor"])  # fmt: skip
    events["number"] = pd.to_numeric(events["valuenum"]).fillna(said)
    events = events.astype({"valueuom": "str"}).merge(factors, on=["name", "valueuom"])
    events["value"] = events["number"] * events["factor"]
    events["hours_before"] = (events["t"] - events["charttime"]).dt.total_seconds() / 3600
    events = events.sort_values(["charttime", "storetime", "row"], kind="stable")
    labs = events.drop_duplicates(["study_id", "name"], keep="last")

    def nearest(name: str, key: str, start: str, end: str, before: int, after: int) -> pd.DataFrame:
        stays = table(name)
        stays["start"] = pd.to_datetime(stays[start]).astype("datetime64[us]")
        if "edregtime" in stays:
            arrival = pd.to_datetime(stays["edregtime"])
            stays["start"] = np.fmin(stays["start"], arrival.fillna(stays["start"]))
        stays["stop"] = pd.to_datetime(stays[end])
        near = films.merge(stays[["subject_id", key, "start", "stop"]], on="subject_id")
        early, late = near["start"] - near["t"], near["t"] - near["stop"]
        near = near[(early <= pd.Timedelta(before, "h")) & (late <= pd.Timedelta(after, "h"))]
        near["gap"] = np.maximum(np.maximum(early, late), pd.Timedelta(0))[
            near.index
        ].dt.total_seconds()
        near = near.sort_values(["gap", "start"], ascending=[True, False]).drop_duplicates(
            "study_id"
        )
        return near.set_index("study_id")[[key, "gap", "start"]]

    ed = nearest("mimic-iv-ed/ed/edstays", "stay_id", "intime", "outtime", 1, 1)
    icu = nearest("mimic-iv/icu/icustays", "stay_id", "intime", "outtime", 0, 0)
    stay = nearest("mimic-iv/hosp/admissions", "hadm_id", "admittime", "dischtime", 24, 0)
    people = table("mimic-iv/hosp/patients").set_index("subject_id")
    studies = films.set_index("study_id")
    person = people.loc[studies["subject_id"]].set_index(studies.index)
    studies["age"] = (
        person["anchor_age"].clip(upper=90) + studies["t"].dt.year - person["anchor_year"]
    ).clip(upper=90)
    e, i, a = (links["gap"].reindex(studies.index) for links in (ed, icu, stay))
    kinds = {"ed": e == 0, "icu": i == 0, "admission": a == 0, "ed ": e > 0, "pre-admission": a > 0}
    studies["link_type"] = np.select(list(kinds.values()), [kind.strip() for kind in kinds], "none")
    studies["hadm_id"], studies["ed_stay_id"] = stay["hadm_id"], ed["stay_id"]
    vitals = table("mimic-iv-ed/ed/triage").merge(
        studies.reset_index(), left_on="stay_id", right_on="ed_stay_id"
    )
    arrived = vitals["t"] >= ed["start"].reindex(vitals["study_id"]).to_numpy()
    vitals = vitals[arrived].melt("study_id", list(VITALS), var_name="name")
    return studies.reset_index().rename(columns={"t": "study_time"}), labs, vitals


def run(contender: str, millions: int, kind: str, answer: Path) -> None:
    """Run one contender here, write its answer, and print its seconds and peak megabytes as
    JSON."""
    import pandas as pd
    import txtray_utils.record  # noqa: F401  so that imports are in no contender's time

    where, parquet = folder(millions), kind == "parquet"
    works = {
        "ours": lambda: ours(where, parquet),
        "pandas": lambda: with_pandas(where, parquet, None),
        "pandas_usecols": lambda: with_pandas(where, parquet, NEEDED),
        "pandas_arrow": lambda: with_pandas(where, parquet, NEEDED, "pyarrow"),
    }
    begun = time.perf_counter()
    studies, labs, vitals = works[contender]()
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer.mkdir(parents=True, exist_ok=True)
    ids = ["study_id", "ed_stay_id", "hadm_id"]
    studies = studies.assign(**{name: pd.to_numeric(studies[name]) for name in ids})
    labs = labs.assign(study_id=pd.to_numeric(labs["study_id"]))
    studies[[*ids, "study_time", "age", "link_type"]].sort_values("study_id").to_parquet(
        answer / "studies.parquet"
    )
    labs[["study_id", "name", "value", "hours_before"]].sort_values(
        ["study_id", "name"]
    ).to_parquet(answer / "labs.parquet")
    print(
        json.dumps(
            {
                "seconds": seconds,
                "mb": peak,
                "studies": len(studies),
                "labs": len(labs),
                "vitals": len(vitals),
            }
        )
    )


def check(contenders: list[str], answers: Path) -> None:
    """Stop unless every contender gave the answer that `ours` gave."""
    import pandas as pd

    for name in ("studies", "labs"):
        first = pd.read_parquet(answers / "ours" / f"{name}.parquet").reset_index(drop=True)
        for contender in contenders:
            other = pd.read_parquet(answers / contender / f"{name}.parquet").reset_index(drop=True)
            pd.testing.assert_frame_equal(first, other, check_dtype=False)


def convert(millions: int) -> None:
    """Convert labevents to Parquet, once for every contender."""
    from txtray_utils.read.record_tables import to_parquet

    to_parquet(folder(millions))


def child(call: str) -> str:
    """Run `call` of this module in a process of its own and return what it prints."""
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from pathlib import Path; "
    code += f"import linkage_bench as bench; bench.{call}"
    return subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def timed(work) -> float:
    """Return the seconds that `work` takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measure(millions: int) -> dict[str, dict[str, float]]:
    """Return seconds and peak MB of every contender, csv and Parquet, at that size, the answers
    checked."""
    child(f"make({millions})")
    labevents = folder(millions) / "mimic-iv/hosp/labevents.csv.gz"
    parquet = labevents.with_name("labevents.parquet")
    parquet.unlink(missing_ok=True)
    unzip = ["gzip", "-dc", str(labevents)]
    measured = {"gunzip": {"seconds": min(timed(lambda: subprocess.run(unzip, stdout=subprocess.DEVNULL, check=True))
                                          for _ in range(REPEATS))}}  # fmt: skip
    for kind, contenders in (("csv", CSV), ("parquet", PARQUET)):
        if kind == "parquet":
            measured["conversion"] = {"seconds": timed(lambda: child(f"convert({millions})"))}
        answers = folder(millions) / "answers"
        for contender in contenders:
            call = f"run({contender!r}, {millions}, {kind!r}, Path({str(answers / contender)!r}))"
            runs = [json.loads(child(call)) for _ in range(1 if contender == "pandas" else REPEATS)]
            key = contender if kind == "csv" else f"parquet.{contender}"
            measured[key] = min(runs, key=lambda one: one["seconds"]) | {
                "mb": max(one["mb"] for one in runs)
            }
            print(f"{millions} M rows, {key}: {measured[key]}", flush=True)
        child(f"check({list(contenders)!r}, Path({str(answers)!r}))")
    parquet.unlink()
    return measured


def main() -> None:
    """Measure the sizes asked for (default: all, and write the results)."""
    sizes = tuple(map(int, sys.argv[1:])) or MILLIONS
    measured = {millions: measure(millions) for millions in sizes}
    results = {}
    for millions, found in measured.items():
        for key, one in found.items():
            text = f"{key}, {millions} million rows of simulated labevents"
            n = millions * 1_000_000
            results[f"seconds.{key}.{millions}M"] = Result(
                one["seconds"], n, "s", f"Seconds: {text}"
            )
            if "mb" in one:
                results[f"mb.{key}.{millions}M"] = Result(
                    one["mb"], n, "MB", f"Peak memory: {text}"
                )
    top, n = measured[max(sizes)], max(sizes) * 1_000_000

    def ratio(other: str, field: str, ours: str = "ours") -> Result:
        what = f"{field} of {other} over {field} of {ours}, same run, {n // 1_000_000} million rows (simulated)"
        value = top[other][field] / top[ours][field]
        return Result(value, n, "x", what, tolerance=value / 2)  # another machine, another ratio

    results |= {
        "ratio_to_pandas": ratio("pandas", "seconds"),
        "ratio_to_pandas_usecols": ratio("pandas_usecols", "seconds"),
        "ratio_to_pandas_arrow": ratio("pandas_arrow", "seconds"),
        "ratio_to_gunzip": ratio("gunzip", "seconds"),
        "memory_ratio_to_pandas_usecols": ratio("pandas_usecols", "mb"),
        "parquet.ratio_to_pandas": ratio("parquet.pandas", "seconds", "parquet.ours"),
        "parquet.ratio_to_pandas_usecols": ratio(
            "parquet.pandas_usecols", "seconds", "parquet.ours"
        ),
        "parquet.memory_ratio_to_pandas_usecols": ratio(
            "parquet.pandas_usecols", "mb", "parquet.ours"
        ),
        "peak_mb": Result(
            top["ours"]["mb"], n, "MB", "Peak memory of our linkage over csv.gz (simulated rows)"
        ),
        "seconds_gunzip": Result(
            top["gunzip"]["seconds"], n, "s", "Seconds of gunzip alone on the same file: the limit"
        ),
    }
    for key in sorted(results):
        print(f"{key:45s} {results[key].value:10.2f} {results[key].unit}")
    if sizes == MILLIONS:
        print(write_results("linkage_bench", results))


if __name__ == "__main__":
    main()
