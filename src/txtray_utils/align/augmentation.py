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

STRENGTH = 1.0  # of every recipe; chosen on real validation films by `benchmarks/real.py --choose`
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
    films = moved(films, strength)
    films = blurred(films, strength)
    films = bent(films, strength)
    films = squeezed(films, strength)
    films = shaded(films, strength)
    films = erased(films, strength)
    return grainy(films, strength).clamp(0, 1)


def moved(films: Tensor, strength: float) -> Tensor:
    """Resize, stretch, turn and shift; the edges are drawn out, so that no corner is black."""
    limit = AFFINE * strength
    size = 1 + limit * _drawn(films)
    stretch = 1 + limit / 2 * _drawn(films)
    angle = limit * _drawn(films)
    across, down = limit * _drawn(films), limit * _drawn(films)
    wide, tall = size * stretch, size / stretch
    rows = [
        torch.cat([wide * angle.cos(), -wide * angle.sin(), across], 2),
        torch.cat([tall * angle.sin(), tall * angle.cos(), down], 2),
    ]
    places = torch.cat(rows, 1)[..., 0]
    grid = affine_grid(places, films.shape, align_corners=False)
    return grid_sample(films, grid, padding_mode="border", align_corners=False)


def blurred(films: Tensor, strength: float) -> Tensor:
    """Blur or sharpen: go towards a blurred copy (5 x 5 pixels), or half as far away from it."""
    smooth = avg_pool2d(films, 5, stride=1, padding=2, count_include_pad=False)
    share = BLUR * strength * _drawn(films)
    share = torch.where(share < 0, share / 2, share)
    return (films + share * (smooth - films)).clamp(0, 1)


def bent(films: Tensor, strength: float) -> Tensor:
    """Bend the grey scale: raise to a power (gamma)."""
    power = (GAMMA * strength * _drawn(films)).exp()
    return films.clamp(min=1e-6) ** power


def squeezed(films: Tensor, strength: float) -> Tensor:
    """Cut off some of the darkest and some of the brightest greys and stretch what is left."""
    limit = SQUEEZE * strength
    low = limit * _drawn(films).abs()
    high = 1 - limit * _drawn(films).abs()
    return ((films - low) / (high - low)).clamp(0, 1)


def shaded(films: Tensor, strength: float) -> Tensor:
    """Add a field that changes slowly over the film, as scatter and a tilted beam do."""
    cells = 2 * torch.rand(len(films), 1, CELLS, CELLS, device=films.device) - 1
    amount = FIELD * strength * _drawn(films)
    field = interpolate(cells, films.shape[2:], mode="bicubic", align_corners=True)
    return films + amount * field


def erased(films: Tensor, strength: float) -> Tensor:
    """Paint boxes of one grey each over the film (DeVries 2017, arXiv 1708.04552)."""
    height, width = films.shape[2:]
    down = torch.arange(height, device=films.device).view(1, 1, -1, 1) / height
    across = torch.arange(width, device=films.device).view(1, 1, 1, -1) / width
    for _ in range(BOXES):
        tall = SIDE / 2 * strength * _shares(films)
        wide = SIDE / 2 * strength * _shares(films)
        top, left, grey = _shares(films), _shares(films), _shares(films)
        inside = ((down - top).abs() < tall) & ((across - left).abs() < wide)
        films = torch.where(inside, grey, films)
    return films


def grainy(films: Tensor, strength: float) -> Tensor:
    """Add noise, drawn for each pixel."""
    amount = NOISE * strength * _shares(films)
    return films + amount * torch.randn_like(films)


def _drawn(films: Tensor) -> Tensor:
    """Return an even draw in [-1, 1] for each film, (N, 1, 1, 1)."""
    return 2 * _shares(films) - 1


def _shares(films: Tensor) -> Tensor:
    """Return an even draw in [0, 1] for each film, (N, 1, 1, 1)."""
    return torch.rand(len(films), 1, 1, 1, device=films.device)
