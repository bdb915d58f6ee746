"""Made once and kept: tables, features, models and writers, in one cache.

An entry is a file in `data_dir(kind)`, named by a key of its inputs and of the code that made it:
the given functions *and the package functions, classes and constants that these use*
(`txtray_utils.code`). Beside it lies a note with its size and checksum. One process makes an entry,
others wait for it; an entry that is damaged or of another kind is named in the log, put aside as
`*.broken`, and made again. What killed writers left is swept away. Explained in
book/04_contrastive_alignment.
"""

import fcntl
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from txtray_utils.code import code_of
from txtray_utils.errors import replacing, sweep, writing
from txtray_utils.guard import keep_in
from txtray_utils.settings import data_dir

log = logging.getLogger(__name__)
Kept = TypeVar("Kept")


def kept(
    kind: str,
    inputs: object,
    makers: Sequence[Callable | Path],
    *,
    make: Callable[[], Kept],
    write: Callable[[Kept, Path], None],
    read: Callable[[Path], Kept],
    ending: str = "",
) -> Kept:
    """Return what `make` makes, from the cache if it is there.

    Args:
        kind: the folder, such as "models".
        inputs: all that decides the result: texts, numbers, bytes, None, lists, dicts, dataclasses,
            tensors or arrays of these.
        makers: the functions (or files of patterns and the like) whose code decides it too.
        make: makes it.
        write: writes it to a file.
        read: reads it from there; may raise whatever a damaged file makes it raise.
        ending: of the file's name, such as ".safetensors".

    Raises:
        InputError: the folder cannot be written, the disk is full, or the source is credentialed
            and the folder lies in a git work tree.
    """
    path = entry_path(kind, inputs, makers, ending)
    keep_in(path)
    found, value = _found(read, path)
    if found:
        return value
    with locked(path):
        found, value = _found(read, path)  # another process may have made it while this one waited
        if found:
            return value
        sweep(path.parent, "*.partial")
        put_aside(path)
        _store(path, make(), write)
    return read(path)


def entry_path(kind: str, inputs: object, makers: Sequence[Callable | Path], ending: str) -> Path:
    """Return the file of an entry, whether it is there or not."""
    return data_dir(kind, f"{key_of(kind, inputs, makers)}{ending}")


def key_of(kind: str, inputs: object, makers: Sequence[Callable | Path]) -> str:
    """Return 16 hexadecimal digits for the inputs and the code of an entry."""
    digest = hashlib.sha256(kind.encode())
    for part in _flat(inputs):
        digest.update(len(part).to_bytes(8, "little") + part)
    for maker in makers:
        code = maker.read_bytes() if isinstance(maker, Path) else code_of(maker).encode()
        digest.update(code)
    return digest.hexdigest()[:16]


def _flat(value: Any) -> Iterator[bytes]:
    """Give every part of a value as bytes, with its type, so that no two values look alike."""
    yield type(value).__name__.encode()
    if value is None or isinstance(value, (bool, int, float, str)):
        yield repr(value).encode("utf-8", "backslashreplace")
    elif isinstance(value, (bytes, Path)):
        yield value if isinstance(value, bytes) else os.fsencode(value)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _flat(field.name)
            yield from _flat(getattr(value, field.name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(key)
            yield from _flat(item)
        yield b"end"
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _flat(item)
        yield b"end"
    elif hasattr(value, "numpy") or hasattr(value, "tobytes"):
        array = value.numpy() if hasattr(value, "numpy") else value
        if array.dtype.hasobject:
            raise TypeError("an array of objects cannot be part of a cache's key: give a list")
        yield f"{array.dtype} {array.shape}".encode()
        yield array.tobytes()
    else:
        raise TypeError(f"{type(value).__name__} cannot be part of a cache's key")


def _store(path: Path, value: Kept, write: Callable[[Kept, Path], None]) -> None:
    """Write the entry, then its note; either appears only when it is whole."""
    with replacing(path) as partial:
        write(value, partial)
        about = _about(partial)
    _sign(path, about)


def sign(path: Path, **about: object) -> None:
    """Write beside a file a note of its size and SHA-256, and what else there is to say of it."""
    _sign(path, _about(path) | about)


def signed(path: Path) -> dict | None:
    """Return the note of a file, if file and note are there and agree; else None."""
    try:
        note = json.loads(_note(path).read_text("utf-8"))
        whole = {"size": note["size"], "sha256": note["sha256"]} == _about(path)
    except (OSError, ValueError, KeyError, TypeError):
        whole = False
    return note if whole else None


def put_aside(path: Path) -> None:
    """Rename a file to `*.broken`, with the time if there is one already; delete its note."""
    if path.exists() or path.is_symlink():
        aside = path.with_name(f"{path.name}.broken")
        if aside.exists():
            aside = path.with_name(f"{path.name}.{time.time_ns()}.broken")
        with writing(aside):
            os.replace(path, aside)
    _note(path).unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process (or thread) at a time make a file; the system frees the lock of a killed one.

    Raises:
        InputError: the folder cannot be written.
    """
    lock = path.with_name(f"{path.name}.lock")
    held = _lock(lock)
    while not _is_at(held, lock):  # the one who had it has taken the file away
        held.close()
        held = _lock(lock)
    with held:
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _lock(lock: Path) -> IO:
    with writing(lock):
        file = lock.open("w")
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _is_at(file: IO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _found(read: Callable[[Path], Kept], path: Path) -> tuple[bool, Kept | None]:
    """Return whether an entry is there and whole, and what it holds."""
    if not path.exists():
        return False, None
    if signed(path) is None:
        log.warning("%s is damaged, or was not made here; it is put aside and made again", path)
        return False, None
    try:
        return True, read(path)
    except Exception as error:  # noqa: BLE001 - a file of another kind can fail in any way; it is made again
        log.warning("%s cannot be read (%s); it is put aside and made again", path, error)
        return False, None


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.note")


def _sign(path: Path, about: dict) -> None:
    with replacing(_note(path)) as partial:
        partial.write_text(json.dumps(about), "utf-8")


def _about(path: Path) -> dict:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": digest}
