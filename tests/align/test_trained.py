"""A recipe of the book is trained by its name, for as long as this run takes."""

from dataclasses import replace

import pytest

from tests.align.small import small_pairs
from txtray_utils.align.recipes import RECIPES
from txtray_utils.align.trained import trained_recipe


def test_a_recipe_of_the_book_takes_a_tenth_of_its_steps_in_a_quick_run(monkeypatch):
    asked = []

    def note(*given):
        asked.append(given)

    monkeypatch.setattr("txtray_utils.align.trained.trained", note)
    pairs = small_pairs()
    for quick in ("0", "1"):
        monkeypatch.setenv("TXTRAY_QUICK", quick)
        trained_recipe("best", pairs, seed=2)
    best = RECIPES["best"]
    short = replace(best, steps=best.steps // 10)
    assert asked == [(best, pairs, 2), (short, pairs, 2)]
    with pytest.raises(KeyError):
        trained_recipe("worst", pairs)
