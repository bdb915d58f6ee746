"""How much a reader must take in at once: the budgets of CONTRIBUTING, "Code".

A function that teaches may be longer if it is plain; then `EXCEPTIONS` names it, with its reason
and the figure that it may not pass. There are ten at most.
"""

from statistics import median

import pytest
import reading

FILES = [one for room in reading.ROOMS for one in reading.files_of(room)]
CHAPTERS = reading.chapters()
COUNTED = ("src/", "benchmarks/")  # where comprehensions are counted
TOKENS = 60_000  # of txtray_utils
BUDGET = {  # what: the most that a file may have
    "tokens a line": 10.0,
    "comprehensions": 4.0,  # per 100 code lines; two are always allowed
    "lines": 250,
    "function": 40,  # code lines
    "positional": 5,  # parameters
}
CHAPTER = {"tokens a line": 9.0, "modules": 10, "names": 25, "reach": 12_000}
EXCEPTIONS = {
    ("src/txtray_utils/align/training.py", "function"): (
        46,
        "the one loop, read from top to bottom; parted, it would have to be put together again",
    ),
    ("src/txtray_utils/vocabulary.py", "comprehensions"): (
        7.5,
        "every constant is one column of the one table",
    ),
    ("01_reading_a_radiograph", "reach"): (
        13_400,
        "two readers of files, and pictures of films in which organs and findings are named",
    ),
    ("04_contrastive_alignment", "reach"): (
        13_700,
        "it trains, by calls that reach encoders, objectives and the loop, and keeps its numbers",
    ),
    ("04_contrastive_alignment", "modules"): (
        11,
        "it shows what is done to a film in training, which is a module of its own",
    ),
    ("05_retrieval_and_zero_shot", "reach"): (
        16_200,
        "what chapter 4 reaches, since the models are trained where they are not kept, and scores",
    ),
    ("06_simulated_and_real", "reach"): (
        15_700,
        "what chapter 4 reaches, since the model is trained where it is not kept, and scores",
    ),
    ("07_writing_a_report", "reach"): (
        19_600,
        "what chapter 4 reaches, and four ways of writing",
    ),
    ("07_writing_a_report", "modules"): (
        14,
        "it takes the writers apart, each in its own module, trains one and keeps its numbers",
    ),
    ("08_judging_a_report", "reach"): (
        23_100,
        "a writer is called by its name, so all of them are reached, and all scores",
    ),
}


def over(name: str, found: dict[str, float], budget: dict[str, float]) -> dict[str, float]:
    """Return what a file or chapter has more of than its budget, or its exception, allows."""
    too_much = {}
    for what, amount in found.items():
        most, _ = EXCEPTIONS.get((name, what), (budget[what], ""))
        if amount > most:
            too_much[what] = amount
    return too_much


def is_face(one: reading.File) -> bool:
    """Tell whether a file only hands names on."""
    return one.name.endswith("__init__.py") and not one.functions


@pytest.mark.parametrize("one", FILES, ids=lambda one: one.name)
def test_a_file_can_be_read(one):
    found = {
        "tokens a line": 0.0 if is_face(one) else one.size.density,
        "lines": one.lines,
        "function": max(one.functions.values(), default=0),
        "positional": max(one.positional.values(), default=0),
    }
    if one.name.startswith(COUNTED) and one.comprehensions > 2:
        found["comprehensions"] = 100 * one.comprehensions / one.size.lines
    assert not over(one.name, found, BUDGET)


@pytest.mark.parametrize("one", CHAPTERS, ids=lambda one: one.name)
def test_a_chapter_can_be_read(one):
    found = {
        "tokens a line": one.size.density,
        "modules": len(one.modules),
        "names": len(one.names),
        "reach": one.reach,
    }
    assert not over(one.name, found, CHAPTER)


@pytest.mark.parametrize("one", CHAPTERS, ids=lambda one: one.name)
def test_a_cell_can_be_read(one):
    long = {}
    for cell, size in one.cells.items():
        if size.lines > 15 or size.tokens > 120:
            long[cell] = size
    assert not long
    assert median(size.lines for size in one.cells.values()) <= 6


def test_the_package_stays_small():
    tokens = [one.size.tokens for one in FILES if one.name.startswith("src/txtray_utils")]
    assert sum(tokens) < TOKENS


def test_exceptions_are_few_and_needed():
    assert len(EXCEPTIONS) <= 10
    names = {one.name for one in (*FILES, *CHAPTERS)}
    for (name, what), (most, reason) in EXCEPTIONS.items():
        assert name in names, f"{name} is no more: take its exception out"
        assert most > (BUDGET | CHAPTER)[what] and len(reason.split()) > 3


DENSE = """def f(a, b, c, d, e, g):
    return [x for x in a], [y for y in b], {z for z in c}
"""


def test_what_is_too_dense_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "CHECKOUT", tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "dense.py").write_text(DENSE)
    (one,) = reading.files_of("src")
    assert one.size == reading.Size(40, 2)
    assert (one.comprehensions, one.positional, one.functions) == (3, {"f": 6}, {"f": 2})
    with pytest.raises(AssertionError, match="comprehensions"):
        test_a_file_can_be_read(one)


def test_a_docstring_and_a_comment_do_not_count():
    assert reading.size_of('"""Say."""\n# why\nx = 1  # one\n\n"""Stay."""\n') == reading.Size(3, 1)
