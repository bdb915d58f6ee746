"""One person's build and stance, and the smooth map from that person's chest to the scanned one.

All virtual patients share two anatomies; this is what makes them differ. Explained in
book/01_reading_a_radiograph.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F

TURNS = (2.5, 2.5, 1.2)  # degrees, the spread of a person's three turns
HEART = (14.0, 22.0, 18.0)  # mm, centre of the heart: x, y, z
HEART_REACH = (95.0, 75.0, 80.0)  # mm
DOMES = {  # mm, tops of the diaphragm
    "right": (-75.0, 15.0, -55.0),
    "left": (75.0, 15.0, -62.0),
}
DOME_REACH = (62.0, 80.0, 75.0)  # mm
LEVEL = {"right": 0.0, "left": 0.0}  # neither dome is raised
WOBBLE_REACH = (200.0, 130.0, 200.0)  # mm from the centre to the ends of the wobble: x, y, z

Triple = tuple[float, float, float]
Axes = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass
class Body:
    """How one person differs from the scanned one: mm, degrees, and sizes as ratios."""

    size: Triple = (1.0, 1.0, 1.0)
    shift: tuple[float, float] = (0.0, 0.0)  # off-centre across and along the film
    turn: Triple = (0.0, 0.0, 0.0)  # about z, lean (about x), tilt (about y)
    heart: float = 0.0  # 0.2 draws the heart about a quarter wider
    raised: dict[str, float] = field(default_factory=LEVEL.copy)
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
        shift = rng.normal(0, 6, 2)
        turn = rng.normal(0, TURNS).tolist()  # floats, which torch takes as float32
        heart = rng.normal(-0.14, 0.04)
        raised = {}
        for side in ("right", "left"):
            raised[side] = rng.normal(-18, 5)
        shoulders = rng.normal(0, 8)
        curve = rng.normal(0, 1.5)
        lung = np.exp(rng.normal(0, 0.08))
        breasts = 0.0
        if sex == "F":
            breasts = float(rng.gamma(4, 5))
        return cls(
            size=(width, depth, height),
            shift=tuple(shift),
            turn=tuple(turn),
            heart=heart,
            raised=raised,
            shoulders=shoulders,
            curve=curve,
            lung=float(lung),
            breasts=breasts,
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
    wider = body.heart * near
    x = x - wider * (x - HEART[0])
    taller = 0.5 * body.heart * near
    z = z - taller * (z - HEART[2])
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
    x, y = _turned(x, y, cz, sz)
    y, z = _turned(y, z, cx, sx)
    x, z = _turned(x, z, cy, sy)
    width, depth, height = body.size
    return x / width, y / depth, z / height


def _turned(
    a: torch.Tensor,
    b: torch.Tensor,
    cos: float,
    sin: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn the plane of two axes by an angle, given as its cosine and sine."""
    first = cos * a + sin * b
    second = cos * b - sin * a
    return first, second


def _near_dome(at: Axes, dome: Triple) -> torch.Tensor:
    """Return 1 at the top of the diaphragm, falling to 0 away from it."""
    across, along, up = _squares(at, dome, DOME_REACH)
    return torch.exp(-across - along - up)


def _near_heart(at: Axes) -> torch.Tensor:
    """Return 1 in the heart, falling to 0 away from it, with a flat top."""
    across, along, up = _squares(at, HEART, HEART_REACH)
    away = across + along + up
    return torch.exp(-(away**2))


def _squares(at: Axes, middle: Triple, reach: Triple) -> list[torch.Tensor]:
    """Return the squared distance from a middle along x, y and z, in units of the reach."""
    squares = []
    for axis, centre, unit in zip(at, middle, reach, strict=True):
        away = (axis - centre) / unit
        squares.append(away**2)
    return squares


def _wobbled(points: torch.Tensor, wobble: np.ndarray) -> torch.Tensor:
    """Return the smooth random displacement at points (..., 3) mm, in the same shape."""
    reach = torch.tensor(WOBBLE_REACH)
    where = (points / reach).clamp(-1, 1)
    nodes = torch.as_tensor(wobble, dtype=torch.float32)[None]  # (1, 3, x, y, z)
    grid = where.flip(-1).reshape(1, 1, 1, -1, 3)
    sampled = F.grid_sample(nodes, grid, align_corners=True)
    moved = sampled[0, :, 0, 0]
    return moved.T.reshape(points.shape)
