"""Which chest a patient has, and all chests of the virtual hospital, made once and kept.

A patient keeps his chest: it is drawn by his id alone, from a random stream of its own. Explained
in book/01_reading_a_radiograph.
"""

import functools
import logging
from pathlib import Path

from virtual_hospital import anatomy
from virtual_hospital.anatomy import Anatomy
from virtual_hospital.streams import stream

log = logging.getLogger(__name__)

FIRST = "LIDC-IDRI-0001"
SECOND = "Lung_Dx-A0001"
ANATOMIES = (FIRST, SECOND)
VERSION = 2  # of the second chest


def anatomy_of(subject_id: str) -> str:
    """Return the name of the chest that a patient has, one of ``ANATOMIES``."""
    return str(stream("anatomy", subject_id).choice(ANATOMIES))


@functools.lru_cache(maxsize=len(ANATOMIES))
def load(folder: Path, name: str) -> Anatomy:
    """Return a prepared chest by its name, made on the first call and kept in ``folder``.

    It also stays in memory, so that a call for each study costs nothing.

    Raises:
        ValueError: there is no chest of this name.
    """
    if name == FIRST:
        return anatomy.load(folder)
    if name != SECOND:
        raise ValueError(f"no chest is called {name}; there are {', '.join(ANATOMIES)}")
    path = Path(folder) / f"anatomy-second-v{VERSION}.npz"
    if not path.exists():
        from virtual_hospital.second_chest import prepare  # imports torch

        log.info("Preparing the second chest (half a minute); it is kept in %s.", path)
        anatomy.save(prepare(anatomy.load(folder)), path)
    return anatomy.read(path)
