"""Attacks on tools/check_tree.py: trees that look whole and are not."""

import gzip
import hashlib
import os
import shutil
from pathlib import Path

import check_tree
import numpy as np
import pytest
from PIL import Image

from tests.attacks.attack import Attack, hold
from tests.studies.sources.test_mimic import make_tree

SPLIT = "mimic-cxr-jpg/mimic-cxr-2.0.0-split.csv.gz"
LABS = "mimic-iv/hosp/labevents.csv.gz"
SUMS = "mimic-iv/SHA256SUMS.txt"


@pytest.fixture(scope="module", autouse=True)
def _whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole") / "tree"
    make_tree(root, 4)
    WHOLE.append(root)
    yield
    WHOLE.clear()


WHOLE: list[Path] = []  # the sound tree, made once


def tree(folder: Path) -> Path:
    return Path(shutil.copytree(WHOLE[0], folder / "tree"))


def first(root: Path, pattern: str) -> Path:
    return min(root.rglob(pattern))


def said(root: Path, source: str = "mimic") -> list[str]:
    return list(check_tree.check(source, root).lines())


def spoilt(change, pattern: str):
    """Spoil the first file of a pattern; return what the check says."""

    def act(folder: Path) -> list[str]:
        root = tree(folder)
        change(first(root, pattern))
        return said(root)

    return act


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def halved(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def made_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def made_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def blank(path: Path) -> None:
    path.write_text(" \n\n")


def page(path: Path) -> None:
    path.write_text("<html>Please log in</html>")


def packed_page(path: Path) -> None:
    path.write_bytes(gzip.compress(b"<html>Please log in</html>\n"))


def header_only(path: Path) -> None:
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(lines[0]))


def cut_in_a_line(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-9]))


def another_column(path: Path) -> None:
    text = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(text.replace(b"charttime", b"chart", 1)))


def all_films_empty(folder: Path) -> list[str]:
    root = tree(folder)
    for path in root.rglob("*.dcm"):
        path.write_bytes(b"")
    return said(root)


def all_reports_empty(folder: Path) -> list[str]:
    root = tree(folder)
    for path in root.rglob("s5*.txt"):
        path.write_bytes(b"")
    return said(root)


def no_split(folder: Path) -> list[str]:
    root = tree(folder)
    (root / SPLIT).unlink()
    return said(root)


def escape_in_a_name(folder: Path) -> list[str]:
    root = tree(folder)
    film = first(root, "*.dcm")
    shutil.copy(film, film.with_name("a\x1b[2Jb\u202e.dcm"))
    lines = said(root)
    assert all(line.isprintable() for line in lines)
    return lines


def name_that_is_not_utf8(folder: Path) -> list[str]:
    root = tree(folder)
    film = first(root, "*.dcm")
    shutil.copy(film, os.fsencode(film.parent) + b"/f\xff.dcm")
    lines = said(root)
    assert all(line.isprintable() for line in lines)
    return lines


def listed(text: str):
    def act(folder: Path) -> list[str]:
        root = tree(folder)
        (root / SUMS).write_text(text)
        return said(root)

    return act


def sound(folder: Path) -> bool:
    found = check_tree.check("mimic", tree(folder))
    return not found.faults and not found.lacks and "record" in found.has


def covid(change):
    def act(folder: Path) -> list[str]:
        for name in ("images/a.png", "annotations/lungVAE-masks/a_mask.png"):
            (folder / name).parent.mkdir(parents=True)
            noise = np.random.default_rng(0).integers(0, 255, (96, 96), dtype=np.uint8)
            Image.fromarray(noise).save(folder / name)
        header = "folder,filename,modality,view,finding,clinical_notes\n"
        (folder / "metadata.csv").write_text(header + "images,a.png,X-ray,PA,todo,Ours.\n")
        change(folder)
        return said(folder, "covid")

    return act


def spoil_image(folder: Path) -> None:
    halved(folder / "images/a.png")


def spoil_mask(folder: Path) -> None:
    emptied(folder / "annotations/lungVAE-masks/a_mask.png")


def odd_image(folder: Path) -> None:
    shutil.copy(folder / "images/a.png", os.fsencode(folder / "images") + b"/b\xff.png")


def openi_film_empty(folder: Path) -> list[str]:
    (folder / "CXR1000_IM-0003-1001.png").touch()
    return said(folder, "openi")


NOBODY = hashlib.sha256(b"").hexdigest()
FILM = "WRONG: 1 films cannot be read: .*"
ATTACKS = [
    Attack("a tree that is sound", sound, "right"),
    Attack("a film of zero bytes", spoilt(emptied, "*.dcm"), "note", FILM + "it is empty"),
    Attack("a film cut in half", spoilt(halved, "*.dcm"), "note", FILM + "dcm"),
    Attack("a film of zeros", spoilt(zeroed, "*.dcm"), "note", FILM + "dcm"),
    Attack("a pipe in place of a film", spoilt(made_fifo, "*.dcm"), "note", FILM + "no regular"),
    Attack("a folder named as a film", spoilt(made_folder, "*.dcm"), "note", FILM + "no regular"),
    Attack("a login page as a film", spoilt(page, "*.dcm"), "note", FILM + "dcm"),
    Attack("every film is empty", all_films_empty, "note", "01 Reading .*no, films missing"),
    Attack("an empty report", spoilt(emptied, "s5*.txt"), "note", "1 reports cannot .*no word"),
    Attack("a report of blanks", spoilt(blank, "s5*.txt"), "note", "1 reports cannot .*no word"),
    Attack("a pipe as a report", spoilt(made_fifo, "s5*.txt"), "note", "1 reports cannot"),
    Attack("every report is empty", all_reports_empty, "note", "02 Read.*no, reports missing"),
    Attack("labevents cut in half", spoilt(halved, LABS), "note", "WRONG: hosp/labevents"),
    Attack("labevents is empty", spoilt(emptied, LABS), "note", "WRONG: hosp/labevents"),
    Attack("labevents with a header only", spoilt(header_only, LABS), "note", "and no row"),
    Attack("labevents cut in a line", spoilt(cut_in_a_line, LABS), "note", "middle of line"),
    Attack("labevents lacks a column", spoilt(another_column, LABS), "note", "column charttime"),
    Attack("labevents is a login page", spoilt(packed_page, LABS), "note", "has no column"),
    Attack("labevents is not packed", spoilt(page, LABS), "note", "WRONG: hosp/labevents"),
    Attack(
        "a record that is cut serves no chapter",
        spoilt(halved, LABS),
        "note",
        "03 Linking .*no, record missing",
    ),
    Attack("no split table", no_split, "note", "01 .*no, the split table missing"),
    Attack("a split table of zero rows", spoilt(header_only, SPLIT), "note", "01 .*no, the split"),
    Attack("an escape code in a name", escape_in_a_name, "note", r"a\\x1b\[2Jb\\u202e"),
    Attack("a name that is not UTF-8", name_that_is_not_utf8, "note", r"f\\udcff"),
    Attack("a checksum of a file outside", listed(f"{NOBODY}  ../../x\n"), "note", "lie outside"),
    Attack("an empty list of checksums", listed(""), "note", "lists no file"),
    Attack("an image cut in half", covid(spoil_image), "note", "1 films cannot be read: a.png"),
    Attack("an image that is cut counts as none", covid(spoil_image), "note", "01 .*no, films"),
    Attack(
        "an image whose name is not UTF-8",
        covid(odd_image),
        "note",
        r"1 images have no row: b\\udcff.png",
    ),
    Attack("a mask of zero bytes", covid(spoil_mask), "note", "1 masks cannot be read: a .*empty"),
    Attack("an Open-i film of zero bytes", openi_film_empty, "note", FILM + "empty"),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_tree_is_opened(attack, tmp_path):
    hold(attack, tmp_path)
