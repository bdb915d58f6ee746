"""One person's build and stance, and the smooth map from the person's chest back to the scanned
one.

All virtual patients share one anatomy; this is what makes them differ. Explained in
book/01_reading_a_radiograph."""

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F

HEART = (14.0, 22.0, 18.0)  # mm, centre of the heart: x, y, z


DOMES = {"right": (-75.0, 15.0, -55.0), "left": (75.0, 15.0, -62.0)}  # mm, tops of the diaphragm


@dataclass
class Body:
    """How one person differs from the scanned one. Lengths in mm, angles in degrees, sizes as
    ratios."""

    size: tuple[float, float, float] = (1.0, 1.0, 1.0)
    shift: tuple[float, float] = (0.0, 0.0)  # off-centre across and along the film
    turn: tuple[float, float, float] = (
        0.0,
        0.0,
        0.0,
    )  # rotation (about z), lean (about x), tilt (about y)
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
        return cls(
            size=tuple(base * rng.normal(m, s) for m, s in ((1, 0.045), (1, 0.07), (1.1, 0.045))),
            shift=tuple(rng.normal(0, 6, 2)),
            turn=tuple(rng.normal(0, s) for s in (2.5, 2.5, 1.2)),
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
        raised = {side: 0.6 * self.raised[side] + 0.4 * other.raised[side] for side in self.raised}
        return Body(
            size=self.size, heart=0.8 * self.heart + 0.2 * other.heart, curve=self.curve, lung=self.lung * other.lung**0.5,
            breasts=self.breasts, wobble=self.wobble, shift=other.shift, turn=other.turn, raised=raised,
            shoulders=other.shoulders,
        )  # fmt: skip


def to_scan(points: torch.Tensor, body: Body) -> torch.Tensor:
    """Map points of this person's chest to the scanned one: (..., 3) mm x, y, z in, the same
    out."""
    angles = torch.deg2rad(torch.tensor(body.turn))
    (cz, cx, cy), (sz, sx, sy) = torch.cos(angles).tolist(), torch.sin(angles).tolist()
    x, y, z = points.unbind(-1)
    x, z = x - body.shift[0], z - body.shift[1]
    x, y = cz * x + sz * y, cz * y - sz * x
    y, z = cx * y + sx * z, cx * z - sx * y
    x, z = cy * x + sy * z, cy * z - sy * x
    x, y, z = x / body.size[0], y / body.size[1], z / body.size[2]

    spine = torch.exp(-(((y + 70) / 60) ** 2))
    x = x - body.curve * torch.sin((z + 20) / 130 * torch.pi) * (0.35 + 0.65 * spine)
    for side, (cx_, cy_, cz_) in DOMES.items():
        reach = torch.exp(-(((x - cx_) / 62) ** 2) - ((y - cy_) / 80) ** 2 - ((z - cz_) / 75) ** 2)
        z = z - body.raised[side] * reach
    away = torch.relu(x.abs() - 95) / 60 * torch.sigmoid((z - 75) / 20)
    z = z - body.shoulders * torch.clamp(away, 0, 1.5)
    hx, hy, hz = HEART
    near = torch.exp(-((((x - hx) / 95) ** 2 + ((y - hy) / 75) ** 2 + ((z - hz) / 80) ** 2) ** 2))
    x = x - body.heart * near * (x - hx)
    z = z - 0.5 * body.heart * near * (z - hz)
    out = torch.stack([x, y, z], -1)
    if body.wobble is not None:
        where = (out / torch.tensor([200.0, 130.0, 200.0])).clamp(-1, 1)
        field_ = torch.as_tensor(body.wobble, dtype=torch.float32)[None]  # (1, 3, x, y, z)
        grid = where.flip(-1).reshape(1, 1, 1, -1, 3)
        out = out + F.grid_sample(field_, grid, align_corners=True)[0, :, 0, 0].T.reshape(out.shape)
    return out
