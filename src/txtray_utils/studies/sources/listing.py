"""What a source lists against what its folder holds: one frontal image a study, and no orphans.

Explained in book/03_linking_images_to_the_record.
"""

from pathlib import Path

import pandas as pd

from txtray_utils.errors import InputError, Rejects
from txtray_utils.studies.columns import FRONTAL

KINDS = (".dcm", ".jpg", ".jpeg", ".png")


def read_columns(path: Path, columns: dict[str, str]) -> pd.DataFrame:
    """Return columns of a csv file as text, None where it is silent; `columns`: its name to ours.

    Raises:
        InputError: the file cannot be read or lacks a column.
    """
    try:
        table = pd.read_csv(path, dtype=str, index_col=False)
    except (OSError, ValueError) as error:
        raise InputError(path, f"cannot be read as csv ({error})", "Fetch it again.") from error
    missing = sorted(set(columns) - set(table))
    if missing:
        remedy = "Fetch it again, and leave its header as it is published."
        raise InputError(path, f"lacks the columns {missing}", remedy)
    table = table[list(columns)].rename(columns=columns)
    return table.astype(object).where(table.notna(), None)


def frontal_images(images: pd.DataFrame, where: str | Path, rejects: Rejects) -> pd.DataFrame:
    """Return one frontal image a study, PA before AP, of a table with study_id, image_id and view.

    Any further columns are kept. To `rejects` go an image listed twice and a study with no frontal
    view; the other images of a study that is kept are left out in silence (a lateral is not an
    error).
    """
    images = listed_once(images, where, rejects)
    order = {view: FRONTAL.index(view) for view in FRONTAL}
    rank = images["view"].map(order)
    lateral = rank.isna()
    study = images["study_id"]
    none_frontal = lateral.groupby(study).transform("all")
    fault = "no frontal view, only a lateral or unknown one"
    for name in study[none_frontal].unique():
        rejects.add(where, name, fault, "Add its PA or AP image.")
    best_first = rank.dropna().sort_values(kind="stable").index
    images = images.loc[best_first]
    images = images.drop_duplicates("study_id")
    return images.sort_index()


def listed_once(images: pd.DataFrame, where: str | Path, rejects: Rejects) -> pd.DataFrame:
    """Return the first row of each `image_id`; the others go to `rejects`."""
    names = images["image_id"]
    repeated = names.duplicated()
    remedy = "Keep one of its rows."
    for image in names[repeated]:
        rejects.add(where, image, "the image is listed twice", remedy)
    return images[~repeated]


def match_images(
    images: pd.DataFrame, folder: Path, where: str | Path, rejects: Rejects
) -> pd.DataFrame:
    """Return the rows whose `file` (a path below `folder`) is there.

    To `rejects` go a row without its image and an image (.dcm, .jpg, .jpeg, .png) without a row.
    """
    there = set()
    for file in folder.rglob("*"):
        if file.suffix.lower() in KINDS:
            there.add(file.relative_to(folder).as_posix())
    listed = images["file"]
    missing = ~listed.isin(there)
    remedy = f"Download it into {folder}, or drop the row."
    for file in listed[missing]:
        rejects.add(where, file, "its image file is missing", remedy)
    fault = f"the image has no row in {where}"
    remedy = "Add a row for it, or delete the file."
    for file in sorted(there - set(listed)):
        rejects.add(folder / file, "", fault, remedy)
    return images[~missing]
