"""Our renderer beside DiffDRR and nanodrr on the same film; writes book/results/renderers.json.

    python benchmarks/renderers.py   about 100 seconds on one core

The film is a PA one of the prepared chest, 224 x 224 pixels. Each renderer draws it twice: as it is
(attenuation only, `seconds.<name>`), and of another person with the masks of the regions
(`seconds.<name>_with_masks`), as the book needs it. The packages know rigid poses only, so for
another person the volume and its labels are warped first (`seconds.warp`, counted in); ours moves
the sample points instead. All of them draw the regions in the same pass: the packages as
attenuation by label, ours as masks from every second plane. The trilinear renderers run at their
default of 500 samples a ray and again (`_56`) at as many as ours takes; DiffDRR runs in patches of
rays, which is faster on a CPU than its default of all at once. Time is CPU time of one thread, so
that other work on the machine disturbs it less. A name's likeness is the correlation of its picture
with ours. Explained in book/01_reading_a_radiograph."""

import time
from collections.abc import Callable
from functools import partial

import matplotlib.pyplot as plt
import nanodrr.data
import nanodrr.drr
import numpy as np
import torch
import torch.nn.functional as F
from diffdrr.data import read
from diffdrr.drr import DRR
from diffdrr.pose import RigidTransform
from torchio import LabelMap, ScalarImage

from txtray_utils.results import Result, write_results
from txtray_utils.settings import data_dir
from virtual_hospital import anatomy
from virtual_hospital.body import Body, to_scan
from virtual_hospital.radiograph import (
    BONE,
    CENTRE,
    DEPTH_MM,
    FIELD,
    PLANES,
    WATER,
    project,
    rays,
    shadows,
)

SIZE = 224
DISTANCE = 1830.0  # mm, source to detector
MIDDLE = DISTANCE - DEPTH_MM / 2 - 40  # mm, source to the middle of the body, as in radiograph.rays
PIXEL = FIELD / (SIZE - 1) * DISTANCE / MIDDLE  # mm on the detector
OFFSET = CENTRE * DISTANCE / MIDDLE  # mm, how far the detector's centre lies above the central ray
PATCHES = {500: 16, PLANES: 56}  # samples a ray -> side of DiffDRR's patch; the fastest tried
FILMS = 7


def ours(volume: torch.Tensor, labels: torch.Tensor, body: Body, masks: bool) -> torch.Tensor:
    """Return the (H, W) attenuation of a person; the masks are made and dropped."""
    grid = rays(body, "PA", DISTANCE, FIELD, SIZE, volume.shape)
    if masks:
        shadows(grid[:, ::2], labels.numpy())
    return project(grid, volume.numpy()[None])[0]


def warp(
    volume: torch.Tensor, labels: torch.Tensor, body: Body
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the (X, Y, Z) attenuation and labels of another person; the map is made on a coarse
    grid, as ours is."""
    ends = torch.tensor([(axis[0], axis[-1]) for axis in anatomy.axes(volume.shape)])
    steps = [
        torch.linspace(low, high, n)
        for (low, high), n in zip(ends.tolist(), (24, 9, 24), strict=True)
    ]
    points = to_scan(torch.stack(torch.meshgrid(*steps, indexing="ij"), -1), body)
    coarse = (
        (2 * (points - ends[:, 0]) / (ends[:, 1] - ends[:, 0]) - 1).flip(-1).permute(3, 0, 1, 2)
    )
    grid = F.interpolate(coarse[None], volume.shape, mode="trilinear", align_corners=True).permute(
        0, 2, 3, 4, 1
    )
    warped = F.grid_sample(volume[None, None], grid, padding_mode="border", align_corners=True)
    nearest = F.grid_sample(labels[None, None].float(), grid, mode="nearest", align_corners=True)
    return warped[0, 0], nearest[0, 0].to(torch.uint8)


def packages(
    volume: torch.Tensor, labels: torch.Tensor, masks: bool
) -> dict[str, Callable[[], torch.Tensor]]:
    """Return the packages' renderers by name; each gives (channels, H, W), one channel or one for
    each label."""
    affine = np.diag([*anatomy.SPACING, 1.0])
    affine[:3, 3] = [axis[0] for axis in anatomy.axes(volume.shape)]
    image, label = (
        ScalarImage(tensor=volume[None], affine=affine),
        LabelMap(tensor=labels[None], affine=affine),
    )

    def pose(x: list[int], y: list[int]) -> torch.Tensor:
        """Return camera to scan: the camera's x and y axes as given, its z axis to the front, the
        source behind."""
        matrix = torch.eye(4)
        matrix[:3, :3] = torch.tensor([x, y, [0, 1, 0]]).T
        matrix[1, 3] = -MIDDLE
        return matrix[None]

    subject = read(image, label, orientation=None, center_volume=False)
    subject.density.set_data(volume[None])  # instead of its own conversion from HU
    camera = partial(DRR, subject, DISTANCE, SIZE, PIXEL, y0=OFFSET)
    siddon = camera(renderer="siddon", patch_size=PATCHES[500])
    trilinear = {n: camera(renderer="trilinear", patch_size=side) for n, side in PATCHES.items()}
    place = RigidTransform(pose([-1, 0, 0], [0, 0, 1]))
    nano = nanodrr.drr.DRR.from_carm_intrinsics(DISTANCE, PIXEL, PIXEL, 0.0, OFFSET, SIZE, SIZE)
    shown = nanodrr.data.Subject.from_images(image, label if masks else None, convert_to_mu=False)
    there = pose([1, 0, 0], [0, 0, -1])
    return {
        "diffdrr_siddon": lambda: siddon(place, mask_to_channels=masks)[0],
        "diffdrr_trilinear": lambda: trilinear[500](place, mask_to_channels=masks, n_points=500)[0],
        f"diffdrr_trilinear_{PLANES}": lambda: trilinear[PLANES](
            place, mask_to_channels=masks, n_points=PLANES
        )[0],
        "nanodrr": lambda: nano(shown, there, n_samples=500)[0],
        f"nanodrr_{PLANES}": lambda: nano(shown, there, n_samples=PLANES)[0],
    }


def seconds(work: Callable[[], object]) -> float:
    """Return the median CPU seconds of FILMS runs, after one to warm up."""
    work()
    taken = []
    for _ in range(FILMS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return float(np.median(taken))


def save(pictures: dict[str, np.ndarray]) -> None:
    """Save the pictures side by side, all with the same greys."""
    figure, panels = plt.subplots(
        2, len(pictures) // 2, figsize=(2.2 * len(pictures) // 2, 5), layout="constrained"
    )
    for panel, (name, picture) in zip(panels.flat, pictures.items(), strict=True):
        panel.imshow(picture, cmap="gray", vmin=0, vmax=max(p.max() for p in pictures.values()))
        panel.set_title(name, fontsize=6)
        panel.axis("off")
    figure.savefig(data_dir("bench") / "renderers.png", dpi=150)


@torch.no_grad()
def main() -> None:
    """Run it all and write the results."""
    torch.set_num_threads(1)
    chest = anatomy.load(data_dir("bench"))
    volume = torch.from_numpy((WATER * chest.density * (1 + BONE * chest.bone)).astype(np.float32))
    labels = torch.from_numpy(chest.regions)
    other = Body.random(np.random.default_rng(0), "F")
    warping = seconds(lambda: warp(volume, labels, other))
    results = {
        "seconds.warp": Result(
            warping, FILMS, "s", "to warp the volume and its labels to another person"
        )
    }
    pictures = {}
    for end, body, masks in (("", Body(), False), ("_with_masks", other, True)):
        what = f"another person, {len(anatomy.REGIONS)} regions" if masks else "attenuation only"
        mine = partial(ours, volume, labels, body, masks)
        results[f"seconds.ours{end}"] = Result(seconds(mine), FILMS, "s", f"a film, {what}")
        pictures[f"ours{end}"] = mine().numpy()
        for name, draw in packages(
            *(warp(volume, labels, body) if masks else (volume, labels)), masks
        ).items():
            taken = seconds(draw) + warping * masks
            results[f"seconds.{name}{end}"] = Result(
                taken, FILMS, "s", f"a film, {what}{', warp included' * masks}"
            )
            pictures[f"{name}{end}"] = draw().sum(0).numpy()
            alike = np.corrcoef(pictures[f"{name}{end}"].ravel(), pictures[f"ours{end}"].ravel())[
                0, 1
            ]
            results[f"likeness.{name}{end}"] = Result(
                alike, SIZE**2, "correlation", f"with ours, {what}", None, 0.02
            )
    save(pictures)
    write_results("renderers", results)
    for key, result in results.items():
        print(f"{key:44s} {result.value:.4f} {result.unit}")


if __name__ == "__main__":
    main()
