"""How a decoder learns to write: by the one loop, from frozen features or with its image encoder.

Explained in book/07_writing_a_report.
"""

import logging
import time
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from txtray_utils.align.augmentation import augment
from txtray_utils.align.checkpoint import load_tensors, load_weights, save_tensors
from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.align.image_encoder import scaled
from txtray_utils.align.training import PlainObjective, fit
from txtray_utils.keep import kept
from txtray_utils.write.decoder import Writer, WriterRecipe

log = logging.getLogger(__name__)


class NextToken(PlainObjective):
    """Say the next token of a report, of films whose feature maps (N, C, h, w) are given.

    Raises:
        ValueError: numbers do not match, or a report is empty.
    """

    def __init__(
        self,
        maps: Tensor,
        labels: Tensor,
        reports: Sequence[str],
        words: PreTrainedTokenizerFast,
        recipe: WriterRecipe,
    ) -> None:
        """Cut the reports into tokens; `labels` (N, 14) are what they say is present."""
        if len(reports) != len(labels) or not all(report.strip() for report in reports):
            fault = "films and reports must be equally many, and no report empty"
            raise ValueError(f"{fault}; leave such studies out")
        self.maps, self.labels = maps, labels
        cut = {"truncation": True, "max_length": recipe.longest}
        self.ids = words(list(reports), padding=True, return_tensors="pt", **cut)["input_ids"]
        self.lengths = (self.ids != 0).sum(1)

    def __len__(self) -> int:
        """Return how many reports there are."""
        return len(self.ids)

    def rows(self, draw: int, size: int, world: int, here: int) -> Tensor:
        """Return rows of like length: a window of four times as many, sorted; less padding."""
        torch.manual_seed(draw)
        rows = torch.randperm(len(self))[: 4 * size]
        rows = rows[self.lengths[rows].argsort()]
        start = int(torch.randint(max(len(rows) - size, 0) + 1, ()))
        chosen = rows[start : start + size][here::world]
        if world > 1:
            torch.manual_seed(draw * world + here)
        return chosen

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        """Return feature maps, labels and the tokens to say."""
        target = self.ids[rows][:, : int(self.lengths[rows].max())]
        return {"maps": self.maps[rows], "labels": self.labels[rows] == 1, "target": target}

    def loss(self, model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the cross-entropy of the tokens."""
        target = batch["target"]
        seen = model.seen(batch["maps"], batch["labels"])
        target = target.masked_fill(target == 0, -100)
        return model.model(inputs_embeds=seen, labels=target).loss


class WriterWithEncoder(nn.Module):
    """A writer and the image encoder before it, trained together."""

    def __init__(self, writer: Writer, encoder: nn.Module) -> None:
        """Hold both."""
        super().__init__()
        self.writer, self.encoder = writer, encoder
        self.model = writer.model

    def seen(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Return what `Writer.seen` does, from scaled films."""
        return self.writer.seen(self.encoder.features(images), labels)


class NextTokenOfFilms(NextToken):
    """The same of uint8 films (N, 1, H, W), varied in training, for `WriterWithEncoder`."""

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        """Return varied films in place of feature maps."""
        batch = super().batch(rows)
        return batch | {"maps": augment(scaled(batch["maps"]))}


def train_writer(
    recipe: WriterRecipe,
    maps: Tensor,
    labels: Tensor,
    reports: Sequence[str],
    words: PreTrainedTokenizerFast,
    *,
    seed: int = 0,
) -> Writer:
    """Train a writer on frozen features (N, C, h, w) and return it.

    Raises:
        ValueError: as for `NextToken`, or the loss became NaN.
    """
    torch.manual_seed(seed)
    writer = Writer(recipe, maps.shape[1])
    return fit(writer, NextToken(maps, labels, reports, words, recipe), recipe, seed)


def train_writer_with_encoder(
    recipe: WriterRecipe,
    model: ImageTextModel,
    objective: NextTokenOfFilms,
    seed: int = 0,
) -> Writer:
    """Train a writer and the image encoder of `model` with it, in place; return the writer."""
    torch.manual_seed(seed)
    encoder = model.image_encoder
    channels = encoder.train().features(augment(scaled(objective.maps[:1]))).shape[1]
    both = WriterWithEncoder(Writer(recipe, channels), encoder)
    fit(both, objective, recipe, seed)
    return both.writer


def trained_writer(
    recipe: WriterRecipe,
    maps: Tensor,
    labels: Tensor,
    reports: Sequence[str],
    words: PreTrainedTokenizerFast,
    *,
    seed: int = 0,
) -> Writer:
    """Return the writer of a recipe on frozen features, from the cache; else train and keep it."""
    begun = time.monotonic()

    def read(path) -> Writer:
        writer = Writer(recipe, maps.shape[1])
        load_weights(path, writer, load_tensors(path)[1])
        return writer.eval()

    writer = kept(
        "models",
        (recipe, maps, labels, list(reports), seed),
        [train_writer],
        make=lambda: train_writer(recipe, maps, labels, reports, words, seed=seed),
        write=lambda made, path: save_tensors(path, made.state_dict()),
        read=read,
        ending=".writer.safetensors",
    )
    log.info("writer in %.0f s", time.monotonic() - begun)
    return writer
