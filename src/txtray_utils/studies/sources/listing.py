"""NEW MODULE."""

from pathlib import Path

import pandas as pd

from txtray_utils.errors import Rejects
from txtray_utils.studies.columns import FRONTAL


def frontal_images(images: pd.DataFrame, where: str | Path, rejects: Rejects) -> pd.DataFrame:
    """Return one frontal image a study, PA before AP, from a table with study_id, image_id and view.

    Any further columns are kept. To `rejects` go an image listed twice and a study with no frontal view; the
    other images of a study that is kept are left out in silence (a lateral is not an error).
    """
    images = listed_once(images, where, rejects)
    rank = images["view"].map({view: rank for rank, view in enumerate(FRONTAL)})
    for study in images["study_id"][rank.isna().groupby(images["study_id"]).transform("all")].unique():
        rejects.add(where, study, "no frontal view, only a lateral or unknown one", "Add its PA or AP image.")
    best = rank.dropna().sort_values(kind="stable").index
    return images.loc[best].drop_duplicates("study_id").sort_index()


def listed_once(images: pd.DataFrame, where: str | Path, rejects: Rejects) -> pd.DataFrame:
    """Return the first row of each `image_id`; the others go to `rejects`."""
    repeated = images["image_id"].duplicated()
    for image in images.loc[repeated, "image_id"]:
        rejects.add(where, image, "the image is listed twice", "Keep one of its rows.")
    return images[~repeated]


def match_images(images: pd.DataFrame, folder: Path, where: str | Path, rejects: Rejects) -> pd.DataFrame:
    """Return the rows whose `file` (a path below `folder`) is there.

    To `rejects` go a row without its image and an image (.dcm, .jpg, .jpeg, .png) without a row.
    """
    kinds = (".dcm", ".jpg", ".jpeg", ".png")
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.suffix.lower() in kinds}
    missing = ~images["file"].isin(there)
    for file in images.loc[missing, "file"]:
        rejects.add(where, file, "its image file is missing", f"Download it into {folder}, or drop the row.")
    for file in sorted(there - set(images["file"])):
        rejects.add(folder / file, "", f"the image has no row in {where}", "Add a row for it, or delete the file.")
    return images[~missing]
