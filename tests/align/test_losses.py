"""The alignment losses against other definitions."""

import numpy as np
import pytest
import torch
from torch import distributed
from torch.nn.functional import normalize
from transformers.models.clip.modeling_clip import image_text_contrastive_loss

from tests.align.small import small_pairs, unit
from txtray_utils.align import losses
from txtray_utils.align.losses import (
    consistent_with_report,
    corpus_targets,
    gathered,
    info_nce,
    multi_positive_loss,
    sinkhorn_target,
    soft_target,
)
from txtray_utils.align.pairs import ImageTextPairs
from txtray_utils.vocabulary import LABELS


def test_info_nce_is_a_plain_double_loop():
    images, texts = unit(6, 0), unit(6, 1)
    logits = (10 * images @ texts.T).numpy().astype(float)
    rows = [np.log(sum(np.exp(logits[i, j]) for j in range(6))) - logits[i, i] for i in range(6)]
    columns = [np.log(sum(np.exp(logits[j, i]) for j in range(6))) - logits[i, i] for i in range(6)]
    assert float(info_nce(images, texts, 10.0)) == pytest.approx(
        (np.mean(rows) + np.mean(columns)) / 2, abs=1e-5
    )


def test_the_sign_of_the_sinkhorn_target_decides_about_true_pairs():
    vectors = unit(8, 0)
    assert sinkhorn_target(vectors, vectors, 1).diag().min() > 1 / 8
    assert sinkhorn_target(vectors, vectors, -1).diag().max() < 1 / 8


def test_a_batch_of_one_is_refused():
    with pytest.raises(ValueError, match="batch of one"):
        info_nce(unit(1, 0), unit(1, 1), 10.0)


def test_info_nce_is_the_loss_of_clip():
    images, texts = unit(9, 2), unit(9, 3)
    assert float(info_nce(images, texts, 14.0)) == pytest.approx(
        float(image_text_contrastive_loss(14.0 * texts @ images.T)), abs=1e-5
    )


def gradient_of_half(rank: int, folder: str) -> None:
    """Run on one of two processes: the gradient of the gathered loss on this half, averaged as DDP
    does."""
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2
    )
    weight = torch.eye(16, requires_grad=True)
    images, texts = (
        gathered(normalize(unit(8, seed)[rank::2] @ weight, dim=-1)) for seed in (0, 1)
    )
    info_nce(images, texts, 10.0).backward()
    distributed.all_reduce(weight.grad)
    torch.save(weight.grad / 2, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


def test_two_processes_give_the_gradient_of_the_joint_batch(tmp_path):
    torch.multiprocessing.spawn(gradient_of_half, (str(tmp_path),), nprocs=2)
    weight = torch.eye(16, requires_grad=True)
    info_nce(*(normalize(unit(8, seed) @ weight, dim=-1) for seed in (0, 1)), 10.0).backward()
    for rank in range(2):
        torch.testing.assert_close(
            torch.load(tmp_path / f"{rank}.pt"), weight.grad, atol=1e-6, rtol=1e-5
        )


def test_a_soft_target_keeps_the_own_text_and_adds_its_twins():
    texts, nothing = torch.eye(3), torch.full((3, 14), float("nan"))
    texts[2] = texts[0]
    assert soft_target(texts, nothing, nothing).tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


def test_a_text_that_a_film_bears_out_is_no_negative():
    said, labels = torch.full((2, 14), float("nan")), torch.full((2, 14), float("nan"))
    said[0, 3], labels[0, 3], labels[1, 3] = 1, 1, 1
    assert soft_target(torch.eye(2), said, labels).tolist() == [[1, 0], [1, 1]]


def test_the_corpus_target_by_hand():
    """Two films; sentence 0 is both films' own, 1 a finding of film 0 that film 1's report also
    names, 2 film 1's own."""
    said, labels = torch.full((3, 14), float("nan")), torch.full((2, 14), float("nan"))
    edema, fracture = LABELS.index("Edema"), LABELS.index("Fracture")
    said[1, edema] = said[2, fracture] = 1
    labels[0, edema] = labels[1, edema] = labels[1, fracture] = 1
    texts = torch.eye(3, 16)
    films = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
    made = ImageTextPairs(
        films, [texts[[0, 1]], texts[[0, 2]]], [said[[0, 1]], said[[0, 2]]], labels
    )
    bank, right = corpus_targets(made)
    order = [int((bank == text).all(1).nonzero()) for text in texts]
    half = 1 / 2**0.5
    torch.testing.assert_close(right[:, order], torch.tensor([[half, half, 0], [half, half, 1]]))


def test_the_corpus_loss_is_info_nce_where_each_film_has_one_text():
    images, texts = unit(6, 0), unit(6, 1)
    same = multi_positive_loss(10 * images @ texts.T, torch.eye(6))
    torch.testing.assert_close(same, info_nce(images, texts, 10.0))


def test_no_finding_bears_nothing_out():
    said, labels = torch.full((1, 14), float("nan")), torch.full((1, 14), float("nan"))
    said[0, LABELS.index("No Finding")] = labels[0, LABELS.index("No Finding")] = 1
    assert not consistent_with_report(said, labels).any()


def test_a_corpus_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(losses, "MOST", 100)
    with pytest.raises(ValueError, match="too many"):
        corpus_targets(small_pairs())


@pytest.mark.parametrize("denied", [0, -1])
def test_a_text_that_denies_or_doubts_what_a_film_has_is_not_borne_out(denied):
    said, labels = torch.full((2, 14), float("nan")), torch.full((2, 14), float("nan"))
    heart, fluid = LABELS.index("Cardiomegaly"), LABELS.index("Pleural Effusion")
    said[:, heart] = labels[:, heart] = labels[0, fluid] = 1
    said[1, fluid] = denied
    assert consistent_with_report(said, labels).tolist() == [[True, False], [True, True]]
