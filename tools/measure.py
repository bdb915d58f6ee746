"""Run a command and record its wall time and the peak memory of it and its children in
`book/results/build.json`.

    python tools/measure.py test -- make test

writes `test.minutes` and `test.peak_mb`: what the README says of the two commands.
"""

import argparse
import subprocess
import sys
import time

import psutil

from txtray_utils.results import Result, write_results
from txtray_utils.settings import settings


def memory_mb(process: psutil.Process) -> float:
    """Return the resident memory of `process` and its children in MB (shared pages are counted each
    time)."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 2**20


def main() -> int:
    """Run, watch and record; return the command's exit code. A failed command is not recorded."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("key", help="first part of the results' keys")
    parser.add_argument("command", nargs="+", help="the command, after --")
    asked = parser.parse_args()
    begun, peak = time.monotonic(), 0.0
    child = subprocess.Popen(asked.command)
    while child.poll() is None:
        try:
            peak = max(peak, memory_mb(psutil.Process(child.pid)))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.2)
    minutes, code = (time.monotonic() - begun) / 60, child.wait()
    said = " ".join(asked.command)
    print(f"{said}: {minutes:.1f} min, peak {peak:.0f} MB, exit code {code}")
    if code == 0:
        measured = {
            f"{asked.key}.minutes": Result(minutes, 1, "min", f"wall time of `{said}` on 2 cores"),
            f"{asked.key}.peak_mb": Result(
                peak, 1, "MB", f"peak resident memory of `{said}` with its children"
            ),
        }
        write_results("build", measured, settings().checkout / "book" / "results")
    return code


if __name__ == "__main__":
    sys.exit(main())
