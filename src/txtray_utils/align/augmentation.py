"""How a film is varied in training, so that a model learns what is shown and not how it was taken.

Films are (N, 1, H, W) float32, 0 black and 1 white. Each step varies every film of a batch by an
amount of its own, up to a limit times `strength`; at strength 0 it changes nothing. Together they
are domain randomisation (Tobin et al. 2017, arXiv 1703.06907): where the simulated films are made
to differ more among themselves than they do from real ones, a real film is one more of them. All
draws come from torch's running random state. Explained in book/04_contrastive_alignment.
"""

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, interpolate

STRENGTH = 0.4  # of every recipe; chosen on real validation films by `benchmarks/real.py --choose`
AFFINE = 0.18  # size, turn (radians) and shift (half films)
GAMMA = 0.7  # logarithm of the exponent
SQUEEZE = 0.2  # what is cut off the dark and off the bright end of the greys
BLUR = 1.0  # share of the film that a blurred copy replaces; below 0 it is sharpened
FIELD = 0.25  # grey levels that a slow field adds or takes off
CELLS = 4  # of that field, along a side
BOXES = 3  # that are erased
SIDE = 0.3  # of a box, share of the film
NOISE = 0.08  # standard deviation, grey levels


def augment(films: Tensor, strength: float = STRENGTH) -> Tensor:
    """Return films (N, 1, H, W) varied by every step, in [0, 1].

    A film is never mirrored: left and right are said in the text.
    """
    steps = (
        moved,
        blurred,
        bent,
        squeezed,
        shaded,
        erased,
        grainy,
    )
    for step in steps:
        films = step(films, strength)
    return films.clamp(0, 1)


def moved(films: Tensor, strength: float) -> Tensor:
    """Resize, stretch, turn and shift; the edges are drawn out, so that no corner is black."""
    limit = AFFINE * strength
    size = 1 + _drawn(films, limit)
    stretch = 1 + _drawn(films, limit / 2)
    angle = _drawn(films, limit)
    across = _drawn(films, limit)
    down = _drawn(films, limit)
    wide = size * stretch
    tall = size / stretch
    cosine = angle.cos()
    sine = angle.sin()
    numbers = [
        wide * cosine,
        -wide * sine,
        across,
        tall * sine,
        tall * cosine,
        down,
    ]
    places = torch.cat(numbers, 1)
    grid = affine_grid(
        places.view(-1, 2, 3),
        films.shape,
        align_corners=False,
    )
    return grid_sample(
        films,
        grid,
        padding_mode="border",
        align_corners=False,
    )


def blurred(films: Tensor, strength: float) -> Tensor:
    """Blur or sharpen: go towards a blurred copy (5 x 5 pixels), or half as far away from it."""
    smooth = avg_pool2d(
        films,
        5,
        stride=1,
        padding=2,
        count_include_pad=False,
    )
    share = _drawn(films, BLUR * strength)
    share = torch.where(share < 0, share / 2, share)
    return torch.lerp(films, smooth, share).clamp(0, 1)


def bent(films: Tensor, strength: float) -> Tensor:
    """Bend the grey scale: raise to a power (gamma)."""
    bend = _drawn(films, GAMMA * strength)
    return films.clamp(min=1e-6) ** bend.exp()


def squeezed(films: Tensor, strength: float) -> Tensor:
    """Cut off some of the darkest and some of the brightest greys and stretch what is left."""
    limit = SQUEEZE * strength
    low = _share(films, limit)
    high = 1 - _share(films, limit)
    spread = (films - low) / (high - low)
    return spread.clamp(0, 1)


def shaded(films: Tensor, strength: float) -> Tensor:
    """Add a field that changes slowly over the film, as scatter and a tilted beam do."""
    shape = (len(films), 1, CELLS, CELLS)
    cells = 2 * torch.rand(shape) - 1
    field = interpolate(
        cells.to(films.device),
        films.shape[2:],
        mode="bicubic",
        align_corners=True,
    )
    return films + _drawn(films, FIELD * strength) * field


def erased(films: Tensor, strength: float) -> Tensor:
    """Paint boxes of one grey each over the film (DeVries 2017, arXiv 1708.04552)."""
    height, width = films.shape[2:]
    down = torch.arange(height, device=films.device) / height
    across = torch.arange(width, device=films.device) / width
    limit = SIDE / 2 * strength
    for _ in range(BOXES):
        off = (down[:, None] - _share(films, 1)).abs()
        inside = off < _share(films, limit)
        off = (across - _share(films, 1)).abs()
        inside = inside & (off < _share(films, limit))
        films = torch.where(inside, _share(films, 1), films)
    return films


def grainy(films: Tensor, strength: float) -> Tensor:
    """Add noise, drawn for each pixel."""
    noise = torch.randn_like(films)
    return films + _share(films, NOISE * strength) * noise


def _drawn(films: Tensor, limit: float) -> Tensor:
    """Return an even draw between -limit and limit for each film, (N, 1, 1, 1)."""
    return 2 * _share(films, limit) - limit


def _share(films: Tensor, limit: float) -> Tensor:
    """Return an even draw between 0 and the limit for each film, (N, 1, 1, 1)."""
    draw = torch.rand(len(films), 1, 1, 1)
    return limit * draw.to(films.device)
