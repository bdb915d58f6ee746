"""Films are varied strongly, and stay films of the same side."""

import pytest
import torch

from txtray_utils.align import augmentation
from txtray_utils.align.augmentation import augment
from txtray_utils.align.image_encoder import ImageEncoder, scaled, standardised

STEPS = ("moved", "blurred", "bent", "squeezed", "shaded", "erased", "grainy")


@pytest.fixture
def films() -> torch.Tensor:
    """Return 64 films (64, 1, 48, 40) of slow greys."""
    torch.manual_seed(0)
    coarse = torch.rand(64, 1, 6, 5)
    return torch.nn.functional.interpolate(coarse, (48, 40), mode="bilinear")


@pytest.mark.parametrize("name", STEPS)
def test_a_step_changes_each_film_by_an_amount_of_its_own(films, name):
    same = films[:1].repeat(64, 1, 1, 1)
    varied = getattr(augmentation, name)(same, 1.0)
    assert varied.shape == same.shape and varied.isfinite().all()
    change = (varied - same).abs().mean((1, 2, 3))
    assert len(set(change.tolist())) > 40 and change.max() > 0.01


@pytest.mark.parametrize("name", [*STEPS, "augment"])
def test_strength_0_changes_nothing(films, name):
    same = getattr(augmentation, name)(films, 0.0)
    torch.testing.assert_close(same, films, atol=1e-4, rtol=0)


def test_strength_is_how_much_changes(films):
    changes = []
    for strength in (0.25, 0.5, 1.0, 1.5):
        torch.manual_seed(1)
        changes.append(float((augment(films, strength) - films).abs().mean()))
    assert changes == sorted(changes)


def test_varied_films_stay_in_range_even_where_they_are_black_or_white():
    for grey in (0.0, 0.5, 1.0):
        varied = augment(torch.full((32, 1, 32, 32), grey), 2.0)
        assert varied.isfinite().all() and varied.amin() >= 0 and varied.amax() <= 1


def test_a_seed_gives_the_same_films(films):
    torch.manual_seed(3)
    one = augment(films)
    torch.manual_seed(3)
    assert torch.equal(one, augment(films))
    assert not torch.equal(one, augment(films))


def test_films_are_never_mirrored():
    torch.manual_seed(0)
    films = torch.zeros(256, 1, 64, 64)
    films[..., :32] = 0.8
    films[:, :, :20] += 0.2
    varied = augment(films)
    brighter_left = varied[..., :32].mean((1, 2, 3)) > varied[..., 32:].mean((1, 2, 3))
    brighter_above = varied[:, :, :20].mean((1, 2, 3)) > varied[:, :, 44:].mean((1, 2, 3))
    assert brighter_left.float().mean() > 0.97
    assert brighter_above.float().mean() > 0.8


def test_a_spot_moves_by_no_more_than_the_limit():
    torch.manual_seed(0)
    films = torch.zeros(256, 1, 128, 128)
    films[:, :, 62:66, 62:66] = 1.0  # the middle: only the shift moves it
    places = augmentation.moved(films, 1.0).flatten(1).argmax(1)
    down, across = places // 128 - 64, places % 128 - 64
    farthest = 64 * augmentation.AFFINE / (1 - augmentation.AFFINE) ** 2 + 3
    assert down.abs().max() <= farthest and across.abs().max() <= farthest
    assert down.float().std() > 3 and across.float().std() > 3


def test_moving_draws_no_black_corner():
    torch.manual_seed(0)
    moved = augmentation.moved(torch.full((64, 1, 32, 32), 0.7), 1.0)
    torch.testing.assert_close(moved, torch.full_like(moved, 0.7))


def test_blurring_by_hand():
    """A single white pixel: the blurred copy of 25 equal parts, or of it half as far beyond."""
    films = torch.full((400, 1, 9, 9), 0.5)
    films[:, :, 4, 4] = 0.75
    blurred = augmentation.blurred(films, 1.0)
    share = (0.75 - blurred[:, 0, 4, 4]) / (0.25 * 24 / 25)
    beside = (blurred[:, 0, 4, 5] - 0.5) / (0.25 / 25)
    torch.testing.assert_close(share, beside, atol=1e-3, rtol=1e-3)
    assert 0.9 < share.max() <= 1.0001 and -0.5001 <= share.min() < -0.45


def test_boxes_have_one_grey_and_the_rest_is_left_alone(films):
    changed = augmentation.erased(films, 1.0) != films
    share = changed.float().mean((1, 2, 3))
    assert share.max() < 3 * augmentation.SIDE**2 * 1.2 and 0.01 < share.mean() < 0.1


def test_a_standardised_film_has_mean_0_and_spread_1(films):
    made = standardised(films)
    means, spreads = made.mean((1, 2, 3)), made.std((1, 2, 3), correction=0)
    torch.testing.assert_close(means, torch.zeros(64), atol=1e-5, rtol=0)
    torch.testing.assert_close(spreads, torch.ones(64), atol=1e-4, rtol=0)
    torch.testing.assert_close(standardised(0.3 * films + 0.4), made, atol=1e-3, rtol=0)


def test_an_even_film_gives_no_nan():
    even = torch.full((2, 1, 64, 64), 0.5)
    assert standardised(even).abs().max() < 1e-3
    encoder = ImageEncoder("resnet18").eval()
    whole = torch.full((2, 1, 128, 128), 0.5)
    assert encoder(whole).pooled.isfinite().all()


def test_an_encoder_sees_a_darker_and_fainter_film_as_the_same():
    torch.manual_seed(0)
    encoder = ImageEncoder("resnet18").eval()
    films = torch.randint(0, 200, (2, 1, 128, 128), dtype=torch.uint8)
    with torch.no_grad():
        one, other = encoder(scaled(films)).pooled, encoder(scaled(films) / 2 + 0.2).pooled
    torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)
