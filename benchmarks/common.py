"""What the experiments of alignment and of generation share: films with their truths, and the
supervised reference that is trained on them.

Explained in book/05_retrieval_and_zero_shot."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset

from public_films import covid
from txtray_utils.align.checkpoint import load_tensors, load_weights, save_tensors
from txtray_utils.align.pairs import load_images
from txtray_utils.align.recipes import Recipe
from txtray_utils.align.supervised import SupervisedModel, train_supervised
from txtray_utils.errors import InputError
from txtray_utils.judge.truth import finding_truth, said_labels
from txtray_utils.keep import kept
from txtray_utils.settings import settings
from txtray_utils.studies.sources.registry import load_studies

REFERENCE = Recipe()  # how the supervised reference is trained


@dataclass(frozen=True)
class Patients:
    """Films to be described, with what their texts say (N, 14), which findings they have (N, 19),
    and whose they are.

    Which findings they have is what was drawn or, of real films, what the notes say
    (`truth.finding_truth`)."""

    films: torch.Tensor
    labels: np.ndarray
    drawn: np.ndarray
    patients: list[str]


def patients(studies: Dataset) -> Patients:
    """Return the films and truths of studies."""
    return Patients(
        load_images(studies),
        said_labels(studies),
        finding_truth(studies),
        list(studies["subject_id"]),
    )


def real_studies() -> Dataset | None:
    """Return the studies of real films, or None where they are not on this machine."""
    try:
        covid.folder()
    except InputError:
        return None
    return load_studies("covid")


def usual_reference(known: Patients, seed: int) -> SupervisedModel:
    """Train the reference as `REFERENCE` says; a quick run takes a tenth of its steps."""
    steps = settings().steps(REFERENCE.steps)
    return told_by(known, replace(REFERENCE, steps=steps), seed)


def told_by(known: Patients, recipe: Recipe, seed: int) -> SupervisedModel:
    """Return the supervised reference, from the cache if it is there; else train it on these
    patients and keep it."""
    truth = (known.labels, known.drawn)

    def read(path: Path) -> SupervisedModel:
        model = SupervisedModel(recipe.tower)
        load_weights(path, model, load_tensors(path)[1])
        return model.eval()

    return kept(
        "models",
        (recipe, known.films, *truth, seed),
        [train_supervised],
        make=lambda: train_supervised(known.films, *truth, recipe, seed),
        write=lambda made, path: save_tensors(path, made.state_dict()),
        read=read,
        ending=".safetensors",
    )
