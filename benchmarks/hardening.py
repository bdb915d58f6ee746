"""Try every attack of tests/attacks, and what the checks cost; writes book/results/hardening.json.

    python benchmarks/hardening.py                  the attacks (a minute)
    python benchmarks/hardening.py --before FOLDER  the cost too: films, reports, record and a kept
                                                    table, by this code and by that of an earlier
                                                    checkout, in turn; wants a quiet machine

An attack that is held counts under its outcome: the input was right after all, an error, a reject
or a note that says what is wrong. One that is not held counts as a crash (another kind of error),
as misleading (other words), or as a silent wrong result. Explained in CONTRIBUTING."""

import importlib
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hardening_cost import TASKS
from measuring import command_line, report

from txtray_utils.results import Result

ROOT = Path(__file__).resolve().parents[1]
OUTCOMES = ("right", "error", "reject", "note")
FAULTS = ("misleading", "silent_wrong", "silent_loss", "crash", "unbounded", "leak")
TIMES = 3  # runs of each task and code, in turn; the fastest counts


def tables() -> Iterator:
    """Yield every attack of every room."""
    for path in sorted((ROOT / "tests/attacks").glob("test_*.py")):
        module = importlib.import_module(f"tests.attacks.{path.stem}")
        yield from module.ATTACKS


def outcome(attack: object) -> str:
    """Return what comes of an attack: its outcome where it is held, else the kind of fault."""
    from tests.attacks.attack import hold

    with tempfile.TemporaryDirectory() as folder:
        try:
            hold(attack, Path(folder))
        except AssertionError as failed:
            wrong = "misleading" if str(failed) else "silent_wrong"
        except pytest.fail.Exception:  # it did not raise
            wrong = "silent_wrong"
        except Exception:  # noqa: BLE001  any other kind of error is a crash
            wrong = "crash"
        else:
            return attack.outcome
    print(f"not held: {attack.name}: {wrong}")
    return wrong


def attacks() -> dict[str, Result]:
    """Try every attack and count what came of it."""
    found = Counter(outcome(attack) for attack in tables())
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
    sys.path.insert(0, str(ROOT))
    results = attacks()
    if asked.before and not asked.quick:
        results |= costs(asked.before)
    report("hardening", results)


if __name__ == "__main__":
    main()
