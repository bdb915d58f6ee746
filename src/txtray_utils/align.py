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
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed.nn.functional as across
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from datasets import Dataset
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, distributed
from torch.nn.functional import affine_grid, binary_cross_entropy_with_logits, cross_entropy, grid_sample, log_softmax
from tqdm import tqdm

from txtray_utils import encoders
from txtray_utils.encoders import Towers, films, scaled, text_features
from txtray_utils.errors import InputError, replacing
from txtray_utils.recipes import Recipe
from txtray_utils.reports import named
from txtray_utils.score import findings_only, mean_reciprocal_rank, pair_ranks
from txtray_utils.settings import data_dir
from txtray_utils.studies import LABELS, label_matrix

log = logging.getLogger(__name__)
MOST = 2_000_000_000  # cells of the bank's matrices in float32: 8 GB


@dataclass(frozen=True)
class Pairs:
    """Films (N, 1, H, W) uint8, each film's text vectors (n_i, D), what each text (n_i, L) and each film's report (N, L) names.

    The L columns are those of `reports.NAMED`: 1 present, 0 absent, -1 uncertain, NaN not mentioned.
    """

    films: Tensor
    texts: list[Tensor]
    text_labels: list[Tensor]
    labels: Tensor

    def __post_init__(self) -> None:
        """Refuse pairs that do not fit together."""
        if not len(self.films) == len(self.texts) == len(self.text_labels) == len(self.labels):
            raise ValueError("films, texts and labels must be equally many")
        if not all(len(part) for part in self.texts):
            raise ValueError("a film has no sentence; leave such studies out")
        if not all(part.isfinite().all() for part in self.texts):
            raise ValueError("a text vector is NaN; make the text features again")

    def key(self) -> str:
        """Return a hash of everything in them."""
        digest = hashlib.sha256()
        for part in (self.films, self.labels, *self.texts, *self.text_labels):
            digest.update(repr(tuple(part.shape)).encode() + part.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def batch(self, rows: Tensor, text: str, bank: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, ...]:
        """Return augmented films, one text vector each, that text's labels, and the films' labels.

        With a `bank` (of `bank_target`), its texts and how right they are for these films come second and third.
        """
        if bank is not None:
            chosen, said = bank[0], bank[1][rows]
        elif text == "report":
            chosen = torch.stack([self.texts[row].mean(0) for row in rows])
            said = self.labels[rows]
        else:
            picks = [int(torch.randint(len(self.texts[row]), ())) for row in rows]
            chosen = torch.stack([self.texts[row][pick] for row, pick in zip(rows, picks, strict=True)])
            said = torch.stack([self.text_labels[row][pick] for row, pick in zip(rows, picks, strict=True)])
        return augment(scaled(self.films[rows])), chosen, said, self.labels[rows]


def pairs(studies: Dataset) -> Pairs:
    """Return the pairs of a study table; a study without sentences is left out, and the log says how many were."""
    kept = studies.select([row for row, said in enumerate(studies["sentences"]) if said])
    if len(kept) < len(studies):
        log.info("left out %d of %d studies, which have no sentence", len(studies) - len(kept), len(studies))
    counts = [len(said) for said in kept["sentences"]]
    said = [sentence for study in kept["sentences"] for sentence in study]
    terms = named(" ".join(study) for study in kept["sentences"])[:, len(LABELS) :]
    return Pairs(
        films(kept),
        list(text_features(said).split(counts)),
        list(torch.from_numpy(named(said)).split(counts)),
        torch.from_numpy(np.concatenate([label_matrix(kept["labels"]), terms], 1)),
    )


def augment(films: Tensor) -> Tensor:
    """Turn (to 3.4 degrees), resize (to a twentieth), shift, and change the contrast and the grain of each film of a batch.

    Never mirror it: left and right are said in the text. The edges are drawn out, so that no black corner gives it away.
    """
    size, stretch, angle, aside, down = 2 * torch.rand(5, len(films)) - 1
    wide = 1 + 0.05 * size
    tall, angle = wide * (1 + 0.025 * stretch), 0.06 * angle
    moves = [wide * angle.cos(), -wide * angle.sin(), 0.08 * aside, tall * angle.sin(), tall * angle.cos(), 0.08 * down]
    grid = affine_grid(torch.stack(moves, 1).view(-1, 2, 3), films.shape, align_corners=False)
    moved = grid_sample(films, grid, padding_mode="border", align_corners=False)
    return moved * (0.8 + 0.4 * torch.rand(len(films), 1, 1, 1)) + 0.3 * torch.randn_like(films)


def matching_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return the cross-entropy of square match logits to a target matrix, films to texts and texts to films, averaged."""
    back = target.T / target.T.sum(1, keepdim=True).clamp_min(1e-6)
    target = target / target.sum(1, keepdim=True).clamp_min(1e-6)
    return (cross_entropy(logits, target) + cross_entropy(logits.T, back)) / 2


def info_nce(images: Tensor, texts: Tensor, scale: Tensor | float) -> Tensor:
    """Return the symmetric InfoNCE of paired unit vectors (B, W) (van den Oord 2018; CLIP, Radford 2021)."""
    if len(images) < 2:
        raise ValueError("a batch of one has no negatives; use at least two pairs")
    return matching_loss(scale * images @ texts.T, torch.eye(len(images), device=images.device))


def distillation(logits: Tensor, teacher: Tensor) -> Tensor:
    """Return the KL divergence from the teacher's match probabilities, both directions averaged (TxtRayAlign, eq. 3-5)."""
    ways = ((logits, teacher), (logits.T, teacher.T))
    parts = [
        torch.nn.functional.kl_div(log_softmax(mine, 1), log_softmax(its, 1), reduction="batchmean", log_target=True)
        for mine, its in ways
    ]
    return sum(parts) / 2


def sinkhorn_target(images: Tensor, texts: Tensor, sign: int = -1, rounds: int = 3) -> Tensor:
    """Return TxtRayAlign's target as coded (sign -1), or with the sign that was meant (+1); rows sum to one."""
    plan = torch.exp(sign * (images @ images.T + texts @ texts.T + images @ texts.T) / 0.05)
    for _ in range(rounds):
        plan = plan / plan.sum(0, keepdim=True)
        plan = plan / plan.sum(1, keepdim=True)
    return plan


def soft_target(texts: Tensor, said: Tensor, labels: Tensor, near: float = 0.9) -> Tensor:
    """Return the (B, B) target film x text: 1 for the own text, near-duplicates of it, and texts that the film bears out.

    texts: unit vectors (B, D); said, labels: what each text and each film's report names (B, L).
    """
    own = torch.eye(len(texts), dtype=torch.bool, device=texts.device)
    return ((texts @ texts.T > near) | borne_out(said, labels) | own).float()


def borne_out(said: Tensor, labels: Tensor) -> Tensor:
    """Return (N, M): whether texts that name `said` (M, L) say of films only what their reports `labels` (N, L) bear out.

    A text must name a finding as present; all that it names must be present in the report, and nothing that it denies or
    doubts may be. Sides are not compared.
    """
    said, there = findings_only(said), (findings_only(labels) == 1).float()
    named, doubted = (said == 1).float(), ((said == 0) | (said == -1)).float()
    return (named.sum(1) > 0) & (there @ named.T == named.sum(1)) & (there @ doubted.T == 0)


def bank_target(pairs: Pairs, near: float = 0.95) -> tuple[Tensor, Tensor]:
    """Return the distinct texts of all pairs (M, D), and how right each is for each film (N, M), 0 where it is wrong.

    Right are a film's own sentences, their near-duplicates, and those that its report bears out (as in `soft_target`).
    A sentence that is right for n films weighs 1 / sqrt(n), so that "no acute disease" does not drown the rest.

    Raises:
        ValueError: films times texts is more than this way of keeping the target is made for.
    """
    texts, which = torch.unique(torch.cat(pairs.texts), dim=0, return_inverse=True)
    if len(texts) * max(len(texts), len(pairs.films)) > MOST:
        raise ValueError(f"{len(pairs.films)} films and {len(texts)} texts are too many for a bank; train on part of the studies")
    film = torch.arange(len(pairs.films)).repeat_interleave(torch.tensor([len(part) for part in pairs.texts]))
    own = torch.zeros(len(pairs.films), len(texts))
    own[film, which] = 1
    said = torch.empty(len(texts), pairs.labels.shape[1])
    said[which] = torch.cat(pairs.text_labels)
    right = (own @ (texts @ texts.T > near).float() > 0) | borne_out(said, pairs.labels)
    return texts, right / right.sum(0).clamp_min(1).sqrt()


def bank_loss(logits: Tensor, right: Tensor) -> Tensor:
    """Return the cross-entropy of films against the whole bank, and of each text right for some film against the films.

    logits, right: (B, M); rows of `right` are weights of the right texts, each row with at least one.
    """
    forward = cross_entropy(logits, right / right.sum(1, keepdim=True))
    asked = right.any(0)
    films = (right[:, asked] > 0).float().T
    return (forward + cross_entropy(logits[:, asked].T, films / films.sum(1, keepdim=True))) / 2


def gathered(part: Tensor) -> Tensor:
    """Return the rows of all processes, with gradient; the loss over them equals that of one process's joint batch."""
    if distributed.is_initialized() and distributed.get_world_size() > 1:
        return torch.cat(across.all_gather(part))
    return part


def alignment_loss(recipe: Recipe, model: Towers, teacher: Towers | None, batch: tuple[Tensor, ...]) -> Tensor:
    """Return the recipe's loss of one batch; with target bank, its texts are the bank and `said` how right they are."""
    films, texts, said, labels = batch
    images, sentences, guessed = model(films, texts)
    images, said, every = map(gathered, (images, said, labels))
    if recipe.target != "bank":
        sentences, texts = gathered(sentences), gathered(texts)
    scale = getattr(model, "module", model).log_scale.exp().clamp(max=100)
    if recipe.target == "bank":
        loss = bank_loss(scale * images @ sentences.T, said)
    elif recipe.target == "soft":
        loss = matching_loss(scale * images @ sentences.T, soft_target(texts, said, every))
    else:
        loss = info_nce(images, sentences, scale)
    if teacher is not None:
        with torch.no_grad():
            its_images, its_texts, _ = teacher(films, batch[1])
            its_images, its_texts = gathered(its_images), gathered(its_texts)
        logits = scale * images @ sentences.T
        if recipe.target == "sinkhorn":
            loss = (loss + matching_loss(logits, sinkhorn_target(its_images, its_texts))) / 2
        else:
            loss = (loss + distillation(logits, teacher.log_scale.exp() * its_images @ its_texts.T)) / 2
    # with weight 0 too: DistributedDataParallel wants every head in the loss
    return loss + recipe.label_weight * binary_cross_entropy_with_logits(guessed, (labels == 1).float())


def fit(recipe: Recipe, pairs: Pairs, seed: int = 0, checkpoint: Path | None = None, every: int = 50,
        stop_at: int | None = None, watch: Pairs | None = None, patience: int = 3, recompute: bool = False) -> Towers:  # fmt: skip
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
    model = Towers(recipe.tower, pairs.texts[0].shape[1], temperature=recipe.temperature)
    model.image.set_grad_checkpointing(recompute)
    teacher = copy.deepcopy(model).requires_grad_(False) if recipe.target in ("teacher", "sinkhorn") else None
    teacher = teacher and teacher.to(device)
    optimiser = torch.optim.AdamW(model.parameters(), recipe.rate, weight_decay=recipe.decay, fused=True)
    model, optimiser = accelerator.prepare(model, optimiser)
    bare, run, first = accelerator.unwrap_model(model), run_key(recipe, pairs, seed), 0
    if checkpoint and checkpoint.exists():
        first = load(checkpoint, run, bare, teacher, optimiser)
    bank = bank_target(pairs) if recipe.target == "bank" else None
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


def own_ranks(model: Towers, pairs: Pairs) -> np.ndarray:
    """Return the rank (N,) of each film's own report, the mean of its sentences, among all of the pairs."""
    images, _ = model.encode_films(pairs.films)
    texts = model.encode_texts(torch.stack([part.mean(0) for part in pairs.texts]).to(images.device)).detach()
    return pair_ranks((images @ texts.T).cpu().numpy())


def retrieval(model: Towers, pairs: Pairs) -> float:
    """Return the mean reciprocal rank of each film's own report among all of the pairs."""
    return mean_reciprocal_rank(own_ranks(model, pairs))


def trained(recipe: Recipe, pairs: Pairs, seed: int = 0) -> Towers:
    """Return the towers of a recipe, from the local cache where they are; else train them and keep them there.

    The cache is `data_dir("models")`, keyed by recipe, data, seed and code; a run that was cut short goes on.
    """
    path = data_dir("models", f"{run_key(recipe, pairs, seed)[:16]}.safetensors")
    start, found = time.monotonic(), path.exists()
    model = fit(recipe, pairs, seed, path)
    log.info("%s %s in %.0f s", "read" if found else "trained", path.name, time.monotonic() - start)
    return model


def run_key(recipe: Recipe, pairs: Pairs, seed: int) -> str:
    """Return what a training run is: a hash of recipe, data, seed and code, so that new code never reads an old model."""
    code = [Path(path).read_text(encoding="utf-8") for path in (__file__, encoders.__file__)]
    return hashlib.sha256(json.dumps([asdict(recipe), pairs.key(), seed, code], sort_keys=True).encode()).hexdigest()


def one_cycle(done: float) -> float:
    """Return the share of the learning rate: up over the first 15 %, then down along a cosine (Smith 2018)."""
    return max(done, 0.005) / 0.15 if done < 0.15 else (1 + float(np.cos(np.pi * (done - 0.15) / 0.85))) / 2


@torch.no_grad()
def follow(teacher: Towers, student: Towers, momentum: float) -> None:
    """Move the teacher's weights to the student's: an exponential moving average."""
    for its, mine in zip(teacher.state_dict().values(), student.state_dict().values(), strict=True):
        its.copy_(its.lerp(mine, 1 - momentum) if its.is_floating_point() else mine)


def save(path: Path, run: str, step: int, model: Towers, teacher: Towers | None, optimiser) -> None:
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


def load(path: Path, run: str, model: Towers, teacher: Towers | None, optimiser) -> int:
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
