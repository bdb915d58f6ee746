"""What every benchmark shares: its command line, its times, its memory, and how it is written down.

Nothing heavy is imported here, as a process whose memory is measured imports this. Explained in
CONTRIBUTING."""

import argparse
import os
import resource
import subprocess
import time
from collections.abc import Callable, Mapping

import psutil

from txtray_utils.results import Result, write_results

EVERY = 0.5  # seconds between two samples of memory


def command_line(about: str, quick: str) -> argparse.ArgumentParser:
    """Return the parser of a benchmark: `about` is its docstring, `quick` what `--quick` does."""
    parser = argparse.ArgumentParser(
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help=quick)
    return parser


def choose_quick() -> None:
    """Set the book's quick mode for this process: a small hospital, another folder of results."""
    os.environ["TXTRAY_QUICK"] = "1"


def fastest(act: Callable[[], object], times: int = 3) -> float:
    """Return the seconds of the fastest of some runs."""
    seconds = []
    for _ in range(times):
        start = time.monotonic()
        act()
        seconds.append(time.monotonic() - start)
    return min(seconds)


def peak_bytes() -> int:
    """Return the highest resident memory that this process has had, in bytes (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def watched(process: subprocess.Popen) -> tuple[int, int]:
    """Wait for a process and return the peak bytes that it and its children held: PSS and RSS.

    A page that several share counts once in PSS, and once for each process in RSS."""
    proportional, resident = 0, 0
    root = psutil.Process(process.pid)
    while process.poll() is None:
        pss, rss = _memory([root, *root.children(recursive=True)])
        proportional = max(proportional, pss)
        resident = max(resident, rss)
        time.sleep(EVERY)
    return proportional, resident


def _memory(processes: list[psutil.Process]) -> tuple[int, int]:
    pss, rss = 0, 0
    for member in processes:
        try:
            size = member.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        pss += size.pss
        rss += size.rss
    return pss, rss


def report(name: str, results: Mapping[str, Result]) -> None:
    """Write results into `<name>.json` of the folder of results and print them."""
    print(write_results(name, results))
    print_results(results)


def print_results(results: Mapping[str, Result]) -> None:
    """Print results, one a line."""
    for key, one in results.items():
        print(f"{key:44s} {one.value:12.3f} {one.unit}  {one.ci or ''}  {one.what}")
