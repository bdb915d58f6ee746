"""The one cache: keys of inputs and code, two writers, killed writers, damaged and foreign
entries."""

import json
import multiprocessing
import os
import pickle
import sys
import textwrap
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from txtray_utils import code
from txtray_utils.errors import InputError
from txtray_utils.keep import entry_path, kept, key_of


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path))
    return tmp_path


def entry(inputs=(1,)):
    return entry_path("models", inputs, [], ".safetensors")


def keep(value: float, made: list | None = None) -> dict:
    """Keep a tensor under one key; note in `made` that it was made."""

    def make():
        if made is not None:
            made.append(value)
        return {"weight": torch.full((3,), value)}

    return kept(
        "models", (1,), [], make=make, write=save_file, read=load_file, ending=".safetensors"
    )


def test_what_was_made_once_is_read_again():
    made: list = []
    assert keep(1.0, made)["weight"].tolist() == [1, 1, 1]
    assert keep(2.0, made)["weight"].tolist() == [1, 1, 1]
    assert made == [1.0]
    assert sorted(path.suffix for path in entry().parent.iterdir()) == [".note", ".safetensors"]


def cut(path):
    path.write_bytes(path.read_bytes()[:-4])


def flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def other_magic(path):
    path.write_bytes(b"PK" + path.read_bytes()[2:])


def pickled(path):
    path.write_bytes(pickle.dumps({"weight": 1}))


def other_shape(path):
    save_file({"weight": torch.zeros(7)}, path)


def empty(path):
    path.write_bytes(b"")


def no_note(path):
    path.with_name(f"{path.name}.note").unlink()


def wrong_note(path):
    path.with_name(f"{path.name}.note").write_text("[]")


DAMAGES = (cut, flip, other_magic, pickled, other_shape, empty, no_note, wrong_note)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_or_foreign_entry_is_named_put_aside_and_made_again(damage, caplog):
    keep(1.0)
    damage(entry())
    left = entry().read_bytes()
    made: list = []
    assert keep(2.0, made)["weight"].tolist() == [2, 2, 2]
    assert made == [2.0]
    assert str(entry()) in caplog.text and "put aside" in caplog.text
    assert entry().with_name(f"{entry().name}.broken").read_bytes() == left


def test_an_entry_whose_note_fits_but_that_cannot_be_read_is_made_again(caplog):
    keep(1.0)
    pickled(entry())
    note = entry().with_name(f"{entry().name}.note")
    data = entry().read_bytes()
    digest = __import__("hashlib").sha256(data).hexdigest()
    note.write_text(json.dumps({"size": len(data), "sha256": digest}))
    assert keep(2.0)["weight"].tolist() == [2, 2, 2]
    assert "cannot be read" in caplog.text


def slow(folder: str, value: float, made) -> None:
    """Make the entry slowly in a process of its own, and say that it was made here."""
    os.environ["TXTRAY_DATA"] = folder

    def make():
        made.put(value)
        __import__("time").sleep(0.5)
        return {"weight": torch.full((100_000,), value)}

    kept("models", (2,), [], make=make, write=save_file, read=load_file, ending=".safetensors")


def test_of_two_processes_one_makes_it_and_the_other_waits(folder):
    context = multiprocessing.get_context("spawn")
    made = context.Queue()
    workers = [context.Process(target=slow, args=(str(folder), k, made)) for k in (1.0, 2.0)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    first = made.get(timeout=5)
    assert made.empty()
    found = load_file(entry((2,)))["weight"]
    assert bool((found == first).all())


def dies(folder: str) -> None:
    os.environ["TXTRAY_DATA"] = folder

    def write(value, path):
        path.write_bytes(b"half of it")
        os._exit(9)  # as if killed: nothing is cleaned up

    kept("models", (1,), [], make=dict, write=write, read=load_file, ending=".safetensors")


def test_a_killed_writer_leaves_no_entry_and_no_lock(folder):
    worker = multiprocessing.get_context("spawn").Process(target=dies, args=(str(folder),))
    worker.start()
    worker.join()
    assert worker.exitcode == 9 and not entry().exists()
    assert keep(3.0)["weight"].tolist() == [3, 3, 3]


def test_a_write_that_fails_leaves_nothing_and_says_why():
    def write(value, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="disk is full"):
        kept("models", (1,), [], make=dict, write=write, read=load_file, ending=".safetensors")
    assert not entry().exists() and not list(entry().parent.glob("*.partial"))


# ---- keys


@dataclass(frozen=True)
class Setting:
    rate: float
    name: str


DIFFERENT = [
    ["a", "b"],
    ["a\0b"],
    ["ab"],
    [["a"], "b"],
    ("a", "b"),
    {"a": "b"},
    [1],
    ["1"],
    [1.0],
    [True],
    [None],
    Setting(0.1, "x"),
    Setting(0.2, "x"),
    np.zeros(2, np.float32),
    np.zeros(2, np.float64),
    np.zeros((2, 1), np.float32),
    torch.ones(2),
]


def test_different_inputs_have_different_keys():
    keys = [key_of("models", value, []) for value in DIFFERENT]
    assert len(set(keys)) == len(keys)
    assert key_of("models", Setting(0.1, "x"), []) == key_of("models", Setting(0.1, "x"), [])
    assert key_of("models", 1, []) != key_of("tables", 1, [])
    with pytest.raises(TypeError, match="set"):
        key_of("models", {1}, [])


CODE = {
    "a.py": '''
        """One."""
        from txtray_probe.b import called, unrelated
        LIMIT = 3

        def maker(x):
            """Make."""
            return called(x) + LIMIT
        ''',
    "b.py": """
        def called(x):
            return deeper(x)

        def deeper(x):
            return 2 * x

        def unrelated(x):
            return x
        """,
}


def keyed(tmp_path, monkeypatch, changes: dict[str, tuple[str, str]]) -> str:
    """Write the two modules with some text changed, import them afresh, return the maker's key."""
    root = tmp_path / "code" / "txtray_probe"
    root.mkdir(parents=True, exist_ok=True)
    (root / "__init__.py").write_text("")
    for name, text in CODE.items():
        old, new = changes.get(name, ("", ""))
        assert old in text
        (root / name).write_text(textwrap.dedent(text.replace(old, new)))
    monkeypatch.syspath_prepend(str(root.parent))
    monkeypatch.setattr(code, "PACKAGES", ("txtray_probe",))
    for module in [name for name in sys.modules if name.startswith("txtray_probe")]:
        monkeypatch.delitem(sys.modules, module)
    for cached in (code.source, code.definitions, code.imports):
        cached.cache_clear()
    maker = __import__("txtray_probe.a", fromlist=["maker"]).maker
    return key_of("models", 1, [maker])


CHANGED = {
    "the maker": {"a.py": ("called(x) + LIMIT", "called(x) - LIMIT")},
    "a constant that it uses": {"a.py": ("LIMIT = 3", "LIMIT = 4")},
    "a function that it calls": {"b.py": ("return deeper(x)", "return deeper(x + 1)")},
    "a function called by that": {"b.py": ("2 * x", "3 * x")},
}
SAME = {
    "an unrelated function renamed": {"b.py": ("def unrelated", "def renamed")},
    "an unrelated function changed": {"b.py": ("return x\n", "return x + 1\n")},
    "a docstring": {"a.py": ('"""Make."""', '"""Make it."""')},
    "the layout": {"b.py": ("2 * x", "2 *  x  # a comment")},
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_the_key_changes_with_the_code(change, tmp_path, monkeypatch):
    before = keyed(tmp_path, monkeypatch, {})
    assert keyed(tmp_path, monkeypatch, change) != before


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_the_key_stays_where_the_result_cannot_change(change, tmp_path, monkeypatch):
    before = keyed(tmp_path, monkeypatch, {})
    if "def renamed" in str(change):
        imported = CODE | {"a.py": CODE["a.py"].replace("called, unrelated", "called")}
        monkeypatch.setitem(globals(), "CODE", imported)
    assert keyed(tmp_path, monkeypatch, change) == before
