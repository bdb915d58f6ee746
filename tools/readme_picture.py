"""Draw book/_static/virtual_films.png, the picture of the README: python
tools/readme_picture.py."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from txtray_utils.studies.pixels import pixels, unpack_mask
from txtray_utils.studies.sources.registry import load_studies

WANTED = ("effusion", "cardiomegaly", "consolidation", "pneumothorax", "nodule", "pacemaker")
COLOURS = plt.get_cmap("tab10").colors


def main() -> None:
    """Take the first training study of each wanted finding; films above, evidence below, findings
    as captions."""
    studies, chosen = load_studies("demo"), []
    drawn = [[name for name, state in row.items() if state == 1] for row in studies["drawn"]]
    for name in WANTED:
        chosen.append(
            next(
                i
                for i, names in enumerate(drawn)
                if name in names and i not in chosen and len(names) <= 3
            )
        )
    figure, axes = plt.subplots(2, len(chosen), figsize=(2.4 * len(chosen), 5.4))
    for column, index in zip(axes.T, chosen, strict=True):
        row = studies[index]
        film = pixels(row["image"])
        for axis in column:
            axis.imshow(film, cmap="gray", vmin=0, vmax=1)
            axis.axis("off")
        for colour, name in zip(COLOURS, drawn[index], strict=False):
            masks = [
                unpack_mask(item["mask"]) for item in row["evidence"] if item["finding"] == name
            ]
            column[1].contourf(
                np.logical_or.reduce(masks), levels=[0.5, 1], colors=[colour], alpha=0.45
            )
        column[1].set_title(
            "\n".join(drawn[index]).replace("_", " "), y=-0.02, va="top", fontsize=9
        )
    figure.suptitle(
        "Simulated films, and where the findings that their real reports name were drawn",
        fontsize=11,
    )
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    figure.savefig(
        Path(__file__).parents[1] / "book/_static/virtual_films.png", dpi=80, facecolor="white"
    )


if __name__ == "__main__":
    main()
