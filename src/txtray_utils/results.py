"""The numbers that the book quotes: one JSON file a chapter or benchmark, written and compared
here.

A file holds flat keys, each `{"value": 0.91, "ci": [0.88, 0.93], "n": 300, "unit": "AUC", "what":
"one line"}` and, where a rebuild may differ, `"tolerance"`: the largest change of the value that is
still the same result; beside them `"source"`, what the numbers were measured on. Chapters write
into `settings().results`; `make results` carries that into `book/results`, which is committed.
Explained in CONTRIBUTING."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from txtray_utils.errors import InputError, replacing
from txtray_utils.guard import check_may_be_published, keep_in
from txtray_utils.keep import locked
from txtray_utils.settings import settings

SOURCE = "source"  # the key that is no result
_AGAIN = "write it with txtray_utils.results.write_results"
EXEMPT_UNITS = (
    "s",
    "min",
    "h",
    "MB",
    "GB",
    "1/s",
    "MB/s",
)  # time, memory and rate: recorded, never compared


@dataclass(frozen=True)
class Result:
    """One number with its sample size `n`, its `unit`, and `what` it is in one line.

    `ci` is the 95 % confidence interval (low, high); `tolerance` the change of `value` that a
    rebuild may make (None: it must come out the same).

    Raises:
        ValueError: a number is not finite, `ci` does not hold the value, or a text is empty or has
    several lines."""

    value: float
    n: int
    unit: str
    what: str
    ci: tuple[float, float] | None = None
    tolerance: float | None = None

    def __post_init__(self) -> None:
        """Turn numpy numbers into plain ones and refuse what would not be a result."""
        whole = (
            isinstance(self.value, int)
            or float(self.value).is_integer()
            and hasattr(self.value, "dtype")
        )
        object.__setattr__(self, "value", int(self.value) if whole else float(self.value))
        object.__setattr__(self, "n", int(self.n))
        if self.ci is not None:
            object.__setattr__(self, "ci", tuple(float(end) for end in self.ci))
        if self.tolerance is not None:
            object.__setattr__(self, "tolerance", float(self.tolerance))
        numbers = [self.value, *(self.ci or ()), self.tolerance or 0.0]
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"a result must be finite: {self}")
        if self.ci is not None and not (
            len(self.ci) == 2 and self.ci[0] <= self.value <= self.ci[1]
        ):
            raise ValueError(f"the interval must be (low, high) around the value: {self}")
        if self.n < 0 or (self.tolerance or 0.0) < 0:
            raise ValueError(f"n and tolerance must not be negative: {self}")
        if not self.unit.strip() or not self.what.strip() or "\n" in self.unit + self.what:
            raise ValueError(f"unit and what must each be one line of text: {self}")

    @property
    def exempt(self) -> bool:
        """True for time, memory and rates, which depend on the machine."""
        return self.unit in EXEMPT_UNITS


def write_results(name: str, results: Mapping[str, Result], folder: Path | None = None) -> Path:
    """Merge `results` into `<name>.json` of `folder` (default: `settings().results`) and return its
    path.

    Keys already there and not in `results` stay. The file is sorted and indented: the same results,
    the same bytes. It names the source of this run; a file without a name has the demo's.

    Raises:
        InputError: the source of this run is credentialed, and the folder is `book/results`, which
            is published, or lies in a git work tree; the file holds results of another source; or
            it cannot be written.
        ValueError: the file that is there is not in the form above, or a key is `"source"`.
    """
    path = (folder or settings().results) / f"{name}.json"
    check_may_be_published(path)
    keep_in(path, "TXTRAY_RESULTS (or TXTRAY_DATA)")
    if SOURCE in results:
        raise ValueError(f"{path}: {SOURCE!r} is no name of a result")
    source = settings().source
    with locked(path):
        before = {}
        if path.exists():
            _check_source(path, source)
            before = read_results(name, path.parent)
        plain: dict = {SOURCE: source}
        for key, result in (before | dict(results)).items():
            plain[key] = _plain(result)
        with replacing(path) as partial:
            partial.write_text(json.dumps(plain, indent=2, sort_keys=True) + "\n", "utf-8")
    return path


def source_of(name: str, folder: Path) -> str:
    """Return the source that `<name>.json` names; a file of before sources were named is the
    demo's. Raises as `read_results`."""
    return str(_read(folder / f"{name}.json").get(SOURCE, "demo"))


def read_results(name: str, folder: Path | None = None) -> dict[str, Result]:
    """Read `<name>.json` of `folder`; by default the committed `book/results`.

    Raises:
        FileNotFoundError: there is no such file (without a checkout there is no default folder).
        ValueError: the file is not in the form above; the message names the file and the key.
    """
    checkout = settings().checkout
    if folder is None and checkout is None:
        raise FileNotFoundError(
            "book/results is found only inside a checkout of the book; give `folder`"
        )
    path = (folder or checkout / "book" / "results") / f"{name}.json"
    results = {}
    for key, entry in _read(path).items():
        if key != SOURCE:
            results[key] = _parsed(path, key, entry)
    return results


def compare_results(new: Mapping[str, Result], old: Mapping[str, Result]) -> list[str]:
    """Say where `new` departs from `old` by more than `old` allows, one line a fault; an empty list
    is agreement.

    Time, memory and rates are exempt. Keys only in `old` are not a fault (another command may make
    them); keys only in `new` are: they have to be committed before they can be held."""
    faults = []
    for key, result in sorted(new.items()):
        if key not in old:
            faults.append(f"{key}: {result.value} is new; run `make results` and commit it")
        elif result.unit != old[key].unit:
            faults.append(f"{key}: unit {result.unit!r} was {old[key].unit!r}")
        elif not result.exempt:
            allowed = max(old[key].tolerance or 0.0, 1e-9 * abs(old[key].value))
            moved = abs(result.value - old[key].value)
            if moved > allowed:
                change = f"moved {moved:.3g}, allowed {allowed:.3g}"
                faults.append(f"{key}: {result.value} was {old[key].value}; {change}")
            if result.n != old[key].n:
                faults.append(f"{key}: n is {result.n}, was {old[key].n}")
    return faults


def result_names(folder: Path) -> Iterable[str]:
    """Return the names of the result files in `folder`, sorted."""
    return sorted(path.stem for path in folder.glob("*.json"))


def _read(path: Path) -> dict:
    try:
        raw = json.loads(path.read_text("utf-8"))
    except ValueError as fault:
        raise ValueError(f"{path}: {fault}; {_AGAIN}") from fault
    if not isinstance(raw, dict) or not isinstance(raw.get(SOURCE, ""), str):
        fault = f"{path}: the whole file is no table of results; {_AGAIN}"
        raise ValueError(fault)  # noqa: TRY004
    return raw


def _check_source(path: Path, source: str) -> None:
    there = source_of(path.stem, path.parent)
    if there != source:
        fault = f"holds results of the source {there!r}, and this run's is {source!r}"
        raise InputError(path, fault, "Set TXTRAY_RESULTS to another folder.")


def _plain(result: Result) -> dict:
    entry = asdict(result)
    if entry["tolerance"] is None:
        del entry["tolerance"]
    return entry


def _parsed(path: Path, key: str, entry: object) -> Result:
    try:
        return Result(**entry)
    except (TypeError, ValueError) as fault:
        raise ValueError(f"{path}: {key}: {fault}; {_AGAIN}") from fault
