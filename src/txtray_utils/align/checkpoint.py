"""A training run that can go on: model, teacher and optimiser in one safetensors file.

Explained in book/04_contrastive_alignment.
"""

from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from txtray_utils.errors import InputError, replacing


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
        for number, state in optimiser.state_dict()["state"].items():
            tensors |= _with_prefix(f"adam.{number}.", state)
        if not all(tensor.isfinite().all() for tensor in tensors.values()):
            raise ValueError(f"a weight became NaN by step {step}; lower the learning rate")
        save_tensors(self.path, tensors, {"run": self.run, "step": str(step)})

    def load(self, model: nn.Module, teacher: nn.Module | None, optimiser) -> int:
        """Read what `save` wrote, if it is there, and return the step to go on from (else 0).

        Raises:
            InputError: the file is no checkpoint, or one of another run.
        """
        if not self.path.exists():
            return 0
        about, tensors = load_tensors(self.path)
        if about.get("run") != self.run:
            fault = "is a checkpoint of another recipe, seed, model, data or code"
            raise InputError(self.path, fault, "Give another path, or delete it.")
        model.load_state_dict(_under("model.", tensors))
        if teacher is not None:
            teacher.load_state_dict(_under("teacher.", tensors))
        state = optimiser.state_dict()
        for key, value in _under("adam.", tensors).items():
            number, name = key.split(".")
            state["state"].setdefault(int(number), {})[name] = value
        optimiser.load_state_dict(state)
        return int(about["step"])


def save_tensors(
    path: Path, tensors: dict[str, Tensor], about: dict[str, str] | None = None
) -> None:
    """Write tensors as safetensors; a write that fails leaves the old file.

    Raises:
        InputError: the file cannot be written, or the disk is full.
    """
    whole = {}
    for name, tensor in tensors.items():
        whole[name] = tensor.contiguous().clone()
    with replacing(path) as partial:
        try:
            save_file(whole, partial, about)
        except SafetensorError as error:
            raise OSError(str(error)) from error


def load_tensors(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return the notes and the tensors of a safetensors file.

    Raises:
        InputError: the file is damaged or of another kind.
    """
    try:
        with safe_open(path, "pt") as file:
            tensors = {}
            for name in file.keys():  # noqa: SIM118
                tensors[name] = file.get_tensor(name)
            return file.metadata() or {}, tensors
    except (SafetensorError, OSError) as error:
        raise InputError(
            path, f"is not a checkpoint ({error})", "Delete it to train again."
        ) from error


def _with_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in tensors.items()}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    found = {}
    for name, value in tensors.items():
        if name.startswith(prefix):
            found[name.removeprefix(prefix)] = value
    return found
