"""Figures that several chapters draw."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from txtray_utils import show


@pytest.mark.parametrize("lines", [1, 2, 4])
def test_titles_do_not_run_into_the_films_above(lines):
    figure = show.films([np.zeros((40, 40))] * 4, ["\n".join(["a title"] * lines)] * 4, columns=2)
    figure.canvas.draw()
    upper, lower = figure.axes[0], figure.axes[2]
    assert lower.title.get_window_extent().y1 <= upper.get_window_extent().y0
    assert upper.title.get_window_extent().y1 <= figure.bbox.y1
    plt.close(figure)
