"""Bad input has two ways out: an `InputError` that stops, or a row of `Rejects` while the rest goes
on.

Both say the same three things: which file, what is wrong with it, and what to do.
Explained in book/01_reading_a_radiograph.
"""

import errno
import fcntl
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_OWN = re.compile(r"\.[0-9a-f]{12}\.partial$")  # as `replacing` names them


class InputError(ValueError):
    """A file or folder that cannot be used: `path`, its `fault` and the `remedy`."""

    def __init__(self, path: str | Path, fault: str, remedy: str) -> None:
        """Keep the three parts apart, so that `Rejects.add_error` can make a row of them."""
        super().__init__(str(path), fault, remedy)
        self.path, self.fault, self.remedy = str(path), fault, remedy

    def __str__(self) -> str:
        """Return the message that a reader sees."""
        return printable(f"{self.path}: {self.fault}. {self.remedy}")


def printable(text: object) -> str:
    r"""Return a text that can be written as UTF-8: a file name's odd bytes become \udcNN."""
    return str(text).encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True)
class Reject:
    """One input left out: its `file`, the `row` (an identifier, or empty), the `fault` and the
    `remedy`."""

    file: str
    row: str
    fault: str
    remedy: str


@dataclass
class Rejects:
    """What was left out of a table, and why; nothing is lost in silence."""

    rows: list[Reject] = field(default_factory=list)

    def add(self, file: str | Path, row: object, fault: str, remedy: str) -> None:
        """Record one input that was left out."""
        said = [printable(part) for part in (file, row, fault, remedy)]
        self.rows.append(Reject(*said))

    def add_error(self, error: InputError, row: object = "") -> None:
        """Record an `InputError` that was caught, with the row that it belongs to."""
        self.add(error.path, row, error.fault, error.remedy)

    def __len__(self) -> int:
        """Return how many inputs were left out."""
        return len(self.rows)

    def frame(self) -> pd.DataFrame:
        """Return the rejects as a table with the text columns file, row, fault and remedy."""
        columns = list(Reject.__dataclass_fields__)
        return pd.DataFrame([asdict(row) for row in self.rows], columns=columns, dtype=str)

    def save(self, path: Path) -> None:
        """Write the table as csv, whole or not at all; no text in it is a formula to a spreadsheet
        program.

        Raises:
            InputError: the folder cannot be written or is full.
        """
        with replacing(path) as partial:
            self.frame().map(as_text).to_csv(partial, index=False)


def as_text(cell: str) -> str:
    """Return a cell that a spreadsheet program takes as a text: one that begins as a formula does
    gets an apostrophe; a number is left as it is."""
    if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Make the folder of `path`, and turn what the system says about a failed write into an
    `InputError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _FULL:
            raise InputError(
                path, f"the disk is full ({reason})", "Free some space, or set TXTRAY_DATA."
            ) from error
        remedy = "Make the folder writable, or set TXTRAY_DATA to one that is."
        raise InputError(path, f"cannot be written ({reason})", remedy) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file beside `path` to write to, and put it in the place of `path` once it is whole.

    Its name is this writer's own, so of two writers the last one's file stays, whole. It is held
    while it is written; what killed writers of `path` left is swept away. Raises as `writing`.
    """
    with writing(path):
        if path.exists() and not path.is_file():
            raise OSError(errno.EEXIST, "there is something else in its place")
        sweep(path.parent, f"{path.name}.*.partial")
        partial = path.with_name(f"{path.name}.{secrets.token_hex(6)}.partial")
        try:
            with partial.open("wb") as held:
                fcntl.flock(held, fcntl.LOCK_EX)
                yield partial
                partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def sweep(folder: Path, pattern: str) -> None:
    """Delete the files that match and that no `replacing` holds: those who wrote them are gone."""
    for path in folder.glob(pattern):
        if not _OWN.search(path.name):
            continue
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
