"""Films of any kind: pictures keep their values, bad files are named, inverted ones are seen."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from tests.read.films import PIXELS, made
from txtray_utils.errors import InputError
from txtray_utils.read.dicom import grey
from txtray_utils.read.radiograph import polarity, polarity_suspect, read_image
from txtray_utils.settings import settings


@pytest.mark.parametrize("name", ["absent.dcm", ".", "text.dcm", "empty.dcm", "tiff.png"])
def test_what_is_no_image_file_is_an_error(tmp_path, name):
    (tmp_path / "text.dcm").write_text("This is not an image at all.")
    (tmp_path / "empty.dcm").write_text("")
    Image.fromarray(PIXELS).save(tmp_path / "tiff.png", "TIFF")
    with pytest.raises(InputError, match="cannot be opened|is not a DICOM, PNG or JPEG file"):
        read_image(tmp_path / name)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_of_8_bits_keeps_its_values(tmp_path, kind):
    values = np.tile(np.arange(40, 200, 2, dtype=np.uint8), (80, 1))
    Image.fromarray(values).save(tmp_path / "x.dcm", kind)  # the name does not matter
    found = read_image(tmp_path / "x.dcm")
    np.testing.assert_allclose(found.pixels, values / 255, atol=1e-6 if kind == "PNG" else 0.01)
    assert found.bits == 8


def test_colour_is_made_grey_and_transparency_black(tmp_path):
    values = np.array(
        [[[255, 0, 0, 255], [90, 90, 90, 255]], [[255, 255, 255, 0], [255, 255, 255, 255]]],
        np.uint8,
    )
    values = np.tile(values, (32, 32, 1))
    Image.fromarray(values).save(tmp_path / "x.png")
    expected = np.array([[0.299, 90 / 255], [0, 1]])  # red weighs 0.299 (ITU-R BT.601)
    found = read_image(tmp_path / "x.png").pixels
    np.testing.assert_allclose(found, np.tile(expected, (32, 32)), atol=0.003)


def test_a_png_of_16_bits_is_scaled_between_percentiles(tmp_path):
    values = np.tile(np.arange(0, 4000, 40, dtype=np.uint16), (100, 1))
    Image.fromarray(values).save(tmp_path / "x.png")
    found = read_image(tmp_path / "x.png")
    assert found.bits == 16 and found.steps == ("percentiles",)
    np.testing.assert_allclose(found.pixels, np.clip(values / 3960, 0, 1), atol=0.012)


def test_pictures_cut_short_black_or_moving_are_refused(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    for kind in ("PNG", "JPEG"):
        Image.fromarray(noise).save(tmp_path / kind, kind)
        (tmp_path / kind).write_bytes((tmp_path / kind).read_bytes()[:1500])
        with pytest.raises(InputError, match="cannot be decoded"):
            read_image(tmp_path / kind)
    Image.fromarray(np.zeros_like(noise)).save(tmp_path / "black.png")
    with pytest.raises(InputError, match="the same value"):
        read_image(tmp_path / "black.png")
    frames = [Image.fromarray(noise), Image.fromarray(255 - noise)]
    frames[0].save(tmp_path / "moving.png", save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match="has 2 frames"):
        read_image(tmp_path / "moving.png")


def drawn_chest(side=64):
    """A chest of five grey boxes: dark corners and lungs, a bright middle."""
    film = np.full((side, side), 0.5)
    film[: side // 6] = 0.05
    film[side // 5 : side * 2 // 3, side // 8 : side * 2 // 5] = film[
        side // 5 : side * 2 // 3, -side * 2 // 5 : -side // 8
    ] = 0.2
    film[side // 6 :, side * 2 // 5 : side * 3 // 5] = 0.9
    return film


@given(arrays.arrays(np.float64, (64, 64), elements=st.floats(0, 1)))
def test_polarity_changes_its_sign_with_the_film(film):
    assert polarity(1 - film) == pytest.approx(-polarity(film), abs=1e-9)


def test_a_header_that_is_wrong_about_polarity_is_suspected():
    stored = (drawn_chest() * 4000).astype(np.uint16)
    right, wrong = grey(made(stored)), grey(made(stored, PhotometricInterpretation="MONOCHROME1"))
    assert not polarity_suspect(right.pixels) and polarity_suspect(wrong.pixels)


def test_real_films_are_not_suspected_and_inverted_ones_are():
    images = settings().covid / "images"
    if not images.is_dir():
        pytest.skip(f"the development films are not there: {images}")
    found = [read_image(file).pixels for file in sorted(images.iterdir())[::4]]
    assert not any(polarity_suspect(film) for film in found)
    assert all(polarity_suspect(1 - film) for film in found)


def test_the_chapter_and_the_package_agree():
    chapter = Path(__file__).parents[2] / "book" / "01_reading_a_radiograph.ipynb"
    cells = {
        cell["id"]: "".join(cell["source"])
        for cell in json.loads(chapter.read_text("utf-8"))["cells"]
    }
    names = {"np": np, "stored": PIXELS}
    for cell in ("c01-window-loop", "c01-window"):
        exec(cells[cell], names)  # noqa: S102 - the chapter's own cells
    rng = np.random.default_rng(0)
    for _ in range(20):
        values, centre, width = (
            rng.integers(0, 4096, (6, 7), np.uint16),
            int(rng.integers(500, 3500)),
            int(rng.integers(2, 5000)),
        )
        ours = grey(
            made(
                values,
                PhotometricInterpretation="MONOCHROME1",
                WindowCenter=centre,
                WindowWidth=width,
            )
        )
        assert ours.notes == ()
        for theirs in ("window_loop", "window"):
            np.testing.assert_allclose(
                ours.pixels, 1 - names[theirs](values, centre, width), atol=1e-6
            )
