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
import numpy as np
import torch
import torch.nn.functional as F
from measuring import report
from renderer_packages import DISTANCE, SIZE, Scan, packages

from txtray_utils.results import Result
from txtray_utils.settings import data_dir
from virtual_hospital import anatomy
from virtual_hospital.body import Body, to_scan
from virtual_hospital.grid import axes
from virtual_hospital.radiograph import (
    BONE,
    FIELD,
    WATER,
    project,
    rays,
    shadows,
)

FILMS = 7
COARSE = (24, 9, 24)  # points of the map to another person


def ours(scan: Scan, body: Body, masks: bool) -> torch.Tensor:
    """Return the (H, W) attenuation of a person; the masks are made and dropped."""
    grid = rays(body, "PA", DISTANCE, FIELD, size=SIZE, shape=scan.volume.shape)
    if masks:
        shadows(grid[:, ::2], scan.labels.numpy())
    return project(grid, scan.volume.numpy()[None])[0]


def warp(scan: Scan, body: Body) -> Scan:
    """Return the scan of another person; the map is made on a coarse grid, as ours is."""
    shape = scan.volume.shape
    lows, highs, steps = [], [], []
    for axis, n in zip(axes(shape), COARSE, strict=True):
        lows.append(axis[0])
        highs.append(axis[-1])
        steps.append(torch.linspace(float(axis[0]), float(axis[-1]), n))
    low, high = torch.tensor(lows), torch.tensor(highs)
    places = torch.stack(torch.meshgrid(*steps, indexing="ij"), -1)
    points = to_scan(places, body)
    share = 2 * (points - low) / (high - low) - 1
    coarse = share.flip(-1).permute(3, 0, 1, 2)
    fine = F.interpolate(
        coarse[None],
        shape,
        mode="trilinear",
        align_corners=True,
    )
    grid = fine.permute(0, 2, 3, 4, 1)
    warped = F.grid_sample(
        scan.volume[None, None],
        grid,
        padding_mode="border",
        align_corners=True,
    )
    nearest = F.grid_sample(
        scan.labels[None, None].float(),
        grid,
        mode="nearest",
        align_corners=True,
    )
    return Scan(warped[0, 0], nearest[0, 0].to(torch.uint8))


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
    columns = len(pictures) // 2
    width = 2.2 * len(pictures) // 2
    figure, panels = plt.subplots(2, columns, figsize=(width, 5), layout="constrained")
    brightest = max(picture.max() for picture in pictures.values())
    for panel, (name, picture) in zip(panels.flat, pictures.items(), strict=True):
        panel.imshow(picture, cmap="gray", vmin=0, vmax=brightest)
        panel.set_title(name, fontsize=6)
        panel.axis("off")
    figure.savefig(data_dir("bench") / "renderers.png", dpi=150)


@torch.no_grad()
def main() -> None:
    """Run it all and write the results."""
    torch.set_num_threads(1)
    chest = anatomy.load(data_dir("bench"))
    attenuation = WATER * chest.density * (1 + BONE * chest.bone)
    scan = Scan(
        torch.from_numpy(attenuation.astype(np.float32)),
        torch.from_numpy(chest.regions),
    )
    other = Body.random(np.random.default_rng(0), "F")
    warping = seconds(lambda: warp(scan, other))
    what = "to warp the volume and its labels to another person"
    results = {"seconds.warp": Result(warping, FILMS, "s", what)}
    plain, pictures = compared(scan, Body(), "attenuation only")
    masked, others = compared(
        scan,
        other,
        f"another person, {len(anatomy.REGIONS)} regions",
        warping,
        end="_with_masks",
    )
    save(pictures | others)
    report("renderers", results | plain | masked)


def compared(
    scan: Scan,
    body: Body,
    what: str,
    warping: float = 0.0,
    end: str = "",
) -> tuple[dict[str, Result], dict[str, np.ndarray]]:
    """Draw a person with every renderer; return seconds and likeness, and the pictures.

    Where there is `warping`, its seconds are counted in, and the masks of the regions are drawn."""
    masks = bool(warping)
    mine = partial(ours, scan, body, masks)
    results = {f"seconds.ours{end}": Result(seconds(mine), FILMS, "s", f"a film, {what}")}
    pictures = {f"ours{end}": mine().numpy()}
    expected = pictures[f"ours{end}"].ravel()
    about = f"a film, {what}"
    if masks:
        scan = warp(scan, body)
        about = f"{about}, warp included"
    for name, draw in packages(scan, masks).items():
        taken = seconds(draw) + warping
        results[f"seconds.{name}{end}"] = Result(taken, FILMS, "s", about)
        drawn = draw().sum(0).numpy()
        pictures[f"{name}{end}"] = drawn
        alike = np.corrcoef(drawn.ravel(), expected)[0, 1]
        likeness = Result(alike, SIZE**2, "correlation", f"with ours, {what}", None, 0.02)
        results[f"likeness.{name}{end}"] = likeness
    return results, pictures


if __name__ == "__main__":
    main()
