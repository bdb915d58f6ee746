"""Losses and targets that say which sentences belong to which films.

B films, B or M texts, L columns of what is named. Explained in book/04_contrastive_alignment.
"""

import torch
import torch.distributed.nn.functional as across
from torch import Tensor, distributed
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from txtray_utils.align.pairs import ImageTextPairs
from txtray_utils.vocabulary import without_no_finding

MOST = 2_000_000_000  # cells of the corpus's matrices in float32: 8 GB


def matching_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return the cross-entropy of match logits (B, B) to a target (B, B), both ways, averaged."""
    of_films = _shares(target)
    of_texts = _shares(target.T)
    forward = cross_entropy(logits, of_films)
    back = cross_entropy(logits.T, of_texts)
    return (forward + back) / 2


def _shares(target: Tensor) -> Tensor:
    """Return the target with rows that sum to one."""
    total = target.sum(1, keepdim=True)
    return target / total.clamp_min(1e-6)


def info_nce(images: Tensor, texts: Tensor, scale: Tensor | float) -> Tensor:
    """Return the symmetric InfoNCE of paired unit vectors (B, W).

    van den Oord 2018; CLIP, Radford 2021.

    Raises:
        ValueError: there is one pair only.
    """
    if len(images) < 2:
        raise ValueError("a batch of one has no negatives; use at least two pairs")
    own = torch.eye(len(images), device=images.device)
    logits = scale * images @ texts.T
    return matching_loss(logits, own)


def distillation(logits: Tensor, teacher: Tensor) -> Tensor:
    """Return the KL divergence from the teacher's match probabilities (TxtRayAlign, eq. 3-5).

    logits, teacher: (B, B); both directions are averaged.
    """
    forward = _divergence(logits, teacher)
    back = _divergence(logits.T, teacher.T)
    return (forward + back) / 2


def _divergence(logits: Tensor, teacher: Tensor) -> Tensor:
    mine = log_softmax(logits, 1)
    its = log_softmax(teacher, 1)
    return kl_div(mine, its, reduction="batchmean", log_target=True)


def sinkhorn_target(images: Tensor, texts: Tensor, sign: int = -1, rounds: int = 3) -> Tensor:
    """Return TxtRayAlign's target (B, B) as coded (sign -1), or with the sign that was meant (+1).

    Rows sum to one.
    """
    of_images = images @ images.T
    of_texts = texts @ texts.T
    alike = of_images + of_texts + images @ texts.T
    plan = torch.exp(sign * alike / 0.05)
    for _ in range(rounds):
        columns = plan.sum(0, keepdim=True)
        plan = plan / columns
        rows = plan.sum(1, keepdim=True)
        plan = plan / rows
    return plan


def soft_target(
    texts: Tensor, sentence_labels: Tensor, report_labels: Tensor, near: float = 0.9
) -> Tensor:
    """Return the (B, B) target film x text: 1 for the own text, its twins, and what fits.

    texts: unit vectors (B, D); sentence_labels, report_labels: (B, L). Twins have a cosine above
    `near`.
    """
    own = torch.eye(len(texts), dtype=torch.bool, device=texts.device)
    twins = texts @ texts.T > near
    fits = consistent_with_report(sentence_labels, report_labels)
    right = twins | fits | own
    return right.float()


def consistent_with_report(sentence_labels: Tensor, report_labels: Tensor) -> Tensor:
    """Return (N, M) bool: whether texts say of films only what the films' reports bear out.

    A text (M, L) must name a finding as present; all that it names must be present in the report
    (N, L), and nothing that it denies or doubts may be. Sides are not compared.
    """
    said = without_no_finding(sentence_labels)
    known = without_no_finding(report_labels)
    there = (known == 1).float()
    stated = (said == 1).float()
    denied = said == 0
    doubted = (denied | (said == -1)).float()
    count = stated.sum(1)
    names_some = count > 0
    all_there = there @ stated.T == count
    none_doubted = there @ doubted.T == 0
    return names_some & all_there & none_doubted


def corpus_targets(pairs: ImageTextPairs, near: float = 0.95) -> tuple[Tensor, Tensor]:
    """Return the distinct texts of all pairs (M, D), and how right each is for each film (N, M).

    Right are a film's own sentences, their near-duplicates, and those that its report bears out (as
    in `soft_target`); 0 is wrong. A sentence that is right for n films weighs 1 / sqrt(n), so that
    "no acute disease" does not drown the rest.

    Raises:
        ValueError: films times texts is more than this way of keeping the target is made for.
    """
    every = torch.cat(pairs.texts)
    texts, which = torch.unique(every, dim=0, return_inverse=True)
    side = max(len(texts), len(pairs))
    if len(texts) * side > MOST:
        fault = f"{len(pairs)} films and {len(texts)} texts are too many for a corpus"
        raise ValueError(f"{fault}; train on part of the studies")
    counts = torch.tensor([len(part) for part in pairs.texts])
    rows = torch.arange(len(pairs))
    film = rows.repeat_interleave(counts)
    own = torch.zeros(len(pairs), len(texts))
    own[film, which] = 1
    columns = pairs.report_labels.shape[1]
    labels = torch.cat(pairs.sentence_labels)
    said = torch.empty(len(texts), columns)
    said[which] = labels
    alike = texts @ texts.T > near
    twins = own @ alike.float() > 0
    right = twins | consistent_with_report(said, pairs.report_labels)
    films = right.sum(0).clamp_min(1)
    return texts, right / films.sqrt()


def multi_positive_loss(logits: Tensor, right: Tensor) -> Tensor:
    """Return the cross-entropy of films against all texts, and of texts that are right for some.

    logits, right: (B, M); rows of `right` are weights of the right texts, each row with at least
    one.
    """
    forward = cross_entropy(logits, _shares(right))
    asked = right.any(0)
    of_texts = logits[:, asked].T
    some = right[:, asked] > 0
    films = some.float().T
    back = cross_entropy(of_texts, _shares(films))
    return (forward + back) / 2


def gathered(part: Tensor) -> Tensor:
    """Return the rows of all processes, with gradient, as one process's joint batch would have."""
    if distributed.is_initialized() and distributed.get_world_size() > 1:
        return torch.cat(across.all_gather(part))
    return part
