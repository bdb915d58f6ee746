"""A small network that learns the findings from the films of `radiograph.py`, and its AUC.

Explained in book/01_reading_a_radiograph."""

import numpy as np
import timm
import torch
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from txtray_utils.results import Result

BATCH = 64
RATE = 3e-3


def train(
    x: np.ndarray,
    y: np.ndarray,
    steps: int,
    seed: int = 0,
) -> torch.nn.Module:
    """Train mobilenetv3_small_100 from scratch on (N, 128, 128) uint8 films, 64 a step."""
    torch.manual_seed(seed)
    model = timm.create_model(
        "mobilenetv3_small_100",
        in_chans=1,
        num_classes=y.shape[1],
    )
    torch.nn.init.constant_(model.classifier.bias, -2.0)
    optimiser = AdamW(model.parameters(), weight_decay=0.02)
    schedule = OneCycleLR(
        optimiser,
        max_lr=RATE,
        total_steps=steps,
        pct_start=0.15,
    )
    films = torch.from_numpy(x)[:, None]
    truth = torch.from_numpy(y)
    rounds = BATCH * steps // len(x) + 1
    order = torch.cat([torch.randperm(len(x)) for _ in range(rounds)])
    for step in range(steps):
        begin = BATCH * step
        batch = order[begin : begin + BATCH]
        logits = model(disturbed(films[batch]))
        loss = binary_cross_entropy_with_logits(logits, truth[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


def disturbed(films: torch.Tensor) -> torch.Tensor:
    """Return (64, 1, H, W) uint8 films moved, made fainter or stronger, and noisier, scaled."""
    way = torch.randint(-6, 7, (2,)).tolist()
    moved = torch.roll(films.float() / 255, way, (2, 3))
    shape = (BATCH, 1, 1, 1)
    strength = 0.8 + 0.4 * torch.rand(shape)
    noise = 0.1 * torch.randn(shape)
    return (moved * strength + noise - 0.5) / 0.25


@torch.no_grad()
def predict(model: torch.nn.Module, x: np.ndarray) -> np.ndarray:
    """Return logits (N, findings)."""
    batches = torch.from_numpy(x)[:, None].split(256)
    logits = [model((batch.float() / 255 - 0.5) / 0.25) for batch in batches]
    return torch.cat(logits).numpy()


def auc(
    truth: np.ndarray,
    score: np.ndarray,
    what: str,
    tolerance: float = 0.03,
) -> Result:
    """Return an AUC with its 95 % bootstrap interval over films (each is another person)."""
    rng = np.random.default_rng(0)
    values = []
    n = len(truth)
    for _ in range(500):
        rows = rng.integers(n, size=n)
        if 0 < truth[rows].sum() < n:
            one = roc_auc_score(truth[rows], score[rows])
            values.append(one)
    low, high = np.percentile(values, [2.5, 97.5])
    ci = (float(low), float(high))
    value = float(roc_auc_score(truth, score))
    return Result(value, n, "AUC", what, ci, tolerance)
