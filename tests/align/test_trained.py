"""A recipe of the book is trained by its name, for as long as this run takes."""

from dataclasses import replace

import pytest
import torch

from tests.align.small import SMALL, small_pairs
from txtray_utils.align.recipes import RECIPES
from txtray_utils.align.trained import new_model, train, trained, trained_recipe


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


def test_training_goes_on_from_the_weights_of_a_model_before():
    still = replace(SMALL, target="own", steps=1, rate=0.0)
    before = new_model(still, 16, seed=7)
    after = train(still, small_pairs(), 0, None, before)
    for name, weight in before.state_dict().items():
        torch.testing.assert_close(after.state_dict()[name], weight)
    fresh = train(still, small_pairs(), 0)
    assert not torch.equal(fresh.image_projection.weight, before.image_projection.weight)


def test_a_model_that_went_on_is_kept_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path))
    brief = replace(SMALL, target="own", steps=1)
    for before in (None, new_model(brief, 16, seed=1), new_model(brief, 16, seed=2)):
        trained(brief, small_pairs(), 0, before)
    assert len(list((tmp_path / "models").glob("*.safetensors"))) == 3
