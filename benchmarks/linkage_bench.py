"""Time and memory of `txtray_utils.read.record.link` against pandas, on simulated labevents of 2 to
20 million rows.

    python benchmarks/linkage_bench.py     about 12 minutes, 12 GB (pandas, all columns); writes the
                                           results
    python benchmarks/linkage_bench.py 2   only 2 million rows; prints, writes nothing

Every contender runs in a process of its own, does the whole linkage, and must give the same studies
and the same laboratory values. pandas is written with care: `pandas_usecols` reads 7 of 16 columns
with narrow types and parses only the times that survive the filters; `pandas_arrow` does so with
the parallel pyarrow reader; `pandas` is the same code over `read_csv` of everything. Explained in
book/03_linking_images_to_the_record."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from linkage_tables import folder
from measuring import fastest, print_results

from txtray_utils.results import Result, write_results

MILLIONS = (2, 5, 10, 20)
CSV = ("ours", "pandas_usecols", "pandas_arrow", "pandas")
PARQUET = ("ours", "pandas_usecols", "pandas")
REPEATS = 2  # the faster one counts; pandas over all columns runs once

Measured = dict[str, dict[str, float]]  # by contender: seconds, and mb where it was measured


def child(module: str, call: str) -> str:
    """Run `call` of a module beside this one in a process of its own; return what it prints."""
    here = str(Path(__file__).parent)
    code = f"import sys; sys.path.insert(0, {here!r}); from pathlib import Path; "
    code += f"import {module}; {module}.{call}"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def measure(millions: int) -> Measured:
    """Return seconds and peak MB of every contender, csv and Parquet, at that size, the answers
    checked."""
    child("linkage_tables", f"make({millions})")
    labevents = folder(millions) / "mimic-iv/hosp/labevents.csv.gz"
    parquet = labevents.with_name("labevents.parquet")
    parquet.unlink(missing_ok=True)
    unzip = ["gzip", "-dc", str(labevents)]
    measured = {"gunzip": seconds_of(lambda: run_quietly(unzip), REPEATS)}
    for contender in CSV:
        measured[contender] = best_run(contender, millions, "csv")
    check(CSV, millions)
    convert = f"convert({millions})"
    measured["conversion"] = seconds_of(lambda: child("linkage_tables", convert), 1)
    for contender in PARQUET:
        measured[f"parquet.{contender}"] = best_run(contender, millions, "parquet")
    check(PARQUET, millions)
    parquet.unlink()
    return measured


def run_quietly(command: list[str]) -> None:
    """Run a command and drop what it prints."""
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def seconds_of(work: Callable[[], object], times: int) -> dict[str, float]:
    """Return the seconds of the fastest of some runs."""
    return {"seconds": fastest(work, times)}


def best_run(contender: str, millions: int, kind: str) -> dict[str, float]:
    """Run a contender; return its fastest run, with the highest memory of its runs."""
    answer = str(folder(millions) / "answers" / contender)
    call = f"run({contender!r}, {millions}, {kind!r}, Path({answer!r}))"
    runs = []
    for _ in range(1 if contender == "pandas" else REPEATS):
        runs.append(json.loads(child("linkage_contenders", call)))
    best = min(runs, key=lambda one: one["seconds"])
    best["mb"] = max(one["mb"] for one in runs)
    print(f"{millions} M rows, {kind}, {contender}: {best}", flush=True)
    return best


def check(contenders: tuple[str, ...], millions: int) -> None:
    """Stop unless all contenders gave the same answer."""
    answers = str(folder(millions) / "answers")
    child("linkage_contenders", f"check({list(contenders)!r}, Path({answers!r}))")


def every_run(millions: int, measured: Measured) -> dict[str, Result]:
    """Return the seconds and memory of every contender at one size."""
    n, results = millions * 1_000_000, {}
    for key, one in measured.items():
        text = f"{key}, {millions} million rows of simulated labevents"
        taken = Result(one["seconds"], n, "s", f"Seconds: {text}")
        results[f"seconds.{key}.{millions}M"] = taken
        if "mb" in one:
            held = Result(one["mb"], n, "MB", f"Peak memory: {text}")
            results[f"mb.{key}.{millions}M"] = held
    return results


def ratios(millions: int, top: Measured) -> dict[str, Result]:
    """Return what the others took over what ours took, at the largest size, and the limits."""
    n = millions * 1_000_000

    def ratio(other: str, field: str, ours: str = "ours") -> Result:
        where = f"same run, {millions} million rows (simulated)"
        what = f"{field} of {other} over {field} of {ours}, {where}"
        value = top[other][field] / top[ours][field]
        return Result(value, n, "x", what, tolerance=value / 2)  # another machine, another ratio

    def parquet(other: str, field: str) -> Result:
        return ratio(f"parquet.{other}", field, "parquet.ours")

    peak = "Peak memory of our linkage over csv.gz (simulated rows)"
    limit = "Seconds of gunzip alone on the same file: the limit"
    return {
        "ratio_to_pandas": ratio("pandas", "seconds"),
        "ratio_to_pandas_usecols": ratio("pandas_usecols", "seconds"),
        "ratio_to_pandas_arrow": ratio("pandas_arrow", "seconds"),
        "ratio_to_gunzip": ratio("gunzip", "seconds"),
        "memory_ratio_to_pandas_usecols": ratio("pandas_usecols", "mb"),
        "parquet.ratio_to_pandas": parquet("pandas", "seconds"),
        "parquet.ratio_to_pandas_usecols": parquet("pandas_usecols", "seconds"),
        "parquet.memory_ratio_to_pandas_usecols": parquet("pandas_usecols", "mb"),
        "peak_mb": Result(top["ours"]["mb"], n, "MB", peak),
        "seconds_gunzip": Result(top["gunzip"]["seconds"], n, "s", limit),
    }


def main() -> None:
    """Measure the sizes asked for (default: all, and write the results)."""
    sizes = tuple(map(int, sys.argv[1:])) or MILLIONS
    measured = {millions: measure(millions) for millions in sizes}
    results = {}
    for millions, found in measured.items():
        results |= every_run(millions, found)
    largest = max(sizes)
    results |= ratios(largest, measured[largest])
    print_results(dict(sorted(results.items())))
    if sizes == MILLIONS:
        print(write_results("linkage_bench", results))


if __name__ == "__main__":
    main()
