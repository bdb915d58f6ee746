"""Try every attack of tests/attacks, and what the checks cost; writes book/results/hardening.json.

    python benchmarks/hardening.py                  the attacks (three minutes)
    python benchmarks/hardening.py --before FOLDER  the cost too: films, reports, record and a kept
                                                    table, by this code and by that of an earlier
                                                    checkout, in turn; wants a quiet machine

An attack that is held counts under its outcome: the input was right after all, an error, a reject
or a note that says what is wrong. One that is not held counts as a crash (another kind of error),
as misleading (other words), as a silent wrong result (no error came, or not the right answer), as a
silent loss (a reject or a note was wanted, and there is none at all), or as unbounded (out of
memory or time); in the tables of privacy each is a leak. Explained in CONTRIBUTING."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hardening_cost import TASKS
from measuring import command_line, report

from txtray_utils.results import Result

ROOT = Path(__file__).resolve().parents[1]
OUTCOMES = ("right", "error", "reject", "note")
FAULTS = ("misleading", "silent_wrong", "silent_loss", "unbounded", "crash", "leak")
PRIVACY = ("test_fetch", "test_guard", "test_leaks")  # where what is not stopped gets out
TIMES = 3  # runs of each task and code, in turn; the fastest counts


class Counted:
    """What came of every attack that pytest tries."""

    def __init__(self) -> None:
        """Begin with none."""
        self.found: Counter[str] = Counter()

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo) -> None:
        """Count one attack under its outcome, or under the fault that was found."""
        spec = getattr(item, "callspec", None)
        if call.when != "call" or spec is None or "attack" not in spec.params:
            return
        wanted = kind = spec.params["attack"].outcome
        if call.excinfo is not None:
            kind = fault(wanted, call.excinfo.value, item.path.stem)
            print(f"not held: {item.name}: {kind}")
        self.found[kind] += 1


def fault(wanted: str, raised: BaseException, table: str) -> str:
    """Return the kind of fault of an attack that is not held, by the outcome that was wanted, what
    was raised, and its table."""
    if table in PRIVACY:
        return "leak"
    if isinstance(raised, (MemoryError, subprocess.TimeoutExpired)):
        return "unbounded"
    if isinstance(raised, pytest.fail.Exception):
        return "silent_wrong"
    if not isinstance(raised, AssertionError):
        return "crash"
    if wanted == "right":
        return "silent_wrong"
    nothing_said = str(raised).startswith("[]")
    return "silent_loss" if wanted != "error" and nothing_said else "misleading"


def attacks() -> dict[str, Result]:
    """Try every attack of every room and count what came of it."""
    counted = Counted()
    pytest.main(["-q", "--no-header", str(ROOT / "tests/attacks")], plugins=[counted])
    found = counted.found
    tried = found.total()
    results = {"attacks.tried": Result(tried, tried, "attacks", "attacks tried")}
    for kind in (*OUTCOMES, *FAULTS):
        what = f"attacks that end as: {kind.replace('_', ' ')}"
        results[f"attacks.{kind}"] = Result(found[kind], tried, "attacks", what)
    return results


def seconds(task: str, checkout: Path) -> float:
    """Return how long a task takes with the code of a checkout, in a process of its own."""
    paths = [checkout / "src", ROOT / "benchmarks"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, str(ROOT / "benchmarks/hardening_cost.py"), task]
    said = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return float(said.stdout.split()[-1])


def costs(before: Path) -> dict[str, Result]:
    """Return the time of each task by this code over that by an earlier checkout."""
    results = {}
    for task, about in TASKS.items():
        ours = []
        theirs = []
        for _ in range(TIMES):
            theirs.append(seconds(task, before))
            ours.append(seconds(task, ROOT))
        ratio = min(ours) / min(theirs)
        what = f"time to {about}, with the checks over without, fastest of {TIMES}"
        results[f"cost.{task}"] = Result(ratio, TIMES, "ratio", what)
    return results


def main() -> None:
    """Run what was asked for and write the results."""
    parser = command_line(__doc__, "no costs")
    parser.add_argument("--before", type=Path, help="checkout of an earlier version")
    asked = parser.parse_args()
    results = attacks()
    if asked.before and not asked.quick:
        results |= costs(asked.before)
    report("hardening", results)


if __name__ == "__main__":
    main()
