"""What lies round the chest that the scan lacks or holds otherwise: neck, arms, breasts, fat.

The patient was scanned with the arms up, and the scan ends at the shoulders. These are flat maps,
added to what the rays met in the scan: no finding lies there. Explained in
book/01_reading_a_radiograph.
"""

import numpy as np
import torch

from virtual_hospital.body import RIBS, SHOULDERS, Body, upright

NECK = 45.0  # mm, half its width
SHOULDER = 150.0  # mm, height of the shoulder beside the neck, before it falls to the arm
JOINT = (150.0, 130.0)  # mm, where an arm begins: across, up
ARM = 42.0  # mm, its radius
HUMERUS = 11.0  # mm, its radius
FRONT = 80.0  # mm, from the middle of the body to the breasts
BACK = -20.0  # mm, from there to the shoulders

Plane = tuple[np.ndarray, np.ndarray]


def plane(body: Body, across: torch.Tensor, up: torch.Tensor, depth: float) -> Plane:
    """Return where the film's pixels lie on a person's own plane ``depth`` mm from the middle.

    Args:
        body: the person.
        across: (W,) mm from the middle of the film, at the middle of the body.
        up: (H,) mm.
        depth: mm to the front.

    Returns:
        Two (H, W) arrays: mm to the left of the person's middle, mm up.
    """
    v, u = torch.meshgrid(up, across, indexing="ij")
    points = torch.stack([u, torch.full_like(u, depth), v], -1)
    x, _, z = upright(points, body)
    return x.numpy(), z.numpy()


def silhouette(at: Plane, body: Body) -> np.ndarray:
    """Return the share of tissue that is there, (H, W): none above the shoulders beside the neck.

    It thins out towards the skin as a round edge does.
    """
    x, z = at
    away = np.abs(x)
    beside = away - NECK
    rising = np.exp(-beside / 22)
    falling = np.maximum(0, away - 125) / 40
    lifted = body.shoulders - SHOULDERS
    outward = np.clip(beside / 60, 0, 1)
    line = SHOULDER + 60 * rising
    line = line - 20 * falling**2
    line = line + lifted * outward
    below = (line - z) / 40
    thinned = np.clip(below, 0, 1)
    return np.sqrt(thinned)


def arms(at: Plane, body: Body) -> np.ndarray:
    """Return the (H, W) mm of water that both arms are worth, bone included."""
    x, z = at
    inner, top = JOINT
    thicker = 20 * (body.wall - 1)
    start = inner + thicker
    below = (top - z) / 250
    down = np.clip(below, 0, 1.2)
    radius = ARM * body.wall**0.5
    total = np.zeros_like(x)
    for sign, gap in zip((-1, 1), body.arms, strict=True):
        middle = start + gap * down
        away = sign * x - middle
        flesh = _round(away, radius)
        bone = _round(away, HUMERUS)
        total += flesh + bone
    from_top = (top + radius - z) / radius
    return total * np.clip(from_top, 0, 1)


def _round(away: np.ndarray, radius: float) -> np.ndarray:
    """Return how thick (mm) a rod is at a distance from its middle line."""
    squared = radius**2 - away**2
    inside = np.maximum(0, squared)
    return 2 * np.sqrt(inside)


def breasts(at: Plane, body: Body) -> np.ndarray:
    """Return the (H, W) mm of water of both breasts: crescents, sharp below and fading above."""
    x, z = at
    wide = 52 + 0.5 * body.breasts
    tall = 46 + 0.6 * body.breasts
    centre = -6 - 0.45 * body.breasts
    apart = 78 + 0.2 * body.breasts
    across = (np.abs(x) - apart) / wide
    up = (z - centre) / tall
    up = np.where(up > 0, 0.6 * up, up)
    squared = across**2 + up**2
    inside = np.maximum(0, 1 - squared)
    faint = 0.9 - 0.7 * up
    fading = np.clip(faint, 0, 1)
    thickness = 0.95 * body.breasts
    return thickness * fading * inside**0.7


def fat(at: Plane, body: Body) -> np.ndarray:
    """Return the (H, W) mm of water that the wall in front and behind has more than the scan's."""
    x, z = at
    more = 55 * (body.wall - 1)
    low = np.clip(-z / 150, -0.5, 0.8)
    edge = RIBS + 30 * body.wall
    from_edge = (edge - np.abs(x)) / 50
    inside = np.clip(from_edge, 0, 1)
    return more * (1 + low) * np.sqrt(inside)
