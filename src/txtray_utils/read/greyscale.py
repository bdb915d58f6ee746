"""A grey image and how it came to be: what every reader of films returns.

Explained in book/01_reading_a_radiograph.
"""

from dataclasses import dataclass

import numpy as np

PERCENTILES = (0.5, 99.5)  # black and white where a file says nothing about how it is to be shown
FETCH_AGAIN = "Fetch the file again and compare its size or checksum with the source."


@dataclass(frozen=True)
class Grey:
    """A grey image and how it came to be.

    `pixels` is float32 (H, W) in [0, 1]. `view` and `photometric` are as the header says ("" where
    it is silent or there is none), `bits` is the depth stored. `steps` lists what was applied, in
    order; `notes` what looked wrong but did not stop the reading.
    """

    pixels: np.ndarray
    view: str
    photometric: str
    bits: int
    steps: tuple[str, ...]
    notes: tuple[str, ...]


def between_percentiles(values: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Return `values` scaled to [0, 1] between the `PERCENTILES` of those that are `used`."""
    black, white = np.percentile(used, PERCENTILES)
    if black == white:
        black, white = used.min(), used.max()
    scaled = values.astype(np.float64)
    scaled -= black
    scaled /= white - black
    return scaled.clip(0, 1)
