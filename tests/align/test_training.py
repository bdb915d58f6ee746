"""The one training loop: exact resume, early stopping, several processes, every recipe."""

import os
import re
import resource
import signal
import socket
from dataclasses import replace

import pytest
import torch
from torch import distributed

from tests.align.small import SMALL, small_pairs, told
from txtray_utils.align import objectives, training
from txtray_utils.align.checkpoint import Checkpoint
from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.align.objectives import Teacher, WholeCorpus, objective_of
from txtray_utils.align.recipes import RECIPES, Recipe
from txtray_utils.align.trained import new_model, train, trained
from txtray_utils.align.training import fit
from txtray_utils.errors import InputError


class KilledError(Exception):
    """Stands for the signal that ends a run."""


def killed_at(step: int, recipe: Recipe, checkpoint: Checkpoint, monkeypatch) -> None:
    """Train with a checkpoint every two steps, and end as if killed before `step`."""
    monkeypatch.setattr(training, "EVERY", 2)
    draws = []

    def rows(self, draw, size, world, here):
        if len(draws) == step:
            raise KilledError
        draws.append(draw)
        return real(self, draw, size, world, here)

    real = Teacher.rows
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(Teacher, "rows", rows)
        train(recipe, small_pairs(), 0, checkpoint)


def equal(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    for name, weight in one.items():
        assert torch.equal(weight, other[name]), name


def test_a_killed_run_ends_with_the_same_weights(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "run.safetensors", "this")
    whole = train(SMALL, small_pairs())
    killed_at(3, SMALL, checkpoint, monkeypatch)
    assert checkpoint.path.exists()
    resumed = train(SMALL, small_pairs(), 0, checkpoint)
    equal(whole.state_dict(), resumed.state_dict())


def test_a_checkpoint_of_another_run_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    killed_at(2, SMALL, Checkpoint(path, "this"), monkeypatch)
    before = path.read_bytes()
    with pytest.raises(InputError, match="another"):
        train(SMALL, small_pairs(), 0, Checkpoint(path, "other"))
    path.write_bytes(before[:200])
    with pytest.raises(InputError, match="not a checkpoint"):
        train(SMALL, small_pairs(), 0, Checkpoint(path, "this"))


def test_a_finished_run_is_read_and_not_trained_again(tmp_path, monkeypatch):
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path))
    first = trained(SMALL, small_pairs())
    forbidden = lambda *_, **__: pytest.fail("trained again")
    with monkeypatch.context() as patch:
        patch.setattr("txtray_utils.align.trained.fit", forbidden)
        again = trained(SMALL, small_pairs())
    equal(first.state_dict(), again.state_dict())
    assert not list((tmp_path / "models").glob("*.run.safetensors"))
    changed = small_pairs()
    changed.images[0, 0, 0, 0] ^= 1
    other = trained(SMALL, changed)
    assert len(list((tmp_path / "models").glob("*.safetensors"))) == 2
    weights = first.image_projection.weight, other.image_projection.weight
    assert not torch.equal(*weights)


def test_training_stops_early_and_keeps_the_best(monkeypatch, caplog):
    found, seen = iter([0.2, 0.5, 0.4, 0.3, 0.9]), []

    def score(model):
        seen.append({name: weight.clone() for name, weight in model.state_dict().items()})
        return next(found)

    monkeypatch.setattr(training, "EVERY", 1)
    monkeypatch.setattr(training, "PATIENCE", 2)
    recipe, data = replace(SMALL, steps=8), small_pairs()
    model = new_model(recipe, 16)
    with caplog.at_level("INFO"):
        model = fit(model, objective_of(recipe, data, model), recipe, watch=score)
    assert "stopped at step 4" in caplog.text and len(seen) == 4
    equal(model.state_dict(), seen[1])


def joint(name: str) -> tuple[torch.nn.Module, object, dict[str, torch.Tensor]]:
    """Return a fresh model, the recipe's objective, and one batch of eight."""
    torch.manual_seed(0)
    recipe = RECIPES[name]
    model = ImageTextModel(SMALL.tower, 16).eval()
    objective = objective_of(recipe, told(), model)
    return model, objective, objective.batch(torch.arange(8))


def gradients_of_half(rank: int, folder: str) -> None:
    """Run on one of two processes: each recipe's gradients on half the batch, through DDP."""
    meet = f"file://{folder}/meet"
    distributed.init_process_group("gloo", init_method=meet, rank=rank, world_size=2)
    found = {}
    for name in RECIPES:
        model, objective, batch = joint(name)
        mine = {key: part[4 * rank : 4 * rank + 4] for key, part in batch.items()}
        if isinstance(objective, WholeCorpus):
            mine["texts"] = batch["texts"]
        spread = torch.nn.parallel.DistributedDataParallel(model)
        for _ in range(2):  # the second pass fails where a weight had no part in the first loss
            model.zero_grad()
            objective.loss(spread, mine).backward()
        found[name] = {key: weight.grad for key, weight in model.named_parameters()}
    torch.save(found, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


def test_every_recipe_has_the_joint_batchs_gradients_on_two_processes(tmp_path):
    torch.multiprocessing.spawn(gradients_of_half, (str(tmp_path),), nprocs=2)
    halves = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    for name in RECIPES:
        model, objective, batch = joint(name)
        objective.loss(model, batch).backward()
        for key, weight in model.named_parameters():
            for half in halves:
                message = f"{name} {key}"
                torch.testing.assert_close(
                    half[name][key], weight.grad, atol=2e-5, rtol=1e-3, msg=message
                )


def watched_half(rank: int, folder: str, port: int) -> None:
    """Run on one of two processes: early stopping with batches that are normalised apart."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
    os.environ |= {
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
        "ACCELERATE_USE_CPU": "true",
    }
    training.EVERY = training.PATIENCE = 1
    recipe = replace(SMALL, target="own", steps=6, tower="test_resnet.r160_in1k")
    data = small_pairs()
    model = new_model(recipe, 16)
    objective = objective_of(recipe, data, model)
    model = fit(model, objective, recipe, watch=lambda one: float(one.logit_scale))
    torch.save(dict(model.named_parameters()), f"{folder}/{rank}.pt")


def test_two_processes_stop_at_the_same_step(tmp_path):
    with socket.socket() as door:
        door.bind(("localhost", 0))
        port = door.getsockname()[1]
    torch.multiprocessing.spawn(watched_half, (str(tmp_path), port), nprocs=2)
    paths = [tmp_path / f"{rank}.pt" for rank in range(2)]
    one, other = (torch.load(path, weights_only=False) for path in paths)
    equal(one, other)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_learns_the_pairs_that_it_sees(name, monkeypatch):
    """The loss of the same eight films, not varied, falls, with no decay that could do it."""
    monkeypatch.setattr(objectives, "augment", lambda films, _: films)
    small = {"steps": 25, "batch": 8, "tower": SMALL.tower, "decay": 0.0, "rate": 2e-3}
    recipe, losses = replace(RECIPES[name], **small), []
    model = new_model(recipe, 16)
    objective = objective_of(recipe, told(), model)
    real = objective.loss

    def loss(model, batch):
        losses.append(real(model, batch))
        return losses[-1]

    objective.loss = loss
    fit(model, objective, recipe)
    assert sum(losses[-5:]) < 0.98 * sum(losses[:5]), [round(float(one), 3) for one in losses]


def test_a_checkpoint_and_a_watch_do_not_go_together(tmp_path):
    model = new_model(SMALL, 16)
    keep = Checkpoint(tmp_path / "x.safetensors", "x")
    with pytest.raises(ValueError, match="not both"):
        fit(model, objective_of(SMALL, small_pairs(), model), SMALL, keep=keep, watch=lambda _: 0.0)


def test_weights_that_became_nan_are_not_saved(tmp_path, monkeypatch):
    keep = Checkpoint(tmp_path / "run.safetensors", "this")
    killed_at(2, SMALL, keep, monkeypatch)
    before = keep.path.read_bytes()
    monkeypatch.setattr(training, "EVERY", 1)
    real = Teacher.after

    def spoil(self, model):
        model.logit_scale.data.fill_(float("nan"))
        real(self, model)

    monkeypatch.setattr(Teacher, "after", spoil)
    with pytest.raises(ValueError, match="NaN"):
        train(SMALL, small_pairs(), 0, keep)
    assert keep.path.read_bytes() == before


def test_an_unknown_target_is_named():
    recipe = replace(SMALL, target="parrot")
    with pytest.raises(ValueError, match="'parrot'; choose one of own, soft, corpus"):
        objective_of(recipe, small_pairs(), new_model(SMALL, 16))


def test_one_pair_is_refused():
    data = small_pairs()
    one = replace(
        data,
        images=data.images[:1],
        texts=data.texts[:1],
        sentence_labels=data.sentence_labels[:1],
        report_labels=data.report_labels[:1],
    )
    with pytest.raises(ValueError, match="batch of one"):
        train(SMALL, one)


def test_what_is_no_checkpoint_is_refused_and_kept(tmp_path):
    path = tmp_path / "run.safetensors"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="not a checkpoint"):
        train(SMALL, small_pairs(), 0, Checkpoint(path, "this"))
    assert path.read_bytes() == b"not a checkpoint"


def test_an_interrupted_write_keeps_the_old_checkpoint(tmp_path, monkeypatch):
    """A limit on the size of files stops the write as a full disk would."""
    keep = Checkpoint(tmp_path / "run.safetensors", "this")
    killed_at(2, SMALL, keep, monkeypatch)
    before, limits = keep.path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
        with pytest.raises(InputError, match=re.escape(keep.path.name)):
            train(SMALL, small_pairs(), 0, keep)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert keep.path.read_bytes() == before
