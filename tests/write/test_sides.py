"""Right or left: learnt from what reports say, and turned round with the film."""

import numpy as np
import pytest
import torch

from tests.write.corpus import EFFUSION, HEART
from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.write.sides import halves, said_sides, sides, train_side_classifier


def test_halves_are_the_pooled_halves_of_the_map():
    torch.manual_seed(0)
    model, films = (
        ImageTextModel(text_width=16).eval(),
        torch.randint(0, 256, (2, 1, 128, 128), dtype=torch.uint8),
    )
    made, maps = halves(model, films), model.feature_maps(films)
    right = model.pooled(maps[..., :2]).detach().numpy()
    np.testing.assert_allclose(made[:, 0], right, rtol=1e-4, atol=1e-5)
    assert made.shape[:2] == (2, 2)


def test_reports_say_sides():
    said = said_sides(["Left effusion. No right pneumothorax.", "The heart is large."])
    assert said[0, EFFUSION] == "left" and (said != "").sum() == 1


def sided_films(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Halves whose first feature is louder on the side of the finding, and what a report says of
    it."""
    rng = np.random.default_rng(0)
    right = rng.random(count) < 0.5
    features = rng.normal(0, 0.3, (count, 2, 5))
    features[np.arange(count), np.where(right, 0, 1), 0] += 2
    said = np.full((count, 14), "", dtype="<U5")
    said[:, EFFUSION] = np.where(right, "right", "left")
    return features, said


def test_sides_are_learnt_from_what_reports_say():
    features, said = sided_films(80)
    weights = train_side_classifier(features[:40], said[:40])
    named = sides(features[40:], weights, 0.0)
    assert (named[:, EFFUSION] == said[40:, EFFUSION]).all() and (named[:, HEART] == "").all()
    assert (sides(features, weights, 1e6) == "").all()


def test_a_mirrored_film_gets_the_other_side():
    features, said = sided_films(40)
    weights = train_side_classifier(features, said)
    there, mirrored = (
        sides(one, weights, 0.1)[:, EFFUSION] for one in (features, features[:, ::-1])
    )
    other = {"right": "left", "left": "right", "": ""}
    assert [other[side] for side in there] == mirrored.tolist()


def test_reports_without_sides_teach_none():
    with pytest.raises(ValueError, match="side"):
        train_side_classifier(np.zeros((1, 2, 5)), np.full((1, 14), ""))
