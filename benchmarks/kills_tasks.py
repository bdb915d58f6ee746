"""What kills.py kills: one task, in a process of its own; it prints a digest of what it made.

    python benchmarks/kills_tasks.py hospital|load|training FOLDER

Explained in CONTRIBUTING."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

STUDIES = 40
HOSPITAL = 6
STEPS = 30
REFUSED = 3  # the exit code where an error says what is wrong
SENTENCES = (
    "The heart is enlarged. No effusion.",
    "There is a left pleural effusion.",
    "The lungs are clear. The heart is normal in size.",
    "Right lower lobe opacity. No pneumothorax.",
)


def write_list(folder: Path) -> None:
    """Write the list and the films of a made-up hospital of one's own."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(0)
    rows = []
    for number in range(STUDIES):
        grey = draw.integers(0, 255, (300, 300), dtype=np.uint8)
        Image.fromarray(grey).save(folder / f"{number}.png")
        words = f"{SENTENCES[number % 4]} Seen in room {number}."
        rows.append((f"{number}.png", f"P{number}", words))
    table = pd.DataFrame(rows, columns=["image", "patient", "report"])
    table.to_csv(folder / "studies.csv", index=False)


def hospital(folder: Path) -> str:
    """Make a small virtual hospital in parts of two."""
    from virtual_hospital import hospital as maker

    maker.PART = 2
    made = maker.make_hospital(folder / "demo", HOSPITAL, 4, workers=2)
    return maker.fingerprint(made)


def load(folder: Path) -> str:
    """Load the made-up hospital."""
    from txtray_utils.studies.sources.registry import load_studies

    studies = load_studies("folder")
    rows = []
    for study in studies:
        image = np.asarray(study.pop("image"))
        rows.append((study, image.tobytes()))
    return repr(rows)


def training(folder: Path) -> str:
    """Train a small model on it."""
    import torch

    from txtray_utils.align.pairs import image_text_pairs
    from txtray_utils.align.recipes import Recipe
    from txtray_utils.align.trained import trained
    from txtray_utils.studies.sources.registry import load_studies

    torch.set_num_threads(1)
    pairs = image_text_pairs(load_studies("folder"))
    recipe = Recipe(steps=STEPS, batch=8, tower="test_vit.r160_in1k")
    model = trained(recipe, pairs, 0)
    return repr([(name, one.tolist()) for name, one in model.state_dict().items()])


def main() -> None:
    """Do one task and print the digest of what it made, or what refused it."""
    from txtray_utils.errors import InputError

    task = {"hospital": hospital, "load": load, "training": training}[sys.argv[1]]
    try:
        made = task(Path(sys.argv[2]))
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(REFUSED)
    print(hashlib.sha256(made.encode()).hexdigest())


if __name__ == "__main__":
    main()
