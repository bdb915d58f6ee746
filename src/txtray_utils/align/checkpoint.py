"""A training run that can go on: model, teacher and optimiser in one safetensors file.

Every file carries the checksum of its tensors, so that what was changed since is not taken as
trained. Explained in book/04_contrastive_alignment.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from txtray_utils.errors import InputError, replacing

_AGAIN = "Delete it to train again."


@dataclass(frozen=True)
class Checkpoint:
    """A file at `path` that belongs to the run named `run`, a key of all that decides it."""

    path: Path
    run: str

    def save(self, step: int, model: nn.Module, teacher: nn.Module | None, optimiser) -> None:
        """Write all that goes on; a write that is cut short leaves the old file.

        Raises:
            ValueError: a weight is NaN.
            InputError: the file cannot be written.
        """
        tensors = _with_prefix("model.", model.state_dict())
        if teacher is not None:
            tensors |= _with_prefix("teacher.", teacher.state_dict())
        weights = len(tensors)
        for number, state in optimiser.state_dict()["state"].items():
            tensors |= _with_prefix(f"adam.{number}.", state)
        states = len(tensors) - weights
        if _not_finite(tensors):
            raise ValueError(f"a weight became NaN by step {step}; lower the learning rate")
        about = {"run": self.run, "step": str(step), "states": str(states)}
        save_tensors(self.path, tensors, about)

    def load(self, model: nn.Module, teacher: nn.Module | None, optimiser) -> int:
        """Read what `save` wrote, if it is there, and return the step to go on from (else 0).

        Raises:
            InputError: the file is no checkpoint, or one of another run, or lacks a part: weights,
                the teacher, or the state of the optimiser.
        """
        if not self.path.exists():
            return 0
        about, tensors = load_tensors(self.path)
        if about.get("run") != self.run:
            fault = "is a checkpoint of another recipe, seed, model, data or code"
            raise InputError(self.path, fault, "Give another path, or delete it.")
        step = about.get("step", "")
        if not step.isdecimal() or int(step) < 1:
            raise InputError(self.path, f"says that its step is {step!r}", _AGAIN)
        load_weights(self.path, model, _under("model.", tensors))
        if teacher is not None:
            load_weights(self.path, teacher, _under("teacher.", tensors))
        states = _under("adam.", tensors)
        if not states or about.get("states") != str(len(states)):
            fault = "lacks the state of the optimiser, without which training ends elsewhere"
            raise InputError(self.path, fault, _AGAIN)
        state = optimiser.state_dict()
        for key, value in states.items():
            number, name = key.split(".")
            state["state"].setdefault(int(number), {})[name] = value
        optimiser.load_state_dict(state)
        return int(step)


def load_weights(path: Path, model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Give a model the tensors of the file `path`.

    Raises:
        InputError: a tensor is missing, unknown or of another shape or dtype.
    """
    for name, own in model.state_dict().items():
        found = tensors.get(name)
        if found is None:
            raise InputError(path, f"lacks {name}", _AGAIN)
        if found.shape != own.shape or found.dtype != own.dtype:
            fault = f"holds {_kind(found)} as {name}, which is {_kind(own)}"
            raise InputError(path, fault, _AGAIN)
    unknown = sorted(set(tensors) - set(model.state_dict()))
    if unknown:
        raise InputError(path, f"holds {unknown[0]}, which the model lacks", _AGAIN)
    model.load_state_dict(tensors)


def _kind(tensor: Tensor) -> str:
    return f"{tensor.dtype} {tuple(tensor.shape)}"


def save_tensors(
    path: Path, tensors: dict[str, Tensor], about: dict[str, str] | None = None
) -> None:
    """Write tensors as safetensors, with their checksum; a write that fails leaves the old file.

    Raises:
        InputError: the file cannot be written, or the disk is full.
    """
    whole = {}
    for name, tensor in tensors.items():
        whole[name] = tensor.contiguous().clone()
    notes = dict(about or {})
    notes["sha256"] = _checksum(whole, notes)
    with replacing(path) as partial:
        try:
            save_file(whole, partial, notes)
        except SafetensorError as error:
            raise OSError(str(error)) from error


def load_tensors(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return the notes and the tensors of a safetensors file that `save_tensors` wrote.

    Raises:
        InputError: the file is damaged, was changed or is of another kind, or a number in it is
            not finite.
    """
    tensors = {}
    try:
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118
                tensors[name] = file.get_tensor(name)
            about = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise InputError(path, f"is not a checkpoint ({error})", _AGAIN) from error
    if about.pop("sha256", None) != _checksum(tensors, about):
        fault = "is not a checkpoint that was saved here, or was changed: its checksum is another"
        raise InputError(path, fault, _AGAIN)
    if wrong := _not_finite(tensors):
        raise InputError(path, f"holds NaN or infinity in {wrong}", _AGAIN)
    return about, tensors


def _checksum(tensors: dict[str, Tensor], about: dict[str, str]) -> str:
    notes = repr(sorted(about.items()))
    digest = hashlib.sha256(notes.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {_kind(tensor)}\n".encode())
        flat = tensor.reshape(-1)
        digest.update(flat.view(torch.uint8).numpy())
    return digest.hexdigest()


def _not_finite(tensors: dict[str, Tensor]) -> str:
    """Return the name of a tensor that is not finite, or ""."""
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            return name
    return ""


def _with_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in tensors.items()}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    found = {}
    for name, value in tensors.items():
        if name.startswith(prefix):
            found[name.removeprefix(prefix)] = value
    return found
