"""A private folder for what does not fit in memory, below the data folder and gone afterwards.

Rows of patients may lie in it: it is open to its owner only, and what a killed process left is
removed by the next one. Explained in book/03_linking_images_to_the_record.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from txtray_utils.errors import writing
from txtray_utils.settings import data_dir

_LOCK = "in-use"


@contextmanager
def private_folder() -> Iterator[Path]:
    """Give a new folder (mode 700) below `data_dir("tmp")`, and remove it at the end.

    Raises:
        InputError: the data folder cannot be written.
    """
    place = data_dir("tmp")
    with writing(place / _LOCK):
        place.chmod(0o700)
        _sweep(place)
        folder = Path(tempfile.mkdtemp(prefix="rows-", dir=place))
        lock = (folder / _LOCK).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)  # the system frees it when this process ends
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def _sweep(place: Path) -> None:
    """Remove the folders that no living process holds."""
    for folder in place.glob("rows-*"):
        try:
            handle = os.open(folder / _LOCK, os.O_RDWR)
        except OSError:
            continue  # it is being made or removed just now
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(handle)
