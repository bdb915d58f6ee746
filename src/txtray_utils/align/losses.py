"""NEW MODULE."""

import torch
import torch.distributed.nn.functional as across
from torch import Tensor, distributed
from torch.nn.functional import cross_entropy, log_softmax

from txtray_utils.align.pairs import ImageTextPairs
from txtray_utils.vocabulary import without_no_finding

MOST = 2_000_000_000  # cells of the bank's matrices in float32: 8 GB


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
    return ((texts @ texts.T > near) | consistent_with_report(said, labels) | own).float()


def consistent_with_report(said: Tensor, labels: Tensor) -> Tensor:
    """Return (N, M): whether texts that name `said` (M, L) say of films only what their reports `labels` (N, L) bear out.

    A text must name a finding as present; all that it names must be present in the report, and nothing that it denies or
    doubts may be. Sides are not compared.
    """
    said, there = without_no_finding(said), (without_no_finding(labels) == 1).float()
    named, doubted = (said == 1).float(), ((said == 0) | (said == -1)).float()
    return (named.sum(1) > 0) & (there @ named.T == named.sum(1)) & (there @ doubted.T == 0)


def corpus_targets(pairs: ImageTextPairs, near: float = 0.95) -> tuple[Tensor, Tensor]:
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
    said[which] = torch.cat(pairs.sentence_labels)
    right = (own @ (texts @ texts.T > near).float() > 0) | consistent_with_report(said, pairs.labels)
    return texts, right / right.sum(0).clamp_min(1).sqrt()


def multi_positive_loss(logits: Tensor, right: Tensor) -> Tensor:
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
