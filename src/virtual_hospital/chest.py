"""A chest that is drawn on: density added so far, the body's shape, and the evidence.

Densities are relative to water. Explained in book/01_reading_a_radiograph.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from virtual_hospital.anatomy import SPACING, Anatomy, axes
from virtual_hospital.body import Body
from virtual_hospital.drawings import Drawing


@dataclass
class Evidence:
    """One side of one drawn finding: an occupancy to project, or the regions it fills.

    ``occupancy`` is (X, Y, Z) float32 in [0, 1]; a ray that meets ``least`` mm of it counts.
    ``regions`` names members of anatomy.REGIONS instead, for findings that bend the body."""

    drawing: Drawing
    occupancy: np.ndarray | None = None
    least: float = 3.0
    regions: tuple[str, ...] = ()


@dataclass
class Chest:
    """A chest being drawn on: density added so far, the body's shape and the evidence."""

    anatomy: Anatomy
    body: Body
    rng: np.random.Generator
    added: np.ndarray = field(init=False)
    evidence: list[Evidence] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start with nothing added, and open axes (X, 1, 1), (1, Y, 1), (1, 1, Z) in mm."""
        self.added = np.zeros_like(self.anatomy.hu)
        self.x, self.y, self.z = np.ix_(*axes(self.anatomy.hu.shape))

    def fill(self, occupancy: np.ndarray, target: float, amount: float = 1.0) -> np.ndarray:
        """Bring the density towards ``target`` (water = 1) where ``occupancy`` is; return the
        occupancy as float32."""
        now = self.anatomy.density + self.added
        self.added += amount * occupancy * (target - now)
        return occupancy.astype(np.float32, copy=False)

    def distance(
        self, centre: tuple[float, float, float], radii: tuple[float, float, float]
    ) -> np.ndarray:
        """Return the (X, Y, Z) distance from a centre in units of the radii (mm)."""
        return np.sqrt(
            sum(
                ((a - c) / r) ** 2
                for a, c, r in zip((self.x, self.y, self.z), centre, radii, strict=True)
            )
        )

    def noise(self, scale: float) -> np.ndarray:
        """Return (X, Y, Z) smooth noise of unit spread whose grain is ``scale`` mm."""
        shape = self.anatomy.hu.shape
        small = [max(2, round(n * step / scale)) for n, step in zip(shape, SPACING, strict=True)]
        coarse = torch.from_numpy(self.rng.normal(size=(1, 1, *small)).astype(np.float32))
        fine = F.interpolate(coarse, shape, mode="trilinear", align_corners=True)[0, 0].numpy()
        return fine / fine.std()

    def spot(self, side: str, zone: str, margin: float) -> tuple[float, float, float]:
        """Choose a point in a zone (a third) of a lung, at least ``margin`` mm from its surface
        where that exists."""
        lung = self.anatomy.lung(side)
        z = self.z[0, 0]
        low, high = z[lung.any((0, 1))][[0, -1]]
        zone = zone or str(self.rng.choice(["upper", "middle", "lower"]))
        third = {"lower": (0.32, 0.5), "middle": (0.5, 0.68), "upper": (0.68, 0.92)}[zone]
        inside = (
            lung
            & (np.abs(self.x) > 45)
            & (self.z >= low + third[0] * (high - low))
            & (self.z <= low + third[1] * (high - low))
        )
        deep = inside & (self.anatomy.wall_distance > margin)
        places = np.argwhere(deep if deep.any() else inside)
        i, j, k = places[self.rng.integers(len(places))]
        return float(self.x[i, 0, 0]), float(self.y[0, j, 0]), float(self.z[0, 0, k])

    def thread(self, route: np.ndarray, mass: float) -> np.ndarray:
        """Lay a thin dense thread along points (N, 3) mm; ``mass`` is density times cross-section
        in mm2."""
        steps = np.linalg.norm(np.diff(route, axis=0), axis=1)
        along = np.concatenate([[0], np.cumsum(steps)])
        at = np.linspace(0, along[-1], max(2, int(along[-1] * 2)))
        line = np.stack([np.interp(at, along, route[:, k]) for k in range(3)], 1)
        first = [a[0] for a in axes(self.anatomy.hu.shape)]
        index = np.rint((line - first) / SPACING).astype(int)
        index = index[((index >= 0) & (index < self.anatomy.hu.shape)).all(1)]
        low, high = np.maximum(index.min(0) - 4, 0), index.max(0) + 5
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        occupancy = np.zeros_like(self.added)
        np.add.at(occupancy, tuple(index.T), (at[1] - at[0]) / np.prod(SPACING))
        occupancy[box] = ndimage.gaussian_filter(occupancy[box], (0.9, 0.5, 0.6))
        self.added += mass * occupancy
        return occupancy
