"""The development sets of real films, and how to lay them out as they are published.

They lie in shared/data beside the checkout, packed in ways of their own, are no part of the
product, and are read only by tests that skip where they are not. `make development FROM=FOLDER`
lays all that FOLDER holds under the data folder, where the sources look for them.
"""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from txtray_utils.settings import settings

ROOT = Path(__file__).resolve().parents[1]
ENTRY_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position"
)


def development(name: str) -> Path:
    """Return the folder of a development set; the test that asks is skipped where it is not."""
    place = ROOT.parent / "shared" / "data" / name
    if not place.is_dir():
        pytest.skip(f"the development films (shared/data/{name}) are not there")
    return place


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


def lay_out_openi(packed: Path, place: Path) -> Path:
    """Unpack `openi256` with the script that comes with it; return `place`."""
    subprocess.run([sys.executable, packed / "unpack.py", place], check=True)
    return place


def lay_out_covid(packed: Path, place: Path) -> Path:
    """Link to `covid-cxr`, which lies as it is published; return `place`."""
    _link(packed, place)
    return place


LAYOUTS = {  # the packed folder: the folder of the source, and how it is laid out
    "openi256": ("openi", lay_out_openi),
    "nih-boxes": ("nih", lay_out_nih),
    "lungs": ("lungs", lay_out_lungs),
    "covid-cxr": ("covid", lay_out_covid),
}


def lay_out_all(packed: Path, data: Path) -> list[Path]:
    """Lay every set that `packed` holds under the folder `data`; what lies there already stays."""
    places = []
    for name, (source, lay_out) in LAYOUTS.items():
        if (packed / name).is_dir():
            places.append(lay_out(packed / name, data / source))
    return places


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
    if not published.exists():
        published.symlink_to(packed.resolve())


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("make development FROM=FOLDER: the folder that holds openi256, nih-boxes, ...")
    print(*lay_out_all(Path(sys.argv[1]), settings().data), sep="\n")
