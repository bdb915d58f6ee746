"""One person's build and stance, and the smooth map from that person's chest to the scanned one.

All virtual patients share one anatomy; this is what makes them differ. Explained in
book/01_reading_a_radiograph.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F

TURNS = (2.5, 2.5, 1.2)  # degrees, the spread of a person's three turns
HEART = (14.0, 22.0, 18.0)  # mm, centre of the heart: x, y, z
DOMES = {"right": (-75.0, 15.0, -55.0), "left": (75.0, 15.0, -62.0)}  # mm, tops of the diaphragm
WOBBLE_REACH = (200.0, 130.0, 200.0)  # mm from the centre to the ends of the wobble: x, y, z

Axes = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass
class Body:
    """How one person differs from the scanned one: mm, degrees, and sizes as ratios."""

    size: tuple[float, float, float] = (1.0, 1.0, 1.0)
    shift: tuple[float, float] = (0.0, 0.0)  # off-centre across and along the film
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0)  # about z, lean (about x), tilt (about y)
    heart: float = 0.0  # 0.2 draws the heart about a quarter wider
    raised: dict[str, float] = field(default_factory=lambda: {"right": 0.0, "left": 0.0})
    shoulders: float = 0.0  # how far the shoulders are lifted
    curve: float = 0.0  # sideways curve of the spine
    lung: float = 1.0  # density of the lungs
    breasts: float = 0.0  # thickness of breast tissue at its thickest
    wobble: np.ndarray | None = None  # (3, 4, 4, 4) smooth random displacement

    @classmethod
    def random(cls, rng: np.random.Generator, sex: str) -> "Body":
        """Draw a person: women a little smaller on average, with breast tissue."""
        base = 0.96 if sex == "F" else 1.02
        width = base * rng.normal(1, 0.045)
        depth = base * rng.normal(1, 0.07)
        height = base * rng.normal(1.1, 0.045)
        return cls(
            size=(width, depth, height),
            shift=tuple(rng.normal(0, 6, 2)),
            turn=tuple(rng.normal(0, TURNS).tolist()),  # floats, which torch takes as float32
            heart=rng.normal(-0.14, 0.04),
            raised={side: rng.normal(-18, 5) for side in ("right", "left")},
            shoulders=rng.normal(0, 8),
            curve=rng.normal(0, 1.5),
            lung=float(np.exp(rng.normal(0, 0.08))),
            breasts=float(rng.gamma(4, 5)) if sex == "F" else 0.0,
            wobble=rng.normal(0, 2.5, (3, 4, 4, 4)),
        )

    def again(self, rng: np.random.Generator) -> "Body":
        """Return the same person on another day: a new stance and breath, the same build."""
        other = Body.random(rng, "M")
        raised = {}
        for side, height in self.raised.items():
            raised[side] = 0.6 * height + 0.4 * other.raised[side]
        return replace(
            self,
            shift=other.shift,
            turn=other.turn,
            shoulders=other.shoulders,
            raised=raised,
            heart=0.8 * self.heart + 0.2 * other.heart,
            lung=self.lung * other.lung**0.5,
        )


def to_scan(points: torch.Tensor, body: Body) -> torch.Tensor:
    """Map points of this person's chest to the scanned one: (..., 3) mm x, y, z in and out."""
    x, y, z = _upright(points, body)
    behind = (y + 70) / 60
    spine = torch.exp(-(behind**2))
    bend = torch.sin((z + 20) / 130 * torch.pi)
    share = 0.35 + 0.65 * spine
    x = x - body.curve * bend * share
    for side, dome in DOMES.items():
        near = _near_dome((x, y, z), dome)
        z = z - body.raised[side] * near
    outward = torch.relu(x.abs() - 95) / 60
    away = outward * torch.sigmoid((z - 75) / 20)
    z = z - body.shoulders * torch.clamp(away, 0, 1.5)
    near = _near_heart((x, y, z))
    x = x - body.heart * near * (x - HEART[0])
    z = z - 0.5 * body.heart * near * (z - HEART[2])
    out = torch.stack([x, y, z], -1)
    if body.wobble is None:
        return out
    return out + _wobbled(out, body.wobble)


def _upright(points: torch.Tensor, body: Body) -> Axes:
    """Undo the shift, the three turns and the size of a person."""
    angles = torch.deg2rad(torch.tensor(body.turn))
    cz, cx, cy = torch.cos(angles).tolist()
    sz, sx, sy = torch.sin(angles).tolist()
    x, y, z = points.unbind(-1)
    x = x - body.shift[0]
    z = z - body.shift[1]
    x, y = cz * x + sz * y, cz * y - sz * x
    y, z = cx * y + sx * z, cx * z - sx * y
    x, z = cy * x + sy * z, cy * z - sy * x
    width, depth, height = body.size
    return x / width, y / depth, z / height


def _near_dome(at: Axes, dome: tuple[float, float, float]) -> torch.Tensor:
    """Return 1 at the top of the diaphragm, falling to 0 away from it."""
    x, y, z = at
    dx, dy, dz = dome
    across = ((x - dx) / 62) ** 2
    along = ((y - dy) / 80) ** 2
    up = ((z - dz) / 75) ** 2
    return torch.exp(-across - along - up)


def _near_heart(at: Axes) -> torch.Tensor:
    """Return 1 in the heart, falling to 0 away from it, with a flat top."""
    x, y, z = at
    across = ((x - HEART[0]) / 95) ** 2
    along = ((y - HEART[1]) / 75) ** 2
    up = ((z - HEART[2]) / 80) ** 2
    away = across + along + up
    return torch.exp(-(away**2))


def _wobbled(points: torch.Tensor, wobble: np.ndarray) -> torch.Tensor:
    """Return the smooth random displacement at points (..., 3) mm, in the same shape."""
    reach = torch.tensor(WOBBLE_REACH)
    where = (points / reach).clamp(-1, 1)
    nodes = torch.as_tensor(wobble, dtype=torch.float32)[None]  # (1, 3, x, y, z)
    grid = where.flip(-1).reshape(1, 1, 1, -1, 3)
    sampled = F.grid_sample(nodes, grid, align_corners=True)
    moved = sampled[0, :, 0, 0]
    return moved.T.reshape(points.shape)
