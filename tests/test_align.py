"""The alignment losses against other definitions, and exact resume."""

import copy
import os
import re
import resource
import signal
import socket
from dataclasses import replace

import numpy as np
import pytest
import torch
from datasets import Dataset
from PIL import Image
from torch import distributed
from torch.nn.functional import normalize
from transformers.models.clip.modeling_clip import image_text_contrastive_loss

pass  # RELOC
from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.align.losses import (
    multi_positive_loss,
    corpus_targets,
    consistent_with_report,
    gathered,
    info_nce,
    sinkhorn_target,
    soft_target,
)
from txtray_utils.align.objectives import alignment_loss
from txtray_utils.align.pairs import ImageTextPairs, augment
from txtray_utils.align.pairs import image_text_pairs as make_pairs
from txtray_utils.align.recipes import RECIPES, Recipe
from txtray_utils.align.training import fit, follow, trained
from txtray_utils.errors import InputError
from txtray_utils.judge.retrieval import retrieval
from txtray_utils.vocabulary import LABELS, NAMED

SMALL = Recipe(target="teacher", steps=4, batch=4, tower="test_vit.r160_in1k")


def unit(rows: int, seed: int) -> torch.Tensor:
    return normalize(torch.randn(rows, 16, generator=torch.Generator().manual_seed(seed)), dim=-1)


def image_text_pairs() -> ImageTextPairs:
    films = torch.randint(0, 256, (8, 1, 128, 128), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    nothing = torch.full((8, len(NAMED)), float("nan"))
    return ImageTextPairs(films, list(unit(16, 1).split(2)), list(torch.cat([nothing, nothing]).split(2)), nothing)


def told() -> ImageTextPairs:
    """Return the pairs with findings in texts and reports: the first four films have a fracture, the others oedema."""
    made = image_text_pairs()
    edema, fracture = LABELS.index("Edema"), LABELS.index("Fracture")
    for row in range(8):
        column = fracture if row < 4 else edema
        made.labels[row, column] = made.sentence_labels[row][0, column] = 1
    return made


def test_info_nce_is_a_plain_double_loop():
    images, texts = unit(6, 0), unit(6, 1)
    logits = (10 * images @ texts.T).numpy().astype(float)
    rows = [np.log(sum(np.exp(logits[i, j]) for j in range(6))) - logits[i, i] for i in range(6)]
    columns = [np.log(sum(np.exp(logits[j, i]) for j in range(6))) - logits[i, i] for i in range(6)]
    assert float(info_nce(images, texts, 10.0)) == pytest.approx((np.mean(rows) + np.mean(columns)) / 2, abs=1e-5)


def test_the_sign_of_the_sinkhorn_target_decides_about_true_pairs():
    vectors = unit(8, 0)
    assert sinkhorn_target(vectors, vectors, 1).diag().min() > 1 / 8
    assert sinkhorn_target(vectors, vectors, -1).diag().max() < 1 / 8


def test_a_batch_of_one_is_refused():
    with pytest.raises(ValueError, match="batch of one"):
        info_nce(unit(1, 0), unit(1, 1), 10.0)


def test_a_killed_run_ends_with_the_same_weights(tmp_path):
    whole = fit(SMALL, image_text_pairs())
    fit(SMALL, image_text_pairs(), checkpoint=tmp_path / "run.safetensors", every=2, stop_at=3)
    resumed = fit(SMALL, image_text_pairs(), checkpoint=tmp_path / "run.safetensors", every=2)
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    fit(SMALL, image_text_pairs(), checkpoint=path, every=2, stop_at=2)
    before, other = path.read_bytes(), image_text_pairs()
    other.films[0, 0, 0, 0] ^= 1
    for data, seed in ((image_text_pairs(), 1), (other, 0)):
        with pytest.raises(InputError, match="another"):
            fit(SMALL, data, seed=seed, checkpoint=path)
    assert path.read_bytes() == before


def test_a_finished_run_is_read_and_not_trained_again(tmp_path, monkeypatch):
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path))
    first = trained(SMALL, image_text_pairs())
    monkeypatch.setattr("txtray_utils.align.alignment_loss", lambda *_: pytest.fail("trained again"))
    again = trained(SMALL, image_text_pairs())
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name]), name


def test_training_stops_early_and_keeps_the_best(monkeypatch, caplog):
    found = iter([0.2, 0.5, 0.4, 0.3, 0.9])
    seen = []
    monkeypatch.setattr("txtray_utils.align.retrieval", lambda model, _: seen.append(copy_of(model)) or next(found))
    with caplog.at_level("INFO"):
        model = fit(replace(SMALL, steps=8), image_text_pairs(), every=1, watch=image_text_pairs(), patience=2)
    assert "stopped at step 4" in caplog.text and len(seen) == 4
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, seen[1][name]), name


def copy_of(model: ImageTextModel) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in model.state_dict().items()}


def test_validation_retrieval_is_the_mean_reciprocal_rank():
    torch.manual_seed(0)
    model, data = ImageTextModel(SMALL.tower, 16), image_text_pairs()
    images, _ = model.encode_films(data.films)
    texts = model.encode_texts(torch.stack([part.mean(0) for part in data.texts])).detach()
    ranks = [int((row >= row[k]).sum()) for k, row in enumerate(images @ texts.T)]
    assert retrieval(model, data) == pytest.approx(np.mean([1 / rank for rank in ranks]))


def test_gradient_checkpoints_change_no_weight():
    plain, spared = fit(SMALL, image_text_pairs()), fit(SMALL, image_text_pairs(), recompute=True)
    for (name, a), b in zip(plain.state_dict().items(), spared.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4, msg=name)


def test_stopping_at_the_first_step_takes_none():
    torch.manual_seed(0)
    fresh = ImageTextModel(SMALL.tower, 16, temperature=SMALL.temperature).state_dict()
    for name, weight in fit(SMALL, image_text_pairs(), stop_at=0).state_dict().items():
        assert torch.equal(weight, fresh[name]), name


def test_a_study_without_sentences_is_left_out_and_counted(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path))
    label = dict.fromkeys(LABELS) | {"Pneumothorax": 1}
    studies = Dataset.from_dict({
        "image": [Image.new("L", (8, 8), k) for k in range(3)],
        "sentences": [["The heart is large.", "No effusion."], [], ["A pneumothorax."]],
        "labels": [label, label, label],
    })  # fmt: skip
    with caplog.at_level("INFO"):
        made = make_pairs(studies)
    assert "1 of 3" in caplog.text
    assert [len(part) for part in made.texts] == [2, 1] and made.films.shape == (2, 1, 128, 128)
    effusion, pneumothorax = LABELS.index("Pleural Effusion"), LABELS.index("Pneumothorax")
    assert made.sentence_labels[0][1, effusion] == 0 and made.sentence_labels[1][0, pneumothorax] == 1
    assert made.labels[:, pneumothorax].tolist() == [1, 1] and made.labels[:, effusion].isnan().all()


def test_info_nce_is_the_loss_of_clip():
    images, texts = unit(9, 2), unit(9, 3)
    assert float(info_nce(images, texts, 14.0)) == pytest.approx(
        float(image_text_contrastive_loss(14.0 * texts @ images.T)), abs=1e-5
    )


def gradient_of_half(rank: int, folder: str) -> None:
    """Run on one of two processes: the gradient of the gathered loss on this half, averaged as DDP does."""
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    weight = torch.eye(16, requires_grad=True)
    images, texts = (gathered(normalize(unit(8, seed)[rank::2] @ weight, dim=-1)) for seed in (0, 1))
    info_nce(images, texts, 10.0).backward()
    distributed.all_reduce(weight.grad)
    torch.save(weight.grad / 2, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


def test_two_processes_give_the_gradient_of_the_joint_batch(tmp_path):
    torch.multiprocessing.spawn(gradient_of_half, (str(tmp_path),), nprocs=2)
    weight = torch.eye(16, requires_grad=True)
    info_nce(*(normalize(unit(8, seed) @ weight, dim=-1) for seed in (0, 1)), 10.0).backward()
    for rank in range(2):
        torch.testing.assert_close(torch.load(tmp_path / f"{rank}.pt"), weight.grad, atol=1e-6, rtol=1e-5)


def joint(name: str, rows: slice) -> tuple[torch.nn.Module, torch.nn.Module | None, tuple[torch.Tensor, ...]]:
    """Return fresh towers, the teacher of the recipe, and these rows of one batch of eight."""
    torch.manual_seed(0)
    model = ImageTextModel(SMALL.tower, 16).eval()
    teacher = copy.deepcopy(model).requires_grad_(False) if RECIPES[name].target in ("teacher", "sinkhorn") else None
    data, bank = told(), RECIPES[name].target == "bank"
    batch = data.batch(torch.arange(8), RECIPES[name].text, corpus_targets(data) if bank else None)
    return model, teacher, tuple(part if bank and place == 1 else part[rows] for place, part in enumerate(batch))


def gradients_of_half(rank: int, folder: str) -> None:
    """Run on one of two processes: every recipe's gradients on this half of the batch, through DistributedDataParallel."""
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    found = {}
    for name in RECIPES:
        model, teacher, batch = joint(name, slice(4 * rank, 4 * rank + 4))
        spread = torch.nn.parallel.DistributedDataParallel(model)
        for _ in range(2):  # the second forward pass fails where a weight had no part in the first loss
            model.zero_grad()
            alignment_loss(RECIPES[name], spread, teacher, batch).backward()
        found[name] = {key: weight.grad for key, weight in model.named_parameters()}
    torch.save(found, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


def test_every_recipe_has_the_joint_batchs_gradients_on_two_processes(tmp_path):
    torch.multiprocessing.spawn(gradients_of_half, (str(tmp_path),), nprocs=2)
    halves = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    for name in RECIPES:
        model, teacher, batch = joint(name, slice(None))
        alignment_loss(RECIPES[name], model, teacher, batch).backward()
        for key, weight in model.named_parameters():
            for half in halves:
                torch.testing.assert_close(half[name][key], weight.grad, atol=2e-5, rtol=1e-3, msg=f"{name} {key}")


def watched_half(rank: int, folder: str, port: int) -> None:
    """Run on one of two processes: train with early stopping on towers whose batches are normalised apart."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "localhost"}
    os.environ |= {"MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true"}
    recipe = replace(SMALL, target="own", steps=6, tower="test_resnet.r160_in1k")
    model = fit(recipe, image_text_pairs(), every=1, watch=image_text_pairs(), patience=1)
    torch.save(dict(model.named_parameters()), f"{folder}/{rank}.pt")


def test_two_processes_stop_at_the_same_step(tmp_path):
    with socket.socket() as door:
        door.bind(("localhost", 0))
        port = door.getsockname()[1]
    torch.multiprocessing.spawn(watched_half, (str(tmp_path), port), nprocs=2)
    one, other = (torch.load(tmp_path / f"{rank}.pt", weights_only=False) for rank in range(2))
    for key, weight in one.items():
        assert torch.equal(weight, other[key]), key


def test_a_soft_target_keeps_the_own_text_and_adds_its_twins():
    texts, nothing = torch.eye(3), torch.full((3, 14), float("nan"))
    texts[2] = texts[0]
    assert soft_target(texts, nothing, nothing).tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


def test_a_text_that_a_film_bears_out_is_no_negative():
    said, labels = torch.full((2, 14), float("nan")), torch.full((2, 14), float("nan"))
    said[0, 3], labels[0, 3], labels[1, 3] = 1, 1, 1
    assert soft_target(torch.eye(2), said, labels).tolist() == [[1, 0], [1, 1]]


def test_the_bank_target_by_hand():
    """Two films; sentence 0 is both films' own, 1 a finding of film 0 that film 1's report also names, 2 film 1's own."""
    said, labels = torch.full((3, 14), float("nan")), torch.full((2, 14), float("nan"))
    edema, fracture = LABELS.index("Edema"), LABELS.index("Fracture")
    said[1, edema] = said[2, fracture] = 1
    labels[0, edema] = labels[1, edema] = labels[1, fracture] = 1
    texts = torch.eye(3, 16)
    films = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
    made = ImageTextPairs(films, [texts[[0, 1]], texts[[0, 2]]], [said[[0, 1]], said[[0, 2]]], labels)
    bank, right = corpus_targets(made)
    order = [int((bank == text).all(1).nonzero()) for text in texts]
    half = 1 / 2**0.5
    torch.testing.assert_close(right[:, order], torch.tensor([[half, half, 0], [half, half, 1]]))


def test_the_bank_loss_is_info_nce_where_each_film_has_one_text():
    images, texts = unit(6, 0), unit(6, 1)
    same = multi_positive_loss(10 * images @ texts.T, torch.eye(6))
    torch.testing.assert_close(same, info_nce(images, texts, 10.0))


def test_no_finding_bears_nothing_out():
    said, labels = torch.full((1, 14), float("nan")), torch.full((1, 14), float("nan"))
    said[0, LABELS.index("No Finding")] = labels[0, LABELS.index("No Finding")] = 1
    assert not consistent_with_report(said, labels).any()


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_learns_the_pairs_that_it_sees(name, monkeypatch):
    """The loss of the same eight films without augmentation falls, with no decay that could move the weights."""
    monkeypatch.setattr(align, "augment", lambda films: films)
    recipe, losses = replace(RECIPES[name], steps=25, batch=8, tower=SMALL.tower, decay=0.0, rate=2e-3), []
    real = alignment_loss
    monkeypatch.setattr(align, "alignment_loss", lambda *parts: losses.append(real(*parts)) or losses[-1])
    fit(recipe, told())
    assert sum(losses[-5:]) < 0.98 * sum(losses[:5]), [round(float(loss), 3) for loss in losses]


@pytest.mark.parametrize("denied", [0, -1])
def test_a_text_that_denies_or_doubts_what_a_film_has_is_not_borne_out(denied):
    said, labels = torch.full((2, 14), float("nan")), torch.full((2, 14), float("nan"))
    heart, fluid = LABELS.index("Cardiomegaly"), LABELS.index("Pleural Effusion")
    said[:, heart] = labels[:, heart] = labels[0, fluid] = 1
    said[1, fluid] = denied
    assert consistent_with_report(said, labels).tolist() == [[True, False], [True, True]]


def test_a_bank_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(align, "MOST", 100)
    with pytest.raises(ValueError, match="too many"):
        corpus_targets(image_text_pairs())


def test_a_checkpoint_and_a_watch_do_not_go_together(tmp_path):
    with pytest.raises(ValueError, match="not both"):
        fit(SMALL, image_text_pairs(), checkpoint=tmp_path / "x.safetensors", watch=image_text_pairs())


def test_weights_that_became_nan_are_not_saved(tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    fit(SMALL, image_text_pairs(), checkpoint=path, every=2, stop_at=2)
    before = path.read_bytes()
    follow = follow

    def spoil(teacher: ImageTextModel, student: ImageTextModel, momentum: float) -> None:
        student.logit_scale.data.fill_(float("nan"))
        follow(teacher, student, momentum)

    monkeypatch.setattr(align, "follow", spoil)
    with pytest.raises(ValueError, match="NaN"):
        fit(SMALL, image_text_pairs(), checkpoint=path, every=1)
    assert path.read_bytes() == before


def test_what_is_no_checkpoint_is_refused_and_kept(tmp_path):
    path = tmp_path / "run.safetensors"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="not a checkpoint"):
        fit(SMALL, image_text_pairs(), checkpoint=path)
    assert path.read_bytes() == b"not a checkpoint"


def test_an_interrupted_write_keeps_the_old_checkpoint(tmp_path):
    """A limit on the size of files stops the write as a full disk would."""
    path = tmp_path / "run.safetensors"
    fit(SMALL, image_text_pairs(), checkpoint=path, every=2, stop_at=2)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
        with pytest.raises(InputError, match=re.escape(path.name)):
            fit(SMALL, image_text_pairs(), checkpoint=path, every=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == before


def test_augmented_films_move_a_little_each_its_own_way_and_are_never_mirrored():
    torch.manual_seed(0)
    films = torch.zeros(64, 1, 128, 128)
    films[:, :, 60:68, 28:36] = 20.0  # a bright block on the viewer's left
    moved = augment(films)
    places = moved.flatten(1).argmax(1)
    rows, columns = places // 128, places % 128
    assert len(set(places.tolist())) > 20
    assert (columns < 60).all() and ((rows - 64).abs() < 24).all()
    assert moved.shape == films.shape and moved.isfinite().all()


def test_augmentation_draws_no_black_corner():
    torch.manual_seed(0)
    moved = augment(torch.full((64, 1, 32, 32), 2.0))
    assert float(moved.amin()) > 2 * 0.8 - 0.3 * 5.5
