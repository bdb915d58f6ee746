"""What a machine does to the signal."""

import numpy as np

from virtual_hospital.body import Body
from virtual_hospital.detector import TARGETS, Window, develop
from virtual_hospital.painters import draw
from virtual_hospital.radiograph import expose

QUANTILES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)


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


def test_greys_lie_near_those_of_real_training_films(chest_of_all):
    greys = []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        body = Body.random(rng, "FM"[seed % 2])
        film = expose(draw(chest_of_all, body, (), 0), "PA", 118, 1830, size=96)
        tone = develop(film, rng, "PA", 1.0).tone
        greys.append(np.quantile(tone[9:-9, 9:-9], QUANTILES))
    assert np.abs(np.mean(greys, 0) - TARGETS["grey quantile"]).max() < 0.08


def test_air_beside_the_body_is_darker_than_lung_and_heavy_people_are_not_grainier(chest_of_all):
    rough = []
    for wall in (0.8, 1.8):
        film = expose(draw(chest_of_all, Body(wall=wall), (), 0), "PA", 110, 1830, size=96)
        one = develop(film, np.random.default_rng(3), "PA", 1.0).tone
        other = develop(film, np.random.default_rng(3), "PA", 400.0).tone
        rough.append(np.abs(one - other)[20:70, 20:70].mean())
        lung = one[film.regions["right_lung_field"]].mean()
        air = film.path < 0.05
        air[:20] = False
        assert not air.any() or np.median(one[air]) < lung
    assert rough[1] < 2 * rough[0]
