"""Time and memory of making a virtual hospital; writes book/results/cohort.json.

    python benchmarks/cohort.py           about 28 minutes on 2 cores
    python benchmarks/cohort.py 400 800   these sizes only, kept beside what is there; no run in
                                          one process
    python benchmarks/cohort.py --quick   a minute

Each cohort is made by the documented command, in processes of its own, into an empty folder. Memory
is what the command and its workers hold between them, a page that several share counted once (PSS,
proportional set size; Linux), at its highest of two samples a second; `rss_mb` beside it counts
shared pages once for each process. Explained in book/01_reading_a_radiograph."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import torch
from measuring import command_line, print_results, watched

from txtray_utils.results import Result, write_results
from txtray_utils.settings import STUDIES
from virtual_hospital.anatomies import ANATOMIES, load
from virtual_hospital.cohort import plan_cohort
from virtual_hospital.counterfactual import pair, removed
from virtual_hospital.drawable import drawable_counts


class Cost(NamedTuple):
    """What making a cohort took: seconds, peak megabytes in memory, megabytes on disk."""

    seconds: float
    pss: float
    rss: float
    disk: float


def make(studies: int, workers: int) -> Cost:
    """Make a cohort with the documented command and return what it took."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "virtual_hospital", "--out", folder]
        command += ["--studies", str(studies), "--workers", str(workers)]
        start = time.monotonic()
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            pss, rss = watched(process)
        if process.returncode:
            raise SystemExit(f"making {studies} studies failed")
        seconds = time.monotonic() - start
        made = json.loads((Path(folder) / "truth/cohort.json").read_text())
        assert made["complete"]
        disk = bytes_below(Path(folder))
    return Cost(seconds, pss / 1e6, rss / 1e6, disk / 1e6)


def bytes_below(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def costs(n: int) -> dict[str, Result]:
    """Make a cohort of n studies with two workers and return what it took."""
    cost = make(n, 2)
    what = f"to make {n} studies with 2 workers, cold"
    memory = f"memory (PSS), command and workers, {what}"
    shared = "the same, shared pages counted for each process"
    return {
        f"seconds.{n}": Result(cost.seconds, n, "s", what),
        f"peak_mb.{n}": Result(cost.pss, n, "MB", memory),
        f"rss_mb.{n}": Result(cost.rss, n, "MB", shared),
        f"disk_mb.{n}": Result(cost.disk, n, "MB", f"on disk for {n} studies"),
    }


def rate(n: int, seconds: float) -> Result:
    """Return the studies a second of the usual cohort."""
    return Result(n / seconds, n, "1/s", f"{n} studies, 2 workers, cold")


def changes(n: int) -> dict[str, Result]:
    """Make pairs of pictures, a study and the same without a finding, one thread, one process."""
    torch.set_num_threads(1)
    ill = [case for case in plan_cohort(STUDIES) if case.drawings][: n // 2]
    with tempfile.TemporaryDirectory() as folder:
        for name in ANATOMIES:
            load(Path(folder), name)
    start = time.monotonic()
    for case in ill:
        chest = load(Path(folder), case.anatomy)
        pair(case, removed(case, case.drawings[0].name), chest)
    seconds = time.monotonic() - start
    what = "pictures of studies and of the same without a finding, one thread, planned before"
    return {"counterfactual.films_per_second": Result(n / seconds, n, "1/s", what)}


def plan(usual: int) -> dict[str, Result]:
    """Count who is in the usual cohort and which reports it can draw."""
    cases, counts = plan_cohort(usual), drawable_counts()
    people = {case.subject_id for case in cases}
    n, every, where = len(cases), counts["reports"], "in the default cohort"
    drawable = "normal, or with a code that is drawn"
    whole = "whose every code is drawn"
    return {
        "studies": Result(n, n, "studies", where),
        "patients": Result(len(people), n, "patients", where),
        "drawable_reports": Result(counts["drawable"], every, "reports", drawable),
        "fully_drawn_reports": Result(counts["all"], every, "reports", whole),
    }


def main() -> None:
    """Run it all and write the results."""
    parser = command_line(__doc__, "40 and 80 studies")
    parser.add_argument("sizes", nargs="*", type=int, help="how many studies (400 800 1600 3200)")
    asked = parser.parse_args()
    usual, sizes = STUDIES, [400, 800, 1600, 3200]
    if asked.quick:
        usual, sizes = 80, [40, 80]
    results = {}
    for studies in asked.sizes or sizes:
        results |= costs(studies)
        if studies == usual:
            seconds = results[f"seconds.{studies}"].value
            results["studies_per_second"] = rate(studies, seconds)
        write_results("cohort", results)
    if not asked.sizes:
        alone = make(usual, 1)
        what = f"{usual} studies in one process, cold"
        results[f"seconds.{usual}_one_process"] = Result(alone.seconds, usual, "s", what)
    results |= plan(usual)
    results |= changes(20 if asked.quick else 200)
    write_results("cohort", results)
    print_results(results)


if __name__ == "__main__":
    main()
