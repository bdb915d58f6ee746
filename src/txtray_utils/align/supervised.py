"""The supervised reference: the same image encoder, told what was drawn and what the report names.

It is what an alignment without labels is measured against. Explained in
book/05_retrieval_and_zero_shot.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from txtray_utils.align.augmentation import augment
from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.align.image_encoder import scaled
from txtray_utils.align.recipes import Recipe
from txtray_utils.align.training import PlainObjective, fit
from txtray_utils.vocabulary import FINDINGS, LABELS

BIAS = -2.0  # of the logits at the start: most findings are absent


class SupervisedModel(nn.Module):
    """An image encoder with a head for the findings and the labels."""

    def __init__(self, tower: str) -> None:
        """Make it; the weights come from torch's random state."""
        super().__init__()
        self.tower = ImageTextModel(tower).image_encoder
        width = ImageTextModel(tower).image_projection.in_features
        self.head = nn.Linear(width, len(FINDINGS) + len(LABELS))
        nn.init.constant_(self.head.bias, BIAS)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (N, 19 + 14) of scaled films."""
        return self.head(self.tower(images).pooled)

    @torch.inference_mode()
    def probabilities(self, images: Tensor) -> np.ndarray:
        """Return the probabilities (N, 19 + 14) of uint8 films (N, 1, H, W)."""
        self.eval()
        logits = []
        for part in images.split(128):
            logits.append(self(scaled(part)))
        return torch.cat(logits).sigmoid().numpy()


class Told(PlainObjective):
    """Name the findings and labels of each film; a truth that is NaN is left out."""

    def __init__(self, images: Tensor, truth: Tensor, recipe: Recipe) -> None:
        """Keep uint8 films (N, 1, H, W), their truth (N, 33) and the recipe."""
        self.images = images
        self.truth = truth
        self.recipe = recipe

    def __len__(self) -> int:
        """Return how many films there are."""
        return len(self.truth)

    def rows(self, draw: int, size: int, world: int, here: int) -> Tensor:
        """Return the rows of one step, from torch's running random state."""
        return torch.randperm(len(self))[:size]

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        """Return varied films and their truth."""
        films = scaled(self.images[rows])
        images = augment(films, self.recipe.strength)
        images = images.contiguous(memory_format=torch.channels_last)
        return {"images": images, "truth": self.truth[rows]}

    def loss(self, model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the binary cross-entropy of what is known."""
        guess, truth = model(batch["images"]), batch["truth"]
        sure = ~truth.isnan()
        return binary_cross_entropy_with_logits(guess[sure], truth[sure])


def train_supervised(
    images: Tensor,
    report_labels: np.ndarray,
    findings: np.ndarray,
    recipe: Recipe,
    seed: int = 0,
) -> SupervisedModel:
    """Train the reference as the recipes are trained.

    Args:
        images: uint8 films (N, 1, H, W).
        report_labels: what each report names (N, 14).
        findings: which of `FINDINGS` each film has (N, 19); NaN where that is not sure.
        recipe: its tower, strength, steps, batch and rate are used.
        seed: of the weights and of all that follows.
    """
    torch.manual_seed(seed)
    model = SupervisedModel(recipe.tower)
    told = (report_labels == 1).astype(np.float32)
    truth = np.concatenate([findings, told], 1)
    objective = Told(images, torch.from_numpy(truth), recipe)
    return fit(model, objective, recipe, seed)
