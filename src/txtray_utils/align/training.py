"""Losses and the one training loop that align films with sentences.

Recipes are rows of `recipes.RECIPES`. None trains on what was drawn; `soft` and `best` use labels read from the text, the
others only films and their sentences. `accelerate` is here so that the same loop runs on several processes
(`accelerate launch`) and in mixed precision where there is a GPU. Explained in book/04_contrastive_alignment.
"""

import copy
import hashlib
import json
import logging
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.align.losses import corpus_targets
from txtray_utils.align.objectives import alignment_loss
from txtray_utils.align.pairs import ImageTextPairs
from txtray_utils.align.recipes import Recipe
from txtray_utils.errors import InputError, replacing
from txtray_utils.judge.retrieval import retrieval
from txtray_utils.settings import data_dir

log = logging.getLogger(__name__)


def fit(recipe: Recipe, pairs: ImageTextPairs, seed: int = 0, checkpoint: Path | None = None, every: int = 50,
        stop_at: int | None = None, watch: ImageTextPairs | None = None, patience: int = 3, recompute: bool = False) -> ImageTextModel:  # fmt: skip
    """Train, on a GPU where there is one, and return the towers on the CPU.

    With `checkpoint`, go on from it if it is there and save every `every` steps. Each step draws from (seed, step)
    alone, so a run that was killed ends with the weights of one that was not, and the checkpoint of a finished run is
    the trained model. `stop_at` ends early, as a kill would. With `watch`, validation pairs, training stops once
    `retrieval` of them has not risen for `patience` looks, one every `every` steps, and the best towers are returned; the
    first process decides. `recompute` spares memory with gradient checkpoints, at a third more time. The teacher, where
    there is one, normalises by its own batch as in MoCo (He 2020), since its running means start far from the films. Of
    several processes keep the first one's towers: the others end with running means of their own.

    Raises:
        ValueError: fewer than two pairs a process; the loss or a weight became NaN; a checkpoint together with `watch`,
            whose looks it does not keep. InputError: the checkpoint is of another run, or cannot be written.
    """
    if checkpoint and watch is not None:
        raise ValueError("give a checkpoint, or pairs to watch, not both: a checkpoint does not keep what was seen")
    fine = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    accelerator = Accelerator(mixed_precision="bf16" if fine else "no")
    world, here, device = accelerator.num_processes, accelerator.process_index, accelerator.device
    if len(pairs.films) < 2 * world or recipe.batch < 2:
        raise ValueError("a batch of one has no negatives; use at least two pairs")
    torch.manual_seed(seed)
    model = ImageTextModel(recipe.tower, pairs.texts[0].shape[1], temperature=recipe.temperature)
    model.image.set_grad_checkpointing(recompute)
    teacher = copy.deepcopy(model).requires_grad_(False) if recipe.target in ("teacher", "sinkhorn") else None
    teacher = teacher and teacher.to(device)
    optimiser = torch.optim.AdamW(model.parameters(), recipe.rate, weight_decay=recipe.decay, fused=True)
    model, optimiser = accelerator.prepare(model, optimiser)
    bare, run, first = accelerator.unwrap_model(model), run_key(recipe, pairs, seed), 0
    if checkpoint and checkpoint.exists():
        first = load(checkpoint, run, bare, teacher, optimiser)
    bank = corpus_targets(pairs) if recipe.target == "bank" else None
    size = min(recipe.batch, len(pairs.films) // world) * world
    last = recipe.steps if stop_at is None else min(stop_at, recipe.steps)
    best, kept, waited = -1.0, None, 0
    for step in tqdm(range(first, last), disable=None):
        draw = 1_000_003 * seed + step
        rows = torch.randperm(len(pairs.films), generator=torch.Generator().manual_seed(draw))[:size][here::world]
        torch.manual_seed(draw * world + here)
        model.train()
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * one_cycle(step / recipe.steps)
        batch = tuple(part.to(device) for part in pairs.batch(rows, recipe.text, bank))
        loss = alignment_loss(recipe, model, teacher, batch)
        if not loss.isfinite():
            raise ValueError(f"the loss became NaN at step {step}; lower the learning rate {recipe.rate}")
        optimiser.zero_grad()
        accelerator.backward(loss)
        optimiser.step()
        if teacher is not None:
            follow(teacher, bare, recipe.momentum)
        due = (step + 1) % every == 0 or step + 1 == recipe.steps
        if checkpoint and accelerator.is_main_process and due:
            save(checkpoint, run, step + 1, bare, teacher, optimiser)
        if watch is not None and due:
            found = broadcast_object_list([retrieval(bare, watch)])[0]
            waited = 0 if found > best else waited + 1
            if found > best:
                best, kept = found, copy.deepcopy(bare.state_dict())
            if waited == patience:
                log.info("stopped at step %d: validation retrieval %.3f has not risen for %d looks", step + 1, best, patience)
                break
    if kept is not None:
        bare.load_state_dict(kept)
    return bare.cpu().eval()


def trained(recipe: Recipe, pairs: ImageTextPairs, seed: int = 0) -> ImageTextModel:
    """Return the towers of a recipe, from the local cache where they are; else train them and keep them there.

    The cache is `data_dir("models")`, keyed by recipe, data, seed and code; a run that was cut short goes on.
    """
    path = data_dir("models", f"{run_key(recipe, pairs, seed)[:16]}.safetensors")
    start, found = time.monotonic(), path.exists()
    model = fit(recipe, pairs, seed, path)
    log.info("%s %s in %.0f s", "read" if found else "trained", path.name, time.monotonic() - start)
    return model


def run_key(recipe: Recipe, pairs: ImageTextPairs, seed: int) -> str:
    """Return what a training run is: a hash of recipe, data, seed and code, so that new code never reads an old model."""
    code = [Path(path).read_text(encoding="utf-8") for path in (__file__, encoders.__file__)]
    return hashlib.sha256(json.dumps([asdict(recipe), pairs.key(), seed, code], sort_keys=True).encode()).hexdigest()


def one_cycle(done: float) -> float:
    """Return the share of the learning rate: up over the first 15 %, then down along a cosine (Smith 2018)."""
    return max(done, 0.005) / 0.15 if done < 0.15 else (1 + float(np.cos(np.pi * (done - 0.15) / 0.85))) / 2


@torch.no_grad()
def follow(teacher: ImageTextModel, student: ImageTextModel, momentum: float) -> None:
    """Move the teacher's weights to the student's: an exponential moving average."""
    for its, mine in zip(teacher.state_dict().values(), student.state_dict().values(), strict=True):
        its.copy_(its.lerp(mine, 1 - momentum) if its.is_floating_point() else mine)


def save(path: Path, run: str, step: int, model: ImageTextModel, teacher: ImageTextModel | None, optimiser) -> None:
    """Write everything that goes on into one safetensors file; a write that is cut short leaves the old file."""
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    tensors |= {f"teacher.{k}": v for k, v in teacher.state_dict().items()} if teacher else {}
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"adam.{number}.{k}": v for k, v in state.items()}
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise ValueError(f"a weight became NaN by step {step}; lower the learning rate")
    save_tensors(path, tensors, {"run": run, "step": str(step)})


def save_tensors(path: Path, tensors: dict[str, Tensor], about: dict[str, str] | None = None) -> None:
    """Write tensors as safetensors; a write that fails leaves the old file and raises InputError."""
    with replacing(path) as partial:
        try:
            save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, partial, about)
        except SafetensorError as error:
            raise OSError(str(error)) from error


def load(path: Path, run: str, model: ImageTextModel, teacher: ImageTextModel | None, optimiser) -> int:
    """Read what `save` wrote and return the step to go on from; raises InputError where it is not of this run."""
    try:
        with safe_open(path, "pt") as file:
            about, tensors = file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(path, f"is not a checkpoint ({error})", "Delete it to train again.") from error
    if about.get("run") != run:
        raise InputError(path, "is a checkpoint of another recipe, seed, model, data or code", "Give another path, or delete it.")

    def under(prefix: str) -> dict[str, Tensor]:
        return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}

    model.load_state_dict(under("model."))
    if teacher is not None:
        teacher.load_state_dict(under("teacher."))
    state = optimiser.state_dict()
    for key, value in under("adam.").items():
        number, name = key.split(".")
        state["state"].setdefault(int(number), {})[name] = value
    optimiser.load_state_dict(state)
    return int(about["step"])
