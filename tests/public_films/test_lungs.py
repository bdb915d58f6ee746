"""On made-up sets laid out as published, with faults planted; and on the development films, where
they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from public_films import lungs
from tests.development import development, lay_out_lungs
from txtray_utils.errors import InputError, Rejects
from txtray_utils.studies.pixels import unpack_mask
from txtray_utils.studies.sources.registry import load_rejects, load_studies
from txtray_utils.studies.splits import SPLITS

FILM = np.full((64, 80), 200, np.uint8)
RIGHT, LEFT = np.zeros(FILM.shape, bool), np.zeros(FILM.shape, bool)
RIGHT[10:50, 10:30] = True  # the patient's right lung lies on the film's left
LEFT[10:45, 52:70] = True
BOTH = RIGHT | LEFT
FILM[BOTH] = 30
FILM[:5] = 10
TWO = ("ManualMask/leftMask", "ManualMask/rightMask")


@pytest.fixture
def place(tmp_path, monkeypatch):
    place = tmp_path / "sets"
    monkeypatch.setenv("TXTRAY_LUNGS", str(place))
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path / "data"))
    return place


def save(file, pixels):
    file.parent.mkdir(parents=True, exist_ok=True)
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * 255
    Image.fromarray(pixels).save(file)


def film(place, name, *masks, pixels=FILM, of="MontgomerySet"):
    """Write a film with no mask, one of both lungs, or that of leftMask and that of rightMask."""
    save(place / of / "CXR_png" / f"{name}.png", pixels)
    if len(masks) == 1:
        save(place / of / "mask" / f"{name}_mask.png", masks[0])
    if len(masks) == 2:
        for folder, mask in zip(TWO, masks, strict=True):
            save(place / of / folder / f"{name}.png", mask)


def read(place):
    rejects = Rejects()
    rows = list(lungs.rows(lungs.folder(), rejects))
    return {one["study_id"]: one for one in rows}, rejects.frame()


def regions(study):
    return {one["name"]: unpack_mask(one["mask"]) for one in study["regions"] or ()}


def test_the_right_lung_is_the_patients_whatever_the_folder_is_called(place):
    film(place, "MCUCXR_1_0", LEFT, RIGHT)
    film(place, "MCUCXR_2_1", RIGHT, LEFT)
    film(place, "CHNCXR_1_0", BOTH, of="ChinaSet_AllFiles")
    found, rejects = read(place)
    assert len(rejects) == 0 and len(found) == 3
    for study in found.values():
        masks = regions(study)
        assert list(masks) == ["right_lung", "left_lung"]
        assert np.array_equal(masks["right_lung"], RIGHT)
        assert np.array_equal(masks["left_lung"], LEFT)
    montgomery, shenzhen = found["MCUCXR_1_0"], found["CHNCXR_1_0"]
    assert "Montgomery" in montgomery["licence"] and "Shenzhen" in shenzhen["licence"]
    assert montgomery["subject_id"] == "MCUCXR_1_0" and montgomery["view"] == "PA"
    assert not {"labels", "findings", "impression", "sentences"} & set(montgomery)


def test_crumbs_go_with_their_lung_and_one_piece_is_the_field(place):
    crumbs = BOTH.copy()
    crumbs[55, 33] = crumbs[55, 60] = True
    film(place, "crumbs", crumbs)
    joined = BOTH.copy()
    joined[20, :] = True
    film(place, "joined", joined)
    film(place, "one", RIGHT)
    film(place, "bare")
    found, rejects = read(place)
    assert len(rejects) == 0
    masks = regions(found["crumbs"])
    assert masks["right_lung"][55, 33] and masks["left_lung"][55, 60]
    assert np.array_equal(masks["right_lung"] | masks["left_lung"], crumbs)
    assert list(regions(found["joined"])) == list(regions(found["one"])) == ["lung_field"]
    assert found["bare"]["regions"] is None


def test_each_planted_fault_is_a_reject_and_the_rest_goes_on(place):
    none, tiny = np.zeros_like(BOTH), np.zeros((640, 800), bool)
    tiny[1, 1] = True
    film(place, "good", LEFT, RIGHT)
    film(place, "half", LEFT, RIGHT)
    film(place, "empty", none, RIGHT)
    film(place, "tiny", tiny)
    film(place, "same", RIGHT, RIGHT)
    film(place, "narrow", BOTH[:, :66])
    film(place, "three", LEFT, RIGHT)
    film(place, "three", BOTH)
    film(place, "cut", LEFT, RIGHT)
    film(place, "black", pixels=FILM * 0)
    film(place, "inverted", BOTH, pixels=255 - FILM)
    film(place, "orphan", BOTH)
    film(place, "good", of="Other")
    here = place / "MontgomerySet"
    (here / TWO[0] / "half.png").unlink()
    (here / "CXR_png" / "orphan.png").unlink()
    cut = here / "CXR_png" / "cut.png"
    cut.write_bytes(cut.read_bytes()[:60])
    found, rejects = read(place)
    assert sorted(found) == ["empty", "good", "half", "narrow", "same", "three", "tiny"]
    assert [name for name, one in found.items() if one["regions"]] == []
    faults = [f"{one.row}: {one.fault}" for one in rejects.itertuples()]
    expected = {
        "orphan: the mask has no film",
        "half: there are 1 masks of it",
        "three: there are 3 masks of it",
        "empty: all pixels have the same value",
        "tiny: is empty at the image's size",
        "same: covers the same lung",
        "narrow: is (64, 66), of other proportions",
        "cut: cannot be decoded",
        "black: all pixels have the same value",
        "inverted: looks inverted",
    }
    assert len(faults) == len(expected) and all(rejects["remedy"])
    assert all(any(fault.startswith(one) for fault in faults) for one in expected), faults


def test_a_name_in_two_sets_is_one_study_and_a_reject(place):
    film(place, "a", BOTH)
    film(place, "a", of="Other")
    table = load_studies("lungs")
    assert table["study_id"][:] == ["a"] and table["licence"][0] != "not stated"
    assert load_rejects("lungs")["fault"].tolist() == ["the study comes twice"]


def test_any_depth_and_colour_reads_alike(place):
    rgba = np.dstack([FILM, FILM, FILM, np.full_like(FILM, 255)])
    film(place, "plain", LEFT, RIGHT)
    film(place, "rgba", LEFT, RIGHT, pixels=rgba)
    film(place, "deep", BOTH, pixels=FILM.astype(np.uint16) * 16)
    film(place, "bits", BOTH.astype(np.uint8))  # 0 and 1
    found, rejects = read(place)
    assert len(rejects) == 0 and found["rgba"]["image"] == found["plain"]["image"]
    for study in found.values():
        assert np.array_equal(regions(study)["right_lung"], RIGHT)


def test_a_mask_follows_its_film_to_the_size_of_the_table(place):
    large = np.kron(FILM, np.ones((20, 20), np.uint8))
    film(place, "a", LEFT, np.kron(RIGHT, np.ones((5, 5), bool)), pixels=large)
    found, rejects = read(place)
    masks = regions(found["a"])
    assert len(rejects) == 0 and masks["right_lung"].shape == (410, 512)
    for name, mask in (("right_lung", RIGHT), ("left_lung", LEFT)):
        assert masks[name].mean() == pytest.approx(mask.mean(), rel=0.05)


def test_black_bars_do_not_make_a_film_look_inverted(place):
    barred = FILM.copy()
    barred[50:] = 0
    barred[:8, 30:50] = 0
    barred[:, 78:] = 255
    film(place, "a", LEFT, RIGHT, pixels=barred)
    found, rejects = read(place)
    assert list(found) == ["a"] and len(rejects) == 0


@given(
    gap=st.integers(1, 20),
    heights=st.tuples(st.integers(5, 30), st.integers(5, 30)),
    crumb=st.booleans(),
)
def test_parting_loses_nothing_and_shares_nothing(gap, heights, crumb):
    mask = np.zeros((40, 60), bool)
    mask[: heights[0], :15] = True
    mask[: heights[1], 15 + gap : 30 + gap] = True
    mask[39, 59] = crumb
    first, second = lungs.parted(mask)
    assert np.array_equal(first | second, mask) and not (first & second).any()
    assert first[0, 0] and second[0, 15 + gap]


def test_the_list_of_films_is_written_once_and_again_when_it_is_no_longer_true(place):
    film(place, "a", LEFT, RIGHT)
    index = lungs.folder() / "films.txt"
    first = index.stat().st_mtime_ns
    assert index.read_text().splitlines()[0] == "MontgomerySet/CXR_png/a.png"
    lungs.folder()
    assert index.stat().st_mtime_ns == first
    assert len(load_studies("lungs")) == 1
    film(place, "b", BOTH, of="JSRT")
    assert load_studies("lungs")["study_id"][:] == ["b", "a"]


def test_a_folder_without_films_says_what_to_do(place):
    save(place / "JSRT" / "mask" / "a_mask.png", BOTH)
    with pytest.raises(InputError, match="holds no film.*data/download.sh lungs.*TXTRAY_LUNGS"):
        lungs.folder()
    assert not (place / "films.txt").exists()


def test_the_development_films(tmp_path, monkeypatch):
    packed = development("lungs")
    monkeypatch.setenv("TXTRAY_LUNGS", str(lay_out_lungs(packed, tmp_path / "sets")))
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path / "data"))
    table = load_studies("lungs")
    assert len(table) == 138 and len(load_rejects("lungs")) == 0
    assert set(table["split"]) == set(SPLITS)
    for parts in table["regions"]:
        right, left = (unpack_mask(part["mask"]) for part in parts)
        assert np.nonzero(right)[1].mean() < 160 < np.nonzero(left)[1].mean()
        assert min(right.mean(), left.mean()) > 0.02
