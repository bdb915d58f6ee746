"""What is tracked by git: no report text, no path of one machine, no file that the README names and
that is not there."""

import ast
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tomllib
from importlib.metadata import distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest
from packaging.requirements import Requirement

from txtray_utils.code import PACKAGES

ROOT = Path(__file__).resolve().parents[1]
SHORTEST = 8  # words: a shorter sentence may be anyone's
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md")
# Written in pieces, so that this file does not hold what it looks for.
FORBIDDEN = {
    "a path of one machine": re.compile(
        r"(?<![\w.:~<>}])/(?:work|root|home|Users)" + r"/\w|/" + r"tmp/\w"
    ),
    "a package index": re.compile(
        r"(?:--(?:extra-)?index-url|--find-links)" + r"[ =]|pypi[\w.-]*/simple"
    ),
    "a password or token": re.compile(r"(?i)(?:password|token|secret)\s*=\s*" + r"['\"]\w{6,}"),
}


def tracked() -> list[Path]:
    """Return the files that git tracks or would track."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    return [path for name in sorted(set(names)) if name and (path := ROOT / name).is_file()]


def text_of(path: Path) -> str:
    """Return a file's text ("" for a binary one); a notebook's as its cells' sources."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""
    if path.suffix == ".ipynb":
        return "\n\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return text


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def mark(sentence: list[str]) -> bytes:
    return hashlib.blake2b(" ".join(sentence).encode(), digest_size=12).digest()


def report_sentences() -> list[str]:
    """Return every sentence of the packaged Open-i reports."""
    package = Path(find_spec("torchxrayvision").submodule_search_locations[0])
    sentences = []
    with tarfile.open(package / "data" / "NLMCXR_reports.tgz") as reports:
        for member in reports:
            if member.name.endswith(".xml"):
                root = ElementTree.parse(reports.extractfile(member)).getroot()
                for section in root.iter("AbstractText"):
                    sentences += re.split(r"(?<=[.?!])\s+", section.text or "")
    return sentences


class Quotations:
    """Finds whole sentences of a collection in a text, whatever the case, the punctuation and the
    line breaks."""

    def __init__(self, sentences: list[str]) -> None:
        # One entry for each way a sentence can begin: its first words, then (length, hash) of
        # the whole sentences.
        self.begins: dict[bytes, set[tuple[int, bytes]]] = {}
        for sentence in map(words, sentences):
            if len(sentence) >= SHORTEST:
                self.begins.setdefault(mark(sentence[:SHORTEST]), set()).add(
                    (len(sentence), mark(sentence))
                )

    def found(self, text: str) -> list[str]:
        said = words(text.replace("\\n", " "))
        quoted = []
        for at in range(len(said) - SHORTEST + 1):
            for length, whole in self.begins.get(mark(said[at : at + SHORTEST]), ()):
                if mark(said[at : at + length]) == whole:
                    quoted.append(" ".join(said[at : at + length]))
        return quoted


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    return report_sentences()


@pytest.fixture(scope="module")
def quotations(sentences) -> Quotations:
    return Quotations(sentences)


def test_no_sentence_of_a_report_is_in_the_repository(quotations):
    faults = {
        path.relative_to(ROOT).as_posix(): quoted[:3]
        for path in tracked()
        if (quoted := quotations.found(text_of(path)))
    }
    assert faults == {}, (
        "report text is read at run time and never committed: write a sentence of your own"
    )


def test_a_planted_sentence_is_found(quotations, sentences):
    assert len(sentences) > 20_000
    long = [one for one in sentences if len(words(one)) >= SHORTEST]
    for sentence in long[:: len(long) // 50]:
        wrapped = f'says = "{sentence.upper().rstrip(".?! ")}"'.replace(" ", "\\n  ")
        assert quotations.found("Before it. " + wrapped + " after it")
        shortened = words(sentence)[:-1]
        assert " ".join(words(sentence)) not in quotations.found(" ".join(shortened))


def test_nothing_tracked_holds_what_belongs_to_one_machine():
    faults = []
    for path in tracked():
        for line_number, line in enumerate(text_of(path).splitlines(), 1):
            faults += [
                f"{path.relative_to(ROOT)}:{line_number}: {what}"
                for what, pattern in FORBIDDEN.items()
                if pattern.search(line)
            ]
    assert faults == []


@pytest.mark.parametrize(("line", "what"), [
    ("open('/" + "work/main/x')", "a path of one machine"),
    ("cd /" + "tmp/x", "a path of one machine"),
    ("pip install --extra-index-url" + " x", "a package index"),
    ("password = " + "'hunter22'", "a password or token"),
])  # fmt: skip
def test_a_planted_line_is_found(line, what):
    assert [name for name, pattern in FORBIDDEN.items() if pattern.search(line)] == [what]


def test_only_the_card_and_the_fetcher_are_tracked_in_the_data_folder():
    inside = {
        path.relative_to(ROOT).as_posix()
        for path in tracked()
        if path.is_relative_to(ROOT / "data")
    }
    assert inside <= {"data/README.md", "data/download.sh"}


def test_nothing_tracked_is_large_or_is_an_image_of_a_patient():
    large = [
        path.relative_to(ROOT).as_posix() for path in tracked() if path.stat().st_size > 2 * 2**20
    ]
    assert large == []
    assert [
        path
        for path in tracked()
        if path.suffix in (".dcm", ".nii", ".gz", ".jpg", ".jpeg", ".tgz", ".parquet")
    ] == []


def named_files(text: str) -> set[str]:
    """Return the files that a page links to or names in code marks."""
    links = {
        link
        for link in re.findall(r"\]\(([^)#\s]+)", text)
        if "://" not in link and not link.startswith("mailto:")
    }
    code = {
        one
        for one in re.findall(r"`([\w.][\w./-]*)`", text)
        if re.search(r"\.(md|py|sh|ipynb|txt|toml|yml|cff|css|bib)$", one)
    }
    return links | code


@pytest.mark.parametrize("page", PAGES)
def test_the_files_that_a_page_names_are_there(page):
    places = (
        ROOT,
        (ROOT / page).parent,
        ROOT / "src" / "txtray_utils",
        ROOT / "book",
        ROOT / "tests",
        ROOT / "tools",
    )
    missing = [
        name
        for name in sorted(named_files((ROOT / page).read_text("utf-8")))
        if not any((place / name).exists() for place in places)
    ]
    assert missing == []


def test_named_files_are_found_in_a_page():
    page = (
        "See [a](book/x.ipynb), [b](https://x.org/y.md), `tools/z.py`, `make book` and "
        "`txtray_utils.settings`."
    )
    assert named_files(page) == {"book/x.ipynb", "tools/z.py"}


def test_the_readme_lists_every_chapter():
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [
        path.name
        for path in sorted((ROOT / "book").glob("*.ipynb"))
        if f"book/{path.name}" not in readme
    ] == []


def pins(name: str) -> dict[str, Requirement]:
    """Return the requirements of a file that this Python takes, by name."""
    lines = [
        line.partition("#")[0].strip() for line in (ROOT / name).read_text("utf-8").splitlines()
    ]
    taken = [
        one
        for line in lines
        if line and (not (one := Requirement(line)).marker or one.marker.evaluate())
    ]
    return {one.name.lower().replace("_", "-"): one for one in taken}


def test_every_requirement_is_pinned_and_agrees_with_the_constraints_and_the_environment():
    direct = pins("requirements.txt") | pins("requirements-dev.txt")
    constraints = pins("constraints.txt")
    for name, pin in direct.items():
        (wanted,) = pin.specifier
        assert wanted.operator == "==", name
        assert constraints[name].specifier == pin.specifier, name
        assert distribution(name).version == wanted.version, f"{name}: make environment"
    for name, pin in constraints.items():
        assert [one.operator for one in pin.specifier] == ["=="], name


def test_what_the_package_needs_is_among_the_requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pinned = pins("requirements.txt")
    for line in project["dependencies"]:
        need = Requirement(line)
        (pin,) = pinned[need.name].specifier
        assert need.specifier.contains(pin.version), f"{pin} does not satisfy {need}"


def test_every_import_of_the_package_is_a_declared_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {
        Requirement(line).name.lower().replace("_", "-") for line in project["dependencies"]
    }
    owners, imported = packages_distributions(), set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.partition(".")[0])
    foreign = imported - sys.stdlib_module_names - set(PACKAGES)
    undeclared = {
        name
        for name in foreign
        if not {one.lower().replace("_", "-") for one in owners.get(name, [name])} & declared
    }
    assert undeclared == set()
