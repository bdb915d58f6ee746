"""Leaks planted in a repository or in built pages, and the kind under which check_leaks names each.

Identifiers and headings are put together here, so that this file holds none itself."""

import base64
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import built_pages
import check_leaks
import numpy as np
import pytest
from PIL import Image

from tests.attacks.attack import Attack, hold

PERSON, STUDY, STAY = "1" + "2345678", "5" + "2345678", "2" + "9345678"
PATH = f"files/p12/p{PERSON}/s{STUDY}"
FILM_ID = "-".join(["0a1b2c3e"] * 5)
HEAD, BODY = "IMPRESSION", "There is a large made-up shadow on the left."
REPORT = f"{HEAD}: {BODY}\n"
GAP = "_" * 3


def picture(kind: str = "PNG", side: int = 256) -> bytes:
    """Return a made-up film as a file."""
    grey = np.add.outer(np.arange(side), np.arange(side)) % 256
    file = io.BytesIO()
    Image.fromarray(grey.astype(np.uint8)).save(file, kind)
    return file.getvalue()


def notebook(**cell: object) -> bytes:
    """Return a notebook of one cell."""
    code = {"cell_type": "code", "id": "a", "metadata": {}, "source": "x", "outputs": []}
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    cells = [code | {"execution_count": None} | cell]
    return json.dumps(whole | {"cells": cells}).encode()


def archive() -> bytes:
    """Return a zip of one report."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("a.txt", REPORT)
    return file.getvalue()


def inline(content: bytes) -> bytes:
    """Return a picture as it stands in a page."""
    return b'<img src="data:image/png;base64,' + base64.b64encode(content) + b'">'


STREAM = {"output_type": "stream", "name": "stdout", "text": "one line"}
MARKDOWN = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "x"}
ATTACHED = {"attachments": {"a.png": {"image/png": "AAAA"}}}
FILES = [  # name of the leak, file, content, what is said
    ("an output in a notebook", "a.ipynb", notebook(outputs=[STREAM]), "output: cell a"),
    ("a notebook that cannot be read", "a.ipynb", b"{", "output: .*cannot be read"),
    ("an attached film", "a.ipynb", notebook(**MARKDOWN, **ATTACHED), "film: attach|output"),
    ("an identifier in a log line", "a.md", f"reading {PATH}.txt".encode(), "identifier: p1"),
    ("an identifier in a file's name", f"{PATH}.md", b"", "identifier: s5"),
    ("one in a traceback", "a.md", f"KeyError: study_id={STUDY}".encode(), "identifier: 5"),
    ("a table of patients", "a.csv", f"subject_id,age\n{PERSON},61\n".encode(), "identifier: 1"),
    ("a stay in JSON", "a.json", json.dumps({"hadm_id": int(STAY)}).encode(), "identifier: 2"),
    ("a patient in a sentence", "a.md", f"See patient {PERSON}.".encode(), "identifier: 1"),
    ("a film's identifier", "a.md", FILM_ID.encode(), "identifier: 0a1b"),
    ("one report", "a.md", REPORT.encode(), "report: IMPRESSION"),
    ("a report, heading and body on two lines", "a.md", f"{HEAD}:\n {BODY}".encode(), "report"),
    ("a report in a string", "a.py", f'x = "{HEAD}: {BODY} INDICATION: {BODY}"'.encode(), "report"),
    ("a report without headings", "a.md", f"FINAL REPORT\n {BODY}".encode(), "report: FINAL"),
    ("a report in UTF-16", "a.md", REPORT.encode("utf-16"), "report: IMPRESSION"),
    ("a sentence with a gap", "a.md", f"{GAP} year old with cough.".encode(), "de-identified text"),
    ("a doctor's gap", "a.md", f"Told to Dr. {GAP} at noon.".encode(), "de-identified text"),
    ("a film", "a.png", picture(), "film: 256 x 256"),
    ("a film named as a text", "a.txt", picture("JPEG"), "film: 256 x 256"),
    ("a film within a page", "a.md", inline(picture()), "film: 256 x 256"),
    ("a film within a drawing", "a.svg", b"<svg>" + inline(picture()), "film: 256 x 256"),
    ("a DICOM file named as a text", "a.txt", bytes(128) + b"DICM", "DICOM: a.txt"),
    ("a DICOM file without a preamble", "a", b"\x08\x00\x05\x00CS", "DICOM: a"),
    ("a kept table", "tables/0.arrow", b"x", "data file: 0.arrow"),
    ("a kept table under another name", "a.md", b"PAR1 rows", "data file: a.md"),
    ("a model", "models/0.safetensors", b"x", "data file"),
    ("features", "a.npz", b"x", "data file"),
    ("a list of rejects", "0.rejects.csv", b"file,row\n", "data file: 0.rejects.csv"),
    ("a log", "run.log", b"", "data file"),
    ("a temporary file", "a.arrow.partial", b"x", "data file"),
    ("an archive of reports", "a.md", archive(), "data file: a.md"),
]  # fmt: skip


def repository(folder: Path) -> Path:
    """Make an empty repository with one commit."""
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "Begin")
    git(folder, "tag", "begin")
    return folder


def git(folder: Path, *arguments: str) -> None:
    """Run git as nobody in particular, without hooks."""
    named = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "core.hooksPath=/dev/null"]
    subprocess.run(["git", "-C", str(folder), *named, *arguments], check=True, capture_output=True)


def said(found: list) -> list[str]:
    """Return findings as lines."""
    return [": ".join(one) for one in found]


def planted(file: str, content: bytes):
    """Return an act that stages a file and looks at what is staged."""

    def act(folder: Path) -> list[str]:
        root = repository(folder)
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(content)
        untracked = said(check_leaks.findings(root))
        git(root, "add", "--force", ".")
        staged = said(check_leaks.findings(root, staged=True))
        assert untracked == staged
        return staged

    return act


def a_clean_work_tree(folder: Path) -> list[str]:
    root = repository(folder)
    (root / "a.md").write_text(REPORT)
    git(root, "add", ".")
    (root / "a.md").write_text("nothing")
    return said(check_leaks.findings(root, staged=True))


def removed_later(folder: Path) -> list[str]:
    root = repository(folder)
    (root / "a.md").write_text(REPORT)
    git(root, "add", ".")
    git(root, "commit", "-m", "Add")
    git(root, "rm", "a.md")
    git(root, "commit", "-m", "Remove")
    assert not list(check_leaks.findings(root))
    return said(check_leaks.findings(root, since="begin"))


def in_a_message(folder: Path) -> list[str]:
    root = repository(folder)
    git(root, "commit", "--allow-empty", "-m", f"Mend {PATH}")
    return said(check_leaks.findings(root, since="begin"))


def a_link(folder: Path) -> list[str]:
    root = repository(folder / "book")
    (root / "films").symlink_to(folder)
    git(root, "add", ".")
    assert said(check_leaks.findings(root)) == said(check_leaks.findings(root, staged=True))
    return said(check_leaks.findings(root, staged=True))


def a_repository_within(folder: Path) -> list[str]:
    root = repository(folder)
    (root / "inner").mkdir()
    repository(root / "inner")
    git(root, "add", ".")
    return said(check_leaks.findings(root, staged=True))


def another_text_in_an_allowed_file(folder: Path) -> list[str]:
    root = repository(folder)
    (root / "a.md").write_text(REPORT)
    listed = root / "allowed.csv"
    check_leaks.accept(check_leaks.findings(root), listed, "made up")
    assert not check_leaks.not_allowed(check_leaks.findings(root), listed)
    assert BODY not in listed.read_text()
    (root / "a.md").write_text(REPORT + f"{HEAD}: Quite another made-up text.\n")
    return said(check_leaks.not_allowed(check_leaks.findings(root), listed))


def built(file: str, content: bytes):
    """Return an act that puts a file among the built pages."""

    def act(folder: Path) -> list[str]:
        page = folder / "_build/html" / file
        page.parent.mkdir(parents=True)
        page.write_bytes(content)
        return said(built_pages.findings(folder))

    return act


def what_the_book_shows(folder: Path) -> bool:
    """Pages may show what the executed notebooks do, and a patient of the virtual hospital."""
    film = base64.b64encode(picture()).decode()
    shown = {"output_type": "display_data", "metadata": {}, "data": {"image/png": film}}
    cache = folder / "_build/.jupyter_cache/executed/0"
    cache.mkdir(parents=True)
    (cache / "base.ipynb").write_bytes(notebook(outputs=[shown], source=REPORT))
    act = built("_images/a.png", picture())
    return act(folder) == []


ATTACKS = [Attack(name, planted(file, what), "reject", text) for name, file, what, text in FILES]
ATTACKS += [
    Attack("staged, and gone from the work tree", a_clean_work_tree, "reject", "report"),
    Attack("removed by a later commit", removed_later, "reject", "a.md: report"),
    Attack("an identifier in a message", in_a_message, "reject", "commit message: identifier"),
    Attack("a link to the films", a_link, "reject", "films: link"),
    Attack("a repository within", a_repository_within, "reject", "inner: repository"),
    Attack("a new text", another_text_in_an_allowed_file, "reject", "Quite another"),
    Attack("a film in a page", built("_images/a.png", picture()), "reject", "film"),
    Attack("a film in a page's text", built("a.html", inline(picture())), "reject", "film"),
    Attack("a patient in a page", built("a.html", PATH.encode()), "reject", "identifier"),
    Attack("a report in a page", built("a.html", REPORT.encode()), "reject", "report"),
    Attack("a DICOM file to load", built("a.dcm", bytes(128) + b"DICM"), "reject", "DICOM"),
    Attack("what the book shows", what_the_book_shows, "right"),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_leaks(attack, tmp_path, monkeypatch):
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path))
    (tmp_path / "book").mkdir()
    hold(attack, tmp_path)


def test_the_hook_stops_a_commit(tmp_path, monkeypatch):
    """A copy of the checker in a checkout of its own, and the hook that is documented."""
    root = repository(tmp_path)
    here = Path(check_leaks.ROOT)
    for name in ("tools/check_leaks.py", "tools/leak_shapes.py", "tools/built_pages.py"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes((here / name).read_bytes())
    git(root, "add", ".")
    git(root, "commit", "-m", "Tools")
    (root / "a.md").write_text(REPORT)
    git(root, "add", ".")
    hooks = f"core.hooksPath={here / '.githooks'}"
    named = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", hooks]
    monkeypatch.setenv("PYTHON", sys.executable)
    command = ["git", "-C", str(root), *named, "commit", "-m", "A report"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1 and "a.md: report" in done.stdout + done.stderr


def test_a_copy_without_git_is_told_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(check_leaks, "ROOT", tmp_path)
    monkeypatch.setattr("sys.argv", ["check_leaks.py"])
    assert check_leaks.main() == 0
    assert "No git repository" in capsys.readouterr().out
