"""What a folder holds, in one line: a stamp that changes when any of its files does.

It is part of the key of a study table, so that a film, report or table that was corrected or has
arrived since is read. Explained in book/01_reading_a_radiograph.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from txtray_utils.errors import InputError

_UNFINISHED = ".partial"


def stamp_of(place: Path) -> str:
    """Return a hash of the name, size and change time (ns) of every file below a folder.

    Files that are still being fetched (`*.partial`) and hidden ones do not count. The change time
    is the system's own, which a copied date does not hide. Links are followed.

    Raises:
        InputError: the folder, or one below it, cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for line in sorted(_lines(os.fspath(place), "", frozenset())):
            digest.update(line)
    except OSError as error:
        fault = f"cannot be read ({error.strerror or error})"
        remedy = "Look at the folder and its permissions."
        raise InputError(error.filename or place, fault, remedy) from error
    return digest.hexdigest()


def _lines(folder: str, below: str, above: frozenset) -> Iterator[bytes]:
    """Give one line a file; `above` are the folders that this one lies in, against links back."""
    here = os.stat(folder)
    this = (here.st_dev, here.st_ino)
    if this in above:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith(".") or name.endswith(_UNFINISHED):
                continue
            path = f"{below}/{name}"
            if entry.is_dir():
                yield from _lines(entry.path, path, above | {this})
            else:
                yield _line(entry, path)


def _line(entry: os.DirEntry, path: str) -> bytes:
    try:
        about = entry.stat()
    except FileNotFoundError:  # a link to nothing
        about = entry.stat(follow_symlinks=False)
    stamp = f"{about.st_size} {about.st_ctime_ns} {about.st_mtime_ns}\n"
    return os.fsencode(path) + b"\0" + stamp.encode()
