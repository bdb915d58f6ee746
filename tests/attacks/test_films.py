"""Films that are no film, lie about themselves, or are made to cost time and memory."""

import json
import os
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import DeflatedExplicitVRLittleEndian

from public_films import lungs
from tests.attacks.attack import Attack, hold
from tests.read.films import made
from txtray_utils.errors import InputError, Rejects
from txtray_utils.read.dicom import view_position
from txtray_utils.read.radiograph import read_image
from txtray_utils.studies.sources.mimic import films_in

SIDE = 96
DOWN, ACROSS = np.mgrid[:SIDE, :SIDE].astype(np.uint16)
RAMP = (DOWN * 20 + ACROSS * 20).astype(np.uint16)  # 0 to 3,800, darker at the upper left
BYTE = (RAMP // 16).astype(np.uint8)
CR = {"Modality": "CR"}


def dicom(folder, values=RAMP, bits=None, name="film.dcm", **header):
    """Write a DICOM film, and return its path."""
    dataset = made(values, bits, **(CR | header))
    path = folder / name
    dataset.save_as(path, enforce_file_format=True)
    return path


def notes_of(**header):
    """An act: a film with this header is read, and its notes come back."""

    def act(folder):
        return read_image(dicom(folder, **header)).notes

    return act


def read_of(**header):
    """An act: a film with this header is read."""
    return notes_of(**header)


def same_as_plain(change=None, **header):
    """An act: a film with this header shows what the plain one does, changed by `change`."""

    def act(folder):
        plain = read_image(dicom(folder, name="plain.dcm")).pixels
        found = read_image(dicom(folder, **header)).pixels
        wanted = change(plain) if change else plain
        return np.array_equal(found, wanted)

    return act


def table(keyword, entries, first=0, depth=16):
    """The header of a film with one look-up table."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, depth])
    item.add_new("LUTData", "US", list(entries))
    return {keyword: [item]}


def signed_with_padding(folder, value=63536, vr="US"):
    """A signed film in a frame of -2000, which its header writes as another type would."""
    inner = RAMP.astype(np.int16) - 1000
    framed = np.pad(inner, 8, constant_values=-2000)
    dataset = made(framed, 16, **CR)
    dataset.add_new("PixelPaddingValue", vr, value)
    path = folder / "film.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return read_image(path)


def frame_is_black(folder):
    pixels = signed_with_padding(folder).pixels
    return bool((pixels[:8] == 0).all() and pixels[-9, -9] == 1)


def picture(folder, values=BYTE, name="film.png", **options):
    """Write a PNG or JPEG, and return its path."""
    path = folder / name
    image = values if isinstance(values, Image.Image) else Image.fromarray(values)
    image.save(path, **options)
    return path


def exif(orientation):
    found = Image.Exif()
    found[0x0112] = orientation
    return found


def exif_mirrored(folder):
    plain = read_image(picture(folder, name="plain.png")).pixels
    found = read_image(picture(folder, exif=exif(2))).pixels
    return np.array_equal(found, plain[:, ::-1])


def png_chunk(kind, content):
    body = kind + content
    return len(content).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def png(folder, side, depth, colour, rows):
    """Write a PNG by hand: what Pillow does not write."""
    size = side.to_bytes(4, "big") * 2
    start = png_chunk(b"IHDR", size + bytes([depth, colour, 0, 0, 0]))
    end = png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
    path = folder / "film.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + start + end)
    return path


def deep_colour(folder):
    rows = b""
    for row in RAMP.astype(">u2"):
        rows += b"\0" + np.repeat(row, 3).tobytes()
    return read_image(png(folder, SIDE, 16, 2, zlib.compress(rows))).notes


def bounded(path, seconds=20, megabytes=1500):
    """Read a film in a child with a bound on memory and time; raise what it raised."""
    code = (
        "import json, resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({megabytes} * 2**20,) * 2)\n"
        "from txtray_utils.errors import InputError\n"
        "from txtray_utils.read.radiograph import read_image\n"
        "try:\n    read_image(sys.argv[1])\n"
        "except InputError as error:\n"
        "    print(json.dumps([error.path, error.fault, error.remedy]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, timeout=seconds, check=True
    )
    raise InputError(*json.loads(done.stdout))


def png_bomb(folder):
    packer = zlib.compressobj(1)
    parts = []
    for _ in range(13_000):
        parts.append(packer.compress(bytes(13_001)))
    parts.append(packer.flush())
    return bounded(png(folder, 13_000, 8, 0, b"".join(parts)))


def deflated(folder, side, blank=0):
    """Write a deflated DICOM film of zeros, with `blank` further bytes in a private element."""
    dataset = made(np.zeros((2, 2), np.uint16), **CR)
    dataset.Rows = dataset.Columns = side
    dataset.PixelData = bytes(2 * side * side)
    if blank:
        dataset.add_new(0x00091010, "OB", bytes(blank))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    path = folder / "film.dcm"
    dcmwrite(path, dataset, enforce_file_format=True)
    return path


def pipe(folder):
    path = folder / "film.dcm"
    os.mkfifo(path)
    return path


def foreign_name(folder):
    path = os.fsencode(folder) + b"/f\xe9.png"
    with open(path, "wb") as file:
        Image.fromarray(BYTE).save(file, "PNG")
    return os.fsdecode(path)


def foreign_reject(folder):
    """The reject of a film whose name is not UTF-8 can be saved, and the next one too."""
    rejects = Rejects()
    try:
        read_image(foreign_name(folder))
    except InputError as error:
        rejects.add_error(error, "one")
    rejects.add(foreign_name(folder), "two", "has no row", "Add one.")
    rejects.save(folder / "rejects.csv")
    return (folder / "rejects.csv").read_text("utf-8").splitlines()


def one_dicom_among_jpg(folder):
    """One film as DICOM and two as JPG: the JPG are used."""
    for name in ("mimic-cxr/files/a.dcm", "mimic-cxr-jpg/files/a.jpg", "mimic-cxr-jpg/files/b.jpg"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return films_in(folder) == ("mimic-cxr-jpg", ".jpg")


def foreign_film_of_lungs(folder):
    """A set of lungs with a film whose name is not UTF-8: that film is a reject."""
    films = folder / "JSRT" / lungs.FILMS
    films.mkdir(parents=True)
    foreign_name(films)
    rejects = Rejects()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TXTRAY_LUNGS", str(folder))
        found = list(lungs.rows(lungs.folder(), rejects))
    assert found == []
    return rejects.rows


def sparse(folder):
    path = folder / "film.dcm"
    path.touch()
    os.truncate(path, 10**12)
    return read_image(path)


def two_frames(folder):
    dataset = made(RAMP, **CR)
    dataset.PixelData = dataset.PixelData * 2
    path = folder / "film.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return read_image(path)


ATTACKS = (
    Attack("a Rescale Slope of 0", read_of(RescaleSlope=0, RescaleIntercept=5), "error", "Slope"),
    Attack(
        "a Rescale Slope of 1e308",
        read_of(RescaleSlope="1e308", RescaleIntercept=0),
        "error",
        "Slope is 1e\\+?308",
    ),
    Attack("a slope without intercept", notes_of(RescaleSlope=2), "note", "not both given"),
    Attack(
        "a VOI LUT of zeros",
        notes_of(**table("VOILUTSequence", [0] * 4096)),
        "note",
        "VOI LUT leaves one grey",
    ),
    Attack(
        "a VOI LUT of one value",
        same_as_plain(**table("VOILUTSequence", [9] * 4096)),
        "right",
    ),
    Attack(
        "a Modality LUT of one value",
        read_of(**table("ModalityLUTSequence", [9] * 4096)),
        "error",
        "Modality LUT leaves one value",
    ),
    Attack("padding of the other sign", lambda p: signed_with_padding(p).notes, "note", "sign"),
    Attack("padding of the other sign is black", frame_is_black, "right"),
    Attack("padding with two values", notes_of(PixelPaddingValue=[0, 1]), "note", "ignored"),
    Attack(
        "a padding range without a value", notes_of(PixelPaddingRangeLimit=4), "note", "ignored"
    ),
    Attack("High Bit 15 of 12", read_of(bits=12, HighBit=15), "error", "High Bit is 15"),
    Attack("pixels beyond Bits Stored", read_of(bits=10), "error", "beyond Bits Stored"),
    Attack(
        "pixels beyond Bits Stored, of 16 bits",
        read_of(values=RAMP * 16, bits=12),
        "error",
        "beyond Bits Stored",
    ),
    Attack(
        "unsigned pixels of 12 bits that are said to be signed",
        read_of(PixelRepresentation=1),
        "error",
        "sign",
    ),
    Attack("two frames, one of them not stated", two_frames, "error", "2 frames|longer|decoded"),
    Attack("pixels twice as high as wide", notes_of(PixelSpacing=[0.2, 0.1]), "note", "not square"),
    Attack(
        "pixels twice as high as wide are made square",
        lambda p: read_image(dicom(p, PixelSpacing=[0.2, 0.1])).pixels.shape == (192, 96),
        "right",
    ),
    Attack(
        "an aspect ratio of 1 to 2",
        lambda p: read_image(dicom(p, PixelAspectRatio=[1, 2])).pixels.shape == (96, 192),
        "right",
    ),
    Attack("a spacing of 0", notes_of(PixelSpacing=[0, 0.1]), "note", "ignored"),
    Attack("a spacing of 1 to 90", read_of(PixelSpacing=[0.1, 9]), "error", "times as high"),
    Attack("a mirrored film", notes_of(PatientOrientation=["R", "F"]), "note", "mirrored"),
    Attack(
        "a mirrored film is turned",
        same_as_plain(lambda plain: plain[:, ::-1], PatientOrientation=["R", "F"]),
        "right",
    ),
    Attack(
        "a film upside down is turned",
        same_as_plain(lambda plain: plain[::-1], PatientOrientation=["L", "H"]),
        "right",
    ),
    Attack(
        "a film on its side is turned",
        same_as_plain(lambda plain: plain.T[:, ::-1], PatientOrientation=["F", "R"]),
        "right",
    ),
    Attack("a film as it is hung", same_as_plain(PatientOrientation=["L", "F"]), "right"),
    Attack("a lateral film", same_as_plain(PatientOrientation=["A", "F"]), "right"),
    Attack(
        "an orientation of one letter", notes_of(PatientOrientation="R"), "note", "not understood"
    ),
    Attack("a CT slice", read_of(Modality="CT"), "error", "modality CT"),
    Attack("a segmentation", read_of(Modality="SEG"), "error", "modality SEG"),
    Attack("a dose", read_of(Modality="RTDOSE"), "error", "modality RTDOSE"),
    Attack(
        "a CT slice that says CR",
        read_of(SOPClassUID="1.2.840.10008.5.1.4.1.1.2"),
        "error",
        "SOP Class is CT",
    ),
    Attack("no modality", notes_of(Modality=""), "note", "Modality is missing"),
    Attack("a mammogram", notes_of(Modality="MG"), "note", "Modality MG"),
    Attack("a hand", notes_of(BodyPartExamined="HAND"), "note", "HAND"),
    Attack(
        "raw values of the detector",
        notes_of(PresentationIntentType="FOR PROCESSING"),
        "note",
        "for processing",
    ),
    Attack(
        "a strip of 1 x 4,096", read_of(values=RAMP.reshape(1, -1)[:, :4096]), "error", "64 x 64"
    ),
    Attack("a strip of 64 x 400", read_of(values=np.tile(RAMP[:64], 5)), "error", "strip"),
    Attack("a film of 20 x 20", lambda p: read_image(picture(p, BYTE[:20, :20])), "error", "64"),
    Attack("a PNG of 13,000 x 13,000", png_bomb, "error", "more pixels"),
    Attack(
        "a deflated DICOM of 12,000 x 12,000",
        lambda p: bounded(deflated(p, 12_000)),
        "error",
        "unfolds to more",
    ),
    Attack(
        "a deflated DICOM with a private element of 165 MB",
        lambda p: bounded(deflated(p, 96, 165_000_000)),
        "error",
        "unfolds to more",
    ),
    Attack(
        "a header of 60,000 x 60,000",
        read_of(Rows=60_000, Columns=60_000),
        "error",
        "40,000,000 pixels",
    ),
    Attack("a pipe", lambda p: read_image(pipe(p)), "error", "no regular file"),
    Attack("a pipe that is asked its view", lambda p: view_position(pipe(p)) == "", "right"),
    Attack("a folder", lambda p: read_image(p), "error", "no regular file"),
    Attack("a device", lambda p: read_image("/dev/zero"), "error", "no regular file"),
    Attack("a path with a zero byte", lambda p: read_image(f"{p}/a\0b"), "error", "null byte"),
    Attack("a name that is not UTF-8", lambda p: read_image(foreign_name(p)), "error", "UTF-8"),
    Attack("rejects with a name that is not UTF-8", foreign_reject, "reject", r"two,has no row"),
    Attack("EXIF orientation 2", lambda p: read_image(picture(p, exif=exif(2))).notes, "note", "2"),
    Attack("EXIF orientation 2 is applied", exif_mirrored, "right"),
    Attack(
        "EXIF orientation 77",
        lambda p: read_image(picture(p, exif=exif(77))).notes,
        "note",
        "77 is unknown",
    ),
    Attack("a PNG of 3 x 16 bits", deep_colour, "note", "16 bits was cut"),
    Attack(
        "a picture whose dots are not square",
        lambda p: read_image(picture(p, dpi=(100, 200))).notes,
        "note",
        "not square",
    ),
    Attack(
        "a picture in colour",
        lambda p: read_image(picture(p, np.dstack([BYTE, BYTE, BYTE // 2]))).notes,
        "note",
        "colours",
    ),
    Attack(
        "a film of almost one grey",
        lambda p: read_image(picture(p, np.where(BYTE == BYTE.max(), 255, 7).astype("u1"))).notes,
        "error",
        "of its pixels have the same",
    ),
    Attack(
        "padding that covers the film",
        read_of(PixelPaddingValue=0, PixelPaddingRangeLimit=3700),
        "error",
        "of its pixels have the same",
    ),
    Attack(
        "two windows with one width",
        read_of(WindowCenter=[1, 2000], WindowWidth=100),
        "error",
        "of its pixels have the same",
    ),
    Attack(
        "a window of two values",
        notes_of(WindowCenter=2000, WindowWidth=2),
        "note",
        "black and white",
    ),
    Attack(
        "an orientation without its first letter",
        notes_of(PatientOrientation=["", "F"]),
        "note",
        "not understood",
    ),
    Attack("bytes in the wrong order", read_of(values=RAMP.byteswap()), "error", "beyond Bits"),
    Attack(
        "a slope that is no number", read_of(RescaleSlope="nan", RescaleIntercept=0), "error", "nan"
    ),
    Attack("an infinite window", notes_of(WindowCenter=9, WindowWidth="inf"), "note", "one grey"),
    Attack("one DICOM among JPG", one_dicom_among_jpg, "right"),
    Attack("a film of a set whose name is not UTF-8", foreign_film_of_lungs, "reject", "not UTF-8"),
    Attack("a file of a terabyte", sparse, "error", "1,000,000,000,000 bytes"),
    Attack(
        "a link to itself",
        lambda p: (p / "a").symlink_to(p / "a") or read_image(p / "a"),
        "error",
        "cannot be opened",
    ),
    Attack(
        "a window that is too narrow for any pixel",
        notes_of(WindowCenter=90_000, WindowWidth=2),
        "note",
        "window leaves one grey",
    ),
    Attack("a centre without a width", notes_of(WindowCenter=900), "note", "not both given"),
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.name)
def test_a_film(attack, tmp_path):
    hold(attack, tmp_path)
