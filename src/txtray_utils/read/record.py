"""Linkage: the stay that a film belongs to, and what the record knew *before* it, from MIMIC-IV
tables as downloaded.

DuckDB does the join: it unzips and reads csv.gz at once, keeps only the rows of the films'
patients, and spills to disk rather than to memory. MIMIC-CXR has no hadm_id or stay_id: the key is
the patient and the time. The rules: one row a study, an unlinked one is kept; a laboratory result
counts only if it was taken *and reported* (storetime) before the film; items are found by label,
fluid and category, since item numbers move between releases; columns are taken by name, so MIMIC-IV
2.x and 3.x (which adds columns, and leaves hadm_id of labevents empty) read alike. Explained in
book/03_linking_images_to_the_record."""

import csv
import gzip
import logging
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from txtray_utils.errors import InputError, Rejects

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lab:
    """One laboratory test: its dictionary entry, its unit here, and the `factors` from reported
    units to that unit.

    A value outside `low` to `high` (in `unit`) is a fault. `known` are item numbers of MIMIC-IV
    that must not mean anything else in the tables at hand."""

    name: str
    labels: tuple[str, ...]
    category: str
    known: tuple[int, ...]
    unit: str
    factors: dict[str, float]
    low: float
    high: float


_COUNT = {"K/uL": 1.0, "#/uL": 0.001}


_SALT = {"mEq/L": 1.0, "mmol/L": 1.0}


_GAS = {"mm Hg": 0.133322, "kPa": 1.0}


LABS = (
    Lab(
        "white_cells",
        ("White Blood Cells", "WBC Count"),
        "Hematology",
        (51300, 51301),
        "10^9/L",
        _COUNT,
        0.01,
        1000,
    ),
    Lab(
        "haemoglobin",
        ("Hemoglobin",),
        "Hematology",
        (51222,),
        "g/L",
        {"g/dL": 10.0, "g/L": 1.0},
        10,
        300,
    ),
    Lab("platelets", ("Platelet Count",), "Hematology", (51265,), "10^9/L", _COUNT, 1, 5000),
    Lab(
        "crp",
        ("C-Reactive Protein",),
        "Chemistry",
        (50889,),
        "mg/L",
        {"mg/L": 1.0, "mg/dL": 10.0},
        0,
        1000,
    ),
    Lab(
        "nt_probnp",
        ("NTproBNP",),
        "Chemistry",
        (50963,),
        "ng/L",
        {"pg/mL": 1.0, "ng/L": 1.0},
        1,
        200_000,
    ),
    Lab(
        "lactate", ("Lactate",), "Blood Gas", (50813,), "mmol/L", _SALT | {"mg/dL": 0.111}, 0.1, 50
    ),
    Lab(
        "creatinine",
        ("Creatinine",),
        "Chemistry",
        (50912,),
        "umol/L",
        {"mg/dL": 88.4, "umol/L": 1.0},
        5,
        5000,
    ),
    Lab(
        "urea",
        ("Urea Nitrogen",),
        "Chemistry",
        (51006,),
        "mmol/L",
        {"mg/dL": 0.357, "mmol/L": 1.0},
        0.3,
        120,
    ),
    Lab("sodium", ("Sodium",), "Chemistry", (50983,), "mmol/L", _SALT, 80, 220),
    Lab("potassium", ("Potassium",), "Chemistry", (50971,), "mmol/L", _SALT, 0.5, 15),
    Lab(
        "troponin_t",
        ("Troponin T",),
        "Chemistry",
        (51003,),
        "ng/L",
        {"ng/mL": 1000.0, "ng/L": 1.0},
        0,
        100_000,
    ),
    Lab("d_dimer", ("D-Dimer",), "Hematology", (51196,), "ng/mL", {"ng/mL": 1.0}, 1, 200_000),
    Lab("po2", ("pO2",), "Blood Gas", (50821,), "kPa", _GAS, 1, 100),
    Lab("pco2", ("pCO2",), "Blood Gas", (50818,), "kPa", _GAS, 0.5, 30),
    Lab("ph", ("pH",), "Blood Gas", (50820,), "pH", {"units": 1.0}, 6.3, 8.2),
)


VITALS = {  # column of triage: unit here, lowest and highest value believed
    "temperature": ("C", 28, 44), "heartrate": ("1/min", 20, 300), "resprate": ("1/min", 4, 80),
    "o2sat": ("%", 40, 100), "sbp": ("mm Hg", 40, 300), "dbp": ("mm Hg", 15, 200),
}  # fmt: skip


LINKS = ("ed", "icu", "admission", "pre-admission", "none")


_SMALL = {  # table: folder, key, {column: type}; a missing value is a fault, except in _OPTIONAL
    "patients": (
        "mimic-iv/hosp",
        "subject_id",
        {"gender": "VARCHAR", "anchor_age": "INT", "anchor_year": "INT"},
    ),
    "admissions": (
        "mimic-iv/hosp",
        "hadm_id",
        dict.fromkeys(("admittime", "dischtime", "edregtime"), "TIMESTAMP"),
    ),
    "icustays": ("mimic-iv/icu", "stay_id", dict.fromkeys(("intime", "outtime"), "TIMESTAMP")),
    "edstays": ("mimic-iv-ed/ed", "stay_id", dict.fromkeys(("intime", "outtime"), "TIMESTAMP")),
    "triage": ("mimic-iv-ed/ed", "stay_id", dict.fromkeys(VITALS, "DOUBLE")),
}


_OPTIONAL = {"edregtime", *VITALS}


_ITEMS = ("itemid", "label", "fluid", "category")


_EVENTS = (
    "labevent_id",
    "subject_id",
    "itemid",
    "charttime",
    "storetime",
    "value",
    "valuenum",
    "valueuom",
    "comments",
)


_AGAIN = "Download it again (data/download.sh resumes and checks)."


_NUMBER = r"^\s*(?:<|>|LESS THAN|GREATER THAN)?\s*=?\s*(\d+(?:\.\d+)?)\s*\.?\s*$"


@dataclass(frozen=True)
class Linked:
    """What `link` found, as three tables keyed by `study_id`.

    `studies`: subject_id, study_time, in_record, age (years; at least that if `age_capped`), sex,
    link_type (one of `LINKS`), ed_stay_id, icu_stay_id, hadm_id. `labs` and `vitals`: name, value,
    unit, hours_before, and where it was read (labs: labevent_id, charttime, storetime, `censored`
    "<" or ">"; vitals: stay_id)."""

    studies: pd.DataFrame
    labs: pd.DataFrame
    vitals: pd.DataFrame


def study_times(
    images: pd.DataFrame, rejects: Rejects, where: str | Path = "metadata"
) -> pd.DataFrame:
    """Return study_id, subject_id and study_time of each study of `images`, read as `link` reads
    them."""
    with _connect() as con:
        _studies(con, images, where, rejects)
        return con.execute(
            "SELECT study_id, subject_id, study_time FROM studies ORDER BY study_id"
        ).df()


def link(
    images: pd.DataFrame,
    record: Path,
    rejects: Rejects,
    where: str | Path = "metadata",
    hours: float = 24,
) -> Linked:
    """Return the record of each study of `images` (study_id, subject_id, StudyDate, StudyTime; one
    row an image).

    `record` holds `mimic-iv/hosp`, `mimic-iv/icu` and, if there, `mimic-iv-ed/ed`. A film is linked
    to the ED stay that it falls into (an hour more at each end, since the clocks differ), the ICU
    stay, and the admission, from arrival or up to 24 h before it. Results and vital signs are the
    last known in the `hours` before the film. Rows that cannot be used go to `rejects`; `where`
    names the file of `images` there.

    Raises:
        InputError: a table is missing, cut short, lacks a column or repeats a key; an item number
            means another test than the one known; or none of the patients is in the record (tables
            of another release)."""
    with _connect() as con:
        _studies(con, images, where, rejects)
        for name in _SMALL:
            _load(con, record, name, rejects)
        _check_patients(con, _file(record, "patients", "mimic-iv/hosp"), rejects)
        _nearest(con, "edstays", "stay_id", "intime", "outtime", before=1, after=1)
        _nearest(con, "icustays", "stay_id", "intime", "outtime")
        arrival = "least(admittime, coalesce(edregtime, admittime))"
        _nearest(con, "admissions", "hadm_id", arrival, "dischtime", before=24)
        _labs(con, record, hours, rejects)
        _vitals(con, record / "mimic-iv-ed/ed/triage.csv.gz", hours, rejects)
        return Linked(
            *(con.execute(sql).df() for sql in (_STUDIES, _LABS, "FROM vitals ORDER BY ALL"))
        )


def to_parquet(record: Path) -> Path:
    """Convert labevents.csv.gz once to Parquet beside it, as text; `link` then reads that instead.

    Raises:
        InputError: the file is missing, cut short or lacks a column.
    """
    source = _file(record, "labevents", "mimic-iv/hosp", (".csv.gz", ".csv"))
    target = source.with_name("labevents.parquet")
    partial = target.with_suffix(".partial")
    copy = f"COPY (FROM {_scan(source, _EVENTS)}) TO {_text(partial)} (FORMAT parquet, ROW_GROUP_SIZE 100000)"
    with _connect() as con:
        _run(con, source, f"SET preserve_insertion_order = true; {copy}")
    return partial.replace(target)


def _connect() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(
        "SET memory_limit = '256MB'; SET preserve_insertion_order = false; SET enable_progress_bar = false"
    )
    return con


def _studies(
    con: duckdb.DuckDBPyConnection, images: pd.DataFrame, where: str | Path, rejects: Rejects
) -> None:
    """Make the table `studies`: StudyDate is YYYYMMDD, StudyTime HHMMSS.fraction as a number
    without leading zeros."""
    if missing := sorted(
        {"study_id", "subject_id", "StudyDate", "StudyTime"} - set(images.columns)
    ):
        raise InputError(where, f"has no column {', '.join(missing)}", _AGAIN)
    con.register("images", images)
    con.execute(r"""CREATE TEMP TABLE studies AS
        WITH read AS (SELECT study_id::VARCHAR AS study_id, subject_id::VARCHAR AS subject_id,
            CASE WHEN regexp_full_match(StudyDate::VARCHAR, '\d{8}(\.0*)?')
                  AND regexp_full_match(StudyTime::VARCHAR, '\d{1,6}(\.\d*)?') THEN try_strptime(
                split_part(StudyDate::VARCHAR, '.', 1) || lpad(split_part(StudyTime::VARCHAR, '.', 1), 6, '0'),
                '%Y%m%d%H%M%S') END AS time
            FROM images)
        SELECT study_id, CASE WHEN count(DISTINCT subject_id) = 1 THEN min(subject_id) END AS subject_id,
            min(time) AS study_time, count(DISTINCT time) > 1 AS several FROM read GROUP BY study_id""")
    faults = """SELECT study_id, unnest(list_filter([
        CASE WHEN subject_id IS NULL THEN 'belongs to no patient or to two; not linked' END,
        CASE WHEN study_time IS NULL THEN 'has no StudyDate and StudyTime that can be read; not linked' END,
        CASE WHEN several THEN 'has images of different times; the earliest is used' END], lambda x: x IS NOT NULL))
        FROM studies ORDER BY 1"""
    _reject(con, faults, rejects, where, "Mend its rows.")


def _load(con: duckdb.DuckDBPyConnection, record: Path, name: str, rejects: Rejects) -> None:
    """Make the table `name` of the studies' patients, typed. The ED tables are a project of their
    own: optional."""
    folder, key, columns = _SMALL[name]
    ids = tuple(dict.fromkeys(("subject_id", key)))
    typed = ", ".join(
        [*ids, *(f"TRY_CAST({column} AS {kind}) AS {column}" for column, kind in columns.items())]
    )
    if folder == "mimic-iv-ed/ed" and not (record / folder).is_dir():
        log.warning(
            "%s is missing: no film is linked to a stay there, and there are no vital signs", folder
        )
        nothing = ", ".join(f"NULL::VARCHAR AS {column}" for column in (*ids, *columns))
        con.execute(f"CREATE TEMP TABLE {name} AS SELECT {typed} FROM (SELECT {nothing}) LIMIT 0")
        return
    path = _file(record, name, folder)
    source = _scan(path, (*ids, *columns))
    _run(
        con,
        path,
        f"CREATE OR REPLACE TEMP TABLE raw AS FROM {source} SEMI JOIN studies USING (subject_id)",
    )
    if twice := con.execute(
        f"SELECT {key} FROM raw GROUP BY 1 HAVING count(*) > 1 ORDER BY 1"
    ).fetchone():
        raise InputError(path, f"{key} {twice[0]} comes twice", f"Keep one row of it. {_AGAIN}")
    for column, kind in columns.items():
        fault = f"TRY_CAST({column} AS {kind}) IS NULL" + f" AND {column} IS NOT NULL" * (
            column in _OPTIONAL
        )
        said = f"SELECT '{key} ' || {key}, '{column} is ' || coalesce({column}, 'missing') FROM raw WHERE {fault}"
        _reject(con, f"{said} ORDER BY 1", rejects, path, "Mend it; the row is used without it.")
    con.execute(f"CREATE TEMP TABLE {name} AS SELECT {typed} FROM raw")


def _check_patients(con: duckdb.DuckDBPyConnection, path: Path, rejects: Rejects) -> None:
    """Reject what does not fit between films and patients: another release, a missing patient, an
    age below 0."""
    lost = "FROM studies ANTI JOIN patients USING (subject_id) WHERE subject_id IS NOT NULL"
    counts = f"SELECT (SELECT count(DISTINCT subject_id) {lost}), (SELECT count(DISTINCT subject_id) FROM studies)"
    missing, patients = con.execute(counts).fetchone()
    if patients and missing == patients:
        fault = f"holds none of the {patients} patients with films"
        raise InputError(
            path, fault, "Use MIMIC-IV: ids of MIMIC-III and of other hospitals do not match."
        )
    if missing > 0.01 * patients:
        log.warning(
            "%d of %d patients with films are not in %s; 1 %% is usual", missing, patients, path
        )
    absent = f"SELECT DISTINCT 'subject_id ' || subject_id, 'a patient with films is missing; not linked' {lost}"
    _reject(con, f"{absent} ORDER BY 1", rejects, path, "Use films and record of one release.")
    young = f"SELECT 'study ' || study_id, 'the age at the film is ' || ({_AGE}) || '; set to null' FROM studies"
    young += f" JOIN patients USING (subject_id) WHERE {_AGE} < 0 ORDER BY 1"
    _reject(con, young, rejects, path, "Check anchor_year and StudyDate.")


def _nearest(
    con: duckdb.DuckDBPyConnection,
    name: str,
    key: str,
    start: str,
    end: str,
    before: int = 0,
    after: int = 0,
) -> None:
    """Make `near_<name>`: for a study the stay with the smallest `gap` (0: inside), then the latest
    start."""
    con.execute(f"""CREATE TEMP TABLE near_{name} AS
        WITH stay AS (SELECT subject_id, {key}, {start} AS start, {end} AS stop FROM {name} WHERE stop >= start),
        gaps AS (SELECT study_id, {key}, start,
            epoch(greatest(start - study_time, study_time - stop, INTERVAL 0 HOUR)) AS gap
            FROM studies JOIN stay USING (subject_id)
            WHERE study_time BETWEEN start - INTERVAL {before} HOUR AND stop + INTERVAL {after} HOUR)
        SELECT study_id, min(gap) AS gap, unnest(arg_min({{{key}: {key}, start: start}}, (gap, -epoch(start), {key})))
        FROM gaps GROUP BY study_id""")


def _labs(con: duckdb.DuckDBPyConnection, record: Path, hours: float, rejects: Rejects) -> None:
    """Make `results`: every result of a known test, taken and reported in the `hours` before a
    film."""
    path, events = (_file(record, name, "mimic-iv/hosp") for name in ("d_labitems", "labevents"))
    known = [
        (lab.name, label, lab.category, lab.unit, lab.low, lab.high)
        for lab in LABS
        for label in lab.labels
    ]
    con.register(
        "known", pd.DataFrame(known, columns=["name", "label", "category", "unit", "low", "high"])
    )
    factors = [(lab.name, *pair) for lab in LABS for pair in lab.factors.items()]
    con.register("factors", pd.DataFrame(factors, columns=["name", "valueuom", "factor"]))
    items = f"""CREATE TEMP TABLE items AS SELECT d.*, k.* EXCLUDE (label, category) FROM {_scan(path, _ITEMS)} d
        LEFT JOIN known k ON trim(d.label) = k.label AND d.category = k.category AND d.fluid = 'Blood'"""
    _run(con, path, items)
    _check_items(con, path)
    numbers = [
        number
        for (number,) in con.execute("SELECT itemid FROM items WHERE name IS NOT NULL").fetchall()
    ]
    taken, stored = "TRY_CAST(charttime AS TIMESTAMP)", "TRY_CAST(storetime AS TIMESTAMP)"
    before = f"""CREATE TEMP TABLE taken AS SELECT study_id, study_time, e.* REPLACE ({taken} AS charttime,
            {stored} AS storetime), charttime AS chart_text, storetime AS store_text
        FROM {_scan(events, _EVENTS)} e JOIN studies USING (subject_id)
        WHERE itemid IN ({", ".join(map(_text, numbers))}) AND (
            {taken} BETWEEN study_time - INTERVAL ({hours}) HOUR AND study_time AND {stored} <= study_time
            OR {taken} IS NULL OR {stored} IS NULL AND storetime IS NOT NULL)"""
    _run(con, events, before)
    con.execute(rf"""CREATE TEMP TABLE results AS
        WITH read AS (SELECT *, coalesce(TRY_CAST(valuenum AS DOUBLE),
                TRY_CAST(regexp_extract(value, '{_NUMBER}', 1, 'i') AS DOUBLE),
                TRY_CAST(regexp_extract(comments, '{_NUMBER}', 1, 'i') AS DOUBLE)) AS number,
            coalesce(nullif(value, '___'), comments) AS said,
            CASE WHEN regexp_matches(said, '^\s*(<|LESS THAN)', 'i') THEN '<'
                 WHEN regexp_matches(said, '^\s*(>|GREATER THAN)', 'i') THEN '>' END AS censored
            FROM taken JOIN items USING (itemid) LEFT JOIN factors USING (name, valueuom))
        SELECT *, number * factor AS amount, CASE
            WHEN charttime IS NULL THEN 'charttime is ' || coalesce(chart_text, 'missing')
            WHEN storetime IS NULL THEN 'storetime is ' || store_text
            WHEN number IS NULL THEN 'value ' || coalesce(value, '(none)') || ' is not a number'
            WHEN factor IS NULL THEN 'unit ' || coalesce(valueuom, '(none)') || ' does not convert to ' || unit
            WHEN NOT amount BETWEEN low AND high THEN amount || ' ' || unit || ' is not a possible value' END AS fault
        FROM read""")
    faults = "SELECT DISTINCT 'labevent_id ' || labevent_id, name || ': ' || fault FROM results WHERE fault IS NOT NULL"
    _reject(
        con, f"{faults} ORDER BY ALL", rejects, events, "The result is left out; check it, or LABS."
    )


def _check_items(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Say which tests the dictionary does not have; refuse one in which a known number means
    something else."""
    found = (
        con.execute("SELECT itemid, label, fluid, category, name FROM items")
        .df()
        .set_index("itemid")
    )
    for lab in LABS:
        for number in found.index.intersection([str(number) for number in lab.known]):
            entry = found.loc[number]
            if entry["name"] != lab.name:
                fault = f"itemid {number} is {entry.label!r} ({entry.fluid}, {entry.category}), not {lab.labels[0]!r}"
                raise InputError(
                    path,
                    fault,
                    "It is of another release: use d_labitems and labevents of one MIMIC-IV.",
                )
    lost = [
        f"{lab.labels[0]} ({lab.category})" for lab in LABS if lab.name not in set(found["name"])
    ]
    if len(lost) == len(LABS):
        raise InputError(
            path, "has no test that is known here", "Use d_labitems of MIMIC-IV, or extend LABS."
        )
    if lost:
        log.warning("%s has no %s: missing for every study", path, ", ".join(lost))


def _vitals(con: duckdb.DuckDBPyConnection, path: Path, hours: float, rejects: Rejects) -> None:
    """Make `vitals` from triage, which has no time of its own: that of arrival, if the film came
    after it."""
    signs = [(name, *rest) for name, rest in VITALS.items()]
    con.register("signs", pd.DataFrame(signs, columns=["name", "unit", "low", "high"]))
    con.execute(f"""CREATE TEMP TABLE signed AS
        WITH long AS (UNPIVOT triage ON {", ".join(VITALS)} INTO NAME name VALUE value)
        SELECT study_id, name, unit, epoch(study_time - start) / 3600 AS hours_before, stay_id, low, high, CASE
            WHEN name = 'temperature' AND value > 50 THEN (value - 32) / 1.8 ELSE value END AS value
        FROM studies JOIN near_edstays USING (study_id) JOIN long USING (stay_id, subject_id) JOIN signs USING (name)
        WHERE hours_before BETWEEN 0 AND {hours};
        CREATE TEMP TABLE vitals AS SELECT study_id, name, value, unit, hours_before, stay_id FROM signed
        WHERE value BETWEEN low AND high""")
    faults = "SELECT DISTINCT 'stay_id ' || stay_id, name || ' ' || value || ' ' || unit || ' is not possible' FROM signed"
    faults += " WHERE NOT value BETWEEN low AND high ORDER BY ALL"
    _reject(con, faults, rejects, path, "The value is left out; check it.")


def _file(
    record: Path, name: str, folder: str, kinds: tuple[str, ...] = (".parquet", ".csv.gz", ".csv")
) -> Path:
    """Return the table's file, of the first kind that is there."""
    for kind in kinds:
        if (path := record / folder / (name + kind)).is_file():
            return path
    raise InputError(
        record / folder / f"{name}.csv.gz", "is missing", "Fetch it with data/download.sh mimic."
    )


def _scan(path: Path, needed: tuple[str, ...]) -> str:
    """Return the SQL that reads `needed` columns of a table as text; everything else is skipped
    unread."""
    if path.suffix == ".parquet":
        return f"(SELECT {', '.join(needed)} FROM read_parquet({_text(path)}))"
    try:
        with (gzip.open if path.suffix == ".gz" else open)(
            path, "rt", encoding="utf-8-sig", newline=""
        ) as file:
            header = next(csv.reader(file), [])
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(path, f"cannot be read ({error})", _AGAIN) from error
    if missing := sorted(set(needed) - set(header)):
        fault = f"has no column {', '.join(missing)}; it has {', '.join(header)}"
        raise InputError(path, fault, "Use MIMIC-IV 2.0 or later, hosp, icu and ed tables.")
    columns = ", ".join(f"{_text(name)}: 'VARCHAR'" for name in header)
    options = "header=true, auto_detect=false, delim=',', quote='\"', escape='\"'"
    return f"(SELECT {', '.join(needed)} FROM read_csv({_text(path)}, columns={{{columns}}}, {options}))"


def _text(value: object) -> str:
    """Return a value as an SQL text literal."""
    return "'" + str(value).replace("'", "''") + "'"


def _run(con: duckdb.DuckDBPyConnection, path: Path, sql: str) -> None:
    """Run a query that reads `path`; what DuckDB says about a broken file becomes an
    `InputError`."""
    try:
        con.execute(sql)
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.ConversionException) as error:
        raise InputError(
            path, f"cannot be read ({str(error).strip().splitlines()[0]})", _AGAIN
        ) from error


def _reject(
    con: duckdb.DuckDBPyConnection, sql: str, rejects: Rejects, where: str | Path, remedy: str
) -> None:
    """Add the rows of a query (row, fault) to the rejects."""
    for row, fault in con.execute(sql).fetchall():
        rejects.add(where, row, fault, remedy)


_AGE = (
    "least(anchor_age, 90) + year(study_time) - anchor_year"  # MIMIC writes 91 for anyone over 89
)


_STUDIES = f"""SELECT study_id, s.subject_id, study_time, p.subject_id IS NOT NULL AS in_record,
    CASE WHEN {_AGE} >= 0 THEN least({_AGE}, 90) END AS age, anchor_age > 89 OR {_AGE} >= 90 AS age_capped,
    gender AS sex, CASE WHEN e.gap = 0 THEN 'ed' WHEN i.gap = 0 THEN 'icu' WHEN a.gap = 0 THEN 'admission'
        WHEN e.gap > 0 THEN 'ed' WHEN a.gap > 0 THEN 'pre-admission' ELSE 'none' END AS link_type,
    e.stay_id AS ed_stay_id, i.stay_id AS icu_stay_id, hadm_id
    FROM studies s LEFT JOIN patients p USING (subject_id) LEFT JOIN near_edstays e USING (study_id)
    LEFT JOIN near_icustays i USING (study_id) LEFT JOIN near_admissions a USING (study_id) ORDER BY study_id"""


_LABS = """SELECT study_id, name, last.amount AS value, unit, epoch(study_time - last.charttime) / 3600 AS hours_before,
    last.labevent_id AS labevent_id, last.charttime AS charttime, last.storetime AS storetime, last.censored AS censored
    FROM (SELECT study_id, name, arg_max(r, (charttime, storetime, labevent_id::BIGINT)) AS last,
        any_value(unit) AS unit, any_value(study_time) AS study_time
        FROM results r WHERE fault IS NULL GROUP BY study_id, name) ORDER BY study_id, name"""
