"""The development sets, made up here, are laid where the sources look for them."""

import pytest

from tests.development import LAYOUTS, lay_out_all, lay_out_lungs
from txtray_utils.settings import data_dir, settings
from txtray_utils.studies.sources import registry

UNPACK = """
import pathlib, sys
place = pathlib.Path(sys.argv[1], "png")
place.mkdir(parents=True, exist_ok=True)
(place / "CXR1_IM-0001-4001.png").touch()
"""
FILES = {
    "openi256/unpack.py": UNPACK,
    "nih-boxes/boxes.csv": "a,b\n00000001_000.png,Mass\n",
    "nih-boxes/entries.csv": "a,b\n00000001_000.png,Mass\n",
    "nih-boxes/films/00000001_000.jpg": "",
    "lungs/films/one.png": "",
    "lungs/masks/one.png": "",
    "covid-cxr/metadata.csv": "",
}


@pytest.fixture
def packed(tmp_path, monkeypatch):
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path / "data"))
    for name in ("NIH", "LUNGS", "COVID"):
        monkeypatch.delenv(f"TXTRAY_{name}", raising=False)
    for name, text in FILES.items():
        path = tmp_path / "packed" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "packed"


def test_every_set_lies_where_its_source_looks_for_it(packed):
    now = settings()
    for _ in ("once", "again"):
        places = lay_out_all(packed, now.data)
        assert places == [data_dir("openi"), now.nih, now.lungs, now.covid]
    assert (data_dir("openi") / "png/CXR1_IM-0001-4001.png").is_file()
    assert (now.nih / "images/00000001_000.png").is_symlink()
    assert (now.nih / "BBox_List_2017.csv").read_text().startswith("Image Index,Finding Label")
    assert (now.lungs / "MontgomerySet/mask/one_mask.png").is_file()
    assert (now.covid / "metadata.csv").is_file()
    assert {source for source, _ in LAYOUTS.values()} <= set(registry.SOURCES)


def test_what_is_not_there_is_left_out(packed, tmp_path):
    (packed / "lungs").rename(tmp_path / "alone")
    assert len(lay_out_all(packed, settings().data)) == 3
    assert not settings().lungs.exists()
    assert lay_out_lungs(tmp_path / "alone", settings().lungs).is_dir()
