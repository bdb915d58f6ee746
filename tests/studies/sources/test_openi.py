"""The Open-i source: films are noise under the real file names; reports and headers are
torchxrayvision's own."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.virtual_hospital.conftest import case
from txtray_utils.errors import InputError, Rejects
from txtray_utils.studies.sources import openi
from txtray_utils.studies.sources.openi_package import read_headers, read_reports
from txtray_utils.studies.splits import SPLITS
from txtray_utils.studies.table import make_table
from virtual_hospital.files import dicom

STUDIES = 25


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (80, 64), dtype=np.uint8)).save(
        buffer, "PNG"
    )
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Every film of a few studies, as PNG."""
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path))
    headers = read_headers()
    some = headers[headers["uid"].isin(read_reports()["uid"][:STUDIES])]
    (tmp_path / "openi/png").mkdir(parents=True)
    for seed, image in enumerate(some["image"]):
        (tmp_path / f"openi/png/{image}.png").write_bytes(png(seed))
    return openi.folder()


def read(folder):
    rejects = Rejects()
    return list(openi.rows(folder, rejects)), rejects


def test_one_frontal_film_a_report_becomes_a_study(folder, tmp_path):
    rows, _ = read(folder)
    reports = read_reports().set_index("uid")
    assert STUDIES * 0.8 < len(rows) <= STUDIES
    table = make_table(rows, tmp_path / "table.arrow")
    assert set(table["split"]) <= set(SPLITS) and set(table["view"]) <= {"PA", "AP"}
    for row in rows:
        assert row["image_id"].startswith(row["study_id"] + "_") and row["findings"] == (
            reports.at[row["study_id"], "findings"] or None
        )
        assert (row["sex"] is None) == (row["sex_source"] is None)
        assert 0 <= row["age"] <= 120


def test_the_view_derived_from_pixels_goes_before_the_header(folder):
    films = openi.listed_films(folder)
    headers = read_headers().set_index("image")["ViewPosition"]
    several = films[films["view"] != ""].groupby("study_id").size()
    both = (
        headers[headers == "PA"]
        .groupby(headers[headers == "PA"].index.str.split("_").str[0])
        .size()
    )
    assert (both > 1).sum() > 1000, "the header calls two films of a study PA"
    assert (several > 1).mean() < 0.02
    assert set(films["view"]) == {"PA", "AP", ""}


def test_the_first_study_is_found_under_the_name_that_its_films_have(folder):
    for film in folder.glob("png/CXR1_IM-*.png"):
        film.rename(film.with_stem(film.stem.replace("CXR1_", "CXR1_1_")))
    (folder / openi.INDEX).unlink()
    openi.folder()
    rows, rejects = read(folder)
    (first,) = [row for row in rows if row["study_id"] == "CXR1"]
    assert first["image_id"] == "CXR1_IM-0001-4001", (
        "by its pixels, torchxrayvision says, 3001 is the lateral"
    )
    assert not any("CXR1_" in row.file for row in rejects.rows)


def test_no_report_text_stands_in_two_splits(folder):
    reports = read_reports()
    headers = read_headers()
    for image in headers.drop_duplicates("uid")["image"][:300]:
        path = folder / "png" / f"{image}.png"
        path.write_bytes(png(1)) if not path.exists() else None
    (folder / openi.INDEX).unlink()
    openi.folder()
    rows, _ = read(folder)
    seen: dict[str, set[str]] = {}
    for row in rows:
        text = reports.set_index("uid").at[row["study_id"], "text"].lower()
        seen.setdefault(text, set()).add(row["split"])
    assert max(map(len, seen.values())) == 1


def test_dicom_files_in_folders_of_their_own_serve_as_well(folder):
    wanted, _ = read(folder)
    for file in sorted((folder / "png").iterdir()):
        number, _, rest = file.stem.removeprefix("CXR").partition("_")
        target = folder / "dcm" / number / f"{number}_{rest}.dcm"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(dicom(case(), np.random.default_rng(3).random((80, 64))))
        file.unlink()
    (folder / openi.INDEX).unlink()
    openi.folder()
    rows, _ = read(folder)
    assert [row["image_id"] for row in rows] == [row["image_id"] for row in wanted]


def test_missing_broken_and_unknown_films_are_rejected(folder):
    rows, _ = read(folder)
    gone, broken = rows[0]["image_id"], rows[1]["image_id"]
    (folder / f"png/{gone}.png").unlink()
    (folder / f"png/{broken}.png").write_bytes(png(1)[:60])
    (folder / "png/CXR9999_IM-0000-0000.png").write_bytes(png(2))
    again, rejects = read(folder)
    left = {row["study_id"] for row in again}
    assert rows[1]["study_id"] not in left
    said = " ".join(f"{row.file} {row.row}" for row in rejects.rows)
    assert gone in said and broken in said and "CXR9999" in said


def test_a_folder_without_films_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path))
    with pytest.raises(InputError, match="download.sh openi"):
        openi.folder()
