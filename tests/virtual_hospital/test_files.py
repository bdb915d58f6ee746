"""What is written can be read back as the film that was meant."""

import io

import numpy as np
import pydicom
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.virtual_hospital.conftest import case
from txtray_utils.read.radiograph import read_image
from virtual_hospital.files import dicom, jpg, report, stored_pixels, study_folder, write_study

TONE = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)


def test_folders_are_those_of_mimic():
    assert study_folder(case()) == "files/p10/p10000001/s50000001"


@settings(max_examples=40, deadline=None)
@given(
    bits=st.sampled_from([10, 12, 14, 15]),
    polarity=st.sampled_from(["MONOCHROME1", "MONOCHROME2"]),
    window=st.sampled_from([None, (0.5, 1.0), (0.4, 0.67), (0.5, 0.4)]),
    shape=st.sampled_from([None, "IDENTITY", "INVERSE"]),
)
def test_every_kind_of_header_reads_back_as_the_same_film(
    tmp_path_factory, bits, polarity, window, shape
):
    top = 2**bits - 1
    header = {
        "PhotometricInterpretation": polarity,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PresentationLUTShape": shape,
    }
    if window:
        header |= {"WindowCenter": window[0] * top, "WindowWidth": window[1] * top}
    path = tmp_path_factory.mktemp("dicom") / "film.dcm"
    path.write_bytes(dicom(case(**header), TONE))
    seen = np.asarray(read_image(path).pixels, np.float64)
    assert np.corrcoef(seen.ravel(), TONE.ravel())[0, 1] > 0.99


def test_monochrome1_is_stored_upside_down():
    header = {"PhotometricInterpretation": "MONOCHROME1", "BitsStored": 12}
    assert stored_pixels(TONE, header)[0, 0] > stored_pixels(TONE, header)[-1, -1]


def test_a_dicom_file_says_that_it_is_simulated_and_repeats():
    one, two = dicom(case(), TONE), dicom(case(), TONE)
    assert one == two
    data = pydicom.dcmread(io.BytesIO(one))
    assert "Simulated" in data.DerivationDescription
    assert (data.PatientID, data.StudyDate, data.StudyTime) == (
        "10000001",
        "21500504",
        "090503.000000",
    )


def test_the_jpg_is_equalised_and_eight_bit():
    image = Image.open(io.BytesIO(jpg(TONE**2)))
    counts = np.histogram(np.asarray(image), 8, (0, 256))[0]
    assert image.mode == "L" and counts.min() > 0.5 * counts.max()


def test_a_report_has_mimics_headings_and_leaves_empty_ones_out(tmp_path):
    sections = {
        "indication": "Made-up cough.",
        "comparison": "",
        "findings": "Invented words. " * 12,
        "impression": "None.",
    }
    text = report(case(), sections)
    assert (
        text.index("FINAL REPORT")
        < text.index("INDICATION:")
        < text.index("FINDINGS:")
        < text.index("IMPRESSION:")
    )
    assert "COMPARISON" not in text and max(map(len, text.splitlines())) <= 80
    write_study(tmp_path, case(), TONE, sections)
    assert sorted(p.suffix for p in tmp_path.rglob("*") if p.is_file()) == [".dcm", ".jpg", ".txt"]
