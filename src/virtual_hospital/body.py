"""One person's build and stance, and the smooth map from that person's chest to the scanned one.

All virtual patients share two anatomies; this is what makes them differ. Explained in
book/01_reading_a_radiograph.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F

TURNS = {  # degrees, the spread of a person's three turns; who lies in bed lies less straight
    "PA": (2.0, 2.5, 1.2),
    "AP": (3.5, 4.0, 2.0),
}
LIES = (0.061, -0.087)  # how the scanned chest lies: mm that its middle moves a mm to y and z
MIDDLE = (-6.5, 40.0)  # mm, where its middle is at y = 0: x, z
BREATH = {"PA": -30.0, "AP": -22.0}  # mm that the domes stand above the scanned ones, on average
HEART = (14.0, 22.0, 18.0)  # mm, centre of the heart: x, y, z
HEART_REACH = (95.0, 75.0, 80.0)  # mm
DOMES = {  # mm, tops of the diaphragm
    "right": (-75.0, 15.0, -55.0),
    "left": (75.0, 15.0, -62.0),
}
DOME_REACH = (62.0, 80.0, 75.0)  # mm
LEVEL = {"right": 0.0, "left": 0.0}  # neither dome is raised
SHOULDERS = -22.0  # mm, how far they hang below those of the scan, whose arms are up
RIBS = 114.0  # mm from the middle, beyond which there is only the wall
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
    arms: tuple[float, float] = (90.0, 90.0)  # from the ribs to the right and the left arm
    wall: float = 1.0  # thickness of the body wall, as a ratio
    curve: float = 0.0  # sideways curve of the spine
    lung: float = 1.0  # density of the lungs
    breasts: float = 0.0  # thickness of breast tissue at its thickest
    wobble: np.ndarray | None = None  # (3, 4, 4, 4) smooth random displacement

    @classmethod
    def random(cls, rng: np.random.Generator, sex: str, view: str = "PA") -> "Body":
        """Draw a person: women a little smaller on average, with more breast tissue."""
        base = 0.96 if sex == "F" else 1.02
        width = base * rng.normal(1, 0.045)
        depth = base * rng.normal(1, 0.07)
        height = base * rng.normal(1.1, 0.045)
        shift = rng.normal(0, 6, 2)
        turn = rng.normal(0, TURNS[view]).tolist()  # floats, which torch takes as float32
        heart = rng.normal(-0.14, 0.04)
        usual = BREATH[view]
        breath = rng.normal(usual, 7)
        raised = {}
        for side in DOMES:
            raised[side] = breath + rng.normal(0, 3)
        shoulders = rng.normal(SHOULDERS, 8)
        arms = rng.uniform(30, 120, 2)
        curve = rng.normal(0, 1.5)
        lung = np.exp(rng.normal(0, 0.08))
        thicker = rng.normal(0.1, 0.35)
        wall = float(np.exp(thicker))
        usual = 4 if sex == "F" else 1
        thickness = rng.gamma(usual, 5)
        breasts = thickness * wall**0.5
        return cls(
            size=(width, depth, height),
            shift=tuple(shift),
            turn=tuple(turn),
            heart=heart,
            raised=raised,
            shoulders=shoulders,
            arms=tuple(arms),
            wall=wall,
            curve=curve,
            lung=float(lung),
            breasts=float(breasts),
            wobble=rng.normal(0, 2.5, (3, 4, 4, 4)),
        )

    def again(self, rng: np.random.Generator, view: str = "PA") -> "Body":
        """Return the same person on another day: a new stance and breath, the same build."""
        other = Body.random(rng, "M", view)
        raised = {}
        for side, height in self.raised.items():
            raised[side] = 0.3 * height + 0.7 * other.raised[side]
        return replace(
            self,
            shift=other.shift,
            turn=other.turn,
            shoulders=other.shoulders,
            arms=other.arms,
            raised=raised,
            heart=0.8 * self.heart + 0.2 * other.heart,
            lung=self.lung * other.lung**0.5,
        )


def to_scan(points: torch.Tensor, body: Body) -> torch.Tensor:
    """Map points of this person's chest to the scanned one: (..., 3) mm x, y, z in and out."""
    x, y, z = upright(points, body)
    behind = (y + 70) / 60
    spine = torch.exp(-(behind**2))
    bend = torch.sin((z + 20) / 130 * torch.pi)
    share = 0.35 + 0.65 * spine
    x = x - body.curve * bend * share
    outward = torch.relu(x.abs() - 50) / 60
    away = outward * torch.sigmoid((z - 95) / 15)
    z = z - body.shoulders * torch.clamp(away, 0, 1.5)
    beyond = torch.relu(x.abs() - RIBS)
    shrink = 1 / body.wall - 1
    x = x + x.sign() * beyond * shrink
    x, y, z = _lying(x, y, z)
    for side, dome in DOMES.items():
        near = _near_dome((x, y, z), dome)
        z = z - body.raised[side] * near
    near = _near_heart((x, y, z))
    wider = body.heart * near
    x = x - wider * (x - HEART[0])
    taller = 0.5 * body.heart * near
    z = z - taller * (z - HEART[2])
    out = torch.stack([x, y, z], -1)
    if body.wobble is None:
        return out
    return out + _wobbled(out, body.wobble)


def upright(points: torch.Tensor, body: Body) -> Axes:
    """Undo the shift, the three turns and the size of a person: (..., 3) mm to a straight chest."""
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


def _lying(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> Axes:
    """Turn and tilt a straight chest as the scanned one lies (a small turn, so products go)."""
    front, up = LIES
    middle, height = MIDDLE
    above = z - height
    across = middle + x + front * y + up * above
    return across, y - front * x, z - up * x


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
