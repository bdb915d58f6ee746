"""Time and memory of making a virtual hospital; writes book/results/cohort.json.

    python benchmarks/cohort.py            about 25 minutes on 2 cores
    python benchmarks/cohort.py --quick    a minute

Each cohort is made by the documented command, in processes of its own, into an empty folder; memory is the highest sum
of the resident sizes of the command and its workers, sampled ten times a second.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from txtray_utils.results import Result, write_results
from txtray_utils.virtual.cases import drawable_counts, plan_cohort


def make(studies: int, workers: int) -> tuple[float, float, float]:
    """Make a cohort and return its seconds, its peak megabytes in memory and its megabytes on disk."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "txtray_utils.virtual", "--out", folder, "--studies", str(studies)]
        start, peak = time.monotonic(), 0
        with subprocess.Popen([*command, "--workers", str(workers)], stderr=subprocess.DEVNULL) as process:
            watched = psutil.Process(process.pid)
            while process.poll() is None:
                sizes = []
                for member in [watched, *watched.children(recursive=True)]:
                    try:
                        sizes.append(member.memory_info().rss)
                    except psutil.NoSuchProcess:
                        continue
                peak = max(peak, sum(sizes))
                time.sleep(0.1)
        if process.returncode:
            raise SystemExit(f"making {studies} studies failed")
        seconds = time.monotonic() - start
        assert json.loads((Path(folder) / "truth/cohort.json").read_text())["complete"]
        disk = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return seconds, peak / 1e6, disk / 1e6


def main() -> None:
    """Run it all and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="40 and 80 studies")
    sizes = (40, 80) if parser.parse_args().quick else (400, 800, 1600, 3200)
    usual = sizes[len(sizes) // 2]
    results = {}
    for studies in sizes:
        seconds, memory, disk = make(studies, 2)
        what = f"to make {studies} studies with 2 workers, cold"
        results[f"seconds.{studies}"] = Result(seconds, studies, "s", what)
        results[f"peak_mb.{studies}"] = Result(memory, studies, "MB", f"memory, command and workers, {what}")
        results[f"disk_mb.{studies}"] = Result(disk, studies, "MB", f"on disk for {studies} studies")
        if studies == usual:
            results["studies_per_second"] = Result(studies / seconds, studies, "1/s", f"{studies} studies, 2 workers, cold")
    seconds, _, _ = make(usual, 1)
    results[f"seconds.{usual}_one_process"] = Result(seconds, usual, "s", f"to make {usual} studies in one process, cold")
    cases, counts = plan_cohort(usual), drawable_counts()
    everything = counts["reports"]
    results["studies"] = Result(len(cases), len(cases), "studies", "in the default cohort")
    results["patients"] = Result(len({c.subject_id for c in cases}), len(cases), "patients", "in the default cohort")
    results["drawable_reports"] = Result(counts["drawable"], everything, "reports", "normal, or with a code that is drawn")
    results["fully_drawn_reports"] = Result(counts["all"], everything, "reports", "whose every code is drawn")
    write_results("cohort", results)
    for key, result in results.items():
        print(f"{key:28s} {result.value:.1f} {result.unit}")


if __name__ == "__main__":
    main()
