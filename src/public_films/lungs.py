"""Real films with the outlines of both lungs: the sets of Montgomery, Shenzhen and JSRT.

Each set is a folder below `TXTRAY_LUNGS`, named as in `LICENCES`. In it lie films,
`CXR_png/NAME.png`, and for a film either two masks, `ManualMask/leftMask/NAME.png` and
`ManualMask/rightMask/NAME.png`, or one of both lungs, `mask/NAME_mask.png`. (JSRT's films and masks
are published in other formats: convert them.) One film is one study of one patient. Decisions:

- Regions `right_lung` and `left_lung` are the patient's. The lung that lies further left on the
  film is the right one, as films are hung; the name of a mask's folder does not decide.
- A mask of both lungs falls into its two largest pieces, crumbs going with the nearer one. Where it
  is one piece, or nearly, the region is `lung_field`, as in the `covid` source.
- A mask of another size than its film is resized, if it has the film's proportions; a pixel above
  half of the mask's brightest is lung.
- A film without a mask has null regions. One whose mask cannot be used is kept in the same way, and
  the mask is a reject.
- There is no report, and no label: that Montgomery and Shenzhen name films by tuberculosis (_1) or
  none (_0) is none of the 14, and their folder ClinicalReadings is not read. All films count as PA.

Explained in book/01_reading_a_radiograph.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from txtray_utils.errors import InputError, Rejects, replacing
from txtray_utils.read.picture import read_picture
from txtray_utils.read.radiograph import polarity_suspect, read_image, shrunk
from txtray_utils.settings import settings
from txtray_utils.studies.pixels import encode_png, pack_mask
from txtray_utils.studies.splits import patient_split

INDEX = "films.txt"
LICENCES = {  # by the folder of the set
    "MontgomerySet": "U.S. National Library of Medicine and Montgomery County, open for research; "
    "cite Jaeger et al. 2014 and Candemir et al. 2014",
    "ChinaSet_AllFiles": "U.S. National Library of Medicine and Shenzhen No. 3 Hospital, open for "
    "research, cite Jaeger et al. 2014; masks CC BY-NC-SA 4.0, cite Stirenko et al. 2018",
    "JSRT": "Japanese Society of Radiological Technology, for research, cite Shiraishi et al. "
    "2000; masks cite van Ginneken et al. 2006",
}
FILMS = "CXR_png"
TWO_MASKS = ("ManualMask/leftMask", "ManualMask/rightMask")
ONE_MASK = "mask"
SMALLEST = 0.1  # of the larger lung: a second piece below this is no lung
SKEW = 0.02  # how far a mask's proportions may be from its film's
Name = tuple[str, str]  # the folder of a set, and the name of a film in it

_REMEDY = "Correct the mask, or leave it: the film is kept without regions."


def folder() -> Path:
    """Return the folder that `TXTRAY_LUNGS` names, with `films.txt`, the list of what it holds.

    The list is written when it is not there or no longer true.

    Raises:
        InputError: there is no film, or the list cannot be written.
    """
    place = settings().lungs
    names = _files(place)
    if not names:
        remedy = "Run data/download.sh lungs, or set TXTRAY_LUNGS to where the sets are."
        raise InputError(place, f"holds no film, such as MontgomerySet/{FILMS}/NAME.png", remedy)
    index = place / INDEX
    text = os.fsencode("\n".join(names) + "\n")
    if not index.is_file() or index.read_bytes() != text:
        with replacing(index) as partial:
            partial.write_bytes(text)
    return place


def _files(place: Path) -> list[str]:
    """Return the films and masks of every set, films first, as paths below the folder."""
    found = []
    for part in (FILMS, *TWO_MASKS, ONE_MASK):
        for file in sorted(place.glob(f"*/{part}/*.png")):
            found.append(file.relative_to(place).as_posix())
    return found if found and f"/{FILMS}/" in found[0] else []


def rows(place: Path, rejects: Rejects) -> Iterator[dict]:
    """Yield one study a film.

    To `rejects` go films that cannot be read, masks that cannot be used, and masks of no film.
    """
    films, masks = _listed(place)
    for name in sorted(set(masks) - set(films)):
        for file in masks[name]:
            remedy = f"Add its film to {FILMS}, or delete the mask."
            rejects.add(file, name[1], "the mask has no film", remedy)
    split = patient_split((study for _, study in films), seed=0)
    for (place_of_set, study), file in films.items():
        try:
            image = shrunk(read_image(file).pixels)
            lungs = _lungs(masks[place_of_set, study], study, image.shape, rejects)
            _check_polarity(file, image, lungs)
        except InputError as error:
            rejects.add_error(error, study)
            continue
        yield {
            "study_id": study,
            "subject_id": study,
            "image_id": file.name,
            "image": encode_png(image),
            "view": "PA",
            "regions": _regions(lungs),
            "split": split[study],
            "composed": False,
            "source": "lungs",
            "licence": LICENCES.get(place_of_set, "not stated"),
        }


def _listed(place: Path) -> tuple[dict[Name, Path], dict[Name, list[Path]]]:
    """Return the film, and the masks, of each set and name that `films.txt` lists."""
    films: dict[Name, Path] = {}
    masks: dict[Name, list[Path]] = defaultdict(list)
    listed = os.fsdecode((place / INDEX).read_bytes())
    for line in listed.removesuffix("\n").split("\n"):
        file = place / line
        place_of_set = Path(line).parts[0]
        if file.parent.name == FILMS:
            films[place_of_set, file.stem] = file
        else:
            masks[place_of_set, file.stem.removesuffix("_mask")].append(file)
    return films, masks


def _lungs(
    files: list[Path], study: str, shape: tuple[int, ...], rejects: Rejects
) -> dict[str, np.ndarray]:
    """Return bool masks (H, W) of the image's shape by region, none where they cannot be used."""
    try:
        masks = [_mask(file, shape) for file in files]
        if len(masks) == 1 and files[0].parent.name == ONE_MASK:
            masks = parted(masks[0])
            if len(masks) == 1:
                return {"lung_field": masks[0]}
        if not masks:
            return {}
        if len(masks) != 2:
            fault = f"there are {len(masks)} masks of it, not one a lung or one of both"
            raise InputError(files[0], fault, _REMEDY)
        one, other = masks
        if (one & other).sum() > min(one.sum(), other.sum()) / 2:
            raise InputError(files[0], "covers the same lung as the other mask", _REMEDY)
    except InputError as error:
        rejects.add_error(error, study)
        return {}
    right, left = sorted(masks, key=_column)
    return {"right_lung": right, "left_lung": left}


def _mask(file: Path, shape: tuple[int, ...]) -> np.ndarray:
    pixels = read_picture(file).pixels
    proportions = (pixels.shape[0] * shape[1]) / (pixels.shape[1] * shape[0])
    if abs(proportions - 1) > SKEW:
        fault = f"is {pixels.shape}, of other proportions than its film (shown as {shape})"
        raise InputError(file, fault, _REMEDY)
    picture = Image.fromarray(pixels > pixels.max() / 2)
    mask = np.asarray(picture.resize(shape[::-1], Image.Resampling.NEAREST))
    if not mask.any():
        raise InputError(file, f"is empty at the image's size {shape}", _REMEDY)
    return mask


def parted(mask: np.ndarray) -> list[np.ndarray]:
    """Return a mask (H, W) of both lungs as one of each, left on the film first.

    If there is only one piece, or the second is below `SMALLEST` of it, the mask comes back alone.
    """
    pieces, count = ndimage.label(mask)
    numbers = np.arange(1, count + 1)
    sizes = np.bincount(pieces.ravel())[1:]
    order = np.argsort(-sizes)
    if count < 2 or sizes[order[1]] < SMALLEST * sizes[order[0]]:
        return [mask]
    centres = ndimage.center_of_mass(mask, pieces, numbers)
    columns = np.array(centres)[:, 1]
    middle = columns[order[:2]].mean()
    further_left = numbers[columns < middle]
    first = np.isin(pieces, further_left)
    return [first, mask & ~first]


def _column(mask: np.ndarray) -> float:
    """Return the column of a mask's centre."""
    return float(np.nonzero(mask)[1].mean())


def _check_polarity(file: Path, image: np.ndarray, lungs: dict[str, np.ndarray]) -> None:
    """Raise InputError if a film looks inverted.

    Between two lungs lie heart and spine, which must be brighter; that is surer than looking where
    lungs usually are, as for films without masks.
    """
    inverted = polarity_suspect(image)
    if "right_lung" in lungs:
        right, left = lungs["right_lung"], lungs["left_lung"]
        after_right = np.maximum.accumulate(right, axis=1)
        before_left = np.maximum.accumulate(left[:, ::-1], axis=1)[:, ::-1]
        both = right | left
        between = after_right & before_left & ~both
        if between.any():
            inverted = image[between].mean() < image[both].mean()
    if inverted:
        fault = "looks inverted (air brighter than the chest)"
        raise InputError(file, fault, "Look at it; invert or drop it.")


def _regions(lungs: dict[str, np.ndarray]) -> list[dict] | None:
    found = []
    for name, mask in lungs.items():
        found.append({"name": name, "mask": pack_mask(mask)})
    return found or None
