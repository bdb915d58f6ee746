"""Figures and interactive pages; this face hands on the figures that chapters draw: `from
txtray_utils import show`."""

from txtray_utils.show.figures import (
    COLOURS,
    annotated,
    film_and_text,
    films,
    gallery,
    intervals,
    overlay,
    table_of_numbers,
)

__all__ = [
    "COLOURS",
    "annotated",
    "film_and_text",
    "films",
    "gallery",
    "intervals",
    "overlay",
    "table_of_numbers",
]
