"""What a plate shows besides the patient: the collimator's borders and a lead marker.

Explained in book/01_reading_a_radiograph.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import special

MARKER = {"L": (0.83, 0.95), "R": (0.05, 0.17)}  # the middle of a marker, in widths of the film
WORDS = {"PA": ("",), "AP": ("", "", " AP", " PORT")}  # what else a marker may say
BORDERED = 0.4  # share of films that show a border
WIDEST = 0.035  # of the film, so that no finding is lost below a border
PLAIN = 0.05  # share of films without a marker


def lay_border(tone: np.ndarray, rng: np.random.Generator) -> None:
    """Close the collimator round the film, in place, on some films: four straight edges, turned."""
    size = tone.shape[0]
    shown = rng.random() < BORDERED
    margins = np.minimum(rng.exponential(0.014, 4), WIDEST)
    turn = np.deg2rad(rng.normal(0, 0.8))
    grey = rng.uniform(0, 0.1)
    if rng.random() < 0.25:
        grey = 1 - grey
    soft = rng.choice([0.002, 0.006])
    if not shown:
        return
    v, u = np.mgrid[0:size, 0:size] / size - 0.5
    across = u * np.cos(turn) + v * np.sin(turn)
    down = v * np.cos(turn) - u * np.sin(turn)
    insides = (across + 0.5, 0.5 - across, down + 0.5, 0.5 - down)
    nearest = np.min([at - margin for at, margin in zip(insides, margins, strict=True)], axis=0)
    open_share = special.expit(nearest / soft)
    tone[:] = open_share * tone + (1 - open_share) * grey


def lay_marker(tone: np.ndarray, rng: np.random.Generator, view: str, burnt: str | None) -> None:
    """Lay a lead marker in a corner above a shoulder, in place, turned a little.

    Some AP films also say AP or PORT. ``burnt`` is a text that takes its place; None keeps it.
    """
    size = tone.shape[0]
    side = str(rng.choice(["L", "R"]))
    letters = side + rng.choice(["", "", "", "T"])
    letters += str(rng.choice(WORDS[view]))
    height = rng.uniform(0.035, 0.065) * size
    turned = rng.normal(0, 5) + 90 * rng.choice([0, 1], p=[0.93, 0.07])
    low, high = MARKER[side]
    x = rng.uniform(low, high) * size
    y = rng.uniform(0.05, 0.17) * size
    density = rng.uniform(0.8, 1)
    if rng.random() < PLAIN and not burnt:
        return
    lead = _lettering(burnt or letters, height, turned)
    rows, columns = lead.shape
    top = _within(y - rows / 2, size - rows)
    left = _within(x - columns / 2, size - columns)
    under = tone[top : top + rows, left : left + columns]
    np.maximum(under, lead[: under.shape[0], : under.shape[1]] * density, out=under)


def _within(start: float, last: int) -> int:
    """Return the place, moved inside the film where it lies outside."""
    return max(0, min(round(start), last))


def _lettering(text: str, height: float, turned: float) -> np.ndarray:
    """Return a text of some height (pixels), turned (degrees): (h, w) float32, 0 to 1."""
    font = ImageFont.load_default(height)
    left, top, right, bottom = font.getbbox(text)
    canvas = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2))
    pen = ImageDraw.Draw(canvas)
    pen.text((1 - left, 1 - top), text, fill=255, font=font)
    straight = canvas.rotate(turned, Image.Resampling.BICUBIC, expand=True)
    return np.asarray(straight, np.float32) / 255
