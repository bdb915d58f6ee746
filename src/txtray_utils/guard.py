"""What comes from credentialed data stays in: where it may be written, and what may be shown.

A credentialed source is one of `settings.PRIVATE`: its licence lets nobody else see its films, its
reports or what is made of them. It counts from the moment that `TXTRAY_SOURCE` names it, or that
this process reads it, until the process ends. What is derived goes to a folder with mode 700,
outside the checkout and any git work tree, in files with mode 600; nothing goes where the book is
published from. Explained in book/credentialed_data.md.
"""

import os
import stat
from pathlib import Path

import pandas as pd

from txtray_utils.errors import InputError, writing
from txtray_utils.settings import PRIVATE, settings

LEAST = 10  # patients behind a number of an exported table
OPEN = stat.S_IRWXG | stat.S_IRWXO  # what group and others may do
REPOSITORY = ("HEAD", "objects", "refs")  # what a git folder holds

met: set[str] = set()  # the credentialed sources that this process has read


def credentialed() -> str | None:
    """Return the credentialed source that this process works with, or None."""
    now = settings()
    if now.private:
        return now.source
    return min(met, default=None)


def meet(source: str) -> None:
    """Say that this process is about to read `source`.

    Raises:
        InputError: it is credentialed, and `TXTRAY_DATA` lies in a git work tree or the checkout.
    """
    if source in PRIVATE:
        met.add(source)
        keep_in(settings().data / "tables" / "any")


def keep_in(path: Path, setting: str = "TXTRAY_DATA") -> None:
    """Make the folder of `path`, a derived file, private; do nothing for open sources.

    Its files are made with mode 600 from now on. `setting` is what the reader has to change.

    Raises:
        InputError: the folder lies in a git work tree or the checkout, or is open to others and
            cannot be closed.
    """
    source = credentialed()
    if source is None:
        return
    folder = path.resolve().parent
    tree = work_tree(folder) or _checkout_of(folder)
    if tree is not None:
        fault = f"lies in {tree}, a git work tree or checkout, and the source {source!r} is"
        remedy = f"Set {setting} to a folder outside any git work tree."
        raise InputError(folder, f"{fault} credentialed", remedy)
    os.umask(0o077)
    with writing(folder / "any"):
        _close(folder)


def check_may_be_published(path: Path) -> None:
    """Refuse to write a result into `book/results`, which is published.

    Raises:
        InputError: the source is credentialed.
    """
    source = credentialed()
    checkout = settings().checkout
    if source is None or checkout is None:
        return
    if path.resolve().is_relative_to(checkout.resolve() / "book" / "results"):
        fault = f"results of the source {source!r} must not be published"
        remedy = "Unset TXTRAY_RESULTS, or set it to a folder outside book/results."
        raise InputError(path, fault, remedy)


def check_publication(what: str) -> None:
    """Refuse to make `what`, which others will see.

    Raises:
        InputError: the source is credentialed.
    """
    source = credentialed()
    if source is not None:
        fault = f"is not made from the source {source!r}: it would hold films and reports that"
        remedy = (
            "Unset TXTRAY_SOURCE to build the book, or run the notebooks for yourself: "
            "python tools/execute.py --private"
        )
        raise InputError(what, f"{fault} nobody else may see", remedy)


def watermark() -> str:
    """Return what a figure must say, or an empty text for open sources."""
    source = credentialed()
    return f"{source}: credentialed, do not share" if source else ""


def without_small_cells(table: pd.DataFrame, patients: pd.DataFrame | pd.Series) -> pd.DataFrame:
    """Return `table` with an empty cell where fewer than LEAST patients stand behind a number.

    `patients` counts them for each cell, or as a Series for each row. A count that is not known is
    small. What is left out could still be found from a total: leave totals out as well.

    Raises:
        ValueError: `patients` has other rows or columns than `table`.
    """
    if not patients.index.equals(table.index):
        raise ValueError("the counts of patients have other rows than the table")
    enough = patients >= LEAST
    if isinstance(patients, pd.Series):
        kept = table.astype(object)
        kept.loc[~enough] = None
        return kept
    if not patients.columns.equals(table.columns):
        raise ValueError("the counts of patients have other columns than the table")
    return table.astype(object).where(enough, None)


def work_tree(place: Path) -> Path | None:
    """Return the git work tree or repository that a folder lies in, or None.

    A bare repository counts, and so does one in a hidden folder whose work tree is the folder
    above, as people keep their settings in.
    """
    place = place.resolve()
    named = os.environ.get("GIT_WORK_TREE")
    if named and place.is_relative_to(Path(named).resolve()):
        return Path(named).resolve()
    for above in (place, *place.parents):
        if (above / ".git").exists() or _is_repository(above) or _has_hidden(above):
            return above
    return None


def _is_repository(folder: Path) -> bool:
    return all((folder / name).exists() for name in REPOSITORY)


def _has_hidden(folder: Path) -> bool:
    try:
        hidden = list(folder.glob(".[!.]*"))
        return any(_is_repository(one) for one in hidden if one.is_dir())
    except OSError:  # a folder that may not be read is above one that may
        return False


def _checkout_of(folder: Path) -> Path | None:
    checkout = settings().checkout
    if checkout is not None and folder.is_relative_to(checkout.resolve()):
        return checkout
    return None


def _close(folder: Path) -> None:
    """Make a folder with mode 700, or give it that mode; a shared one, as /tmp, is refused."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.stat()
    if not state.st_mode & OPEN:
        return
    if state.st_mode & stat.S_ISVTX or state.st_uid != os.getuid():
        remedy = "Choose a folder of your own, or make one below it."
        raise InputError(folder, "is shared with others, and the source is credentialed", remedy)
    folder.chmod(0o700)
