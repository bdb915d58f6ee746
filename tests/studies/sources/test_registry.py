"""Several sources as one table; the sources here are made up, a module each."""

import pytest

from txtray_utils.errors import InputError
from txtray_utils.studies.sources import registry
from txtray_utils.studies.sources.registry import load_rejects, load_studies
from txtray_utils.studies.table import part

MODULE = """
from pathlib import Path
import numpy as np
from txtray_utils.studies.pixels import encode_png

INDEX = "list.txt"


def folder():
    return Path({place!r})


def rows(place, rejects):
    for number, split in enumerate((place / INDEX).read_text().split()):
        if split == "broken":
            rejects.add(place, f"{name}{{number}}", "is broken", "Mend it.")
            continue
        same = {same!r} if number == 0 else {{}}
        yield {{
            "study_id": f"{name}{{number}}", "subject_id": f"{name}-p{{number}}",
            "image_id": f"{name}-i{{number}}", "image": encode_png(np.eye(8, dtype=np.uint8)),
            "view": "PA", "split": split, "sentences": ["Clear."], "source": {name!r},
            "licence": "none",
        }} | same
"""


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """Return a function that makes up the sources of the registry: name, splits, fixed ids."""
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path / "data"))
    monkeypatch.syspath_prepend(tmp_path)

    def make(**lists):
        for name, (splits, same) in lists.items():
            place = tmp_path / "films" / name
            place.mkdir(parents=True)
            (place / "list.txt").write_text(splits)
            text = MODULE.format(place=str(place), name=name, same=same)
            (tmp_path / f"made_{tmp_path.name}_{name}.py").write_text(text)
        known = {name: f"made_{tmp_path.name}_{name}" for name in lists}
        monkeypatch.setattr(registry, "SOURCES", known)

    return make


def test_several_sources_are_one_table_whose_rows_keep_their_source(sources):
    sources(a=("train test broken", {}), b=("validate train broken broken", {}))
    table = load_studies("a+b")
    assert table["source"][:] == ["a", "a", "b", "b"]
    assert table["study_id"][:] == ["a0", "a1", "b0", "b1"]
    assert table.features == load_studies("a").features
    assert part(table, "train")["study_id"][:] == ["a0", "b1"]
    assert load_rejects("a+b")["row"].tolist() == ["a2", "b2", "b3"]
    assert load_studies("b+a")["study_id"][:] == ["b0", "b1", "a0", "a1"]


def test_nothing_is_copied(sources):
    sources(a=("train", {}), b=("test", {}))
    first, second = load_studies("a"), load_studies("b")
    assert load_studies("a+b").cache_files == first.cache_files + second.cache_files


@pytest.mark.parametrize("column", ["study_id", "subject_id", "image_id"])
def test_an_id_that_two_sources_share_is_named_with_both(sources, column):
    sources(a=("train test", {column: "x"}), b=("train", {}), c=("test", {column: "x"}))
    with pytest.raises(InputError, match=rf"a\+b\+c: {column} x stands in a and in c"):
        load_studies("a+b+c")
    assert len(load_studies("a+b")) == 3


def test_unknown_and_repeated_sources_are_named(sources):
    sources(a=("train", {}), b=("train", {}))
    for wanted, fault in (("a+c", "no source 'c'.*a, b"), ("a+b+a", "'a' is named twice")):
        for load in (load_studies, load_rejects):
            with pytest.raises(ValueError, match=fault):
                load(wanted)
