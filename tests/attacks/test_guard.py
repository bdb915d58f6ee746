"""Ways in which what is made of credentialed data could leave, and how the guard stops each."""

import os
import subprocess
import sys
from pathlib import Path

import execute
import matplotlib.pyplot as plt
import numpy as np
import pages
import pandas as pd
import pytest

from tests.attacks.attack import Attack, hold
from tests.show.small import STUDIES
from txtray_utils import guard
from txtray_utils.errors import InputError, Rejects
from txtray_utils.keep import kept
from txtray_utils.results import Result, write_results
from txtray_utils.settings import settings
from txtray_utils.show.explorer import explorer
from txtray_utils.show.figures import films, intervals, table_of_numbers
from txtray_utils.studies.sources import registry

AUC = Result(0.91, 300, "AUC", "x")
FILM = np.zeros((64, 64))
PUBLISHED = Path(execute.ROOT) / "book" / "results"


def keep_one(value: str = "a") -> str:
    """Keep a small text in the cache of models."""
    return kept(
        "models",
        value,
        [],
        make=lambda: value,
        write=lambda text, path: path.write_text(text),
        read=Path.read_text,
    )


def in_private(act, source: str = "mimic"):
    """Return an act that runs with a credentialed source, and its data in the folder."""

    def with_source(folder: Path) -> object:
        os.environ["TXTRAY_SOURCE"] = source
        os.environ["TXTRAY_DATA"] = str(folder / "data")
        return act(folder)

    return with_source


def in_a_work_tree(folder: Path) -> None:
    (folder / ".git").mkdir()
    keep_one()


def in_the_usual_folder(_: Path) -> None:
    del os.environ["TXTRAY_DATA"]
    keep_one()


def in_a_bare_repository(folder: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", str(folder)], check=True)
    keep_one()


def beside_a_hidden_repository(folder: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", str(folder / ".settings")], check=True)
    keep_one()


def in_a_named_work_tree(folder: Path) -> None:
    os.environ["GIT_WORK_TREE"] = str(folder)
    keep_one()


def by_a_link(folder: Path) -> None:
    (folder / "tree" / ".git").mkdir(parents=True)
    (folder / "data").symlink_to(folder / "tree")
    keep_one()


def in_a_shared_folder(folder: Path) -> None:
    shared = folder / "data" / "models"
    shared.mkdir(parents=True)
    shared.chmod(0o1777)
    keep_one()


def modes(folder: Path) -> bool:
    models = folder / "data" / "models"
    models.mkdir(parents=True)
    models.chmod(0o755)
    keep_one()
    own = write_results("x", {"a": AUC})
    assert own.is_relative_to(folder / "data")
    assert own.parent.stat().st_mode & 0o777 == 0o700
    for file in [own, *models.iterdir()]:
        assert file.stat().st_mode & 0o777 == 0o600, file
    return models.stat().st_mode & 0o777 == 0o700


def open_data_is_as_before(folder: Path) -> bool:
    os.environ["TXTRAY_DATA"] = str(folder)
    (folder / ".git").mkdir()
    before = films([FILM])
    keep_one()
    assert (folder / "models").stat().st_mode & 0o777 == 0o755
    guard.check_publication("the book")
    assert guard.watermark() == ""
    return not before.axes[0].texts


def read_under_another_name(folder: Path) -> None:
    """`load_studies("mimic")` while TXTRAY_SOURCE says demo: the numbers are MIMIC's still."""
    os.environ["TXTRAY_DATA"] = str(folder)
    assert settings().source == "demo"
    try:
        registry.read_folder("mimic", folder)
    except (OSError, InputError):  # nothing lies there; it counts from the attempt
        pass
    write_results("x", {"a": AUC}, PUBLISHED)


def a_table_read_under_another_name(folder: Path) -> None:
    os.environ["TXTRAY_DATA"] = str(folder)
    (folder / ".git").mkdir()
    registry.read_folder("mimic", folder)


def results_in_a_work_tree(folder: Path) -> None:
    (folder / "tree" / ".git").mkdir(parents=True)
    os.environ["TXTRAY_RESULTS"] = str(folder / "tree")
    write_results("x", {"a": AUC})


def published(_: Path) -> None:
    write_results("x", {"a": AUC}, PUBLISHED)


def published_by_setting(_: Path) -> None:
    os.environ["TXTRAY_RESULTS"] = str(PUBLISHED / ".." / "results")
    write_results("x", {"a": AUC})


def executed(*options: str):
    """Return an act that runs tools/execute.py, and gives what it prints."""

    def act(_: Path) -> list[str]:
        command = [sys.executable, execute.__file__, *options]
        environment = os.environ | {"PYTHONPATH": str(execute.ROOT / "src")}
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        assert done.returncode == 1
        return [done.stdout + done.stderr]

    return act


def notebooks_in_private(folder: Path) -> bool:
    """`--private` copies the notebooks, as they are run, to where nobody else can open them."""
    run = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execute, "execute", lambda staged: run.extend(staged) or 0)
        assert execute.execute_in_private() == 0
    place = folder / "data" / "executed"
    assert run
    for file in map(Path, run):
        assert file.is_relative_to(place)
        assert file.stat().st_mode & 0o777 == 0o600
    return place.stat().st_mode & 0o777 == 0o700


def marked_figures(_: Path) -> list[str]:
    numbers = pd.DataFrame([[0.5]], index=["a"], columns=["b"])
    _, (left, right) = plt.subplots(1, 2)
    intervals(left, {"a": AUC})
    table_of_numbers(right, numbers, 0.5)
    texts = []
    for axis in (films([FILM]).axes[0], left, right):
        texts.append([text.get_text() for text in axis.texts])
    assert all(any("do not share" in text for text in some) for some in texts)
    return texts


def marked_explorer(_: Path) -> bool:
    private = explorer(STUDIES, "Made up")
    os.environ["TXTRAY_SOURCE"] = "demo"
    return private != explorer(STUDIES, "Made up")


def small_cells(_: Path) -> bool:
    table = pd.DataFrame({"a": [0.1, 0.2], "b": [3, 4]}, index=["x", "y"])
    patients = pd.DataFrame({"a": [9, 10], "b": [200, np.nan]}, index=["x", "y"])
    cells = guard.without_small_cells(table, patients)
    assert cells.isna().to_numpy().tolist() == [[True, False], [False, True]]
    assert cells.loc["y", "a"] == 0.2 and cells.loc["x", "b"] == 3
    rows = guard.without_small_cells(table, patients["a"])
    return rows.isna().to_numpy().tolist() == [[True, True], [False, False]]


def formulas(folder: Path) -> list[str]:
    rejects = Rejects()
    cells = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\uff1d1", " =1")
    for cell in cells:
        rejects.add("a.csv", cell, "x", "y")
    rejects.add("a.csv", "-5", "x", "y")
    rejects.save(folder / "rejects.csv")
    rows = pd.read_csv(folder / "rejects.csv", dtype=str)["row"].tolist()
    assert rows[:-1] == [f"'{cell}" for cell in cells]
    return rows


CREDENTIALED = "'mimic' is credentialed. Set TXTRAY_DATA to a folder outside any git work tree"
NOT_PUBLISHED = "results of the source 'mimic' must not be published"
SEEN = "is not made from the source 'mimic'.*nobody else may see.*--private"
ATTACKS = [
    Attack("a model in a work tree", in_private(in_a_work_tree), "error", CREDENTIALED),
    Attack("the usual data folder", in_private(in_the_usual_folder), "error", CREDENTIALED),
    Attack("one's own films", in_private(in_a_work_tree, "folder"), "error", "'folder'"),
    Attack("a bare repository", in_private(in_a_bare_repository), "error", CREDENTIALED),
    Attack("a hidden one", in_private(beside_a_hidden_repository), "error", CREDENTIALED),
    Attack("one by its name", in_private(in_a_named_work_tree), "error", CREDENTIALED),
    Attack("a link into one", in_private(by_a_link), "error", CREDENTIALED),
    Attack("a shared folder", in_private(in_a_shared_folder), "error", "is shared with others"),
    Attack("modes", in_private(modes), "right"),
    Attack("open data", open_data_is_as_before, "right"),
    Attack("another name", read_under_another_name, "error", NOT_PUBLISHED),
    Attack("a table by another name", a_table_read_under_another_name, "error", CREDENTIALED),
    Attack("results in a tree", in_private(results_in_a_work_tree), "error", "Set TXTRAY_RESULTS"),
    Attack("published results", in_private(published), "error", NOT_PUBLISHED),
    Attack("... by the setting", in_private(published_by_setting), "error", NOT_PUBLISHED),
    Attack("notebooks in the checkout", in_private(executed()), "note", SEEN),
    Attack("notebooks in private", in_private(notebooks_in_private), "right"),
    Attack("private, open data", executed("--private"), "note", "is for a credentialed source"),
    Attack("built pages", in_private(lambda _: pages.setup(None)), "error", SEEN),
    Attack("figures", in_private(marked_figures), "note", "mimic: credentialed, do not share"),
    Attack("the explorer's films", in_private(marked_explorer), "right"),
    Attack("small cells", small_cells, "right"),
    Attack("formulas", formulas, "reject", "'=cmd"),
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_guard(attack, tmp_path, monkeypatch):
    for name in ("TXTRAY_SOURCE", "TXTRAY_DATA", "TXTRAY_RESULTS", "GIT_WORK_TREE"):
        monkeypatch.setenv(name, "")  # so that what an act sets is taken back
        monkeypatch.delenv(name)
    before = sorted(PUBLISHED.iterdir())
    hold(attack, tmp_path)
    assert sorted(PUBLISHED.iterdir()) == before
    plt.close("all")
