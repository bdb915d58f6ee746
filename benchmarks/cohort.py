"""Time and memory of making a virtual hospital; writes book/results/cohort.json.

    python benchmarks/cohort.py            about 28 minutes on 2 cores python benchmarks/cohort.py
    400 800    these sizes only, kept beside what is there; no run in one process python
    benchmarks/cohort.py --quick    a minute

Each cohort is made by the documented command, in processes of its own, into an empty folder. Memory
is what the command and its workers hold between them, a page that several share counted once (PSS,
proportional set size; Linux), at its highest of two samples a second; `rss_mb` beside it counts
shared pages once for each process."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from txtray_utils.results import Result, write_results
from txtray_utils.settings import STUDIES
from virtual_hospital.cohort import plan_cohort
from virtual_hospital.drawable import drawable_counts


def make(studies: int, workers: int) -> tuple[float, float, float, float]:
    """Make a cohort and return its seconds, its peak megabytes in memory (PSS, RSS) and its
    megabytes on disk."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "virtual_hospital",
            "--out",
            folder,
            "--studies",
            str(studies),
        ]
        start, peak, resident = time.monotonic(), 0, 0
        with subprocess.Popen(
            [*command, "--workers", str(workers)], stderr=subprocess.DEVNULL
        ) as process:
            watched = psutil.Process(process.pid)
            while process.poll() is None:
                sizes = []
                for member in [watched, *watched.children(recursive=True)]:
                    try:
                        sizes.append(member.memory_full_info())
                    except (psutil.NoSuchProcess, psutil.AccessDenied):
                        continue
                peak = max(peak, sum(size.pss for size in sizes))
                resident = max(resident, sum(size.rss for size in sizes))
                time.sleep(0.5)
        if process.returncode:
            raise SystemExit(f"making {studies} studies failed")
        seconds = time.monotonic() - start
        assert json.loads((Path(folder) / "truth/cohort.json").read_text())["complete"]
        disk = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return seconds, peak / 1e6, resident / 1e6, disk / 1e6


def main() -> None:
    """Run it all and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="40 and 80 studies")
    parser.add_argument("sizes", nargs="*", type=int, help="how many studies (400 800 1600 3200)")
    asked = parser.parse_args()
    sizes = asked.sizes or ([40, 80] if asked.quick else [400, 800, 1600, 3200])
    usual = 80 if asked.quick else STUDIES
    results = {}
    for studies in sizes:
        seconds, memory, resident, disk = make(studies, 2)
        what = f"to make {studies} studies with 2 workers, cold"
        results[f"seconds.{studies}"] = Result(seconds, studies, "s", what)
        results[f"peak_mb.{studies}"] = Result(
            memory, studies, "MB", f"memory (PSS), command and workers, {what}"
        )
        results[f"rss_mb.{studies}"] = Result(
            resident, studies, "MB", "the same, shared pages counted for each process"
        )
        results[f"disk_mb.{studies}"] = Result(
            disk, studies, "MB", f"on disk for {studies} studies"
        )
        if studies == usual:
            results["studies_per_second"] = Result(
                studies / seconds, studies, "1/s", f"{studies} studies, 2 workers, cold"
            )
        write_results("cohort", results)
    if not asked.sizes:
        seconds, *_ = make(usual, 1)
        results[f"seconds.{usual}_one_process"] = Result(
            seconds, usual, "s", f"{usual} studies in one process, cold"
        )
    cases, counts = plan_cohort(usual), drawable_counts()
    everything = counts["reports"]
    results["studies"] = Result(len(cases), len(cases), "studies", "in the default cohort")
    results["patients"] = Result(
        len({c.subject_id for c in cases}), len(cases), "patients", "in the default cohort"
    )
    results["drawable_reports"] = Result(
        counts["drawable"], everything, "reports", "normal, or with a code that is drawn"
    )
    results["fully_drawn_reports"] = Result(
        counts["all"], everything, "reports", "whose every code is drawn"
    )
    write_results("cohort", results)
    for key, result in results.items():
        print(f"{key:28s} {result.value:.1f} {result.unit}")


if __name__ == "__main__":
    main()
