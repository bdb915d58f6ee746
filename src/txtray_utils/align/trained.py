"""Train a recipe, or read the model that was trained before.

Explained in book/04_contrastive_alignment.
"""

import logging
import time
from dataclasses import replace
from pathlib import Path

import torch

from txtray_utils.align.checkpoint import (
    Checkpoint,
    load_tensors,
    load_weights,
    save_tensors,
)
from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.align.objectives import objective_of
from txtray_utils.align.pairs import ImageTextPairs
from txtray_utils.align.recipes import RECIPES, Recipe
from txtray_utils.align.training import fit
from txtray_utils.errors import InputError
from txtray_utils.keep import kept, key_of, put_aside
from txtray_utils.settings import data_dir, settings

log = logging.getLogger(__name__)


def new_model(recipe: Recipe, text_width: int, seed: int = 0) -> ImageTextModel:
    """Return the model of a recipe with its random weights."""
    torch.manual_seed(seed)
    warmth, side = recipe.temperature, recipe.size
    return ImageTextModel(recipe.tower, text_width, temperature=warmth, side=side)


def train(
    recipe: Recipe,
    pairs: ImageTextPairs,
    seed: int = 0,
    keep: Checkpoint | None = None,
    before: ImageTextModel | None = None,
) -> ImageTextModel:
    """Return the model of a recipe, trained on the pairs, from the weights of a model `before` if
    there is one; raises as `align.training.fit` does."""
    model = new_model(recipe, pairs.texts[0].shape[1], seed)
    if before is not None:
        model.load_state_dict(before.state_dict())
    return fit(model, objective_of(recipe, pairs, model), recipe, seed, keep=keep)


def trained(
    recipe: Recipe,
    pairs: ImageTextPairs,
    seed: int = 0,
    before: ImageTextModel | None = None,
) -> ImageTextModel:
    """Return the model of a recipe, from the local cache if it is there; else train and keep it.

    The key is recipe, data, seed, the weights of a model `before` that it starts from, and the code
    that trains; a run that was cut short goes on.
    """
    weights = [] if before is None else list(before.state_dict().values())
    inputs = (recipe, pairs.key(), seed, *weights)
    begun = time.monotonic()
    run = key_of("models", inputs, [train])
    checkpoint = Checkpoint(data_dir("models", f"{run}.run.safetensors"), run)

    def read(path) -> ImageTextModel:
        model = new_model(recipe, pairs.texts[0].shape[1])
        load_weights(path, model, load_tensors(path)[1])
        return model.eval()

    def make() -> ImageTextModel:
        _check_checkpoint(checkpoint.path)
        return train(recipe, pairs, seed, checkpoint, before)

    model = kept(
        "models",
        inputs,
        [train],
        make=make,
        write=lambda made, path: save_tensors(path, made.state_dict()),
        read=read,
        ending=".safetensors",
    )
    checkpoint.path.unlink(missing_ok=True)
    log.info("model %s in %.0f s", run, time.monotonic() - begun)
    return model


def _check_checkpoint(path: Path) -> None:
    """Put a checkpoint aside that is damaged or foreign."""
    if path.exists():
        try:
            load_tensors(path)
        except InputError as error:
            log.warning("%s It is put aside, and training begins again", error)
            put_aside(path)


def trained_recipe(recipe: str | Recipe, pairs: ImageTextPairs, seed: int = 0) -> ImageTextModel:
    """Return the model of a recipe, or of a name of `RECIPES`, as `trained` does; a quick run takes
    a tenth of its steps.

    Raises:
        KeyError: there is no such recipe.
    """
    recipe = RECIPES[recipe] if isinstance(recipe, str) else recipe
    steps = settings().steps(recipe.steps)
    return trained(replace(recipe, steps=steps), pairs, seed)
