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
    margins = rng.exponential(0.014, 4)
    margins = np.minimum(margins, WIDEST)
    degrees = rng.normal(0, 0.8)
    turn = np.deg2rad(degrees)
    grey = rng.uniform(0, 0.1)
    if rng.random() < 0.25:
        grey = 1 - grey
    soft = rng.choice([0.002, 0.006])
    if not shown:
        return
    pixels = np.arange(size)
    places = pixels / size - 0.5
    u = places[None, :]
    v = places[:, None]
    cos = np.cos(turn)
    sin = np.sin(turn)
    across = u * cos + v * sin
    down = v * cos - u * sin
    from_edge = np.full((size, size), 0.5)
    sides = (across, -across, down, -down)
    for side, margin in zip(sides, margins, strict=True):
        inside = 0.5 + side - margin
        from_edge = np.minimum(from_edge, inside)
    lit = special.expit(from_edge / soft)
    tone[:] = grey + lit * (tone - grey)


def lay_marker(
    tone: np.ndarray,
    rng: np.random.Generator,
    view: str,
    burnt: str | None,
) -> None:
    """Lay a lead marker in a corner above a shoulder, in place, turned a little.

    Some AP films also say AP or PORT. ``burnt`` is a text that takes its place; None keeps it.
    """
    size = tone.shape[0]
    side = str(rng.choice(["L", "R"]))
    second = rng.choice(["", "", "", "T"])
    word = rng.choice(WORDS[view])
    text = burnt or f"{side}{second}{word}"
    height = rng.uniform(0.035, 0.065) * size
    turned = rng.normal(0, 5)
    if rng.random() < 0.07:
        turned += 90
    low, high = MARKER[side]
    x = rng.uniform(low, high) * size
    y = rng.uniform(0.05, 0.17) * size
    density = rng.uniform(0.8, 1)
    absent = rng.random() < PLAIN
    if absent and not burnt:
        return
    lead = density * _lettering(text, height, turned)
    rows, columns = lead.shape
    top = _within(y - rows / 2, size - rows)
    left = _within(x - columns / 2, size - columns)
    under = tone[top : top + rows, left : left + columns]
    rows, columns = under.shape  # less, where a film is smaller than the letters
    np.maximum(under, lead[:rows, :columns], out=under)


def _within(start: float, last: int) -> int:
    """Return the place, moved inside the film where it lies outside."""
    nearest = min(round(start), last)
    return max(0, nearest)


def _lettering(text: str, height: float, turned: float) -> np.ndarray:
    """Return a text of some height (pixels), turned (degrees): (h, w) float32, 0 to 1."""
    font = ImageFont.load_default(height)
    left, top, right, bottom = font.getbbox(text)
    width = int(right - left) + 2
    tall = int(bottom - top) + 2
    canvas = Image.new("L", (width, tall))
    pen = ImageDraw.Draw(canvas)
    pen.text((1 - left, 1 - top), text, fill=255, font=font)
    straight = canvas.rotate(turned, Image.Resampling.BICUBIC, expand=True)
    return np.asarray(straight, np.float32) / 255
