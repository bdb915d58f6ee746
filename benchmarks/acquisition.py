"""How real training films and virtual ones differ as pictures: greys, sharpness, grain.

    python benchmarks/acquisition.py [FILMS]

prints, for each group, mean and spread over films of grey quantiles, of the power of the log-tone
in rings of spatial frequency, and of its slope; `virtual_hospital.detector.TARGETS` comes from
here. It writes nothing. Only real films of training patients count. Explained in
book/01_reading_a_radiograph."""

import argparse
from itertools import pairwise

import numpy as np
from PIL import Image

from txtray_utils.settings import data_dir, settings
from txtray_utils.studies.sources.openi_package import read_reports
from txtray_utils.studies.sources.openi_split import split_of_reports
from virtual_hospital.anatomies import load
from virtual_hospital.cohort import plan_cohort
from virtual_hospital.film import picture

SIDE = 192  # pixels, to which every film is brought
QUANTILES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
RINGS = (2, 4, 8, 16, 32, 48, 76)  # cycles in the middle four fifths of a film
FLOOR = 0.05  # added to the tone before the logarithm


def square(film: Image.Image) -> np.ndarray:
    """Return the middle square of a film as (SIDE, SIDE) float, 0 to 1."""
    grey = film.convert("L")
    width, height = grey.size
    side = min(width, height)
    left = (width - side) // 2
    top = (height - side) // 2
    cut = grey.crop((left, top, left + side, top + side))
    small = cut.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(small, float) / 255


def real_films(number: int) -> list[np.ndarray]:
    """Return the first training films of Open-i."""
    films = []
    split = split_of_reports(read_reports())
    folder = data_dir("openi") / "png"
    for path in sorted(folder.glob("*.png")):
        study = path.name.partition("_")[0]
        if split[study] == "train" and len(films) < number:
            film = square(Image.open(path))
            films.append(film)
    return films


def virtual_films(number: int) -> list[np.ndarray]:
    """Return films of a virtual hospital."""
    films = []
    for case in plan_cohort(number, settings().seed):
        chest = load(data_dir("demo"), case.anatomy)
        tone = picture(case, chest).tone
        grey = Image.fromarray(np.uint8(tone * 255))
        film = square(grey)
        films.append(film)
    return films


def middle(film: np.ndarray) -> np.ndarray:
    """Return the middle four fifths of a film, without borders and most markers."""
    edge = SIDE // 10
    return film[edge:-edge, edge:-edge]


def powers(film: np.ndarray) -> np.ndarray:
    """Return log10 of the mean power of the log-tone in each ring."""
    inner = middle(film)
    tone = np.log(FLOOR + inner)
    tone = tone - tone.mean()
    window = np.hanning(len(tone))
    taper = np.outer(window, window)
    waves = np.fft.fft2(tone * taper)
    power = np.abs(waves) ** 2
    side = len(tone)
    cycles = np.fft.fftfreq(side, 1 / side)
    radius = np.hypot(cycles[:, None], cycles)
    rings = []
    for low, high in pairwise(RINGS):
        inside = (radius >= low) & (radius < high)
        mean = power[inside].mean()
        rings.append(np.log10(mean))
    return np.array(rings)


def measured(films: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return each measure with one row a film."""
    rings = np.array([powers(film) for film in films])
    middles = np.array([middle(film) for film in films])
    bounds = np.log10(RINGS)
    centres = (bounds[1:] + bounds[:-1]) / 2
    slope = np.polyfit(centres, rings.T, 1)[0]
    greys = np.quantile(middles, QUANTILES, axis=(1, 2))
    return {
        "grey quantile": greys.T,
        "log10 power": rings,
        "slope": slope[:, None],
    }


def main() -> None:
    """Print the measures of both groups."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("films", nargs="?", type=int, default=60)
    number = parser.parse_args().films
    groups = {
        "real": real_films(number),
        "virtual": virtual_films(number),
    }
    for name, films in groups.items():
        for measure, values in measured(films).items():
            mean = values.mean(0).round(2)
            spread = values.std(0).round(2)
            print(f"{name:8} {measure:14}", end=" ")
            print(f"mean {mean.tolist()}", end=" ")
            print(f"spread {spread.tolist()}")


if __name__ == "__main__":
    main()
