"""Every setting of the book in one place, read from the environment when asked for.

| variable | default | meaning |
| --- | --- | --- |
| `TXTRAY_SOURCE` | `demo` | what the chapters read: one of `SOURCES`, or several: `demo+openi` |
| `TXTRAY_QUICK` | `0` | `1`: a small cohort and fewer training steps, for a first look |
| `TXTRAY_DATA` | `data` of the checkout, else `~/.cache/txtray-align` | where data is kept |
| `TXTRAY_RESULTS` | `_build/results`, else `results` of the data folder | for results |
| `TXTRAY_TEXT_TOWER` | the packaged MiniLM | a name of `transformers`, or a folder |
| `TXTRAY_COVID` | `covid` of the data folder | a clone of ieee8023/covid-chestxray-dataset |
| `TXTRAY_NIH` | `nih` of the data folder | NIH ChestX-ray14: films, list of films, boxes |
| `TXTRAY_LUNGS` | `lungs` of the data folder | films with outlines of the lungs, a folder a set |
| `TXTRAY_FOLDER` | none | your own studies.csv and films, outside any git work tree |

Explained in the README, section "Settings".
"""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

SOURCES = ("demo", "openi", "covid", "mimic", "folder")  # with reports, as the chapters want them
PRIVATE = ("folder", "mimic")  # credentialed: what is made of them stays in (guard.py)
STUDIES = 1600
QUICK_STUDIES = 200


@dataclass(frozen=True)
class Settings:
    """What a chapter needs to know about this run. Make it with `settings()`.

    `source` is one of `SOURCES`, or several joined by +.
    """

    source: str
    quick: bool
    seed: int
    studies: int
    data: Path
    results: Path
    covid: Path
    nih: Path
    lungs: Path
    folder: Path | None
    text_tower: str | None
    checkout: Path | None

    @property
    def sources(self) -> tuple[str, ...]:
        """The names in `source`."""
        return tuple(self.source.split("+"))

    @property
    def private(self) -> bool:
        """Whether anything that is read must stay with the reader, and so its results."""
        return not set(PRIVATE).isdisjoint(self.sources)

    def steps(self, usual: int) -> int:
        """Return how many training steps to take: `usual`, or a tenth of it (at least one) when
        quick."""
        return max(1, usual // 10) if self.quick else usual


def settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        ValueError: a variable has a value that is not allowed; the message names it and the allowed
    values."""
    source = os.environ.get("TXTRAY_SOURCE") or "demo"
    try:
        names = source_names(source, SOURCES)
    except ValueError as error:
        raise ValueError(f"TXTRAY_SOURCE is {source!r}: {error}") from None
    flag = os.environ.get("TXTRAY_QUICK") or "0"
    if flag not in ("0", "1"):
        raise ValueError(f"TXTRAY_QUICK is {flag!r}; set it to 0 or 1")
    quick = flag == "1"
    checkout = _checkout()
    data = _folder(
        "TXTRAY_DATA", checkout / "data" if checkout else Path.home() / ".cache" / "txtray-align"
    )
    written = "results-quick" if quick else "results"
    place = checkout / "_build" if checkout else data
    if not set(PRIVATE).isdisjoint(names):
        place = data
        written = f"{written}-{source}"
    results = _folder("TXTRAY_RESULTS", place / written)
    covid = _folder("TXTRAY_COVID", data / "covid")
    nih = _folder("TXTRAY_NIH", data / "nih")
    lungs = _folder("TXTRAY_LUNGS", data / "lungs")
    own = _folder("TXTRAY_FOLDER", "") if os.environ.get("TXTRAY_FOLDER") else None
    studies = QUICK_STUDIES if quick else STUDIES
    tower = os.environ.get("TXTRAY_TEXT_TOWER") or None
    places = (data, results, covid, nih, lungs, own)
    return Settings(source, quick, 0, studies, *places, tower, checkout)


def source_names(source: str, known: Collection[str]) -> tuple[str, ...]:
    """Return the names in `source`, one or several joined by +, such as `demo+openi`.

    Raises:
        ValueError: a name is not one of `known`, or stands there twice; the message says which.
    """
    names = tuple(source.split("+"))
    for name in names:
        if name not in known:
            fault = f"there is no source {name!r}; choose one of {', '.join(known)}"
            raise ValueError(f"{fault}, or several joined by +")
        if names.count(name) > 1:
            raise ValueError(f"the source {name!r} is named twice; name it once")
    return names


def data_dir(*parts: str) -> Path:
    """Return the folder (or file) `parts` below the data folder; nothing is created.

    A quick run keeps its smaller virtual hospital in a folder of its own, so `data_dir("demo")`
    ends in `demo-quick` there."""
    now = settings()
    if now.quick and parts and parts[0] == "demo":
        parts = ("demo-quick", *parts[1:])
    return now.data.joinpath(*parts)


def _folder(variable: str, default: str | Path) -> Path:
    return Path(os.environ.get(variable) or default).expanduser().resolve()


def _checkout() -> Path | None:
    """Return the folder that holds `_toc.yml`: above this file, or above the working folder, or
    None."""
    here = Path.cwd()
    for folder in (*Path(__file__).resolve().parents, here, *here.parents):
        if (folder / "_toc.yml").is_file() and (folder / "src" / "txtray_utils").is_dir():
            return folder
    return None
