"""A chest that is drawn on: density added so far, the body's shape, and the evidence.

Densities are relative to water. Explained in book/01_reading_a_radiograph.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from virtual_hospital.anatomy import Anatomy
from virtual_hospital.body import Body
from virtual_hospital.drawings import Drawing
from virtual_hospital.grid import SPACING, axes

Point = tuple[float, float, float]  # mm x, y, z
Box = tuple[slice, slice, slice]  # a part of the grid
Offsets = tuple[np.ndarray, ...]  # mm, open x, y and z from a centre

THIRDS = {  # of a lung's height
    "lower": (0.32, 0.5),
    "middle": (0.5, 0.68),
    "upper": (0.68, 0.92),
}
MIDLINE = 45  # mm from the middle, within which no finding is put
CLEAR = 70  # mm of lung before and behind a finding, so that it is seen
THREAD_BLUR = (0.9, 1.2, 0.6)  # voxels, the thickness of a thread


def walked(route: np.ndarray) -> np.ndarray:
    """Return how far along a route (N, 3) mm each of its points lies, (N,) mm from its first."""
    moves = np.diff(route, axis=0)
    steps = np.linalg.norm(moves, axis=1)
    far = np.cumsum(steps)
    return np.concatenate([[0], far])


@dataclass
class Evidence:
    """One side of one drawn finding: an occupancy to project, or the regions it fills.

    ``occupancy`` is (X, Y, Z) float32 in [0, 1]; a ray that meets ``least`` mm of it counts.
    ``regions`` names members of anatomy.REGIONS instead, for findings that bend the body.
    """

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
        places = axes(self.anatomy.hu.shape)
        self.x, self.y, self.z = np.ix_(*places)

    @property
    def axes(self) -> Offsets:
        """The open axes: x, y and z (mm)."""
        return self.x, self.y, self.z

    def fill(
        self,
        occupancy: np.ndarray,
        target: float,
        amount: float = 1.0,
    ) -> np.ndarray:
        """Bring the density towards ``target`` (water = 1) where ``occupancy`` is.

        Returns the occupancy as float32.
        """
        now = self.anatomy.density + self.added
        missing = target - now
        self.added += amount * occupancy * missing
        return occupancy.astype(np.float32, copy=False)

    def near(self, centre: Point, reach: float) -> Box:
        """Return the part of the grid within ``reach`` mm of a centre along each axis."""
        box = []
        for axis, middle in zip(self.axes, centre, strict=True):
            ends = (middle - reach, middle + reach)
            first, last = np.searchsorted(axis.ravel(), ends)
            box.append(slice(first, last))
        return tuple(box)

    def offsets(self, centre: Point, box: Box) -> Offsets:
        """Return how far (mm) a part of the grid lies from a centre: open x, y and z."""
        offsets = []
        for axis, middle, part in zip(self.axes, centre, box, strict=True):
            places = axis.ravel()[part]
            offsets.append(places - middle)
        return np.ix_(*offsets)

    def distance(self, centre: Point, radii: Point) -> np.ndarray:
        """Return the (X, Y, Z) distance from a centre in units of the radii (mm)."""
        squared = 0
        for axis, middle, radius in zip(self.axes, centre, radii, strict=True):
            away = (axis - middle) / radius
            squared = squared + away**2
        return np.sqrt(squared)

    def ball(self, centre: Point, radius: float) -> np.ndarray:
        """Return the (X, Y, Z) distance from a centre in units of one radius (mm)."""
        return self.distance(centre, (radius, radius, radius))

    def noise(self, scale: float) -> np.ndarray:
        """Return (X, Y, Z) smooth noise of unit spread whose grain is ``scale`` mm."""
        shape = self.anatomy.hu.shape
        grains = []
        for n, step in zip(shape, SPACING, strict=True):
            number = round(n * step / scale)
            grains.append(max(2, number))
        drawn = self.rng.normal(size=(1, 1, *grains))
        coarse = torch.from_numpy(drawn.astype(np.float32))
        fine = F.interpolate(coarse, shape, mode="trilinear", align_corners=True)
        smooth = fine[0, 0].numpy()
        return smooth / smooth.std()

    def ends(self, part: np.ndarray) -> tuple[np.floating, np.floating]:
        """Return the lowest and the highest z (mm) of a bool (X, Y, Z) part of the chest."""
        inside = self.z[0, 0][part.any((0, 1))]
        return inside[0], inside[-1]

    def spot(self, side: str, zone: str, margin: float) -> Point:
        """Choose a point in a zone (a third) of a lung.

        It is at least ``margin`` mm from the lung's surface where that exists, and the lung there
        is deep enough for it not to be hidden by the diaphragm or the heart.
        """
        lung = self.anatomy.lung(side)
        low, high = self.ends(lung)
        if not zone:
            zone = str(self.rng.choice(["upper", "middle", "lower"]))
        bottom, top = THIRDS[zone]
        height = high - low
        lowest = low + bottom * height
        highest = low + top * height
        inside = lung & (np.abs(self.x) > MIDLINE)
        inside &= self.z >= lowest
        inside &= self.z <= highest
        voxels = lung.sum(1, keepdims=True)
        depth = voxels * SPACING[1]
        clear = depth > CLEAR
        seen = inside & clear
        if seen.any():
            inside = seen
        away = self.anatomy.wall_distance
        deep = inside & (away > margin)
        if deep.any():
            inside = deep
        places = np.argwhere(inside)
        chosen = self.rng.integers(len(places))
        i, j, k = places[chosen]
        x = float(self.x[i, 0, 0])
        y = float(self.y[0, j, 0])
        z = float(self.z[0, 0, k])
        return x, y, z

    def thread(self, route: np.ndarray, mass: float) -> np.ndarray:
        """Lay a thin dense thread along points (N, 3) mm.

        ``mass`` is density times cross-section in mm2. Returns the thread's occupancy.
        """
        along = walked(route)
        length = along[-1]
        number = max(2, int(length * 2))
        at = np.linspace(0, length, number)
        line = [np.interp(at, along, coordinate) for coordinate in route.T]
        index = self.voxels(np.stack(line, 1))
        inside = index >= 0
        inside &= index < self.added.shape
        index = index[inside.all(1)]
        occupancy = np.zeros_like(self.added)
        apart = at[1] - at[0]
        share = apart / np.prod(SPACING)
        np.add.at(occupancy, tuple(index.T), share)
        low = np.maximum(index.min(0) - 4, 0)
        high = index.max(0) + 5
        near = map(slice, low, high)
        box = occupancy[tuple(near)]
        box[:] = ndimage.gaussian_filter(box, THREAD_BLUR)
        self.added += mass * occupancy
        return occupancy

    def voxels(self, points: np.ndarray) -> np.ndarray:
        """Return the voxels (..., 3) int at points (..., 3) mm."""
        first = [axis.ravel()[0] for axis in self.axes]
        index = (points - first) / SPACING
        return np.rint(index).astype(int)
