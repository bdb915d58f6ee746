"""How a hospital is made: one maker at a time in a folder, whose workers end with it.

The lock is held on the folder itself, so no file is left; the system frees it when the maker ends,
however it ends. Explained in book/01_reading_a_radiograph.
"""

import fcntl
import logging
import multiprocessing
import operator
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from txtray_utils.errors import InputError, writing

log = logging.getLogger(__name__)


def whole_number(name: str, value: object, least: int) -> int:
    """Return the value of the option `name` as an int.

    Raises:
        InputError: it is no whole number, or less than `least`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or isinstance(value, bool):
        fault = f"{value!r} is out of range"
        raise InputError(f"the option {name}", fault, f"Give a whole number, {least} or more.")
    return number


@contextmanager
def only_maker(folder: Path) -> Iterator[None]:
    """Make `folder` and hold it; a second maker waits until the first one ends.

    Raises:
        InputError: the folder cannot be made, or its disk knows no locks.
    """
    with writing(folder / "truth"):
        held = os.open(folder, os.O_RDONLY)
    try:
        with writing(folder / "truth"):
            _lock(held, folder)
        yield
    finally:
        os.close(held)


def _lock(held: int, folder: Path) -> None:
    """Lock an open folder, waiting if another process holds it."""
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.warning("%s is being made by another process; this one waits", folder)
        fcntl.flock(held, fcntl.LOCK_EX)


def end_with_parent() -> None:
    """Let this worker end as soon as the process that started it is gone, killed or not."""
    threading.Thread(target=_wait_for_end, daemon=True).start()


def _wait_for_end() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)  # at once: nothing may be written any more
