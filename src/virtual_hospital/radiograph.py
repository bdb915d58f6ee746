"""From the chest to a film: pose and shape of a body, projection, and the detector with its
processing.

The beam is a cone from a point source; the body is bent by a smooth map from the film's space back
to the CT's. One grid of sample points, cheap to make because it is the fine interpolation of a
coarse one, serves the attenuation, every finding and every region, so masks and film agree to the
pixel. Explained in book/01_reading_a_radiograph."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from virtual_hospital.anatomy import REGIONS, axes
from virtual_hospital.body import Body, to_scan
from virtual_hospital.chest import Chest

WATER = 0.0185  # 1/mm, effective attenuation of water for a chest beam of about 110 kVp


BONE = 0.45  # how much more bone mineral attenuates than water of its density, at 110 kVp


FIELD = 300.0  # mm, side of the square that the film shows at the middle of the body


CENTRE = 13.0  # mm above the middle of the scan


PLANES = 56  # planes of samples through the depth of the body


DEPTH_MM = 250.0  # mm of depth that the planes cover


TOGETHER = 4  # volumes that are projected at a time; more take memory and no less time


COARSE = (9, 22, 22)  # the coarse grid: depth, rows, columns


def rays(
    body: Body, view: str, distance: float, side: float, size: int, shape: tuple[int, ...]
) -> torch.Tensor:
    """Return the sample points of every ray of a film, as grid_sample wants them for a volume of
    the scan.

    Args:
        body: maps a point of the film's space to the scan.
        view: "PA" (the source is behind the patient) or "AP".
        distance: from source to detector, mm.
        side: side of the film at the middle of the body, mm.
        size: side of the film in pixels.
        shape: (X, Y, Z) of the volumes to be sampled.

    Returns:
        (1, D, H, W, 3) float32 in [-1, 1], the last axis in the order z, y, x. Row 0 is the top of
        the film; the patient's left is on the right of the picture, as films are hung."""
    d, h, w = COARSE
    y = torch.linspace(-DEPTH_MM / 2, DEPTH_MM / 2, d)
    middle = distance - DEPTH_MM / 2 - 40  # from the source to the middle of the body
    from_source = middle + y if view == "PA" else middle - y
    half = side / 2
    v, u = torch.meshgrid(
        torch.linspace(half, -half, h), torch.linspace(-half, half, w), indexing="ij"
    )
    scale = (from_source / middle)[:, None, None]
    points = torch.stack([u * scale, y[:, None, None].expand(d, h, w), (v + CENTRE) * scale], -1)
    points = to_scan(points, body)  # (d, h, w, 3) mm
    ends = [(float(axis[0]), float(axis[-1])) for axis in axes(shape)]
    scaled = [
        (2 * points[..., k] - ends[k][0] - ends[k][1]) / (ends[k][1] - ends[k][0])
        for k in (2, 1, 0)
    ]
    return _refine(torch.stack(scaled, -1), (PLANES, size, size))[None]


def _refine(coarse: torch.Tensor, shape: tuple[int, int, int]) -> torch.Tensor:
    """Interpolate (d, h, w, 3) linearly to (D, H, W, 3): F.interpolate as three matrix products,
    three times as fast."""
    depth, rows, columns = (
        F.interpolate(torch.eye(m)[None], n, mode="linear", align_corners=True)[0].T
        for n, m in zip(shape, coarse.shape[:3], strict=True)
    )
    mixed = torch.einsum("Dd,Hh,dhwc->DHcw", depth, rows, coarse)
    return (mixed @ columns.T).transpose(2, 3)


def project(grid: torch.Tensor, volumes: Sequence[np.ndarray]) -> torch.Tensor:
    """Integrate C volumes along the rays: (1, D, H, W, 3) and C times (X, Y, Z) -> (C, H, W), units
    times mm."""
    sums = []
    for start in range(0, len(volumes), TOGETHER):
        some = torch.from_numpy(np.stack(volumes[start : start + TOGETHER], dtype=np.float32))
        sampled = F.grid_sample(some[None], grid, padding_mode="border", align_corners=True)
        sums.append(sampled[0].sum(1))
    return torch.cat(sums) * (DEPTH_MM / (PLANES - 1))


def shadows(grid: torch.Tensor, regions: np.ndarray) -> torch.Tensor:
    """Project a label map: the film pixels whose ray meets each of REGIONS, (len(REGIONS), H, W)
    bool."""
    labels = torch.from_numpy(regions)[None, None].float()
    met = F.grid_sample(labels, grid, mode="nearest", align_corners=True)[0, 0].to(
        torch.uint8
    )  # (D, H, W)
    return torch.stack([(met == number).any(0) for number in range(1, 1 + len(REGIONS))])


@dataclass
class Film:
    """What one exposure gives, before a machine makes an image of it.

    Attributes:
        path: (H, W) float32, attenuation along each ray, no unit.
        regions: masks by name: anatomy.REGIONS, and the right and left lung fields as an annotator
            would outline them.
        evidence: one (H, W) bool mask for each item of the chest's evidence, in the same order.
    """

    path: np.ndarray
    regions: dict[str, np.ndarray]
    evidence: list[np.ndarray]


def expose(
    chest: Chest, view: str, kvp: float, distance: float, zoom: float = 1.0, size: int = 224
) -> Film:
    """Project a drawn chest.

    Args:
        chest: from ``findings.draw``.
        view: "PA" (source behind the patient) or "AP".
        kvp: tube voltage, kV; bone stands out more when it is low.
        distance: from source to detector, mm.
        zoom: above 1 the chest fills more of the film.
        size: side of the film in pixels.
    """
    anatomy, body = chest.anatomy, chest.body
    grid = rays(body, view, distance, FIELD / zoom, size, anatomy.hu.shape)
    density = anatomy.density * (1 + BONE * (110 / kvp) ** 0.8 * anatomy.bone)
    density[anatomy.lungs] *= body.lung
    volumes = [WATER * (110 / kvp) ** 0.35 * np.maximum(0, density + chest.added)]
    volumes += [item.occupancy for item in chest.evidence if item.occupancy is not None]
    sums = project(grid, volumes).numpy()
    met = shadows(grid[:, ::2], anatomy.regions).numpy()
    regions = dict(zip(REGIONS, met, strict=True))
    regions |= {f"{side}_lung_field": _lung_field(regions, side) for side in ("right", "left")}
    depths, evidence = iter(sums[1:]), []
    for item in chest.evidence:
        if item.occupancy is None:
            evidence.append(np.logical_or.reduce([regions[name] for name in item.regions]))
        else:
            evidence.append(next(depths) >= item.least)
    return Film(sums[0] + _breasts(body, size), regions, evidence)


def _lung_field(regions: dict[str, np.ndarray], side: str) -> np.ndarray:
    """Return the part of a lung that an annotator outlines: not behind the heart, the spine or the
    great vessels."""
    lung = np.logical_or.reduce(
        [mask for name, mask in regions.items() if name.startswith(side) and "lobe" in name]
    )
    front = ndimage.binary_opening(
        lung & ~regions["heart"] & ~regions["spine"] & ~regions["aorta"], iterations=2
    )
    pieces, n = ndimage.label(front)
    return pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:]) if n else front


def _breasts(body: Body, size: int) -> np.ndarray:
    """Return the (H, W) attenuation of breast tissue: two smooth mounds over the lower zones."""
    v, u = np.mgrid[0:size, 0:size] / size - 0.5
    mounds = sum(
        np.clip(1 - ((u - cx) / 0.2) ** 2 - ((v - 0.14) / 0.19) ** 2, 0, 1) ** 0.7
        for cx in (-0.24, 0.25)
    )
    return (WATER * 0.95 * body.breasts * mounds).astype(np.float32)


def develop(
    film: Film, rng: np.random.Generator, view: str, exposure: float, burnt: str | None = None
) -> np.ndarray:
    """Make the image that a machine shows: scatter, noise, edge enhancement, tone curve and a lead
    marker.

    Args:
        film: from ``expose``.
        rng: decides grain, tone and where the marker lies.
        view: "AP" films get more scatter and say AP.
        exposure: relative; 1 is usual, less is grainier.
        burnt: a text to lay in the corner instead of the side marker; None lays the usual marker.

    Returns:
        (H, W) float32 in [0, 1], white is dense (as MONOCHROME2 shows it).
    """
    size = film.path.shape[0]
    primary = np.exp(-film.path)
    scatter = (
        rng.uniform(0.35, 0.6) if view == "AP" else rng.uniform(0.2, 0.4)
    ) * ndimage.gaussian_filter(primary, 0.09 * size, mode="nearest")
    arrived = ndimage.gaussian_filter(primary + scatter, rng.uniform(0.25, 0.55))
    arrived = arrived * np.exp(
        rng.normal(0, 1, arrived.shape) * np.sqrt(1.2e-5 / (exposure * np.maximum(arrived, 2e-3)))
    )
    signal = -np.log(np.maximum(arrived, 1e-4))
    for reach, gain in ((0.012, rng.uniform(0.8, 1.8)), (0.08, rng.uniform(0.3, 0.8))):
        signal += gain * (signal - ndimage.gaussian_filter(signal, reach * size, mode="nearest"))
    inside = signal[size // 10 : -size // 10, size // 10 : -size // 10]
    low, high = np.percentile(inside, [rng.uniform(0.5, 3), rng.uniform(98, 99.8)])
    tone = np.clip((signal - low) / (high - low) * 0.92 + 0.05, 0, 1) ** rng.uniform(0.6, 1.0)
    _lay_marker(tone, rng, view, burnt)
    return tone.astype(np.float32)


def _lay_marker(tone: np.ndarray, rng: np.random.Generator, view: str, burnt: str | None) -> None:
    """Lay a lead letter in a corner above a shoulder, in place; some AP films also say AP."""
    size, side = tone.shape[0], rng.choice(["L", "R"])
    text = burnt or (f"{side} AP" if view == "AP" and rng.random() < 0.5 else side)
    canvas = Image.new("L", (size, size))
    x = rng.uniform(0.84, 0.9) if side == "L" else rng.uniform(0.03, 0.08)
    place = (
        x * size - (0.08 * size if side == "L" and len(text) > 1 else 0),
        rng.uniform(0.03, 0.16) * size,
    )
    ImageDraw.Draw(canvas).text(
        place, text, fill=255, font=ImageFont.load_default(rng.uniform(0.05, 0.065) * size)
    )
    np.maximum(tone, np.asarray(canvas, np.float32) / 255 * rng.uniform(0.85, 1), out=tone)
