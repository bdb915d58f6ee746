"""The development sets of real films, and how to lay them out as they are published.

They lie in shared/data beside the checkout, packed in ways of their own, are no part of the
product, and are read only by tests that skip where they are not. By hand:
`python tests/development.py nih-boxes|lungs FOLDER`, then set TXTRAY_NIH or TXTRAY_LUNGS to FOLDER.
"""

import csv
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENTRY_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position"
)


def development(name: str) -> Path | None:
    """Return the folder of a development set, or None where it is not."""
    place = ROOT.parent / "shared" / "data" / name
    return place if place.is_dir() else None


def lay_out_nih(packed: Path, place: Path) -> Path:
    """Lay `nih-boxes` out as ChestX-ray14 is, films as links; return `place`."""
    header = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
    _copy(packed / "boxes.csv", place / "BBox_List_2017.csv", header)
    _copy(packed / "entries.csv", place / "Data_Entry_2017_v2020.csv", ENTRY_HEADER)
    for film in (packed / "films").iterdir():
        _link(film, place / "images" / f"{film.stem}.png")
    return place


def lay_out_lungs(packed: Path, place: Path) -> Path:
    """Lay `lungs` out as a set with one mask of both lungs, all files as links; return `place`."""
    for film in (packed / "films").iterdir():
        _link(film, place / "MontgomerySet" / "CXR_png" / f"{film.stem}.png")
    for mask in (packed / "masks").iterdir():
        _link(mask, place / "MontgomerySet" / "mask" / f"{mask.stem}_mask.png")
    return place


def _copy(packed: Path, published: Path, header: str) -> None:
    """Copy a table under another header; the order of columns is the same."""
    published.parent.mkdir(parents=True, exist_ok=True)
    with packed.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    with published.open("w", newline="") as file:
        file.write(f"{header}\n")
        csv.writer(file).writerows(rows)


def _link(packed: Path, published: Path) -> None:
    """Give a file its published name; what is inside a JPEG named .png is told by its content."""
    published.parent.mkdir(parents=True, exist_ok=True)
    published.symlink_to(packed.resolve())


if __name__ == "__main__":
    name, folder = sys.argv[1:]
    lay_out = {"nih-boxes": lay_out_nih, "lungs": lay_out_lungs}[name]
    print(lay_out(development(name), Path(folder)))
