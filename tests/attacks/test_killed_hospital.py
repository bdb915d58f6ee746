"""A maker of hospitals is killed: no process is left, and the next one ends with the same bytes."""

import contextlib
import pickle
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from virtual_hospital import hospital
from virtual_hospital.hospital import fingerprint, make_hospital

STUDIES = 6
MAKER = """
import pickle, sys
from pathlib import Path
from virtual_hospital import hospital
hospital.PART = 2
cases = pickle.loads(Path(sys.argv[2]).read_bytes())
hospital.plan_cohort = lambda *_: cases
hospital.make_hospital(Path(sys.argv[1]), len(cases), 4, workers=int(sys.argv[3]))
"""


def processes(mark: Path) -> list[int]:
    """Return the processes whose command or environment names a file of this test."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(mark).encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found


def is_new(folder: Path, pattern: str, before: set[Path]) -> bool:
    """Tell whether there is a file that was not there before."""
    return bool(set(folder.glob(pattern)) - before)


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is so; tell whether it came to be."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for them in /proc")
def test_a_killed_maker_leaves_no_process_and_ends_with_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(hospital, "PART", 2)
    cases = hospital.plan_cohort(STUDIES, 4)
    monkeypatch.setattr(hospital, "plan_cohort", lambda *_: cases)
    (tmp_path / "cases").write_bytes(pickle.dumps(cases))
    whole_one = make_hospital(tmp_path / "whole", STUDIES, 4, workers=1)
    killed = tmp_path / "killed"
    killed.mkdir()
    for chest in whole_one.glob("*.npz"):  # to spare its making
        shutil.copy(chest, killed)
    monkeypatch.setenv("KILLED_IN", str(tmp_path))
    chance = random.Random(0)
    for workers, moment in ((2, "*/files/*/*/*/*.dcm"), (1, "truth/parts/*.parquet")):
        before = set(killed.glob(moment))
        given = [str(killed), str(tmp_path / "cases"), str(workers)]
        words = [sys.executable, "-c", MAKER, *given]
        with subprocess.Popen(words, stderr=subprocess.DEVNULL) as maker:
            came = wait_until(partial(is_new, killed, moment, before), 60)
            time.sleep(chance.random() / 2)
            maker.kill()
        assert came
        assert wait_until(lambda: not processes(tmp_path), 30), processes(tmp_path)
    make_hospital(killed, STUDIES, 4, workers=1)
    assert fingerprint(killed) == fingerprint(whole_one)
    assert make_hospital(killed, STUDIES, 4) == killed
