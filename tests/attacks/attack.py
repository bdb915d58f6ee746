"""One attack: input that is wrong, made in a folder, and what must come of it, in words."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from txtray_utils.errors import InputError

OUTCOMES = ("right", "error", "reject", "note")


@dataclass(frozen=True)
class Attack:
    """Attributes:
    name: what is wrong with the input, a sentence without its full stop.
    act: makes the input in an empty folder, gives it to the package, and returns what came of it:
        True where the result was right (`right`), the texts of all rejects (`reject`) or of all
        notes (`note`); it raises where an `error` is wanted.
    outcome: one of OUTCOMES.
    says: a regular expression that the error, one reject or one note must match, any case.
    """

    name: str
    act: Callable[[Path], object]
    outcome: str
    says: str = ""


def hold(attack: Attack, folder: Path) -> None:
    """Act, and assert that the outcome is the one that is wanted."""
    assert attack.outcome in OUTCOMES
    assert attack.outcome == "right" or attack.says, "an outcome needs its words"
    if attack.outcome == "error":
        with pytest.raises(InputError) as caught:
            attack.act(folder)
        assert re.search(attack.says, str(caught.value), re.IGNORECASE), str(caught.value)
        return
    found = attack.act(folder)
    if attack.outcome == "right":
        assert found is True
        return
    said = [str(one) for one in found]
    assert any(re.search(attack.says, one, re.IGNORECASE) for one in said), said
