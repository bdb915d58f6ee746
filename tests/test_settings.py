import re
from pathlib import Path

import pytest

from txtray_utils import settings as module
from txtray_utils.settings import data_dir, settings
from txtray_utils.studies.sources import registry

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in (
        "SOURCE",
        "QUICK",
        "DATA",
        "RESULTS",
        "COVID",
        "NIH",
        "LUNGS",
        "FOLDER",
        "TEXT_TOWER",
    ):
        monkeypatch.delenv(f"TXTRAY_{name}", raising=False)


def test_defaults_are_the_full_demo_in_the_checkout():
    now = settings()
    assert (now.source, now.quick, now.seed, now.studies, now.checkout) == (
        "demo",
        False,
        0,
        1600,
        CHECKOUT,
    )
    assert now.data == CHECKOUT / "data"
    assert now.results == CHECKOUT / "_build" / "results"
    assert data_dir("demo", "truth") == CHECKOUT / "data" / "demo" / "truth"


def test_a_quick_run_is_smaller_and_touches_nothing_of_a_full_one(monkeypatch):
    full = settings()
    monkeypatch.setenv("TXTRAY_QUICK", "1")
    now = settings()
    assert now.quick and now.studies == 200
    assert now.results != full.results
    assert data_dir("demo") == full.data / "demo-quick"
    assert data_dir("openi") == full.data / "openi"
    assert (now.steps(300), now.steps(5), full.steps(300)) == (30, 1, 300)


def test_folders_follow_the_environment_and_are_not_made(monkeypatch, tmp_path):
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("TXTRAY_RESULTS", "~/results")
    monkeypatch.setenv("TXTRAY_LUNGS", str(tmp_path / "sets"))
    assert settings().nih == tmp_path / "elsewhere" / "nih"
    assert settings().lungs == tmp_path / "sets"
    assert data_dir("demo") == tmp_path / "elsewhere" / "demo"
    assert settings().results == Path.home() / "results"
    assert not (tmp_path / "elsewhere").exists()
    assert settings().folder is None, "your own films have no default"
    monkeypatch.setenv("TXTRAY_FOLDER", str(tmp_path / "ours"))
    assert settings().folder == tmp_path / "ours"


def test_the_working_folder_does_not_matter_inside_the_checkout(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert settings().data == CHECKOUT / "data"


def test_an_installed_package_finds_the_checkout_from_the_working_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(
        module, "__file__", str(tmp_path / "site-packages" / "txtray_utils" / "settings.py")
    )
    monkeypatch.chdir(CHECKOUT / "book")
    assert settings().checkout == CHECKOUT
    monkeypatch.chdir(tmp_path)
    now = settings()
    assert now.checkout is None
    assert now.data == Path.home() / ".cache" / "txtray-align"
    assert now.results == now.data / "results"


def test_every_source_with_reports_may_be_set_and_every_one_is_on_the_data_card():
    assert set(registry.SOURCES) - set(module.SOURCES) == {"nih", "lungs"}
    assert set(module.SOURCES) <= set(registry.SOURCES)
    card = (CHECKOUT / "data" / "README.md").read_text("utf-8")
    assert all(f"| `{source}` |" in card for source in registry.SOURCES)


def test_several_sources_are_one_setting_and_a_private_one_makes_all_private(monkeypatch):
    monkeypatch.setenv("TXTRAY_SOURCE", "demo+openi")
    now = settings()
    assert now.sources == ("demo", "openi") and not now.private
    assert now.results.name == "results"
    monkeypatch.setenv("TXTRAY_SOURCE", "demo+folder")
    assert settings().private and settings().results.name == "results-demo+folder"


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("SOURCE", "mimik", "no source 'mimik'.*demo, openi, covid, mimic, folder"),
        ("SOURCE", "demo+mimik", "no source 'mimik'.*joined by +"),
        ("SOURCE", "demo+", "no source ''"),
        ("SOURCE", "demo+openi+demo", "'demo' is named twice"),
        ("SOURCE", "nih", "no source 'nih'"),
        ("QUICK", "yes", "0 or 1"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_what_is(monkeypatch, name, value, remedy):
    monkeypatch.setenv(f"TXTRAY_{name}", value)
    with pytest.raises(ValueError, match=f"TXTRAY_{name} is '{re.escape(value)}'.*{remedy}"):
        settings()
