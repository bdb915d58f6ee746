"""Hold the numbers that the notebooks have just written against the committed ones in
`book/results`.

Without arguments: exit 1 when a quality figure moved by more than its stated tolerance, or a file
holds numbers of another source. With `--write`: carry the new numbers into `book/results` instead,
to be read with `git diff` and committed."""

import argparse
import sys
from pathlib import Path

from txtray_utils.results import (
    compare_results,
    read_results,
    result_names,
    source_of,
    write_results,
)
from txtray_utils.settings import settings


def strangers(name: str, folders: tuple[Path, ...]) -> list[str]:
    """Return a fault for each of the files that names another source than the demo."""
    faults = []
    for folder in folders:
        if (folder / f"{name}.json").exists():
            source = source_of(name, folder)
            if source != "demo":
                faults.append(f"{name}: {folder} holds results of {source!r}, not of 'demo'")
    return faults


def main() -> int:
    """Compare or write; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="carry the numbers into book/results")
    write = parser.parse_args().write
    now = settings()
    committed = now.checkout / "book" / "results"
    if now.quick or now.source != "demo":
        print(
            f"results: not compared (quick={now.quick}, source={now.source}); "
            "book/results holds the full demo's"
        )
        return int(write)
    faults = []
    for name in result_names(now.results):
        new = read_results(name, now.results)
        strange = strangers(name, (now.results, committed))
        if strange:
            faults += strange
            continue
        if write:
            print("wrote", write_results(name, new, committed).relative_to(now.checkout))
            continue
        old = read_results(name, committed) if (committed / f"{name}.json").exists() else {}
        for fault in compare_results(new, old):
            faults.append(f"{name}.{fault}")
        print(
            f"results: {name}: {len(new)} rebuilt, "
            f"{len(old.keys() - new.keys())} committed ones made elsewhere"
        )
    print(*faults, sep="\n", end="\n" if faults else "")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
