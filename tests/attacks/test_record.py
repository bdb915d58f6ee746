"""The record: tables that are wrong, and what must come of each."""

import gzip
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.attacks.attack import Attack, hold
from tests.read.test_record import (
    COLUMNS,
    ITEMS,
    PERSON,
    admission,
    at,
    event,
    film,
    stay,
    write,
)
from txtray_utils.errors import Rejects
from txtray_utils.read.record import Linked, link
from txtray_utils.read.record_tables import connect, to_parquet
from txtray_utils.settings import data_dir

GOOD = pytest.approx(88.4)  # one result of 1 mg/dL creatinine, in umol/L
EVENTS = "mimic-iv/hosp/labevents.csv.gz"
STAYS = [stay(-2, 2, stay_id=1)]
OTHER = PERSON | {"subject_id": 10000002}


@pytest.fixture(autouse=True)
def data(tmp_path_factory, monkeypatch):
    """A data folder of the test's own, which may hold no row afterwards."""
    folder = tmp_path_factory.mktemp("data")
    monkeypatch.setenv("TXTRAY_DATA", str(folder))
    yield folder
    assert not list((folder / "tmp").glob("rows-*"))


def read(root: Path, *films: dict) -> tuple[Linked, list[str]]:
    """Link the films, and return what was found with the rejects as text."""
    rejects = Rejects()
    found = link(pd.DataFrame(films or [film()]), root, rejects, "metadata.csv")
    said = [f"{Path(row.file).name} {row.row}: {row.fault}. {row.remedy}" for row in rejects.rows]
    return found, said


def creatinine(found: Linked) -> float | None:
    values = found.labs.loc[found.labs["name"] == "creatinine", "value"]
    return values.iloc[0] if len(values) else None


def right(check, *films: dict, **rows):
    """Act: link a record of these rows, and return whether `check(found)` holds, with no reject."""

    def act(root: Path) -> bool:
        found, said = read(write(root, **rows), *films)
        return bool(check(found)) and not said

    return act


def rejected(check, *films: dict, **rows):
    """Act: link a record of these rows where `check(found)` must hold, and return the rejects."""

    def act(root: Path) -> list[str]:
        found, said = read(write(root, **rows), *films)
        assert check(found)
        return said

    return act


def edited(name: str, change, check=None, **rows):
    """Act: change the text of the table `name`, and return the rejects."""

    def act(root: Path) -> list[str]:
        path = write(root, **rows) / f"{name}.csv.gz"
        text = change(gzip.decompress(path.read_bytes()))
        path.write_bytes(gzip.compress(text))
        found, said = read(root)
        assert check is None or check(found)
        return said

    return act


def noted(make, caplog_level=logging.WARNING):
    """Act: make a tree and link it, and return what the log says."""

    def act(root: Path) -> list[str]:
        heard = []
        handler = logging.Handler(caplog_level)
        handler.emit = lambda record: heard.append(record.getMessage())
        logger = logging.getLogger("txtray_utils")
        logger.addHandler(handler)
        try:
            make(root)
        finally:
            logger.removeHandler(handler)
        return heard

    return act


def known(found: Linked) -> bool:
    """Tell whether the one result is there."""
    return creatinine(found) == GOOD


def unknown(found: Linked) -> bool:
    return creatinine(found) is None and len(found.studies) == 1


def ageless(found: Linked) -> bool:
    return found.studies["age"].isna().all() and not found.studies["age_capped"].eq(True).any()


def unlinked(found: Linked) -> bool:
    return found.studies["link_type"].eq("none").all()


def sexless(found: Linked) -> bool:
    return found.studies["sex"].isna().all()


# --- what an act needs beside rows


def beside_another(folder: str):
    """Act: read a record in a folder whose name is a pattern that another folder fits."""

    def act(root: Path) -> bool:
        for name in ("run1", "run2", "run12"):
            write(root / name, labevents=[event(value=9.0)])
        found, said = read(write(root / folder, labevents=[event()]))
        return known(found) and not said

    return act


def typed(root: Path) -> bool:
    """Labevents and patients as Parquet with whole numbers, floats and times."""
    write(root, labevents=[event()])
    for name, numbers in (("labevents", ["subject_id", "itemid"]), ("patients", ["subject_id"])):
        path = root / f"mimic-iv/hosp/{name}.csv.gz"
        table = pd.read_csv(path)
        table[numbers] = table[numbers].astype(float)
        for column in ("charttime", "storetime"):
            if column in table:
                table[column] = pd.to_datetime(table[column])
        table.to_parquet(path.with_name(f"{name}.parquet"))
        path.unlink()
    found, said = read(root)
    return known(found) and not said and found.studies["age"].tolist() == [60]


def stale_copy(root: Path) -> None:
    to_parquet(write(root, labevents=[event(value=9.0)]))
    write(root, labevents=[event()])
    os.utime(root / EVENTS, ns=(1, 1))  # a mirror keeps the old time of a newer file
    found, _ = read(root)
    assert known(found)


def copy_serves(root: Path) -> bool:
    copy = to_parquet(write(root, labevents=[event()]))
    text = (root / EVENTS).stat()
    (root / EVENTS).write_bytes(b"not read")
    os.utime(root / EVENTS, ns=(text.st_mtime_ns, text.st_mtime_ns))
    found, said = read(root)
    return known(found) and not said and copy.stat().st_mode & 0o777 == 0o600


def copy_of_bad(root: Path) -> None:
    path = write(root, labevents=[event()]) / EVENTS
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"7,8\n"))
    try:
        to_parquet(root)
    finally:
        assert not list(path.parent.glob("labevents.parquet*"))


def broken_copy(root: Path) -> None:
    path = write(root) / EVENTS
    path.unlink()
    (path.parent / "labevents.parquet").write_bytes(b"PAR1 and nothing else PAR1")
    read(root)


def copy_without_column(root: Path) -> None:
    path = write(root) / EVENTS
    pd.read_csv(path).drop(columns="storetime").to_parquet(path.parent / "labevents.parquet")
    path.unlink()
    read(root)


def cut_at_line_end(table: str):
    """Act: a table of forty patients that ends after ten of them."""

    def act(root: Path) -> list[str]:
        ids = range(10000001, 10000041)
        people = [PERSON | {"subject_id": one} for one in ids]
        events, stays = [], []
        for one in ids:
            events.append(event(subject_id=one, labevent_id=one))
            stays.append(admission(one, -2, 3) | {"subject_id": one})
        rows = {"labevents": events, "admissions": stays}
        rows[table] = rows[table][:10]
        films = [film(str(one), one) for one in ids]
        return read(write(root, patients=people, **rows), *films)[1]

    return act


def killed(root: Path) -> bool:
    """A process that is killed while rows lie on disk leaves nothing behind the next one."""
    code = """
import os, signal
from txtray_utils.read.record_tables import connect
with connect() as con:
    con.execute("CREATE TABLE t AS SELECT range AS n, hash(range) AS h FROM range(20000000)")
    print(con.execute("SELECT current_setting('temp_directory')").fetchone()[0], flush=True)
    signal.pause()
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    folder = Path(child.stdout.readline().strip())
    assert folder.parent == data_dir("tmp") and len(list(folder.iterdir())) > 1
    private = folder.stat().st_mode & 0o777 == 0o700
    with connect():  # a living one's rows stay
        assert folder.exists()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with connect():
        return private and not folder.exists()


def fifo(root: Path) -> None:
    path = write(root) / EVENTS
    path.unlink()
    os.mkfifo(path)
    read(root)


def no_data_folder(root: Path) -> None:
    (root / "file").write_text("not a folder")
    os.environ["TXTRAY_DATA"], before = str(root / "file"), os.environ["TXTRAY_DATA"]
    try:
        read(write(root))
    finally:
        os.environ["TXTRAY_DATA"] = before


def header(name: str, change):
    """Act: change the first line of a table."""

    def with_header(text: bytes) -> bytes:
        first, rest = text.split(b"\n", 1)
        return change(first) + b"\n" + rest

    return edited(name, with_header, known, labevents=[event()])


def right_header(name: str, change):
    """Act: change the first line of a table, and return whether all is read as before."""
    act = header(name, change)
    return lambda root: act(root) == []


def every_line(old: bytes, new: bytes):
    return lambda text: text.replace(old, new)


def longest(text: bytes) -> bytes:
    """A table whose one line never ends."""
    return b"x" * 5_000_000


def more(line: bytes):
    return lambda text: text + line


def each_dirty(**rows):
    """The ids of every table with a blank behind them."""
    dirty = {}
    for table, those in rows.items():
        dirty[table] = []
        for row in those:
            ids = {name: f"{row[name]} " for name in row if name.endswith("id")}
            dirty[table].append(row | ids)
    return dirty


HOSP, ICU, ED = "mimic-iv/hosp", "mimic-iv/icu", "mimic-iv-ed/ed"
WHOLE = {"patients": [PERSON], "labevents": [event()], "d_labitems": ITEMS}
ATTACKS = [
    # what was found
    Attack("a folder named run[12] beside run1", beside_another("run[12]"), "right"),
    Attack("a folder named * beside others", beside_another("*"), "right"),
    Attack("a folder named run? beside run1", beside_another("run?"), "right"),
    Attack("a folder named ** beside others", beside_another("**"), "right"),
    Attack("a folder with a quote in its name", beside_another("o'neil; --"), "right"),
    Attack("a folder that looks like a partition", beside_another("subject_id=7"), "right"),
    Attack("blanks behind the ids of the record", right(known, **each_dirty(**WHOLE)), "right"),
    Attack(
        "blanks around the ids of the films",
        right(known, film() | {"subject_id": " 10000001\t"}, labevents=[event()]),
        "right",
    ),
    Attack(
        "ids of films as floats, for one is missing",
        rejected(
            lambda found: found.studies["in_record"].tolist() == [True, False],
            film(),
            film("50000002") | {"subject_id": None},
        ),
        "reject",
        "50000002: belongs to no patient",
    ),
    Attack(
        "ids of patients as floats, in csv",
        right(known, patients=[PERSON | {"subject_id": "10000001.0"}], labevents=[event()]),
        "right",
    ),
    Attack(
        "an item number written 050912",
        right(known, labevents=[event(itemid="050912")]),
        "right",
    ),
    Attack("labevents of a header only", noted(lambda root: read(write(root))), "note", "no row"),
    Attack("labevents cut at a line end", cut_at_line_end("labevents"), "reject", "last 30 of 40"),
    Attack("admissions cut at a line end", cut_at_line_end("admissions"), "reject", "last 30 of"),
    Attack(
        "a stay that ends before it begins",
        rejected(unlinked, edstays=[stay(2, -2, stay_id=1)]),
        "reject",
        "edstays.* stay_id 1: ends .* before it begins",
    ),
    Attack(
        "an admission that ends before it begins",
        rejected(unlinked, admissions=[admission(7, 2, -2)]),
        "reject",
        "admissions.* hadm_id 7: ends",
    ),
    Attack(
        "infinity as the end of a stay",
        rejected(unlinked, icustays=[STAYS[0] | {"outtime": "infinity"}]),
        "reject",
        "icustays.* stay_id 1: outtime is infinity",
    ),
    Attack(
        "infinity as the time of a result",
        rejected(unknown, labevents=[event(charttime="infinity")]),
        "reject",
        "labevent_id 1: creatinine: charttime is infinity",
    ),
    Attack(
        "minus infinity as the time of a report",
        rejected(unknown, labevents=[event(storetime="-infinity")]),
        "reject",
        "storetime is -infinity",
    ),
    Attack(
        "a labevent_id that is no number",
        rejected(known, labevents=[event(), event(value=9.0, labevent_id="A7", taken=-1.5)]),
        "reject",
        "labevent_id A7: .*not a number",
    ),
    Attack(
        "a labevent_id too long for a number",
        rejected(known, labevents=[event(), event(value=9.0, labevent_id="9" * 30)]),
        "reject",
        "not a number",
    ),
    Attack(
        "no labevent_id",
        rejected(unknown, labevents=[event(labevent_id=None)]),
        "reject",
        "labevent_id missing: .*not a number",
    ),
    Attack(
        "a column twice",
        header(f"{HOSP}/patients", lambda first: first.replace(b"dod", b"gender")),
        "error",
        "patients.*the column gender twice",
    ),
    Attack(
        "a column twice that is not used",
        right_header(f"{HOSP}/patients", every_line(b"anchor_year_group", b"dod")),
        "right",
    ),
    Attack("an item twice, the same", right(known, **WHOLE | {"d_labitems": ITEMS * 2}), "right"),
    Attack(
        "an item twice, with two meanings",
        rejected(
            unknown,
            labevents=[event()],
            d_labitems=[*ITEMS, {"itemid": 50912, "label": "Zinc", "fluid": "Blood"}],
        ),
        "reject",
        "d_labitems.* itemid 50912: has two meanings",
    ),
    Attack(
        "a patient without subject_id",
        rejected(known, patients=[PERSON, PERSON | {"subject_id": None}], labevents=[event()]),
        "reject",
        "patients.*subject_id is missing",
    ),
    Attack(
        "a result without subject_id",
        rejected(known, labevents=[event(), event(subject_id=None, labevent_id=2)]),
        "reject",
        "labevent_id 2: .*subject_id is missing",
    ),
    Attack("Parquet with numbers and times", typed, "right"),
    Attack(
        "anchor_age 150",
        rejected(ageless, patients=[PERSON | {"anchor_age": 150}]),
        "reject",
        "anchor_age is 150",
    ),
    Attack(
        "a year that gives an age of 300",
        rejected(ageless, patients=[PERSON | {"anchor_year": 1910}]),
        "reject",
        "the age at the film is 300",
    ),
    Attack(
        "anchor_year 3",
        rejected(ageless, patients=[PERSON | {"anchor_year": 3}]),
        "reject",
        "anchor_year is 3",
    ),
    Attack(
        "anchor_age 61.7",
        rejected(ageless, patients=[PERSON | {"anchor_age": 61.7}]),
        "reject",
        "anchor_age is 61.7",
    ),
    Attack(
        "anchor_age 61.0",
        right(
            lambda found: found.studies["age"].tolist() == [61],
            patients=[PERSON | {"anchor_age": 61.0}],
        ),
        "right",
    ),
    Attack(
        "one labevent_id with two values",
        rejected(unknown, labevents=[event(), event(value=9.0)]),
        "reject",
        "labevent_id 1: .*different values",
    ),
    Attack(
        "one labevent_id with two values, in the other order",
        rejected(unknown, labevents=[event(value=9.0), event()]),
        "reject",
        "labevent_id 1: .*different values",
    ),
    Attack("one result twice", right(known, labevents=[event(), event()]), "right"),
    Attack(
        "gender f",
        right(
            lambda found: found.studies["sex"].tolist() == ["F"],
            patients=[PERSON | {"gender": "f "}],
        ),
        "right",
    ),
    Attack(
        "gender X",
        rejected(sexless, patients=[PERSON | {"gender": "X"}]),
        "reject",
        "gender is X",
    ),
    Attack(
        "a row too short",
        edited(EVENTS[:-7], more(b"2,10000001\n"), known, labevents=[event()]),
        "reject",
        "labevents.* line 3: missing columns",
    ),
    Attack("labevents newer than its copy", noted(stale_copy), "note", "is not a copy of"),
    Attack("a copy of its source as it is", copy_serves, "right"),
    Attack("a process killed while rows lie on disk", killed, "right"),
    # further ones
    Attack(
        "a row too long",
        edited(EVENTS[:-7], more(b"2" + b",7" * 40 + b"\n"), known, labevents=[event()]),
        "reject",
        "line 3: too many columns",
    ),
    Attack(
        "a result without itemid",
        rejected(known, labevents=[event(), event(itemid=None, labevent_id=2)]),
        "reject",
        "labevent_id 2: itemid is missing",
    ),
    Attack(
        "a quote that is not closed",
        edited(EVENTS[:-7], more(b'2,"10000001,1\n3,4\n'), known, labevents=[event()]),
        "reject",
        "line 3: unquoted value.*lines up to the next quote are lost",
    ),
    Attack(
        "a byte that is no UTF-8",
        edited(EVENTS[:-7], more(b"2,\xff" + b"," * 9 + b"\n"), known, labevents=[event()]),
        "reject",
        "line 3: invalid encoding",
    ),
    Attack(
        "blanks in the header",
        right_header(EVENTS[:-7], every_line(b",", b" , ")),
        "right",
    ),
    Attack("a header that never ends", edited(EVENTS[:-7], longest), "error", "has no column"),
    Attack("an empty table", edited(EVENTS[:-7], lambda text: b""), "error", "has no column"),
    Attack(
        "UTF-16",
        edited(f"{HOSP}/patients", lambda text: text.decode().encode("utf-16")),
        "error",
        "patients.*cannot be read",
    ),
    Attack(
        "semicolons",
        edited(f"{HOSP}/patients", every_line(b",", b";")),
        "error",
        "patients.*has no column anchor_age",
    ),
    Attack("a FIFO in place of a table", fifo, "error", "labevents.*is missing"),
    Attack("a data folder that is a file", no_data_folder, "error", "TXTRAY_DATA"),
    Attack("a Parquet file that is none", broken_copy, "error", "parquet.*cannot be read"),
    Attack("Parquet without a column", copy_without_column, "error", "has no column storetime"),
    Attack("a copy of a table with a bad line", copy_of_bad, "error", "line 3 missing columns"),
    Attack(
        "a patient twice, the same",
        rejected(known, patients=[PERSON, PERSON], labevents=[event()]),
        "reject",
        "subject_id 10000001: comes twice; one row is used",
    ),
    Attack(
        "a patient twice, of two sexes",
        rejected(
            known,
            film(),
            film("50000002", 10000002),
            labevents=[event()],
            patients=[PERSON, PERSON | {"gender": "M"}, OTHER],
        ),
        "reject",
        "subject_id 10000001: comes with different rows; none is used",
    ),
    Attack(
        "a stay of two patients",
        rejected(
            unlinked,
            film(),
            film("50000002", 10000002),
            patients=[PERSON, OTHER],
            edstays=[STAYS[0], STAYS[0] | {"subject_id": 10000002}],
        ),
        "reject",
        "stay_id 1: comes with different rows",
    ),
    Attack(
        "a stay without number",
        rejected(unlinked, icustays=[STAYS[0] | {"stay_id": None}]),
        "reject",
        "icustays.*stay_id missing",
    ),
    Attack(
        "a time with a zone",
        rejected(unknown, labevents=[event(charttime=f"{at(-2):%Y-%m-%d %H:%M:%S}+09")]),
        "reject",
        r"charttime is .*\+09",
    ),
    Attack(
        "a short time with a zone, as long as one without",
        rejected(unknown, labevents=[event(charttime=f"{at(-2):%Y-%m-%d %H:%M}+09")]),
        "reject",
        r"charttime is .*\+09",
    ),
    Attack(
        "a time in the year 9999",
        rejected(unlinked, icustays=[STAYS[0] | {"outtime": "9999-12-31 00:00:00"}]),
        "reject",
        "outtime is 9999",
    ),
    Attack(
        "a time of epoch",
        rejected(unknown, labevents=[event(charttime="epoch")]),
        "reject",
        "charttime is epoch",
    ),
    Attack(
        "blanks around a time",
        right(known, labevents=[event(charttime=f" {at(-2):%Y-%m-%d %H:%M:%S} ")]),
        "right",
    ),
    Attack(
        "the 30th of February",
        rejected(unknown, labevents=[event(charttime="2150-02-30 01:00:00")]),
        "reject",
        "charttime is 2150-02-30",
    ),
    Attack(
        "a film of the year 1",
        rejected(unknown, film() | {"StudyDate": "00010101"}, labevents=[event()]),
        "reject",
        "50000001: has no StudyDate",
    ),
    Attack(
        "a value of infinity",
        rejected(unknown, labevents=[event(value="inf", valuenum="inf")]),
        "reject",
        "inf umol/L is not a possible value",
    ),
    Attack(
        "a value with a decimal comma",
        rejected(unknown, labevents=[event(value="1,0")]),
        "reject",
        "value 1,0 is not a number",
    ),
    Attack(
        "a pulse of nan",
        rejected(
            lambda found: not len(found.vitals),
            edstays=STAYS,
            triage=[{"subject_id": 10000001, "stay_id": 1, "heartrate": "infinity"}],
        ),
        "reject",
        "heartrate is infinity",
    ),
    Attack(
        "an item without number",
        rejected(known, labevents=[event()], d_labitems=[*ITEMS, {"label": "Zinc"}]),
        "reject",
        "d_labitems.*itemid missing",
    ),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_on_the_record_is_held(attack, tmp_path):
    hold(attack, tmp_path)


def test_every_table_is_named_once():
    assert set(COLUMNS) >= {f"{HOSP}/patients", f"{ICU}/icustays", f"{ED}/edstays"}
