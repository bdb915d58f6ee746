"""What a machine does to the signal."""

import numpy as np

from virtual_hospital.body import Body
from virtual_hospital.detector import Window, develop
from virtual_hospital.painters import draw
from virtual_hospital.radiograph import expose


def test_developing_is_in_range_repeats_and_depends_on_the_exposure(chest_of_all):
    film = expose(draw(chest_of_all, Body(), (), 0), "PA", 110, 1830, size=96)
    one, two = (develop(film, np.random.default_rng(3), "PA", 1.0).tone for _ in range(2))
    assert (
        np.array_equal(one, two) and one.min() >= 0 and one.max() <= 1 and one.dtype == np.float32
    )
    lungs = film.regions["right_lung_field"] | film.regions["left_lung_field"]
    assert one[lungs].mean() < one[film.regions["spine"]].mean(), "bone is white"
    grainy = develop(film, np.random.default_rng(3), "PA", 0.05).tone
    rough = [np.abs(np.diff(image, axis=0))[8:60].mean() for image in (one, grainy)]
    assert rough[1] > 1.2 * rough[0]


def test_a_window_given_is_kept_and_nothing_else_changes(chest_of_all):
    film = expose(draw(chest_of_all, Body(), (), 0), "PA", 110, 1830, size=96)
    own = develop(film, np.random.default_rng(3), "PA", 1.0)
    same = develop(film, np.random.default_rng(3), "PA", 1.0, window=own.window)
    assert np.array_equal(own.tone, same.tone)
    low, high = own.window
    wide = Window(low, high + 1)
    other = develop(film, np.random.default_rng(3), "PA", 1.0, window=wide)
    assert other.window == wide
    assert other.tone[40:60, 40:60].mean() < own.tone[40:60, 40:60].mean()
