"""ImageEncoder: tokens, places and the pooled vector."""

import pytest
import torch

from txtray_utils.align.image_encoder import ImageEncoder, ImageInput, scaled, standardised


@pytest.mark.parametrize(("name", "side"), [("resnet18", 4), ("vit_tiny_patch16_224", 8)])
def test_tokens_have_places_and_stand_beside_the_pooled_vector(name, side):
    encoder = ImageEncoder(name).eval()
    films = scaled(torch.randint(0, 256, (2, 1, 128, 128), dtype=torch.uint8))
    seen = encoder(films)
    assert seen.tokens.shape[:2] == (2, side**2) and seen.places.shape == (side**2, 2)
    assert seen.places[0].tolist() == [0.5 / side] * 2
    assert seen.places[1].tolist() == [0.5 / side, 1.5 / side]
    assert torch.equal(seen.pooled, encoder.model(standardised(films)))


def test_a_token_of_a_convolution_is_the_map_at_its_place():
    encoder = ImageEncoder("resnet18").eval()
    films = scaled(torch.randint(0, 256, (1, 1, 128, 128), dtype=torch.uint8))
    maps, seen = encoder.features(films), encoder(films)
    torch.testing.assert_close(seen.tokens[0, 6], maps[0, :, 1, 2])
    torch.testing.assert_close(seen.tokens.mean(1), seen.pooled)
    assert encoder.input == ImageInput(128, 1)
