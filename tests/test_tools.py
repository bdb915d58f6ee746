"""What decides whether a notebook is executed again, and whether its numbers hold."""

import importlib.util
import sys
from pathlib import Path

import nbformat
import pytest

from txtray_utils.results import Result, read_results, write_results
from txtray_utils.settings import settings

ROOT = Path(__file__).resolve().parents[1]
AUC = Result(0.91, 300, "AUC", "x", tolerance=0.02)


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A small checkout that `tools/execute.py` takes for the book."""
    for name in (
        "requirements.txt",
        "constraints.txt",
        "src/txtray_utils/a.py",
        "src/txtray_utils/b.toml",
        "book/results/film.json",
        "book/01_x.ipynb",
        "book/intro.md",
        "data/demo/truth/cohort.json",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one")
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("TXTRAY_QUICK", raising=False)
    execute = load("execute")
    monkeypatch.setattr(execute, "ROOT", tmp_path)
    return execute


@pytest.mark.parametrize(
    "name",
    [
        "requirements.txt",
        "constraints.txt",
        "src/txtray_utils/a.py",
        "src/txtray_utils/b.toml",
        "data/demo/truth/cohort.json",
    ],
)
def test_a_change_of_what_outputs_rest_on_makes_every_notebook_stale(tree, name):
    before = tree.shared_key()
    assert tree.shared_key() == before
    (tree.ROOT / name).write_text("two")
    assert tree.shared_key() != before


def test_a_change_of_settings_makes_every_notebook_stale(tree, monkeypatch):
    before = tree.shared_key()
    monkeypatch.setenv("TXTRAY_SOURCE", "covid")
    other = tree.shared_key()
    monkeypatch.setenv("TXTRAY_QUICK", "1")
    assert len({before, other, tree.shared_key()}) == 3


def test_a_change_of_your_own_list_makes_every_notebook_stale(tree, monkeypatch, tmp_path):
    monkeypatch.setenv("TXTRAY_SOURCE", "folder")
    monkeypatch.setenv("TXTRAY_FOLDER", str(tmp_path / "ours"))
    keys = [tree.shared_key()]
    (tmp_path / "ours").mkdir()
    for text in ("one", "two"):
        (tmp_path / "ours" / "studies.csv").write_text(text)
        keys.append(tree.shared_key())
    assert len(set(keys)) == 3


def test_only_a_notebook_that_reads_a_result_is_stale_when_it_changes(tree):
    reads, other = 'film = read_results(\\"film\\")', "1 + 1"
    before = [tree.notebook_key("key", text) for text in (reads, other)]
    (tree.ROOT / "book/results/film.json").write_text("two")
    after = [tree.notebook_key("key", text) for text in (reads, other)]
    assert before[0] != after[0]
    assert before[1] == after[1]


@pytest.mark.parametrize("name", ["book/results/read.csv", "tests/data/sentences.csv"])
def test_only_a_notebook_that_reads_a_committed_table_is_stale_when_it_changes(tree, name):
    table, reads = tree.ROOT / name, f'pd.read_csv(folder / \\"{Path(name).name}\\")'
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text("one")
    before = [tree.notebook_key("key", text) for text in (reads, "1 + 1")]
    table.write_text("two")
    after = [tree.notebook_key("key", text) for text in (reads, "1 + 1")]
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_the_notebooks_of_the_table_of_contents_are_found_in_order(tree):
    toc = {
        "root": "book/intro",
        "parts": [{"chapters": [{"file": "book/01_x"}, {"file": "book/intro"}]}],
    }
    assert tree.chapters(toc) == [Path("book/01_x.ipynb")]


def executed(*outputs, count=1, tags=()):
    cell = nbformat.v4.new_code_cell("x", id="cell", outputs=list(outputs), execution_count=count)
    cell.metadata["tags"] = list(tags)
    return nbformat.v4.new_notebook(cells=[cell])


def test_only_a_notebook_that_ran_to_its_end_is_kept():
    execute, error = (
        load("execute"),
        nbformat.v4.new_output("error", ename="E", evalue="", traceback=[]),
    )
    assert execute.ran(executed())
    assert not execute.ran(executed(count=None))
    assert not execute.ran(executed(error))
    assert execute.ran(executed(error, tags=["raises-exception"]))


def test_a_picture_needs_an_alt_text():
    execute = load("execute")
    picture = executed(nbformat.v4.new_output("display_data", data={"image/png": "AA=="}))
    assert execute.without_alt(picture) == ["cell"]
    picture.cells[0].metadata["mystnb"] = {"image": {"alt": "A line."}}
    assert execute.without_alt(picture) == []
    assert execute.without_alt(executed()) == []


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """Run tools/check_results.py on a small checkout; returns its exit code."""
    tool = load("check_results")
    monkeypatch.setenv("TXTRAY_RESULTS", str(tmp_path / "new"))
    monkeypatch.delenv("TXTRAY_QUICK", raising=False)
    now = settings()

    def run(new: Result, *arguments: str) -> int:
        write_results("film", {"auc": new}, tmp_path / "new")
        monkeypatch.setattr(
            tool, "settings", lambda: type(now)(**(vars(settings()) | {"checkout": tmp_path}))
        )
        monkeypatch.setattr(sys, "argv", ["check_results.py", *arguments])
        return tool.main()

    write_results("film", {"auc": AUC, "elsewhere": AUC}, tmp_path / "book" / "results")
    return run


def test_a_rebuild_may_move_within_the_tolerance_and_no_further(checked, capsys):
    assert checked(Result(0.90, 300, "AUC", "x")) == 0
    assert checked(Result(0.88, 300, "AUC", "x")) == 1
    assert "film.auc: 0.88 was 0.91" in capsys.readouterr().out


def test_new_numbers_are_carried_over_only_on_request_and_keep_the_others(
    checked, tmp_path, monkeypatch
):
    committed = tmp_path / "book" / "results"
    checked(Result(0.88, 300, "AUC", "x"))
    assert read_results("film", committed)["auc"] == AUC
    monkeypatch.setenv("TXTRAY_QUICK", "1")
    assert checked(Result(0.88, 300, "AUC", "x"), "--write") == 1
    assert read_results("film", committed)["auc"] == AUC
    monkeypatch.setenv("TXTRAY_QUICK", "0")
    assert checked(Result(0.88, 300, "AUC", "x"), "--write") == 0
    assert {key: one.value for key, one in read_results("film", committed).items()} == {
        "auc": 0.88,
        "elsewhere": 0.91,
    }


def test_numbers_of_your_own_films_are_not_carried_over(checked, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TXTRAY_SOURCE", "folder")
    assert checked(Result(0.88, 300, "AUC", "x"), "--write") == 1
    assert "not compared (quick=False, source=folder)" in capsys.readouterr().out
    assert read_results("film", tmp_path / "book" / "results")["auc"] == AUC
