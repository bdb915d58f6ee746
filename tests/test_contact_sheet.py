"""Sheets of real films beside virtual ones: training patients only, and nowhere in git."""

import sys

import numpy as np
import pytest
from PIL import Image

from tests.test_tools import load
from txtray_utils.errors import InputError
from txtray_utils.studies.sources.openi_package import read_reports
from txtray_utils.studies.sources.openi_split import split_of_reports
from virtual_hospital import anatomy

sheets = load("contact_sheet")


@pytest.fixture(scope="session")
def chest_of_all(tmp_path_factory):
    """The anatomy that all virtual patients share."""
    return anatomy.load(tmp_path_factory.mktemp("anatomy"))


@pytest.fixture
def films(tmp_path, monkeypatch):
    """A data folder with twelve made-up films under the names of real ones."""
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path))
    monkeypatch.setenv("TXTRAY_QUICK", "1")
    listed = sheets.listed_films(tmp_path)
    frontal = listed[listed["view"] != ""].drop_duplicates("study_id")
    (tmp_path / "openi/png").mkdir(parents=True)
    shades = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) // 16
    for image in frontal["image_id"].head(60):
        picture = Image.fromarray(shades.astype(np.uint8))
        picture.save(tmp_path / "openi/png" / f"{image}.png")
    return tmp_path / "openi"


def test_only_training_films_that_are_there_are_shown(films):
    real = sheets.training_films(films)
    split = split_of_reports(read_reports())
    assert 0 < len(real) < 60
    assert {split[study] for study in real["study_id"]} == {"train"}
    assert all(file.is_file() for file in real["file"])


def test_a_folder_in_a_work_tree_is_refused_before_anything_is_made(tmp_path):
    (tmp_path / ".git").mkdir()
    with pytest.raises(InputError, match="lies in the git work tree"):
        sheets.outside(tmp_path / "sheets")
    assert not (tmp_path / "sheets").exists()


def test_without_films_it_says_where_to_get_them(tmp_path):
    with pytest.raises(InputError, match="no training film of Open-i"):
        sheets.training_films(tmp_path)


def test_a_sheet_is_written_for_the_finding(films, tmp_path, monkeypatch, chest_of_all, capsys):
    monkeypatch.setattr(sheets, "load", lambda folder, name: chest_of_all)
    monkeypatch.setattr(sheets, "SIZE", 48)
    out = tmp_path / "out"
    arguments = ["contact_sheet.py", str(out), "--finding", "cardiomegaly", "--number", "2"]
    monkeypatch.setattr(sys, "argv", arguments)
    assert sheets.main() == 0
    assert [file.name for file in out.iterdir()] == ["cardiomegaly.png"]
    assert "cardiomegaly.png" in capsys.readouterr().out
