"""Attacks on what is kept: tables, features, checkpoints, results, and the writing of files.

This module is also a source of studies: a list of names, and a report a study.
"""

import errno
import json
import logging
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import check_results
import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.attacks.attack import Attack, hold
from tests.full_disk import full_disk
from tests.studies.test_table import study
from txtray_utils.align.checkpoint import Checkpoint, load_tensors, load_weights, save_tensors
from txtray_utils.align.encoders import text_features
from txtray_utils.errors import InputError, Rejects, replacing
from txtray_utils.keep import entry_path, kept, key_of, locked
from txtray_utils.results import Result, read_results, source_of, write_results
from txtray_utils.studies.sources import registry
from txtray_utils.studies.table import make_table, read_table

INDEX = "list.txt"
LEARNT = Result(0.5, 10, "AUC", "made up")


@pytest.fixture(autouse=True)
def _made(tmp_path, monkeypatch):
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path / "data"))
    monkeypatch.setitem(registry.SOURCES, "made", __name__)


def rows(place: Path, rejects: Rejects):
    for name in (place / INDEX).read_text().split():
        report = place / "reports" / f"{name}.txt"
        if not report.is_file():
            rejects.add(report, name, "is missing", "Fetch it.")
            continue
        yield study(int(name), findings=report.read_text())


def source(folder: Path, names: str = "1 2 3") -> Path:
    place = folder / "run[12]"
    (place / "reports").mkdir(parents=True)
    (place / INDEX).write_text(names)
    for name in "123":
        (place / "reports" / f"{name}.txt").write_text("Clear.")
    return place


def found(place: Path) -> list[str]:
    return list(registry.read_folder("made", place)["findings"])


def tables(folder: Path, pattern: str = "*.arrow") -> list[Path]:
    return sorted((folder / "data/tables").glob(pattern))


# ---- a source that changes


def changed(change: Callable[[Path], None], wanted: list[str]):
    """Load, change the source, load again: the second table must be as wanted."""

    def act(folder: Path) -> bool:
        place = source(folder)
        assert found(place) == ["Clear."] * 3
        change(place)
        return found(place) == wanted

    return act


def longer(place: Path) -> None:
    (place / "reports/2.txt").write_text("Not clear.")


def dated_back(place: Path) -> None:
    """Change a report, and leave its size and its date."""
    path = place / "reports/2.txt"
    before = path.stat()
    path.write_text("Cloud.")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def gone(place: Path) -> None:
    (place / "reports/2.txt").unlink()


def exchanged(place: Path) -> None:
    longer(place)
    first, second = place / "reports/1.txt", place / "reports/2.txt"
    second.rename(place / "x")
    first.rename(second)
    (place / "x").rename(first)


def behind_a_link(place: Path) -> None:
    (place / "reports").rename(place.parent / "elsewhere")
    (place / "reports").symlink_to(place.parent / "elsewhere")
    found(place)
    (place.parent / "elsewhere/2.txt").write_text("Not clear.")


def linked_back(place: Path) -> None:
    (place / "reports/round").symlink_to(place)


def odd_name(place: Path) -> None:
    Path(os.fsdecode(os.fsencode(place) + b"/\xff.txt")).write_text("x")
    (place / "dead").symlink_to("nowhere")


def still_arriving(folder: Path) -> bool:
    place = source(folder)
    found(place)
    (place / "reports/4.txt.partial").write_text("Half")
    found(place)
    return len(tables(folder)) == 1


def without_index(folder: Path) -> object:
    place = source(folder)
    (place / INDEX).unlink()
    return found(place)


# ---- tables that are damaged


def loaded_after(change: Callable[[Path], None]):
    """Load, damage the entry, load again; return what the log says, once the rows are right."""

    def act(folder: Path) -> list[str]:
        place = source(folder)
        found(place)
        (table,) = tables(folder)
        change(table)
        said: list[str] = []
        handler = logging.Handler()
        handler.emit = lambda record: said.append(record.getMessage())
        logging.getLogger("txtray_utils.keep").addHandler(handler)
        try:
            assert found(place) == ["Clear."] * 3
        finally:
            logging.getLogger("txtray_utils.keep").removeHandler(handler)
        assert len(registry.read_folder("made", place)) == 3
        return said

    return act


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for place in range(200, len(data), 997):
        data[place] ^= 0x10
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def no_rejects(path: Path) -> None:
    path.with_suffix(".rejects.csv").unlink()


def half_rejects(path: Path) -> None:
    path.with_suffix(".rejects.csv").write_text("file,ro")


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def no_note(path: Path) -> None:
    path.with_name(f"{path.name}.note").unlink()


def of_another(path: Path) -> None:
    """Put another whole table in its place."""
    make_table([study(9)], path.parent / "other")
    (path.parent / "other").rename(path)


def between_batches(folder: Path) -> object:
    path = folder / "t.arrow"
    make_table((study(number) for number in range(150)), path)
    reader = pa.ipc.open_stream(path.read_bytes())
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, reader.schema) as stream:
        stream.write_batch(reader.read_next_batch())
    return read_table(path)


def read_spoilt(change: Callable[[Path], None]):
    def act(folder: Path) -> object:
        make_table([study(0), study(1)], folder / "t.arrow")
        change(folder / "t.arrow")
        return read_table(folder / "t.arrow")

    return act


def nothing_usable(folder: Path) -> bool:
    """A build that fails says where its rejects are, and they are there."""
    place = source(folder, "7 8")
    with pytest.raises(InputError, match="2 rejects say what was left out"):
        found(place)
    (rejects,) = tables(folder, "*.rejects.csv")
    return rejects.read_text().count("is missing") == 2


def killed(folder: Path) -> bool:
    """What killed loads left is swept away by the next one; a write in progress is not."""
    place, held = source(folder), folder / "data/tables/0.arrow"
    with replacing(held) as alive:
        alive.write_text("rows")
        dead = held.with_name("aaaa.arrow.0123456789ab.partial")
        dead.write_text("patient rows")
        found(place)
        assert alive.exists()
    return not dead.exists() and not tables(folder, "*.partial")


def unreadable_film(folder: Path) -> object:
    def broken():
        yield study(0)
        raise PermissionError(errno.EACCES, "Permission denied", "film.dcm")

    return make_table(broken(), folder / "t.arrow")


# ---- writing


def two_writers(folder: Path) -> bool:
    path = folder / "kept.txt"
    with replacing(path) as one, replacing(path) as other:
        one.write_text("a" * 1000)
        other.write_text("b" * 10)
    return path.read_text() == "a" * 1000 and list(folder.glob("*.partial")) == []


def rejects_on_a_full_disk(folder: Path) -> bool:
    path, rejects = folder / "rejects.csv", Rejects()
    for row in range(6001):
        rejects.add("film", row, "is empty", "Fetch it.")
    with full_disk(), pytest.raises(InputError, match="disk is full"):
        rejects.save(path)
    return not path.exists() and list(folder.glob("*.partial")) == []


def over_a_folder(folder: Path) -> None:
    (folder / "kept").mkdir()
    with replacing(folder / "kept") as partial:
        partial.write_text("x")


def many_makers(folder: Path) -> bool:
    """Eight threads want one entry: it is made once."""
    made: list[int] = []

    def make() -> dict:
        made.append(1)
        return {"weight": torch.ones(3)}

    def want() -> None:
        kept("models", 1, [], make=make, write=save_file, read=load_file)

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made == [1] and not list((folder / "data/models").glob("*.lock"))


def maker_that_fails(folder: Path) -> bool:
    """A file that the maker lacks is not said to be a lock that cannot be written."""
    with pytest.raises(FileNotFoundError, match="no/such/film"):
        kept("models", 1, [], make=Path("no/such/film").read_bytes, write=save_file, read=load_file)
    return not list((folder / "data/models").iterdir())


def lock_of_a_killed_one(folder: Path) -> bool:
    path = folder / "x"
    path.with_name("x.lock").write_text("")
    with locked(path):
        pass
    return list(folder.glob("*.lock")) == []


# ---- keys


def separators(_: Path) -> bool:
    keys = set()
    for value in (["a", "b"], ["a\0b"], ["a", "b", ""], [["a", "b"]], ["a\0", "b"]):
        keys.add(key_of("features", value, []))
    return len(keys) == 5


def odd_path(_: Path) -> bool:
    one, other = Path("a\udcff"), Path("a\udcfe")
    return key_of("tables", one, []) != key_of("tables", other, [])


def objects(_: Path) -> bool:
    with pytest.raises(TypeError, match="array of objects"):
        key_of("tables", np.array(["a", None], object), [])
    return True


def same_model_key(_: Path) -> bool:
    """Keys of equal inputs stay as they were: kept models are dear."""
    value = {"rate": 0.1, "x": torch.arange(3), "y": [None, True, b"z", Path("p")]}
    return key_of("models", value, []) == "7d9ae22c1d69e8af"


# ---- features


def features(array: np.ndarray):
    """Features of the right checksum and the wrong kind are made again."""

    def act(_: Path) -> bool:
        texts = ["Clear.", "Not clear."]
        right = text_features(texts)
        (path,) = entry_path("features", 0, [], "").parent.glob("*.npy")
        np.save(path, array)
        data = path.read_bytes()
        note = {"size": len(data), "sha256": __import__("hashlib").sha256(data).hexdigest()}
        path.with_name(f"{path.name}.note").write_text(json.dumps(note))
        return torch.equal(text_features(texts), right)

    return act


# ---- checkpoints


def run(folder: Path) -> tuple[Checkpoint, torch.nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    keep = Checkpoint(folder / "run.safetensors", "this")
    keep.save(5, model, None, optimiser)
    return keep, model, optimiser


def resumed(change: Callable[[dict, dict], None], teacher: torch.nn.Module | None = None):
    """Change tensors and notes of a checkpoint, write it with its checksum, go on from it."""

    def act(folder: Path) -> int:
        keep, model, optimiser = run(folder)
        about, tensors = load_tensors(keep.path)
        change(about, tensors)
        save_tensors(keep.path, tensors, about)
        return keep.load(model, teacher, optimiser)

    return act


def raw(change: Callable[[dict], dict]):
    """Write other tensors under the notes of a checkpoint, as another program would."""

    def act(folder: Path) -> int:
        keep, model, optimiser = run(folder)
        tensors = change(load_file(keep.path))
        save_file(tensors, keep.path, {"run": "this", "step": "5"})
        return keep.load(model, None, optimiser)

    return act


def random_bytes(tensors: dict) -> dict:
    return {name: torch.rand_like(tensor) for name, tensor in tensors.items()}


def drop(prefix: str):
    def act(_: dict, tensors: dict) -> None:
        for name in [name for name in tensors if name.startswith(prefix)]:
            del tensors[name]

    return act


def nan(_: dict, tensors: dict) -> None:
    tensors["model.weight"][0] = float("nan")


def wide(_: dict, tensors: dict) -> None:
    tensors["model.weight"] = tensors["model.weight"].double()


def extra(_: dict, tensors: dict) -> None:
    tensors["model.more"] = torch.ones(1)


def no_step(about: dict, _: dict) -> None:
    del about["step"]


def negative_step(about: dict, _: dict) -> None:
    about["step"] = "-3"


def bit(folder: Path) -> int:
    keep, model, optimiser = run(folder)
    data = bytearray(keep.path.read_bytes())
    data[-2] ^= 1
    keep.path.write_bytes(data)
    return keep.load(model, None, optimiser)


def other_shape(folder: Path) -> None:
    save_tensors(folder / "m", {"weight": torch.ones(2, 4), "bias": torch.ones(2)})
    load_weights(folder / "m", torch.nn.Linear(3, 2), load_tensors(folder / "m")[1])


# ---- results


def results_of_another(folder: Path) -> None:
    (folder / "x.json").write_text('{"source": "covid"}')
    write_results("x", {"a": LEARNT}, folder)


def results_named(folder: Path) -> bool:
    write_results("x", {"a": LEARNT}, folder)
    return source_of("x", folder) == "demo" and read_results("x", folder) == {"a": LEARNT}


def results_unnamed(folder: Path) -> bool:
    """Files of before sources were named are the demo's."""
    path = write_results("x", {"a": LEARNT}, folder)
    text = json.loads(path.read_text())
    del text["source"]
    path.write_text(json.dumps(text))
    return source_of("x", folder) == "demo" and read_results("x", folder) == {"a": LEARNT}


def results_together(folder: Path) -> bool:
    """Of ten who add a result at once, none loses another's."""
    threads = []
    for number in range(10):
        added = {f"k{number}": LEARNT}
        threads.append(threading.Thread(target=write_results, args=("x", added, folder)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(read_results("x", folder)) == 10


def checker(folder: Path) -> list[str]:
    """The checker names the file whose numbers are another source's, and carries none of them."""
    for name in ("src/txtray_utils", "book/results", "new"):
        (folder / name).mkdir(parents=True)
    shutil.copy(Path(__file__).parents[2] / "_toc.yml", folder)
    write_results("x", {"a": LEARNT}, folder / "new")
    text = (folder / "new/x.json").read_text().replace('"demo"', '"covid"')
    (folder / "new/x.json").write_text(text)
    return check_results.strangers("x", (folder / "new", folder / "book/results"))


ATTACKS = [
    Attack("a report corrected", changed(longer, ["Clear.", "Not clear.", "Clear."]), "right"),
    Attack("changed under its date", changed(dated_back, ["Clear.", "Cloud.", "Clear."]), "right"),
    Attack("a report taken away", changed(gone, ["Clear."] * 2), "right"),
    Attack("two exchanged", changed(exchanged, ["Not clear.", "Clear.", "Clear."]), "right"),
    Attack("behind a link", changed(behind_a_link, ["Clear.", "Not clear.", "Clear."]), "right"),
    Attack("a link to a folder above", changed(linked_back, ["Clear."] * 3), "right"),
    Attack("names not UTF-8, dead links", changed(odd_name, ["Clear."] * 3), "right"),
    Attack("a file that is still arriving", still_arriving, "right"),
    Attack("no list of studies", without_index, "error", "list.txt.*cannot be read.*Fetch"),
    Attack("a table with bytes flipped", loaded_after(flip), "note", "arrow is damaged.*again"),
    Attack("a table cut", loaded_after(cut), "note", "arrow is damaged.*put aside"),
    Attack("a table that is a folder", loaded_after(as_folder), "note", "arrow is damaged"),
    Attack("a table without its note", loaded_after(no_note), "note", "not made here"),
    Attack("another table in its place", loaded_after(of_another), "note", "arrow is damaged"),
    Attack("no rejects beside a table", loaded_after(no_rejects), "note", "rejects.csv.*not whole"),
    Attack("half of the rejects", loaded_after(half_rejects), "note", "rejects.csv.*not whole"),
    Attack("cut between batches, ended well", between_batches, "error", "not a whole Arrow"),
    Attack("bytes flipped, read alone", read_spoilt(flip), "error", "not a whole Arrow.*Delete"),
    Attack("a table without note, read alone", read_spoilt(no_note), "error", "not a whole Arrow"),
    Attack("no study can be used", nothing_usable, "right"),
    Attack("partial files of killed loads", killed, "right"),
    Attack("a film that may not be read", unreadable_film, "error", "film.dcm: cannot be read"),
    Attack("two writers of one file", two_writers, "right"),
    Attack("a full disk under the rejects", rejects_on_a_full_disk, "right"),
    Attack("a folder in a file's place", over_a_folder, "error", "kept: cannot be written.*else"),
    Attack("eight makers at once", many_makers, "right"),
    Attack("a maker that lacks a file", maker_that_fails, "right"),
    Attack("the lock of a killed one", lock_of_a_killed_one, "right"),
    Attack("texts that run together", separators, "right"),
    Attack("a path that is not UTF-8", odd_path, "right"),
    Attack("an array of objects", objects, "right"),
    Attack("a key that moved", same_model_key, "right"),
    Attack("features of another shape", features(np.zeros((3, 384), np.float32)), "right"),
    Attack("features of one dimension", features(np.zeros(2, np.float32)), "right"),
    Attack("NaN features", features(np.full((2, 384), np.nan, np.float32)), "right"),
    Attack("float64 features", features(np.zeros((2, 384))), "right"),
    Attack("a checkpoint of NaN", resumed(nan), "error", "NaN or infinity in model.weight"),
    Attack("a checkpoint of random bytes", raw(random_bytes), "error", "checksum is another"),
    Attack("a checkpoint with a bit flipped", bit, "error", "checksum is another"),
    Attack("no optimiser state", resumed(drop("adam.")), "error", "lacks the state of the opt"),
    Attack("half the optimiser", resumed(drop("adam.0")), "error", "lacks the state of the opt"),
    Attack("a moment gone", resumed(drop("adam.1.exp_avg_sq")), "error", "lacks the state of"),
    Attack("no weights", resumed(drop("model.bias")), "error", "lacks bias"),
    Attack("float64 weights", resumed(wide), "error", "holds torch.float64"),
    Attack("weights of another model", resumed(extra), "error", "holds more, which the model"),
    Attack("no teacher", resumed(drop("x"), torch.nn.Linear(3, 2)), "error", "lacks weight"),
    Attack("no step", resumed(no_step), "error", "its step is ''"),
    Attack("a negative step", resumed(negative_step), "error", "its step is '-3'"),
    Attack("a model of another shape", other_shape, "error", r"\(2, 4\) as weight"),
    Attack("results of another source", results_of_another, "error", "source 'covid'.*'demo'"),
    Attack("results name their source", results_named, "right"),
    Attack("results of before", results_unnamed, "right"),
    Attack("ten add results at once", results_together, "right"),
    Attack("the checker and another source", checker, "note", "results of 'covid', not of 'demo'"),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_what_is_kept_is_honest(attack, tmp_path):
    hold(attack, tmp_path)
