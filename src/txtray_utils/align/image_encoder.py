"""The image encoder: any model of `timm`, which gives one vector a film, and one a place.

Explained in book/04_contrastive_alignment.
"""

import math
from dataclasses import dataclass

import timm
import torch
from torch import Tensor, nn

IMAGE_TOWER = "mobilenetv3_small_100"
SIZE = 128  # pixels, side of a film
FAINTEST = 0.01  # least spread of a film that it is divided by, so that an even film stays even


@dataclass(frozen=True)
class ImageInput:
    """What an image encoder takes: films (N, channels, size, size), made by `scaled`."""

    size: int
    channels: int


@dataclass(frozen=True)
class ImageTokens:
    """What an image encoder gives.

    Attributes:
        pooled: (N, F), one vector a film.
        tokens: (N, T, D), one vector a place.
        places: (T, 2), the middle of each place, down and across, as shares of the film.
    """

    pooled: Tensor
    tokens: Tensor
    places: Tensor


class ImageEncoder(nn.Module):
    """A model of timm that gives one vector a film, and one a place.

    It standardises each film first, so that one taken darker or fainter is the same film to it.
    """

    def __init__(self, name: str = IMAGE_TOWER, side: int = SIZE) -> None:
        """Make it for films of `side` pixels, with random weights from torch's random state."""
        super().__init__()
        told = timm.get_pretrained_cfg(name).fixed_input_size  # a transformer must be
        size = {"img_size": side} if told else {}
        made = timm.create_model(name, in_chans=1, num_classes=0, **size)
        self.model = made.to(memory_format=torch.channels_last)
        self.width = self.model.head_hidden_size or self.model.num_features
        self.input = ImageInput(side, 1)

    def forward(self, images: Tensor) -> ImageTokens:
        """Return vectors of scaled films (N, 1, H, W)."""
        found = self.features(images)
        tokens, places = self.tokens(found)
        return ImageTokens(self.pooled(found), tokens, places)

    def features(self, images: Tensor) -> Tensor:
        """Return what is not pooled yet: maps (N, C, h, w), or a transformer's tokens."""
        channels_last = torch.channels_last  # 1.6 times as fast on a CPU
        films = standardised(images).contiguous(memory_format=channels_last)
        return self.model.forward_features(films)

    def pooled(self, features: Tensor) -> Tensor:
        """Return (N, F) from features, or from a part of the maps."""
        return self.model.forward_head(features)

    def tokens(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return features as tokens (N, T, D) and their places (T, 2), row by row."""
        if features.ndim == 4:
            height, width = features.shape[2:]
            tokens = features.flatten(2).transpose(1, 2)
        else:
            tokens = features[:, self.model.num_prefix_tokens :]
            height = width = math.isqrt(tokens.shape[1])
        down = (torch.arange(height, device=features.device) + 0.5) / height
        across = (torch.arange(width, device=features.device) + 0.5) / width
        return tokens, torch.cartesian_prod(down, across)


def scaled(images: Tensor) -> Tensor:
    """Return uint8 films as float32 in [0, 1], laid out as the encoder reads them fastest."""
    return (images.float() / 255).contiguous(memory_format=torch.channels_last)


def standardised(films: Tensor) -> Tensor:
    """Return films (N, 1, H, W) with mean 0 and standard deviation 1 each; an even one is 0."""
    each = (1, 2, 3)
    centred = films - films.mean(each, keepdim=True)
    spread = centred.std(each, correction=0, keepdim=True)
    return centred / spread.clamp(min=FAINTEST)
