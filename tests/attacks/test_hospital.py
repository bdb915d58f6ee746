"""Attacks on the maker of hospitals: its options, its folder, and what lies there."""

import contextlib
import io
import json
import runpy
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pandas as pd
import pytest
from datasets import Dataset

from tests.attacks.attack import Attack, hold
from txtray_utils.errors import Rejects
from virtual_hospital import source, whole
from virtual_hospital.hospital import make_hospital
from virtual_hospital.making import only_maker

CHAPTER = Path(__file__).parents[2] / "book/01_reading_a_radiograph.ipynb"
CONFIG = {"version": 0, "studies": 2}
CASES = [SimpleNamespace(study_id="50000001"), SimpleNamespace(study_id="50000002")]
FILM = "mimic-cxr/files/p10/p10000001/s50000001/film1.dcm"
REPORT = "mimic-cxr/files/p10/p10000002/s50000002.txt"
TABLE = "mimic-iv/hosp/labevents.csv.gz"


def option(**given) -> Callable:
    """Ask for a hospital with these options."""
    return lambda folder: make_hospital(folder / "h", **given)


def command(*words: str) -> Callable:
    """Give the command line and return what it says."""

    def act(folder: Path) -> list[str]:
        said = io.StringIO()
        argv = ["virtual_hospital", "--out", str(folder / "h"), *words]
        with (
            mock.patch.object(sys, "argv", argv),
            contextlib.redirect_stderr(said),
            pytest.raises(SystemExit) as end,
        ):
            runpy.run_module("virtual_hospital", run_name="__main__")
        assert end.value.code != 0
        assert not list(folder.iterdir())
        return [said.getvalue()]

    return act


def complete(folder: Path) -> None:
    """Write a complete hospital of two studies with made-up bytes."""
    truth = pd.DataFrame(
        {
            "subject_id": ["10000001", "10000002"],
            "study_id": ["50000001", "50000002"],
            "image_id": ["film1", "film2"],
        }
    )
    for name in whole.study_files(truth):
        put(folder / name, b"made up")
    for name in whole.COLUMNS:
        put(folder / f"{name}.csv.gz", b"made up")
    for name in whole.ANSWERS:
        put(folder / name, b"made up")
    truth.to_parquet(folder / "truth/studies.parquet")
    put(folder / "truth/parts/00000.parquet", (folder / "truth/studies.parquet").read_bytes())
    whole.finish(folder, CONFIG)
    assert whole.is_complete(folder, CONFIG)


def put(path: Path, content: bytes) -> None:
    """Write a file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def after(*harms: Callable) -> Callable:
    """Harm a complete hospital, then ask for it."""

    def act(folder: Path) -> bool:
        complete(folder)
        for harm in harms:
            harm(folder)
        return whole.is_complete(folder, CONFIG)

    return act


def lose(name: str) -> Callable:
    """Delete a file or a folder."""

    def harm(folder: Path) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return harm


def fill(name: str, content: bytes) -> Callable:
    """Give a file another content."""
    return lambda folder: put(folder / name, content)


def note_as_folder(folder: Path) -> None:
    """Put a folder in the place of the note."""
    (folder / whole.NOTE).unlink()
    (folder / whole.NOTE).mkdir()


def part_after(harm: Callable) -> Callable:
    """Harm a hospital, and tell that its part is no longer whole."""

    def act(folder: Path) -> bool:
        complete(folder)
        part = folder / "truth/parts/00000.parquet"
        put(part, (folder / "truth/studies.parquet").read_bytes())
        assert whole.is_part(part, folder, CASES)
        harm(folder)
        return not whole.is_part(part, folder, CASES)

    return act


def tear_part(folder: Path) -> None:
    """Cut a part in the middle, as a full disk does."""
    part = folder / "truth/parts/00000.parquet"
    part.write_bytes(part.read_bytes()[:200])


def other_part(folder: Path) -> None:
    """Let the part be of other studies."""
    part = folder / "truth/parts/00000.parquet"
    pd.read_parquet(part).iloc[::-1].to_parquet(part)


def real_tree(folder: Path) -> None:
    """Ask for a hospital where a downloaded record lies, which stays as it is."""
    put(folder / "mimic-iv/hosp/patients.csv.gz", b"a download")
    try:
        make_hospital(folder, 12)
    finally:
        assert [path.name for path in folder.rglob("*") if path.is_file()] == ["patients.csv.gz"]
        assert (folder / "mimic-iv/hosp/patients.csv.gz").read_bytes() == b"a download"


def full_disk(folder: Path) -> None:
    """Let the disk be full while the note is written: none is left, so a restart begins anew."""
    full = OSError(28, "No space left on device")
    try:
        with mock.patch.object(Path, "write_text", side_effect=full):
            whole.write_note(folder, CONFIG)
    finally:
        put(folder / "truth/cohort.json.partial", b"")
        assert not whole.is_complete(folder, CONFIG)


def too_many(folder: Path) -> bool:
    """Ask for more studies than there are reports: an error, and the folder is still free."""
    with pytest.raises(ValueError, match="ask for fewer studies"):
        make_hospital(folder / "h", 1_000_000)
    return not list((folder / "h").iterdir())


def two_makers(folder: Path) -> bool:
    """Let a second maker come while a first is at work: it waits, then goes on."""
    events = []

    def second() -> None:
        with only_maker(folder / "h"):
            events.append("second")

    with only_maker(folder / "h"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        events.append("first")
    thread.join(5)
    return events == ["first", "second"]


def dead_maker(folder: Path) -> bool:
    """Kill a maker that holds the folder: the next one need not wait."""
    code = (
        "import sys, time, pathlib; from virtual_hospital.making import only_maker\n"
        "with only_maker(pathlib.Path(sys.argv[1])):\n    print(1, flush=True); time.sleep(60)"
    )
    words = [sys.executable, "-c", code, str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as maker:
        assert maker.stdout.readline() == b"1\n"
        maker.kill()
    began = time.monotonic()
    with only_maker(folder):
        return time.monotonic() - began < 5


def truth(change: Callable) -> Callable:
    """Read a hospital whose truth was changed, and return its rejects."""

    def act(folder: Path) -> list[str]:
        table = pd.DataFrame(columns=["study_id", *source.KNOWN], index=[0])
        table["study_id"] = "50000001"
        (folder / "truth").mkdir()
        change(table, folder / source.TRUTH)
        rejects = Rejects()
        films = [{"study_id": "50000009"}]
        with mock.patch.object(source, "mimic_rows", lambda *_: iter(films)):
            assert list(source.rows(folder, rejects)) == []
        return [f"{row.file} {row.row} {row.fault}" for row in rejects.rows]

    return act


def twice(table: pd.DataFrame, path: Path) -> None:
    """Write a truth with a study twice."""
    pd.concat([table, table]).to_parquet(path)


def chapter_of_six(folder: Path) -> bool:
    """Take the films of chapter 1's comparison from a hospital of six."""
    cells = {cell["id"]: cell for cell in json.loads(CHAPTER.read_text("utf-8"))["cells"]}
    code = "".join(cells["c01-error-one"]["source"])
    studies = Dataset.from_dict({"image": range(6)})
    names = {"studies": studies, "pixels": lambda image: image}
    exec(code, names)  # noqa: S102 - the chapter's own words are tried
    return names["films"] == [0, 1, 2, 3, 4, 5]


ATTACKS = [
    Attack("studies are fewer than none", option(studies=-5), "error", "studies: -5 is out"),
    Attack("no studies", option(studies=0), "error", "studies: 0 is out of range"),
    Attack("too few studies for a record", option(studies=2), "error", "6 or more"),
    Attack("half a study", option(studies=8.5), "error", "studies: 8.5 is out"),
    Attack("studies as text", option(studies="12"), "error", "studies: '12'"),
    Attack("studies as a truth value", option(studies=True), "error", "studies: True"),
    Attack("no workers", option(workers=0), "error", "workers: 0 is out of range"),
    Attack("workers below none", option(workers=-2), "error", "workers: -2"),
    Attack("workers not said", option(workers=None), "error", "workers: None"),
    Attack("a seed below zero", option(seed=-1), "error", "seed: -1 is out of range"),
    Attack("a broken seed", option(seed=0.5), "error", "seed: 0.5 is out of range"),
    Attack("--studies -5", command("--studies", "-5"), "note", "option studies: -5"),
    Attack("--workers 0", command("--workers", "0"), "note", "option workers: 0"),
    Attack("--seed -1", command("--seed", "-1"), "note", "option seed: -1"),
    Attack("--studies many", command("--studies", "many"), "note", "--studies: invalid int"),
    Attack("more studies than reports", too_many, "right"),
    Attack("an empty note", after(fill(whole.NOTE, b"")), "error", "cohort.json: is empty.*Delete"),
    Attack("a note of zeros", after(fill(whole.NOTE, b"\0" * 90)), "error", "empty or torn"),
    Attack("a note cut short", after(fill(whole.NOTE, b'{"ver')), "error", "empty or torn"),
    Attack("a note that is a list", after(fill(whole.NOTE, b"[1]")), "error", "empty or torn"),
    Attack("a note not UTF-8", after(fill(whole.NOTE, b"\xff{}")), "error", "empty or torn"),
    Attack("a note that is a folder", after(note_as_folder), "error", "empty or torn"),
    Attack("a note lost", after(lose(whole.NOTE)), "error", "but no truth/cohort.json"),
    Attack("a film lost", after(lose(FILM)), "error", "1 of its 21 files lost: .*film1.dcm.*Del"),
    Attack("a film empty", after(fill(FILM, b"")), "error", "1 of its 21 files torn: .*film1.dcm"),
    Attack("a report cut", after(fill(REPORT, b"mad")), "error", "torn: .*s50000002.txt"),
    Attack("a table lost", after(lose(TABLE)), "error", "lost: mimic-iv/hosp/labevents.csv.gz"),
    Attack("a table grown", after(fill(TABLE, b"made up, up")), "error", "torn: .*labevents"),
    Attack("the films lost", after(lose("mimic-cxr")), "error", r"6 of its 21 files lost.*\.\.\."),
    Attack(
        "a film lost, a table torn",
        after(lose(FILM), fill(TABLE, b"m")),
        "error",
        "lost: .*film1.dcm; 1 of its 21 files torn: .*labevents",
    ),
    Attack("the truth lost", after(lose(source.TRUTH)), "error", "lost: truth/studies.parquet"),
    Attack("a list of files torn", after(fill(whole.FILES, b"fi")), "error", "list of files"),
    Attack(
        "a film lost, no list", after(lose(whole.FILES), lose(FILM)), "error", "lost: .*film1.dcm"
    ),
    Attack(
        "a table empty, no list", after(lose(whole.FILES), fill(TABLE, b"")), "error", "torn: .*lab"
    ),
    Attack(
        "the truth torn, no list",
        after(lose(whole.FILES), fill(source.TRUTH, b"PAR1")),
        "error",
        "list of files cannot be read",
    ),
    Attack("no list of files", after(lose(whole.FILES)), "right"),
    Attack("killed at its last step", after(fill("truth/parts/00000.parquet", b"")), "right"),
    Attack("a part torn by a full disk", part_after(tear_part), "right"),
    Attack("a part of other studies", part_after(other_part), "right"),
    Attack("a part whose film is lost", part_after(lose(FILM)), "right"),
    Attack("a part whose report is empty", part_after(fill(REPORT, b"")), "right"),
    Attack("a download in the folder", real_tree, "error", "holds mimic-iv, but no truth/cohort"),
    Attack("a full disk at the note", full_disk, "error", "the disk is full"),
    Attack("two makers in a folder", two_makers, "right"),
    Attack("a maker killed while it held the folder", dead_maker, "right"),
    Attack(
        "a truth that is no table",
        truth(lambda table, path: path.write_bytes(b"PAR1")),
        "error",
        "studies.parquet: cannot be read",
    ),
    Attack(
        "a truth without a column",
        truth(lambda table, path: table.drop(columns="sex").to_parquet(path)),
        "error",
        "lacks the columns sex",
    ),
    Attack("a truth with a study twice", truth(twice), "error", "has a study twice"),
    Attack(
        "a truth that lacks a study",
        truth(lambda table, path: table.to_parquet(path)),
        "reject",
        "studies.parquet 50000009 has no row",
    ),
    Attack("chapter 1 with six studies", chapter_of_six, "right"),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_it_holds(attack, tmp_path):
    hold(attack, tmp_path)
