"""DICOM: windows, tables, inversion by the standard; every file that pydicom tests itself with."""

import math
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.read.films import PIXELS, made
from txtray_utils.errors import InputError
from txtray_utils.read.dicom import grey, open_dicom
from txtray_utils.read.greyscale import Grey
from txtray_utils.read.radiograph import read_image

FILES = Path(pydicom.data.__file__).parent


def table(keyword, entries, first, depth):
    """A data set of one look-up table, as `keyword` of a header."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, depth])
    item.add_new("LUTData", "US", list(entries))
    return {keyword: [item]}


def shown(value, centre, width, function="LINEAR"):
    """One value through a window, from PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2, in [0,
    1]."""
    if function == "SIGMOID":
        return 1 / (1 + math.exp(min(-4 * (value - centre) / width, 700)))
    if function == "LINEAR":
        centre, width = centre - 0.5, width - 1
    if value <= centre - width / 2:
        return 0.0
    if value > centre + width / 2:
        return 1.0
    return (value - centre) / width + 0.5


@given(
    arrays.arrays(np.uint16, (4, 5), elements=st.integers(0, 4095)),
    st.integers(0, 4095),
    st.integers(2, 5000),
    st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
    st.booleans(),
)
def test_a_window_is_that_of_the_standard(values, centre, width, function, white_is_low):
    expected = np.array([[shown(float(v), centre, width, function) for v in row] for row in values])
    assume(np.ptp(expected) > 1e-3)
    photometric = "MONOCHROME1" if white_is_low else "MONOCHROME2"
    header = {"WindowCenter": centre, "WindowWidth": width, "VOILUTFunction": function}
    found = grey(made(values, PhotometricInterpretation=photometric, **header))
    np.testing.assert_allclose(found.pixels, 1 - expected if white_is_low else expected, atol=2e-6)
    assert found.steps == (f"window {function}", "inverted")[: 1 + white_is_low]


@given(arrays.arrays(np.uint16, (6, 6), elements=st.integers(0, 4095)), st.booleans())
def test_one_film_reads_the_same_whichever_way_round_it_is_stored(values, windowed):
    assume(np.ptp(values) > 0)
    window, mirror = {}, {}
    if windowed:
        window, mirror = (
            {"WindowCenter": c, "WindowWidth": 3000, "VOILUTFunction": "LINEAR_EXACT"}
            for c in (1800, 2295)
        )
    low = grey(made(values, **window))
    high = grey(made(4095 - values, PhotometricInterpretation="MONOCHROME1", **mirror))
    np.testing.assert_allclose(low.pixels, high.pixels, atol=1e-6)


@given(arrays.arrays(np.uint16, (5, 5), elements=st.integers(0, 4095)), st.integers(-1500, 1500))
def test_moving_values_and_window_together_changes_nothing(values, shift):
    assume(values.min() < values.max() and (values.astype(int) + shift).min() >= 0)
    here = grey(made(values, bits=16, WindowCenter=2000, WindowWidth=1000)).pixels
    assume(np.ptp(here) > 0 and (values > 1500).any() and (values < 2500).any())
    there = (values.astype(int) + shift).astype(np.uint16)
    assume(grey(made(values, bits=16, WindowCenter=2000, WindowWidth=1000)).notes == ())
    np.testing.assert_allclose(
        grey(made(there, bits=16, WindowCenter=2000 + shift, WindowWidth=1000)).pixels,
        here,
        atol=1e-6,
    )


@given(
    arrays.arrays(np.uint16, (5, 5), elements=st.integers(0, 4095)),
    st.sampled_from(
        [
            {},
            {"WindowCenter": 2000, "WindowWidth": 1500},
            {"RescaleSlope": 0.5, "RescaleIntercept": -1000},
        ]
    ),
    st.booleans(),
)
def test_the_order_of_grey_values_is_kept(values, header, white_is_low):
    assume(np.ptp(values) > 0)
    photometric = "MONOCHROME1" if white_is_low else "MONOCHROME2"
    found = grey(made(values, PhotometricInterpretation=photometric, **header)).pixels
    assert found.dtype == np.float32 and found.min() >= 0 and found.max() <= 1
    steps = np.diff(found.ravel()[np.argsort(values.ravel(), kind="stable")])
    assert (steps <= 0).all() if white_is_low else (steps >= 0).all()


def test_a_window_worked_by_hand():
    # Centre 2000 and width 1001 show 1499.5 as black and 2499.5 as white, 1000 steps between them.
    found = grey(made(WindowCenter=2000, WindowWidth=1001))
    np.testing.assert_allclose(found.pixels, [[0, 0, 0], [0.0005, 0.5005, 1], [1, 1, 1]], atol=1e-6)
    assert (found.bits, found.photometric, found.notes) == (12, "MONOCHROME2", ())


def test_of_several_windows_the_first_is_used():
    several = grey(made(WindowCenter=[2000, 1000, 30], WindowWidth=[1001, 9, 7]))
    assert np.array_equal(several.pixels, grey(made(WindowCenter=2000, WindowWidth=1001)).pixels)


def test_the_rescale_comes_before_the_window():
    found = grey(made(RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3000, WindowWidth=2001))
    np.testing.assert_allclose(found.pixels.ravel()[2:6], [0, 0.00025, 0.50025, 1], atol=1e-5)
    assert found.steps == ("rescale", "window LINEAR")


def test_values_below_zero_are_read_with_their_sign():
    values = np.array([[-1000, -10], [10, 1000]], np.int16)
    found = grey(made(values, WindowCenter=0, WindowWidth=2000, VOILUTFunction="LINEAR_EXACT"))
    np.testing.assert_allclose(found.pixels, [[0, 0.495], [0.505, 1]], atol=1e-6)


def test_bits_above_those_stored_do_not_count():
    overlay = PIXELS | np.uint16(0x3000)  # old scanners kept an overlay there
    assert np.array_equal(
        grey(made(overlay, WindowCenter=2000, WindowWidth=900)).pixels,
        grey(made(WindowCenter=2000, WindowWidth=900)).pixels,
    )


@pytest.mark.parametrize("depth", [8, 12, 16])
def test_a_voi_lut_is_looked_up_entry_by_entry(depth):
    entries = [min(v // 16, 255) for v in range(4096)]
    found = grey(made(WindowCenter=5, WindowWidth=3, **table("VOILUTSequence", entries, 0, depth)))
    np.testing.assert_allclose(
        found.pixels, PIXELS // 16 / 255, atol=1e-6
    )  # also where the depth is misstated
    assert found.steps == ("VOI LUT",), "the table goes before the window"


def test_values_outside_a_voi_lut_take_its_ends():
    found = grey(
        made(
            PhotometricInterpretation="MONOCHROME1",
            **table("VOILUTSequence", [10, 50, 100], 1500, 16),
        )
    )
    assert found.pixels[1, 0] == found.pixels[0, 0] == pytest.approx(0.9)
    assert found.pixels[1, 1] == found.pixels[2, 2] == 0


@pytest.mark.parametrize("keyword", ["VOILUTSequence", "ModalityLUTSequence"])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_table_reads_the_same_from_a_file(tmp_path, keyword, syntax):
    dataset = made(**table(keyword, [v // 32 for v in range(4096)], 0, 16))
    expected = grey(dataset).pixels
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset[keyword].value[0]["LUTData"].VR = "OW"  # as a reader finds it in most files
    dataset[keyword].value[0].LUTData = np.array([v // 32 for v in range(4096)], "<u2").tobytes()
    dataset.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    found = grey(open_dicom(tmp_path / "x.dcm"))
    np.testing.assert_allclose(found.pixels, expected, atol=1e-6)


@pytest.mark.parametrize("depth", [8, 12, 16])
def test_a_modality_lut_comes_before_the_window(depth):
    entries = [v // 32 for v in range(4096)]
    header = table("ModalityLUTSequence", entries, 0, depth)
    found = grey(made(WindowCenter=64, WindowWidth=64, VOILUTFunction="LINEAR_EXACT", **header))
    np.testing.assert_allclose(
        found.pixels, np.clip((PIXELS // 32 - 64.0) / 64 + 0.5, 0, 1), atol=1e-6
    )
    assert found.steps == ("modality LUT", "window LINEAR_EXACT")


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted", "noted"),
    [
        ("MONOCHROME2", None, False, False),
        ("MONOCHROME1", None, True, False),
        ("MONOCHROME1", "INVERSE", True, False),  # said twice, done once
        ("MONOCHROME2", "IDENTITY", False, False),
        ("MONOCHROME2", "INVERSE", True, True),
        ("MONOCHROME1", "IDENTITY", False, True),
        ("MONOCHROME1", "SIDEWAYS", True, True),
    ],
)
def test_inversion_is_done_once(photometric, shape, inverted, noted):
    header = {"PresentationLUTShape": shape} if shape else {}
    found = grey(made(PhotometricInterpretation=photometric, **header))
    assert (found.pixels[0, 0] == 1) == inverted and (found.pixels[2, 2] == 0) == inverted
    assert bool(found.notes) == noted


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_does_not_count(photometric):
    values = np.arange(2000, 2100, dtype=np.uint16).reshape(10, 10)
    padded = values.copy()
    padded[:2], padded[2:3] = 0, 15
    found = grey(
        made(
            padded,
            PhotometricInterpretation=photometric,
            PixelPaddingValue=0,
            PixelPaddingRangeLimit=20,
        )
    )
    alone = grey(made(values[3:], PhotometricInterpretation=photometric))
    assert (found.pixels[:3] == 0).all() and "padding made black" in found.steps
    np.testing.assert_allclose(found.pixels[3:], alone.pixels, atol=1e-6)


def test_a_hot_pixel_does_not_make_the_film_dark():
    values = np.tile(np.arange(100, 200, dtype=np.uint16), (100, 1))
    values[0, 0] = 4095
    assert grey(made(values)).pixels.mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("window", [(2000, 0), (2000, -5), (-90000, 10)])
def test_a_window_of_no_use_is_noted_and_percentiles_stand_in(window):
    found = grey(made(WindowCenter=window[0], WindowWidth=window[1]))
    assert np.array_equal(found.pixels, grey(made()).pixels) and found.steps == ("percentiles",)
    assert "percentiles were used instead" in found.notes[0]


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ({"PixelData": None}, "has no pixel data"),
        ({"PhotometricInterpretation": None}, "Photometric Interpretation is missing"),
        ({"PhotometricInterpretation": ""}, "Photometric Interpretation is missing"),
        ({"PhotometricInterpretation": "MONOCHROME3"}, "Photometric Interpretation is MONOCHROME3"),
        ({"PhotometricInterpretation": "RGB"}, "Photometric Interpretation is RGB"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "is a colour image"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "is a colour image"),
        ({"NumberOfFrames": 2}, "has 2 frames"),
        ({"PixelData": b"\0\0"}, "pixels cannot be decoded"),
        ({"Rows": None}, "pixels cannot be decoded"),
        ({"BitsStored": 40}, "pixels cannot be decoded"),
        ({"PixelData": b"\0" * 18}, "all pixels have the same value"),
        (
            {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 4095},
            "all pixels have the same value",
        ),
        (
            table("VOILUTSequence", [1, 2], 0, 9) | {"VOILUTSequence": [Dataset()]},
            "header cannot be followed",
        ),
    ],
)
def test_what_cannot_be_shown_is_an_error_with_a_remedy(header, fault):
    with pytest.raises(InputError, match=fault) as caught:
        grey(made(**header), "film.dcm")
    assert caught.value.path == "film.dcm" and caught.value.remedy


def test_an_unsupported_transfer_syntax_is_named():
    dataset = made()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"  # MPEG2 video
    with pytest.raises(InputError, match="MPEG2 .*install a decoder"):
        grey(dataset)


def of_pydicom():
    files = [
        file
        for file in FILES.rglob("*")
        if file.is_file() and not {"cache", "__pycache__"} & set(file.parts)
    ]
    return sorted(file for file in files if file.suffix != ".py")


def test_every_file_that_pydicom_tests_itself_with_is_read_or_refused():
    # Further files of its collection must be downloaded: skipped, since tests reach no network.
    read, refused = {}, {}
    for file in of_pydicom():
        try:
            image = grey(open_dicom(file), file)
        except InputError as error:
            refused[file.name] = error.fault
        else:
            read[file.name] = image
            assert image.pixels.dtype == np.float32 and image.pixels.ndim == 2, file
            assert image.pixels.min() >= 0 and image.pixels.max() <= 1 and image.pixels.std() > 0, (
                file
            )
    assert len(read) > 50 and len(refused) > 100
    same = [
        read[f"MR_small{kind}.dcm"].pixels
        for kind in ("", "_RLE", "_implicit", "_bigendian", "_jp2klossless")
    ]
    assert all(np.array_equal(same[0], other) for other in same[1:]), (
        "one image, five transfer syntaxes"
    )
    assert "less than expected" in refused["MR_truncated.dcm"]
    assert refused["rtplan.dcm"].startswith("has no pixel data")
    assert refused["examples_palette.dcm"].startswith("is a colour image")
    assert refused["rtdose.dcm"] == "has 15 frames"


@given(
    st.sampled_from(
        ["MR_small.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "image_dfl.dcm"]
    ),
    st.floats(0, 1),
)
def test_a_file_cut_short_is_refused_or_reads_as_the_whole(tmp_path_factory, name, share):
    whole = next(FILES.rglob(name))
    cut = tmp_path_factory.mktemp("cut") / name
    cut.write_bytes(whole.read_bytes()[: int(share * whole.stat().st_size)])
    try:
        found = grey(open_dicom(cut), cut)
    except InputError as error:
        assert error.path == str(cut)
    else:
        assert np.array_equal(found.pixels, grey(open_dicom(whole)).pixels)


@given(st.lists(st.tuples(st.integers(0, 2200), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_header_never_escapes_as_another_error(tmp_path_factory, flips):
    content = bytearray((FILES / "test_files/MR_small.dcm").read_bytes())
    for place, byte in flips:
        content[place] = byte
    file = tmp_path_factory.mktemp("damaged") / "x.dcm"
    file.write_bytes(content)
    try:
        found = grey(open_dicom(file), file)
    except InputError:
        return
    assert np.isfinite(found.pixels).all() and found.pixels.min() >= 0 and found.pixels.max() <= 1


def test_elements_that_are_there_but_empty_count_as_absent(tmp_path):
    dataset = made(VOILUTSequence=[], PresentationLUTShape="")
    empty = ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "PixelPaddingValue")
    for keyword in (*empty, "PixelPaddingRangeLimit", "ViewPosition"):
        setattr(dataset, keyword, None)
    dataset.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    assert grey(open_dicom(tmp_path / "x.dcm")).steps == ("percentiles",)


def test_a_dicom_file_and_its_data_set_read_alike(tmp_path):
    dataset = made(
        np.kron(PIXELS, np.ones((30, 30), np.uint16)),
        PhotometricInterpretation="MONOCHROME1",
        ViewPosition="AP",
        WindowCenter=2000,
        WindowWidth=900,
    )
    dataset.save_as(tmp_path / "x.png", enforce_file_format=True)  # the name does not matter
    found, expected = read_image(tmp_path / "x.png"), grey(dataset)
    assert isinstance(found, Grey) and np.array_equal(found.pixels, expected.pixels)
    assert (found.view, found.steps) == ("AP", ("window LINEAR", "inverted"))
