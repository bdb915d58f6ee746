"""Real films beside virtual ones, a sheet for each finding: is what is drawn what is seen?

    python tools/contact_sheet.py OUT [--finding NAME] [--number 6]

Row one: films of the source `openi` whose codes name the finding. Row two: films of the demo plan
that draw it, made on the fly. Row three: these again, with the evidence outlined. Only training
patients of either are shown. The films of Open-i must not be published (CC BY-NC-ND 4.0), so OUT
must lie outside any git work tree. Explained in book/01_reading_a_radiograph.
"""

import argparse
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from txtray_utils.errors import InputError
from txtray_utils.read.radiograph import read_image
from txtray_utils.settings import data_dir, settings
from txtray_utils.studies.sources.folder import work_tree
from txtray_utils.studies.sources.openi import listed_films
from txtray_utils.studies.sources.openi_package import read_reports
from txtray_utils.studies.sources.openi_split import split_of_reports
from txtray_utils.vocabulary import FINDINGS
from virtual_hospital.anatomies import load
from virtual_hospital.cohort import Case, plan_cohort
from virtual_hospital.drawable import drawable_reports
from virtual_hospital.drawings import Drawing
from virtual_hospital.film import Picture, picture

SIDE = 3.0  # inches, a film
SIZE = 256  # pixels, a virtual film


def main() -> int:
    """Parse the command line and write the sheets."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="a folder outside any git work tree")
    parser.add_argument("--finding", choices=FINDINGS, help="this one only; default: all")
    parser.add_argument("--number", type=int, default=6, help="films a row (%(default)s)")
    asked = parser.parse_args()
    try:
        out = outside(asked.out)
        real = training_films(data_dir("openi"))
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    now = settings()
    cases = plan_cohort(now.studies, now.seed)
    wanted = [asked.finding] if asked.finding else FINDINGS
    for finding in wanted:
        sheet = draw_sheet(finding, real, cases, asked.number)
        sheet.savefig(out / f"{finding}.png", dpi=80)
        plt.close(sheet)
        print(out / f"{finding}.png", flush=True)
    return 0


def outside(out: Path) -> Path:
    """Make the folder of the sheets and return it.

    Raises:
        InputError: it lies in a git work tree.
    """
    tree = work_tree(out)
    if tree is not None:
        fault = f"lies in the git work tree {tree}, where real films could be committed"
        raise InputError(out, fault, "Name a folder outside of it.")
    out.mkdir(parents=True, exist_ok=True)
    return out


def training_films(place: Path) -> pd.DataFrame:
    """Return the training films of the source `openi` that are there.

    Columns: study_id, view, file (a path) and drawings (what the table of the virtual hospital
    reads from the codes).

    Raises:
        InputError: the folder holds no such film.
    """
    split = split_of_reports(read_reports())
    films = listed_films(place)
    train = films["study_id"].map(split) == "train"
    films = films[train & films["view"].isin(["PA", "AP"])].drop_duplicates("study_id")
    drawings = drawable_reports(settings().seed).set_index("uid")["drawings"]
    films = films.assign(drawings=films["study_id"].map(drawings))
    films["file"] = [place / name for name in films["file"]]
    there = films["file"].map(Path.is_file)
    if not there.any():
        raise InputError(place, "has no training film of Open-i", "Run data/download.sh openi.")
    return films[there]


def draw_sheet(finding: str, real: pd.DataFrame, cases: list[Case], number: int) -> Figure:
    """Draw the three rows of a finding; a place without a film stays empty."""
    size = (SIDE * number, SIDE * 3 * 1.1)
    figure, axes = plt.subplots(3, number, figsize=size, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    has = [_one(drawings, finding) is not None for drawings in real["drawings"]]
    for axis, film in zip(axes[0], _spread(real[has].to_dict("records"), number), strict=False):
        drawing = _one(film["drawings"], finding)
        _film(axis, read_image(film["file"]).pixels, f"real {_title(drawing, film['view'])}")
    ill = []
    for case in cases:
        if case.split == "train" and _one(case.drawings, finding):
            ill.append(case)
    for column, case in enumerate(_spread(ill, number)):
        drawing = _one(case.drawings, finding)
        chest = load(data_dir("demo"), case.anatomy)
        made = picture(case, chest, SIZE)
        _film(axes[1, column], made.tone, f"virtual {_title(drawing, case.view)}")
        _film(axes[2, column], made.tone, case.study_id)
        _outline(axes[2, column], made, finding)
    figure.suptitle(f"{finding}: {sum(has)} real, {len(ill)} virtual training films")
    figure.tight_layout()
    return figure


def _one(drawings: tuple[Drawing, ...], finding: str) -> Drawing | None:
    """Return the first drawing of a finding."""
    for drawing in drawings:
        if drawing.name == finding:
            return drawing
    return None


def _spread(films: list, number: int) -> list:
    """Return `number` members, evenly over a list."""
    places = np.linspace(0, len(films), number, endpoint=False)
    each = np.unique(places.astype(int))
    return [films[place] for place in each if films]


def _title(drawing: Drawing, view: str) -> str:
    words = (view, drawing.severity, drawing.side, drawing.zone)
    return " ".join(filter(None, words))


def _film(axis: Axes, pixels: np.ndarray, title: str) -> None:
    axis.imshow(pixels, cmap="gray", vmin=0, vmax=1)
    axis.set_title(title, fontsize=9)


def _outline(axis: Axes, made: Picture, finding: str) -> None:
    """Draw the outline of a finding's evidence over its film."""
    for item, mask in made.evidence:
        if item.drawing.name == finding and mask.any():
            axis.contour(mask, levels=[0.5], colors="#E69F00", linewidths=1)


if __name__ == "__main__":
    sys.exit(main())
