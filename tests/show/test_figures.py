"""Figures: titles stand clear, intervals in their rows, numbers readable on dark."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from txtray_utils import show
from txtray_utils.results import Result


@pytest.mark.parametrize("lines", [1, 2, 4])
def test_titles_do_not_run_into_the_films_above(lines):
    figure = show.films([np.zeros((40, 40))] * 4, ["\n".join(["a title"] * lines)] * 4, columns=2)
    figure.canvas.draw()
    upper, lower = figure.axes[0], figure.axes[2]
    assert lower.title.get_window_extent().y1 <= upper.get_window_extent().y0
    assert upper.title.get_window_extent().y1 <= figure.bbox.y1
    plt.close(figure)


def test_a_film_may_be_a_picture_of_the_study_table():
    picture = Image.fromarray(np.array([[0, 51], [102, 255]], np.uint8))
    figure = show.films([picture])
    shown = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(shown, [[0, 0.2], [0.4, 1]])
    plt.close(figure)


def test_a_text_stands_beside_its_film():
    figure = show.film_and_text(np.full((4, 4), 0.5), "OWN REPORT\nClear.")
    film, words = figure.axes
    np.testing.assert_allclose(film.images[0].get_array(), 0.5)
    assert [text.get_text() for text in words.texts] == ["OWN REPORT\nClear."]
    plt.close(figure)


def test_an_interval_stands_in_the_row_of_its_name():
    results = {
        "low_volume": Result(0.8, 10, "AUC", "one", (0.7, 0.85)),
        "mass": Result(0.9, 10, "AUC", "another"),
    }
    figure, axis = plt.subplots()
    show.intervals(axis, results, highlight=("mass",))
    assert [text.get_text() for text in axis.get_yticklabels()] == ["low volume", "mass"]
    first, second = axis.containers
    np.testing.assert_allclose(first.lines[2][0].get_segments()[0], [[0.7, 0], [0.85, 0]])
    assert second.lines[0].get_xydata().tolist() == [[0.9, 1]]
    assert first.lines[0].get_color() != second.lines[0].get_color()
    plt.close(figure)


def test_an_interval_may_be_a_pair_and_one_name_may_stand_out():
    figure, axis = plt.subplots()
    show.intervals(axis, {"ma": (0.8, (0.7, 0.85)), "mass": (0.9, (0.9, 0.9))}, highlight="mass")
    first, second = axis.containers
    np.testing.assert_allclose(first.lines[2][0].get_segments()[0], [[0.7, 0], [0.85, 0]])
    assert first.lines[0].get_color() == show.COLOURS[5]
    assert second.lines[0].get_color() == show.COLOURS[6]
    plt.close(figure)


def test_numbers_are_white_on_dark_cells():
    figure, axis = plt.subplots()
    frame = pd.DataFrame({"a": [0.1, 0.3]}, index=["x", "y"])
    image = show.table_of_numbers(axis, frame, dark_below=0.25, top=0.5)
    assert image.get_clim() == (0, 0.5)
    assert [(text.get_text(), text.get_color()) for text in axis.texts] == [
        ("0.10", "white"),
        ("0.30", "black"),
    ]
    plt.close(figure)


def test_names_beside_a_film_do_not_stand_on_each_other_and_lead_to_their_own_place():
    film = np.zeros((120, 120))
    heart = np.zeros((120, 120), bool)
    heart[40:60, 50:110] = True
    spine = np.zeros((120, 120), bool)
    spine[40:60, 50:70] = True
    _, axis = plt.subplots()
    show.annotated(
        axis, film, {"heart": heart, "left_lung": heart, "spine": spine, "none": film > 1}
    )
    names = {text.get_text(): text for text in axis.texts}
    assert set(names) == {"heart", "left lung", "spine"}
    heights = [names[name].xyann[1] for name in ("heart", "left lung")]
    assert abs(heights[0] - heights[1]) >= 10
    show.annotated(axis, film, {"heart": heart, "spine": spine})
    assert axis.texts[-2].xy[0] == 89.5 or axis.texts[-1].xy[0] == 89.5


def test_a_gallery_outlines_the_films_that_have_a_mask():
    mask = np.zeros((20, 20), bool)
    mask[5:10, 5:10] = True
    figure = show.gallery({"a_b": (np.zeros((20, 20)), mask), "c": (np.zeros((20, 20)), None)}, 2)
    left, right = figure.axes
    assert left.get_title() == "a b"
    assert len(left.collections) == 1
    assert not right.collections
