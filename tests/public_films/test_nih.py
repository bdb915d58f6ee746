"""On a made-up folder laid out as published, with faults planted; and on the development films,
where they are."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from public_films import nih
from public_films.nih_boxes import GRID, WORDS, Box
from tests.development import development, lay_out_nih
from txtray_utils.errors import InputError, Rejects
from txtray_utils.studies.pixels import unpack_mask
from txtray_utils.studies.sources.registry import load_rejects, load_studies
from txtray_utils.studies.splits import SPLITS
from txtray_utils.vocabulary import FINDINGS, LABELS

FILM = np.full((64, 64), 128, np.uint8)
FILM[:40, :24] = FILM[:40, -24:] = 20  # dark lungs and corners, a bright middle
FILM[:, 28:36] = 240
HEADER = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender"
HEADER += ",View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
ENTRY = "{image},{words},{number},{patient},{age},{sex},{view},2500,2048,0.168,0.168"
BOX = "{image},{word},{x},{y},{w},{h},,,"


def entry(image, **values):
    usual = {"words": "Effusion", "number": 0, "patient": image[:4], "age": 58, "sex": "F"}
    return ENTRY.format(image=image, **(usual | {"view": "PA"} | values))


def box(image, word="Effusion", x=128, y=640, w=256, h=128):
    return BOX.format(image=image, word=word, x=x, y=y, w=w, h=h)


@pytest.fixture
def place(tmp_path, monkeypatch):
    place = tmp_path / "nih"
    (place / "images").mkdir(parents=True)
    monkeypatch.setenv("TXTRAY_NIH", str(place))
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path / "data"))
    return place


def write(place, entries, boxes):
    """Write the two lists, and a film a row of the first that has none yet."""
    (place / nih.ENTRIES).write_text("\n".join([HEADER, *entries]) + "\n")
    header = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
    (place / nih.INDEX).write_text("\n".join([header, *boxes]) + "\n")
    for one in entries:
        file = place / "images" / one.split(",")[0]
        if not file.exists():
            Image.fromarray(FILM).save(file)


def read(place):
    rejects = Rejects()
    rows = list(nih.rows(place, rejects))
    return {one["study_id"]: one for one in rows}, rejects.frame()


def faults_of(rejects):
    return [f"{one.row}: {one.fault}" for one in rejects.itertuples()]


def test_a_film_with_boxes_becomes_a_study(place):
    write(
        place,
        [
            entry("0001_000.png", number=0),
            entry("0001_003.png", number=3, words="Mass|Hernia|Pleural_Thickening", view="AP"),
            entry("0001_010.png", number=10, words="No Finding"),
            entry("0002_000.png", sex="M", age=7),
        ],
        [
            box("0001_003.png", "Mass", x=600, y=100.5, w=64, h=32),
            box("0001_003.png", "Cardiomegaly", x=300, y=500, w=500, h=300),
            box("0001_003.png", "Pneumonia", x=400, y=500, w=200, h=300),
            box("0001_010.png", "Infiltrate"),
            box("0002_000.png"),
        ],
    )
    found, rejects = read(place)
    assert len(rejects) == 0
    assert sorted(found) == ["0001_003", "0001_010", "0002_000"]  # no box, no study
    mass = found["0001_003"]
    assert (mass["view"], mass["age"], mass["sex"], mass["sex_source"]) == ("AP", 58, "F", "record")
    assert {name for name, state in mass["labels"].items() if state == 1} == {
        "Lung Lesion",
        "Pleural Other",
    }
    places = [(one["finding"], one["side"], one["said"]) for one in mass["evidence"]]
    assert places == [
        ("nodule", "left", "finding:box side:box"),
        ("cardiomegaly", "", "finding:box"),
        ("Pneumonia", None, "finding:box"),
    ]
    filled = np.argwhere(unpack_mask(mass["evidence"][0]["mask"]))
    assert (filled.min(0).tolist(), filled.max(0).tolist()) == ([6, 37], [8, 41])
    assert found["0001_010"]["evidence"][0]["finding"] == "opacity"
    assert found["0001_010"]["labels"]["No Finding"] == 1
    assert found["0002_000"]["evidence"][0]["side"] == "right"
    priors = [found[name]["prior_study_id"] for name in ("0001_003", "0001_010")]
    assert priors == ["0001_000", "0001_003"]
    assert not {"findings", "impression", "sentences", "drawn"} & set(mass)
    assert mass["licence"].startswith("CC0") and "NIH Clinical Center" in mass["licence"]


def test_each_planted_fault_is_a_reject_and_the_rest_goes_on(place):
    names = "good gone cut rgba deep wide inverted side twice value"
    films = [f"{name}.png" for name in names.split()]
    entries = [entry(film, patient=film) for film in films]
    entries[films.index("side.png")] = entry("side.png", view="LL")
    odd = entry("value.png", age=412, sex="X", words="Effusion|Gout", number="first")
    entries[films.index("value.png")] = odd
    entries += [entry("twice.png", patient="other"), entry("nobody.png", patient="")]
    boxes = [box(film) for film in films] + [
        box("good.png"),
        box("good.png", "Effusions"),
        box("good.png", "Fibrosis"),
        box("good.png", "Mass", w=-3),
        box("good.png", "Cardiomegaly", h="nan"),
        box("good.png", "Nodule", x="", y=2),
        box("good.png", "Pneumonia", y="inf"),
        box("good.png", "Atelectasis", x=1024),
        box("good.png", "Pneumothorax", x=-20, y=900, w=120, h=300),
        box("unknown.png"),
    ]
    write(place, entries, boxes)
    images = place / "images"
    (images / "gone.png").unlink()
    (images / "cut.png").write_bytes((images / "good.png").read_bytes()[:60])
    opaque = np.full_like(FILM, 255)
    Image.fromarray(np.dstack([FILM, FILM, FILM, opaque])).save(images / "rgba.png")
    Image.fromarray(FILM.astype(np.uint16) * 16).save(images / "deep.png")
    Image.fromarray(FILM.repeat(2, axis=1)).save(images / "wide.png")
    Image.fromarray(255 - FILM).save(images / "inverted.png")
    found, rejects = read(place)
    assert sorted(found) == ["deep", "good", "rgba", "twice", "value"]
    assert found["rgba"]["image"] == found["good"]["image"]
    assert found["twice"]["subject_id"] == "twice.png"
    odd = found["value"]
    assert (odd["age"], odd["sex"], odd["sex_source"]) == (None, None, None)
    kept = [one["finding"] for one in found["good"]["evidence"]]
    assert kept == ["effusion", "pneumothorax"]
    cut = unpack_mask(found["good"]["evidence"][1]["mask"])
    assert np.argwhere(cut).min(0).tolist() == [56, 0]
    assert np.argwhere(cut).max(0).tolist() == [63, 6]
    expected = {
        "nobody.png: has no image or no patient",
        "twice.png: the image is listed twice",
        "good.png Effusion: the box is listed twice",
        "good.png Effusions: 'Effusions' is not a finding",
        "good.png Fibrosis: 'Fibrosis' is not a finding",
        "good.png Mass: the box is -3 wide",
        "good.png Cardiomegaly: a number of the box is missing",
        "good.png Nodule: a number of the box is missing",
        "good.png Pneumonia: a number of the box is not finite",
        "good.png Atelectasis: the box lies outside the film",
        "good.png Pneumothorax: the box reaches outside the film",
        "unknown.png Effusion: is a box of a film that the list of films lacks",
        "side: no frontal view",
        "gone: cannot be opened",
        "cut: cannot be decoded",
        "wide: is 128 x 64, and boxes",
        "inverted: looks inverted",
        "value: age is '412'",
        "value: sex is 'X'",
        "value: the label 'Gout' is not known",
    }
    faults = faults_of(rejects)
    missing = [one for one in expected if not any(fault.startswith(one) for fault in faults)]
    assert missing == [], faults
    assert len(faults) == len(expected) and all(rejects["remedy"])


def test_a_film_whose_only_box_is_bad_is_kept_without_evidence(place):
    write(place, [entry("a.png")], [box("a.png", w=0)])
    found, rejects = read(place)
    assert found["a"]["evidence"] is None and len(rejects) == 1


def test_films_are_shrunk_and_their_boxes_with_them(place):
    write(place, [entry("a.png")], [box("a.png", x=512, y=0, w=512, h=256)])
    Image.fromarray(FILM).resize((1024, 1024)).save(place / "images" / "a.png")
    found, _ = read(place)
    mask = unpack_mask(found["a"]["evidence"][0]["mask"])
    assert mask.shape == (512, 512)
    assert mask[:128, 256:].all() and mask.sum() == 128 * 256


@given(
    corner=st.tuples(st.floats(0, GRID - 1), st.floats(0, GRID - 1)),
    size=st.tuples(st.floats(0.01, GRID), st.floats(0.01, GRID)),
    pixels=st.integers(8, 512),
)
def test_a_mask_holds_its_box_and_no_pixel_that_the_box_does_not_touch(corner, size, pixels):
    right, bottom = (min(a + b, GRID) for a, b in zip(corner, size, strict=True))
    mask = Box("nodule", *corner, right, bottom).mask((pixels, pixels))
    rows, columns = np.nonzero(mask)
    scale = GRID / pixels
    for low, high, found in ((corner[1], bottom, rows), (corner[0], right, columns)):
        assert found.min() * scale <= low + 1e-9 and high - 1e-9 <= (found.max() + 1) * scale
        assert low < (found.min() + 1) * scale + 1e-9 and found.max() * scale < high + 1e-9
    assert mask.sum() == len(set(rows)) * len(set(columns))


def test_patients_share_a_split_and_no_download_changes_it(place):
    films = [f"{patient:04}_{film:03}.png" for patient in range(40) for film in range(2)]
    write(place, [entry(film) for film in films], [box(film) for film in films])
    found, _ = read(place)
    split = {name: one["split"] for name, one in found.items()}
    assert all(split[f"{patient:04}_000"] == split[f"{patient:04}_001"] for patient in range(40))
    assert set(split.values()) == set(SPLITS)
    for film in films[::3]:
        (place / "images" / film).unlink()
    fewer, rejects = read(place)
    assert len(rejects) == len(films[::3])
    assert all(one["split"] == split[name] for name, one in fewer.items())


def test_every_word_is_of_the_vocabulary():
    for finding, label in WORDS.values():
        assert finding in (*FINDINGS, *LABELS, None) and label in (*LABELS, None)


def test_a_missing_folder_list_or_column_says_what_to_do(place, monkeypatch, tmp_path):
    write(place, [entry("a.png")], [box("a.png")])
    assert nih.folder() == place
    table = pd.read_csv(place / nih.ENTRIES)
    table.drop(columns="View Position").to_csv(place / nih.ENTRIES, index=False)
    with pytest.raises(InputError, match=r"lacks the columns \['View Position'\]"):
        read(place)
    (place / nih.INDEX).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as csv"):
        read(place)
    (place / nih.ENTRIES).unlink()
    with pytest.raises(InputError, match="holds no Data_Entry.*data/README.md.*TXTRAY_NIH"):
        nih.folder()
    monkeypatch.setenv("TXTRAY_NIH", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="holds no BBox_List"):
        nih.folder()


def test_a_list_without_trailing_commas_in_its_header_is_read_alike(place):
    write(place, [entry("a.png")], [box("a.png")])
    before, _ = read(place)
    lists = place / nih.INDEX
    lists.write_text(lists.read_text().replace("h],,,", "h]"))
    with pytest.warns(pd.errors.ParserWarning):
        after, rejects = read(place)
    assert after == before and len(rejects) == 0


def test_the_table_keeps_the_contract(place):
    write(place, [entry("a.png"), entry("b.png", view="L")], [box("a.png"), box("b.png")])
    table = load_studies("nih")
    assert table["study_id"][:] == ["a"] and table["evidence"][0][0]["zone"] is None
    assert all(value is None for value in table["drawn"][0].values())
    assert load_rejects("nih")["row"].tolist() == ["b"]


def test_the_development_films(tmp_path, monkeypatch):
    packed = development("nih-boxes")
    monkeypatch.setenv("TXTRAY_NIH", str(lay_out_nih(packed, tmp_path / "nih")))
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path / "data"))
    table = load_studies("nih")
    assert len(table) == 587 and sum(map(len, table["evidence"])) == 649
    faults = load_rejects("nih")["fault"].tolist()
    assert faults == ["age is '412', not a number of years from 0 to 120"]
    split = dict(zip(table["subject_id"], table["split"], strict=True))
    assert len(split) == 484 and set(split.values()) == set(SPLITS)
    said = {one["said"].split()[0] for boxes in table["evidence"] for one in boxes}
    assert said == {"finding:box"}
