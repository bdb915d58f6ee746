"""The one training loop. It knows neither image nor text: an objective brings rows and loss.

`accelerate` is here so that the same loop runs on several processes (`accelerate launch`) and in
mixed precision where there is a GPU. Recipes, the supervised reference and the report decoder
train by it. Explained in book/04_contrastive_alignment.
"""

import copy
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm

from txtray_utils.align.checkpoint import Checkpoint

log = logging.getLogger(__name__)

EVERY = 50  # steps from one checkpoint, or one look, to the next
PATIENCE = 3  # looks without a rise after which training stops


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    `clip` bounds the norm of the gradient; `fused` takes torch's fused AdamW, which is faster and
    differs in the last digit.
    """

    steps: int = 550
    batch: int = 32
    rate: float = 4e-3
    decay: float = 0.02
    clip: float | None = None
    fused: bool = True


class Objective(Protocol):
    """What a model is trained for."""

    def __len__(self) -> int:
        """Return how many rows there are to train on."""

    def rows(self, draw: int, size: int, world: int, here: int) -> Tensor:
        """Return one step's rows for process `here` of `world`; seed what `batch` draws."""

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        """Return what `loss` needs of these rows."""

    def loss(self, model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of a batch."""

    def teacher(self) -> nn.Module | None:
        """Return the module that follows the model's weights, to be kept with it; None if none."""

    def after(self, model: nn.Module) -> None:
        """Do what is to be done after a step."""


class PlainObjective:
    """An objective without a teacher."""

    def teacher(self) -> None:
        """Return None: nothing follows the model."""

    def after(self, model: nn.Module) -> None:
        """Do nothing after a step."""


def fit(
    model: nn.Module,
    objective: Objective,
    recipe: Schedule,
    seed: int = 0,
    *,
    keep: Checkpoint | None = None,
    watch: Callable[[nn.Module], float] | None = None,
) -> nn.Module:
    """Train `model` in place, on a GPU where there is one, and return it on the CPU, to be used.

    Args:
        model: with weights as they shall start.
        objective: gives rows, batches and the loss.
        recipe: steps, batch and optimiser.
        seed: each step draws from (seed, step), as the objective has it.
        keep: a checkpoint to go on from, saved every `EVERY` steps; a run that was killed ends with
            the weights of one that was not.
        watch: scores the model every `EVERY` steps; training stops once the score has not risen for
            `PATIENCE` looks, and the best weights are returned. The first process decides.

    Of several processes keep the first one's model: the others end with running means of their own.

    Raises:
        ValueError: fewer than two rows a process; the loss or a weight became NaN; `keep` together
            with `watch`, whose looks a checkpoint does not keep.
        InputError: the checkpoint is of another run, or cannot be written.
    """
    if keep and watch:
        raise ValueError("give a checkpoint, or a score to watch, not both")
    accelerator = Accelerator(mixed_precision="bf16" if _fine_on_gpu() else "no")
    world = accelerator.num_processes
    if len(objective) < 2 * world or recipe.batch < 2:
        raise ValueError("a batch of one has no negatives; use at least two pairs")
    if teacher := objective.teacher():
        teacher.to(accelerator.device)
    model, optimiser = accelerator.prepare(model, _optimiser(model, recipe))
    bare = accelerator.unwrap_model(model)
    first = keep.load(bare, teacher, optimiser) if keep else 0
    schedule = _scheduler(optimiser, recipe, first)
    size = min(recipe.batch, len(objective) // world) * world
    best = _Best(watch, bare) if watch else None
    for step in tqdm(range(first, recipe.steps), disable=None):
        draw = 1_000_003 * seed + step
        rows = objective.rows(draw, size, world, accelerator.process_index)
        model.train()
        loss = objective.loss(model, _on(accelerator.device, objective.batch(rows)))
        if not loss.isfinite():
            remedy = f"lower the learning rate {recipe.rate}"
            raise ValueError(f"the loss became NaN at step {step}; {remedy}")
        optimiser.zero_grad()
        accelerator.backward(loss)
        if recipe.clip:
            accelerator.clip_grad_norm_(model.parameters(), recipe.clip)
        optimiser.step()
        schedule.step()
        objective.after(bare)
        due = (step + 1) % EVERY == 0 or step + 1 == recipe.steps
        if keep and due and accelerator.is_main_process:
            keep.save(step + 1, bare, teacher, optimiser)
        if best and due and best.look(step + 1):
            break
    if best:
        best.restore()
    return bare.cpu().eval()


class _Best:
    """The best weights seen so far, and how long ago."""

    def __init__(self, watch: Callable[[nn.Module], float], model: nn.Module) -> None:
        self.watch, self.model = watch, model
        self.score, self.weights, self.waited = -math.inf, None, 0

    def look(self, step: int) -> bool:
        """Score the model; return True when it is time to stop."""
        found = broadcast_object_list([self.watch(self.model)])[0]
        if found > self.score:
            self.score, self.waited = found, 0
            self.weights = copy.deepcopy(self.model.state_dict())
        else:
            self.waited += 1
        if self.waited == PATIENCE:
            said = "stopped at step %d: the score %.3f has not risen for %d looks"
            log.info(said, step, self.score, PATIENCE)
        return self.waited == PATIENCE

    def restore(self) -> None:
        """Give the model the best weights back."""
        if self.weights is not None:
            self.model.load_state_dict(self.weights)


def one_cycle(done: float) -> float:
    """Return the share of the learning rate: up over 15 %, then down a cosine (Smith 2018)."""
    if done < 0.15:
        return max(done, 0.005) / 0.15
    return (1 + float(np.cos(np.pi * (done - 0.15) / 0.85))) / 2


def seeded_rows(count: int, draw: int, size: int, world: int, here: int) -> Tensor:
    """Return this process's part of `size` rows of `count`, drawn from `draw` alone; seed torch."""
    generator = torch.Generator().manual_seed(draw)
    rows = torch.randperm(count, generator=generator)[:size][here::world]
    torch.manual_seed(draw * world + here)
    return rows


def _scheduler(optimiser, recipe: Schedule, first: int) -> LambdaLR:
    for group in optimiser.param_groups:
        group["initial_lr"] = recipe.rate
    plain = getattr(optimiser, "optimizer", optimiser)  # accelerate wraps it
    return LambdaLR(plain, lambda step: one_cycle(step / recipe.steps), last_epoch=first - 1)


def _on(device: torch.device, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: part.to(device) for key, part in batch.items()}


def _optimiser(model: nn.Module, recipe: Schedule) -> torch.optim.AdamW:
    rate, decay = recipe.rate, recipe.decay
    return torch.optim.AdamW(model.parameters(), rate, weight_decay=decay, fused=recipe.fused)


def _fine_on_gpu() -> bool:
    """Tell whether there is a GPU that calculates in bfloat16 by itself."""
    if not torch.cuda.is_available():
        return False
    return torch.cuda.is_bf16_supported(including_emulation=False)
