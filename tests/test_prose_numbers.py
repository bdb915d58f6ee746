"""Every number that the README and the chapters quote is tied to a result, and is the number of
that result.

A quoted number is followed by a comment that says where it is from:

    a macro AUC of 0.91 <!-- results: radiograph.supervised_auc.macro --> (0.88 <!-- results:
    ...macro:low --> to ...) an F1 of 0.305 <!-- cited: txtrayalign -->            a number of
    another's publication: the key in references.bib slices 2.5 mm <!-- fixed: the CT's spacing -->
    thick  a number that no run of ours can change, and why

Wanted after every decimal fraction, percentage and number with a thousands comma, outside code,
mathematics and links. `:low`, `:high` and `:n` after a key mean the ends of the interval and the
sample size. A percentage is 100 times a value."""

import re
from pathlib import Path

import nbformat
import pytest

from txtray_utils.results import Result, read_results, result_names, write_results

ROOT = Path(__file__).resolve().parents[1]
COMMITTED = ROOT / "book" / "results"
PAGES = [ROOT / "README.md", *sorted((ROOT / "book").glob("*.ipynb")), ROOT / "book" / "intro.md"]
DIRECTIVE = re.compile(
    r"(?ms)^ *(`{3,}|~{3,})"
    r"\{(?:exercise|note|tip|warning|admonition|figure|important|seealso)\}(.*?)^ *\1 *$"
)
NOT_PROSE = re.compile(
    r"(?ms)^ *(`{3,}|~{3,}).*?^ *\1 *$"
    r"|`+[^`\n]*`+|\$\$.*?\$\$|\$[^$\n]+\$|\]\([^)\n]*\)|https?://\S+|^:\w+:[^\n]*$"
    r"|CC BY[-A-Z]* \d\.\d|Python \d\.\d+|doi \S+"
)
NUMBER = re.compile(
    r"(?<![\w.,])[-\u2212]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+|\d+(?= ?%))"
    r"(?![\w,]?\d|\.\d)( ?%)?"
)
ANY_NUMBER = re.compile(r"(?<![\w.])[-\u2212]?\d[\d,]*(?:\.\d+)?( ?%)?")
COMMENT = re.compile(r"<!-- *(results|cited|fixed): *(.*?) *-->")


def prose(path: Path) -> str:
    """Return the page's prose: the whole text, or a notebook's markdown cells."""
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, 4).cells
        return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return path.read_text("utf-8")


def agrees(printed: str, value: float) -> bool:
    """Return whether `printed` is `value` at the precision that is printed."""
    text = printed.replace(",", "").replace("\u2212", "-").strip()
    if text.endswith("%"):
        text, value = text[:-1].strip(), 100 * value
    places = len(text.partition(".")[2])
    return abs(float(text) - value) <= 0.5 * 10**-places + 1e-9


def lookup(key: str, folder: Path) -> float:
    """Return the value, end of the interval, or sample size that a comment's key names."""
    key, _, part = key.partition(":")
    name, _, flat = key.partition(".")
    result: Result = read_results(name, folder)[flat]
    return {
        "": result.value,
        "n": result.n,
        "low": (result.ci or [None])[0],
        "high": (result.ci or [None])[-1],
    }[part]


def faults(text: str, folder: Path = COMMITTED, cited: str = "") -> list[str]:
    """Say which numbers of `text` are not tied, or are not what they are tied to."""
    text = NOT_PROSE.sub(" ", DIRECTIVE.sub(r"\2", text))
    found, start = [], 0
    for comment in [*COMMENT.finditer(text), None]:
        piece = text[start : comment.start()] if comment else text[start:]
        start = comment.end() if comment else start
        numbers = list(ANY_NUMBER.finditer(piece))
        own = numbers[-1] if comment and numbers else None
        loose = [one[0] for one in NUMBER.finditer(piece) if not own or one.end() <= own.start()]
        found += [f"{number.strip()}: not tied to a result" for number in loose]
        if comment is None:
            break
        kind, key = comment.groups()
        if own is None:
            found.append(f"{comment[0]}: no number before it")
        elif kind == "cited" and f"{{{key}," not in cited:
            found.append(f"{own[0]}: {key} is not in references.bib")
        elif kind == "fixed" and not key:
            found.append(f"{own[0]}: fixed, but not why")
        elif kind == "results":
            try:
                value = lookup(key, folder)
            except (KeyError, FileNotFoundError) as missing:
                found.append(f"{own[0]}: no result {key} ({missing})")
                continue
            if value is None or not agrees(own[0], value):
                found.append(f"{own[0]} is printed, {key} is {value}")
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_numbers_of_a_page_are_the_results(path):
    assert faults(prose(path), cited=(ROOT / "book" / "references.bib").read_text("utf-8")) == []


def test_every_committed_result_file_can_be_read():
    for name in result_names(COMMITTED):
        assert read_results(name), name


@pytest.fixture
def folder(tmp_path):
    auc = Result(0.9137, 1600, "AUC", "x", ci=(0.884, 0.93))
    write_results("film", {"auc.macro": auc, "count": Result(3955, 3955, "reports", "x")}, tmp_path)
    return tmp_path


SOUND = [
    "AUC 0.91 <!-- results: film.auc.macro -->, 95 % <!-- fixed: the usual level --> interval",
    "0.88 <!-- results: film.auc.macro:low --> to **0.93** <!-- results: film.auc.macro:high -->",
    "91 % <!-- results: film.auc.macro --> of 3,955 <!-- results: film.count --> reports",
    "n 1600 <!-- results: film.auc.macro:n --> and 0.914 <!--results: film.auc.macro-->",
    (
        "3 chapters of 2026 in Python 3.11, `0.5`, doi 10.7937/K9.X, $x = 0.5$, CC BY 4.0, "
        "version 1.0.4, see [this](a-0.5.html)"
    ),
    (
        "```python\nx = 0.25\n```\n```{figure} a.svg\n:width: 0.5\nA film.\n```\n"
        "F1 0.305 <!-- cited: key -->"
    ),
]
PLANTED = [
    ("an AUC of 0.91", "0.91: not tied"),
    ("about 90 % of them", "90 %: not tied"),
    ("there are 3,955 reports", "3,955: not tied"),
    ("0.92 <!-- results: film.auc.macro -->", "0.92 is printed"),
    ("0.910 <!-- results: film.auc.macro -->", "0.910 is printed"),
    ("92 % <!-- results: film.auc.macro -->", "92 % is printed"),
    ("0.88 and 0.91 <!-- results: film.auc.macro -->", "0.88: not tied"),
    ("0.91 <!-- results: film.auc.micro -->", "no result"),
    ("0.91 <!-- results: other.auc -->", "no result"),
    ("1 <!-- results: film.count:low -->", "is None"),
    ("good <!-- results: film.auc.macro -->", "no number before"),
    ("0.305 <!-- cited: nobody -->", "not in references.bib"),
    ("0.5 <!-- fixed: -->", "not why"),
    ("```{exercise} A\n:label: a\nWhy?\n```\nIt is 0.77.\n```python\nx = 1\n```", "0.77: not tied"),
    ("```{note}\nIt is 0.77.\n```", "0.77: not tied"),
]


@pytest.mark.parametrize("text", SOUND)
def test_tied_numbers_pass(text, folder):
    assert faults(text, folder, cited="@misc{key,") == []


@pytest.mark.parametrize(("text", "fault"), PLANTED)
def test_a_planted_number_is_found(text, fault, folder):
    (found,) = faults(text, folder)
    assert fault in found
